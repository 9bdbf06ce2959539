"""The Langevin machine on the demo's data: trained, compiled, run with noise, priced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from compiler.families.langevin import lower_langevin
from compiler.families.mlp import MLP, lower_mlp
from compiler.families.store import save_model
from compiler.ir.container import load_langevin, save
from compiler.ir.langevin import LangevinNetlist
from hw_models.imperfect import Imperfections
from hw_models.interval import times
from hw_models.presets import DEVICES
from thermo.data import Dataset
from thermo.demo.part import Part, Row, per_cent
from thermo.energy.baselines import measure_baselines
from thermo.energy.inference import Estimate, estimate_langevin
from thermo.evaluate import Evaluation, evaluate
from thermo.progress import Progress
from thermo.report import figures
from thermo.report.estimate import estimate_tables, joule_parts
from thermo.report.page import Figure, Section, Table
from thermo.report.text import si
from thermo.simulate.langevin.run import simulate_langevin
from thermo.studies.devices import accuracy_on_devices
from thermo.training import TrainedMachine, train_mlp, train_pathwise
from thermo.training.langevin.presets import pathwise_preset

DEARER = (1e-4, 3e-4, 1e-3, 3e-3)
"""Prices on heat beside the preset's own, loss per kT."""
DEVICE = "rc-1fF"
MISMATCH = 0.1
N_DEVICES = 10
N_SHOWN = 4


@dataclass(frozen=True, slots=True)
class _Point:
    """One machine of the accuracy-against-heat figure."""

    penalty: float
    couplings: bool
    trained: TrainedMachine
    netlist: LangevinNetlist
    evaluation: Evaluation


def langevin_part(
    dataset: Dataset, folder: Path, *, seed: int, threads: int | None, epochs: int | None, progress: Progress
) -> Part:
    """Train machines at several prices on heat; run the first from its file, and price it."""
    points = _train_points(dataset, seed, threads, epochs, progress)
    main = points[0]

    save_model(main.trained.model, folder / "machine.safetensors")
    save(main.netlist, folder / "machine.tnl")
    # what follows runs the file, not the object in memory
    netlist = load_langevin(folder / "machine.tnl")

    options: dict[str, Any] = {"seed": seed, "threads": threads}
    ten, _ = evaluate(netlist, dataset, "test", runs=10, **options)
    devices = accuracy_on_devices(
        netlist,
        dataset,
        Imperfections(mismatch=MISMATCH),
        N_DEVICES,
        seed=seed,
        threads=threads,
        progress=progress,
    )
    mlp, mlp_accuracy, lowered = _teacher(dataset, seed, threads)
    assert main.evaluation.accuracy is not None
    baselines = measure_baselines(dataset, stop_at=main.evaluation.accuracy, seed=seed, progress=progress)
    cost = estimate_langevin(netlist, dataset, DEVICES.get(DEVICE), baselines, seed=seed, threads=threads)
    return Part(
        rows=_rows(main, ten, devices, mlp, mlp_accuracy, lowered, cost),
        reading=_reading(main, cost),
        sections=_sections(dataset, points, netlist, cost, seed, threads),
        figures={
            "langevin": cost.to_dict(),
            "langevin_mean_of_10": ten.accuracy,
            "langevin_mismatched_devices": devices,
            "mlp": {"accuracy": mlp_accuracy, "as_netlist": lowered.accuracy},
        },
        netlist=folder / "machine.tnl",
    )


def _train_points(
    dataset: Dataset, seed: int, threads: int | None, epochs: int | None, progress: Progress
) -> list[_Point]:
    own = pathwise_preset(dataset).heat_penalty
    settings = [(p, c) for c in (True, False) for p in (own, *DEARER)]
    progress.start(len(settings), f"training {len(settings)} machines on {dataset.name}")
    points = []
    try:
        for k, (penalty, couplings) in enumerate(settings):
            config = replace(pathwise_preset(dataset, coupled=couplings), heat_penalty=penalty, seed=seed)
            if epochs is not None:
                config = replace(config, epochs=epochs)
            trained = train_pathwise(dataset, config, threads=threads)
            netlist = lower_langevin(trained.model)
            found, _ = evaluate(netlist, dataset, "test", seed=seed, threads=threads)
            points.append(_Point(penalty, couplings, trained, netlist, found))
            assert found.accuracy is not None and found.heat_kT is not None
            progress.update(k + 1, f"{100 * found.accuracy:.1f} %, {found.heat_kT.mean:,.0f} kT")
    finally:
        progress.stop()
    return points


def _teacher(dataset: Dataset, seed: int, threads: int | None) -> tuple[MLP, float, Evaluation]:
    """An ordinary network, its accuracy, and the same network as relaxing cells."""
    mlp = train_mlp(dataset, hidden=(32,), activation="tanh", epochs=200, seed=seed).model
    x, y = dataset.part("test")
    accuracy = float(np.mean(mlp.predictions(x) == y))
    lowered, _ = evaluate(lower_mlp(mlp), dataset, "test", threads=threads, heat=False)
    return mlp, accuracy, lowered


def _kT(evaluation: Evaluation) -> str:
    return "" if evaluation.heat_kT is None else f"{evaluation.heat_kT.mean:,.0f} kT"


