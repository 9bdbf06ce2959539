"""From a netlist of gates to the tables that an FPGA is filled with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.circuits.fpga_verilog import WIDTH, FpgaModule, write_fpga
from compiler.ir.gates import NONE, GateNetlist
from compiler.ir.luts import LutNetlist, lut_depth
from compiler.mapped import shapes
from compiler.passes.gates.lut_map import map_luts
from hw_models.fpgas import Fpga


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


def make_design(netlist: GateNetlist, part: Fpga, *, word: int | None = None, pipeline: int = 0) -> Design:
    """The netlist after -O2, class sums and decision as gates, in as few tables of four inputs as we find.

    word : bits of a word of a sample; by default all at once where the part's pins suffice, else 8
    pipeline : as write_fpga

    Raises UnsupportedError for more answers or a wider word than the part has pins for.
    """
    found = [map_luts(shape, WIDTH, keep_depth=False) for shape in shapes(netlist)]
    tables, read = only_read(min(found, key=lambda t: t.n_luts))
    if word is None:
        module = write_fpga(tables, part.family, pipeline=pipeline)
        if module.feed.pins > part.pins:
            module = write_fpga(tables, part.family, word=8, pipeline=pipeline)
    else:
        module = write_fpga(tables, part.family, word=word, pipeline=pipeline)
    feed = module.feed
    if feed.pins > part.pins:
        raise UnsupportedError(
            f"the design has {feed.pins} pins, {feed.word} of them a word of samples, {feed.answer} of its "
            f"answer; {part.name} has {part.pins}: narrow --word, or choose a part of more pins"
        )
    return Design(tables, read, module)


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
