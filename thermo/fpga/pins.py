"""Which pins a design gets: a PCF of an iCE40 or an LPF of an ECP5, as nextpnr reads them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.fpga_verilog import Feed
from hw_models.fpgas import Fpga

TOLD = 6  # names in a message
VALUED = ("-pullup", "-pullup_resistor")  # options of set_io that are followed by a value
MAY_LACK = ("-nowarn", "--warn-no-port")  # options of set_io for a port that need not be there


@dataclass(frozen=True, slots=True)
class PinFile:
    """path, text; named : ports that must be there; placed : ports that get a pin

    indexed : whether a vector of one bit may be called by its index, too
    """

    path: Path
    text: str
    named: tuple[str, ...]
    placed: frozenset[str]
    indexed: bool

    def places(self, feed: Feed) -> int:
        """How many of the design's pins it places.

        Raises UnsupportedError for ports that the design has not, of which nextpnr only warns.
        """
        ports = port_names(feed)
        also = {f"{name}[0]" for name in ("data", "answer") if self.indexed and name in ports}
        lacking = [name for name in dict.fromkeys(self.named) if name not in ports and name not in also]
        if lacking:
            more = f" and {len(lacking) - TOLD:,} more" if len(lacking) > TOLD else ""
            near = dict.fromkeys(n for name in lacking for n in difflib.get_close_matches(name, ports, 1))
            meant = f" ({', '.join([*near][:TOLD])}?)" if near else ""
            raise UnsupportedError(
                f"--pins {self.path}: the design has no port {', '.join(lacking[:TOLD])}{more}{meant}; its "
                f"ports are {', '.join(_spans(feed))} at a word of {feed.word} bits: mend the file or --word"
            )
        return len(self.placed & {*ports, *also})


def read_pins(path: str | Path, part: Fpga) -> PinFile:
    """The file and the ports that it names; FormatError where it cannot be read."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise FormatError(f"--pins {path}: cannot be read ({error.strerror}); give a file of pins") from None
    found = list(_pcf(text) if part.family == "ice40" else _lpf(text))
    named = tuple(name for name, must, _ in found if must)
    placed = frozenset(name for name, _, gets_pin in found if gets_pin)
    return PinFile(Path(path), text, named, placed, indexed=part.family == "ecp5")


def port_names(feed: Feed) -> list[str]:
    """The design's ports as nextpnr calls them, one a pin: a vector of one bit has no index."""
    names = []
    for name, n in _ports(feed):
        names += [name] if n == 1 else [f"{name}[{k}]" for k in range(n)]
    return names


def _ports(feed: Feed) -> list[tuple[str, int]]:
    last = [("last", 1)] if feed.words > 1 else []
    return [("clk", 1), ("valid", 1), *last, ("data", feed.word), ("done", 1), ("answer", feed.answer)]


def _spans(feed: Feed) -> list[str]:
    return [name if n == 1 else f"{name}[0] to {name}[{n - 1}]" for name, n in _ports(feed)]


def _pcf(text: str) -> Iterator[tuple[str, bool, bool]]:
    """(port, whether it must be there, whether it gets a pin) of every set_io."""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words or words[0] != "set_io":
            continue
        rest, options = words[1:], []
        while rest and rest[0].startswith("-"):
            options.append(rest[0])
            rest = rest[2:] if rest[0] in VALUED else rest[1:]
        if len(rest) > 1:  # of less nextpnr says what it expects
            yield rest[0], not any(option in MAY_LACK for option in options), True


def _lpf(text: str) -> Iterator[tuple[str, bool, bool]]:
    """The same of every LOCATE COMP and IOBUF PORT."""
    for statement in re.sub(r"(#|//).*", "", text).split(";"):
        words = statement.split()
        if words[:2] in (["LOCATE", "COMP"], ["IOBUF", "PORT"]) and len(words) > 2:
            yield words[2].strip('"'), True, words[0] == "LOCATE"
