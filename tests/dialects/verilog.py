"""Random Verilog modules, and what Icarus Verilog says that they compute."""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

TRICKY = ("a", "b_$1", "q", "Input", r"\a[0] ", r"\a[1] ", r"\b.c ", r"\and ", r"\x+y ", r"\~z ", "logic_")
TRICKY += (r"\1 ", "_0_", r"\w[3:0] ", r"\u1.n ", "n", "n1", "state", r"\type ", r"\$x ", r"\a\b ")
BITWISE = ("&", "|", "^", "~^", "^~")
ARITHMETIC = ("+", "-", "*")
COMPARE = ("==", "!=", "===", "!==", "<", "<=", ">", ">=")
SHIFT = ("<<", ">>", "<<<", ">>>")
REDUCE = ("&", "|", "^", "~&", "~|", "~^", "!")
PATTERNS = 12


@dataclass(frozen=True)
class Net:
    """first, last : its range, None for a single bit"""

    name: str
    first: int | None
    last: int | None
    signed: bool = False

    @property
    def width(self) -> int:
        return 1 if self.first is None else abs(self.first - self.last) + 1

    @property
    def range(self) -> str:
        return ("signed " if self.signed else "") + (
            "" if self.first is None else f"[{self.first}:{self.last}] "
        )

    def bits(self) -> list[str]:
        """Names as we call them, low bit first."""
        plain = self.name.strip().removeprefix("\\")
        if self.first is None:
            return [plain]
        step = 1 if self.first >= self.last else -1
        return [f"{plain}[{k}]" for k in range(self.last, self.first + step, step)]


@dataclass(frozen=True)
class Case:
    text: str
    top: str
    inputs: tuple[Net, ...]
    outputs: tuple[Net, ...]


