"""thermoc export: a netlist in the format of another tool."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from compiler.api import to_netlist
from compiler.cell_counts import cell_area
from compiler.cell_timing import path_delay, tells_delays
from compiler.circuits.class_nets import expose_class_nets
from compiler.circuits.encoder import Grid, code_bits, features_read, grid_of, inputs_read, with_encoder
from compiler.circuits.evaluate import encode_bits, evaluate_classes
from compiler.circuits.from_tables import circuit_of
from compiler.counting import cell_counts, counts
from compiler.errors import UnsupportedError
from compiler.families.ising import IsingModel
from compiler.families.quadratic import to_quadratic
from compiler.files import check_writable, replacing
from compiler.formats.circuits.cells_verilog import flipflop_of, write_cells_verilog, write_clocked_cells
from compiler.formats.circuits.circuits import FORMATS
from compiler.formats.circuits.export import ExportOptions, export_circuit, holds_tables
from compiler.formats.circuits.state import with_state
from compiler.formats.circuits.testbench import write_testbench
from compiler.formats.circuits.verilog_registers import clock_of
from compiler.formats.circuits.verilog_write import verilog_interface
from compiler.formats.detect import read_model_or_netlist
from compiler.formats.ising.files import WRITTEN as ISING_FORMATS
from compiler.formats.ising.files import to_ising
from compiler.formats.ising.write import export_ising
from compiler.formats.spice.deck import FORMAT as SPICE
from compiler.formats.spice.deck import make_deck
from compiler.formats.spice.options import DeckOptions
from compiler.ir.cells import CellNetlist
from compiler.ir.encoders import CountingEncoder
from compiler.ir.gates import GateNetlist
from compiler.ir.kinds import expect
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.luts import LutNetlist
from compiler.mapped import AGAIN, best_mapping, cell_shapes
from compiler.opensta import ask_opensta
from compiler.passes.gates.cell_sizing import limit_fan_out
from compiler.passes.gates.heads import with_head
from compiler.passes.gates.lut_map import map_luts
from hw_models.cells import leave_out
from hw_models.liberty import library_files
from hw_models.liberty_write import write_liberty
from thermo.cli.console import emit, manifest, notes
from thermo.cli.datasets import told_dataset
from thermo.cli.deck import DECK_OPTIONS, deck_options
from thermo.cli.flags import AS_JSON, DATA, DATA_DIR, SEED, SPLIT, Given, refuse, with_flags
from thermo.common_options import KT
from thermo.data import DataError, Dataset
from thermo.energy.run import DONT_USE, chosen_libraries
from thermo.evaluate import check_fit
from thermo.options import Option, keywords
from thermo.report.text import si
from thermo.simulate.device import one_device
from thermo.simulate.langevin.prepare import encode

NET = Annotated[Path, typer.Argument(help="Circuit or Ising model: .tnl or any format that compile reads.")]
FORMAT = Option(
    "format",
    "--format",
    str,
    ...,
    f"Of a circuit {', '.join(FORMATS)}; of an Ising model {', '.join(ISING_FORMATS)}; of a Langevin netlist "
    "spice (ngspice).",
)
OUT = Option("out", "--out", Path, ..., "File to write.", short="-o")
HEAD = Option(
    "head",
    "--head",
    str,
    "sums",
    "A classifier's answers: sums (Verilog, C), nets (the counted ones as outputs) or gates (adders and "
    "comparators).",
)
ENCODER = Option(
    "encoder",
    "--encoder",
    str,
    "bits",
    "Input bits: bits (as they are) or gates (made of the binary digits of data, p{feature}[bit]; "
    "thermometers need --data to know these).",
)
REGISTERS = Option(
    "registers",
    "--registers",
    bool,
    False,
    "Verilog, BLIF, bench, AIGER: what --cut-latches cut, inputs NAME, outputs NAME_next, is registers; with "
    "--library the library's flip-flop.",
)
WRITING = (
    Option("pipeline", "--pipeline", int, 0, "Verilog: registers after every N levels.", min=0),
    Option("vectors", "--vectors", bool, False, "Verilog: all inputs as one vector x, outputs as y."),
    Option("harness", "--harness", bool, False, "C: a function on bytes that packs and counts, too."),
    Option(
        "luts",
        "--luts",
        int,
        0,
        "BLIF, Verilog (LUT1 to LUT6): tables of 2 to 6 inputs, as in an FPGA.",
        min=0,
        max=6,
    ),
    REGISTERS,
)
"""Fields of ExportOptions."""

LIBRARY = Option(
    "library",
    "--library",
    str,
    None,
    "Verilog: instances of this library's cells, a preset or a Liberty file (split over files: a.lib+b.lib), "
    "the head as gates.",
)
LIBERTY = Option("liberty", "--liberty", Path, None, "With --library: Liberty file of these cells, to write.")
STA = Option("sta", "--sta", bool, False, "With --library: delay and area by OpenSTA beside ours.")
OBJECTIVE = Option(
    "objective",
    "--objective",
    str,
    "area",
    "With --library: what mapping minimises, area, or delay by sizes and buffers.",
)
MAX_FANOUT = Option(
    "max_fanout", "--max-fanout", int, None, "With --library: most readers of a net, by buffers.", min=2
)
CELLS = (LIBRARY, LIBERTY, STA, OBJECTIVE, DONT_USE, MAX_FANOUT, REGISTERS)
TESTBENCH = Option("testbench", "--testbench", Path, None, "Verilog: self-checking test bench to write, too.")
SAMPLES = Option("samples", "--samples", int, 100, "Test bench: the first of the split, or random.", min=1)
BENCH = (TESTBENCH, DATA, DATA_DIR, SPLIT, SAMPLES)
SAMPLE = Option("sample", "--sample", int, 0, "Deck: which sample of the split the inputs are.", min=0)
DECK = (SAMPLE, *DECK_OPTIONS, KT)
TAKERS = {
    "a circuit": (HEAD, ENCODER, *WRITING, *BENCH, *CELLS),
    "an Ising model": (),
    "a Langevin netlist": (DATA, DATA_DIR, SPLIT, *DECK),
}
OF_GATES = {"a circuit of gates": (HEAD, ENCODER, *WRITING, *BENCH), "a circuit of cells": CELLS}


@with_flags(FORMAT, OUT, HEAD, ENCODER, *WRITING, *BENCH, *CELLS, *DECK, SEED, AS_JSON)
def export(net: NET, given: Given) -> None:
    """Write a circuit (Verilog, C, ...), an Ising model (QUBO, ...) or a Langevin netlist (SPICE).

    Example: thermoc export adder.tnl --format verilog -o adder.v

    Example: thermoc export mnist.tnl --format verilog -o net.v --testbench tb.v --data mnist;
    iverilog -g2012 -o sim net.v tb.v; vvp sim

    Example: thermoc export mnist.tnl --format verilog --library nangate45 --liberty cells.lib --sta -o net.v

    Example: thermoc export cut.tnl --format bqm -o cut.json

    Example: thermoc export digits.tnl --format spice --data digits --device rc-1fF -o digits.cir;
    ngspice -b digits.cir
    """
    out, format_, testbench = given["out"], given["format"], given["testbench"]
    check_writable(out)
    if testbench is not None:
        check_writable(testbench)
    if format_ in ISING_FORMATS:
        refuse(given, "an Ising model", TAKERS)
        _export_ising(net, format_, out, given["json"])
        return
    if format_ == SPICE.name:
        refuse(given, "a Langevin netlist", TAKERS)
        _export_deck(net, out, given)
        return
    if format_ not in FORMATS:
        raise UnsupportedError(
            f"--format {format_!r} is unknown; choices are {', '.join(FORMATS)} of a circuit, "
            f"{', '.join(ISING_FORMATS)} of an Ising model, {SPICE.name} of a Langevin netlist"
        )
    refuse(given, "a circuit", TAKERS)
    netlist = to_netlist(net)
    way_out = f"for an Ising model there are {', '.join(ISING_FORMATS)}"
    expect(netlist, ("gates", "luts"), f"--format {format_}", way_out)
    if isinstance(netlist, LutNetlist) and not _holds_tables(netlist, given):
        if not _maps(given):
            notes.print(
                f"note: {netlist.n_luts:,} tables are written as the two-input gates they are made of; "
                "`thermoc compile --as gates -O 2` makes fewer"
            )
        netlist = circuit_of(netlist)
    refuse(given, "a circuit of gates" if given["library"] is None else "a circuit of cells", OF_GATES)
    if given["library"] is not None:
        _export_cells(net, netlist, given)
        return
    options = ExportOptions(**keywords(WRITING, given))
    if isinstance(netlist, LutNetlist):
        netlist = expose_class_nets(netlist) if given["head"] == "nets" else netlist
    else:
        netlist = with_head(netlist, given["head"], pipelined=options.pipeline > 0)
    bench: dict[str, Any] = {}
    digits = digits_asked(given["encoder"])
    if testbench is None and given["data"] is not None and not digits:
        raise UnsupportedError("--data is for a test bench; name its file with --testbench")
    for option in (SPLIT, SAMPLES):
        if testbench is None and option.is_given(given[option.key]):
            raise UnsupportedError(f"{option.flag} is for a test bench; name its file with --testbench")
    data = None if given["data"] is None else told_dataset(given["data"], given["data_dir"])
    written, grid = netlist, None
    if digits:
        grid = grid_with(netlist, data)
        written = with_encoder(netlist, grid, "fast" if options.pipeline else "small")
    if testbench is not None:
        if format_ != "verilog" or options.registers:
            what = "a circuit with --registers" if options.registers else format_
            raise UnsupportedError(f"--testbench has no meaning for {what}; leave it out")
        bits, bench = _samples(netlist, data, given["split"], given["samples"], given["seed"], grid)
        bench["file"] = testbench
        text = write_testbench(circuit_of(written), bits, options.verilog, source=bench["source"])
    netlist = written
    if _maps(given) and isinstance(netlist, GateNetlist):
        netlist = map_luts(netlist, given["luts"])  # so that what is written is what is counted
    export_circuit(netlist, format_, out, options)
    if testbench is not None:
        with replacing(testbench) as temporary:
            temporary.write_text(text, encoding="utf-8")
    numbers = counts(netlist)
    latency = verilog_interface(netlist, options.verilog).latency if options.pipeline else None
    held = len(with_state(netlist, True)[1][2]) if options.registers else None
    emit(
        {
            "file": out,
            "format": format_,
            "counts": numbers,
            **({} if held is None else {"registers": {"registers": held}}),
            **({} if latency is None else {"latency": latency}),
            **({"testbench": bench} if bench else {}),
            "manifest": manifest(net=net),
        },
        given["json"],
        "\n".join(_told(out, netlist, numbers, held, latency, bench)),
    )


def _maps(given: Given) -> bool:
    """Whether gates are written as tables; the writer refuses what it cannot write so."""
    return given["luts"] > 0 and given["format"] in ("blif", "verilog")


def _holds_tables(netlist: LutNetlist, given: Given) -> bool:
    """Whether the format holds the tables as they are, which have plain outputs then."""
    plain = (netlist.class_sums is None or given["head"] == "nets") and not digits_asked(given["encoder"])
    return plain and holds_tables(netlist, given["format"], given["luts"])


def _export_cells(net: Path, netlist: GateNetlist, given: Given) -> None:
    """The circuit in a library's cells, in the best of more shapes than `estimate` tries."""
    out, liberty = given["out"], given["liberty"]
    if given["format"] != "verilog":
        raise UnsupportedError(
            f"--library has no meaning for {given['format']}: a library's cells are written as verilog"
        )
    registers, clock = 0, None
    if given["registers"]:
        if liberty is not None:
            raise UnsupportedError("--liberty holds no flip-flops, which --registers makes: leave one out")
        # what counts becomes outputs before those of registers, which come last
        cut = netlist if netlist.class_sums is None else with_head(netlist, "gates")
        netlist, (inputs, _, states) = with_state(cut, True)
        registers, clock = len(states), clock_of(cut, inputs)
    if liberty is not None:
        check_writable(liberty)
    library = leave_out(chosen_libraries([given["library"]]), given["dont_use"] or ())[0]
    if registers:
        flipflop_of(library)  # before long work
    made = cell_shapes(netlist, objective=given["objective"])
    mapped = best_mapping(made, library, given["objective"], again=AGAIN)
    if given["max_fanout"] is not None:
        mapped = limit_fan_out(mapped, given["max_fanout"])
    text = write_clocked_cells(mapped, registers, clock) if registers else write_cells_verilog(mapped)
    files = [(out, text)]
    if liberty is not None:
        files.append((liberty, write_liberty(library, mapped.names())))
    delay = path_delay(mapped) if tells_delays(mapped) else None  # before anything is written
    ours = {"delay_s": delay, "area_um2": cell_area(mapped)}
    sources = [file for file in library_files(given["library"]) if Path(file).is_file()]
    theirs = asdict(ask_opensta(mapped, liberty=sources)) if given["sta"] else None
    for path, text in files:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    held = _held(mapped, registers, ours["delay_s"])
    lines = [f"wrote {out}: {len(mapped.names()):,} cells of {library.name}"]
    lines += [] if liberty is None else [f"wrote {liberty}: these cells as they are modelled here"]
    if held:
        period = held["period_s"]
        lines.append(
            f"{registers:,} registers, {held['cell']}: {held['area_um2']:,.1f} um2 more; "
            + ("no period told" if period is None else f"a period of at least {si(period, 's')}")
        )
    for who, told in (("thermoc", ours), ("OpenSTA", theirs)):
        if told is not None:
            delay = told["delay_s"]
            after = "no delay told" if delay is None else si(delay, "s")
            lines.append(f"{who}: {after}, {told['area_um2']:,.1f} um2")
    emit(
        {
            "file": out,
            "format": "verilog",
            "library": library.name,
            "liberty": liberty,
            "counts": cell_counts(mapped),
            **ours,
            **({"registers": held} if held else {}),
            **({} if theirs is None else {"opensta": theirs}),
            "manifest": manifest(net=net),
        },
        given["json"],
        "\n".join(lines),
    )


