"""Chains of the variables of a polynomial or a formula, without their auxiliary spins.

A product of three and more variables reaches p-bits by auxiliary spins, which couple to variables alone.
Here only variables turn, by the products themselves, and each auxiliary spin then stands as its field says:
the netlist's energy is that of the products, with none of the barriers that auxiliary spins make.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.goals import Formula, Polynomial
from compiler.ir.langevin import LangevinNetlist
from thermo.kernels.spins import terms as kernel
from thermo.simulate.spins.lanes import Workers, check_identity, check_sweeps
from thermo.simulate.spins.system import SpinSystem

HOT, COLD, SMALL = 0.35, 0.2, 0.05
LONGEST = 2  # products up to which a netlist has no auxiliary spin


@dataclass(frozen=True, slots=True)
class Terms:
    """Products of variables, and which spin is which.

    indptr : (n_products + 1,); variable, sign : (n_factors,) of each product's factors, sign -1: turned
    weight : (n_products,) in the netlist's unit; bits : whether a factor is 0 or 1, else -1 or 1
    place : (n_variables,) int64 the spin of each, -1 of one that was taken out; value : (n_variables,) int8
        what those are held at; auxiliary : int64 the other spins
    """

    indptr: np.ndarray
    variable: np.ndarray
    sign: np.ndarray
    weight: np.ndarray
    bits: bool
    place: np.ndarray
    value: np.ndarray
    auxiliary: np.ndarray

    @staticmethod
    def of(netlist: LangevinNetlist) -> Terms | None:
        """Those of a netlist's problem; None without products of three and more, or on hardware."""
        problem = netlist.problem
        lowered = netlist.lowered
        if problem is None or not (lowered.logical is lowered.gauge is lowered.wells is None):
            return None
        goal = problem.goal
        if not isinstance(goal, Formula | Polynomial) or np.diff(goal.indptr).max(initial=0) <= LONGEST:
            return None
        if isinstance(goal, Formula):
            each = [sorted(set(clause)) for clause in goal.clauses]
            weights = np.ones(len(each)) if goal.weights is None else goal.weights
            kept = [k for k, clause in enumerate(each) if not any(-v in clause for v in clause)]
            ends = np.cumsum([0, *(len(each[k]) for k in kept)], dtype=np.int64)
            literals = np.array([v for k in kept for v in each[k]], dtype=np.int64)
            # a clause costs its weight where all its literals are false
            variable, sign, weight = np.abs(literals) - 1, -np.sign(literals).astype(np.int8), weights[kept]
            bits = True
        else:
            ends, variable, weight = goal.indptr, goal.members.astype(np.int64), goal.weights
            sign, bits = np.ones(variable.size, np.int8), problem.vartype == "binary"
        weight = np.asarray(weight, np.float64) * lowered.energy_scale
        place = problem.places(netlist.n_cells)[: goal.variables].astype(np.int64)
        held = problem.held
        value = np.zeros(goal.variables, np.int8) if held is None else held[: goal.variables]
        spins = np.arange(netlist.n_cells)
        auxiliary = np.setdiff1d(spins, place)
        return Terms(ends, variable, sign, weight, bits, place, value, auxiliary)

    def ramp(self) -> tuple[float, float]:
        """(hot, cold): temperatures from where most turns are taken to where none is that costs a small one.

        hot : 0.35 of the root mean square cost of a turn among random states, where a product of k bits
        counts in one of 2^(k - 1) of them; cold : a fifth of what a small product costs (5 %)
        """
        lengths = np.diff(self.indptr)
        size = np.abs(self.weight) * (1.0 if self.bits else 2.0)
        share = 0.5 ** (lengths - 1.0) if self.bits else np.ones(lengths.size)
        square = np.repeat(size**2 * share, lengths)
        hot = HOT * float(np.sqrt(square.sum() / self.place.size))
        return hot, min(hot, COLD * float(np.quantile(size, SMALL)))


