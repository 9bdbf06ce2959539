"""The kinds of netlist, one table, and the verbs that every one of them takes.

Each verb looks up the netlist's kind and calls what the table names, or raises an UnsupportedError
that says what to do instead. Verbs that need passes have tables of their own beside them, by the
names of these kinds: `compiler.counting` and `compiler.pipelines`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from compiler.errors import FormatError, UnsupportedError
from compiler.ir.cells import CellNetlist, verify_cells
from compiler.ir.circuit_parts import gates_of, gates_parts, luts_of, luts_parts
from compiler.ir.differences import first_difference
from compiler.ir.gates import GateNetlist, verify_gates
from compiler.ir.gates_text import dump_gates, parse_gates
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.langevin_parts import langevin_of, langevin_parts
from compiler.ir.langevin_text import dump_langevin, langevin_difference, parse_langevin
from compiler.ir.luts import LutNetlist, verify_luts
from compiler.ir.luts_text import dump_luts, parse_luts
from compiler.ir.problem_parts import Parts
from compiler.ir.tiles import TileNetlist, verify_tiles
from compiler.ir.tiles_parts import tiles_of, tiles_parts
from compiler.ir.tiles_text import dump_tiles, parse_tiles
from compiler.ir.verify import verify_langevin

N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class Kind(Generic[N]):
    """One kind of netlist.

    name : in files, and the first word of its texts; what : as messages call one, "a circuit of gates"
    cls : its class
    verify : checks every invariant, NetlistError
    difference : name of the first thing in which two netlists differ, or None
    dump : (netlist, limit=) -> canonical text; parse : (text, name=, check=) -> netlist
    version : newest one in files; encode : netlist -> (JSON-able header, arrays by name)
    decode : (version, header, arrays) -> netlist, of every version so far
    instead : what to do where a verb does not take it, its member being None
    """

    name: str
    what: str
    cls: type[N]
    verify: Callable[[N], None]
    difference: Callable[[N, N], str | None]
    dump: Callable[..., str] | None = None
    parse: Callable[..., N] | None = None
    version: int = 0
    encode: Callable[[N], Parts] | None = None
    decode: Callable[[int, dict[str, Any], dict[str, np.ndarray]], N] | None = None
    instead: str = ""


_ALL: tuple[Kind, ...] = (
    Kind(
        name="langevin",
        what="a Langevin netlist",
        cls=LangevinNetlist,
        verify=verify_langevin,
        difference=langevin_difference,
        dump=dump_langevin,
        parse=parse_langevin,
        version=2,
        encode=langevin_parts,
        decode=langevin_of,
    ),
    Kind(
        name="gates",
        what="a circuit of gates",
        cls=GateNetlist,
        verify=verify_gates,
        difference=first_difference,
        dump=dump_gates,
        parse=parse_gates,
        version=4,
        encode=gates_parts,
        decode=gates_of,
    ),
    Kind(
        name="luts",
        what="a circuit of tables",
        cls=LutNetlist,
        verify=verify_luts,
        difference=first_difference,
        dump=dump_luts,
        parse=parse_luts,
        version=2,
        encode=luts_parts,
        decode=luts_of,
    ),
    Kind(
        name="cells",
        what="a circuit of library cells",
        cls=CellNetlist,
        verify=verify_cells,
        difference=first_difference,
        instead="keep the circuit of gates that it was mapped from, its `subject`, and map that again "
        "with map_cells; cells_to_gates gives its own gates",
    ),
    Kind(
        name="tiles",
        what="a network on crossbar tiles",
        cls=TileNetlist,
        verify=verify_tiles,
        difference=first_difference,
        dump=dump_tiles,
        parse=parse_tiles,
        version=1,
        encode=tiles_parts,
        decode=tiles_of,
        instead="its weights are matrices: keep it in a .tnl file, dump it, or simulate it",
    ),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}


def kind_of(netlist: Any) -> Kind:
    """The kind of a netlist; UnsupportedError, which names the kinds, for anything else."""
    for kind in KINDS.values():
        if isinstance(netlist, kind.cls):
            return kind
    raise UnsupportedError(
        f"a {type(netlist).__name__} is no netlist; give one of {', '.join(k.what for k in KINDS.values())}. "
        "A model or file becomes one with compile() or load()"
    )


def expect(netlist: Any, names: str | tuple[str, ...], verb: str, instead: str) -> None:
    """Raise UnsupportedError, with the way out `instead`, unless the netlist is of these kinds."""
    kind, wanted = kind_of(netlist), (names,) if isinstance(names, str) else names
    if kind.name not in wanted:
        takes = " or ".join(KINDS[name].what for name in wanted)
        raise UnsupportedError(f"{verb} takes {takes}, got {kind.what}; {instead}")


def verify(netlist: Any) -> None:
    """Check every invariant of a netlist of any kind.

    Raises NetlistError naming the first offender, UnsupportedError for what is no netlist.
    """
    kind_of(netlist).verify(netlist)


def dump(netlist: Any, *, limit: int | None = None) -> str:
    """Canonical text: parse(dump(n)) equals n (docs/ir.md).

    limit : at most so many couplings of each group, gates or tables, and runs of values or names of
        a row, are shown; a text that leaves some out says so and cannot be parsed

    Raises UnsupportedError for a kind without a text.
    """
    kind = kind_of(netlist)
    if kind.dump is None:
        raise UnsupportedError(f"{kind.what} has no canonical text; {kind.instead}")
    return kind.dump(netlist, limit=limit)


def parse(text: str, *, name: str = "text", check: bool = True) -> Any:
    """The netlist of a canonical text, of the kind that its first line names.

    name : of the file, begins every error; check=False skips verify (for tests of bad texts)

    Raises FormatError naming the line, also for a netlist that breaks an invariant.
    """
    first = next((line for line in text.split("\n") if line.strip()), "")
    word = first.partition(" ")[0]
    kind = KINDS.get(word)
    if kind is None or kind.parse is None:
        known = ", ".join(repr(k.name) for k in KINDS.values() if k.parse is not None)
        raise FormatError(
            f"{name}, line 1: expected a netlist, whose text begins with one of {known}; got {first[:60]!r}"
        )
    return kind.parse(text, name=name, check=check)


def is_text(head: bytes) -> bool:
    """Whether a file that begins so may be a netlist's text."""
    return head.startswith(tuple(f"{k.name} ".encode() for k in KINDS.values() if k.parse is not None))


def difference(a: Any, b: Any) -> str | None:
    """Name of the first thing in which two netlists differ, or None; "kind" if that does."""
    kind = kind_of(a)
    return kind.difference(a, b) if kind_of(b) is kind else "kind"


def equal(a: Any, b: Any) -> bool:
    """Whether two netlists are written the same: kind, columns, dtypes, meta.

    Circuits that are written differently may compute the same: compiler.check_equal.
    """
    return difference(a, b) is None