class Maker:
    """One random module; `rng` decides everything."""

    def __init__(self, rng: random.Random, title: str) -> None:
        self.rng, self.title = rng, title
        names = list(TRICKY)
        rng.shuffle(names)
        self.names = names
        self.known: list[Net] = []
        self.parameters: list[str] = []
        self.macros = False  # whether the macros of a size and digits are defined
        self.count = 0

    def fresh(self) -> int:
        self.count += 1
        return self.count

    def net(self, signed: bool | None = None) -> Net:
        rng, name = self.rng, self.names.pop()
        taken = {bit for net in self.known for bit in net.bits()}
        signed = rng.random() < 0.25 if signed is None else signed
        while True:
            shape = rng.choice(((None, None), (0, 0), (3, 0), (1, 0), (0, 2), (6, 3), (7, 0), (2, 5), (4, 4)))
            net = Net(name, *shape, signed)
            if not taken & set(net.bits()):
                self.known.append(net)
                return net
            if shape == (None, None) and not self.names:
                raise AssertionError("no name is left")
            name = self.names.pop() if self.names else name

    def literal(self, sized: bool = False) -> str:
        rng = self.rng
        if self.macros and rng.random() < 0.3:
            return rng.choice((f"`W_{self.title}'hA", f"`W_{self.title} 'sb`V_{self.title}"))
        if not sized and rng.random() < 0.5:
            return rng.choice(("0", "1", "2", "3", "7", "255", "'h1", "'b10", "'sd1", "'o7", "'sb01"))
        width = rng.choice((1, 1, 2, 3, 4, 8, 33))
        value = rng.getrandbits(width)
        sign = rng.choice(("", "", "s"))
        base = rng.choice("bdhoBH")
        digits = {"b": "b", "d": "d", "h": "x", "o": "o"}[base.lower()]
        shown = format(value, digits)
        if base == "b" and len(shown) > 2:
            shown = shown[0] + "_" + shown[1:]
        return f"{width}{rng.choice(('', ' '))}'{sign}{base}{shown}"

    def leaf(self, sized: bool = False) -> str:
        rng = self.rng
        if not self.known or rng.random() < 0.2:
            return self.literal(sized)
        if self.parameters and rng.random() < 0.15 and not sized:
            return rng.choice(self.parameters)
        net = rng.choice(self.known)
        roll = rng.random()
        if net.first is None or roll < 0.5:
            return net.name
        low, high = sorted((net.first, net.last))
        at = rng.randint(low, high)
        if roll < 0.7:
            return f"{net.name}[{at}]"
        if roll < 0.85:
            other = rng.randint(low, high)
            ends = sorted((at, other), reverse=net.first >= net.last)
            return f"{net.name}[{ends[0]}:{ends[1]}]"
        if (net.first, net.last) in ((3, 0), (7, 0), (1, 0)):
            bits = {4: 2, 8: 3, 2: 1}[net.width]
            fitting = [n for n in self.known if n.width == bits and not n.signed]
            if fitting:
                return f"{net.name}[{rng.choice(fitting).name}]"
        width = rng.randint(1, high - at + 1)
        return (
            f"{net.name}[{at} +: {width}]"
            if rng.random() < 0.5
            else f"{net.name}[{at + width - 1} -: {width}]"
        )

    def expression(self, depth: int, sized: bool = False) -> str:
        rng = self.rng
        if depth <= 0 or rng.random() < 0.1:
            return self.leaf(sized)
        roll = rng.random()

        def one() -> str:
            return self.expression(depth - 1, sized)

        if roll < 0.16:
            return f"{rng.choice(('~', '-', '~', '+'))}({one()})"
        if roll < 0.26:
            return f"{rng.choice(REDUCE)}({one()})"
        if roll < 0.46:
            count = rng.choice((2, 2, 2, 3))
            op = rng.choice(BITWISE)
            return "(" + f" {op} ".join(one() for _ in range(count)) + ")"
        if roll < 0.58:
            return f"({one()} {rng.choice(ARITHMETIC)} {one()})"
        if roll < 0.68:
            return f"({one()} {rng.choice(COMPARE)} {one()})"
        if roll < 0.74:
            return f"({one()} {rng.choice(('&&', '||'))} {one()})"
        if roll < 0.81:
            return f"({one()} {rng.choice(SHIFT)} {self.leaf(sized)})"
        if roll < 0.9:
            return f"({one()} ? {one()} : {one()})"
        if roll < 0.95:
            parts = [self.expression(depth - 1, sized=True) for _ in range(rng.randint(1, 3))]
            inner = "{" + ", ".join(f"({p}) + 1'b0" if rng.random() < 0.1 else p for p in parts) + "}"
            return f"{{{rng.randint(1, 3)}{inner}}}" if rng.random() < 0.3 else inner
        return f"{rng.choice(('$signed', '$unsigned'))}({one()})"

    def flat(self) -> str:
        """An expression without brackets: precedence decides."""
        rng = self.rng
        ops = (*BITWISE, "+", "-", "==", "<", "&&", "||", "<<")
        parts = [self.leaf()]
        for _ in range(rng.choice((*range(1, 5), *range(1, 5), 30))):
            parts += [rng.choice(ops), rng.choice(("", "", "~", "!", "&", "|")) + self.leaf()]
        text = " ".join(parts)
        for _ in range(rng.choice((*[0] * 8, 1, 9))):
            text = f"{self.leaf()} {rng.choice(ops)} {self.leaf()} ? {self.leaf()} : {text}"
        return f"{text} ? {self.leaf()} : {self.leaf()}" if rng.random() < 0.3 else text

    def value(self) -> str:
        return self.flat() if self.rng.random() < 0.3 else self.expression(self.rng.randint(0, 3))

    def drive(self, net: Net) -> list[str]:
        """Statements that drive all bits of a net."""
        rng = self.rng
        bits = [net.name]
        if net.first is not None and rng.random() < 0.4:
            step = 1 if net.last >= net.first else -1
            bits = [f"{net.name}[{k}]" for k in range(net.first, net.last + step, step)]
            if rng.random() < 0.3 and len(bits) > 1:
                return [f"assign {{{', '.join(bits)}}} = {self.value()};"]
        found = []
        for bit in bits:
            width = net.width if bit == net.name else 1
            if width == 1 and rng.random() < 0.35:
                gate = rng.choice(("and", "nand", "or", "nor", "xor", "xnor", "not", "buf"))
                count = 1 if gate in ("not", "buf") else rng.randint(2, 4)
                terminals = [self.terminal() for _ in range(count)]
                found.append(
                    f"{gate} {rng.choice(('', f'g{self.fresh()} '))}({bit}, {', '.join(terminals)});"
                )
            else:
                found.append(f"assign {bit} = {self.value()};")
        rng.shuffle(found)
        return found

    def terminal(self) -> str:
        singles = [net for net in self.known if net.width == 1]
        wide = [net for net in self.known if net.first is not None]
        roll = self.rng.random()
        if roll < 0.15 or not (singles or wide):
            return self.rng.choice(("1'b0", "1'b1"))
        if wide and (roll < 0.5 or not singles):
            net = self.rng.choice(wide)
            return f"{net.name}[{self.rng.randint(*sorted((net.first, net.last)))}]"
        return self.rng.choice(singles).name

    def module(self, children: tuple[Case, ...] = ()) -> Case:
        rng = self.rng
        inputs = [self.net() for _ in range(rng.choice((0, 1, 2, 3, 3)))]
        outputs: list[Net] = []
        body: list[str] = []
        if rng.random() < 0.3:
            body.append(f"supply{rng.randint(0, 1)} vdd_;")
            self.known.append(Net("vdd_", None, None))
        if rng.random() < 0.3:
            self.parameters.append("P_")
            body.append(f"parameter {rng.choice(('', '[2:0] ', 'signed [3:0] '))}P_ = {self.literal()};")
        if rng.random() < 0.3:
            body += [
                f"`{rng.choice(('ifdef', 'ifndef'))} FOO",
                "`define BAR 1'b1",
                "`else",
                "`define BAR 1'b0",
                "`endif",
            ]
            self.parameters.append("`BAR")
        if rng.random() < 0.3:
            title = self.title
            body += [f"`define X_{title} {{2{{`Y_{title}}}}}", f"`define Y_{title} 1'b0"]
            body += [f"`undef Y_{title}", f"`define Y_{title} {self.literal(sized=True)}"]
            body += [
                f"`define W_{title} {rng.randint(2, 6)}",
                f"`define V_{title} {rng.choice(('1', '1_0'))}",
            ]
            self.parameters.append(f"`X_{title}")
            self.macros = True
        declared: list[str] = []
        for _ in range(rng.randint(0, 5)):
            before = list(self.known)
            net = self.net()
            if self.names and rng.random() < 0.6:
                outputs.append(net)
            else:
                declared.append(f"wire {net.range}{net.name};")
            after, self.known = self.known, before
            child = rng.choice(children) if children and rng.random() < 0.4 else None
            fitting = [o for o in child.outputs if o.width == net.width] if child else []
            if child and fitting:
                shown = rng.choice(fitting)
                pins = [f".{o.name}({net.name if o is shown else ''})" for o in child.outputs]
                pins += [f".{i.name}({self.connected(i)})" for i in child.inputs]
                rng.shuffle(pins)
                body.append(f"{child.top} u{len(self.known)} ({', '.join(pins)});")
            else:
                body += self.drive(net)
            self.known = after
        lines = [f"module {self.title}"]
        ports = [("input", n) for n in inputs] + [("output", n) for n in outputs]
        rng.shuffle(ports)
        if rng.random() < 0.5:
            lines[0] += " (" + ", ".join(f"{side} {n.range}{n.name}" for side, n in ports) + ");"
        else:
            lines[0] += (" (" + ", ".join(n.name for _, n in ports) + ");") if ports else ";"
            lines += [f"{side} {n.range}{n.name};" for side, n in ports]
        lines += declared + body + ["endmodule"]
        order = [n for side, n in ports if side == "input"], [n for side, n in ports if side == "output"]
        return Case("\n".join(lines) + "\n", self.title, tuple(order[0]), tuple(order[1]))

    def connected(self, port: Net) -> str:
        """What stands at an input of an instance: wider than it may be anything, narrower a leaf."""
        if self.rng.random() < 0.5:
            return self.leaf(sized=True)
        names = [n.name for n in self.known if n.width == port.width]
        return self.rng.choice(names) if names else self.leaf(sized=True)


