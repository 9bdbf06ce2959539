"""Accuracy against joules an answer for several ways to make couplings, everything counted that is priced.

Each point is a Langevin machine trained on the device with these couplings and converters (noise, load, range
and bits in training, validation, test and price), at one price on the strength of couplings. Its accuracy is
that of the cycle which is priced: every answer starts from the reset after the one before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from compiler.families.langevin import lower_langevin
from compiler.families.store import save_model
from compiler.ir.container import load
from hw_models.interval import Interval
from hw_models.presets import file_read
from thermo.common_options import INPUT_BITS, OUTPUT_BITS
from thermo.data import Dataset
from thermo.energy.compare import LIBRARIES, designs_of
from thermo.energy.digital import digital_designs
from thermo.energy.ledger import PLACES, Design, bill
from thermo.energy.run import estimate, estimator_of
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.figures import COLOURS, MUTED, new_figure
from thermo.report.page import Table
from thermo.report.text import si
from thermo.studies.records import Point, run_recorded
from thermo.studies.study import DATA, EPOCHS, SEED, THREADS, WHERE, Findings, Study
from thermo.training import train_pathwise
from thermo.training.langevin.circuit import strengths
from thermo.training.langevin.presets import pathwise_preset

TECHNOLOGIES = ("weak-inversion", "strong-inversion", "crossbar")
PRICES = (1e-5, 1e-4, 1e-3)
BELOW = 2.0  # points under the least accurate machine, where the figure ends


@dataclass(frozen=True, slots=True)
class Measured:
    """Test figures and bill of one machine.

    accuracy, accuracy_sem : of one noisy run of the whole test split, started from the reset that is priced;
        fresh : from a fresh start; n_samples : of the split
    input_bits, output_bits : of the converters; reset : its well, time and whether couplings stay on
    strength : mean over cells of sum |W|; kT : of the machine, in its own units
    joules : of an answer by place, low, likely and high; total : likewise; answer_seconds : of an answer
    """

    series: str
    technology: str
    penalty: float
    input_bits: float
    output_bits: float
    accuracy: float
    accuracy_sem: float
    fresh: float
    valid_accuracy: float
    n_samples: int
    reset: dict[str, Any]
    strength: float
    kT: float
    joules: dict[str, list[float]]
    total: list[float]
    answer_seconds: float
    training_seconds: float
    model: str


def run_couplings(
    folder: Path,
    *,
    dataset: Dataset,
    device: str = "rc-1fF",
    technologies: Sequence[str] | None = None,
    penalties: Sequence[float] | None = None,
    input_bits: Sequence[str] | None = None,
    output_bits: str | None = None,
    hidden: int | None = None,
    epochs: int | None = None,
    n_train: int | None = None,
    beside: Sequence[Path] | None = None,
    digital: bool = True,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """technologies : of hw_models.couplings; penalties : on the strength of couplings; input_bits : of the
    converters, a point each; n_train : the first rows of the training split alone; beside : netlists of any
    kind, priced on the same data; digital : also the designs that `thermoc compare` always tries
    """
    netlists = {path.stem: load(path) for path in beside or ()}
    whole = dataset
    if n_train is not None:
        dataset = replace(dataset, x_train=dataset.x_train[:n_train], y_train=dataset.y_train[:n_train])
    points = []
    for technology in technologies or TECHNOLOGIES:
        usual = pathwise_preset(dataset, n_hidden=hidden, device=file_read(device), couplings=technology)
        for bits, penalty in product(input_bits or (None,), penalties or PRICES):
            config = replace(
                usual,
                coupling_penalty=penalty,
                input_bits=bits,
                output_bits=output_bits,
                seed=seed,
                epochs=min(epochs or usual.epochs, usual.epochs),
            )
            converters = "" if bits is None else f"{bits} bits in, "
            series = f"{technology}, {converters}penalty {penalty:g}, {dataset.y_train.shape[0]} images"
            points.append(Point(series, config))
    measured = run_recorded(
        Measured,
        points,
        dataset,
        folder,
        partial(_measure, threads=threads),
        lambda m: f"{m.series}: {100 * m.accuracy:.2f} %, {m.total[1]:.3g} J",
        progress,
        executor,
    )
    others = references(whole, netlists, progress)
    if digital:
        others += digital_designs(whole, "test", max(m.accuracy for m in measured), progress)
    return Findings(
        {"device": device, "points": [asdict(m) for m in measured], "references": [_told(d) for d in others]},
        (_table(measured, others),),
        {"couplings": accuracy_against_joules(measured, others)},
    )


def _measure(point: Point, dataset: Dataset, checkpoint: Path, model: Path, threads: int | None) -> Measured:
    config = point.config
    trained = train_pathwise(dataset, config, checkpoint=checkpoint, threads=threads)
    save_model(trained.model, model)
    hardware = config.hardware
    found: Any = estimate(
        lower_langevin(trained.model),
        dataset,
        device=hardware,
        baselines=(),
        seed=config.seed,
        threads=threads,
    )
    priced, cycle = bill(found.design), found.cycle
    bits = [0.0 if c is None else c.bits.value for c in (hardware.input_converter, hardware.output_converter)]
    return Measured(
        series=point.series,
        technology=hardware.couplings.name,
        penalty=config.coupling_penalty,
        input_bits=bits[0],
        output_bits=bits[1],
        accuracy=found.accuracy,
        accuracy_sem=found.accuracy_sem,
        fresh=found.evaluation.accuracy,
        valid_accuracy=trained.score,
        n_samples=dataset.x_test.shape[0],
        reset={name: getattr(cycle, name) for name in ("stiffness", "duration", "couplings")},
        strength=float(strengths(trained.model.w_in, trained.model.coupling).mean()),
        kT=config.kT,
        joules={place: _ends(between) for place, between in priced.places.items()},
        total=_ends(priced.total),
        answer_seconds=priced.price.seconds,
        training_seconds=trained.seconds,
        model=model.name,
    )


def references(
    dataset: Dataset, netlists: Mapping[str, Any], progress: Progress | None
) -> tuple[Design, ...]:
    """The designs of these netlists that decide."""
    found: list[Design] = []
    for name, netlist in netlists.items():
        taken = {"libraries": LIBRARIES} if estimator_of(netlist).dynamics == "gates" else {}
        found += designs_of(estimate(netlist, dataset, baselines=(), progress=progress, **taken), name)
    return tuple(d for d in found if d.accuracy is not None)


def _ends(between: Interval) -> list[float]:
    return [between.low, between.likely, between.high]


def _told(design: Design) -> dict[str, Any]:
    priced = bill(design)
    return {
        "name": design.name,
        "family": design.family,
        "node": design.node,
        "accuracy": design.accuracy,
        "accuracy_sem": design.accuracy_sem,
        "total": _ends(priced.total),
        "answer_seconds": priced.price.seconds,
    }


def _joules(total: Sequence[float]) -> str:
    low, likely, high = total
    return f"{si(likely, 'J')} ({si(low, 'J')} to {si(high, 'J')})"


def _table(measured: Sequence[Measured], others: Sequence[Design]) -> Table:
    places = [p for p in PLACES if any(p in m.joules for m in measured)]
    rows = []
    least = min(m.accuracy for m in measured) - BELOW / 100
    for m in measured:
        parts = [si(m.joules[p][1], "J") if p in m.joules else "" for p in places]
        accuracy = f"{100 * m.accuracy:.2f} ± {100 * m.accuracy_sem:.2f}"
        bits = f"{m.input_bits:.0f}, {m.output_bits:.0f}"
        told = (m.technology, bits, f"{m.penalty:g}", accuracy, f"{m.strength:.0f}", _joules(m.total))
        rows.append((*told, *parts))
    for d in sorted(others, key=lambda d: bill(d).price.total):
        if (d.accuracy or 0.0) < least:
            continue
        rows.append(
            (
                d.name,
                "",
                "",
                f"{100 * (d.accuracy or 0):.2f} ± {100 * (d.accuracy_sem or 0):.2f}",
                "",
                _joules(_ends(bill(d).total)),
                *[""] * len(places),
            )
        )
    return Table(
        ("couplings", "bits", "penalty", "test accuracy %", "sum |W| a cell", "an answer", *places),
        tuple(rows),
        tuple(range(1, 6 + len(places))),
        "Accuracy: one noisy run a decision, started from the reset, and its standard error. Joules: likely "
        "value, middle 90 % in brackets. Bits: of inputs and read-out. Designs of "
        f"{BELOW:g} points less than the least accurate machine are left out.",
    )


def accuracy_against_joules(measured: Sequence[Measured], others: Sequence[Design]) -> Figure:
    """One curve a technology with its intervals; digital designs as points, in colours by kind and node."""
    figure, axes = new_figure(7.6, 4.8)
    least = 100 * min(m.accuracy for m in measured) - BELOW
    for k, technology in enumerate(dict.fromkeys(m.technology for m in measured)):
        group = sorted((m for m in measured if m.technology == technology), key=lambda m: m.total[1])
        joules = np.array([m.total for m in group])
        score, colour = 100 * np.array([m.accuracy for m in group]), COLOURS[k % len(COLOURS)]
        axes.errorbar(
            joules[:, 1],
            score,
            [100 * m.accuracy_sem for m in group],
            np.abs(joules[:, [0, 2]] - joules[:, [1]]).T,
            fmt="o-",
            color=colour,
            label=f"Langevin cells, {technology}",
            markersize=5,
            capsize=2,
            linewidth=1.2,
            zorder=3,
        )
        for m in group if len({m.input_bits for m in group}) > 1 else ():
            told = f"{m.input_bits:.0f}"
            axes.annotate(
                told,
                (m.total[1], 100 * m.accuracy),
                (5, -10),
                textcoords="offset points",
                fontsize=7,
                color=colour,
            )
    kinds: dict[tuple[str, str], list[Design]] = {}
    for design in others:
        if 100 * (design.accuracy or 0.0) >= least:
            kinds.setdefault((_KINDS.get(design.family, design.family), design.node), []).append(design)
    families, nodes = (sorted({key[k] for key in kinds}) for k in (0, 1))
    for (family, node), designs in sorted(kinds.items()):
        axes.errorbar(
            [bill(d).total.likely for d in designs],
            [100 * (d.accuracy or 0.0) for d in designs],
            xerr=np.transpose([_beside(bill(d).total) for d in designs]),
            fmt="s^vDp*"[families.index(family) % 6],
            color=MUTED,
            ecolor="#c9cdd3",
            markerfacecolor=MUTED if nodes.index(node) == 0 else "white",
            label=f"{family}, {node}",
            markersize=5,
            elinewidth=1,
        )
    axes.set_xscale("log")
    axes.set_ylim(bottom=least)
    axes.margins(y=0.08)
    axes.xaxis.set_major_formatter(lambda joules, _: si(joules, "J"))
    axes.set_xlabel("energy an answer: likely, 5 to 95 %; numbers: bits of the input converters")
    axes.set_ylabel("test accuracy, %")
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=3)
    return figure


_KINDS = {"circuit": "gates", "digital": "arithmetic", "langevin": "Langevin cells beside"}


def _beside(total: Interval) -> tuple[float, float]:
    """Lengths of the bars to both sides of the likely value."""
    return total.likely - total.low, total.high - total.likely


STUDY = Study(
    "couplings",
    """Accuracy against joules an answer for several ways to make couplings, trained on the device.

Points that are in the folder are read, not run again.

Example: thermoc study couplings --data mnist --epochs 12 --input-bits 2 -o runs/couplings""",
    (
        DATA,
        Option(
            "device",
            "--device",
            str,
            "rc-1fF",
            "Preset of hardware, `thermoc presets` lists them, or a file.toml.",
        ),
        Option("technologies", "--couplings", list[str], None, "Couplings; may be repeated."),
        Option("penalties", "--coupling-penalty", list[float], None, "Loss per sum |W|; may be repeated."),
        Option("input_bits", "--input-bits", list[str], None, f"{INPUT_BITS.help} May be repeated."),
        OUTPUT_BITS,
        Option("hidden", "--hidden", int, None, "Hidden cells.", min=0),
        EPOCHS,
        Option("n_train", "--train-rows", int, None, "Train on the first rows alone.", min=1),
        Option("beside", "--beside", list[Path], None, "Netlist on the same figure; may be repeated."),
        Option(
            "digital", "--digital/--no-digital", bool, True, "Also the designs that compare always tries."
        ),
        SEED,
        THREADS,
        *WHERE,
    ),
    run_couplings,
)
