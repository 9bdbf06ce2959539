"""thermoc compile: a model or foreign file in, a netlist legal for its target out."""

from __future__ import annotations

import time
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler import api
from compiler.circuits.from_tables import circuit_of
from compiler.counting import counts
from compiler.errors import TargetError, UnsupportedError
from compiler.families.clamp import clamp_named
from compiler.families.ising import IsingModel
from compiler.families.ising_summary import ising_summary
from compiler.families.logic import LogicNetwork, lower_logic
from compiler.families.tables import TableNetwork, lower_tables
from compiler.files import check_writable
from compiler.formats.circuits.circuits import SUFFIXES
from compiler.formats.circuits.state import holders
from compiler.formats.detect import Options, read_model_or_netlist
from compiler.formats.ising import qubo
from compiler.formats.ising.files import ising_format
from compiler.formats.ising.invertible import invertible
from compiler.ir.container import save
from compiler.ir.gates import GateNetlist
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.luts import LutNetlist
from compiler.ir.tiles import TileNetlist
from compiler.passes.legalize import MendOptions
from compiler.passes.units import scale_inputs
from hw_models.crossbar import crossbar_target
from hw_models.targets import TARGETS, Target, with_holes
from thermo.cli.console import emit, manifest, notes, telling
from thermo.cli.flags import AS_JSON, SEED, Given, refuse, with_flags
from thermo.cli.reading import READING
from thermo.cli.show import counts_table
from thermo.options import Option, keywords
from thermo.report.text import text_table

MODEL = Annotated[
    Path,
    typer.Argument(
        help="Model (.safetensors, .onnx, .pt, .pt2, .keras, .h5, .npz, .json), netlist (.tnl, text), "
        f"circuit ({', '.join(SUFFIXES)}, also .gz) or Ising problem (rudy .txt, .cnf, .wcnf, .coo, .mtx, "
        ".col, METIS .graph, .ommx, dimod's or networkx's .json, .graphml, .gml)."
    ),
]


def _ramp(text: str) -> tuple[float, float]:
    """First and last temperature."""
    try:
        hot, cold = (float(word) for word in text.split(","))
    except ValueError:
        hot = cold = float("nan")
    if not (isfinite(hot) and isfinite(cold)):
        raise UnsupportedError(f"--anneal takes two numbers, 3,0.2, got {text!r}")
    return hot, cold


OUT = Option("out", "--out", Path, ..., "Netlist to write (.tnl).", short="-o")
TARGET = Option(
    "target",
    "--target",
    str,
    "ideal",
    "Hardware it must be legal for; see `thermoc presets`. crossbar-N or crossbar-RxC: tiles of this size, "
    "for an ordinary network.",
)
CHIP = (
    Option(
        "working_graph",
        "--working-graph",
        Path,
        None,
        "Nodes and wires of one chip by the maker's numbers (text or JSON), in place of the target's.",
    ),
    Option("missing", "--missing", Path, None, "Nodes and wires of the target that are dead (text or JSON)."),
)
"""Keywords of with_holes."""
LEVEL = Option("optimise", "-O", int, 1, "Exact simplifications: 0 none, 2 most.", min=0, max=2)
MENDS = (
    Option("rescale", "--rescale", bool, False, "Change units so that couplings fit (exact)."),
    Option("quantize", "--quantize", bool, False, "Round couplings to the target's levels."),
    Option("limit-degree", "--limit-degree", bool, False, "Drop the weakest couplings of crowded cells."),
    Option("symmetrize", "--symmetrize", bool, False, "Replace W_ij and W_ji by their mean."),
    Option("embed", "--embed", bool, False, "Spins become chains of p-bits where wires are missing."),
    Option("double-well", "--double-well", bool, False, "p-bits become bistable continuous cells."),
)
HOW = (
    Option(
        "chain_strength",
        "--chain-strength",
        float,
        None,
        "With --embed: coupling within a chain (default: sqrt 2 rms J sqrt mean degree).",
    ),
    Option(
        "embedder",
        "--embedder",
        str,
        None,
        "With --embed: minorminer, thermoc, or auto (default): minorminer where it is installed.",
    ),
    Option("barrier", "--barrier", float, None, "Of double wells: height in kT (default 4)."),
    Option("flip_rate", "--flip-rate", float, None, "Or: escapes of a free cell per unit of time."),
)
"""Fields of MendOptions."""

