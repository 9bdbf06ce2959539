"""Points of a yield study as tables, a figure and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from hw_models.ages import SECONDS
from thermo.report.figures import COLOURS, dress
from thermo.report.page import Table
from thermo.studies.instances import paired
from thermo.studies.study import Findings

TOGETHER = "all together"
NONE = "none of them"


@dataclass(frozen=True, slots=True)
class YieldPoint:
    """One point of a curve.

    net : as the file is called; law : name, "all together" or "none of them"; strength : times its own
    at : s since programming, None: just programmed; good : devices that are accurate enough
    low, high : Wilson's interval of their share, 95 %
    """

    net: str
    law: str
    strength: float
    at: float | None
    accuracies: tuple[float, ...]
    good: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.good / len(self.accuracies)

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))


def wilson(good: int, n: int) -> tuple[float, float]:
    """95 % interval of a share of n, E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927)."""
    from scipy.stats import binomtest

    found = binomtest(good, n).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def findings(points: Sequence[YieldPoint], level: float, where: str) -> Findings:
    """Tables, figure and JSON of points, the first being the first netlist's without any law."""
    last, nets = points[0].at, tuple(dict.fromkeys(p.net for p in points))
    perfect = {p.net: p for p in points if p.law == NONE}
    own = [p for p in points if p.law != NONE and p.strength == 1.0 and p.at == last]
    worst = {
        net: max((p for p in _of(own, net) if p.law != TOGETHER), key=lambda p: _loss(p, perfect[net]))
        for net in nets
    }
    result = {
        "accuracy": level,
        "points": [{**asdict(p), "share": p.share, "mean": p.mean} for p in points],
        "loses_most": {
            net: {"law": p.law, "points": 100 * _loss(p, perfect[net])} for net, p in worst.items()
        },
        "gains": {f"{a} to {b}": _gain(a, b, points, last) for a, b in pairwise(nets)},
    }
    tables = [_own_table(own, perfect, level, where, last), *_curve_tables(points, last, level)]
    said = [
        f"{net}: most is lost by {p.law}, {100 * _loss(p, perfect[net]):.2f} points of the mean accuracy"
        for net, p in worst.items()
    ]
    told = Table(("which law loses most",), tuple((line,) for line in said))
    return Findings(result, (told, *tables), {"devices": yield_figure(points, level)})


def _of(points: Sequence[YieldPoint], net: str) -> list[YieldPoint]:
    return [p for p in points if p.net == net]


def _loss(point: YieldPoint, perfect: YieldPoint) -> float:
    return perfect.mean - point.mean


def _gain(a: str, b: str, points: Sequence[YieldPoint], last: float | None) -> dict[str, float]:
    """Mean gain in points of the second netlist over the first on the same devices, all laws together."""
    both = [[p for p in _of(points, net) if p.strength == 1.0 and p.at == last][-1] for net in (a, b)]
    p = paired(*(q.accuracies for q in both))
    return {"points": 100 * p.gain, "sem": 100 * p.sem, "p": p.p}


def _interval(p: YieldPoint) -> str:
    return f"{100 * p.share:.0f} ({100 * p.low:.0f} to {100 * p.high:.0f})"


def _when(at: float | None) -> str:
    if at is None:
        return "just programmed"
    unit = next((u for u in ("y", "d", "h", "min") if at >= SECONDS[u]), "s")
    return f"{at / SECONDS[unit]:g} {unit}"


def _own_table(
    own: Sequence[YieldPoint], perfect: dict[str, YieldPoint], level: float, where: str, last: float | None
) -> Table:
    rows = []
    for p in (*perfect.values(), *own):
        lost = "" if p.law == NONE else f"{100 * _loss(p, perfect[p.net]):.2f}"
        rows.append((p.net, p.law, f"{100 * p.mean:.2f}", lost, _interval(p)))
    rows.sort(key=lambda row: list(perfect).index(row[0]))
    return Table(
        ("netlist", "law", "mean accuracy %", "lost, points", f"{100 * level:.2f} % or more"),
        tuple(rows),
        (2, 3, 4),
        f"Each law alone and all together, {_when(last)}: share of {where} in %, Wilson's 95 % interval",
    )


