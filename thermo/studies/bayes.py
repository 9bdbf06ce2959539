"""Networks that know their doubt: draws from a posterior beside descent and ensembles, at equal passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import ttest_rel

from hw_models.presets import DEVICES
from hw_models.rc import RCDevice
from hw_models.weights import WEIGHT_MEMORIES
from thermo.calibration import (
    BINS,
    area_under_curve,
    brier_score,
    entropy,
    expected_calibration_error,
    negative_log_likelihood,
)
from thermo.data import DataError, Dataset, load_dataset
from thermo.energy.sampling import SamplingEnergy, sampling_energy
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.figures import COLOURS, dress
from thermo.report.page import Table
from thermo.report.text import si
from thermo.studies.records import Point, run_recorded
from thermo.studies.study import WHERE, Findings, Study, rows_taken
from thermo.training.bayes import METHODS, BayesConfig, fit_bayes
from thermo.training.bayes.network import Network
from thermo.training.bayes.presets import PRESETS, SHARED

_SUBSET, _SCRAMBLE = 97, 101  # uses of a seed
ROWS = 2000  # training images of a seed, unless asked for others
FOREIGN = 2000  # foreign images of a kind, at most
SAMPLER, RIVALS = "sa-sgld", ("adam", "adam-prior", "ensemble", "sgld")
DEVICE, MEMORY = "rc-1fF", "capacitor-10fF"
SAMPLERS = ("sgld", "sa-sgld")


@dataclass(frozen=True, slots=True)
class Trial:
    """rows : training images, drawn by the seed; foreign : data set of foreign images, or none"""

    seed: int
    rows: int
    foreign: str
    training: BayesConfig


@dataclass(frozen=True, slots=True)
class BayesMeasured:
    """Figures of one run on the test split.

    calibration_error : expected, 15 bins; nll : mean -ln p, nats
    scrambled, rotated, foreign : area under the curve by which predictive entropy tells test images from
        their own pixels in another order, a quarter turn of them, and images of another data set; None
        where there are none
    rows, updates : of training; step : mean dt of the draws; heat : kT an update gives to the bath at the
        end; drop : kT that U fell by; None for descent
    """

    series: str
    seed: int
    accuracy: float
    calibration_error: float
    nll: float
    brier: float
    scrambled: float
    rotated: float | None
    foreign: float | None
    n_samples: int
    rows: int
    updates: int
    step: float | None
    heat: float | None
    drop: float | None
    seconds: float


def subset(dataset: Dataset, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of `rows` training images drawn by the seed."""
    n = dataset.y_train.shape[0]
    some = np.random.default_rng([seed, _SUBSET]).choice(n, rows, replace=False)
    return dataset.x_train[some], dataset.y_train[some]


def scrambled(x: np.ndarray, seed: int) -> np.ndarray:
    """Every row's own values in an order of its own."""
    return np.random.default_rng([seed, _SCRAMBLE]).permuted(x, axis=1)


