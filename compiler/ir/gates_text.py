"""Canonical text of a GateNetlist: parse_gates(dump_gates(n)) equals n. Grammar: docs/ir.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from compiler.errors import FormatError, NetlistError
from compiler.ir.gates import (
    NONE,
    OP_NAMES,
    READS_A,
    READS_B,
    ClassSums,
    GateNetlist,
    Thermometer,
    named,
    verify_gates,
)
from compiler.ir.text_parts import TOKEN, Parser, meta_text, number_text, runs_text, spans_text, word_text

HEAD = "gates 2"
HEADS = ("gates 1", HEAD)  # the first kept the name in meta
MAX_IDS = 1 << 24  # a short text can name any number of ids by its spans
OPS = {name: op for op, name in enumerate(OP_NAMES)}


def dump_gates(netlist: GateNetlist, *, limit: int | None = None) -> str:
    """Canonical text. With `limit`, at most that many gates, and of a row names, nets or numbers,
    are shown; a text that leaves some out says so and cannot be parsed."""
    return "\n".join(_lines(netlist, limit)) + "\n"


def _lines(netlist: GateNetlist, limit: int | None) -> Iterator[str]:
    n = netlist.n_inputs

    def few(words: list[str]) -> list[str]:
        if limit is None or len(words) <= limit:
            return words
        return [*words[:limit], f"...{len(words) - limit}"]

    yield HEAD
    yield " ".join(["inputs", str(n), *few([word_text(name) for name in netlist.input_names])])
    yield f"gates {netlist.n_gates}"
    for k in range(netlist.n_gates if limit is None else min(limit, netlist.n_gates)):
        op = int(netlist.op[k])
        words = [str(n + k), "=", OP_NAMES[op]]
        words += [str(netlist.a[k])] if READS_A[op] else []
        words += [str(netlist.b[k])] if READS_B[op] else []
        yield "  " + " ".join(words)
    if limit is not None and netlist.n_gates > limit:
        yield f"  ... {netlist.n_gates - limit} gates not shown"
    for name, net in zip(netlist.output_names, netlist.outputs, strict=True):
        yield f"output {word_text(name)} {net}"
    if (sums := netlist.class_sums) is not None:
        yield f"classes {sums.n_classes} tau {number_text(sums.tau)}"
        for c, (start, stop) in enumerate(zip(sums.indptr[:-1], sums.indptr[1:], strict=True)):
            yield " ".join([f"  {c}:", *few(spans_text(sums.nets[start:stop]))])
        if sums.labels:
            yield f"  labels {' '.join(word_text(v) for v in sums.labels)}"
    if (encoder := netlist.encoder) is not None:
        scope = "" if encoder.scope == "absolute" else f" {encoder.scope}"
        yield f"thermometer {encoder.n_features}{scope}"
        yield " ".join(["  feature", *few(spans_text(encoder.feature))])
        yield f"  threshold {runs_text(encoder.threshold, limit=limit)}".rstrip()
    if netlist.name:
        yield f"name {word_text(netlist.name)}"
    if netlist.meta:
        yield f"meta {meta_text(netlist.meta)}"


def parse_gates(text: str, *, name: str = "text", check: bool = True) -> GateNetlist:
    """The netlist of a canonical text; `name` (a file name) begins every error.

    Raises FormatError naming the line; also for a netlist that breaks an invariant, unless
    `check` is False.
    """
    try:
        netlist = _GateParser(text, name).gates()
        if check:
            verify_gates(netlist)
    except (NetlistError, OverflowError) as error:
        raise FormatError(f"{name}: {error}") from None
    return netlist


class _GateParser(Parser):
    """Reads line by line; each method reads one statement and its indented lines."""

    def gates(self) -> GateNetlist:
        head = self.next()
        if head not in HEADS:
            self.fail(f"expected {HEAD!r}, got {head!r}; is this a circuit's text?")
        words = TOKEN.findall(self.next() or "")
        if len(words) < 2 or words[0] != "inputs" or len(words) - 2 != self.integer(words[1]):
            self.fail("expected `inputs COUNT NAME ...` with that many names")
        inputs = tuple(self.word(w) for w in words[2:])
        op, a, b = self.columns(len(inputs))
        names, nets = [], []
        rest: dict[str, Any] = {}
        while (line := self.next()) is not None:
            statement, *words = TOKEN.findall(line)
            if statement == "output" and len(words) == 2:
                names.append(self.word(words[0]))
                nets.append(self.integer(words[1]))
            elif statement == "classes" and len(words) == 3 and "class_sums" not in rest:
                rest["class_sums"] = self.class_sums(words)
            elif statement == "thermometer" and 1 <= len(words) <= 2 and "encoder" not in rest:
                rest["encoder"] = self.thermometer(self.integer(words[0]), *words[1:])
            elif statement == "name" and len(words) == 1 and "name" not in rest:
                rest["name"] = self.word(words[0])
            elif statement == "meta" and "meta" not in rest:
                rest["meta"] = self.meta(line[len("meta") :])
            else:
                self.fail(f"cannot read the statement {line[:60]!r}")
        if self.at < len(self.lines):
            self.line_number = self.lines[self.at][0]
            self.fail(f"an indented line stands alone: {self.lines[self.at][1].strip()[:60]!r}")
        if head != HEAD:
            rest = named(rest)
        return GateNetlist(inputs, op, a, b, tuple(names), np.array(nets, dtype=np.int32), **rest)

    def columns(self, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        words = (self.next() or "").split()
        if len(words) != 2 or words[0] != "gates":
            self.fail("expected `gates COUNT`")
        count = self.integer(words[1])
        ops: list[int] = []
        first: list[int] = []
        second: list[int] = []
        while (line := self.next(indented=True)) is not None:
            if line.startswith("..."):
                self.fail("this text leaves gates out; dump it without a limit")
            net, _, rest = line.partition(" = ")
            words = rest.split()
            if not words or words[0] not in OPS:
                choices = ", ".join(OP_NAMES)
                self.fail(f"expected `NET = OP NETS` with an op of {choices}; got {line[:60]!r}")
            op = OPS[words[0]]
            if self.integer(net) != n + len(ops):
                self.fail(f"net {net} is out of order; net {n + len(ops)} comes next")
            nets = [self.integer(w) for w in words[1:]]
            if len(nets) != int(READS_A[op]) + int(READS_B[op]):
                self.fail(f"{words[0]} cannot read {len(nets)} net(s)")
            ops.append(op)
            first.append(nets[0] if READS_A[op] else NONE)
            second.append(nets[-1] if READS_B[op] else NONE)
        if len(ops) != count:
            self.fail(f"{len(ops)} gates are listed where {count} are announced")
        return (
            np.array(ops, dtype=np.uint8),
            np.array(first, dtype=np.int32),
            np.array(second, dtype=np.int32),
        )

    def ids(self, words: list[str]) -> list[int]:
        spans = [self.span(word) for word in words]
        if sum(len(span) for span in spans) > MAX_IDS:
            self.fail(f"more than {MAX_IDS:,} ids are listed; the text was altered")
        return [i for span in spans for i in span]

    def class_sums(self, words: list[str]) -> ClassSums:
        if words[1] != "tau":
            self.fail("expected `classes COUNT tau NUMBER`")
        count, tau = self.integer(words[0]), self.number(words[2])
        labels: tuple[str, ...] = ()
        nets: list[int] = []
        ends = [0]
        while (line := self.next(indented=True)) is not None:
            first, *rest = TOKEN.findall(line)
            if first == "labels":
                labels = tuple(self.word(w) for w in rest)
            elif first == f"{len(ends) - 1}:":
                nets += self.ids(rest)
                ends.append(len(nets))
            else:
                self.fail(f"expected the nets of class {len(ends) - 1}, got {line[:60]!r}")
        if len(ends) - 1 != count:
            self.fail(f"{len(ends) - 1} classes are listed where {count} are announced")
        return ClassSums(np.array(nets, dtype=np.int32), np.array(ends, dtype=np.int64), tau, labels)

    def thermometer(self, n_features: int, scope: str = "absolute") -> Thermometer:
        given: dict[str, list[str]] = {}
        while (line := self.next(indented=True)) is not None:
            name, *words = line.split()
            given[name] = words
        if set(given) != {"feature", "threshold"}:
            self.fail("a thermometer needs one line `feature` and one line `threshold`")
        feature = np.array(self.ids(given["feature"]), dtype=np.int32)
        threshold = self.runs(given["threshold"], np.float64)
        return Thermometer(n_features, feature, threshold, scope)
