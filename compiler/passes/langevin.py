"""Passes on Langevin netlists: pure functions, netlist in, netlist out, one job each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.activations import activate_rows
from compiler.ir.langevin import Cells, CouplingKind, Couplings, Group, LangevinNetlist
from compiler.ir.lowered import Lowered
from compiler.ir.symmetry import is_symmetric, matrix
from compiler.passes.spins.model import changed

if TYPE_CHECKING:
    from scipy import sparse


def map_couplings(netlist: LangevinNetlist, change: Callable[[Couplings], Couplings]) -> LangevinNetlist:
    """The netlist with every group of couplings replaced by change(group)."""
    return netlist.with_(couplings=tuple(change(c) for c in netlist.couplings))


def _keep(couplings: Couplings, keep: np.ndarray) -> Couplings:
    """The couplings for which `keep` (nnz,) is true; parameters of tied ones stay as they are."""
    if keep.all():
        return couplings
    kept = np.concatenate([[0], np.cumsum(keep)])
    return Couplings(
        couplings.kind,
        kept[couplings.indptr].astype(np.int64),
        couplings.indices[keep],
        couplings.weight[keep] if couplings.tie is None else couplings.weight,
        None if couplings.tie is None else couplings.tie[keep],
    )


def drop_zero_couplings(netlist: LangevinNetlist) -> LangevinNetlist:
    """Remove couplings of weight 0, and groups that are left without any."""
    return _without_empty(map_couplings(netlist, lambda c: _keep(c, c.values != 0)))


def _without_empty(netlist: LangevinNetlist) -> LangevinNetlist:
    return netlist.with_(couplings=tuple(c for c in netlist.couplings if len(c)))


def prune(netlist: LangevinNetlist, threshold: float) -> LangevinNetlist:
    """Remove couplings with |W| < threshold. Not exact: it changes the dynamics."""
    if not (math.isfinite(threshold) and threshold >= 0):
        raise NetlistError(f"prune: threshold must be a finite number of at least 0, got {threshold}")
    kept = _without_empty(map_couplings(netlist, lambda c: _keep(c, np.abs(c.values) >= threshold)))
    return changed(kept, netlist)


def limit_degree(netlist: LangevinNetlist, degree: int) -> LangevinNetlist:
    """Keep at most `degree` couplings into each cell, those of largest |W|. Not exact.

    Of equal ones the group that comes first and the lower driving cell stay.
    """
    if degree < 0:
        raise NetlistError(f"limit_degree: degree must be at least 0, got {degree}")
    if not netlist.couplings:
        return netlist
    row = np.concatenate([c.rows for c in netlist.couplings])
    size = np.concatenate([np.abs(c.values).astype(np.float64) for c in netlist.couplings])
    order = np.lexsort((-size, row))
    first = np.searchsorted(row[order], np.arange(netlist.n_cells))
    rank = np.empty(row.size, dtype=np.int64)
    rank[order] = np.arange(row.size) - first[row[order]]
    ends = np.cumsum([len(c) for c in netlist.couplings])[:-1]
    keeps = np.split(rank < degree, ends)
    kept = tuple(_keep(c, k) for c, k in zip(netlist.couplings, keeps, strict=True))
    return changed(_without_empty(netlist.with_(couplings=kept)), netlist)


def quantize_couplings(netlist: LangevinNetlist, bits: int, limit: float | None = None) -> LangevinNetlist:
    """Round every weight to the nearest of 2^bits - 1 levels, uniform and symmetric about 0.

    limit : the outermost level, in units of W; weights beyond it saturate. Default: the largest
        |W| of each group. One step is limit / (2^(bits - 1) - 1). Not exact.

    Raises NetlistError for bits outside 2 to 24 or a limit that is not above 0.
    """
    if not 2 <= bits <= 24:
        raise NetlistError(f"quantize_couplings: bits must lie in 2 to 24, got {bits}")
    if limit is not None and not (math.isfinite(limit) and limit > 0):
        raise NetlistError(f"quantize_couplings: limit must be a finite number above 0, got {limit}")
    levels = 2 ** (bits - 1) - 1

    def change(c: Couplings) -> Couplings:
        top = float(np.abs(c.weight).max(initial=0.0)) if limit is None else limit
        if top == 0:
            return c
        w = np.clip(np.rint(c.weight.astype(np.float64) / top * levels), -levels, levels)
        return replace(c.plain(), weight=(w / levels * top).astype(c.weight.dtype))

    return changed(map_couplings(netlist, change), netlist)


def symmetrize(netlist: LangevinNetlist) -> LangevinNetlist:
    """Replace W_ij and W_ji between dynamic cells by their mean. Not exact for asymmetric W.

    Couplings from input cells stay, and a group that is symmetric stays as it is. Tied parameters
    of another are resolved into one weight a coupling.
    """
    from scipy import sparse

    frozen = netlist.cells.frozen

    def change(c: Couplings) -> Couplings:
        if is_symmetric(c, ignore=frozen):
            return c
        w = matrix(c).tocoo()
        driven_by_input = frozen[w.col]
        shape = w.shape

        def part(at: np.ndarray) -> sparse.csr_array:
            return sparse.csr_array((w.data[at], (w.row[at], w.col[at])), shape=shape)

        among = part(~driven_by_input)
        total = ((among + among.T) * 0.5 + part(driven_by_input)).tocoo()
        weight = total.data.astype(c.weight.dtype)
        return Couplings.from_coo(c.kind, shape[0], total.row, total.col, weight)

    return map_couplings(netlist, change)


def drop_silent_inputs(netlist: LangevinNetlist) -> LangevinNetlist:
    """Remove linear couplings from inputs whose encoder scale is 0 and which then show 0; exact.

    The input cells stay, so that data keep their shape.
    """
    if netlist.encoder is None or not netlist.inputs.size:
        return netlist
    silent = np.zeros(netlist.n_cells, dtype=bool)
    silent[netlist.inputs] = netlist.encoder.scale == 0
    silent &= activate_rows(netlist.cells.activation, np.zeros(netlist.n_cells)) == 0
    return _without_empty(
        map_couplings(netlist, lambda c: _keep(c, ~silent[c.indices]) if c.kind == CouplingKind.LINEAR else c)
    )


def sweep_unread(netlist: LangevinNetlist) -> LangevinNetlist:
    """Remove dynamic cells that influence no output and no cell that is read; exact for these.

    Input cells stay, so that data keep their shape, and so do the spins of a problem. The heat of the
    removed cells is no longer counted, and the others draw other random numbers (same distribution).
    """
    from scipy import sparse
    from scipy.sparse.csgraph import breadth_first_order

    if netlist.readout is None or _is_meant(netlist):
        return netlist
    n = netlist.n_cells
    # from a node n that is "driven" by all that is read, along the couplings against the influence
    read = np.union1d(netlist.readout.cells, netlist.outputs)
    rows = [np.full(read.size, n), *(c.rows for c in netlist.couplings)]
    columns = [read, *(c.indices for c in netlist.couplings)]
    row, column = np.concatenate(rows), np.concatenate(columns)
    graph = sparse.csr_array((np.ones(row.size), (row, column)), shape=(n + 1, n + 1))
    reached = np.zeros(n + 1, dtype=bool)
    reached[breadth_first_order(graph, n, return_predecessors=False)] = True
    return select_cells(netlist, reached[:n] | netlist.cells.frozen)


def _is_meant(netlist: LangevinNetlist) -> bool:
    """Whether every cell is a spin of a problem or of the model that was lowered."""
    return netlist.problem is not None or netlist.lowered.logical is not None


def _of_cells(lowered: Lowered, keep: np.ndarray) -> Lowered:
    """Signs and nodes of the cells with keep (n,) true."""
    gauge, placement = lowered.gauge, lowered.placement
    return lowered.with_(
        gauge=None if gauge is None else gauge[keep],
        placement=placement and replace(placement, nodes=placement.nodes[keep]),
    )


def select_cells(netlist: LangevinNetlist, keep: np.ndarray) -> LangevinNetlist:
    """The netlist of the cells with keep (n,) true, renumbered in order; devices know them as before.

    Raises NetlistError if a cell that is read, an input, or a spin of a problem would be lost.
    """
    if keep.all():
        return netlist
    if _is_meant(netlist):
        raise NetlistError(f"select_cells: cell {int(np.argmin(keep))} is a spin of the problem; keep it")
    read = () if netlist.readout is None else netlist.readout.cells
    for what, ids in (("read-out", np.asarray(read, dtype=int)), ("input", netlist.inputs)):
        lost = ids[~keep[ids]]
        if lost.size:
            raise NetlistError(f"select_cells: {what} cell {lost[0]} would be lost; keep it")
    new = np.concatenate([[0], np.cumsum(keep)])
    n = int(new[-1])

    def change(c: Couplings) -> Couplings:
        row = c.rows
        at = keep[row] & keep[c.indices]
        weight, tie = (c.weight[at], None) if c.tie is None else (c.weight, c.tie[at])
        return Couplings.from_coo(c.kind, n, new[row[at]], new[c.indices[at]], weight, tie=tie)

    readout = netlist.readout
    if readout is not None:
        readout = replace(readout, cells=new[readout.cells].astype(np.int32))
    columns: dict[str, Any] = {name: c[keep] for name, c in netlist.cells.columns().items()}
    columns["identity"] = netlist.cells.known_as[keep].astype(np.int32)
    return _without_empty(
        map_couplings(netlist, change).with_(
            cells=Cells(**columns),
            groups=tuple(Group(g.name, int(new[g.start]), int(new[g.stop])) for g in netlist.groups),
            readout=readout,
            noise=None if netlist.noise is None else netlist.noise[np.ix_(keep, keep)],
            lowered=_of_cells(netlist.lowered, keep),
        )
    )