class TermChains(Workers):
    """States of some chains between calls of `sweep`, and the best that each has seen. A context.

    energies, least : (chains,) float64 of the present and of the best states, netlist's unit
    flips : turns of all chains so far; hit : None, as nothing of the kind is counted
    """

    hit = None

    def __init__(
        self,
        system: SpinSystem,
        terms: Terms,
        states: np.ndarray,
        seed: int = 0,
        first_chain: int = 0,
        threads: int | None = None,
    ) -> None:
        """states : (chains, n) int8 of +-1, checked; of auxiliary spins not read."""
        super().__init__(threads)
        check_identity(seed, first_chain)
        if not system.symmetric:
            raise UnsupportedError("products need energies: the couplings must be symmetric")
        self.system, self.terms, self.chains = system, terms, states.shape[0]
        self.seed, self.first, self.flips = np.uint64(seed), first_chain, 0
        order = np.argsort(terms.variable, kind="stable")
        lengths = np.diff(terms.indptr)
        self._product = np.repeat(np.arange(lengths.size), lengths)[order]
        self._sign = terms.sign[order]
        n = terms.place.size
        self._begin = np.concatenate([[0], np.cumsum(np.bincount(terms.variable, minlength=n))])
        out = terms.place < 0
        pairs = system.pairs
        self._fields = (pairs + pairs.T)[terms.auxiliary]  # of auxiliary spins, which variables alone drive
        self._spin = np.where(out, terms.value, states[:, terms.place]).astype(np.int8)
        self._down = np.zeros((self.chains, lengths.size), np.int32)
        self._energy = np.zeros(self.chains)
        for c in range(self.chains):
            self._refresh(c)
        self._least, self._best = self._energy.copy(), self._spin.copy()
        self.freeze(system.frozen)

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def freeze(self, frozen: np.ndarray) -> None:
        """From now on these cells, (n,) bool, and no others keep their state."""
        place = self.terms.place
        self._free = np.flatnonzero((place >= 0) & ~frozen[place])

    def sweep(self, kT: Any, n_sweeps: int, step: int, scale: Any = 1.0) -> None:
        """n_sweeps sweeps, numbered from `step`, in place.

        kT : a number, or one a sweep: (n_sweeps,) or (n_sweeps, 1), in the netlist's unit; scale : 1
        """
        check_sweeps(step, n_sweeps)
        kT = np.broadcast_to(np.ravel(np.asarray(kT, dtype=np.float64)), (n_sweeps,)).copy()
        terms = self.terms

        def run(c: int) -> int:
            self._energy[c], self._least[c], turns = kernel.sweep_terms(
                self._spin[c],
                self._down[c],
                self._begin,
                self._product,
                self._sign,
                terms.weight,
                terms.bits,
                self._free,
                kT,
                self.seed,
                np.uint64(self.first + c),
                step,
                self._energy[c],
                self._least[c],
                self._best[c],
            )
            self._refresh(c)
            return int(turns)

        self.flips += sum(self.each(run, range(self.chains)))

    def _refresh(self, c: int) -> None:
        """The sum anew: of so many turns it would drift."""
        terms = self.terms
        kernel.count_down(self._spin[c], terms.indptr, terms.variable, terms.sign, self._down[c])
        self._energy[c] = kernel.energy_of(self._down[c], terms.weight, terms.bits)

    @property
    def energies(self) -> np.ndarray:
        return self.system.energy(self.states())

    def states(self) -> np.ndarray:
        """(chains, n) int8, auxiliary spins at their best."""
        return self._whole(self._spin)

    def best(self) -> np.ndarray:
        """(chains, n) int8, the state of least energy that each chain has seen."""
        return self._whole(self._best)

    def _whole(self, spin: np.ndarray) -> np.ndarray:
        place, auxiliary = self.terms.place, self.terms.auxiliary
        there = place >= 0
        states = np.zeros((self.chains, self.system.n), np.int8)
        states[:, place[there]] = spin[:, there]
        fields = (self._fields @ states.T).T + self.system.h[auxiliary]
        states[:, auxiliary] = np.where(fields < 0, -1, 1)
        return states
