"""The page of `thermoc report`: a comparison, what moves it, how robust it is, and how to redo it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hw_models.interval import Interval
from thermo.energy.compare import Comparison, Row
from thermo.energy.ledger import all_figures, tornado
from thermo.report import figures
from thermo.report.compare import break_even_sentences, compare_tables, verdict_sentences
from thermo.report.figures import Sweep
from thermo.report.ledger import between, bill_table
from thermo.report.page import Figure, Part, Points, Section, Table, html_page
from thermo.report.text import si

HOW_TO_READ = (
    "One answer is one decision on one sample. Every joule figure is per answer, with an SI prefix: "
    "1 pJ is 1e-12 J, 1 fJ is 1e-15 J.",
    "“5 to 95 %” is an interval: every figure that a price rests on is drawn between its low and its high "
    "value, 400 times, and nine prices of ten lie inside. How far a figure may be off follows from how firm "
    "its source is, which is a convention and no statistics; the last table names each source.",
    "Where two designs rest on one figure it moves in both at once, so that ratios do not count it twice. "
    "“Undecided” means that either may be the cheaper one.",
    "All designs are compared at one rate of answers and with their weights kept in one kind of place.",
    "Accuracies carry one standard error of the samples. “Paired” differences are taken sample by sample.",
)


def report_page(c: Comparison, sweeps: Mapping[str, Sequence[Sweep]], manifest: Mapping[str, Any]) -> str:
    """The page as HTML.

    sweeps : of each netlist by name, none where it decides nothing
    manifest : what made the page, see thermo.cli.console.manifest
    """
    names = ", ".join(sweeps) or "designs"
    sections = (
        Section("How to read this page", (Points(HOW_TO_READ),)),
        ledger_section(c),
        *(design_section(c, row) for row in c.rows if row.given),
        *(robustness_section(name, some) for name, some in sweeps.items()),
        assumptions_section(c),
        redo_section(manifest),
    )
    return html_page(
        f"What an answer costs: {names} on {c.data}",
        verdict_sentences(c),
        sections,
        f"Written by thermoc {manifest.get('thermoc', '')}. This page holds all that it shows: it asks for "
        "nothing over a network.",
        contents=True,
    )


def ledger_section(c: Comparison) -> Section:
    """Every design on one table, as a figure, and where the verdict would change."""
    rows = sorted(c.rows, key=lambda row: row.bill.price.total)
    enough = [r for r in rows if r.given or (r.design.accuracy or 0.0) >= c.accuracy - 1e-12]
    bars = [(r.design.name, r.bill.total, r.given) for r in enough if r.bill.total.low > 0]
    parts: list[Part] = []
    if bars:
        first, last = bars[0], bars[-1]
        alt = (
            f"Energy of an answer of {len(bars)} designs on a logarithmic axis: the least {_words(first)}, "
            f"the most {_words(last)}."
        )
        caption = "Energy of an answer, likely and 5 to 95 %: netlists, digital designs as accurate as asked."
        parts.append(Figure(figures.svg(figures.ledger_bars(bars)), caption, alt))
    parts += compare_tables(c)
    if changes := break_even_sentences(c):
        parts.append(Points(changes))
    return Section("The ledger", tuple(parts))


def _words(bar: tuple[str, Interval, bool]) -> str:
    return f"{bar[0]} with {si(bar[1].likely, 'J')} ({between(bar[1], 'J')})"


def design_section(c: Comparison, row: Row) -> Section:
    """One netlist's bill, place by place, and the figures that move it."""
    design, total = row.design, row.bill.total
    parts: list[Part] = [bill_table(row.bill)]
    swings = tornado(design, c.rate)
    if swings:
        widest = swings[0]
        alt = (
            f"Bars of the {min(len(swings), 10)} figures that move the total most. Widest: {widest.figure}, "
            f"{si(widest.at_low, 'J')} at its low, {si(widest.at_high, 'J')} at its high value; the likely "
            f"total is {si(total.likely, 'J')}."
        )
        caption = "One figure at a time at its low and its high value, the others likely: measure the widest."
        parts.append(Figure(figures.svg(figures.tornado(swings, total.likely)), caption, alt))
    if row.bill.price.seconds:
        slowest = 1 / row.bill.price.seconds
        parts.append(
            f"One answer takes {si(row.bill.price.seconds, 's')}, so that one machine gives up to "
            f"{si(slowest, '').strip()} answers a second."
        )
    return Section(f"{design.name}: {si(total.likely, 'J')} an answer", tuple(parts))


def robustness_section(name: str, sweeps: Sequence[Sweep]) -> Section:
    """Accuracy of a netlist against what may be worse than hoped for."""
    title = f"{name}: how far it may be off"
    if not sweeps:
        return Section(title, ("It decides between no classes of this data: there is no accuracy to lose.",))
    rows = [
        (sweep.what, f"{value:g}", f"{100 * accuracy:.1f} ± {100 * error:.1f} %")
        for sweep in sweeps
        for value, accuracy, error in sweep.points
    ]
    least = [(s.what, *min(s.points, key=lambda p: p[1])[:2]) for s in sweeps]
    worst = "; ".join(f"{what} {value:g}: {100 * accuracy:.0f} %" for what, value, accuracy in least)
    alt = f"Accuracy in {len(sweeps)} panels. Lowest points: {worst}. All values are in the table below."
    notes = "; ".join(f"{s.what}: {s.note}" for s in sweeps if s.note)
    caption = f"Accuracy of {name}; dashed: the netlist on its device. {notes}."
    drawn = Figure(figures.svg(figures.sweeps_figure(sweeps)), caption, alt)
    table = Table(("what is swept", "value", "accuracy"), tuple(rows), (1, 2), "The same in numbers")
    return Section(title, (drawn, table))


def assumptions_section(c: Comparison) -> Section:
    """Every figure that the table rests on, once."""
    users: dict[str, list[str]] = {}
    for row in c.rows:
        for name in row.design.figures:
            users.setdefault(name, []).append(row.design.name)
    rows = []
    for name, figure in all_figures(row.design for row in c.rows).items():
        told = figure.describe()
        unit = figure.unit
        some = users[name]
        rows.append(
            (
                name,
                _value(figure.value, unit),
                _ends(figure.interval, unit),
                str(told["kind"]),
                str(told["ref"]),
                some[0] if len(some) == 1 else f"{len(some)} designs",
            )
        )
    head = ("figure", "likely", "low to high", "firmness", "source", "used by")
    caption = f"{len(rows)} figures; firmness as in docs/references.md"
    return Section("Every assumption", (Table(head, tuple(rows), (1, 2), caption),))


def _value(value: float, unit: str) -> str:
    return si(value, unit) if unit in PREFIXED else f"{value:.4g} {unit}".strip()


def _ends(interval: Interval, unit: str) -> str:
    if interval.low == interval.high:
        return "exact"
    return f"{_value(interval.low, unit)} to {_value(interval.high, unit)}"


PREFIXED = ("J", "s", "F", "V", "W", "A", "m", "Hz")
"""Units that take an SI prefix."""


def redo_section(manifest: Mapping[str, Any]) -> Section:
    """What made this page, so that it can be made again."""
    rows = []
    for name, value in manifest.items():
        if isinstance(value, Mapping):
            rows += [(f"{name}, {inner}", str(told)) for inner, told in value.items()]
        else:
            rows.append((name, str(value)))
    text = "The same version, command, seed and files give the same figures."
    return Section("To redo it", (text, Table(("what", "value"), tuple(rows), (), "Manifest")))
