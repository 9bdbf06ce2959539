"""The kinds of netlist, one table, and the verbs that every one of them takes.

Each verb looks up the netlist's kind and calls what the table names, or raises an UnsupportedError
that says what to do instead. Verbs that need passes have tables of their own beside them, by the
names of these kinds: `compiler.counting` and `compiler.pipelines`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from compiler.errors import FormatError, UnsupportedError
from compiler.ir import gates_text, text
from compiler.ir.cells import CellNetlist, verify_cells
from compiler.ir.differences import first_difference
from compiler.ir.gates import GateNetlist, verify_gates
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.luts import LutNetlist, verify_luts
from compiler.ir.verify import verify as verify_langevin

N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class Kind(Generic[N]):
    """One kind of netlist.

    name : in files, and the first word of its texts; what : as messages call one, "a circuit of gates"
    cls : its class
    verify : checks every invariant, NetlistError
    difference : name of the first thing in which two netlists differ, or None
    dump : (netlist, limit=) -> canonical text; parse : (text, name=, check=) -> netlist; None where
        there is no such text
    instead : what to do where a verb does not take it
    """

    name: str
    what: str
    cls: type[N]
    verify: Callable[[N], None]
    difference: Callable[[N, N], str | None]
    dump: Callable[..., str] | None = None
    parse: Callable[..., N] | None = None
    instead: str = ""


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "langevin",
            "a Langevin netlist",
            LangevinNetlist,
            verify_langevin,
            text.difference,
            text.dump,
            text.parse,
        ),
        Kind(
            "gates",
            "a circuit of gates",
            GateNetlist,
            verify_gates,
            first_difference,
            gates_text.dump_gates,
            gates_text.parse_gates,
        ),
        Kind(
            "luts",
            "a circuit of tables",
            LutNetlist,
            verify_luts,
            first_difference,
            instead="write it as BLIF with export_circuit, or keep the circuit of gates that it was mapped "
            "from and map that again with map_luts",
        ),
        Kind(
            "cells",
            "a circuit of library cells",
            CellNetlist,
            verify_cells,
            first_difference,
            instead="keep the circuit of gates that it was mapped from, its `subject`, and map that again "
            "with map_cells; cells_to_gates gives its own gates",
        ),
    )
}


def kind_of(netlist: Any) -> Kind:
    """The kind of a netlist; UnsupportedError, which names the kinds, for anything else."""
    for kind in KINDS.values():
        if isinstance(netlist, kind.cls):
            return kind
    raise UnsupportedError(
        f"a {type(netlist).__name__} is no netlist; give {' or '.join(k.what for k in KINDS.values())}. "
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
        known = " or ".join(repr(k.name) for k in KINDS.values() if k.parse is not None)
        raise FormatError(
            f"{name}, line 1: expected a netlist, whose text begins with {known}, got {first[:60]!r}"
        )
    return kind.parse(text, name=name, check=check)


def difference(a: Any, b: Any) -> str | None:
    """Name of the first thing in which two netlists differ, or None; "kind" if that does."""
    kind = kind_of(a)
    return kind.difference(a, b) if kind_of(b) is kind else "kind"


def equal(a: Any, b: Any) -> bool:
    """Whether two netlists are written the same: kind, columns, dtypes, meta.

    Circuits that are written differently may compute the same: compiler.check_equal.
    """
    return difference(a, b) is None
