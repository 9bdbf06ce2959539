"""What the demo's own process does: the machine trained for a device, all prices, table and report page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from compiler.files import replacing
from compiler.ir.container import load
from hw_models.interval import Interval
from thermo.data import Dataset
from thermo.demo.apart import answer
from thermo.demo.langevin import NAME, NETLIST, langevin_part
from thermo.demo.part import Part, Row
from thermo.energy.compare import Comparison, least_accuracy, priced, tabulate
from thermo.energy.compare import Row as Priced
from thermo.energy.cycle import Reset
from thermo.energy.digital import digital_designs
from thermo.energy.kept_baselines import cached_baselines
from thermo.energy.ledger import Design
from thermo.energy.run import Priced as Estimated
from thermo.progress import Progress
from thermo.report.answer import HOW_TO_READ, assumptions_section, design_section, ledger_section
from thermo.report.compare import compare_keys, compare_sentences
from thermo.report.ledger import between
from thermo.report.page import Points, Section, Table, html_page
from thermo.report.text import si

RESET = Reset(300.0, 0.05, couplings=False)
"""What `thermoc estimate machine.tnl --data digits` finds in ten seconds, which the demo saves."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo ends in: a table and sentences for people, figures for JSON, files."""

    table: Table
    reading: str
    figures: dict[str, Any]
    page: Path
    netlists: tuple[Path, ...]


def whole_demo(
    dataset: Dataset,
    folder: Path,
    processes: Mapping[str, Popen[bytes]],
    options: Mapping[str, Any],
    progress: Progress,
) -> Demo:
    """Everything beside what the processes do, and what they answer; see thermo.demo.run."""
    parts, given = _parts_and_prices(dataset, folder, processes, options, progress)
    least = least_accuracy(given)
    digital = digital_designs(dataset, accuracy=least, progress=progress)
    found = tabulate(given, digital, data=dataset.name, split="test")
    reading = "\n\n".join([*(part.reading for part in parts), *verdicts(found)])
    page = folder / "report.html"
    with replacing(page) as beside:
        beside.write_text(_page(dataset, parts, found, reading))
    figures = {name: value for part in parts for name, value in part.figures.items()}
    return Demo(
        _table(dataset, parts, found),
        reading,
        {**figures, "compare": compare_keys(found), "report": page},
        page,
        tuple(part.netlist for part in parts),
    )


def _parts_and_prices(
    dataset: Dataset,
    folder: Path,
    processes: Mapping[str, Popen[bytes]],
    options: Mapping[str, Any],
    progress: Progress,
) -> tuple[list[Part], list[tuple[Design, Estimated | None]]]:
    """Every family's part, and their netlists' designs; digital ones are in the user's cache then."""
    wired, logic, relaxing = (processes[name] for name in ("wired", "logic", "relaxing"))
    langevin = langevin_part(dataset, folder, **options, progress=progress)
    run: dict[str, Any] = {"seed": options["seed"], "threads": options["threads"], "progress": progress}

    def prices(name: str, netlist: Path, **more: Any) -> list[tuple[Design, Estimated | None]]:
        return priced({name: load(netlist)}, dataset, **run, **more)

    first = prices(NAME, folder / NETLIST, reset=RESET)
    least = least_accuracy(first)
    if least is not None:
        cached_baselines(dataset, "test", least, progress)

    def waited(process: Popen[bytes]) -> Any:
        progress.start(1, "another family, in a process of its own")
        try:
            return answer(process)
        finally:
            progress.stop()

    # each is priced and drawn while the others are at it
    circuit: Part = waited(logic)
    of_circuit, circuit = prices(circuit.name, circuit.netlist), circuit.drawn()
    learnt: Part = waited(relaxing)
    of_learnt, learnt = prices(learnt.name, learnt.netlist, reset=RESET), learnt.drawn()
    bits: Part = waited(relaxing)
    of_bits, bits = prices(bits.name, bits.netlist), bits.drawn()
    parts = [langevin(waited(relaxing)).drawn(), learnt, circuit, bits]
    for process in (logic, wired, logic):  # digital designs
        answer(process)
    given = [*first, *of_learnt, *of_circuit, *of_bits]
    return parts, given


def verdicts(found: Comparison) -> tuple[str, ...]:
    """Which design is cheapest, a sentence a node."""
    return compare_sentences(found)[: len(found.verdicts)]


def _table(dataset: Dataset, parts: list[Part], found: Comparison) -> Table:
    lines = [line for part in parts for row in part.rows for line in _lines(part, row, found)]
    for verdict in found.verdicts:
        rows = (verdict.cheapest, *(row for row, _ in verdict.others))
        digital = next((row for row in rows if not row.given), None)
        if digital is not None:
            share = digital.design.accuracy or 0.0
            lines.append(
                (f"cheapest digital design: {digital.design.name}", f"{100 * share:.1f} %", *_joules(digital))
            )
    return Table(
        ("what", "test accuracy", "energy per answer", "5 to 95 %"),
        tuple(lines),
        (1, 2, 3),
        f"Handwritten digits, {dataset.x_test.shape[0]} test images never used in training",
    )


def _lines(part: Part, row: Row, found: Comparison) -> list[tuple[str, ...]]:
    """The row, with the joules of its netlist on its hardware; a line more for each further hardware."""
    if not row.priced:
        return [(row.what, row.accuracy, "", "")]
    own = [r for r in found.rows if r.given and r.design.name.startswith(f"{part.name}, ")]
    first, *more = own
    read = first.design.accuracy  # of the machine that is priced
    accuracy = row.accuracy if read is None else f"{100 * read:.1f} %"
    indent = " " * (len(row.what) - len(row.what.lstrip()) + 2)
    where = [f"{indent}on {r.design.name.removeprefix(f'{part.name}, ')}" for r in more]
    return [
        (row.what, accuracy, *_joules(first)),
        *((text, "", *_joules(r)) for text, r in zip(where, more, strict=True)),
    ]


def _joules(row: Priced) -> tuple[str, str]:
    total: Interval = row.bill.total
    return si(total.likely, "J"), between(total, "J")


def _page(dataset: Dataset, parts: list[Part], found: Comparison, reading: str) -> str:
    return html_page(
        "A classifier of digits on simulated physical hardware",
        reading.split("\n\n"),
        (
            Section(
                "How to read this",
                (
                    Points(HOW_TO_READ),
                    "kT is the thermal energy k_B T, 4.14e-21 J at 300 K. Machines are simulated with their "
                    "thermal noise, that of their couplings included, by Euler-Maruyama.",
                    f"Data: {dataset.name}, {dataset.split}. No model was trained or chosen on "
                    "test images; every one shown is measured on them.",
                ),
            ),
            Section("What came out", (_table(dataset, parts, found),)),
            ledger_section(found),
            *(section for part in parts for section in part.sections),
            *(design_section(found, row) for row in found.rows if row.given),
            assumptions_section(found),
        ),
        "Made by thermoc demo; the .tnl files beside this page are the compiled netlists.",
    )
