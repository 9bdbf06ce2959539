"""Random circuits in the formats that name nets, and what Yosys and ABC make of them, as Icarus runs it."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

from dialects.verilog import Case, Net

NAMES = [
    "a",
    "b",
    "x[0]",
    "x[1]",
    "q.r",
    "n1",
    "n2",
    "type",
    "_0_",
    "and$1",
    "w<3>",
    "t_1",
    "U7",
    "and",
    "z9",
    "k",
]
PLAIN = [
    "a",
    "b",
    "x_0",
    "x_1",
    "q_r",
    "n1",
    "n2",
    "type_",
    "t0",
    "w_3_",
    "t_1",
    "U7",
    "and_",
    "z9",
    "k",
    "new_n5",
]


def _net(name: str) -> Net:
    return Net(f"\\{name} ", None, None)


def _case(text: str, title: str, inputs: list[str], outputs: list[str]) -> Case:
    return Case(text, title, tuple(map(_net, inputs)), tuple(map(_net, outputs)))


class Network:
    """Names and an order of definitions; every net reads earlier ones."""

    def __init__(self, seed: int, names: list[str], *, inputs: int | None = None) -> None:
        rng = self.rng = random.Random(seed)
        self.title = f"m{seed}"
        chosen = rng.sample(names, len(names))
        count = rng.choice((0, 1, 2, 3, 4)) if inputs is None else inputs
        self.inputs, rest = chosen[:count], chosen[count:]
        self.nets = rest[: rng.randint(1, 8)]
        self.outputs = [name for name in self.nets if rng.random() < 0.6] or self.nets[-1:]

    def operands(self, k: int, least: int, most: int) -> list[str]:
        known = self.inputs + self.nets[:k]
        count = min(self.rng.randint(least, most), len(known))
        return self.rng.sample(known, count)


def _cover(rng: random.Random, width: int) -> list[str]:
    rows = [
        "".join(rng.choice("01--") for _ in range(width)) for _ in range(rng.randint(1 if width else 0, 4))
    ]
    value = rng.choice("1110")
    return [f"{row} {value}".strip() for row in (rows if width else rows[:1])]


def blif(seed: int) -> Case:
    net = Network(seed, NAMES)
    rng = net.rng
    child = ""
    statements = []
    for k, name in enumerate(net.nets):
        roll = rng.random()
        operands = net.operands(k, 0, 5)
        if roll < 0.15 and operands:
            statements.append(f".conn {operands[0]} {name}")
        elif roll < 0.35 and len(net.inputs) + k >= 2:
            one, two = net.operands(k, 2, 2)
            child = (
                f".model c{seed}\n.inputs a b\n.outputs y\n.names a t\n0 1\n.names t b y\n1- 1\n-1 1\n.end\n"
            )
            statements.append(f".subckt c{seed} a={one} b={two} y={name}")
            if rng.random() < 0.5:
                statements[-1] += f"\n.cname $abc${k}"
        else:
            words = " ".join([*operands, name])
            split = words.replace(" ", " \\\n ", 1) if rng.random() < 0.2 else words
            statements.append("\n".join([f".names {split}", *_cover(rng, len(operands))]))
    rng.shuffle(statements)
    head = [f".model m{seed}  # {seed}", *(f".inputs {' '.join(net.inputs)}",) * bool(net.inputs)]
    text = "\n".join([*head, f".outputs {' '.join(net.outputs)}", *statements, ".end"]) + "\n" + child
    return _case(text, net.title, net.inputs, net.outputs)


def bench(seed: int) -> Case:
    net = Network(seed, PLAIN, inputs=random.Random(seed).randint(1, 4))
    rng = net.rng
    lines = [f"INPUT({name})" for name in net.inputs]
    lines += [f"OUTPUT({name})" for name in net.outputs]
    gates = []
    for k, name in enumerate(net.nets):
        operands = net.operands(k, 1, 4)
        roll = rng.random()
        shown = ", ".join(operands)
        if roll < 0.3 and len(operands) > 1:
            digits = f"{rng.getrandbits(1 << len(operands)):x}"
            gates.append(f"{name} = LUT 0x{digits} ( {shown} )")
        elif roll < 0.4:
            gates.append(f"{name} = {rng.choice(('vdd', 'gnd'))}")
        elif len(operands) == 1:
            gates.append(f"{name} = {rng.choice(('NOT', 'BUFF', 'BUFF'))}({operands[0]})")
        elif len(operands) == 3 and rng.random() < 0.4:
            gates.append(f"{name} = MUX({shown})")
        else:
            kind = rng.choice(("AND", "NAND", "OR", "NOR", "XOR", "XNOR"))
            if kind in ("XOR", "XNOR"):  # of two only: programs differ on more
                shown = ", ".join(operands[:2])
            gates.append(f"{name} = {kind}({shown})")
    return _case("\n".join([*lines, *gates]) + "\n", net.title, net.inputs, net.outputs)


def eqn(seed: int) -> Case:
    net = Network(seed, PLAIN, inputs=random.Random(seed).randint(1, 4))
    rng = net.rng

    def term(k: int, depth: int) -> str:
        known = net.inputs + net.nets[:k]
        if depth == 0 or rng.random() < 0.2:
            leaf = rng.choice(known)
            return f"!{leaf}" if rng.random() < 0.3 else leaf
        op = rng.choice((" * ", " + ", "*", "+"))
        inner = op.join(term(k, depth - 1) for _ in range(rng.randint(1, 3)))
        return f"{rng.choice(('', '!'))}({inner})"

    lines = [f"INORDER = {' '.join(net.inputs)};", f"OUTORDER = {' '.join(net.outputs)};"]
    for k, name in enumerate(net.nets):
        flat = " + ".join(" * ".join(term(k, 0) for _ in range(rng.randint(1, 3))) for _ in range(2))
        lines.append(f"{name} = {flat if rng.random() < 0.4 else term(k, 3)};")
    return _case("# equations\n" + "\n".join(lines) + "\n", net.title, net.inputs, net.outputs)


def pla(seed: int) -> Case:
    rng = random.Random(seed)
    names = rng.sample(PLAIN, len(PLAIN))
    n, m = rng.randint(1, 5), rng.randint(1, 4)
    inputs, outputs = names[:n], names[n : n + m]
    bar = rng.choice((" ", " | ", "\t"))
    rows = [
        "".join(rng.choice("01--") for _ in range(n)) + bar + "".join(rng.choice("0011") for _ in range(m))
        for _ in range(rng.randint(1, 6))
    ]
    head = [f".i {n}", f".o {m}", f".ilb {' '.join(inputs)}", f".ob {' '.join(outputs)}", f".p {len(rows)}"]
    return _case("\n".join([*head, *rows, ".e"]) + "\n", f"m{seed}", inputs, outputs)


def aiger(seed: int) -> Case:
    rng = random.Random(seed)
    n, gates = rng.randint(0, 4), rng.randint(0, 8)
    names = rng.sample(PLAIN, len(PLAIN))
    outputs = names[n : n + rng.randint(1, 4)]
    lines = [f"aag {n + gates} {n} 0 {len(outputs)} {gates}", *(str(2 * k + 2) for k in range(n))]
    lines += [str(rng.randrange(2 * (n + gates) + 2)) for _ in outputs]
    ands = []
    for k in range(gates):
        left = 2 * (n + k + 1)
        ands.append(f"{left} {rng.randrange(left)} {rng.randrange(left)}")
    rng.shuffle(ands)
    symbols = [f"i{k} {name}" for k, name in enumerate(names[:n])]
    symbols += [f"o{k} {name}" for k, name in enumerate(outputs)]
    tail = "c\nfree" if rng.random() < 0.5 else ""
    return _case("\n".join([*lines, *ands, *symbols, tail]), f"m{seed}", names[:n], outputs)


DIALECTS = {"blif": blif, "bench": bench, "eqn": eqn, "pla": pla, "aag": aiger}
YOSYS = {"blif": "read_blif {file}", "aag": "read_aiger -module_name {title} {file}"}
ABC = {"bench": "read_bench", "eqn": "read_eqn", "pla": "read_pla"}


def as_verilog(kind: str, cases: dict[int, Case], folder: Path) -> dict[int, Case]:
    """The cases with what another program writes for them in Verilog as their text."""
    for case in cases.values():
        (folder / f"{case.top}.{kind}").write_text(case.text)
    if kind in YOSYS:
        steps = [YOSYS[kind].format(file=f"{c.top}.{kind}", title=c.top) for c in cases.values()]
        (folder / "x.ys").write_text("\n".join([*steps, "write_verilog -noattr all.v"]))
        done = subprocess.run(["yosys", "-q", "x.ys"], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[:1000]
        whole = (folder / "all.v").read_text()
        return {
            seed: Case(whole if k == 0 else "", case.top, case.inputs, case.outputs)
            for k, (seed, case) in enumerate(cases.items())
        }
    steps = []
    for case in cases.values():
        steps += [f"{ABC[kind]} {case.top}.{kind}", "strash", f"write_verilog {case.top}.v"]
    texts = written_by_abc(steps, cases, folder)
    return {seed: Case(texts[seed], case.top, case.inputs, case.outputs) for seed, case in cases.items()}


def written_by_abc(steps: list[str], cases: dict[int, Case], folder: Path) -> dict[int, str]:
    """Verilog of each case, which these commands of ABC write as TOP.v in the folder; modules named TOP."""
    (folder / "x.abc").write_text("\n".join([*steps, ""]))
    done = subprocess.run(["berkeley-abc", "-f", "x.abc"], cwd=folder, capture_output=True, text=True)
    found = {}
    for seed, case in cases.items():
        path = folder / f"{case.top}.v"
        assert path.exists(), done.stdout[-1000:]
        found[seed] = re.sub(r"module \S+", f"module {case.top}", path.read_text(), count=1)
    return found


GENLIB = """GATE inv 1 O=!a; PIN * INV 1 999 1 0 1 0
GATE nand2 2 O=!(a*b); PIN * INV 1 999 1 0 1 0
GATE nor3 3 O=!(a+b+c); PIN * INV 1 999 1 0 1 0
GATE xor2 4 O=a*!b+!a*b; PIN * UNKNOWN 1 999 1 0 1 0
GATE aoi21 3 O=!((a*b)+c); PIN * INV 1 999 1 0 1 0
GATE mux 4 Y=s*i1+!s*i0; PIN * UNKNOWN 1 999 1 0 1 0
GATE buf1 1 O=a; PIN * NONINV 1 999 1 0 1 0
GATE zero 0 O=CONST0;
GATE one 0 O=CONST1;
"""


def mapped(cases: dict[int, Case], folder: Path) -> dict[int, tuple[str, str]]:
    """(BLIF of .gate, Verilog of cells) that ABC maps .eqn cases to, with cells.genlib in the folder."""
    (folder / "cells.genlib").write_text(GENLIB)
    steps = ["read_genlib cells.genlib"]
    for case in cases.values():
        (folder / f"{case.top}.eqn").write_text(case.text)
        steps += [f"read_eqn {case.top}.eqn", "strash", "map"]
        steps += [f"write_blif {case.top}.gate", f"write_verilog {case.top}.cells"]
    (folder / "map.abc").write_text("\n".join(steps) + "\n")
    done = subprocess.run(["berkeley-abc", "-f", "map.abc"], cwd=folder, capture_output=True, text=True)
    found = {}
    for seed, case in cases.items():
        assert (folder / f"{case.top}.cells").exists(), done.stdout[-1000:]
        found[seed] = (folder / f"{case.top}.gate").read_text(), (folder / f"{case.top}.cells").read_text()
    return found


def yosys_json(cases: dict[int, Case], folder: Path) -> str:
    """One document with the gates of all Verilog cases."""
    (folder / "cases.v").write_text("".join(f"`undef BAR\n{case.text}" for case in cases.values()))
    script = "read_verilog cases.v; proc; flatten; techmap; simplemap; opt -purge"
    done = subprocess.run(
        ["yosys", "-q", "-p", f"{script}; write_json all.json"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[:1000]
    return (folder / "all.json").read_text()


def as_json_names(case: Case) -> Case:
    """The case with ports [0:0] as single bits: the document does not tell them apart."""
    sides = [
        tuple(Net(n.name, None, None) if (n.first, n.last) == (0, 0) else n for n in side)
        for side in (case.inputs, case.outputs)
    ]
    return Case(case.text, case.top, *sides)