def make(seed: int) -> Case:
    rng = random.Random(seed)
    children = ()
    text = ""
    if rng.random() < 0.4:
        child = Maker(rng, f"c{seed}_").module()
        children, text = (child,), child.text
    case = Maker(rng, f"m{seed}").module(children)
    if children and f"c{seed}_ " not in case.text:
        text = ""
    return Case(text + case.text, case.top, case.inputs, case.outputs)


def patterns(case: Case, seed: int) -> list[int]:
    rng = random.Random(seed)
    width = sum(n.width for n in case.inputs)
    return [rng.getrandbits(width) if width else 0 for _ in range(PATTERNS)]


def bench(cases: dict[int, Case]) -> str:
    """A test bench that prints `seed outputs` for every pattern, outputs high bit first."""
    lines = []
    for seed, case in cases.items():
        n = sum(net.width for net in case.inputs)
        m = sum(net.width for net in case.outputs)
        lines.append(f"module t{seed};")
        lines += [f"reg [{n - 1}:0] in;"] * bool(n) + [f"wire [{m - 1}:0] out;"] * bool(m)
        pins, at = [], 0
        for net in case.inputs:
            pins.append(f".{net.name}(in[{at + net.width - 1}:{at}])")
            at += net.width
        at = 0
        for net in case.outputs:
            pins.append(f".{net.name}(out[{at + net.width - 1}:{at}])")
            at += net.width
        lines += [f"{case.top} dut ({', '.join(pins)});", "initial begin"]
        for pattern in patterns(case, seed):
            lines.append((f"in = {n}'h{pattern:x}; " if n else "") + "#1;")
            if m:
                lines.append(f'$display("{seed} %b", out);')
        lines += ["end", "endmodule"]
    return "\n".join(lines) + "\n"


