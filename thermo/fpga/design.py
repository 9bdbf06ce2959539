"""From a netlist of gates to the tables that an FPGA is filled with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.circuits.fpga_verilog import WIDTH, Feed, FpgaModule, write_fpga
from compiler.ir.gates import NONE, GateNetlist
from compiler.ir.luts import LutNetlist, lut_depth
from compiler.mapped import shapes
from compiler.passes.gates.lut_map import map_luts
from hw_models.fpgas import FPGAS, Fpga

NARROW = 8
"""Bits of a word where the pins do not suffice for all."""


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """tables : the circuit, class sums and decision included, on the inputs that it reads
    read : (n,) int, which inputs of the netlist these are, in order; module : its Verilog
    """

    tables: LutNetlist
    read: np.ndarray
    module: FpgaModule

    @property
    def depth(self) -> int:
        return lut_depth(self.tables)

    def narrowed(self, part: Fpga, pipeline: int) -> Design:
        """The same with words of NARROW bits."""
        return replace(self, module=write_fpga(self.tables, part.family, word=NARROW, pipeline=pipeline))


def make_design(
    netlist: GateNetlist,
    part: Fpga,
    *,
    word: int | None = None,
    pipeline: int = 0,
    package: str | None = None,
) -> Design:
    """The netlist after -O2, class sums and decision as gates, in as few tables of four inputs as we find.

    word : bits of a word of a sample; by default all at once where the part's pins suffice, else 8
    pipeline : as write_fpga
    package : another than the part's own; how many pins it has is nextpnr's to say

    Raises UnsupportedError for more answers or a wider word than the part has pins for.
    """
    found = [map_luts(shape, WIDTH, keep_depth=False) for shape in shapes(netlist)]
    tables, read = only_read(min(found, key=lambda t: t.n_luts))
    known = package in (None, part.package)
    most = part.pins if known else max(p.pins for p in FPGAS.values() if p.family == part.family)
    design = Design(tables, read, write_fpga(tables, part.family, word=word or 0, pipeline=pipeline))
    if word is None and design.module.feed.pins > most:
        design = design.narrowed(part, pipeline)
    if known and design.module.feed.pins > part.pins:
        raise UnsupportedError(too_few_pins(design.module.feed, part))
    return design


def too_few_pins(feed: Feed, part: Fpga, package: str | None = None) -> str:
    """What is wrong and what helps. package : one of too few pins, by nextpnr; None: the part's own"""
    least = replace(feed, word=1, words=feed.inputs).pins
    has = f"{part.name} has {part.pins}" if package is None else f"{part.name} in {package} has too few"
    ways = []
    if least < feed.pins and (package is not None or least <= part.pins):
        ways.append("narrow --word")
    if least <= max(p.pins for p in FPGAS.values()):
        ways.append(f"choose a {'part' if package is None else 'package or part'} of more pins")
    else:
        ways.append("leave outputs out, for no part here has as many")
    return (
        f"the design has {feed.pins} pins, {feed.word} of them a word of samples, {feed.answer} of its "
        f"answer; {has}: {', or '.join(ways)}"
    )


def only_read(tables: LutNetlist) -> tuple[LutNetlist, np.ndarray]:
    """The tables without inputs that nobody reads, and the numbers of those that are left."""
    n = tables.n_inputs
    nets = np.concatenate([tables.fanins[tables.fanins != NONE], tables.outputs])
    read = np.unique(nets[nets < n])
    moved = np.full(tables.n_nets + 1, NONE, dtype=np.int32)  # NONE is the last place
    moved[read] = np.arange(read.size)
    moved[n:-1] = read.size + np.arange(tables.n_luts)
    left = replace(
        tables,
        input_names=tuple(tables.input_names[k] for k in read),
        fanins=moved[tables.fanins],
        outputs=moved[tables.outputs],
        encoder=None,
    )
    return left, read
