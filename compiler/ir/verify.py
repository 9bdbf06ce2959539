"""verify_langevin(netlist): every invariant of a LangevinNetlist, the first offender named.

The rules are listed in docs/ir.md. All checks are vectorised: eight million couplings take well
under a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.complete import AllToAll
from compiler.ir.langevin import (
    Activation,
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    Encoder,
    LangevinNetlist,
    Order,
    Phase,
    ReadOut,
    Role,
)
from compiler.ir.lowered import check_lowered
from compiler.ir.problem import check_problem

REAL_COLUMNS = ("j2", "j3", "j4", "h", "lo", "hi", "mass", "friction", "x0")
CODE_COLUMNS: dict[str, type[IntEnum]] = {
    "activation": Activation,
    "order": Order,
    "kind": CellKind,
    "role": Role,
}
DECISIONS = ("argmax", "value")
PSD_LIMIT = 512  # cells up to which the noise matrix's eigenvalues are checked


def verify_langevin(netlist: LangevinNetlist) -> None:
    """Check every invariant of the netlist.

    Raises NetlistError naming the first offender: the object, the rule, the value, the way out.
    """
    _verify_cells(netlist.cells)
    kinds: set[CouplingKind] = set()
    for couplings in netlist.couplings:
        _verify_couplings(couplings, netlist.cells)
        if couplings.kind in kinds:
            _fail(
                f"there are two groups of {couplings.kind.name.lower()} couplings; "
                "at most one group of each kind is allowed: add them up into one"
            )
        kinds.add(couplings.kind)
    _at_least("kT", netlist.kT, 0.0)
    _above("mobility", netlist.mobility, 0.0)
    _above("dt", netlist.dt, 0.0)
    _verify_groups(netlist)
    _verify_schedule(netlist)
    if netlist.readout is not None:
        _verify_readout(netlist, netlist.readout)
    if netlist.encoder is not None:
        _verify_encoder(netlist.encoder, netlist.inputs.size)
    if netlist.noise is not None:
        _verify_noise(netlist.noise, netlist.n_cells)
    check_lowered(netlist.lowered, netlist.n_cells)
    if netlist.problem is not None:
        logical = netlist.lowered.logical
        check_problem(netlist.problem, netlist.n_cells if logical is None else logical.h.size)
    _verify_meta(netlist.meta)


def _fail(message: str) -> None:
    raise NetlistError(message)


def _at_least(what: str, value: float, least: float) -> None:
    if not (_is_number(value) and np.isfinite(value) and value >= least):
        _fail(f"{what} must be a finite number of at least {least:g}, got {value!r}")


def _above(what: str, value: float, least: float) -> None:
    if not (_is_number(value) and np.isfinite(value) and value > least):
        _fail(f"{what} must be a finite number above {least:g}, got {value!r}")


def _finite(what: str, value: float) -> None:
    if not (_is_number(value) and np.isfinite(value)):
        _fail(f"{what} must be a finite number, got {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _first(bad: np.ndarray) -> int:
    """Index of the first True, or -1."""
    return int(np.argmax(bad)) if bad.any() else -1


def _array(what: str, array: Any, dtypes: Iterable[Any], ndim: int) -> None:
    names = [np.dtype(d).name for d in dtypes]
    if not isinstance(array, np.ndarray) or array.dtype.name not in names or array.ndim != ndim:
        got = (
            f"{array.dtype} with shape {array.shape}"
            if isinstance(array, np.ndarray)
            else type(array).__name__
        )
        _fail(f"{what} must be an array of {' or '.join(names)} with {ndim} dimension(s), got {got}")


def _verify_cells(cells: Cells) -> None:
    for name in REAL_COLUMNS:
        column = getattr(cells, name)
        _array(f"cell column {name}", column, (np.float64,), 1)
        bad = np.isnan(column) if name in ("lo", "hi") else ~np.isfinite(column)
        if (i := _first(bad)) >= 0:
            _fail(f"cell {i}: {name} is {column[i]}; it must be a finite number")
    for name, codes in CODE_COLUMNS.items():
        column = getattr(cells, name)
        _array(f"cell column {name}", column, (np.int8,), 1)
        if (i := _first((column < 0) | (column > max(codes)))) >= 0:
            _fail(
                f"cell {i}: {name} has the code {column[i]}; codes are "
                + ", ".join(f"{c.value} {c.name.lower()}" for c in codes)
            )
    if cells.identity is not None:
        _array("cell column identity", cells.identity, (np.int32,), 1)
        if (i := _first(cells.identity < 0)) >= 0:
            _fail(f"cell {i}: identity is {cells.identity[i]}; it must be a number of at least 0")
        _, first = np.unique(cells.identity, return_index=True)
        if first.size < len(cells):
            again = np.ones(len(cells), dtype=bool)
            again[first] = False
            i = _first(again)
            _fail(f"cell {i}: identity {cells.identity[i]} is another cell's, too; give each its own")
    if (i := _first(cells.lo > cells.hi)) >= 0:
        _fail(f"cell {i}: interval [{cells.lo[i]:g}, {cells.hi[i]:g}] is empty; lo <= hi is needed")
    if (i := _first((cells.x0 < cells.lo) | (cells.x0 > cells.hi))) >= 0:
        _fail(
            f"cell {i}: start x0 = {cells.x0[i]:g} lies outside its interval "
            f"[{cells.lo[i]:g}, {cells.hi[i]:g}]; move one of them"
        )
    underdamped = cells.order == Order.UNDERDAMPED
    for name in ("mass", "friction"):
        column = getattr(cells, name)
        if (i := _first(underdamped & (column <= 0))) >= 0:
            _fail(f"cell {i}: {name} is {column[i]:g}; an underdamped cell needs {name} > 0")
    if (i := _first(underdamped & (cells.kind == CellKind.PBIT))) >= 0:
        _fail(f"cell {i}: a p-bit cannot be underdamped; make its order overdamped")


def _verify_couplings(couplings: Couplings, cells: Cells) -> None:
    n = len(cells)
    what = f"{CouplingKind(couplings.kind).name.lower()} couplings"
    if isinstance(couplings, AllToAll) and not cells.frozen.any():
        pairs = couplings.pairs
        _array(f"{what}: pairs", pairs, (np.float64,), 1)
        if couplings.n != n or 2 * pairs.size != n * (n - 1):
            _fail(
                f"{what}: {pairs.size} pairs of {couplings.n} cells; all pairs of {n} are {n * (n - 1) // 2}"
            )
        if np.isfinite(pairs).all():
            return  # its columns are right by the way they are made
    indptr, indices, weight, tie = (couplings.indptr, couplings.indices, couplings.weight, couplings.tie)
    _array(f"{what}: indptr", indptr, (np.int64,), 1)
    _array(f"{what}: indices", indices, (np.int32,), 1)
    _array(f"{what}: weight", weight, (np.float32, np.float64), 1)
    nnz = indices.size
    if indptr.size != n + 1:
        _fail(f"{what}: indptr has {indptr.size} values; {n} cells need {n + 1}")
    if indptr[0] != 0 or indptr[-1] != nnz:
        _fail(
            f"{what}: indptr runs from {indptr[0]} to {indptr[-1]}; it must run from 0 to the "
            f"number of couplings, {nnz}"
        )
    degree = np.diff(indptr)
    if (i := _first(degree < 0)) >= 0:
        _fail(f"{what}: indptr falls from {indptr[i]} to {indptr[i + 1]} at cell {i}; sort the rows")
    if tie is not None:
        _array(f"{what}: tie", tie, (np.int32,), 1)
        if (k := _first((tie < 0) | (tie >= weight.size))) >= 0:
            _fail(
                f"{what}: coupling {_name(couplings, k)} has the tie {tie[k]}; "
                f"there are {weight.size} parameters"
            )
    if (k := _first(~np.isfinite(weight))) >= 0:
        name = f"coupling {_name(couplings, k)}" if tie is None else f"parameter {k}"
        _fail(f"{what}: {name} has the weight {weight[k]}; weights must be finite")
    if nnz == 0:
        return
    if (k := _first((indices < 0) | (indices >= n))) >= 0:
        _fail(
            f"{what}: coupling {_name(couplings, k)} names a cell that does not exist; cells are 0 to {n - 1}"
        )
    descending = np.zeros(nnz, dtype=bool)
    np.less_equal(indices[1:], indices[:-1], out=descending[1:])
    starts = indptr[:-1]
    descending[starts[degree > 0]] = False
    if (k := _first(descending)) >= 0:
        rule = "is given twice" if indices[k] == indices[k - 1] else "is out of order"
        _fail(
            f"{what}: coupling {_name(couplings, k)} {rule}; in a row the driving cells must "
            "ascend: build it with Couplings.from_coo"
        )
    own = indices == np.repeat(np.arange(n, dtype=np.int32), degree)
    if (k := _first(own)) >= 0:
        _fail(f"{what}: cell {indices[k]} couples to itself; a self-coupling belongs into the cell's j2")
    if (i := _first((degree > 0) & cells.frozen)) >= 0:
        _fail(
            f"{what}: input cell {i} is frozen but driven by {degree[i]} coupling(s); "
            "remove them or make the cell dynamic"
        )


def _name(couplings: Couplings, k: int) -> str:
    """(driven, driving) of coupling k, for messages."""
    row = int(np.searchsorted(couplings.indptr, k, side="right")) - 1
    return f"({row}, {couplings.indices[k]})"


def _unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if not isinstance(name, str) or not name:
            _fail(f"{what} must have a name, got {name!r}")
        if name in seen:
            _fail(f"two {what}s are called {name!r}; names must be unique")
        seen.add(name)


def _verify_groups(netlist: LangevinNetlist) -> None:
    _unique("cell group", (g.name for g in netlist.groups))
    for g in netlist.groups:
        if not 0 <= g.start <= g.stop <= netlist.n_cells:
            _fail(
                f"cell group {g.name!r} is [{g.start}, {g.stop}); it must lie within the "
                f"{netlist.n_cells} cells"
            )


def _verify_schedule(netlist: LangevinNetlist) -> None:
    _unique("phase", (p.name for p in netlist.schedule))
    names = {g.name for g in netlist.groups}
    for p in netlist.schedule:
        _verify_phase(p, names)


def _pair(what: str, pair: Any) -> tuple[float, float]:
    if not (isinstance(pair, tuple) and len(pair) == 2):
        _fail(f"{what} must be a pair (start, end), got {pair!r}")
    for value in pair:
        _finite(what, value)
    return pair


def _verify_phase(p: Phase, groups: set[str]) -> None:
    what = f"phase {p.name!r}"
    _above(f"{what}: duration", p.duration, 0.0)
    _finite(f"{what}: input_scale", p.input_scale)
    _pair(f"{what}: coupling_scale", p.coupling_scale)
    if p.kT is not None and min(_pair(f"{what}: kT", p.kT)) < 0:
        _fail(f"{what}: kT runs from {p.kT[0]:g} to {p.kT[1]:g}; it must be at least 0")
    _at_least(f"{what}: stiffness", p.stiffness, 0.0)
    _finite(f"{what}: nudge", p.nudge)
    for name in p.clamped:
        if name not in groups:
            _fail(
                f"{what} clamps the cell group {name!r}, which does not exist; groups are "
                + (", ".join(sorted(groups)) or "none")
            )


def _verify_readout(netlist: LangevinNetlist, readout: ReadOut) -> None:
    cells = readout.cells
    _array("read-out: cells", cells, (np.int32,), 1)
    if cells.size == 0:
        _fail("read-out: no cell is read; name at least one")
    if (k := _first((cells < 0) | (cells >= netlist.n_cells))) >= 0:
        _fail(f"read-out: cell {cells[k]} does not exist; cells are 0 to {netlist.n_cells - 1}")
    phases = {p.name: p for p in netlist.schedule}
    if readout.phase not in phases:
        _fail(
            f"read-out: phase {readout.phase!r} is not in the schedule; phases are "
            + (", ".join(phases) or "none")
        )
    _at_least("read-out: window", readout.window, 0.0)
    duration = phases[readout.phase].duration
    if readout.window > duration:
        _fail(
            f"read-out: window {readout.window:g} is longer than its phase {readout.phase!r} "
            f"({duration:g}); shorten it"
        )
    if readout.decision not in DECISIONS:
        _fail(f"read-out: decision must be {' or '.join(DECISIONS)}, got {readout.decision!r}")
    answers = cells.size
    if readout.scale is not None:
        _array("read-out: scale", readout.scale, (np.float64,), 2)
        answers = readout.scale.shape[0]
        if readout.scale.shape[1] != cells.size or answers == 0:
            _fail(
                f"read-out: scale has shape {readout.scale.shape}; it must be "
                f"(n_answers, {cells.size}), one column for each cell read"
            )
    if readout.offset is not None:
        _array("read-out: offset", readout.offset, (np.float64,), 1)
        if readout.offset.size != answers:
            _fail(f"read-out: offset has {readout.offset.size} values; there are {answers} answers")
    for name in ("scale", "offset"):
        column = getattr(readout, name)
        if column is not None and not np.isfinite(column).all():
            _fail(f"read-out: {name} has a value that is not finite; replace it")
    if readout.labels and len(readout.labels) != answers:
        _fail(f"read-out: {len(readout.labels)} labels for {answers} answers; give one for each")
    if not all(isinstance(label, str) for label in readout.labels):
        _fail(f"read-out: labels must be strings, got {readout.labels!r}")


def _verify_encoder(encoder: Encoder, n_inputs: int) -> None:
    for name in ("shift", "scale"):
        column = getattr(encoder, name)
        _array(f"encoder: {name}", column, (np.float64,), 1)
        if column.size not in (1, n_inputs):
            _fail(
                f"encoder: {name} has {column.size} values; give 1 or one for each of the "
                f"{n_inputs} input cells"
            )
        if (k := _first(~np.isfinite(column))) >= 0:
            _fail(f"encoder: {name} of input {k} is {column[k]}; it must be finite")


def _verify_noise(noise: np.ndarray, n: int) -> None:
    _array("noise matrix", noise, (np.float64,), 2)
    if noise.shape != (n, n):
        _fail(f"noise matrix has shape {noise.shape}; {n} cells need ({n}, {n})")
    if not np.isfinite(noise).all():
        _fail("noise matrix has a value that is not finite; replace it")
    scale = float(np.abs(noise).max(initial=0.0))
    difference = np.abs(noise - noise.T)
    if (k := _first((difference > 1e-12 * scale).ravel())) >= 0:
        i, j = divmod(k, n)
        _fail(
            f"noise matrix is not symmetric: ({i}, {j}) is {noise[i, j]:g}, ({j}, {i}) is "
            f"{noise[j, i]:g}; a covariance is symmetric"
        )
    if 0 < n <= PSD_LIMIT:
        least = float(np.linalg.eigvalsh(noise)[0])
        if least < -1e-10 * n * scale:
            _fail(f"noise matrix has the eigenvalue {least:g}; a covariance must be positive semi-definite")


def _verify_meta(meta: Mapping[str, Any]) -> None:
    try:
        json.dumps(dict(meta), allow_nan=False)
    except (TypeError, ValueError) as error:
        _fail(f"meta must be JSON-able ({error}); use plain numbers, strings, lists and dicts")
