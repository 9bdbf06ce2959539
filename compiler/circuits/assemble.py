"""From a foreign file's definitions, in any order, to a sorted netlist: for all front ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from compiler.circuits.builder import Builder
from compiler.errors import FormatError
from compiler.ir.gates import GateNetlist


@dataclass(frozen=True, slots=True)
class Definition:
    """What drives the net `name`. emit : (builder, nets of the operands) -> net"""

    name: str
    line: int
    operands: tuple[str, ...]
    emit: Callable[[Builder, tuple[int, ...]], int]


@dataclass(frozen=True, slots=True)
class Port:
    """A primary input or output and the line that declares it."""

    name: str
    line: int


def assemble(
    where: str,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    definitions: Sequence[Definition],
    title: str = "",
    helpers: Sequence[Definition] = (),
) -> GateNetlist:
    """Sort the definitions so that every net comes before its readers, and build them.

    where : the file's name, which begins every error; title : what the circuit is called
    helpers : definitions that are built only where others read them

    An output that is given twice is one output.

    Raises FormatError with the line for an input declared twice, a net with two drivers or none, and
    a cycle.
    """
    drivers: dict[str, Definition] = {}
    lines = _declared(where, inputs)
    for d in definitions:
        if d.name in lines:
            raise FormatError(
                f"{where}, line {d.line}: net {d.name!r} is driven here and at line "
                f"{lines[d.name]}; a net has one driver"
            )
        lines[d.name] = d.line
        drivers[d.name] = d
    drivers |= {d.name: d for d in helpers}
    builder = Builder([port.name for port in inputs])
    nets = {port.name: k for k, port in enumerate(inputs)}
    for d in definitions:
        _emit(where, d, drivers, nets, builder)
    shown = {}
    for port in outputs:
        if port.name not in nets:
            raise FormatError(f"{where}, line {port.line}: output {port.name!r} is driven by nothing")
        shown[port.name] = nets[port.name]
    return builder.netlist(shown, title)


def _declared(where: str, ports: Sequence[Port]) -> dict[str, int]:
    lines: dict[str, int] = {}
    for port in ports:
        if port.name in lines:
            raise FormatError(
                f"{where}, line {port.line}: input {port.name!r} is declared at line "
                f"{lines[port.name]} already"
            )
        lines[port.name] = port.line
    return lines


def _emit(
    where: str, root: Definition, drivers: Mapping[str, Definition], nets: dict[str, int], builder: Builder
) -> None:
    """Build `root` after everything it needs, depth first (without recursion: chains are long)."""
    if root.name in nets:
        return
    # two of them: reversed() of a dict walks over every entry deleted behind the last one
    path, done = [root.name], {root.name: 0}  # names in order; operands of each that are seen to
    while path:
        name = path[-1]
        seen, d = done[name], drivers[name]
        if seen == len(d.operands):
            del done[path.pop()]
            nets[name] = d.emit(builder, tuple(nets[o] for o in d.operands))
            continue
        done[name] = seen + 1
        operand = d.operands[seen]
        if operand in nets:
            continue
        if operand in done:
            loop = [*path[path.index(operand) :], operand]
            shown = loop if len(loop) <= 8 else [*loop[:6], "...", operand]
            raise FormatError(
                f"{where}, line {drivers[operand].line}: net {operand!r} depends on itself, by "
                f"{' <- '.join(shown)}; a circuit here has no cycle"
            )
        if operand not in drivers:
            raise FormatError(
                f"{where}, line {d.line}: net {operand!r}, read by {name!r}, is driven by nothing"
            )
        path.append(operand)
        done[operand] = 0