def _held(mapped: CellNetlist, registers: int, delay_s: float | None) -> dict[str, Any]:
    """What registers add, {} without any; the period is clock to output, the longest path, and setup."""
    flipflop = mapped.library.flipflop
    if not registers or flipflop is None:
        return {}
    return {
        "cell": flipflop.name,
        "registers": registers,
        "area_um2": registers * flipflop.area + flipflop.inverts * registers * mapped.library.inverter.area,
        "period_s": None if delay_s is None else flipflop.delay + delay_s + flipflop.setup,
    }


def _export_ising(net: Path, format_: str, out: Path, as_json: bool) -> None:
    source = read_model_or_netlist(net)
    if isinstance(source, LangevinNetlist):
        source = to_ising(source)
    if not isinstance(source, IsingModel):
        raise UnsupportedError(
            f"{net}: a {type(source).__name__} is no Ising model, which --format {format_} is for"
        )
    export_ising(source, format_, out)
    offset = to_quadratic(source, "binary").offset if format_ == "coo" else 0.0
    if offset:
        notes.print(f"coo holds no offset: add {offset:g} to every energy (a comment in it says so)")
    emit(
        {
            "file": out,
            "format": format_,
            "spins": source.n,
            "couplings": source.n_couplings,
            **({"offset_dropped": offset} if format_ == "coo" else {}),
            "manifest": manifest(net=net),
        },
        as_json,
        f"wrote {out}: {source.n:,} variables, {source.n_couplings:,} couplings",
    )


