"""Random circuits with latches, which --cut-latches cuts, and what Yosys and ABC make of them, as Icarus
runs it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

from dialects import netlists
from dialects.verilog import Case, Net


def _cut(case: Case, text: str, states: int, clock: tuple[str, ...] = ()) -> Case:
    """The case whose last inputs have become states of latches; its ports are those of the cut circuit."""
    inputs = (*(Net(name, None, None) for name in clock), *case.inputs)
    shown = [net.bits()[0] for net in inputs[len(inputs) - states :]]
    following = (Net(f"\\{name}_next ", None, None) for name in shown)
    return Case(text, case.top, inputs, (*case.outputs, *following))


def _names(case: Case, rng: random.Random) -> tuple[list[str], list[str]]:
    """Names of inputs that stay, and of those that become states, at least one."""
    names = [net.bits()[0] for net in case.inputs]
    stay = rng.randrange(len(names))
    return names[:stay], names[stay:]


def blif(seed: int) -> Case | None:
    case, rng = netlists.blif(seed), random.Random(seed)
    if not case.inputs:
        return None
    stay, states = _names(case, rng)
    clock = ("clk",) * (rng.random() < 0.5)
    kinds = ("", " 0", " 1", " 2", " 3", *(" re clk", " fe clk 1", " re clk 3") * len(clock))
    nets = [net.bits()[0] for net in (*case.inputs, *case.outputs)]
    latches = [f".latch {rng.choice(nets)} {name}{rng.choice(kinds)}" for name in states]
    ports = " ".join((*clock, *stay))
    text = re.sub(r"^\.inputs .*\n", f".inputs {ports}\n" if ports else "", case.text, count=1, flags=re.M)
    text = text.replace(".end\n", "\n".join([*latches, ".end\n"]), 1)
    return _cut(case, text, len(states), clock)


def bench(seed: int) -> Case | None:
    case, rng = netlists.bench(seed), random.Random(seed)
    states = _names(case, rng)[1]
    nets = [net.bits()[0] for net in (*case.inputs, *case.outputs)]
    text = case.text
    for name in states:
        text = text.replace(f"INPUT({name})\n", "") + f"{name} = DFF({rng.choice(nets)})\n"
    return _cut(case, text, len(states))


def aiger(seed: int) -> Case | None:
    case, rng = netlists.aiger(seed), random.Random(seed)
    if not case.inputs:
        return None
    stay, states = _names(case, rng)
    head, *lines = case.text.split("\n")
    _, most, n, _, outputs, ands = head.split()
    for k in range(len(stay), int(n)):
        literal = lines[k]
        first = rng.choice(("", " 0", " 1", f" {literal}"))
        lines[k] = f"{literal} {rng.randrange(2 * int(most) + 2)}{first}"
    text = "\n".join([f"aag {most} {len(stay)} {len(states)} {outputs} {ands}", *lines])
    for k in range(int(n) - 1, len(stay) - 1, -1):
        text = text.replace(f"\ni{k} ", f"\nl{k - len(stay)} ")
    return _cut(case, text, len(states))


ENDINGS = {"bench": "bench", "aag": "aig"}
DIALECTS: dict[str, Callable[[int], Case | None]] = {"blif": blif, "bench": bench, "aag": aiger}


def binary(text: str) -> bytes:
    """The binary AIGER file of an ascii one whose gates are numbered in topological order."""
    head, *lines = text.split("\n")
    _, most, n, latches, outputs, gates = head.split()
    i, states, o, a = int(n), int(latches), int(outputs), int(gates)
    body = lines[i : i + states + o]
    body[:states] = [line.split(" ", 1)[1] for line in body[:states]]
    found = "\n".join([f"aig {most} {i} {states} {o} {a}", *body, ""]).encode()
    for left, *right in sorted(
        tuple(map(int, line.split())) for line in lines[i + states + o : i + states + o + a]
    ):
        high, low = max(right), min(right)
        found += _delta(left - high) + _delta(high - low)
    return found + "\n".join(lines[i + states + o + a :]).encode()


def _delta(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def as_verilog(kind: str, cases: dict[int, Case], folder: Path) -> dict[int, Case]:
    """The cases as ABC cuts them; those of BLIF, which it does not read all, cut here and read by Yosys."""
    if kind == "blif":
        return netlists.as_verilog(kind, {seed: _by_hand(case) for seed, case in cases.items()}, folder)
    steps = []
    for case in cases.values():
        file = f"{case.top}.{ENDINGS[kind]}"
        (folder / file).write_bytes(binary(case.text) if kind == "aag" else case.text.encode())
        steps += [f"read {file}", "strash", "comb", f"write_verilog {case.top}.v"]
    texts = netlists.written_by_abc(steps, cases, folder)
    return {seed: Case(texts[seed], case.top, *_ports(texts[seed], case)) for seed, case in cases.items()}


def _by_hand(case: Case) -> Case:
    """A buffer from what a latch reads in its place."""
    ports = [" ".join(net.bits()[0] for net in side) for side in (case.inputs, case.outputs)]
    text = re.sub(r"^\.latch (\S+) (\S+).*", r".names \1 \2_next\n1 1", case.text, flags=re.M)
    text = re.sub(
        r"^(\.inputs .*\n)?\.outputs .*",
        lambda _: f".inputs {ports[0]}\n.outputs {ports[1]}",
        text,
        count=1,
        flags=re.M,
    )
    return Case(text, case.top, case.inputs, case.outputs)


def _ports(text: str, case: Case) -> tuple[tuple[Net, ...], tuple[Net, ...]]:
    """Ports of ABC's module: inputs and states have their names, what a latch takes next its place."""
    header = re.search(r"module \S+\s*\((.*?)\);", text, re.S)
    assert header, text
    names = [name.removeprefix("\\") for name in header[1].replace(",", " ").split()]
    n, kept = len(case.inputs), [net.bits()[0] for net in case.outputs]
    states = sum(net.bits()[0] + "_next" in kept for net in case.inputs)
    assert names[:-states] == [net.bits()[0] for net in case.inputs] + kept[:-states], text
    return case.inputs, tuple(Net(f"\\{name} ", None, None) for name in names[n:])
