"""Less depth: cones of six leaves exchanged for circuits that read late leaves late.

A cover of the circuit by cuts of least depth, as of tables, where a cut's depth is that of its own circuit
(shallow_plans.py): A. Mishchenko, R. Brayton, S. Jang and V. Kravets, Delay optimization using SOP balancing,
ICCAD 2011. Where there is time, the cover is that of least area flow. A chain of carries becomes half as
deep in every round, so that it ends as a tree of prefixes.
"""

from __future__ import annotations

import numpy as np

from compiler.ir.gates import GateNetlist
from compiler.jit import interpreted_if_cheap
from compiler.passes.gates.covers import INPUTS
from compiler.passes.gates.shallow_kernels import CUTS, Graph, build, cover
from compiler.passes.gates.shallow_plans import no_plan
from compiler.passes.gates.xag import Xag, empty
from compiler.passes.gates.xag_netlist import from_netlist, to_netlist, topological

ROUNDS = 12
GAIN = 0.02  # of the depth; a round with less is the last
AREA_ROUNDS = 2  # of a cover
INTERPRETED = 0.02  # CPU seconds a gate without compiled kernels


def shallow(netlist: GateNetlist, rounds: int = ROUNDS) -> tuple[GateNetlist, ...]:
    """The same functions in and-gates and inverters, less deep after every round; () if none gains.

    rounds : at most. A round takes time in proportion to the gates.
    """
    found: list[GateNetlist] = []
    with interpreted_if_cheap(INTERPRETED * netlist.n_gates, cover, build, compiling=8.0):
        for _ in range(rounds):
            netlist, before, after = _round(netlist)
            if after < before:
                found.append(netlist)
            if after > (1 - GAIN) * before:
                break
    return tuple(found)


def _round(netlist: GateNetlist) -> tuple[GateNetlist, int, int]:
    """(circuit, depth in and-gates before, after)."""
    old = from_netlist(netlist, ands=True, room=1.0)
    order = topological(old)
    n = netlist.n_inputs + 1
    nodes = n + order.size
    number = np.zeros(int(old.state[0]), dtype=np.int64)
    number[:n] = np.arange(n)
    number[order] = np.arange(n, nodes)
    fan = old.fan[order].astype(np.int64)
    roots = old.roots.astype(np.int64)
    g = Graph(
        fan=2 * number[fan >> 1] + (fan & 1),
        roots=2 * number[roots >> 1] + (roots & 1),
        n=n,
        leaves=np.zeros((nodes, CUTS, INPUTS), dtype=np.int32),
        size=np.zeros((nodes, CUTS), dtype=np.int8),
        table=np.zeros((nodes, CUTS), dtype=np.int64),
        cuts=np.zeros(nodes, dtype=np.int64),
        chosen=np.zeros(nodes, dtype=np.int64),
        readers=np.zeros(nodes, dtype=np.int64),
        level=np.zeros(nodes, dtype=np.int64),
        need=np.zeros(nodes, dtype=np.int64),
        guess=np.concatenate([np.ones(n), old.refs[order].astype(np.float64)]),
        flow=np.zeros(nodes),
    )
    plan = no_plan()
    gates = int(cover(g, plan, AREA_ROUNDS))
    x = empty(netlist.n_inputs, roots.size, n + gates + 1)
    build(g, plan, x)
    # levels of `old` are exact: nothing was substituted
    return to_netlist(x, netlist), _depth(old), _depth(x)


def _depth(x: Xag) -> int:
    return int(x.level[x.roots >> 1].max(initial=0))
