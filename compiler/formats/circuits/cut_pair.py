"""Two circuits whose state was cut, made ready to be compared."""

from __future__ import annotations

from dataclasses import dataclass, replace

from compiler.circuits.unread import unread_inputs, without_inputs
from compiler.errors import UnsupportedError
from compiler.formats.circuits.state import Sequential, with_registers
from compiler.ir.gates import GateNetlist
from compiler.passes.gates.local import sweep_dead


@dataclass(frozen=True, slots=True, eq=False)
class CutPair:
    """first, second : the circuits, states last, those of the second called as the first's
    left_out : of each, inputs that only it has and that nothing reads, as clocks once state is cut
    states : (of the first, of the second) where they were called otherwise
    """

    first: GateNetlist
    second: GateNetlist
    left_out: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    states: tuple[tuple[str, str], ...] = ()


def cut_pair(first: GateNetlist, second: GateNetlist) -> CutPair:
    """Circuits as `cut_latches` reads them, with what keeps their ports from being the same put right.

    Where one has no state (inputs NAME with outputs NAME_next) both stay as they are. States go by their
    names, with or without the `_state` that is added where an output has the name, the rest in their order;
    the other ports keep their names, by which they are to be matched.
    """
    try:
        found = [with_registers(sweep_dead(netlist)) for netlist in (first, second)]
    except UnsupportedError:
        return CutPair(first, second)
    a, b = (one.netlist for one in found)
    left_out = _unread(found[0], b), _unread(found[1], a)
    if a.n_inputs - len(left_out[0]) == b.n_inputs - len(left_out[1]):
        a, b = without_inputs(a, left_out[0]), without_inputs(b, left_out[1])
    else:
        left_out = (), ()
    n = found[0].registers
    if n != found[1].registers:
        return CutPair(a, b, left_out)
    places = _of_the_first(a.input_names[-n:], b.input_names[-n:])
    shown, following = ([names[k - n] for k in places] for names in (a.input_names, a.output_names))
    states = tuple(pair for pair in zip(shown, b.input_names[-n:], strict=True) if pair[0] != pair[1])
    inputs, outputs = (*b.input_names[:-n], *shown), (*b.output_names[:-n], *following)
    if len({*inputs}) < len(inputs) or len({*outputs}) < len(outputs):
        return CutPair(a, b, left_out)  # a port of the second is called as a state of the first
    return CutPair(a, replace(b, input_names=inputs, output_names=outputs), left_out, states)


def _of_the_first(first: tuple[str, ...], second: tuple[str, ...]) -> list[int]:
    """Which state of the first each of the second is: of its name, else in their order."""
    found: dict[int, int] = {}
    for called in (str, _plain):
        left = {called(name): k for k, name in enumerate(first) if k not in found.values()}
        for place, name in enumerate(second):
            if place not in found and (k := left.pop(called(name), None)) is not None:
                found[place] = k
    rest = iter(sorted({*range(len(first))} - {*found.values()}))
    return [found[place] if place in found else next(rest) for place in range(len(second))]


def _plain(name: str) -> str:
    return name.removesuffix("_state")


def _unread(circuit: Sequential[GateNetlist], other: GateNetlist) -> tuple[str, ...]:
    """Inputs, no states, that nothing reads and that the other circuit has not."""
    netlist = circuit.netlist
    own = netlist.input_names[: netlist.n_inputs - circuit.registers]
    return tuple(name for name in unread_inputs(netlist) if name in own and name not in other.input_names)
