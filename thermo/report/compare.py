"""A comparison as tables and sentences, and as JSON's keys."""

from __future__ import annotations

from typing import Any

from hw_models.interval import Interval, times
from thermo.energy.break_even import affordable_runs, equal_answers, equal_rates
from thermo.energy.circuit import settled
from thermo.energy.compare import ANY, Comparison, Row, Verdict
from thermo.energy.inference import Estimate
from thermo.energy.storage import memories
from thermo.report.ledger import KEPT, between, rate_words
from thermo.report.page import Table
from thermo.report.text import si


def compare_tables(c: Comparison) -> tuple[Table, ...]:
    """Every design; where its joules go; what is not in the table and why."""
    tables = [_designs(c), _places(c)]
    if c.left_out:
        tables.append(Table(("not in the table", "because"), tuple(c.left_out.items())))
    return tuple(tables)


def compare_sentences(c: Comparison) -> tuple[str, ...]:
    """Which is cheapest at the accuracy, what that rests on, and where it would change."""
    return (*verdict_sentences(c), *break_even_sentences(c))


def verdict_sentences(c: Comparison) -> tuple[str, ...]:
    """Which is cheapest, one sentence a node; before them, whose couplings are ideal."""
    estimates = [(row.design.name, row.estimate) for row in c.rows]
    ideal = dict.fromkeys(
        name for name, e in estimates if isinstance(e, Estimate) and e.device.couplings.name == "ideal"
    )
    found = (
        [f"Ideal couplings, without noise, load or range of their own: {'; '.join(ideal)}."] if ideal else []
    )
    found += [_verdict(c, verdict) for verdict in c.verdicts]
    if not c.verdicts:
        found.append(f"No design of the table reaches {_per_cent(c.accuracy)}: ask for less with --accuracy.")
    return tuple(found)


def break_even_sentences(c: Comparison) -> tuple[str, ...]:
    """Where the verdicts would change."""
    return tuple(told for verdict in c.verdicts for told in _break_even(c, verdict))


def compare_keys(c: Comparison) -> dict[str, Any]:
    """JSON's keys of `thermoc compare`."""
    return {
        "data": c.data,
        "split": c.split,
        "rate": c.rate,
        "weights": c.storage,
        "accuracy": c.accuracy,
        "designs": [_row_keys(c, row) for row in c.rows],
        "cheapest": {v.node: _verdict_keys(c, v) for v in c.verdicts},
        "sentences": list(compare_sentences(c)),
        "left_out": dict(c.left_out),
    }


def _row_keys(c: Comparison, row: Row) -> dict[str, Any]:
    design, bill, gap = row.design, row.bill, c.difference(row)
    return {
        "name": design.name,
        "family": design.family,
        "given": row.given,
        "node": row.node,
        "voltage": design.voltage,
        "accuracy": design.accuracy,
        "accuracy_sem": design.accuracy_sem,
        "n_samples": design.n_samples,
        "difference": None if gap is None else dict(zip(("mean", "sem", "paired"), gap, strict=True)),
        "energy_J": bill.total.describe(),
        "places": {place: interval.describe() for place, interval in bill.places.items()},
        "settled_J": settled(design, c.rate),
        "latency_s": bill.time.describe(),
        "area_m2": bill.price.area_m2,
    }


def _verdict_keys(c: Comparison, v: Verdict) -> dict[str, Any]:
    return {
        "name": v.cheapest.design.name,
        "energy_J": v.cheapest.bill.total.describe(),
        "undecided": [row.design.name for row in v.undecided],
        "ratios": {row.design.name: over.describe() for row, over in v.others},
    }


def _designs(c: Comparison) -> Table:
    firsts = {id(v.cheapest): v for v in c.verdicts}
    rows = []
    for row in sorted(c.rows, key=lambda r: r.bill.price.total):
        design, bill = row.design, row.bill
        verdict = firsts.get(id(row))
        told = design.name + ("" if verdict is None else f" <- cheapest{_at(verdict.node)}")
        gap, quiet = c.difference(row), settled(design, c.rate)
        rows.append(
            (
                told,
                design.family,
                _node(row),
                _accuracy(row),
                "" if gap is None else f"{100 * gap[0]:+.2f} ± {100 * gap[1]:.2f}{'' if gap[2] else ' *'}",
                si(bill.price.total, "J"),
                between(bill.total, "J"),
                "" if quiet is None else si(quiet, "J"),
                "not stated" if bill.price.seconds == 0 else si(bill.price.seconds, "s"),
                "not stated" if bill.price.area_m2 is None else f"{bill.price.area_m2 * 1e6:.3g}",
            )
        )
    reference = c.reference
    head = (
        "design",
        "family",
        "node",
        "accuracy",
        "difference",
        "J an answer",
        "5 to 95 %",
        "settled",
        "time",
        "mm²",
    )
    beside = "" if reference is None else f"; differences in points from {reference.design.name}"
    starred = any((g := c.difference(r)) is not None and not g[2] for r in c.rows)
    caption = (
        f"{c.data}, {c.split} split; {rate_words(c.rate)}; all weights {KEPT[c.storage]}{beside}"
        f"{' (* not paired)' if starred else ''}; settled: circuits without glitches"
    )
    return Table(head, tuple(rows), (3, 4, 5, 6, 7, 8, 9), caption)


