"""The trial that tells where spins begin to freeze, beside the p-bits themselves."""

import math

import numpy as np
import pytest
from scipy.special import expit

from compiler.families.ising import anneal_range, from_edges
from compiler.families.turning import SHARE, STEP, freezing
from thermo.simulate.spins.system import SpinSystem


def triangles(n):
    """Antiferromagnet on two triangulations of n nodes, each node put into a random triangle."""
    rng = np.random.default_rng(0)
    edges = []
    for _ in range(2):
        faces, name = [(0, 1, 2), (0, 1, 2)], rng.permutation(n)
        mine = [(0, 1), (0, 2), (1, 2)]
        for v in range(3, n):
            k = rng.integers(len(faces))
            a, b, c = faces[k]
            faces[k] = (a, b, v)
            faces += [(a, c, v), (b, c, v)]
            mine += [(a, v), (b, v), (c, v)]
        edges.append(name[np.array(mine)])
    pair = np.unique(np.sort(np.concatenate(edges), axis=1), axis=0)
    return np.zeros(n), pair[:, 0], pair[:, 1], -np.ones(len(pair))


def scattered(n, degree):
    rng = np.random.default_rng(1)
    pair = np.unique(np.sort(rng.integers(0, n, (n * degree // 2, 2)), axis=1), axis=0)
    pair = pair[pair[:, 0] != pair[:, 1]]
    return np.zeros(n), pair[:, 0], pair[:, 1], -np.ones(len(pair))


def share(h, row, col, J, kT):
    """Of updates that turn a spin with a local field, in equilibrium, by the p-bits' kernel."""
    system = SpinSystem.from_pairs(h, row, col, J)
    s = system.sweep(system.random_states(32, 1), kT, 400, 2).astype(float)
    w = np.zeros((h.size, h.size))
    w[row, col] += J
    field = h + s @ (w + w.T)
    return float(np.where(field != 0, expit(-2 * s * field / kT), 0.0).mean())


@pytest.mark.parametrize("model", [triangles(800), scattered(900, 6), scattered(800, 20)])
def test_a_share_of_updates_turns_spins_there(model):
    h, row, col, J = model
    hot = 0.7 * math.sqrt(2 * (J**2).sum() / h.size)
    kT = freezing(h, row, col, J, hot)
    # some 8 n updates counted, 0.075 of which turn: 5 standard errors of their number, and half a step that
    # the cooling lags behind
    allowed = 5 / math.sqrt(SHARE * 8 * h.size) + (1 - STEP) / 2
    assert abs(share(h, row, col, J, kT) / SHARE - 1) < allowed
    assert share(h, row, col, J, hot) / SHARE - 1 > allowed  # where a ramp would begin without the trial


def test_triangles_freeze_later_than_their_forces_say():
    h, row, col, J = triangles(400)
    hot, cold = anneal_range(from_edges(h, row, col, J))
    assert hot < 0.7 * 0.7 * math.sqrt(2 * row.size / 400) and cold == 0.2
    again, _ = anneal_range(from_edges(h, row, col, 2.0**200 * J))
    assert again == 2.0**200 * hot


def test_what_is_not_tried_keeps_its_range():
    h, row, col, J = triangles(60)
    assert freezing(h, row, col, J * np.geomspace(1, 9, J.size), 1.7) == 1.7  # many sizes
    a, b = np.triu_indices(70, 1)
    assert freezing(np.zeros(70), a, b, np.ones(a.size), 1.7) == 1.7  # dense
    assert freezing(np.ones(3), a[:0], b[:0], np.zeros(0), 1.7) == 1.7  # no pair
    assert freezing(h, row, col, J, 1e-3) == 1e-3  # frozen already
