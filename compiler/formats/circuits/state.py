"""State in a circuit's file: refused, or cut into an input that shows it and an output with the next."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.facts import Facts
from compiler.ir.gates import NONE, GateNetlist
from compiler.ir.luts import LutNetlist

N = TypeVar("N", GateNetlist, LutNetlist)
Ends = tuple[tuple[str, ...], tuple[str, ...], list[tuple[str, str]]]
"""Names of inputs, of outputs, and of (state, next state)."""


def refuse_state(where: str, what: str) -> UnsupportedError:
    """Of a latch or flip-flop; where : file and line"""
    return UnsupportedError(
        f"{where}: {what}: state, which a circuit of gates lacks; --cut-latches makes it an input "
        "that shows the state and an output that shows the next one"
    )


def next_name(name: str, taken: Container[str]) -> str:
    """Of the output that shows the next state of `name`."""
    found = f"{name}_next"
    while found in taken:
        found += "_"
    return found


class Pin(NamedTuple):
    """What a clock or reset is connected to. literal : acts while it is 1; title : of its net in the file"""

    literal: int
    title: str


class Holder(NamedTuple):
    """What holds a state. clock : takes the next one at its rise, a latch while it is 1; None: one for all

    resets : (value, pin), what the state becomes while the pin is 1
    """

    clock: Pin | None
    latch: bool = False
    resets: tuple[tuple[int, Pin], ...] = ()


def holder_words(holder: Holder, named: Callable[[Pin], tuple[str, int]]) -> tuple[str, str]:
    """As `held_by` takes it. named : a net's name and the level at which it acts; "" and the level that
    a constant has
    """
    told = "the global clock"
    if holder.clock is not None:
        net, level = named(holder.clock)
        told = f"the {'rising' if level else 'falling'} edge of {net}"
        if holder.latch:
            told = f"a latch, open while {net} is {level}"
        if not net:
            told = f"a {'latch' if holder.latch else 'clock'} that is always {level}"
    resets = []
    for value, pin in holder.resets:
        net, level = named(pin)
        if net or level:
            resets.append(f"{value} while {net} is {level}" if net else f"always {value}")
    return told, ", ".join(resets)


def held_by(netlist: N, holders: Iterable[tuple[str, str]]) -> N:
    """The netlist with what held its state in meta["held_by"].

    holders : each a clock, as `the rising edge of clk`, and a reset, as `0 while rst is 1`, or ""
    """
    told = [list(holder) for holder in sorted(holders)]
    return replace(netlist, meta=Facts({**netlist.meta, "held_by": told})) if told else netlist


def holders(netlist: GateNetlist | LutNetlist) -> list[str]:
    """What `held_by` was told, in words, as far as the file did."""
    return [", ".join(filter(None, holder)) for holder in netlist.meta.get("held_by", ())]


def clocks(netlist: GateNetlist | LutNetlist) -> list[str]:
    """The clocks among what `held_by` was told."""
    return sorted({clock for clock, _ in netlist.meta.get("held_by", ())})


def is_next(name: str, state: str) -> bool:
    """Whether a net is called as `next_name` calls the output of this state."""
    return name.rstrip("_") == f"{state}_next"


def _pairs(netlist: GateNetlist | LutNetlist) -> list[tuple[int, int]]:
    """(input NAME, the last output called as its next state) of all that have one."""
    place = {name.rstrip("_"): k for k, name in enumerate(netlist.output_names)}  # the last one stays
    found = ((k, place.get(f"{name}_next")) for k, name in enumerate(netlist.input_names))
    return [(k, following) for k, following in found if following is not None]


def states(netlist: GateNetlist | LutNetlist) -> list[str]:
    """Names of the inputs that show a state which was cut, as `with_registers` finds them."""
    return [netlist.input_names[k] for k, _ in _pairs(netlist)]


@dataclass(frozen=True, slots=True, eq=False)
class Sequential(Generic[N]):
    """A circuit whose state was cut, to be written with it.

    netlist : its last `registers` inputs show the state, its last outputs, in this order, what it takes next
    """

    netlist: N
    registers: int


def with_state(netlist: N, registers: bool) -> tuple[N, Ends]:
    """The circuit to be written, and its names; with registers as `with_registers` finds them.

    Raises UnsupportedError for state that was not all held by one clock: what is written has one.
    """
    n = 0
    if registers:
        if len(told := clocks(netlist)) > 1:
            raise UnsupportedError(
                f"the circuit's state was held by {'; by '.join(told)}: registers of one clock would be "
                "another circuit; leave --registers out"
            )
        found = with_registers(netlist)
        netlist, n = found.netlist, found.registers
    inputs, outputs = netlist.input_names, netlist.output_names
    first, last = len(inputs) - n, len(outputs) - n
    return netlist, (inputs[:first], outputs[:last], list(zip(inputs[first:], outputs[last:], strict=True)))


def with_registers(netlist: N) -> Sequential[N]:
    """Every input NAME with an output NAME_next, as `next_name` calls it, is a register's.

    Of several such outputs it is the last one: what is cut stands behind the circuit's own outputs.
    Raises UnsupportedError where there is none.
    """
    pairs = _pairs(netlist)
    if not pairs:
        raise UnsupportedError(
            "registers are made of inputs NAME with outputs NAME_next, and the circuit has none: leave "
            "--registers out"
        )
    ends = np.array(pairs)
    order = [_last(n, ends[:, side]) for side, n in enumerate((netlist.n_inputs, netlist.n_outputs))]
    moved = np.append(np.arange(netlist.n_nets), NONE).astype(np.int32)  # NONE is the last place
    moved[order[0]] = np.arange(netlist.n_inputs)
    read = ("fanins",) if isinstance(netlist, LutNetlist) else ("a", "b")
    sums = netlist.class_sums
    ordered = replace(
        netlist,
        input_names=tuple(netlist.input_names[k] for k in order[0]),
        output_names=tuple(netlist.output_names[k] for k in order[1]),
        outputs=moved[netlist.outputs[order[1]]],
        class_sums=None if sums is None else replace(sums, nets=moved[sums.nets]),
        encoder=None,
        **{name: moved[getattr(netlist, name)] for name in read},
    )
    return Sequential(ordered, len(pairs))


def _last(n: int, chosen: np.ndarray) -> np.ndarray:
    """Numbers below n, the chosen ones last and in their order."""
    return np.concatenate([np.setdiff1d(np.arange(n), chosen), chosen])