def _export_deck(net: Path, out: Path, given: Given) -> None:
    netlist = to_netlist(net)
    if not isinstance(netlist, LangevinNetlist):
        raise UnsupportedError(
            f"{net}: --format {SPICE.name} is for Langevin netlists; a circuit of gates is written as verilog"
        )
    data, source = None, ""
    spans: dict[str, Any] = {}
    asked = deck_options(given, "trnoise")
    if asked["device"] is not None:
        netlist, asked["device"] = one_device(netlist, asked["device"], given["device_seed"], given["at"])
    if given["data"] is not None:
        dataset = told_dataset(given["data"], given["data_dir"])
        check_fit(netlist, dataset)
        x, y = dataset.part(given["split"])
        k = given["sample"]
        if k >= x.shape[0]:
            raise DataError(
                f"--sample {k}: {dataset.name}, {given['split']}, has samples 0 to {x.shape[0] - 1}"
            )
        data, source = x[k : k + 1], f"sample {k} of {dataset.name}, {given['split']}"
        source += f", class {int(y[k])}" if dataset.n_classes else ""
        device = asked["device"]
        if device is not None and (device.input_converter or device.output_converter):
            from thermo.simulate.langevin.calibrate import calibrated  # numba takes a while to import

            run = {"device": device, "kT": given["kT"], "seed": given["seed"]}
            spans = dict(calibrated(netlist, dataset.x_train, None, run))
    elif given["sample"]:
        raise UnsupportedError(f"--sample {given['sample']} counts samples of a data set: add --data NAME")
    options = DeckOptions(
        inputs=encode(netlist, data)[0],
        kT=given["kT"],
        seed=given["seed"] + 1,  # ngspice's begin at 1
        source=source,
        table=re.sub(r"[^A-Za-z0-9_.-]", "_", out.stem.lower()) + ".out",
        **asked,
        **spans,
    )
    deck = make_deck(netlist, options)
    with replacing(out) as temporary:
        temporary.write_text(deck.text, encoding="utf-8")
    for name in deck.engineered:
        notes.print(
            f"engineered noise: {name} cells have a nonlinear conductance, or one beside its resistor, and "
            "more than that resistor's noise"
            + ("; --cells reactive is thermal" if "walled" not in name else "")
        )
    scale = deck.scale
    emit(
        {
            "file": out,
            "format": SPICE.name,
            "cells": int((~netlist.cells.frozen).sum()),
            "couplings": netlist.n_couplings,
            "units": {
                "device": scale.name or None,
                "V": scale.voltage,
                "s": scale.time,
                "S": scale.conductance,
                "F": scale.capacitance,
            },
            "engineered": deck.engineered,
            "manifest": manifest(net=net, data=given["data"]),
        },
        given["json"],
        f"wrote {out}: {int((~netlist.cells.frozen).sum()):,} cells, {netlist.n_couplings:,} couplings, "
        f"{deck.end:.4g} s in steps of {deck.step:.3g} s\n"
        f"units: x {scale.voltage:.4g} V, time {scale.time:.4g} s, W {scale.conductance:.4g} S, cells "
        f"{scale.capacitance:.4g} F\nrun:   ngspice -b {out}   (states of read cells: {options.table})",
    )