def _rows(
    main: _Point,
    ten: Evaluation,
    devices: np.ndarray,
    mlp: MLP,
    mlp_accuracy: float,
    lowered: Evaluation,
    cost: Estimate,
) -> tuple[Row, ...]:
    spread = f"{100 * devices.mean():.1f} ± {100 * devices.std(ddof=1):.1f} %"
    size = "-".join(str(s) for s in mlp.sizes)
    rows = [
        (f"ordinary network {size}", per_cent(mlp_accuracy), "", ""),
        ("  the same, compiled to relaxing cells, kT = 0", per_cent(lowered.accuracy), "", ""),
        (
            f"Langevin machine, {main.trained.model.n_cells} noisy cells, one run",
            per_cent(main.evaluation.accuracy),
            _kT(main.evaluation),
            si(cost.energy.joules["physics"], "J"),
        ),
        ("  with converters, clock and static currents", "", "", si(cost.energy.total, "J")),
        ("  mean of 10 runs", per_cent(ten.accuracy), _kT(ten), ""),
        (f"  on {devices.size} devices with {100 * MISMATCH:.0f} % mismatched couplings", spread, "", ""),
    ]
    if cost.cheapest is not None:
        rows.append(
            (
                f"cheapest digital design as accurate: {cost.cheapest.name}",
                per_cent(cost.cheapest.accuracy),
                "",
                si(cost.cheapest.energy.total, "J"),
            )
        )
    return tuple(rows)


def _reading(main: _Point, cost: Estimate) -> str:
    accuracy = f"{100 * (main.evaluation.accuracy or 0):.1f} %"
    text = (
        f"The noisy machine reads {accuracy} of the digits in {si(cost.latency_s, 's')}. Its "
        f"physics takes {si(cost.energy.joules['physics'], 'J')} an answer (work of the whole cycle, reset "
        f"included); everything around it, on the assumed device {DEVICE}, brings that to "
        f"{si(cost.energy.total, 'J')}."
    )
    over = cost.advantage.get("wired")
    if cost.cheapest is not None and over is not None:
        text += (
            f" The cheapest streaming digital design of at least that accuracy, {cost.cheapest.name}, takes "
            f"{times(over)} as much with weights wired on both sides."
        )
    return text


def _curves(points: list[_Point]) -> list[figures.Series]:
    n_hidden = points[0].trained.model.n_hidden
    out = []
    for couplings in (True, False):
        group = [p for p in points if p.couplings == couplings]
        label = f"{n_hidden} hidden cells" if couplings else "no couplings (a linear classifier)"
        heat = [p.evaluation.heat_kT.mean for p in group if p.evaluation.heat_kT]
        score = [100 * p.evaluation.accuracy for p in group if p.evaluation.accuracy is not None]
        spread = [100 * (p.evaluation.accuracy_sem or 0) for p in group]
        out.append(figures.Series(label, heat, score, spread, control=not couplings))
    return out


def _sections(
    dataset: Dataset,
    points: list[_Point],
    netlist: LangevinNetlist,
    cost: Estimate,
    seed: int,
    threads: int | None,
) -> tuple[Section, ...]:
    x, y = dataset.part("test")
    first = [int(np.flatnonzero(y == k)[0]) for k in range(min(N_SHOWN, dataset.n_classes))]
    steps = round(netlist.schedule[0].duration / netlist.dt)
    observe = netlist.dt * np.linspace(1, steps, min(steps, 100)).round()
    shown = simulate_langevin(netlist, x[first], observe=observe, seed=seed, threads=threads, heat=False)
    trajectories = figures.output_trajectories(
        shown.times, shown.outputs[:, :, 0], dataset.labels, [dataset.labels[k] for k in y[first]]
    )
    baselines = []
    if cost.cheapest is not None:
        baselines = [(f"digital: {cost.cheapest.name}", cost.cheapest.energy.total)]
    lines = []
    linear = next((b for b in cost.baselines if len(b.sizes) == 2), None)
    if linear is not None:
        lines = [("linear classifier, int8", 100 * linear.accuracy)]
    return (
        Section(
            "Accuracy against heat",
            (
                Figure(
                    figures.svg(
                        figures.accuracy_against_heat(_curves(points), score="test accuracy, %", lines=lines)
                    ),
                    "Each point is a machine trained with another price on heat; one noisy "
                    "run a decision, bars are standard errors of the test set. The control "
                    "has no couplings among its dynamic cells: where the curves meet, the "
                    "hidden cells buy nothing.",
                ),
                _points_table(points),
            ),
        ),
        Section(
            "A few decisions",
            (
                Figure(
                    figures.svg(trajectories),
                    "Output cells of single noisy runs; the cell of the true class is red. "
                    "The answer is the largest at the end.",
                ),
            ),
        ),
        Section(
            "What an answer costs",
            (
                Figure(
                    figures.svg(figures.energy_breakdown(joule_parts(cost), baselines)),
                    f"Energy per answer on the device {cost.device.name}, log scale.",
                ),
                *estimate_tables(cost),
            ),
        ),
    )


def _points_table(points: list[_Point]) -> Table:
    rows = []
    for p in points:
        largest = np.abs(p.trained.model.coupling).max(initial=0.0)
        rows.append(
            (
                "yes" if p.couplings else "no (control)",
                f"{p.penalty:g}",
                per_cent(p.evaluation.accuracy),
                _kT(p.evaluation),
                f"{largest:.1f}",
            )
        )
    return Table(
        ("couplings", "price on heat, per kT", "test accuracy", "heat", "largest coupling"),
        tuple(rows),
        (1, 2, 3, 4),
    )
