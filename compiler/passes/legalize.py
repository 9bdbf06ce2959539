"""Is a netlist legal for a target, and if not, what mends it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from compiler.errors import TargetError
from compiler.ir.kinds import expect
from compiler.ir.langevin import Activation, CellKind, CouplingKind, Couplings, LangevinNetlist
from compiler.ir.symmetry import matrix
from compiler.passes.langevin import limit_degree, quantize_couplings, symmetrize
from compiler.passes.spins.chains import embed
from compiler.passes.spins.double_well import double_wells
from compiler.passes.spins.embed import missing_wires
from compiler.passes.spins.scale import fit_range, quantize_fields
from hw_models.targets import Target


def legalize(netlist: LangevinNetlist, target: Target) -> LangevinNetlist:
    """The netlist itself if it is legal for the target.

    Raises TargetError naming the first cell or coupling that is not, and the pass that mends it,
    UnsupportedError for circuits, which have no such target.
    """
    for violation in _violations(netlist, target):
        raise TargetError(violation)
    return netlist


def violations(netlist: LangevinNetlist, target: Target) -> tuple[str, ...]:
    """The first offender against each of the target's rules; none if the netlist is legal."""
    return tuple(_violations(netlist, target))


def _violations(netlist: LangevinNetlist, target: Target) -> Iterator[str]:
    expect(
        netlist, "langevin", "legalize", "map_luts and map_cells make circuits of gates fit their hardware"
    )
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
                f"{', '.join(sorted(allowed)) or 'none'}: "
                + ("add --double-well" if _as_wells(netlist, target) else "choose another target")
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
    for check in (_wires, _range, _fields, _resolution, _degree, _symmetry):
        violation = check(netlist, target, where)
        if violation:
            yield violation


def _pair(c: Couplings, k: int) -> str:
    return f"({int(np.searchsorted(c.indptr, k, side='right')) - 1}, {c.indices[k]})"


def _as_wells(netlist: LangevinNetlist, target: Target) -> bool:
    """Whether p-bits are asked of continuous cells."""
    kinds = target.cell_kinds
    has = bool((netlist.cells.kind == CellKind.PBIT).any())
    return has and "pbit" not in kinds and "continuous" in kinds


def _wires(netlist: LangevinNetlist, target: Target, where: str) -> str | None:
    """The first coupling between dynamic cells without a wire; cell i is at node i by default."""
    topology = target.topology
    if topology is None:
        return None
    graph = topology.graph()
    n = netlist.n_cells
    placement = netlist.lowered.placement
    nodes = np.arange(n)
    if placement is not None and placement.topology == topology.name:
        nodes = placement.nodes.astype(np.int64)
        if nodes.shape != (n,) or np.unique(nodes).size < n or not (nodes >= 0).all():
            return f"`placement` does not give each of the {n} cells a node of its own"
    if nodes.max(initial=0) >= graph.n:
        return (
            f"the netlist has {n} cells, at nodes up to {nodes.max()}; {where} has {graph.n}: "
            "choose a larger target"
        )
    frozen = netlist.cells.frozen
    for c in netlist.couplings:
        edges = np.stack([c.rows, c.indices], axis=1).astype(np.int64)
        edges = edges[~frozen[edges].any(axis=1)]
        edges = edges[: 2 * len(graph.edges) + 1]  # of more, one at least has no wire
        bad = missing_wires(edges, graph, nodes)
        if bad.any():
            i, j = edges[np.argmax(bad)]
            return f"coupling ({i}, {j}) has no wire; {where} is wired as {topology.name}: add --embed"
    return None


def _range(netlist: LangevinNetlist, target: Target, where: str) -> str | None:
    limit = target.max_coupling
    for c in netlist.couplings if limit is not None else ():
        size = np.abs(c.values)
        if size.size and size.max() > limit:
            k = int(np.argmax(size))
            return (
                f"coupling {_pair(c, k)} is {c.values[k]:g}; {where} allows |W| <= {limit:g}: add --rescale"
            )
    return None


