"""A gate estimate as tables: counts by definition, joules by library, digital designs beside it."""

from __future__ import annotations

from hw_models.constants import ROOM, landauer
from hw_models.interval import times
from thermo.energy.gate_result import GateEstimate, LibraryEstimate, MappedFigures
from thermo.report.baselines import BASELINE_HEAD, RIGHT, baseline_rows
from thermo.report.page import Table
from thermo.report.text import si

# names of docs/cli.md -> what they mean
DEFINITIONS = {
    "declared": "in the netlist, of any kind",
    "live": "declared ones that an output or class sum depends on",
    "two_input": "live ones that depend on two nets",
    "inverters": "live inverters",
    "buffers": "live buffers",
    "constants": "live constants",
    "two_input_optimised": "two-input gates after -O2, without the class head, inverters free",
    "inverters_optimised": "inverters beside them",
    "two_input_with_head": "these and the class head (adders, largest sum), simplified together",
    "inverters_with_head": "inverters beside them",
    "lut4_optimised": "tables of up to four inputs, least depth first, without head",
    "lut6_optimised": "tables of up to six inputs, without head",
    "lut4_with_head": "tables of up to four inputs, with head",
    "lut6_with_head": "tables of up to six inputs, with head",
    "two_input_with_encoder_and_head": "two-input gates, and what makes the input bits of data's digits",
    "lut4_with_encoder_and_head": "tables of up to four inputs, likewise",
    "lut6_with_encoder_and_head": "tables of up to six inputs, likewise",
}


def gate_tables(e: GateEstimate) -> tuple[Table, ...]:
    """The tables of `thermoc estimate` for a circuit of gates."""
    tables = [_circuit(e), _counts(e)]
    if e.libraries:
        tables += [_sizes(e), _joules(e), _glitches(e), _everything(e)]
    if e.refused:
        rows = tuple(e.refused.items())
        tables.append(Table(("library", "no estimate because"), rows))
    if e.n_classes and e.accuracy is not None and e.baselines:
        tables.append(_digital(e))
    return tuple(tables)


def _circuit(e: GateEstimate) -> Table:
    rows = []
    if e.accuracy is not None and e.accuracy_sem is not None:
        rows.append(("accuracy", f"{100 * e.accuracy:.2f} ± {100 * e.accuracy_sem:.2f} %"))
    rows.append(("samples", f"{e.n_samples:,}"))
    rows.append(("toggles per gate and inference", f"{e.toggles_per_gate:.3f}"))
    for name, levels in e.depth.items():
        rows.append((f"depth, {name.replace('_', ' ')}", f"{levels} two-input gates"))
    return Table(("measured", ""), tuple(rows), (1,), f"One inference: {e.source}")


def _counts(e: GateEstimate) -> Table:
    rows = []
    for name, count in e.gates.items():
        if name.startswith("nand2_equivalents"):
            continue
        rows.append((name, f"{count:,}", DEFINITIONS.get(name, "")))
    return Table(("gates", "count", "definition"), tuple(rows), (1,), "Gates, by every definition")


def _mapped(e: GateEstimate) -> list[tuple[LibraryEstimate, str, MappedFigures]]:
    """Every library's circuits, the head named where there is one."""
    rows = []
    for entry in e.libraries:
        if e.has_head:
            rows.append((entry, "without head", entry.gates))
        rows.append((entry, "with head" if e.has_head else "whole", entry.whole))
    return rows


def _sizes(e: GateEstimate) -> Table:
    rows = []
    for entry, part, f in _mapped(e):
        rows.append(
            (
                entry.library.name,
                part,
                f"{sum(f.cells.values()):,}",
                f"{f.inverters:,}",
                f"{f.area_um2:,.1f}",
                "none" if f.nand2_equivalents is None else f"{f.nand2_equivalents:,.0f}",
                str(f.depth),
                si(f.delay_s, "s"),
                "none" if f.f_max_Hz is None else si(f.f_max_Hz, "Hz"),
            )
        )
    head = ("library", "circuit", "cells", "inverters", "um2", "NAND2 eq.", "depth", "delay")
    return Table(
        (*head, "f_max"),
        tuple(rows),
        (2, 3, 4, 5, 6, 7, 8),
        "Mapped to cells, inverters included; delay along the longest path, no wires",
    )