def icarus(cases: dict[int, Case], folder: Path) -> dict[int, list[str]]:
    """What Icarus Verilog prints for every case; AssertionError with its words if it refuses one."""
    text = "".join(f"`undef BAR\n{case.text}" for case in cases.values())
    (folder / "all.v").write_text(text + bench(cases))
    tops = [word for seed in cases for word in ("-s", f"t{seed}")]
    done = subprocess.run(
        ["iverilog", "-g2005", "-o", "sim", *tops, "all.v"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[:2000]
    done = subprocess.run(["vvp", "-n", "sim"], cwd=folder, capture_output=True, text=True)
    found: dict[int, list[str]] = {seed: [] for seed in cases}
    for line in done.stdout.splitlines():
        seed, _, bits = line.partition(" ")
        if seed.isdigit():
            found[int(seed)].append(bits)
    return found


def ours(case: Case, netlist, seed: int) -> list[str]:
    """The same lines from a netlist."""
    names_in = [bit for net in case.inputs for bit in net.bits()]
    names_out = [bit for net in case.outputs for bit in net.bits()]
    assert sorted(netlist.input_names) == sorted(names_in), netlist.input_names
    assert sorted(netlist.output_names) == sorted(names_out), netlist.output_names
    place = {name: k for k, name in enumerate(names_in)}
    found = []
    columns = list(zip(netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist(), strict=True))
    shown = dict(zip(netlist.output_names, netlist.outputs.tolist(), strict=True))
    for pattern in patterns(case, seed):
        values = [pattern >> place[name] & 1 for name in netlist.input_names]
        for op, a, b in columns:
            values.append(op >> (3 - 2 * (values[a] if a >= 0 else 0) - (values[b] if b >= 0 else 0)) & 1)
        found.append("".join(str(values[shown[name]]) for name in reversed(names_out)))
    return found if names_out else []
