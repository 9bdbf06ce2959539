"""Canonical text of a TileNetlist: parse_tiles(dump_tiles(n)) equals n. Grammar: docs/ir.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np

from compiler.errors import FormatError, NetlistError
from compiler.ir.network import Layer, Network, Pooling, Weighted, Window
from compiler.ir.text_parts import TOKEN, Parser, meta_text, runs_text, word_text
from compiler.ir.tiles import Layout, TileNetlist, verify_tiles

HEAD = "tiles 1"
_DTYPES = ("float32", "float64")


def dump_tiles(netlist: TileNetlist, *, limit: int | None = None) -> str:
    """Canonical text. With `limit`, at most that many rows of each matrix, and runs of values of each row,
    are shown; a text that leaves some out says so and cannot be parsed.
    """
    return "\n".join(_lines(netlist, limit)) + "\n"


def _lines(netlist: TileNetlist, limit: int | None) -> Iterator[str]:
    n, layout = netlist.network, netlist.layout
    yield HEAD
    yield "image " + " ".join(str(k) for k in n.input_shape)
    told = [(f.name, getattr(layout, f.name)) for f in fields(Layout)]
    yield " ".join(["layout", *(f"{name} {value}" for name, value in told if value is not None)])
    for name in ("shift", "scale"):
        yield from _array(name, getattr(n, name), limit, indent="")
    for layer in n.layers:
        yield from _layer(layer, limit)
    for name in ("output_scale", "output_offset"):
        if (array := getattr(n, name)) is not None:
            yield from _array(name, array, limit, indent="")
    yield f"decision {n.decision}"
    if n.labels:
        yield "labels " + " ".join(word_text(label) for label in n.labels)
    if netlist.meta:
        yield f"meta {meta_text(netlist.meta)}"


def _layer(layer: Layer, limit: int | None) -> Iterator[str]:
    words = ["weighted"] if isinstance(layer, Weighted) else ["pool", layer.kind]
    words.append(layer.activation)
    if layer.window is not None:
        w = layer.window
        words += ["window", str(w.height), str(w.width), str(w.stride), str(w.padding)]
    if isinstance(layer, Pooling):
        yield " ".join(words)
        return
    yield " ".join(words + ["unrolled"] * layer.unrolled)
    yield from _array("bias", layer.bias, limit, indent="  ")
    yield from _array("weight", layer.weight, limit, indent="  ")


def _array(name: str, array: np.ndarray, limit: int | None, *, indent: str) -> Iterator[str]:
    """A vector on one line, a matrix on a line a row."""
    head = f"{indent}{name} {array.dtype.name}"
    if array.ndim == 1:
        yield f"{head} {runs_text(array, limit=limit)}"
        return
    yield f"{head} {array.shape[0]}x{array.shape[1]}"
    for row in array[:limit]:
        yield f"  {indent}{runs_text(row, limit=limit)}"
    if limit is not None and len(array) > limit:
        yield f"  {indent}...{len(array) - limit}"


def parse_tiles(text: str, *, name: str = "text", check: bool = True) -> TileNetlist:
    """The netlist of a canonical text; `name` (a file name) begins every error.

    Raises FormatError naming the line; also for a netlist that breaks an invariant, unless `check` is False.
    """
    try:
        netlist = _TileParser(text, name).tiles()
        if check:
            verify_tiles(netlist)
    except (NetlistError, OverflowError) as error:
        raise FormatError(f"{name}: {error}") from None
    return netlist


class _TileParser(Parser):
    words: list[str]

    def read(self, *, indented: bool = False) -> bool:
        """Whether there is another line of that kind, whose words are then at hand."""
        line = self.next(indented=indented)
        self.words = TOKEN.findall(line or "")
        return line is not None

    def expect(self, name: str, least: int, *, indented: bool = False) -> list[str]:
        """Words behind `name`, which begins the next line."""
        if not self.read(indented=indented) or self.words[0] != name or len(self.words) <= least:
            self.fail(f"expected `{name}` and {least} or more words")
        return self.words[1:]

    def tiles(self) -> TileNetlist:
        if (head := self.next()) != HEAD:
            self.fail(f"expected {HEAD!r}, got {head!r}; is this the text of a network on tiles?")
        shape = [self.integer(word) for word in self.expect("image", 3)]
        if len(shape) != 3:
            self.fail("an image is `image HEIGHT WIDTH CHANNELS`")
        layout = self.layout(self.expect("layout", 0))
        found: dict[str, Any] = {name: self.array(self.expect(name, 2)) for name in ("shift", "scale")}
        layers: list[Layer] = []
        meta = self.meta("{}")
        while self.read():
            name, rest = self.words[0], self.words[1:]
            if name in ("weighted", "pool"):
                layers.append(self.layer(name, rest))
            elif name in ("output_scale", "output_offset") and len(rest) > 1:
                found[name] = self.array(rest)
            elif name == "decision" and len(rest) == 1:
                found[name] = rest[0]
            elif name == "labels":
                found[name] = tuple(self.word(label) for label in rest)
            elif name == "meta":
                meta = self.meta(self.lines[self.at - 1][1].partition(" ")[2])
            else:
                self.fail(f"{' '.join(self.words)[:60]!r} is no statement of a network on tiles")
        return TileNetlist(Network((shape[0], shape[1], shape[2]), tuple(layers), **found), layout, meta)

    def layout(self, words: list[str]) -> Layout:
        known = {f.name for f in fields(Layout)}
        if len(words) % 2 or not set(words[::2]) <= known:
            self.fail(f"a layout is pairs of {', '.join(sorted(known))} and a number")
        return Layout(**{name: self.integer(n) for name, n in zip(words[::2], words[1::2], strict=True)})

    def layer(self, name: str, words: list[str]) -> Layer:
        kind = words.pop(0) if name == "pool" and words else ""
        unrolled = words[-1:] == ["unrolled"]
        words = words[: len(words) - unrolled]
        window = None
        if words[1:2] == ["window"] and len(words) == 6:
            window = Window(*(self.integer(word) for word in words[2:]))
        elif len(words) != 1:
            self.fail("a layer is an activation and, or not, `window HEIGHT WIDTH STRIDE PADDING`")
        if name == "pool":
            if window is None or unrolled:
                self.fail("pooling needs a window, and is not unrolled")
            return Pooling(kind, window, words[0])
        bias = self.array(self.expect("bias", 2, indented=True))
        weight = self.array(self.expect("weight", 2, indented=True))
        return Weighted(weight, bias, words[0], window, unrolled)

    def array(self, words: list[str]) -> np.ndarray:
        """Of DTYPE and values, or of DTYPE and ROWSxCOLUMNS with a line a row."""
        if words[0] not in _DTYPES:
            self.fail(f"numbers are {' or '.join(_DTYPES)}, got {words[0]!r}")
        rows, by, columns = words[1].partition("x")
        if not by:
            return np.asarray(self.runs(words[1:], words[0]))
        n, m = self.integer(rows), self.integer(columns)
        return np.array([self.row(words[0], m) for _ in range(n)], dtype=words[0]).reshape(n, m)

    def row(self, dtype: str, columns: int) -> np.ndarray:
        if not self.read(indented=True):
            self.fail("a matrix has fewer rows than are announced")
        values: np.ndarray = self.runs(self.words, dtype)
        if values.size != columns:
            self.fail(f"a row has {values.size} values where {columns} are announced")
        return values