def _joules(e: GateEstimate) -> Table:
    rows = []
    for entry, part, f in _mapped(e):
        rows.append(
            (
                entry.library.name,
                f"{entry.library.voltage.value:g} V",
                part,
                si(f.energy.dynamic, "J"),
                si(f.energy.input_pins, "J"),
                si(f.energy.leakage, "J"),
                si(f.energy.total, "J"),
                si(f.with_glitches, "J"),
                si(f.latency_s, "s"),
                entry.library.source.kind,
            )
        )
    rows.append(
        ("Landauer", f"{ROOM:g} K", "one bit erased", "", "", "", si(landauer(ROOM), "J"), "", "", "exact")
    )
    head = ("library", "supply", "circuit", "switching", "input pins", "leakage", "total")
    return Table(
        (*head, "with glitches", "time", "firmness"),
        tuple(rows),
        (3, 4, 5, 6, 7, 8),
        "Energy per inference; total with settled values only; not counted: " + ", ".join(e.excluded),
    )


def _glitches(e: GateEstimate) -> Table:
    rows = []
    for entry, part, f in _mapped(e):
        g = f.glitches
        rows.append(
            (
                entry.library.name,
                part,
                f"{g.settled:.3f}",
                f"{g.library:.3f}",
                f"{g.unit:.3f}",
                f"{g.library_factor:.2f}",
                f"{g.unit_factor:.2f}",
                si(f.with_glitches, "J"),
                si(f.with_unit_glitches, "J"),
            )
        )
    pairs = e.libraries[0].whole.glitches.n_pairs
    head = ("library", "circuit", "settled", "library delays", "unit delay", "J factor, library")
    return Table(
        (*head, "J factor, unit", "total, library", "total, unit"),
        tuple(rows),
        (2, 3, 4, 5, 6, 7, 8),
        f"Transitions a cell and inference until it settles, {pairs:,} pairs of consecutive samples; "
        "library delays are inertial, unit delay is an upper bound",
    )


def _everything(e: GateEstimate) -> Table:
    rows = []
    for entry in e.libraries:
        told, held, encoder = entry.everything, entry.whole.registers, entry.encoder
        rows.append(
            (
                entry.library.name,
                *(
                    si(told[place], "J") if place in told else "not known"
                    for place in ("settled", "glitches", "encoder", "registers", "clock", "leakage", "total")
                ),
                si(entry.period_s, "s"),
                "" if encoder is None else f"{sum(encoder.cells.values()):,}",
                "" if held is None else f"{held.number:,}",
            )
        )
    head = ("library", "settled", "glitches", "encoder", "registers", "clock", "leakage", "everything")
    return Table(
        (*head, "period", "encoder's cells", "flip-flops"),
        tuple(rows),
        (1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
        "One answer with all around the circuit, answers without a pause; glitches by library delays. "
        "Encoder: comparators of data's bits; a flip-flop each input and output",
    )


def _digital(e: GateEstimate) -> Table:
    chosen = [e.cheapest_at(entry.library.node) for entry in e.libraries] or [e.cheapest]
    rows = baseline_rows(e.baselines, {id(b) for b in chosen})
    caption = "Digital designs: none of those tried is as accurate"
    if any(chosen):
        caption = (
            "Digital designs; the cheapest of at least the circuit's accuracy is the measure, at the "
            "library's node or else at 45 nm"
        )
        for name, over in e.advantage.items():
            rows.append((f"digital, weights wired / {name}", "", "", "", "", "", times(over)))
    return Table(BASELINE_HEAD, tuple(rows), RIGHT, caption)
