"""IsingModel: fields and pair couplings of +-1 spins, which p-bits sample and anneal.

    E(s) = offset - (sum_i h_i s_i + sum_(i<j) J_ij s_i s_j),   P(s) ~ exp(-E / kT)

The signs of Ising's energy and of thrml; those of dimod and of QUBO files are the opposite, and
their front ends convert, once. A binary variable is x = (1 + s) / 2.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.errors import NetlistError, UnsupportedError
from compiler.families.registry import Family, common_fields
from compiler.ir.langevin import (
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    Group,
    LangevinNetlist,
    Phase,
    ReadOut,
)

VARTYPES = ("spin", "binary")
PROBLEMS = ("ising", "max-cut", "sat", "circuit", "boltzmann")
_BLOCK = 1 << 22  # state values handled at a time by energy()


@dataclass(frozen=True, slots=True, eq=False)
class IsingModel:
    """Spins with fields h and couplings J, each pair once.

    h : (n,) float64; J : (m,) float64, of the pairs (row, col)
    row, col : (m,) int32, row < col, ascending in (row, col), no pair twice
    offset : energy added to every state; kT > 0 : temperature in the same units
    vartype : what users call the variables, "spin" (+-1) or "binary" (0 and 1)
    names : one a spin, or empty: their numbers
    problem : what the energy stands for, one of
        {"kind": "ising"}
        {"kind": "max-cut", "total_weight": W}, J = -w: cut = (W - (E - offset)) / 2
        {"kind": "sat", "variables": n, "clauses": [[1, -2, 3], ...]}, a violated clause costing 1
        {"kind": "circuit", "inputs": [names], "outputs": [names], "gap": least energy of a wrong
            state, "clamped": {name: bit} of spins that were taken out}
        {"kind": "boltzmann", "visible": n_visible}, the first spins
    labels : class names of visible units, for the tools that store models; usually empty

    Raises NetlistError naming the first spin or coupling that breaks a rule.
    """

    h: np.ndarray
    row: np.ndarray
    col: np.ndarray
    J: np.ndarray
    offset: float = 0.0
    kT: float = 1.0
    vartype: str = "spin"
    names: tuple[str, ...] = ()
    problem: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({"kind": "ising"}))
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def n(self) -> int:
        return self.h.shape[0]

    @property
    def n_couplings(self) -> int:
        return self.J.shape[0]

    def name(self, spin: int) -> str:
        """What messages call a spin."""
        return repr(self.names[spin]) if self.names else str(spin)

    def degree(self) -> np.ndarray:
        """(n,) int64 couplings of each spin."""
        return np.bincount(self.row, minlength=self.n) + np.bincount(self.col, minlength=self.n)

    def energy(self, states: Any) -> np.ndarray:
        """(...,) float64 energies of states (..., n) of +-1."""
        from scipy import sparse

        states = np.asarray(states)
        if states.ndim == 0 or states.shape[-1] != self.n:
            raise NetlistError(
                f"Ising model: states must have {self.n} spins in their last axis, got shape {states.shape}"
            )
        flat = states.reshape(-1, self.n)
        pairs = sparse.csr_array((self.J, (self.row, self.col)), shape=(self.n, self.n))
        out = np.empty(flat.shape[0])
        step = max(1, _BLOCK // self.n)
        for start in range(0, flat.shape[0], step):
            s = flat[start : start + step].astype(np.float64)
            out[start : start + step] = self.offset - s @ self.h - ((s @ pairs) * s).sum(axis=1)
        return out.reshape(states.shape[:-1])

    def __repr__(self) -> str:
        return f"IsingModel({self.n:,} spins, {self.n_couplings:,} couplings, {self.problem['kind']})"

    def __post_init__(self) -> None:
        n = self.h.shape[0] if self.h.ndim == 1 else -1
        if n < 1:
            raise NetlistError(
                f"Ising model: h has shape {self.h.shape}; give one field a spin, at least one spin"
            )
        if self.names and len(self.names) != n:
            raise NetlistError(f"Ising model: {len(self.names)} names for {n} spins; give one each")
        if len(set(self.names)) != len(self.names):
            twice = Counter(self.names).most_common(1)[0][0]
            raise NetlistError(f"Ising model: two spins are called {twice!r}; names must be unique")
        for name, kind in (("row", np.integer), ("col", np.integer), ("J", np.floating)):
            column = getattr(self, name)
            if column.shape != self.row.shape or column.ndim != 1:
                raise NetlistError(
                    f"Ising model: {name} has shape {column.shape} and row {self.row.shape}; both "
                    "must be one value a coupling"
                )
            if not np.issubdtype(column.dtype, kind):
                raise NetlistError(
                    f"Ising model: {name} must be an array of {kind.__name__} numbers, got {column.dtype}"
                )
        if (bad := ~np.isfinite(self.h)).any():
            i = int(np.argmax(bad))
            raise NetlistError(
                f"Ising model: spin {self.name(i)} has the field {self.h[i]}; it must be finite"
            )
        self._check_pairs(n)
        for what, value in (("offset", self.offset), ("kT", self.kT)):
            if not np.isfinite(value):
                raise NetlistError(f"Ising model: {what} is {value}; it must be a finite number")
        if self.kT <= 0:
            raise NetlistError(f"Ising model: kT is {self.kT:g}; a temperature must be above 0")
        if self.vartype not in VARTYPES:
            raise NetlistError(f"Ising model: vartype must be {' or '.join(VARTYPES)}, got {self.vartype!r}")
        _check_problem(self.problem, n)

    def _check_pairs(self, n: int) -> None:
        row, col = self.row.astype(np.int64), self.col.astype(np.int64)

        def pair(k: int) -> str:
            ends = [self.name(int(i)) if 0 <= i < n else str(i) for i in (row[k], col[k])]
            return f"({ends[0]}, {ends[1]})"

        if (bad := (row < 0) | (row >= n) | (col < 0) | (col >= n)).any():
            raise NetlistError(
                f"Ising model: coupling {pair(int(np.argmax(bad)))} names a spin that does not "
                f"exist; spins are 0 to {n - 1}"
            )
        if (bad := ~np.isfinite(self.J)).any():
            k = int(np.argmax(bad))
            raise NetlistError(
                f"Ising model: coupling {pair(k)} has the weight {self.J[k]}; it must be finite"
            )
        if (bad := row == col).any():
            i = int(row[np.argmax(bad)])
            raise NetlistError(
                f"Ising model: spin {self.name(i)} couples to itself; s^2 is 1, add such a term to the offset"
            )
        key = row * n + col
        if (row > col).any() or (key[1:] <= key[:-1]).any():
            bad = row > col
            bad[1:] |= key[1:] <= key[:-1]
            k = int(np.argmax(bad))
            rule = "is given twice" if k and key[k] == key[k - 1] else "is out of order"
            raise NetlistError(f"Ising model: coupling {pair(k)} {rule}; build the model with from_edges")


def _check_problem(problem: Mapping[str, Any], n: int) -> None:
    kind = problem.get("kind")
    if kind not in PROBLEMS:
        raise NetlistError(f"Ising model: problem kind must be one of {', '.join(PROBLEMS)}, got {kind!r}")
    visible = problem.get("visible", n)
    if not (isinstance(visible, int) and 1 <= visible <= n):
        raise NetlistError(f"Ising model: the number of visible units must be from 1 to {n}, got {visible!r}")
    weight = problem.get("total_weight", 0.0)
    if not (isinstance(weight, int | float) and np.isfinite(weight)):
        raise NetlistError(f"Ising model: total_weight must be a finite number, got {weight!r}")
    variables = problem.get("variables", n)
    if not (isinstance(variables, int) and 0 <= variables <= n):
        raise NetlistError(f"Ising model: {variables!r} variables need as many spins, it has {n}")
    for clause in problem.get("clauses", ()):
        if any(not isinstance(v, int) or not 1 <= abs(v) <= variables for v in clause):
            raise NetlistError(
                f"Ising model: clause {list(clause)} must be of literals 1 to {variables} or their negatives"
            )


def from_edges(h: Any, row: Any, col: Any, J: Any, **facts: Any) -> IsingModel:
    """A model from couplings in any order and direction; those of one pair are added up.

    h : (n,) fields; row, col, J : (m,); facts : the other fields of IsingModel
    Raises NetlistError for a self-coupling, an unknown spin or a number that is not finite.
    """
    h = np.array(h, dtype=np.float64)
    a, b, J = np.array(row, np.int64), np.array(col, np.int64), np.array(J, np.float64)
    n = h.shape[0] if h.ndim == 1 else -1
    sound = a.ndim == 1 and a.shape == b.shape == J.shape and n > 0
    if sound and ((np.minimum(a, b) >= 0) & (np.maximum(a, b) < n)).all():
        low, high = np.minimum(a, b), np.maximum(a, b)
        key, place = np.unique(low * n + high, return_inverse=True)
        a, b = key // n, key % n
        J = np.bincount(place, weights=J, minlength=key.size) if J.size else J
    return IsingModel(h=h, row=_int32(a), col=_int32(b), J=J, **facts)


def _int32(values: np.ndarray) -> np.ndarray:
    """As int32; numbers that do not fit become -1, which no spin has."""
    return np.where(np.abs(values) < 1 << 31, values, -1).astype(np.int32)


ARRAYS = ("h", "row", "col", "J")


def parts(model: IsingModel) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    arrays = {name: getattr(model, name) for name in ARRAYS}
    facts = {
        "offset": float(model.offset),
        "kT": float(model.kT),
        "vartype": model.vartype,
        "names": list(model.names),
        "problem": dict(model.problem),
    }
    return facts, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> IsingModel:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    given: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
    return IsingModel(
        **given,
        offset=document["offset"],
        kT=document["kT"],
        vartype=document["vartype"],
        names=tuple(document["names"]),
        problem=MappingProxyType(document["problem"]),
        **common_fields(document),
    )


ANNEAL, BURN_IN, SAMPLE = 5000, 200, 1000  # default sweeps of the phases
SEARCH = 20000  # of circuits and formulas, which are small and hard


def lower_ising(
    model: IsingModel,
    *,
    sweeps: int | None = None,
    kT: tuple[float, float] | None = None,
    sample: bool | None = None,
) -> LangevinNetlist:
    """p-bits whose stationary distribution is exp(-E / kT); one unit of time is one sweep.

    sweeps : how long to anneal (5000 by default, circuits and formulas 20000), or to sample after
        a burn-in of 200 (1000)
    kT : (hot, cold) ends of the annealing ramp, by default `anneal_range(model)`
    sample : at the model's own kT instead of annealing; None samples Boltzmann machines and
        anneals every other problem

    Raises UnsupportedError for sweeps < 1, a negative or rising kT, or a ramp where none is run.
    """
    if sample is None:
        sample = model.problem["kind"] == "boltzmann"
    if sweeps is None:
        search = model.problem["kind"] in ("circuit", "sat")
        sweeps = SAMPLE if sample else SEARCH if search else ANNEAL
    if not (isinstance(sweeps, int) and sweeps >= 1):
        raise UnsupportedError(f"sweeps must be a whole number of at least 1, got {sweeps!r}")
    if sample:
        if kT is not None:
            raise UnsupportedError(
                "a sampling run has one temperature, the model's; an annealing ramp (hot, cold) "
                "needs sample=False"
            )
        schedule = [Phase("burn-in", float(BURN_IN)), Phase("sample", float(sweeps))]
    else:
        hot, cold = anneal_range(model) if kT is None else kT
        if not (math.isfinite(hot) and hot >= cold >= 0 and hot > 0):
            raise UnsupportedError(
                f"an annealing ramp needs temperatures hot >= cold >= 0 with hot > 0, got ({hot}, {cold})"
            )
        schedule = [Phase("anneal", float(sweeps), kT=(float(hot), float(cold)))]
    n = model.n
    ends = np.concatenate([model.row, model.col]), np.concatenate([model.col, model.row])
    couplings = Couplings.from_coo(CouplingKind.LINEAR, n, *ends, np.tile(model.J, 2))
    groups: tuple[Group, ...] = ()
    visible = model.problem.get("visible", n)
    if 0 < visible < n:
        groups = (Group("visible", 0, visible), Group("hidden", visible, n))
    facts = {
        "offset": float(model.offset),
        "vartype": model.vartype,
        "problem": dict(model.problem),
        **({"names": list(model.names)} if model.names else {}),
    }
    return LangevinNetlist(
        cells=Cells.make(n, h=model.h, x0=1.0, kind=CellKind.PBIT),
        couplings=(couplings,) if len(couplings) else (),
        kT=float(model.kT),
        mobility=1.0,
        schedule=tuple(schedule),
        groups=groups,
        readout=ReadOut(cells=np.arange(n, dtype=np.int32), phase=schedule[-1].name, decision="value"),
        dt=1.0,
        meta=MappingProxyType({"source": "ising", **model.meta, "ising": facts}),
    )


def anneal_range(model: IsingModel) -> tuple[float, float]:
    """(hot, cold) temperatures of the default annealing ramp.

    A circuit and a formula know what one wrong gate or clause costs, g, and are searched where
    such errors come and go: 0.45 g to 0.35 g and 0.3 g to 0.25 g. The best state on the way counts;
    colder runs were caught between half-solved states. Of all others:

    hot : 0.7 of the root mean square of sqrt(h_i^2 + sum_j J_ij^2), the typical force on a spin
        among random ones; a random graph's spins begin to freeze below it
    cold : a fifth of the smallest coefficient's size, so that a move against it survives with
        probability exp(-10); but no less than a hundredth of hot, for real-valued couplings
    """
    if model.problem["kind"] == "circuit":
        gap = model.problem.get("gap", 1.0)
        return 0.45 * gap, 0.35 * gap
    if model.problem["kind"] == "sat":
        return 0.3, 0.25
    field = model.h**2
    np.add.at(field, model.row, model.J**2)
    np.add.at(field, model.col, model.J**2)
    hot = 0.7 * math.sqrt(float(field.mean()))
    if hot == 0.0:
        return model.kT, model.kT
    sizes = np.abs(np.concatenate([model.h, model.J]))
    least = float(sizes[sizes > 0].min())
    return hot, min(hot, max(0.2 * least, 0.01 * hot))


FAMILY = Family("ising", IsingModel, "an Ising model", parts, build, lower_ising)
