"""What the texts of circuits share: inputs, outputs, class sums, encoder. Grammar: docs/ir.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from compiler.ir.encoders import CountingEncoder, Encoder, Thermometer
from compiler.ir.gates import ClassSums, GateNetlist
from compiler.ir.luts import LutNetlist
from compiler.ir.shared_tables import SharedTables
from compiler.ir.text_parts import TOKEN, Parser, meta_text, number_text, runs_text, spans_text, word_text


def few(words: list[str], limit: int | None) -> list[str]:
    """At most `limit` words, and how many are left out."""
    return words if limit is None or len(words) <= limit else [*words[:limit], f"...{len(words) - limit}"]


def inputs_line(netlist: GateNetlist | LutNetlist, limit: int | None) -> str:
    """`inputs COUNT NAME ...`"""
    names = few([word_text(name) for name in netlist.input_names], limit)
    return " ".join(["inputs", str(netlist.n_inputs), *names])


def lines_after(netlist: GateNetlist | LutNetlist, limit: int | None) -> Iterator[str]:
    """What follows the gates or tables."""
    for name, net in zip(netlist.output_names, netlist.outputs, strict=True):
        yield f"output {word_text(name)} {net}"
    if (sums := netlist.class_sums) is not None:
        yield f"classes {sums.n_classes} tau {number_text(sums.tau)}"
        for c, (start, stop) in enumerate(zip(sums.indptr[:-1], sums.indptr[1:], strict=True)):
            yield " ".join([f"  {c}:", *few(spans_text(sums.nets[start:stop]), limit)])
        if sums.labels:
            yield f"  labels {' '.join(word_text(v) for v in sums.labels)}"
    if (encoder := netlist.encoder) is not None:
        yield from _encoder_lines(encoder, limit)
    if netlist.name:
        yield f"name {word_text(netlist.name)}"
    if netlist.meta:
        yield f"meta {meta_text(netlist.meta)}"


def _encoder_lines(encoder: Encoder, limit: int | None) -> Iterator[str]:
    if isinstance(encoder, Thermometer):
        scope = "" if encoder.scope == "absolute" else f" {encoder.scope}"
        yield f"thermometer {encoder.n_features}{scope}"
        yield " ".join(["  feature", *few(spans_text(encoder.feature), limit)])
        yield f"  threshold {runs_text(encoder.threshold, limit=limit)}".rstrip()
        return
    yield f"counting {encoder.n_features} top {encoder.top} dropped {encoder.dropped}"
    sizes = {
        "sums": np.diff(encoder.sum_ends),
        "weight": encoder.weight,
        "bound": encoder.bound,
        "counts": np.diff(encoder.count_ends),
        "least": encoder.least,
    }
    for name in _COUNTING:
        if name in sizes:
            yield f"  {name} {runs_text(sizes[name], limit=limit)}".rstrip()
        else:
            yield " ".join([f"  {name}", *few(spans_text(getattr(encoder, name)), limit)])
    if (shared := encoder.shared).n_tables:
        yield f"  inputs {shared.inputs}"
        yield " ".join(["  table", *few([f"{table:#x}" for table in shared.table.tolist()], limit)])
        for name in ("applied", "taps"):
            yield " ".join([f"  {name}", *few(spans_text(getattr(shared, name)), limit)])


_SHARED = ("inputs", "table", "applied", "taps")
_COUNTING = ("sums", "feature", "weight", "compared", "bound", "counts", "counted", "tested", "least")


class CircuitParser(Parser):
    """Reads line by line; each method reads one statement and its indented lines."""

    def inputs(self) -> tuple[str, ...]:
        words = TOKEN.findall(self.next() or "")
        if len(words) < 2 or words[0] != "inputs" or len(words) - 2 != self.integer(words[1]):
            self.fail("expected `inputs COUNT NAME ...` with that many names")
        return tuple(self.word(w) for w in words[2:])

    def after(self) -> dict[str, Any]:
        """The fields that follow the gates or tables, to the end of the text."""
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
            elif statement == "counting" and len(words) == 5 and "encoder" not in rest:
                rest["encoder"] = self.counting(words)
            elif statement == "name" and len(words) == 1 and "name" not in rest:
                rest["name"] = self.word(words[0])
            elif statement == "meta" and "meta" not in rest:
                rest["meta"] = self.meta(line[len("meta") :])
            else:
                self.fail(f"cannot read the statement {line[:60]!r}")
        if self.at < len(self.lines):
            self.line_number = self.lines[self.at][0]
            self.fail(f"an indented line stands alone: {self.lines[self.at][1].strip()[:60]!r}")
        return {"output_names": tuple(names), "outputs": np.array(nets, dtype=np.int32), **rest}

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
                nets += self.ids(rest).tolist()
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
        feature = self.ids(given["feature"])
        threshold = self.runs(given["threshold"], np.float64)
        return Thermometer(n_features, feature, threshold, scope)

    def counting(self, words: list[str]) -> CountingEncoder:
        if (words[1], words[3]) != ("top", "dropped"):
            self.fail("expected `counting FEATURES top CODE dropped BITS`")
        given: dict[str, list[str]] = {}
        while (line := self.next(indented=True)) is not None:
            name, *rest = line.split()
            given[name] = rest
        shared = {name: given.pop(name) for name in _SHARED if name in given}
        if set(given) != set(_COUNTING):
            self.fail(f"a counting encoder needs one line each of {', '.join(_COUNTING)}")
        runs = {name: self.whole(given[name]) for name in ("sums", "weight", "bound", "counts", "least")}
        ids = {name: self.ids(given[name]) for name in ("feature", "compared", "counted", "tested")}
        sums, counts = (
            np.concatenate([[0], np.cumsum(runs.pop(name), dtype=np.int64)]) for name in ("sums", "counts")
        )
        columns = {name: column.astype(np.int32) for name, column in runs.items()} | ids
        n_features, top, dropped = (self.integer(words[k]) for k in (0, 2, 4))
        return CountingEncoder(
            n_features,
            top,
            dropped,
            sum_ends=sums,
            count_ends=counts,
            shared=self.shared_tables(shared) if shared else SharedTables(),
            **columns,
        )

    def shared_tables(self, given: dict[str, list[str]]) -> SharedTables:
        if set(given) != set(_SHARED) or len(given["inputs"]) != 1:
            self.fail(f"shared tables need one line each of {', '.join(_SHARED)}")
        ids = (self.ids(given[name]) for name in ("applied", "taps"))
        table = np.array([self.bits(word) for word in given["table"]], dtype=np.uint64)
        return SharedTables(self.integer(given["inputs"][0]), table, *ids)

    def bits(self, word: str) -> int:
        """The table of a word like 0x8."""
        try:
            table = int(word, 16) if word.startswith("0x") else -1
        except ValueError:
            table = -1
        if not 0 <= table < 1 << 64:
            self.fail(f"{word!r} is no table; write its bits as a hexadecimal number, 0x8")
        return table

    def whole(self, words: list[str]) -> np.ndarray:
        """int64 of runs of whole numbers within 32 bits."""
        values = self.runs(words, np.float64)
        if (values != np.rint(values)).any() or (np.abs(values) >= 1 << 31).any():
            self.fail("expected whole numbers within 32 bits")
        return np.asarray(values, dtype=np.int64)
