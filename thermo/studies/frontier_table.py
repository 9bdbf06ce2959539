"""The frontier as a table, JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from thermo.report.page import Table
from thermo.report.text import si
from thermo.studies.frontier_points import DEFINITIONS, LIBRARIES, RANKED, FrontierRow, on_front

LETTERS = dict(zip(RANKED, ("c", "h", "e", "4", "6", "J", "j"), strict=True))
"""Marks of a point that no other beats: by core, with head, with encoder and head, LUT4, LUT6, joules."""


def frontier_table(rows: Sequence[FrontierRow], split: str) -> Table:
    """A row a network, published ones last."""
    fronts = fronts_of(rows)
    lines = []
    for k, row in enumerate(rows):
        counts = [str(row.counts[name]) if name in row.counts else "" for name in DEFINITIONS]
        cells = (
            row.network if row.ours else f"{row.network} (published)",
            str(row.seeds) if row.ours else "",
            _share(row.valid_accuracy, row.valid_spread),
            _share(row.accuracy, row.error),
            "" if row.spread is None else f"{100 * row.spread:.2f}",
            *counts,
            *(_answer(row, node) for node in LIBRARIES),
            "" if row.cpu_minutes is None else f"{row.cpu_minutes:.2f}",
            "".join(LETTERS[name] for name in RANKED if k in fronts[name]),
            row.note if row.ours else row.stated,
        )
        lines.append(cells)
    head = (
        "network",
        "seeds",
        "validation %",
        "test %",
        "spread",
        *DEFINITIONS.values(),
        *LIBRARIES,
        "CPU min",
        "front",
        "counted by",
    )
    if not any(line[-1] for line in lines):
        head, lines = head[:-1], [line[:-1] for line in lines]
    told = (
        f"{split}, ± standard error; validation ± spread over seeds.\n"
        "Two-input gates: core after -O2, with head, with encoder and head; tables with head; an answer "
        "by the ledger.\n"
        "front: no other point beats it by c core, h with head, e with encoder and head, 4 LUT4, 6 LUT6, "
        "J and j joules at 45 and 7 nm."
    )
    if any(not row.ours for row in rows):
        told += (
            "\nPublished: official test sets; ≤ at most, ≈ by other networks' tables (in no front), empty: "
            "does not follow from what is published."
        )
    return Table(head, tuple(lines), tuple(range(1, 5 + len(DEFINITIONS) + len(LIBRARIES) + 1)), told)


def fronts_of(rows: Sequence[FrontierRow]) -> dict[str, list[int]]:
    """By definition, the rows that no other beats."""
    return {name: on_front(rows, name) for name in RANKED}


def _share(value: float | None, beside: float | None) -> str:
    if value is None:
        return ""
    return f"{100 * value:.2f}" + ("" if beside is None else f" ± {100 * beside:.2f}")


def _answer(row: FrontierRow, node: str) -> str:
    if node not in row.counts or row.seconds is None:
        return ""
    return f"{si(row.counts[node].value, 'J')}, {si(row.seconds[node], 's')}"


def described(rows: Sequence[FrontierRow]) -> list[dict[str, Any]]:
    """JSON's rows: front : definitions under which no other point beats this one."""
    fronts = fronts_of(rows)
    return [
        {**asdict(row), "front": [name for name in RANKED if k in fronts[name]]} for k, row in enumerate(rows)
    ]


def csv_text(rows: Sequence[FrontierRow]) -> str:
    """A line a row in full precision; where a count is not exact, `<name>_firm` says how firm it is."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    plain = ("network", "ours", "encoder", "inputs", "seeds")
    shares = ("valid_accuracy", "valid_spread", "accuracy", "error", "spread", "cpu_minutes")
    names = (*DEFINITIONS, *LIBRARIES)
    nodes = [node.replace(" ", "") for node in LIBRARIES]
    heads = [*DEFINITIONS, *(f"joules_{node}" for node in nodes)]
    head = [*plain, *shares]
    for name in heads:
        head += [name, f"{name}_firm"]
    writer.writerow([*head, *(f"seconds_{node}" for node in nodes), "front", "counted_by", "source"])
    for row in described(rows):
        line = [row[name] for name in (*plain, *shares)]
        for name in names:
            count = row["counts"].get(name)
            line += ["", ""] if count is None else [count["value"], count["firm"]]
        line += [(row["seconds"] or {}).get(node) for node in LIBRARIES]
        source = row["source"]
        line += [" ".join(row["front"]), row["stated"] or row["note"], source["ref"] if source else ""]
        writer.writerow(["" if value is None else value for value in line])
    return out.getvalue()
