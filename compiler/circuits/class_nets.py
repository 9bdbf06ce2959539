"""A classifier's answers as plain outputs, for formats that hold nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from compiler.ir.gates import GateNetlist
from compiler.ir.luts import LutNetlist

N = TypeVar("N", GateNetlist, LutNetlist)


def expose_class_nets(netlist: N) -> N:
    """Every net that a class sum counts as an output class{c}_{k}, instead of the class sums.

    k counts the nets of class c from 0. A netlist without class sums is returned as it is.
    """
    sums = netlist.class_sums
    if sums is None:
        return netlist
    taken = {*netlist.input_names, *netlist.output_names}
    names: list[str] = []
    for c, size in enumerate(np.diff(sums.indptr).tolist()):
        for k in range(size):
            names.append(fresh_name(f"class{c}_{k}", taken))
            taken.add(names[-1])
    return replace(
        netlist, output_names=(*netlist.output_names, *names), outputs=netlist.roots, class_sums=None
    )


def fresh_name(name: str, taken: Iterable[str]) -> str:
    """The name, lengthened until it is not taken."""
    names = set(taken)
    while name in names:
        name += "_"
    return name