def _fields(netlist: LangevinNetlist, target: Target, where: str) -> str | None:
    """The first field out of range or between two levels."""
    limit = target.max_field
    if limit is None:
        return None
    h = np.where(netlist.cells.frozen, 0.0, netlist.cells.h)
    i = int(np.argmax(np.abs(h))) if h.size else 0
    if h.size and abs(h[i]) > limit:
        return f"cell {i} has h = {h[i]:g}; {where} allows |h| <= {limit:g}: add --rescale"
    if target.bits is None:
        return None
    step = limit / (2 ** (target.bits - 1) - 1)
    off = _between(h / step)
    if not off.any():
        return None
    i = int(np.argmax(off))
    return (
        f"cell {i} has h = {h[i]:g}, no multiple of the step {step:g}; {where} has {target.bits} "
        "bits: add --quantize"
    )


def _between(levels: np.ndarray) -> np.ndarray:
    """Which of these are no whole numbers; float32 holds one to 1 part in 2^24 of its size."""
    return np.abs(levels - np.rint(levels)) > 1e-6 * np.maximum(1.0, np.abs(levels))


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
        off = _between(c.values.astype(np.float64) / step)
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
        f"cell {i} is driven by {degree[i]} couplings; {where} allows {target.max_degree}: add --limit-degree"
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


@dataclass(frozen=True, slots=True)
class MendOptions:
    """How mends go about it.

    chain_strength, embedder, seed, told : of `embed`; barrier (kT), flip_rate : of `double_wells`
    """

    chain_strength: float | None = None
    embedder: str = "thermoc"
    seed: int = 0
    barrier: float | None = None
    flip_rate: float | None = None
    told: Callable[[float], None] | None = None


Mend = Callable[[LangevinNetlist, Target, MendOptions], LangevinNetlist]


def _rescale(netlist: LangevinNetlist, target: Target, _: MendOptions) -> LangevinNetlist:
    # p-bits that are rounded afterwards should use all levels of their target
    fill = target.bits is not None and bool((netlist.cells.kind == CellKind.PBIT).all())
    return fit_range(netlist, target.max_coupling, target.max_field, fill=fill)


def _quantize(netlist: LangevinNetlist, target: Target, _: MendOptions) -> LangevinNetlist:
    if target.bits is None:
        return netlist
    netlist = quantize_couplings(netlist, target.bits, target.max_coupling)
    if target.max_field is None:
        return netlist
    return quantize_fields(netlist, target.bits, target.max_field)


def _limit_degree(netlist: LangevinNetlist, target: Target, _: MendOptions) -> LangevinNetlist:
    return netlist if target.max_degree is None else limit_degree(netlist, target.max_degree)


def _symmetrize(netlist: LangevinNetlist, target: Target, _: MendOptions) -> LangevinNetlist:
    return symmetrize(netlist) if target.symmetric else netlist


def _embed(netlist: LangevinNetlist, target: Target, options: MendOptions) -> LangevinNetlist:
    if target.topology is None:
        return netlist
    return embed(
        netlist,
        target,
        chain_strength=options.chain_strength,
        embedder=options.embedder,
        seed=options.seed,
        told=options.told,
    )


def _double_well(netlist: LangevinNetlist, target: Target, options: MendOptions) -> LangevinNetlist:
    has = bool((netlist.cells.kind == CellKind.PBIT).any())
    if not has or "continuous" not in target.cell_kinds:
        return netlist
    return double_wells(netlist, barrier=options.barrier, flip_rate=options.flip_rate)


# what mends a violation, in the order of application; rescale is exact, the others are not
MENDS: dict[str, Mend] = {
    "limit-degree": _limit_degree,
    "symmetrize": _symmetrize,
    "embed": _embed,
    "double-well": _double_well,
    "rescale": _rescale,
    "quantize": _quantize,
}
