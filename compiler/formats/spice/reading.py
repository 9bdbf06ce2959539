"""What a deck reads of its cells, when, and the tables and measurements it writes of that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.spice.cells import shown_of
from compiler.formats.spice.levels import level
from compiler.formats.spice.plan import Plan
from compiler.formats.spice.signals import LINE, number
from compiler.ir.langevin import Activation


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """read : (n_read,) cells; kept : cells in the table; levels : cells whose converters are in the deck
    times : (n_times,) s; window : s before each over which they are averaged
    """

    read: np.ndarray
    kept: np.ndarray
    levels: np.ndarray
    times: np.ndarray
    window: float


def reading_of(p: Plan) -> Reading:
    """Raises UnsupportedError for times that the schedule does not have."""
    n = p.netlist
    if n.readout is not None:
        read = np.asarray(n.readout.cells, dtype=np.int64)
    else:
        read = n.outputs if n.outputs.size else p.dynamic
    window = 0.0 if n.readout is None else n.readout.window * p.scale.time
    each = np.unique(read)
    # converters of averages are measurements
    levels = np.zeros(0, np.int64) if p.reader is None or window > 0 else each
    return Reading(read, p.dynamic if p.options.states else each, levels, _observed(p), window)


def _observed(p: Plan) -> np.ndarray:
    if p.options.observe is not None:
        out = np.asarray(p.options.observe, dtype=float) * p.scale.time
        if out.min() < 0 or out.max() > p.at[-1] * (1 + 1e-9):
            raise UnsupportedError(
                f"observation times must lie in [0, {p.at[-1] / p.scale.time:g}], the schedule's "
                f"length, got {min(p.options.observe):g} to {max(p.options.observe):g}"
            )
        return out
    readout = p.netlist.readout
    names = [phase.name for phase in p.netlist.schedule]
    k = len(names) if readout is None else names.index(readout.phase) + 1
    return np.array([p.at[k]])


def reader_lines(p: Plan, reading: Reading) -> Iterator[str]:
    """Read-out converters: the level nearest to what is read of a cell."""
    lines, unit = p.reader, p.scale.voltage
    if lines is None or not reading.levels.size:
        return
    yield "* read-out converters"
    for i in reading.levels.tolist():
        x = shown_of(_read_as(p, i), f"V(x{i})", unit)
        yield f"Bread{i} r{i} 0 V={level(lines, x, unit)}"


def _read_as(p: Plan, i: int) -> int:
    """The activation that cell i is read through."""
    readout = p.netlist.readout
    shows = readout is not None and readout.shown
    return int(p.netlist.cells.activation[i]) if shows else int(Activation.IDENTITY)


def control_lines(p: Plan, reading: Reading) -> Iterator[str]:
    """The run, its measurements and its table."""
    nodes = [f"v(x{i})" for i in reading.kept.tolist()] + [f"v(r{i})" for i in reading.levels.tolist()]
    step, end = number(p.step / 2.0), number(p.at[-1])
    yield ".control"
    yield f"setseed {p.options.seed}"
    yield from ("set numdgt=10", "set wr_singlescale", "set wr_vecnames")
    for k in range(0, len(nodes), LINE):
        yield "save " + " ".join(nodes[k : k + LINE])
    if p.options.analysis == "op":
        yield from ("op", f"wrdata {p.options.table} " + " ".join(nodes), "quit", ".endc")
        return
    yield f"tran {step} {end} 0 {step} uic"
    for at in reading.times.tolist():
        yield from _measurements(p, reading, at)
    yield "linearize " + " ".join(nodes)
    yield f"wrdata {p.options.table} " + " ".join(nodes)
    yield from ("quit", ".endc")


def _measurements(p: Plan, reading: Reading, at: float) -> Iterator[str]:
    window = reading.window
    when = f"from={number(at - window)} to={number(at)}" if window else f"at={number(at)}"
    what = "avg" if window else "find"
    for i in dict.fromkeys(reading.read.tolist()):
        name = f"{i}_{_word(at / p.scale.time)}"
        yield f"meas tran x{name} {what} v(x{i}) {when}"
        if p.reader is not None and window:
            yield f"let r{name} = {level(p.reader, f'x{name}', p.scale.voltage)}"
            yield f"print r{name}"
        elif p.reader is not None:
            yield f"meas tran r{name} {what} v(r{i}) {when}"


def _word(at: float) -> str:
    return f"t{at:.6g}".replace(".", "_").replace("-", "m").replace("+", "")
