"""Bills as tables: where an answer's joules go, as intervals, and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping

from hw_models.interval import Interval
from thermo.energy.ledger import Bill, rests_on
from thermo.report.page import Table
from thermo.report.text import si

KEPT = {
    "wired": "wired",
    "registers": "in registers",
    "sram": "read from SRAM once an answer",
    "off-chip": "read from DRAM once an answer",
}
"""Storages of weights in words, after "weights"."""


def between(interval: Interval, unit: str) -> str:
    """The ends of an interval: "1.2 to 3.4 pJ" with a prefix each, "exact" where it has no width."""
    if interval.low == interval.high:
        return "exact"
    return f"{si(interval.low, unit)} to {si(interval.high, unit)}"


def bill_table(bill: Bill, also: Mapping[str, str] | None = None) -> Table:
    """Place by place: likely value, interval, firmness of the figures it rests on, the weightiest one.

    also : what else a place rests on, by place
    """
    design, also = bill.design, also or {}
    on, rows = rests_on(design, bill.rate), []
    for place, interval in bill.places.items():
        names = on.get(place, ())
        kinds = dict.fromkeys(design.figures[name].source.kind for name in names)
        sources = [also[place]] if place in also else []
        sources += [f"{names[0]}: {design.figures[names[0]].source.ref}"] if names else []
        rows.append(
            (
                place,
                si(interval.likely, "J"),
                between(interval, "J"),
                ", ".join(kinds) or "measured",
                "; ".join(sources),
            )
        )
    rows.append(("total", si(bill.total.likely, "J"), between(bill.total, "J"), "", ""))
    head = ("energy of an answer", "likely", "5 to 95 %", "firmness", "rests most on")
    return Table(head, tuple(rows), (1, 2), f"{design.name}, {rate_words(bill.rate)}")


def rate_words(rate: float | None) -> str:
    """ "back to back" or "1 k answers a second"."""
    return "answers back to back" if rate is None else f"{si(rate, '').strip()} answers a second"
