"""`deploy`: a netlist of gates to Verilog, tables, a bitstream, and its decisions simulated."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compiler.circuits.encoder import Grid, code_bits, features_read, inputs_read, with_encoder
from compiler.errors import UnsupportedError
from compiler.files import make_folder
from compiler.formats.circuits.fpga_verilog import MODULE, Feed
from compiler.ir.gates import GateNetlist
from compiler.ir.kinds import expect, verify
from hw_models.fpgas import FPGAS, Fpga, fpga_named
from thermo.energy.gate_samples import Samples, right_decisions, share_right
from thermo.fpga.bench import (
    SIMULATORS,
    BenchResult,
    copy_models,
    record_activity,
    simulate_netlist,
    simulator_for,
    write_stimuli,
)
from thermo.fpga.design import NARROW, Design, make_design, too_few_pins
from thermo.fpga.errors import NoPinError
from thermo.fpga.layout import (
    BITSTREAM,
    PACKER,
    Routed,
    Synthesised,
    constraints,
    place_and_route,
    synthesise,
)
from thermo.fpga.pins import PinFile, read_pins
from thermo.fpga.saif import saif_of_vcd
from thermo.fpga.tools import needed, yosys_share
from thermo.progress import NullProgress, Progress
from thermo.simulate.gates.run import simulate_gates

KEPT = (
    f"{MODULE}.v",
    f"{MODULE}.sdc",
    "netlist.v",
    "netlist.json",
    "report.json",
    "cells_sim.v",
    "cells_ff.vh",
    "cells_io.vh",
    "bench.v",
    "stream.hex",
    "expected.hex",
    "activity.vcd",
    "activity.saif",
    "yosys.log",
    *BITSTREAM.values(),
    *sorted({f"nextpnr-{part.family}.log" for part in FPGAS.values()}),
    "inputs.json",
)
"""What a run may leave in its folder; what of it another run left there is removed."""
FREQUENCY_HZ = 50e6
LIMITS_HZ = (1e3, 1e12)
SHOWN = 60  # characters of a tool's line


@dataclass(frozen=True, slots=True)
class Deployed:
    """What came of it.

    fpga, package; mapped, depth : tables of four inputs before synthesis, and levels of them
    encoder : gates that make the input bits of data, 0 where a sample is its bits
    inputs : bits of a sample that the circuit reads; feed : how they are fed
    pipeline_registers : of one bit, inside the circuit
    synthesised, routed : by yosys and by nextpnr; simulated : or None without samples
    accuracy : share of right decisions on the samples, where they have labels
    activity : of how many samples the signals were recorded
    pins_placed : by the file of pins, None without one
    asked_Hz : the clock that was asked for, None where it was left to us
    power_W : None: neither yosys nor nextpnr tells it
    files : what was written, by name
    """

    fpga: str
    package: str
    mapped: int
    depth: int
    encoder: int
    inputs: int
    feed: Feed
    pipeline_registers: int
    synthesised: Synthesised
    routed: Routed
    simulated: BenchResult | None
    accuracy: float | None
    files: tuple[str, ...]
    activity: int = 0
    pins_placed: int | None = None
    asked_Hz: float | None = None
    power_W: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the clock is as fast as was asked for."""
        return None if self.asked_Hz is None else self.routed.f_max_Hz >= self.asked_Hz

    @property
    def latency_s(self) -> float:
        """From a sample that is held to its answer."""
        return self.feed.latency / self.routed.f_max_Hz

    @property
    def sample_s(self) -> float:
        """From a sample's first word to its answer."""
        return self.feed.clocks / self.routed.f_max_Hz

    @property
    def samples_per_s(self) -> float:
        """Fed without a pause."""
        return self.routed.f_max_Hz / self.feed.words

    def facts(self) -> dict[str, Any]:
        """Everything, JSON-able."""
        found = asdict(self)
        asked = found.pop("asked_Hz")
        return found | {
            "asked_MHz": None if asked is None else asked / 1e6,
            "met": self.met,
            "latency_s": self.latency_s,
            "sample_s": self.sample_s,
            "samples_per_s": self.samples_per_s,
        }