def turned(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """Rows as grey images turned by a quarter; None for what is no square grey image."""
    if len(shape) != 2 or shape[0] != shape[1]:
        return None
    return np.ascontiguousarray(np.rot90(x.reshape(-1, *shape), axes=(1, 2)).reshape(x.shape[0], -1))


def foreign_images(other: Dataset, shape: tuple[int, ...]) -> np.ndarray:
    """(n, d) grey middles, of that shape, of the other data set's first test images.

    Raises DataError if they are smaller or no images.
    """
    own = other.image_shape
    if len(shape) != 2 or len(own) < 2 or own[0] < shape[0] or own[1] < shape[1]:
        raise DataError(
            f"--foreign {other.name}: has images of shape {own}; grey middles of shape {shape} are cut from "
            "larger ones"
        )
    images = other.x_test[:FOREIGN].reshape(-1, *own)
    if len(own) == 3:
        images = images.mean(axis=3)
    top, left = (own[0] - shape[0]) // 2, (own[1] - shape[1]) // 2
    cut = images[:, top : top + shape[0], left : left + shape[1]]
    return np.ascontiguousarray(cut.reshape(cut.shape[0], -1), np.float32)


def _measure(point: Point, common: tuple[Dataset, Any], checkpoint: Path, model: Path) -> BayesMeasured:
    dataset, other = common
    trial: Trial = point.config
    x, y = subset(dataset, trial.rows, trial.seed)
    fitted = fit_bayes(x, y, trial.training, n_classes=dataset.n_classes)
    p = fitted.predictions(dataset.x_test)
    some = dataset.x_test[:FOREIGN]
    doubt = entropy(p)

    def told(images: np.ndarray | None) -> float | None:
        return None if images is None else area_under_curve(doubt, entropy(fitted.predictions(images)))

    mixed = told(scrambled(some, trial.seed))
    assert mixed is not None
    drawn = trial.training.method in SAMPLERS
    return BayesMeasured(
        series=point.series,
        seed=trial.seed,
        accuracy=float(np.mean(p.argmax(axis=1) == dataset.y_test)),
        calibration_error=expected_calibration_error(p, dataset.y_test),
        nll=negative_log_likelihood(p, dataset.y_test),
        brier=brier_score(p, dataset.y_test),
        scrambled=mixed,
        rotated=told(turned(some, dataset.image_shape)),
        foreign=told(other),
        n_samples=dataset.y_test.size,
        rows=y.size,
        updates=fitted.updates,
        step=float(fitted.steps.mean()) if drawn else None,
        heat=fitted.heat if drawn else None,
        drop=fitted.drop if drawn else None,
        seconds=fitted.seconds,
    )


def run_bayes(
    folder: Path,
    *,
    dataset: Dataset,
    rows: int | None = None,
    epochs: int = 100,
    hidden: int = 100,
    temperature: float = SHARED["temperature"],
    foreign: str | None = None,
    n_seeds: int = 5,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """Every method at every seed; tables of scores, of paired tests and of joules.

    rows : training images of a seed, None: 2,000, or all of fewer
    """
    n = min(ROWS, rows_taken(dataset, None)) if rows is None else rows_taken(dataset, rows)
    points = []
    for method in METHODS:
        for seed in range(n_seeds):
            own = {**SHARED, **PRESETS[method], "temperature": temperature}
            training = BayesConfig(epochs=epochs, batch=100, seed=seed, method=method, hidden=hidden, **own)
            points.append(Point(method, Trial(seed, n, foreign or "", training)))
    other = None if foreign is None else foreign_images(load_dataset(foreign), dataset.image_shape)
    measured = run_recorded(
        BayesMeasured,
        points,
        dataset,
        folder,
        _measure,
        lambda m: f"{m.series}: {100 * m.accuracy:.2f} %, -ln p {m.nll:.4f}",
        progress,
        executor,
        common=(dataset, other),
    )
    net = Network(dataset.n_features, hidden, dataset.n_classes)
    energy = _energy(measured, net, epochs, temperature)
    tests = paired(measured)
    result = {
        "data": dataset.name,
        "points": [asdict(m) for m in measured],
        "tests": tests,
        "energy": energy.to_dict(),
    }
    tables = (scores_table(measured, foreign), paired_table(tests), energy_table(energy, measured))
    return Findings(result, tables, {"bayes": figure(measured)})


def _of(measured: Sequence[BayesMeasured], series: str, name: str) -> np.ndarray:
    return np.array([getattr(m, name) for m in measured if m.series == series], float)


def _spread(values: np.ndarray, digits: int) -> str:
    if np.isnan(values).any():
        return ""
    error = "" if values.size < 2 else f" ± {values.std(ddof=1) / np.sqrt(values.size):.{digits}f}"
    return f"{values.mean():.{digits}f}{error}"


def paired(measured: Sequence[BayesMeasured]) -> list[dict[str, Any]]:
    """The sampler against each rival, seed by seed: mean difference and two-sided p of Student's paired test.

    p is None below three seeds.
    """
    found: list[dict[str, Any]] = []
    for rival in RIVALS:
        for name in ("calibration_error", "nll", "brier", "accuracy"):
            ours, theirs = _of(measured, SAMPLER, name), _of(measured, rival, name)
            p = float(ttest_rel(ours, theirs).pvalue) if ours.size > 2 else None
            found.append({"rival": rival, "score": name, "difference": float(np.mean(ours - theirs)), "p": p})
    return found


def scores_table(measured: Sequence[BayesMeasured], foreign: str | None) -> Table:
    """A row a method: means and standard errors over seeds."""
    rows = tuple(
        (
            series,
            _spread(100 * _of(measured, series, "accuracy"), 2),
            _spread(100 * _of(measured, series, "calibration_error"), 2),
            _spread(_of(measured, series, "nll"), 4),
            _spread(_of(measured, series, "brier"), 4),
            _spread(_of(measured, series, "scrambled"), 3),
            _spread(_of(measured, series, "rotated"), 3),
            _spread(_of(measured, series, "foreign"), 3),
            f"{_of(measured, series, 'seconds').mean():.1f}",
        )
        for series in dict.fromkeys(m.series for m in measured)
    )
    first = measured[0]
    return Table(
        (
            "method",
            "test accuracy %",
            "calibration error %",
            "-ln p, nats",
            "Brier",
            "AUROC scrambled",
            "rotated",
            foreign or "foreign",
            "seconds",
        ),
        rows,
        tuple(range(1, 9)),
        f"{first.rows:,} training images of each seed's own, {len({m.seed for m in measured})} seeds, mean ± "
        f"standard error; {first.n_samples:,} test images; calibration error of {BINS} bins; AUROC by "
        "predictive entropy",
    )


def paired_table(tests: Sequence[Mapping[str, Any]]) -> Table:
    """A row a rival and score."""
    rows = tuple(
        (
            t["rival"],
            t["score"].replace("_", " "),
            f"{t['difference']:+.4f}",
            "" if t["p"] is None else f"{t['p']:.2g}",
            _verdict(t),
        )
        for t in tests
    )
    return Table(
        ("rival", "score", "difference", "p", f"{SAMPLER} is"),
        rows,
        (2, 3),
        f"{SAMPLER} less its rival, paired by seed; two-sided, Student",
    )


def _verdict(test: Mapping[str, Any]) -> str:
    if test["p"] is None or test["p"] >= 0.01:
        return "not told apart at p < 0.01"
    better = (test["difference"] > 0) == (test["score"] == "accuracy")
    return "better" if better else "worse"


def _energy(
    measured: Sequence[BayesMeasured], net: Network, epochs: int, temperature: float
) -> SamplingEnergy:
    some = [m for m in measured if m.series == SAMPLER]
    device = DEVICES.get(DEVICE)
    assert isinstance(device, RCDevice)
    return sampling_energy(
        net.size,
        net.hidden * net.n_in,
        presentations=epochs * some[0].rows,
        updates=some[0].updates,
        heat=some[0].updates * float(np.mean([m.heat for m in some])),
        rows=some[0].rows,
        temperature=temperature,
        device=device,
        memory=WEIGHT_MEMORIES.get(MEMORY),
    )


def energy_table(energy: SamplingEnergy, measured: Sequence[BayesMeasured]) -> Table:
    """Joules of one run of the sampler by place, and of back-propagation with as many images and updates."""
    rows = [(t.name.replace("_", " "), si(t.joules, "J"), t.kind, t.how) for t in energy.terms]
    rows.append(("noise", si(0.0, "J"), "derived", "the bath's own"))
    rows.append(("total", si(energy.total, "J"), "", f"{energy.device}, weights in {energy.memory}"))
    digital = energy.digital
    rows.append(
        (digital.name, si(digital.arithmetic, "J"), digital.kind, f"{digital.node}, without normal numbers")
    )
    rows.append(
        (f"{digital.name}, one SRAM", si(digital.total, "J"), digital.kind, "weights and gradients moved too")
    )
    updates = next(m.updates for m in measured if m.series == SAMPLER)
    return Table(
        ("place", "energy", "firmness", "counted"),
        tuple(rows),
        (1,),
        f"A run of {updates:,} updates as a machine whose weights are voltages: one nat of the mean loss is "
        f"{si(energy.nat, 'J')}, a weight that knows its prior alone has a noise of {si(energy.sd, 'V')}",
    )


def figure(measured: Sequence[BayesMeasured]) -> Figure:
    """-ln p against calibration error, every run a point."""
    drawn = Figure(figsize=(5.4, 3.8), layout="constrained")
    axes = drawn.add_subplot()
    dress(axes)
    for k, series in enumerate(dict.fromkeys(m.series for m in measured)):
        error, nll = (_of(measured, series, name) for name in ("calibration_error", "nll"))
        axes.plot(100 * error, nll, "o", color=COLOURS[k], markersize=5, label=series)
    axes.set_xlabel("expected calibration error, %")
    axes.set_ylabel("-ln p of test images, nats")
    axes.legend(frameon=False, fontsize=8)
    return drawn


STUDY = Study(
    "bayes",
    """Networks that know their doubt: SGLD and SA-SGLD beside Adam and ensembles at equal passes.

Each seed draws its own training images; all methods of a seed see the same, as often. Scores on the test
split, doubt about foreign images, paired tests, and the joules of the sampler as a machine.

Example: thermoc study bayes --data mnist --foreign cifar10 -o runs/bayes""",
    (
        Option("dataset", "--data", str, "digits", "Data set of classes."),
        Option("rows", "--rows", int, None, f"Training images of a seed (none: {ROWS:,}, or all).", min=2),
        Option("epochs", "--epochs", int, 100, "Passes over them, of all members and draws together.", min=5),
        Option("hidden", "--hidden", int, 100, "Hidden units.", min=1),
        Option(
            "temperature",
            "--temperature",
            float,
            SHARED["temperature"],
            "Of the posterior; 1 is Bayes.",
            min=0,
        ),
        Option(
            "foreign",
            "--foreign",
            str,
            None,
            "Data set whose images, grey and cut to the middle, are foreign ones (found by THERMOC_DATA).",
        ),
        Option("n_seeds", "--seeds", int, 5, "Seeds.", min=1),
        *WHERE,
    ),
    run_bayes,
)
