"""A compiled network in a thermal bath: accuracy over kT and averaging time, with its heat.

The machine relaxes for the netlist's own time; then its read cells are averaged over a window.
Every run is an inference of its own and decides by itself. What counts as its heat is everything
given to the bath from the start to the end of its window; reset and inputs are not in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from compiler.api import compile
from compiler.errors import UnsupportedError
from compiler.ir.langevin import CellKind, LangevinNetlist
from hw_models.constants import thermal_energy
from hw_models.device import Device, conversion_time, periphery
from hw_models.presets import device_of
from thermo.data import DataError, Dataset, load_dataset
from thermo.evaluate import check_fit, label_codes
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.figures import COLOURS, MUTED, dress
from thermo.report.page import Table
from thermo.report.text import si
from thermo.studies.bath import AtTemperature, Setting, digest_of, measure_at, relaxing_phases, whole_windows
from thermo.studies.records import Point, check_classes, run_recorded
from thermo.studies.study import SEED, THREADS, WHERE, Findings, Study

DEFAULT_KT = (0.0, *(float(f"{10 ** (k / 2):.3g}") for k in range(-6, 2)))
SHARES = (0.0, 1 / 16, 1 / 4, 1.0)
"""Windows by default, in times of the relaxation."""
WALLED = 8
"""A noisy cell at the wall of its interval needs finer steps than its rest at kT = 0: the error of
a clipped Euler step is of order sqrt(dt) (measured: docs/eqprop.md)."""


def _measure(point: Point, common: Any, *_: Path, threads: int | None) -> AtTemperature:
    netlist, x, y, codes = common
    return measure_at(netlist, point.config, x, y, codes, threads)


@dataclass(frozen=True, slots=True)
class Reading:
    """One temperature and one window.

    accuracy, sem : of single inferences; standard error over samples (runs of one sample are not
        independent of each other, so that they count as one)
    lost, lost_sem : accuracy below that at kT = 0 read at once, paired by sample; nan without it
    heat_kT, heat_sem : per inference in units of kT (nan at kT = 0), above_idle_kT : less that of
        the idle machine; energy : the heat in the netlist's unit
    physics_J : that heat at the device's ambient temperature; total_J : with converters, clocks and
        static power of the preset; latency_s; both None for phase cells, which have no RC time
    """

    kT: float
    window: float
    accuracy: float
    sem: float
    lost: float
    lost_sem: float
    heat_kT: float
    heat_sem: float
    above_idle_kT: float
    energy: float
    physics_J: float
    total_J: float | None
    latency_s: float | None


@dataclass(frozen=True, slots=True)
class Halved:
    """One window at the steepest temperature, with half the time step; heat in units of kT."""

    kT: float
    window: float
    accuracy: float
    sem: float
    heat_kT: float
    heat_sem: float


@dataclass(frozen=True, slots=True)
class TemperatureStudy:
    """relaxation : time before the window; readings by temperature, then window; halved : again
    with half the step where accuracy lies nearest to the middle of its fall (none at kT = 0)
    """

    readings: tuple[Reading, ...]
    halved: tuple[Halved, ...]
    relaxation: float
    dt: float
    samples: int
    runs: int
    split: str
    device: str
    ambient: float
    heat_method: str
    source: str


def temperature_study(
    netlist: LangevinNetlist,
    dataset: Dataset,
    device: Device,
    folder: str | Path,
    *,
    kTs: Sequence[float] | None = None,
    windows: Sequence[float] | None = None,
    samples: int = 500,
    runs: int = 4,
    split: str = "test",
    dt: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> TemperatureStudy:
    """Run the first `samples` of a split at every temperature, read with every window.

    kTs : default 0 and 0.001 to 3.16
    dt : default the netlist's own, an eighth of it where cells have intervals
    windows : time units, 0 is one instant; default 0 and 1/16, 1/4 and 1 relaxation. Rounded to
        whole multiples of the smallest above 0, and that to whole steps
    folder : a temperature that is there is not run again

    Raises UnsupportedError for a netlist or setting it cannot read, DataError where netlist and
    data do not fit.
    """
    check_classes(dataset)
    check_fit(netlist, dataset)
    relaxing, phase = relaxing_phases(netlist)
    step = netlist.dt if dt is None else dt
    walls = np.isfinite(netlist.cells.lo) | np.isfinite(netlist.cells.hi)
    if dt is None and (walls & ~netlist.cells.frozen).any():
        step = netlist.dt / WALLED
    if not (math.isfinite(step) and step > 0):
        raise UnsupportedError(f"dt must be a finite number above 0, got {step}")
    relaxation = sum(p.duration for p in relaxing)
    chosen = whole_windows([s * phase.duration for s in SHARES] if windows is None else list(windows), step)
    temperatures = sorted(set(DEFAULT_KT if kTs is None else kTs))
    if not temperatures or not all(math.isfinite(t) and t >= 0 for t in temperatures):
        raise UnsupportedError(f"kT must be finite numbers >= 0, got {temperatures}")
    if samples < 2 or runs < 1:
        raise UnsupportedError(f"a study needs at least 2 samples and 1 run, got {samples} and {runs}")
    x, y = (part[:samples] for part in dataset.part(split))
    if y.size < 2:
        raise DataError(f"data set {dataset.name} has {y.size} samples in {split}; take another")
    codes = label_codes(netlist, dataset)
    digest = digest_of(netlist)
    warm = [t for t in temperatures if t > 0]

    def measured(settings: Sequence[Setting], what: str) -> list[AtTemperature]:
        return run_recorded(
            AtTemperature,
            [Point(f"kT {s.kT:g}", s) for s in settings],
            dataset,
            folder,
            partial(_measure, threads=threads),
            lambda f: f"kT {f.kT:g}: {100 * max(float(np.mean(r)) for r in f.right):.2f} %",
            progress,
            executor,
            common=(netlist, x, y, codes),
            what=what,
        )

    def setting(kT: float) -> Setting:
        return Setting(digest, kT, chosen, step, y.size, runs, split, seed)

    found = measured([setting(kT) for kT in temperatures], "temperatures")
    again: list[AtTemperature] = []
    if warm:  # once more with half the step
        finer = replace(setting(_steepest(found)), dt=step / 2, windows=tuple(2 * w for w in chosen))
        again = measured([finer], "temperature again, half the step,")
    return TemperatureStudy(
        tuple(_readings(netlist, found, chosen, step, relaxation, device)),
        tuple(h for f in again for h in _halved(f, chosen, step)),
        relaxation,
        step,
        y.size,
        runs,
        split,
        device.name,
        device.ambient.value,
        found[0].heat_method,
        str(netlist.meta.get("source", "")),
    )


def _steepest(found: Sequence[AtTemperature]) -> float:
    """The temperature whose first window is nearest to halfway between best and worst."""
    means = np.array([np.mean(f.right[0]) for f in found])
    off = np.abs(means - (means.max() + means.min()) / 2)
    off[[f.kT == 0 for f in found]] = np.inf
    return found[int(np.argmin(off))].kT


def _halved(found: AtTemperature, windows: Sequence[int], dt: float) -> list[Halved]:
    out = []
    for k, w in enumerate(windows):
        right, (heat, heat_sem) = np.array(found.right[k]), found.heat[k]
        sem = float(right.std(ddof=1) / math.sqrt(right.size))
        out.append(Halved(found.kT, w * dt, float(right.mean()), sem, heat / found.kT, heat_sem / found.kT))
    return out


def _readings(
    netlist: LangevinNetlist,
    found: Sequence[AtTemperature],
    windows: Sequence[int],
    dt: float,
    relaxation: float,
    device: Device,
) -> list[Reading]:
    thermal = thermal_energy(device.ambient.value)
    cold = next((np.array(f.right[0]) for f in found if f.kT == 0), None)
    dynamic = ~netlist.cells.frozen
    phases = bool((netlist.cells.kind[dynamic] == CellKind.PHASE).any())
    out = []
    for f in found:
        for k, w in enumerate(windows):
            right, n = np.array(f.right[k]), len(f.right[k])
            lost = math.nan if cold is None else float((cold - right).mean())
            lost_sem = math.nan if cold is None else float((cold - right).std(ddof=1) / math.sqrt(n))
            energy, energy_sem = f.heat[k]
            physics, total, latency = math.nan, None, None
            if f.kT > 0:
                physics = energy / f.kT * thermal
            if not phases:
                units = device.units(
                    kT=f.kT, mobility=netlist.mobility, j2=float(np.median(netlist.cells.j2[dynamic]))
                )
                physics = energy * units.energy
                seconds = (relaxation + w * dt) * units.time
                around = periphery(
                    device,
                    n_inputs=netlist.inputs.size,
                    n_outputs=netlist.outputs.size,
                    n_cells=int(dynamic.sum()),
                    n_phases=1,
                    runs=1,
                    seconds=seconds,
                    input_volts=units.voltage,
                    output_volts=units.voltage,
                )
                total = physics + sum((around.input_drive, around.read_out, around.clocking, around.idle))
                latency = seconds + conversion_time(device)
            out.append(
                Reading(
                    f.kT,
                    w * dt,
                    float(right.mean()),
                    float(right.std(ddof=1) / math.sqrt(n)),
                    lost,
                    lost_sem,
                    energy / f.kT if f.kT else math.nan,
                    energy_sem / f.kT if f.kT else math.nan,
                    (energy - f.idle) / f.kT if f.kT else math.nan,
                    energy,
                    physics,
                    total,
                    latency,
                )
            )
    return out


def run_temperature(
    folder: Path,
    *,
    model: Path,
    dataset: Dataset | None = None,
    split: str = "test",
    kTs: Sequence[float] | None = None,
    windows: Sequence[float] | None = None,
    samples: int = 500,
    runs: int = 4,
    dt: float | None = None,
    device: str = "rc-1fF",
    seed: int = 0,
    threads: int | None = None,
    data_dir: Path | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """The network of the file `model`; on the data set that it was trained on unless another is given."""
    preset = device_of(device)
    netlist = compile(model)
    if dataset is None:
        trained_on = netlist.meta.get("data")
        if not trained_on:
            raise DataError(f"{model}: does not tell the data set it was trained on; name one with --data")
        dataset = load_dataset(str(trained_on), data_dir)
    study = temperature_study(
        netlist,
        dataset,
        preset,
        folder,
        kTs=kTs,
        windows=windows,
        samples=samples,
        runs=runs,
        split=split,
        dt=dt,
        seed=seed,
        threads=threads,
        progress=progress,
        executor=executor,
    )
    figure = accuracy_over_temperature(study, 1 / dataset.n_classes)
    return Findings(asdict(study), tuple(temperature_tables(study)), {"eqprop-temperature": figure})


def temperature_tables(study: TemperatureStudy) -> list[Table]:
    """Accuracies over kT and window; heat and joules of the instant and of the longest window."""
    windows = sorted({r.window for r in study.readings})
    found = {(r.kT, r.window): r for r in study.readings}
    kTs = sorted({r.kT for r in study.readings})

    def cell(r: Reading) -> str:
        lost = "" if r.lost != r.lost else f" ({0.0 - 100 * r.lost:+.1f} ± {100 * r.lost_sem:.1f})"
        return f"{100 * r.accuracy:.2f} ± {100 * r.sem:.2f}{lost}"

    heads = ["one instant" if w == 0 else f"average over {w:g}" for w in windows]
    first = Table(
        ("kT", *heads),
        tuple((f"{kT:g}", *(cell(found[kT, w]) for w in windows)) for kT in kTs),
        tuple(range(len(windows) + 1)),
        f"Accuracy of one inference, %: {study.samples} {study.split} samples, {study.runs} "
        f"run{'s' if study.runs > 1 else ''} each, read after {study.relaxation:g} units of "
        f"time in steps of {study.dt:g}; ± standard error over samples; in brackets the change to "
        "kT = 0, paired",
    )
    rows = []
    for kT in kTs:
        for w in dict.fromkeys((windows[0], windows[-1])):
            r = found[kT, w]
            heat = "" if kT == 0 else f"{r.heat_kT:.4g} ± {r.heat_sem:.2g}"
            rows.append(
                (
                    f"{kT:g}",
                    f"{w:g}",
                    f"{r.energy:.4g}",
                    heat,
                    "" if kT == 0 else f"{r.above_idle_kT:.4g}",
                    "" if r.physics_J != r.physics_J else si(r.physics_J, "J"),
                    "" if r.total_J is None else si(r.total_J, "J"),
                    "" if r.latency_s is None else si(r.latency_s, "s"),
                )
            )
    timeless = (
        ""
        if rows and rows[0][-1]
        else ("; phase cells have no RC time, hence no periphery and no latency here")
    )
    second = Table(
        ("kT", "window", "heat", "heat, kT", "above idle, kT", "heat, J", "with periphery", "latency"),
        tuple(rows),
        tuple(range(8)),
        f"Heat given to the bath by one inference ({study.heat_method}), reset not counted; idle: "
        f"without couplings and drive. Joules on {study.device} at {study.ambient:g} K{timeless}",
    )
    if not study.halved:
        return [first, second]

    def both(a: float, b: float, digits: str) -> str:
        return f"{a:{digits}} ± {b:.2g}"

    again = []
    for h in study.halved:
        r = found[h.kT, h.window]
        again.append(
            (
                f"{h.kT:g}",
                f"{h.window:g}",
                both(100 * r.accuracy, 100 * r.sem, ".2f"),
                both(100 * h.accuracy, 100 * h.sem, ".2f"),
                both(r.heat_kT, r.heat_sem, ".4g"),
                both(h.heat_kT, h.heat_sem, ".4g"),
            )
        )
    third = Table(
        ("kT", "window", "accuracy %", "with dt halved", "heat, kT", "with dt halved"),
        tuple(again),
        tuple(range(6)),
        f"Again with half the time step {study.dt:g}, where accuracy falls",
    )
    return [first, second, third]


def accuracy_over_temperature(study: TemperatureStudy, chance: float) -> Figure:
    """Two panels: accuracy over kT and over heat per inference, a curve for each window.

    chance : accuracy of a guess; bars are standard errors over samples
    """
    figure = Figure(figsize=(10.4, 4.0), layout="constrained")
    left, right = (figure.add_subplot(1, 2, k + 1) for k in range(2))
    windows = sorted({r.window for r in study.readings})
    cold = [r for r in study.readings if r.kT == 0]
    thermal = thermal_energy(study.ambient)
    for a in (left, right):
        dress(a)
        a.axhline(100 * chance, color=MUTED, linewidth=0.8, linestyle=":")
        if cold:
            a.axhline(100 * cold[0].accuracy, color=MUTED, linewidth=0.8)
    for k, window in enumerate(windows):
        warm = [r for r in study.readings if r.window == window and r.kT > 0]
        label = f"average over {window:g}" if window else "one instant"
        for a, x in (
            (left, [(r.kT, r) for r in warm]),
            (right, [(r.above_idle_kT * thermal, r) for r in warm if r.above_idle_kT > 0]),
        ):
            a.errorbar(
                [v for v, _ in x],
                [100 * r.accuracy for _, r in x],
                [100 * r.sem for _, r in x],
                fmt="o-",
                markersize=3.5,
                linewidth=1.3,
                color=COLOURS[k % len(COLOURS)],
                label=label,
            )
    for a in (left, right):
        a.set_xscale("log")
        a.set_ylim(bottom=0)
    left.set_xlabel("kT, units of the netlist's energy")
    left.set_ylabel("accuracy of one inference, %")
    right.set_xlabel(f"heat per inference above idle at {study.ambient:g} K, J")
    left.legend(frameon=False, fontsize=8, title=f"relaxation {study.relaxation:g}, then", title_fontsize=8)
    if cold:
        right.annotate(
            "kT = 0",
            (0.98, 100 * cold[0].accuracy),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            ha="right",
            textcoords="offset points",
            fontsize=8,
            color=MUTED,
        )
    return figure


STUDY = Study(
    "eqprop-temperature",
    """Accuracy over temperature and averaging time, with heat and joules of an inference.