def deploy(
    netlist: GateNetlist,
    fpga: str,
    out: str | Path,
    samples: Samples | None = None,
    *,
    levels: Grid | None = None,
    word: int | None = None,
    pipeline: int = 0,
    package: str | None = None,
    pins: str | Path | None = None,
    frequency_Hz: float | None = None,
    activity: int = 0,
    simulator: str | None = None,
    seed: int = 1,
    classes: Sequence[str] = (),
    progress: Progress | None = None,
) -> Deployed:
    """Write a folder with Verilog, netlist, bitstream, reports, SDC and a test bench.

    fpga : a name of hw_models.fpgas.FPGAS; samples : what the synthesised netlist is simulated on; its
        answers are compared with those of thermo.simulate on the netlist as it was given. Those of an encoder
        must be such as it can make: -O2 counts on that
    levels : of the data (compiler.circuits.encoder.grid_of): the netlist's encoder is laid out as well, and a
        sample is the binary digits of its data; random samples are such digits. None: a sample is its bits
    word, pipeline : as make_design; where nextpnr finds too few pins for all bits and no word was given, it
        is 8 bits
    package, pins, frequency_Hz, seed : of nextpnr; pins a file, PCF or LPF, frequency_Hz 50 MHz by default
    activity : of how many samples, as far as there are so many, the netlist's signals are recorded, as VCD
        and SAIF
    simulator : verilator or iverilog; by default by the work
    classes : the data set's names of its classes, with which those of the netlist are matched

    Nothing of an interrupted or failed run is left in the folder; one that succeeds removes what is left of
    an earlier one (KEPT).

    Raises HardwareError for an unknown part, UnsupportedError for tools that are not installed and what
    cannot be deployed, FormatError for a file of pins that cannot be read, FpgaError for what a tool refuses.
    """
    part = fpga_named(fpga)
    expect(netlist, "gates", "deploy", "an FPGA is filled with circuits of gates")
    verify(netlist)
    if frequency_Hz is not None and not LIMITS_HZ[0] <= frequency_Hz <= LIMITS_HZ[1]:
        raise UnsupportedError(
            f"--frequency {frequency_Hz / 1e6:g}: nextpnr is asked for {LIMITS_HZ[0] / 1e6:g} to "
            f"{LIMITS_HZ[1] / 1e6:,.0f} MHz; give one of these"
        )
    fixed = None if pins is None else read_pins(pins, part)
    if activity and samples is None:
        raise UnsupportedError("activity is recorded of samples: give some, or leave it out")
    # all that is needed, before long work begins
    needed(
        "yosys", f"nextpnr-{part.family}", PACKER[part.family], *(SIMULATORS["iverilog"] if activity else ())
    )
    yosys_share()
    if samples is not None:
        simulator_for(0, simulator)
        activity = min(activity, samples.bits.shape[0])
    placed = netlist if levels is None else with_encoder(netlist, levels, "fast" if pipeline else "small")
    out = make_folder(out)
    steps = 3 + (samples is not None) + bool(activity)
    progress = progress or NullProgress()
    done = 0

    def tell(line: str) -> None:
        progress.update(done, line[:SHOWN])

    def step(reached: int, line: str) -> None:
        nonlocal done
        done = reached
        tell(line)

    progress.start(steps, "deploy")
    try:
        with tempfile.TemporaryDirectory(prefix=".deploy-", dir=out) as name:
            folder = Path(name)
            design = make_design(placed, part, word=word, pipeline=pipeline, package=package)
            copy_models(part, folder)
            lay_out = partial(
                _laid_out,
                part=part,
                folder=folder,
                fixed=fixed,
                package=package,
                frequency_Hz=frequency_Hz or FREQUENCY_HZ,
                seed=seed,
                tell=tell,
                step=step,
            )
            try:
                laid = lay_out(design)
            except NoPinError:
                if word is not None or design.module.feed.word <= NARROW:
                    raise
                design = design.narrowed(part, pipeline)
                laid = lay_out(design)
            routed = laid.routed
            feed = design.module.feed
            (folder / f"{MODULE}.sdc").write_text(constraints(routed.f_max_Hz, feed), encoding="ascii")
            step(3, "laid out")
            simulated, accuracy = None, None
            if samples is not None:
                judge = placed if samples.data is None else netlist
                expected = expected_answers(judge, np.asarray(samples.bits, dtype=bool))
                write_stimuli(folder, feed, _fed(netlist, levels, samples)[:, design.read], expected)
                chosen = simulator_for(design.tables.n_luts * expected.shape[0], simulator)
                simulated = simulate_netlist(feed, expected.shape[0], folder, chosen, tell)
                accuracy, _ = share_right(right_decisions(judge, samples, classes))
                step(done + 1, "simulated")
            if activity:
                _record(feed, activity, folder, tell)
                step(done + 1, "recorded")
            names = {"data": list(design.tables.input_names), "answer": list(design.tables.output_names)}
            (folder / "inputs.json").write_text(json.dumps(names, indent=1) + "\n", encoding="utf-8")
            found = Deployed(
                fpga=part.name,
                package=package or part.package,
                mapped=design.tables.n_luts,
                depth=design.depth,
                encoder=placed.n_gates - netlist.n_gates,
                inputs=design.read.size,
                feed=feed,
                pipeline_registers=design.module.registers,
                synthesised=laid.synthesised,
                routed=laid.routed,
                simulated=simulated,
                accuracy=accuracy,
                files=tuple(file for file in KEPT if (folder / file).is_file()),
                activity=activity,
                pins_placed=laid.pins_placed,
                asked_Hz=frequency_Hz,
            )
            _move(found.files, folder, out)
    finally:
        progress.stop()
    return found


