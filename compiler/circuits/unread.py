"""Inputs that nothing reads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from compiler.ir.gates import NONE, GateNetlist


def unread_inputs(netlist: GateNetlist) -> tuple[str, ...]:
    """Inputs that no gate, output or class sum reads; gates that nothing looks at read, too (sweep_dead)."""
    read = np.zeros(netlist.n_nets, dtype=bool)
    for nets in (netlist.a, netlist.b, netlist.roots):
        read[nets[nets != NONE]] = True
    return tuple(name for name, used in zip(netlist.input_names, read, strict=False) if not used)


def without_inputs(netlist: GateNetlist, names: Collection[str]) -> GateNetlist:
    """The circuit without these of its unread inputs; it must have no encoder."""
    kept = np.array([name not in names for name in netlist.input_names])
    number = np.concatenate([np.cumsum(kept) - 1, kept.sum() + np.arange(netlist.n_gates)]).astype(np.int32)
    a, b = (np.where(nets == NONE, NONE, number[nets]).astype(np.int32) for nets in (netlist.a, netlist.b))
    left = tuple(name for name in netlist.input_names if name not in names)
    return replace(netlist.with_roots(number[netlist.roots], a=a, b=b), input_names=left)
