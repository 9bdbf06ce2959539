"""Mapping to k-input tables: least depth first, then as few tables as that depth allows.

Priority cuts and area recovery (area flow, then exact area): A. Mishchenko, S. Cho, S. Chatterjee,
R. Brayton, ICCAD 2007.
"""

from __future__ import annotations

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.gates import NONE, GateNetlist
from compiler.ir.kinds import expect
from compiler.ir.luts import WIDEST, LutNetlist, verify_luts
from compiler.jit import interpreted_if_cheap
from compiler.passes.gates.lut_kernels import AREA, DEPTH, FAR, FLOW, count_uses, cover, cut_tables
from compiler.passes.gates.xag import XOR_NODE
from compiler.passes.gates.xag_netlist import from_netlist, topological

INTERPRETED = 7e-4  # CPU seconds a gate without compiled kernels
PASSES = (DEPTH, DEPTH, FLOW, FLOW, AREA, AREA, AREA)


def map_luts(netlist: GateNetlist, k: int = 6, *, keep_depth: bool = True) -> LutNetlist:
    """The circuit made of tables of at most k inputs.

    k : 2 to 6; keep_depth : whether the smallest depth that was found is kept, else only the
        number of tables counts

    A root that shows the complement of a table read by nothing else takes it into the table;
    otherwise one table inverts. Constants are tables without operands.

    Raises NetlistError for another k, UnsupportedError for what is no circuit of gates.
    """
    expect(netlist, "gates", "map_luts", "map the circuit of gates itself")
    if not 2 <= k <= WIDEST:
        raise NetlistError(f"tables have 2 to {WIDEST} inputs, got k = {k}")
    with interpreted_if_cheap(INTERPRETED * netlist.n_gates, cover, compiling=7.0):
        return _mapped(netlist, k, keep_depth)


def _mapped(netlist: GateNetlist, k: int, keep_depth: bool) -> LutNetlist:
    x = from_netlist(netlist)
    order = topological(x)
    n = netlist.n_inputs
    number = np.full(int(x.state[0]), NONE, dtype=np.int32)
    number[1 : n + 1] = np.arange(n)
    number[order] = n + np.arange(order.size)
    fan = number[x.fan[order] >> 1].reshape(-1, 2)
    flips = (x.fan[order] & 1).astype(np.uint8).reshape(-1, 2)
    literals = x.roots.astype(np.int64)
    shown = number[literals[literals > 1] >> 1]
    leaves, sizes, refs = _chosen(fan, n, np.ascontiguousarray(shown), k, keep_depth)
    tables = cut_tables(fan, flips, x.kind[order] == XOR_NODE, n, leaves, sizes, refs)
    shown_by = 2 * number[literals >> 1].astype(np.int64) + (literals & 1)
    shown_by = np.where(literals > 1, shown_by, literals - 2)
    return _built(netlist, k, leaves, sizes, refs, tables, shown_by)


def _chosen(
    fan: np.ndarray, n_inputs: int, roots: np.ndarray, k: int, keep_depth: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(leaves, sizes, refs) of the best cover."""
    n_nodes = n_inputs + fan.shape[0]
    leaves = np.zeros((n_nodes, WIDEST), dtype=np.int32)
    sizes = np.zeros(n_nodes, dtype=np.int32)
    arrival = np.zeros(n_nodes, dtype=np.int32)
    flow = np.zeros(n_nodes)
    refs = np.zeros(n_nodes, dtype=np.int32)
    required = np.full(n_nodes, FAR, dtype=np.int32)
    guess = np.bincount(np.concatenate([fan.ravel(), roots]), minlength=n_nodes).astype(np.float64)
    best: tuple[int, np.ndarray, np.ndarray, np.ndarray] | None = None
    target = 0
    for number, mode in enumerate(PASSES):
        cover(fan, n_inputs, k, mode, leaves, sizes, arrival, flow, refs, guess, required, number)
        used, depth = count_uses(fan, n_inputs, roots, leaves, sizes, arrival, refs, required, target)
        if mode == DEPTH:
            target = depth
        elif not keep_depth:
            required[:] = FAR
        guess = 0.3 * guess + 0.7 * np.maximum(refs, 1)
        if mode != DEPTH and (best is None or used <= best[0]):
            best = used, leaves.copy(), sizes.copy(), refs.copy()
    assert best is not None
    return best[1:]


def _built(
    netlist: GateNetlist,
    k: int,
    leaves: np.ndarray,
    sizes: np.ndarray,
    refs: np.ndarray,
    tables: np.ndarray,
    roots: np.ndarray,
) -> LutNetlist:
    """roots : literals over nodes; -2 and -1 are the constants 0 and 1"""
    n = netlist.n_inputs
    used = n + np.flatnonzero(refs[n:])
    net = np.full(refs.size, NONE, dtype=np.int32)
    net[:n] = np.arange(n)
    net[used] = n + np.arange(used.size)
    rows = [[*net[leaves[t, : sizes[t]]].tolist(), *[NONE] * (k - sizes[t])] for t in used.tolist()]
    bits = [int(v) for v in tables[used].tolist()]
    plain = set(roots[(roots >= 0) & (roots & 1 == 0)].tolist())
    inner = np.zeros(refs.size, dtype=bool)
    for t in used.tolist():
        inner[leaves[t, : sizes[t]]] = True
    shown: dict[int, int] = {}
    for root in dict.fromkeys(roots.tolist()):
        node = root >> 1
        if root >= 0 and not root & 1:
            shown[root] = int(net[node])
        elif root >= 0 and node >= n and root - 1 not in plain and not inner[node]:
            t = int(net[node]) - n
            bits[t] ^= (1 << (1 << int(sizes[node]))) - 1
            shown[root] = n + t
        else:
            shown[root] = n + len(rows)
            operand = int(net[node]) if root >= 0 else NONE
            rows.append([operand, *[NONE] * (k - 1)])
            bits.append(1 if root >= 0 or root == -1 else 0)
    nets = np.array([shown[root] for root in roots.tolist()], dtype=np.int32)
    routed = netlist.with_roots(np.zeros(roots.size, dtype=np.int32))
    sums = routed.class_sums
    result = LutNetlist(
        k=k,
        input_names=netlist.input_names,
        fanins=np.array(rows, dtype=np.int32).reshape(-1, k),
        table=np.array(bits, dtype=np.uint64),
        output_names=netlist.output_names,
        outputs=nets[: netlist.n_outputs],
        class_sums=None
        if sums is None
        else type(sums)(nets[netlist.n_outputs :], sums.indptr, sums.tau, sums.labels),
        encoder=netlist.encoder,
        name=netlist.name,
        meta=netlist.meta,
    )
    verify_luts(result)
    return result