def _curve_tables(points: Sequence[YieldPoint], last: float | None, level: float) -> list[Table]:
    """Shares against strength and, where there are several times, against time."""
    laws = [p for p in points if p.law != NONE]
    kinds: list[tuple[str, Any, Any, list[YieldPoint]]] = [
        ("strength", lambda p: p.strength, lambda v: f"x {v:g}", [p for p in laws if p.at == last]),
        ("time", lambda p: p.at, _when, [p for p in laws if p.strength == 1.0]),
    ]
    tables = []
    for what, place, told, some in kinds:
        values = sorted({place(p) for p in some}, key=lambda v: -1.0 if v is None else v)
        if len(values) < 2:
            continue
        rows = []
        for net, law in dict.fromkeys((p.net, p.law) for p in some):
            here = {place(p): p for p in some if (p.net, p.law) == (net, law)}
            rows.append((net, law, *(_interval(here[v]) if v in here else "" for v in values)))
        tables.append(
            Table(
                ("netlist", "law", *(told(v) for v in values)),
                tuple(rows),
                tuple(range(2, 2 + len(values))),
                f"Share of devices at {100 * level:.2f} % or more against {what}, in %",
            )
        )
    return tables


def yield_figure(points: Sequence[YieldPoint], level: float) -> Figure:
    """Share of good devices with its interval against strength and, if there are several times, time.

    One colour a law, one line style a netlist.
    """
    last = points[0].at
    strong = [p for p in points if p.law != NONE and p.at == last]
    later = [p for p in points if p.law != NONE and p.strength == 1.0 and p.at is not None]
    panels = [("strength, times the law's own", strong, False)]
    if len({p.at for p in later}) > 1:
        panels.append(("time since programming", later, True))
    figure = Figure(figsize=(4.6 * len(panels) + 1.8, 4.0), layout="constrained")
    nets, laws = (list(dict.fromkeys(getattr(p, k) for p in strong)) for k in ("net", "law"))
    lines: dict[str, Any] = {}
    for k, (label, some, timed) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), k + 1)
        dress(axes)
        axes.set_xscale("log" if timed else "linear")
        curves = [(net, law) for net in nets for law in laws]
        reach = max(p.strength for p in strong)
        for n, (net, law) in enumerate(curves):
            none = next(p for p in points if p.law == NONE and p.net == net)
            here = [p for p in some if (p.net, p.law) == (net, law)]
            here = here if timed else [none, *here]
            here.sort(key=lambda p: p.at or 0.0 if timed else p.strength)
            # side by side, so that bars do not hide each other
            aside = n / max(len(curves) - 1, 1) - 0.5
            x = [
                float(p.at or 0.0) * 1.6**aside if timed else p.strength + 0.05 * reach * aside for p in here
            ]
            y = np.array([[100 * getattr(p, name) for p in here] for name in ("share", "low", "high")])
            line = axes.errorbar(
                x,
                y[0],
                [y[0] - y[1], y[2] - y[0]],
                color="#444444" if law == TOGETHER else COLOURS[laws.index(law) % (len(COLOURS) - 1)],
                linestyle=("-", "--", ":", "-.")[nets.index(net) % 4],
                marker="os^v"[nets.index(net) % 4],
                linewidth=2.0 if law == TOGETHER else 1.3,
                markersize=4,
                elinewidth=0.8,
                capsize=2,
            )
            lines[f"{net}, {law}" if len(nets) > 1 else law] = line
        axes.set_xlabel(label)
        axes.set_ylim(-3, 103)
        if timed:
            ticks = sorted({p.at for p in some if p.at})
            axes.set_xticks(ticks, [_when(t) for t in ticks])
            axes.xaxis.set_minor_locator(NullLocator())
        if k == 0:
            axes.set_ylabel(f"devices at {100 * level:.1f} % or more, %")
    figure.legend(list(lines.values()), list(lines), loc="outside right upper", frameon=False, fontsize=8)
    return figure
