"""Networks on tiles: what a run and an estimate say, for people and for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from compiler.counting import tile_counts
from compiler.ir.tiles import TileNetlist
from thermo.energy.ledger import bill
from thermo.energy.tiles import TileEstimate
from thermo.evaluate import Evaluation
from thermo.report.baselines import BASELINE_HEAD, RIGHT, baseline_rows
from thermo.report.ledger import bill_table
from thermo.report.page import Table
from thermo.report.text import si
from thermo.simulate.tiles.result import TileConversion, TileResult

Rows = list[tuple[str, str]]


def tile_report(
    netlist: TileNetlist, result: TileResult, evaluation: Evaluation | None, device: str | None
) -> tuple[Rows, dict[str, Any]]:
    """(rows, JSON's keys) of a run."""
    counts = tile_counts(netlist)
    rows = [("device", "none: sums are exact" if device is None else device)]
    rows.append(("samples", f"{result.n_samples:,}" + ("" if evaluation is None else f" {evaluation.split}")))
    rows += evaluation_rows(evaluation)
    rows += count_rows(counts) + conversion_rows(result.conversions)
    if result.conversions and not result.calibrated:
        rows.append(("ranges", "found on these samples"))
    rows.append(("wall time", f"{result.seconds:.2f} s"))
    told = None if evaluation is None else evaluation
    return rows, {
        "accuracy": None if told is None else told.accuracy,
        "accuracy_sem": None if told is None else told.accuracy_sem,
        "rmse": None if told is None else told.rmse,
        "split": "" if told is None else told.split,
        "n_samples": result.n_samples,
        "runs": 1,
        "counts": counts,
        "converters": [asdict(c) for c in result.conversions],
        "seconds": result.seconds,
        "run_seconds": result.run_seconds,
    }


def evaluation_rows(evaluation: Evaluation | None) -> Rows:
    """Accuracy or error."""
    if evaluation is None:
        return []
    if evaluation.accuracy is not None and evaluation.accuracy_sem is not None:
        return [("accuracy", f"{100 * evaluation.accuracy:.2f} ± {100 * evaluation.accuracy_sem:.2f} %")]
    return [("rms error", f"{evaluation.rmse:.4g}")]


def count_rows(counts: Mapping[str, Any]) -> Rows:
    """What the layout takes, and what an answer asks of it."""
    bits = "" if counts["weight_bits"] is None else f", {counts['weight_bits']} bits a weight's magnitude"
    return [
        ("tiles, devices", f"{counts['tiles']:,}, {counts['devices']:,}{bits}"),
        ("reads an answer", f"{counts['reads']:,}"),
        (
            "conversions an answer",
            f"{counts['input_conversions']:,} in, {counts['output_conversions']:,} out",
        ),
    ]


def conversion_rows(conversions: Sequence[TileConversion]) -> Rows:
    """A row for the converters of each side of each layer."""
    return [
        (
            f"layer {c.layer}, {c.side} converters",
            f"{c.bits} bit{'s' if c.bits > 1 else ''} over {c.lo:.4g} to {c.hi:.4g}, "
            f"{100 * c.clipped:.2g} % clipped",
        )
        for c in conversions
    ]


def tile_tables(e: TileEstimate) -> tuple[Table, ...]:
    """The tables of `thermoc estimate`."""
    v = e.evaluation
    rows = [*evaluation_rows(v), *count_rows(e.counts), *conversion_rows(e.conversions)]
    rows.append(("latency", si(e.energy.seconds, "s")))
    rows.append(("area of devices and output converters", f"{1e12 * (e.energy.area_m2 or 0.0):,.0f} um2"))
    measured = Table(
        ("measured", ""), tuple(rows), (1,), f"{e.device.name}, {v.n_samples:,} {v.split} samples"
    )
    caption = "Digital designs: none of those tried reaches the tiles' accuracy"
    if e.cheapest is not None:
        caption = "Digital designs; the cheapest of 45 nm and at least the tiles' accuracy is the measure"
    digital = Table(BASELINE_HEAD, tuple(baseline_rows(e.baselines, {id(e.cheapest)})), RIGHT, caption)
    tables = (measured, bill_table(bill(e.design), {"physics": "simulation"}))
    return (*tables, digital) if e.baselines else tables