def _places(c: Comparison) -> Table:
    places = dict.fromkeys(place for row in c.rows for place in row.bill.places)
    rows = []
    for row in sorted(c.rows, key=lambda r: r.bill.price.total):
        joules = row.bill.price.joules
        rows.append((row.design.name, *(si(joules[p], "J") if joules.get(p) else "" for p in places)))
    return Table(
        ("design", *places), tuple(rows), tuple(range(1, len(places) + 1)), "Where the joules go, likely"
    )


def _verdict(c: Comparison, v: Verdict) -> str:
    asked = f"of at least {_per_cent(c.accuracy)}" + ("" if c.asked else " (the first netlist's own)")
    where = "" if v.node == ANY else f" at {v.node}"
    first, total = v.cheapest.design, v.cheapest.bill.total
    text = (
        f"Cheapest{where}, {asked}: {first.name} with {si(total.likely, 'J')} an answer "
        f"({between(total, 'J')})."
    )
    if not v.others:
        return text + " No other design of the table is as accurate."
    shown = v.others[:1] + tuple(o for o in v.others[1:] if o[0].given or o[1].spans(1.0))
    others = [_beside(row.design.name, over) for row, over in shown]
    more = len(v.others) - len(shown)
    rest = f"; {more} more {'costs' if more == 1 else 'cost'} more" if more else ""
    return f"{text} Against it {'; '.join(others)}{rest}."


def _beside(name: str, over: Interval) -> str:
    if over.spans(1.0):
        return f"{name} is {times(over)} as much"
    return f"{name} costs {'as much' if over.low == over.high == 1 else f'{times(over)} as much'}"


def _break_even(c: Comparison, v: Verdict) -> list[str]:
    """Every netlist of the accuracy against the cheapest digital design, either way round."""
    rows = [v.cheapest, *(row for row, _ in v.others)]
    theirs = next((r for r in rows if not r.given), None)
    if theirs is None:
        return []
    return [told for ours in rows if ours.given for told in _equal(c, v, ours, theirs)]


def _equal(c: Comparison, v: Verdict, ours: Row, theirs: Row) -> list[str]:
    """Where two designs cost the same: in rate, in weights reused, in runs."""
    pair = f"{ours.design.name} and {theirs.design.name}"
    found = []
    if rates := equal_rates(ours.design, theirs.design):
        at = " and ".join(f"{si(r, '').strip()}" for r in rates)
        found.append(f"Break-even in rate: {pair} cost the same at {at} answers a second.")
    else:
        found.append(f"Break-even in rate: none; at every rate the same of {pair} is cheaper.")
    if c.storage in ("sram", "off-chip") and theirs.bare.parameters and ours.bare.parameters:
        n = equal_answers(ours.bare, theirs.bare, c.storage, memories(v.node), c.rate)
        told = "none" if n is None else f"the same where a reading of weights serves {n:,.1f} answers"
        found.append(f"Break-even in weights reused: {pair}: {told}.")
    if isinstance(ours.estimate, Estimate):
        joules = theirs.bill.price.total
        runs = affordable_runs(ours.estimate.asked, ours.estimate.device, joules)
        found.append(
            f"Break-even in runs: {ours.design.name} could average {runs:,} runs an answer for the joules of "
            f"{theirs.design.name}."
            if runs
            else f"Break-even in runs: none; one of {ours.design.name} costs more than {theirs.design.name}."
        )
    return found


def _at(node: str) -> str:
    return "" if node == ANY else f", {node}"


def _node(row: Row) -> str:
    volts = row.design.voltage
    text = row.node if volts is None else f"{row.node}, {volts:g} V"
    return text.replace(" ", "\u00a0")


def _accuracy(row: Row) -> str:
    design = row.design
    if design.accuracy is None:
        return "none"
    sem = "" if design.accuracy_sem is None else f" ± {100 * design.accuracy_sem:.2f}"
    return f"{100 * design.accuracy:.2f}{sem} %"


def _per_cent(share: float) -> str:
    return f"{100 * share:.2f} %"
