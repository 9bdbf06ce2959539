"""Is a netlist legal for a target, and if not, what mends it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from compiler.errors import TargetError
from compiler.ir.langevin import Activation, CellKind, CouplingKind, Couplings, LangevinNetlist
from compiler.ir.symmetry import matrix
from compiler.passes.langevin import limit_degree, quantize_couplings, rescale, symmetrize
from hw_models.targets import Target


def legalize(netlist: LangevinNetlist, target: Target) -> LangevinNetlist:
    """The netlist itself if it is legal for the target.

    Raises TargetError naming the first cell or coupling that is not, and the pass that mends it.
    """
    for violation in _violations(netlist, target):
        raise TargetError(violation)
    return netlist


def violations(netlist: LangevinNetlist, target: Target) -> tuple[str, ...]:
    """The first offender against each of the target's rules; none if the netlist is legal."""
    return tuple(_violations(netlist, target))


def _violations(netlist: LangevinNetlist, target: Target) -> Iterator[str]:
    cells = netlist.cells
    where = f"target `{target.name}`"
    for what, column, codes, allowed in (
        ("kind", cells.kind, CellKind, target.cell_kinds),
        ("activation", cells.activation, Activation, target.activations),
    ):
        legal = np.array([code.name.lower() in allowed for code in codes])
        # what a frozen input shows is made by its encoder, not by the hardware's cell
        bad = ~legal[column] & ~cells.frozen
        if bad.any():
            i = int(np.argmax(bad))
            name = codes(column[i]).name.lower()
            yield (
                f"cell {i} has the {what} {name}; {where} offers "
                f"{', '.join(sorted(allowed)) or 'none'}: choose another target"
            )
    for c in netlist.couplings:
        name = CouplingKind(c.kind).name.lower()
        if len(c) and name not in target.coupling_kinds:
            yield (
                f"coupling {_pair(c, 0)} is {name}; {where} offers "
                f"{', '.join(sorted(target.coupling_kinds)) or 'none'}: choose another target"
            )
    n_dynamic = int((~cells.frozen).sum())
    if target.max_cells is not None and n_dynamic > target.max_cells:
        yield (
            f"the netlist has {n_dynamic} dynamic cells; {where} holds {target.max_cells}: "
            "choose a smaller model or another target"
        )
    for check in (_range, _resolution, _degree, _symmetry):
        violation = check(netlist, target, where)
        if violation:
            yield violation


def _pair(c: Couplings, k: int) -> str:
    return f"({int(np.searchsorted(c.indptr, k, side='right')) - 1}, {c.indices[k]})"


def _range(netlist: LangevinNetlist, target: Target, where: str) -> str | None:
    limit = target.max_coupling
    for c in netlist.couplings if limit is not None else ():
        size = np.abs(c.values)
        if size.size and size.max() > limit:
            k = int(np.argmax(size))
            return (
                f"coupling {_pair(c, k)} is {c.values[k]:g}; {where} allows |W| <= {limit:g}: "
                "add --rescale"
            )
    return None


def _step(c: Couplings, target: Target) -> float | None:
    """Distance of two levels: the target's range, or the group's own largest weight."""
    if target.bits is None or not len(c):
        return None
    limit = target.max_coupling or float(np.abs(c.values).max())
    return limit / (2 ** (target.bits - 1) - 1) if limit else None


def _resolution(netlist: LangevinNetlist, target: Target, where: str) -> str | None:
    for c in netlist.couplings:
        step = _step(c, target)
        if step is None:
            continue
        levels = c.values.astype(np.float64) / step
        # float32 holds a level to 1 part in 2^24 of its size
        off = np.abs(levels - np.rint(levels)) > 1e-6 * np.maximum(1.0, np.abs(levels))
        if off.any():
            k = int(np.argmax(off))
            return (
                f"coupling {_pair(c, k)} is {c.values[k]:g}, no multiple of the step {step:g}; "
                f"{where} has {target.bits} bits: add --quantize"
            )
    return None


def _degree(netlist: LangevinNetlist, target: Target, where: str) -> str | None:
    if target.max_degree is None or not netlist.couplings:
        return None
    degree = np.sum([np.diff(c.indptr) for c in netlist.couplings], axis=0)
    i = int(np.argmax(degree))
    if degree[i] <= target.max_degree:
        return None
    return (
        f"cell {i} is driven by {degree[i]} couplings; {where} allows {target.max_degree}: "
        "add --limit-degree"
    )


def _symmetry(netlist: LangevinNetlist, target: Target, where: str) -> str | None:
    frozen = netlist.cells.frozen
    for c in netlist.couplings if target.symmetric else ():
        w = matrix(c)
        d = (w - w.T).tocoo()
        bad = (d.data != 0) & ~frozen[d.row] & ~frozen[d.col]
        if bad.any():
            k = int(np.argmax(bad))
            i, j = int(d.row[k]), int(d.col[k])
            return (
                f"coupling ({i}, {j}) is {w[i, j]:g} but ({j}, {i}) is {w[j, i]:g}; {where} has "
                "symmetric couplings: add --symmetrize"
            )
    return None


def _rescale(netlist: LangevinNetlist, target: Target) -> LangevinNetlist:
    return netlist if target.max_coupling is None else rescale(netlist, target.max_coupling)


def _quantize(netlist: LangevinNetlist, target: Target) -> LangevinNetlist:
    if target.bits is None:
        return netlist
    return quantize_couplings(netlist, target.bits, target.max_coupling)


def _limit_degree(netlist: LangevinNetlist, target: Target) -> LangevinNetlist:
    return netlist if target.max_degree is None else limit_degree(netlist, target.max_degree)


# what mends a violation, in the order of application; rescale is exact, the others are not
MENDS: dict[str, Callable[[LangevinNetlist, Target], LangevinNetlist]] = {
    "limit-degree": _limit_degree,
    "symmetrize": lambda netlist, target: symmetrize(netlist) if target.symmetric else netlist,
    "rescale": _rescale,
    "quantize": _quantize,
}