The network is compiled as it was trained, at kT = 0, and run in a bath: it relaxes for its own
time, then its outputs are averaged. Every run decides by itself. Without --data, the data set
that the model was trained on.

Example: thermoc study eqprop-temperature mnist.safetensors --data mnist -o runs/temperature""",
    (
        Option(
            "dataset",
            "--data",
            str,
            None,
            "Data set: digits, mnist, fashion-mnist, cifar10, monk1-3, cosine or a file of your own.",
        ),
        Option("split", "--split", str, "test", "Part of the data: train, valid or test."),
        Option("kTs", "--kT", list[float], None, "Temperatures, netlist units; may be repeated."),
        Option(
            "windows",
            "--window",
            list[float],
            None,
            "Averaging times after the relaxation, 0 is an instant; repeated.",
        ),
        Option("samples", "--samples", int, 500, "The first so many samples of the split.", min=2),
        Option("runs", "--runs", int, 4, "Inferences of every sample.", min=1),
        Option("dt", "--dt", float, None, "Time step instead of its own."),
        Option(
            "device",
            "--device",
            str,
            "rc-1fF",
            "Preset of hardware, `thermoc presets` lists them, or a file.toml.",
        ),
        SEED,
        THREADS,
        *WHERE,
    ),
    run_temperature,
    source=("model", "Trained model (.safetensors), or its netlist (.tnl)."),
    folder="Folder; a temperature in it is not run again.",
)
