"""Small Ising models for the tests of lowering, and what enumeration says of them."""

import numpy as np

from compiler.families.ising import from_edges, lower_ising
from compiler.formats.ising.terms import max_cut
from compiler.passes.spins.model import logical_model


def random_model(n, density=0.6, seed=0, kT=1.0, **facts):
    rng = np.random.default_rng(seed)
    a, b = np.triu_indices(n, 1)
    keep = rng.random(a.size) < density
    J = rng.uniform(-1, 1, int(keep.sum()))
    h = rng.uniform(-0.7, 0.7, n)
    return from_edges(h, a[keep], b[keep], J, kT=kT, **facts)


def ring(n=30):
    """An even ring: the best cut is n, every cut is even."""
    return max_cut(n, np.arange(n), (np.arange(n) + 1) % n, np.ones(n))


def netlist_of(n, density=0.6, seed=0, **facts):
    return lower_ising(random_model(n, density, seed, **facts), sample=True)


def all_states(n):
    """(2^n, n) of +-1; bit i of a state's number is spin i."""
    return np.array([[1 if k >> i & 1 else -1 for i in range(n)] for k in range(2**n)], np.int8)


def boltzmann(netlist):
    """(2^n,) exact probabilities of a netlist of p-bits at its kT."""
    h, edges, J = logical_model(netlist)
    s = all_states(h.size).astype(float)
    energy = -(s @ h) - (s[:, edges[:, 0]] * s[:, edges[:, 1]]) @ J
    p = np.exp(-(energy - energy.min()) / netlist.kT)
    return p / p.sum()


def number_of(states):
    """State numbers of (k, n) +-1."""
    return ((np.asarray(states) > 0) << np.arange(states.shape[1])).sum(axis=1)


def tv(p, q):
    """Total variation distance."""
    return 0.5 * float(np.abs(p - q).sum())