def _told(
    out: Path,
    netlist: GateNetlist,
    numbers: dict[str, Any],
    held: int | None,
    latency: int | None,
    bench: dict[str, Any],
) -> list[str]:
    sums = netlist.class_sums
    tables = "tables" in numbers
    size = f"{numbers['tables']['total']:,} tables" if tables else f"{numbers['gates']['declared']:,} gates"
    classes = "" if sums is None else f", sums of {sums.n_classes} classes and the decision"
    n_in, n_out = numbers["inputs"] - (held or 0), numbers["outputs"] - (held or 0)
    state = "" if held is None else f"{held} registers, "
    lines = [f"wrote {out}: {size}, {state}{n_in} inputs, {n_out} outputs{classes}"]
    if latency is not None:
        lines.append(f"latency: {latency} clocks, a sample a clock")
    if bench:
        right = bench.get("accuracy")
        decided = "" if right is None else f", {100 * right:.1f} % of them decided right"
        lines += [
            f"wrote {bench['file']}: {bench['samples']} samples of {bench['source']}{decided}",
            f"run:   iverilog -g2012 -o sim {out} {bench['file']} && vvp sim",
        ]
    return lines


def digits_asked(encoder: str) -> bool:
    """Whether the binary digits of data are the inputs."""
    if encoder not in ("bits", "gates"):
        raise UnsupportedError(f"--encoder must be bits or gates, got {encoder!r}")
    return encoder == "gates"


