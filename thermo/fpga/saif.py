"""SAIF of a VCD: how long each signal is 0, 1 and unknown, and how often it changes, for tools of power.

Backward SAIF 2.0 as IEEE 1801 (annex of IEEE 1801-2018) has it: T0, T1, TX in units of TIMESCALE, TC changes
between 0 and 1; IG, glitches, is 0: a simulation without delays has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from compiler.errors import FormatError


@dataclass(slots=True)
class _Signal:
    """value of every bit, highest first; since : when they last changed; spent : by bit and value; changes"""

    width: int
    value: list[str] = field(default_factory=list)
    since: list[int] = field(default_factory=list)
    spent: list[dict[str, int]] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.value = ["x"] * self.width
        self.since = [0] * self.width
        self.spent = [{"0": 0, "1": 0, "x": 0} for _ in range(self.width)]
        self.changes = [0] * self.width

    def set(self, bits: str, now: int) -> None:
        fill = "0" if bits[0] in "01" else bits[0]
        for k, new in enumerate(bits.rjust(self.width, fill)[-self.width :]):
            bit = new if new in "01" else "x"
            old = self.value[k]
            if bit != old:
                self.spent[k][old] += now - self.since[k]
                self.changes[k] += old != "x" and bit != "x"
                self.value[k], self.since[k] = bit, now

    def end(self, now: int) -> None:
        for k, value in enumerate(self.value):
            self.spent[k][value] += now - self.since[k]


@dataclass(slots=True)
class _Scope:
    name: str
    scopes: list[_Scope] = field(default_factory=list)
    nets: list[tuple[str, int, str]] = field(default_factory=list)  # name, low bit, code


def saif_of_vcd(lines: Iterable[str], *, program: str = "thermoc") -> str:
    """The SAIF file of a VCD's lines, up to its last time.

    Raises FormatError for what is no VCD.
    """
    root, scale = _Scope(""), "1 ps"
    signals: dict[str, _Signal] = {}
    stack = [root]
    rows = iter(lines)
    for line in rows:
        words = line.split()
        if not words:
            continue
        if words[0] == "$scope":
            stack[-1].scopes.append(_Scope(words[2]))
            stack.append(stack[-1].scopes[-1])
        elif words[0] == "$upscope":
            stack.pop()
        elif words[0] == "$var":
            width, code, name = int(words[2]), words[3], words[4]
            span = re.fullmatch(r"\[(\d+)(?::(\d+))?\]", words[5]) if len(words) > 6 else None
            low = 0 if span is None else min(int(v) for v in span.groups() if v is not None)
            stack[-1].nets.append((name, low, code))
            signals.setdefault(code, _Signal(width))
        elif words[0] == "$timescale":
            text = " ".join(words[1:]) or next(rows)
            scale = re.sub(r"(\d+)\s*([munpf]?s).*", r"\1 \2", text.strip())
        elif words[0] == "$enddefinitions":
            break
    else:
        raise FormatError("this is no VCD: it has no $enddefinitions")
    now = 0
    for line in rows:
        head = line[:1]
        if head == "#":
            now = int(line[1:])
        elif head in "01xXzZ" and head:
            signals[line[1:].strip()].set(head, now)
        elif head in "bB" and head:
            bits, code = line[1:].split()
            signals[code].set(bits, now)
    for signal in signals.values():
        signal.end(now)
    body = [line for scope in root.scopes for line in _instance(scope, signals, "  ")]
    head_lines = [
        "(SAIFILE",
        '  (SAIFVERSION "2.0")',
        '  (DIRECTION "backward")',
        f'  (PROGRAM_NAME "{program}")',
        "  (DIVIDER / )",
        f"  (TIMESCALE {scale})",
        f"  (DURATION {now})",
    ]
    return "\n".join([*head_lines, *body, ")", ""])


def _instance(scope: _Scope, signals: dict[str, _Signal], indent: str) -> list[str]:
    lines = [f"{indent}(INSTANCE {_name(scope.name)}"]
    if scope.nets:
        lines.append(f"{indent}  (NET")
    for name, low, code in scope.nets:
        signal = signals[code]
        for k in range(signal.width):
            place = signal.width - 1 - k
            bit = "" if signal.width == 1 else f"\\[{low + k}\\]"
            spent = signal.spent[place]
            lines.append(
                f"{indent}    ({_name(name)}{bit} (T0 {spent['0']}) (T1 {spent['1']}) (TX {spent['x']}) "
                f"(TC {signal.changes[place]}) (IG 0))"
            )
    if scope.nets:
        lines.append(f"{indent}  )")
    for inner in scope.scopes:
        lines += _instance(inner, signals, indent + "  ")
    return [*lines, f"{indent})"]


def _name(name: str) -> str:
    """A name as SAIF writes it: signs that are no letters, digits or _ after a backslash."""
    return re.sub(r"([^A-Za-z0-9_])", r"\\\1", name.lstrip("\\"))