@dataclass(frozen=True, slots=True)
class _Laid:
    """A design through synthesis and layout. pins_placed : as Deployed"""

    synthesised: Synthesised
    routed: Routed
    pins_placed: int | None


def _laid_out(
    design: Design,
    *,
    part: Fpga,
    folder: Path,
    fixed: PinFile | None,
    package: str | None,
    frequency_Hz: float,
    seed: int,
    tell: Callable[[str], None],
    step: Callable[[int, str], None],
) -> _Laid:
    """top.v to a bitstream; NoPinError, in our words, where nextpnr finds too few pins."""
    feed = design.module.feed
    placed = None if fixed is None else fixed.places(feed)
    (folder / f"{MODULE}.v").write_text(design.module.text, encoding="ascii")
    step(1, "mapped")
    synthesised = synthesise(part, folder, tell)
    step(2, "synthesised")
    pins = None if fixed is None else fixed.text
    try:
        routed = place_and_route(
            part, folder, frequency_Hz=frequency_Hz, pins=pins, package=package, seed=seed, tell=tell
        )
    except NoPinError:
        raise NoPinError(too_few_pins(feed, part, package or part.package)) from None
    return _Laid(synthesised, routed, placed)


def _move(files: Sequence[str], folder: Path, out: Path) -> None:
    """The files of this run in place of those of an earlier one."""
    for file in KEPT:
        if file in files:
            shutil.move(folder / file, out / file)
        elif (out / file).is_file():
            (out / file).unlink()


def _fed(netlist: GateNetlist, levels: Grid | None, samples: Samples) -> np.ndarray:
    """(n, inputs) bool: what the board is fed."""
    if levels is None or samples.data is None or netlist.encoder is None:
        return np.asarray(samples.bits, dtype=bool)
    return code_bits(levels, samples.data, features_read(netlist.encoder, inputs_read(netlist)))


def expected_answers(netlist: GateNetlist, bits: np.ndarray) -> np.ndarray:
    """(n, answer) of 0 and 1: named outputs, then the decision's bits."""
    result = simulate_gates(netlist, bits=bits)
    parts = []
    if result.outputs is not None:
        parts.append(result.outputs.astype(np.uint8))
    if netlist.class_sums is not None:
        decided = result.predictions()
        width = max(1, (netlist.class_sums.n_classes - 1).bit_length())
        parts.append((decided[:, None] >> np.arange(width) & 1).astype(np.uint8))
    return np.concatenate(parts, axis=1)


def _record(feed: Feed, n_samples: int, folder: Path, tell: Callable[[str], None]) -> None:
    record_activity(feed, n_samples, folder, tell)
    with open(folder / "activity.vcd", encoding="ascii") as lines:
        text = saif_of_vcd(lines)
    (folder / "activity.saif").write_text(text, encoding="ascii")