def grid_with(netlist: GateNetlist, dataset: Dataset | None) -> Grid | None:
    """What whole numbers the data are, as far as the encoder needs data for that."""
    encoder = netlist.encoder
    if isinstance(encoder, CountingEncoder):
        return grid_of(encoder, np.zeros((0, encoder.n_features)))
    return None if encoder is None or dataset is None else grid_of(encoder, dataset.x_train)


def _samples(
    netlist: GateNetlist, dataset: Dataset | None, split: str, samples: int, seed: int, grid: Grid | None
) -> tuple[np.ndarray, dict[str, Any]]:
    """(input bits (n, n_inputs), what they are): of a data set, else random ones.

    grid : where the inputs are the digits of data on it, and not the encoder's bits
    """
    if dataset is None:
        rng = np.random.default_rng(seed)
        n = netlist.n_inputs
        if grid is not None and netlist.encoder is not None:
            n = features_read(netlist.encoder, inputs_read(netlist)).size * grid.bits
        bits = rng.integers(0, 2, (samples, n), dtype=np.uint8)
        return bits, {"samples": samples, "source": f"random bits, seed {seed}"}
    x, y = (part[:samples] for part in dataset.part(split))
    encoder = netlist.encoder
    wanted = netlist.n_inputs if encoder is None else encoder.n_features
    if dataset.n_features != wanted:
        raise DataError(
            f"data set {dataset.name} has {dataset.n_features} values a sample; the circuit takes "
            f"{wanted}: choose the data it was made for"
        )
    if encoder is None and not np.isin(x, (0, 1)).all():
        raise DataError(
            f"data set {dataset.name} has values other than 0 and 1, and the circuit has no "
            "encoder; compile it with --thresholds or --quantiles"
        )
    bits = x if encoder is None else encode_bits(netlist, x)
    facts = {"samples": x.shape[0], "source": f"{dataset.name}, {split}"}
    sums = netlist.class_sums
    if sums is not None and sums.n_classes == dataset.n_classes:
        decided = np.argmax(evaluate_classes(netlist, bits), axis=1)
        if sums.labels and set(sums.labels) == set(dataset.labels):
            decided = np.array([dataset.labels.index(label) for label in sums.labels])[decided]
        facts["accuracy"] = float(np.mean(decided == y))
    if grid is not None and encoder is not None:
        bits = code_bits(grid, x, features_read(encoder, inputs_read(netlist)))
    return bits, facts
