"""Names of nets in a written circuit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from compiler.errors import UnsupportedError
from compiler.ir.gates import GateNetlist
from compiler.ir.luts import LutNetlist

AnyNetlist = GateNetlist | LutNetlist
N = TypeVar("N", GateNetlist, LutNetlist)


@dataclass(frozen=True, slots=True)
class Named:
    """nets : a name each; copies : (output name, name it copies) of outputs that share a net"""

    nets: list[str]
    copies: list[tuple[str, str]]


def name_nets(
    netlist: AnyNetlist, format_: str, legal: str, *, shared_ports: bool = True, sums: bool = False
) -> Named:
    """Names for a format that names nets: an output's name for the gate that drives it.

    legal : regular expression of a whole name; shared_ports : whether an output that shows the
        input of the same name needs nothing; sums : whether the format can hold class sums

    Raises UnsupportedError for a name that the format cannot hold, an output called like an input
    that it does not show, and for class sums.
    """
    if not sums:
        refuse_class_sums(netlist, format_)
    pattern = re.compile(legal)
    for name in (*netlist.input_names, *netlist.output_names):
        if not pattern.fullmatch(name):
            raise UnsupportedError(f"{format_} cannot hold the name {name!r}; rename the port")
    n = netlist.n_inputs
    place = {name: k for k, name in enumerate(netlist.input_names)}
    nets: list[str] = [*netlist.input_names, *[""] * (netlist.n_nets - n)]
    copies = []
    for name, net in zip(netlist.output_names, netlist.outputs.tolist(), strict=True):
        if name in place:
            if place[name] != net or not shared_ports:
                raise UnsupportedError(f"{format_}: {name!r} is an input and an output; rename one of them")
        elif net >= n and not nets[net]:
            nets[net] = name
        else:
            copies.append((name, net))
    prefix = fresh_prefix("n", (*netlist.input_names, *netlist.output_names))
    named = [name or f"{prefix}{net}" for net, name in enumerate(nets)]
    return Named(named, [(name, named[net]) for name, net in copies])


def part_shared(netlist: N) -> tuple[N, list[tuple[str, str]]]:
    """For formats whose ports have one direction: outputs called like an input get a name of their own.

    Returns the netlist and (old name, new one) of each output that has another name.
    """
    names, moved = parted(netlist.output_names, netlist.input_names)
    return (replace(netlist, output_names=names) if moved else netlist), moved


def parted(outputs: Sequence[str], inputs: Sequence[str]) -> tuple[tuple[str, ...], list[tuple[str, str]]]:
    """Names of outputs, another for those that are an input's, and (old name, new one) of these."""
    taken = {*inputs, *outputs}
    shared = set(inputs)
    names, moved = [], []
    for name in outputs:
        new = name
        if name in shared:
            new = f"{name}_out"
            while new in taken:
                new += "_"
            taken.add(new)
            moved.append((name, new))
        names.append(new)
    return tuple(names), moved


def fresh_prefix(prefix: str, taken: Iterable[str]) -> str:
    """The prefix, lengthened until no taken name is it with a number behind."""
    names = [name for name in taken if name.startswith(prefix)]
    while any(re.match(r"\d", name[len(prefix) :]) for name in names if name.startswith(prefix)):
        prefix += "_"
    return prefix


def refuse_class_sums(netlist: AnyNetlist, format_: str) -> None:
    """UnsupportedError for a netlist whose answers are counts: foreign formats hold plain nets."""
    if netlist.class_sums is not None:
        raise UnsupportedError(
            f"{format_} holds plain outputs; the class sums of this netlist cannot be written: "
            "write the counted nets as outputs (--head nets) or build the adders (--head gates)"
        )


def title(netlist: AnyNetlist) -> str:
    """A plain identifier for the circuit: its own name if it is one."""
    name = netlist.name
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else "circuit"