TOLERANCE = Option("tolerance", "--tolerance", float, None, "How near an ordinary network's cells settle.")
CLAMP = Option(
    "clamp", "--clamp", list[str], None, "Variable of an Ising model, or word of --as ising, held: p=143."
)
ISING = (
    Option("sweeps", "--sweeps", int, None, "Of an Ising model: length of its run.", min=1),
    Option(
        "kT", "--anneal", str, None, "Of an Ising model: first and last kT of the ramp, 3,0.2.", read=_ramp
    ),
    Option("sample", "--sample/--optimise", bool, None, "Of an Ising model: sample at its kT, or anneal."),
)
"""Keywords of lower_ising."""

INPUT_GAIN = Option(
    "input_gain",
    "--input-gain",
    float,
    None,
    "Inputs so many times as large, couplings from them as much smaller: the same where they are ideal.",
)
TILES = (
    Option(
        "slices", "--slices", int, None, "On tiles: devices that a weight's magnitude is cut over.", min=1
    ),
    Option(
        "slice_bits", "--slice-bits", int, None, "On tiles: bits of each slice (none: not rounded).", min=1
    ),
    Option(
        "unrolled",
        "--unrolled",
        bool,
        False,
        "On tiles: every position of a convolution has its own devices.",
    ),
)
"""Of compile to tiles."""

FREE = Option(
    "free",
    "--free",
    int,
    None,
    "Of trained tables: entries that at most so many training samples address may take any value, which "
    "makes fewer gates and may change decisions (none: all as learnt).",
    min=0,
)
KT = Option("kT", "--kT", float, None, "Of an Ising model: its temperature.")
TAKERS = {
    "an Ising model (--as ising makes one of a circuit)": (*ISING, KT, CLAMP, TARGET, *CHIP, *MENDS, *HOW),
    "a circuit of gates": (),
    "a circuit of tables": (),
    "a network of tables": (FREE,),
    "a model of cells": (TOLERANCE, INPUT_GAIN, TARGET, *CHIP, *MENDS, *HOW),
    "a network on tiles (--target crossbar-64)": (*TILES, TARGET),
}


