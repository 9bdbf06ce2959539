"""thermoc deploy: a circuit on an FPGA."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from compiler.api import to_netlist
from compiler.circuits.encoder import with_encoder
from compiler.circuits.from_tables import circuit_of
from compiler.errors import UnsupportedError
from compiler.files import replacing
from compiler.formats.circuits.state import holders, states
from compiler.ir.gates import GateNetlist
from compiler.ir.kinds import expect
from hw_models.fpgas import FPGAS
from thermo.cli.console import BarProgress, emit, manifest, notes, plain
from thermo.cli.datasets import told_dataset
from thermo.cli.export import digits_asked, grid_with
from thermo.cli.flags import AS_JSON, DATA, DATA_DIR, LIMIT, SEED, SPLIT, Given, with_flags
from thermo.data import Dataset
from thermo.energy.gate_samples import Samples, dataset_samples, possible_samples
from thermo.fpga.bench import SIMULATORS
from thermo.fpga.deploy import Deployed, deploy
from thermo.options import Option
from thermo.report.page import Table
from thermo.report.text import si, text_table

NET = Annotated[Path, typer.Argument(help="Circuit of gates: .tnl, a trained network, or a file of gates.")]
FPGA = Option("fpga", "--fpga", str, ..., f"Part: {', '.join(FPGAS)}.")
OUT = Option("out", "--out", Path, ..., "Folder to write.", short="-o")
PIPELINE = Option(
    "pipeline", "--pipeline", int, 0, "Registers after every N levels of tables; 0: none inside.", min=0
)
WORD = Option(
    "word",
    "--word",
    int,
    None,
    "Bits of a sample fed a clock; by default all, or 8 where the part has too few pins.",
    min=1,
)
PACKAGE = Option("package", "--package", str, None, "Package of the part, as nextpnr calls it.")
PINS = Option(
    "pins",
    "--pins",
    Path,
    None,
    "Which pins: PCF of an iCE40, LPF of an ECP5; what it leaves out is placed freely.",
)
FREQUENCY = Option(
    "frequency", "--frequency", float, None, "MHz that nextpnr is asked for (default 50).", min=0.001
)
ACTIVITY = Option(
    "activity",
    "--activity",
    int,
    0,
    "Record all signals of the first N samples, or of all there are (VCD, SAIF).",
    min=0,
)
ENCODER = Option(
    "encoder",
    "--encoder",
    str,
    "bits",
    "A sample: bits (as they are) or gates (the encoder is laid out, too, and a sample is its data's digits, "
    "base 2; thermometers need --data to know these).",
)
SIMULATOR = Option(
    "simulator", "--simulator", str, None, f"{' or '.join(SIMULATORS)}; by default by the work."
)
SHOWN = 6  # states in a note
RANDOM = 1000  # samples without data


@with_flags(
    FPGA,
    OUT,
    PIPELINE,
    WORD,
    PACKAGE,
    PINS,
    FREQUENCY,
    ENCODER,
    DATA,
    DATA_DIR,
    SPLIT,
    LIMIT,
    ACTIVITY,
    SIMULATOR,
    SEED,
    AS_JSON,
)
def deploy_(net: NET, given: Given) -> None:
    """Lay a circuit out on an FPGA (yosys, nextpnr) and simulate the synthesised netlist on data.

    Without --data the samples are random bits, of a circuit with an encoder such as the encoder can make
    (--limit of them, or 1000).

    Example: thermoc deploy mnist.tnl --fpga ice40-hx8k --data mnist -o board

    Example: thermoc deploy mnist.tnl --fpga ecp5-85k --pipeline 4 --word 32 --data mnist
    --activity 20 -o board

    Example: thermoc deploy mnist.tnl --fpga ice40-hx8k --encoder gates --data mnist -o board
    """
    netlist = to_netlist(net)
    expect(netlist, ("gates", "luts"), "deploy", "an FPGA is filled with circuits of gates or tables")
    netlist = circuit_of(netlist)
    _tell_state(netlist)
    data = None if given["data"] is None else told_dataset(given["data"], given["data_dir"])
    levels, asked = None, netlist
    if digits_asked(given["encoder"]):
        levels = grid_with(netlist, data)
        if data is None or levels is None:
            asked = with_encoder(netlist, levels)
    samples = _samples(asked, data, given)
    with _ended_in_order():
        found = deploy(
            netlist,
            given["fpga"],
            given["out"],
            samples,
            levels=levels,
            word=given["word"],
            pipeline=given["pipeline"],
            package=given["package"],
            pins=given["pins"],
            frequency_Hz=None if given["frequency"] is None else 1e6 * given["frequency"],
            activity=given["activity"],
            simulator=given["simulator"],
            seed=given["seed"] + 1,
            classes=() if data is None else data.labels,
            progress=BarProgress(),
        )
    result = {"folder": given["out"], **found.facts(), "manifest": manifest(net=net, data=given["data"])}
    text = told(found, given["activity"])
    for name, content in (("deploy.json", json.dumps(plain(result), indent=2)), ("deploy.txt", text)):
        with replacing(given["out"] / name) as temporary:
            temporary.write_text(content + "\n", encoding="utf-8")
    emit(
        result,
        given["json"],
        f"{text}\nwrote {given['out']}: {', '.join(found.files)}, deploy.json, deploy.txt",
    )
    if found.simulated is not None and found.simulated.equal < found.simulated.samples:
        raise typer.Exit(1)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM ends the tools that run and removes what is half-written, as an interrupt does."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _samples(netlist: GateNetlist, data: Dataset | None, given: Given) -> Samples:
    if data is None:
        return possible_samples(netlist, given["limit"] or RANDOM, given["seed"])
    found = dataset_samples(netlist, data, given["split"])
    limit = given["limit"]
    if limit is None:
        return found
    if found.bits.shape[0] == 0:
        raise UnsupportedError(f"{given['data']}, {given['split']}, has no samples")
    return replace(
        found,
        bits=found.bits[:limit],
        labels=None if found.labels is None else found.labels[:limit],
        data=None if found.data is None else found.data[:limit],
    )


def _clocks(n: int) -> str:
    return f"{n} clock{'s' * (n > 1)}"


def _tell_state(netlist: GateNetlist) -> None:
    """That the state of a circuit which was cut becomes pins."""
    names = states(netlist)
    if not names and not holders(netlist):
        return
    which = f" {', '.join(names[:SHOWN])}{', ...' * (len(names) > SHOWN)}" if names else ""
    said = f"note: state{which} is pins: the circuit's registers are not laid out"
    notes.print(said, markup=False, soft_wrap=True)


def _clock_told(found: Deployed) -> str:
    clock = f"{found.routed.f_max_Hz / 1e6:.2f} MHz"
    if found.asked_Hz is None:
        return clock
    return f"{clock} ({found.asked_Hz / 1e6:g} asked: {'met' if found.met else 'not met'})"


def told(found: Deployed, activity: int = 0) -> str:
    """The figures as a table, and the count of equal answers. activity : samples asked for"""
    feed, made, laid = found.feed, found.synthesised, found.routed
    used = f"{laid.cells:,} of {laid.cells_available:,}"
    rows = [
        ("tables of four inputs", f"{found.mapped:,}", f"{made.tables:,}", f"{laid.tables:,}"),
        ("registers", "", f"{made.registers:,}", f"{laid.registers:,}"),
        ("logic cells", "", "", used),
        ("levels of tables", f"{found.depth}", "", ""),
        *([("gates of the encoder", f"{found.encoder:,}", "", "")] if found.encoder else []),
        ("pins", f"{feed.pins}", "", f"{laid.pins}"),
        ("clock", "", "", _clock_told(found)),
        ("held sample to answer", _clocks(feed.latency), "", si(found.latency_s, "s")),
        ("first word to answer", _clocks(feed.clocks), "", si(found.sample_s, "s")),
        ("samples a second", f"{feed.words} words of {feed.word} bits", "", f"{found.samples_per_s:,.0f}"),
        ("seconds of the tool", "", f"{made.seconds:.1f}", f"{laid.seconds:.1f}"),
    ]
    head = (f"{found.fpga}, {found.package}", "mapped", "synthesised", "laid out")
    table = Table(head, tuple(rows), (1, 2, 3))
    lines = [text_table(table), "power: neither yosys nor nextpnr tells it"]
    if found.pins_placed is not None:
        lines.append(f"{found.pins_placed} of {feed.pins} pins placed by --pins, the others freely")
    if found.activity:
        cut = f" ({activity:,} asked: there are no more)" if activity > found.activity else ""
        lines.append(f"activity: signals of {found.activity:,} samples{cut}")
    if found.simulated is not None:
        run = found.simulated
        right = "" if found.accuracy is None else f"; {100 * found.accuracy:.2f} % of them right"
        lines.append(
            f"{run.simulator} on the synthesised netlist: {run.equal:,} of {run.samples:,} answers equal "
            f"to ours{right}"
        )
        lines += run.differing
    return "\n".join(lines)