@with_flags(
    *(OUT, TARGET, *CHIP, LEVEL, *MENDS, *HOW, *READING, TOLERANCE, INPUT_GAIN, *TILES),
    *(CLAMP, *ISING, KT, FREE, SEED, AS_JSON),
)
def compile_(model: MODEL, given: Given) -> None:
    """Compile a trained model, a circuit of gates or an Ising problem into a netlist.

    Example: thermoc compile model.safetensors -o net.tnl --target ideal

    Example: thermoc compile difflogic.pt --wiring wiring.npz --classes 10 --thresholds 0.5 -o
    net.tnl -O 2

    Example: thermoc compile G22.txt -o cut.tnl --sweeps 2000

    Example: thermoc compile multiplier.v --as ising --clamp p=143 -o factor.tnl

    Example: thermoc compile mlp.safetensors -o tiles.tnl --target crossbar-64 --slices 2 --slice-bits 4

    Example: thermoc compile graph.txt -o net.tnl --target chimera-16 --embed --rescale --quantize
    """
    out, target, level = given["out"], given["target"], given["O"]
    check_writable(out)
    began = time.perf_counter()
    mend = [option.name for option in MENDS if given[option.key]]
    wells = "double-well" in mend or target == "double-well"
    for option, needs in zip(HOW, ("--embed", "--embed", "--double-well", "--double-well"), strict=True):
        value, on = given[option.key], wells if needs == "--double-well" else "embed" in mend
        if value is not None and not on:
            shown = value if isinstance(value, str) else f"{value:g}"
            raise TargetError(f"{option.flag} {shown} is for {needs}: add it, or leave {option.flag} out")
    options = Options(**keywords(READING, given))
    lowering = keywords((TOLERANCE, *ISING, *TILES), given)
    source = read_model_or_netlist(model, options)
    if isinstance(source, GateNetlist) and (undriven := source.meta.get("undriven")):
        notes.print(
            f"note: nothing drives {', '.join(undriven[:6])}{', ...' * (len(undriven) > 6)}: read as 0"
        )
    if isinstance(source, GateNetlist) and source.meta.get("undefined"):
        said = "note: what the file leaves undefined (a memory's word while it is not written) is read as 0"
        notes.print(said, soft_wrap=True)
    if isinstance(source, GateNetlist) and (held_by := holders(source)):
        said = f"note: state was held by {'; by '.join(held_by)}: no part of the circuit"
        notes.print(said, markup=False, soft_wrap=True)
    if isinstance(source, LogicNetwork):
        source = lower_logic(source)
    trained_tables = isinstance(source, TableNetwork)
    if isinstance(source, TableNetwork):
        source = lower_tables(source, free=given["free"])
    before = counts(source) if isinstance(source, LutNetlist) else {}
    if isinstance(source, LutNetlist) and given["as_"] == "gates":
        source = circuit_of(source)
    held = clamped_words(given["clamp"])
    if isinstance(source, GateNetlist) and given["as_"] == "ising":
        source = invertible(api.compile(source, optimise=level), clamp=held)
    elif held and isinstance(source, IsingModel):
        source = clamp_named(source, held)
    is_circuit = isinstance(source, GateNetlist | LutNetlist)
    kind = _taker(source, target, trained_tables)
    refuse(given, kind, TAKERS)
    if given["input_gain"] is not None:
        source = scale_inputs(api.to_netlist(source, options, **lowering), given["input_gain"])
        lowering = {}
    if isinstance(source, IsingModel) and given["kT"] is not None:
        source = replace(source, kT=given["kT"])
    before = before or (counts(source) if is_circuit else {})
    chip = None if is_circuit else crossbar_target(target) or TARGETS.get(target)
    if isinstance(chip, Target):
        chip = with_holes(chip, **keywords(CHIP, given))
        target = chip.name
    how = keywords(HOW, given)
    if "embed" in mend:
        how.setdefault("embedder", "auto")
    # the search ends when it finds chains: the estimate is of the longest that it may take
    with telling("embedding, at most") as told:
        netlist = api.compile(
            source,
            target=chip,
            optimise=level,
            mend=mend,
            how=MendOptions(**how, seed=given["seed"], told=told),
            options=options,
            **lowering,
        )
    save(netlist, out)
    numbers = counts(netlist)
    if isinstance(source, IsingModel) and ising_format(model) is qubo.FORMAT:
        notes.print("QUBO files hold no offset: energies are those of the written terms")
    problem = ising_summary(netlist) if isinstance(netlist, LangevinNetlist) else {}
    legal = "" if is_circuit else f", legal for {target}"
    if isinstance(netlist, TileNetlist):
        legal = f", on {numbers['tiles']:,} tiles"
    if is_circuit:
        alike = ("tables" in before) == ("tables" in numbers)
        after = _size(numbers).split()[0] if alike else _size(numbers)
        legal = f"; {_size(before)} became {after} at -O{level}"
        if alike and numbers["depth"] > before["depth"]:
            legal += (
                f", and the depth of {before['depth']} became {numbers['depth']} (-O1 makes no gate later)"
            )
    emit(
        {
            "netlist": out,
            **({} if is_circuit else {"target": target}),
            "counts": numbers,
            **({"counts_before": before} if is_circuit else {}),
            **({"problem": problem} if problem else {}),
            "seconds": time.perf_counter() - began,
            "manifest": manifest(model=model, **({} if is_circuit else {"seed": given["seed"]})),
        },
        given["json"],
        text_table(counts_table({**problem, **numbers})) + f"\n\nwrote {out}{legal}",
    )


def _taker(source: Any, target: str, trained_tables: bool) -> str:
    """Which of TAKERS it is, a network of tables being its circuit by now."""
    ising, gates, tables, networks, cells, tiles = TAKERS
    if isinstance(source, IsingModel):
        return ising
    if trained_tables:
        return networks
    if isinstance(source, GateNetlist | LutNetlist):
        return gates if isinstance(source, GateNetlist) else tables
    on_tiles = crossbar_target(target) is not None or isinstance(source, TileNetlist)
    return tiles if on_tiles else cells


def _size(numbers: dict[str, Any]) -> str:
    """Of the counts of a circuit of gates or tables."""
    if "tables" in numbers:
        return f"{numbers['tables']['total']:,} tables"
    return f"{numbers['gates']['two_input']:,} live two-input gates"


def clamped_words(clamps: list[str] | None) -> dict[str, int]:
    """{name: value} of arguments name=value; values as 143, -1, 0b1011, 0x8f.

    Raises UnsupportedError for malformed ones and a name given twice.
    """
    found: dict[str, int] = {}
    for text in clamps or ():
        name, _, value = text.rpartition("=")
        try:
            number = int(value, 0)
        except ValueError:
            name = ""
        if not name:
            raise UnsupportedError(f"--clamp takes name=value, p=143 or p=0b1011, got {text!r}")
        if name in found:
            raise UnsupportedError(f"--clamp {name} is given twice; give it once")
        found[name] = number
    return found
