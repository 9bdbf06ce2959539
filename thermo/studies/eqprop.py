"""Many trainings by equilibrium propagation: on devices, over asymmetry, over noise."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from compiler.families.hopfield import HopfieldNetwork
from compiler.families.store import load_model, save_model
from thermo.data import Dataset
from thermo.energy.eqprop_effort import effort_of
from thermo.gradients.errors import UnsettledError
from thermo.progress import Progress
from thermo.studies.instances import Paired, paired
from thermo.studies.records import Point, run_recorded
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.deploy import acting_on, deployed_accuracy
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.train import train_eqprop


@dataclass(frozen=True, slots=True)
class Trained:
    """Figures of one training. accuracy : test, on its device; failed : why there is none

    angle : between forward and backward weights at the end; seconds : training time
    """

    series: str
    accuracy: float
    valid_accuracy: float
    angle: float
    residual: float
    seconds: float
    relaxations: float
    weight_writes: float
    model: str
    failed: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """One series over its seeds: mean and standard error of test accuracies, 0 for a single one;
    n : trainings that came to rest; angle, residual, seconds : means; failed : a way out, if any
    """

    series: str
    accuracy: float
    sem: float
    n: int
    angle: float
    residual: float
    seconds: float
    failed: str = ""


def over_seeds(points: Sequence[Point], seeds: int) -> list[Point]:
    """Every point with `seeds` seeds, from its own on."""
    return [Point(p.series, replace(p.config, seed=p.config.seed + k)) for p in points for k in range(seeds)]


def summarise(found: Sequence[Trained]) -> list[OverSeeds]:
    """Trainings by series, in the order of their first."""
    out = []
    for series in dict.fromkeys(t.series for t in found):
        some = [t for t in found if t.series == series]
        good = [t for t in some if not t.failed]
        nan = float("nan")
        accuracy = np.array([t.accuracy for t in good])
        mean = float(accuracy.mean()) if good else nan
        sem = float(accuracy.std(ddof=1) / np.sqrt(len(good))) if len(good) > 1 else 0.0
        angle, residual, seconds = (
            float(np.mean([getattr(t, name) for t in good])) if good else nan
            for name in ("angle", "residual", "seconds")
        )
        why = next((t.failed for t in some if t.failed), "")
        out.append(OverSeeds(series, mean, sem, len(good), angle, residual, seconds, why))
    return out


def run_trainings(
    points: Sequence[Point],
    dataset: Dataset,
    folder: str | Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> list[Trained]:
    """All points in order (their configs are EqpropConfigs), those in `folder` read from there."""
    return run_recorded(
        Trained,
        points,
        dataset,
        folder,
        partial(_measure, threads=threads),
        lambda t: f"{t.series}, seed {t.seed}: {100 * t.accuracy:.2f} %",
        progress,
        executor,
    )


def _measure(point: Point, dataset: Dataset, checkpoint: Path, model: Path, threads: int | None) -> Trained:
    if point.config.engine == "jax":
        return _measure_layers(point, dataset, checkpoint, model)
    config = point.config
    try:
        result = train_eqprop(dataset, config, checkpoint=checkpoint, threads=threads)
    except UnsettledError as error:  # a study reports what does not work as well
        nan = float("nan")
        return Trained(point.series, nan, nan, nan, nan, nan, nan, nan, "", str(error), config.seed)
    save_model(result.model, model)
    effort = effort_of(result, dataset)
    return Trained(
        point.series,
        deployed_accuracy(result.acting, dataset, config.device, seed=config.seed, threads=threads),
        result.score,
        result.history[-1].angle,
        result.history[-1].residual_free,
        result.seconds,
        effort.relaxations,
        effort.writes,
        model.name,
        seed=config.seed,
    )


def _measure_layers(point: Point, dataset: Dataset, checkpoint: Path, model: Path) -> Trained:
    """The same of a network trained with JAX."""
    from thermo.training.eqprop.jax_train import layers_accuracy  # JAX takes a second to import

    config = point.config
    nan = float("nan")
    try:
        result = train_eqprop(dataset, config, checkpoint=checkpoint)
    except UnsettledError as error:
        return Trained(point.series, nan, nan, nan, nan, nan, nan, nan, "", str(error), config.seed)
    save_model(result.model, model)
    last = result.history[-1]
    batch = min(config.batch, dataset.x_train.shape[0])
    updates = len(result.history) * (dataset.x_train.shape[0] // batch)
    couplings = sum(np.asarray(w).size for w in result.parameters.w)
    return Trained(
        point.series,
        layers_accuracy(result, dataset),
        result.score,
        last.angle,
        last.residual_free,
        result.seconds,
        updates * batch * (1 + config.phases),
        float(updates * couplings),
        model.name,
        seed=config.seed,
    )


@dataclass(frozen=True, slots=True, eq=False)
class InSitu:
    """In-situ training against training clean and deploying, on the same devices.

    ideal : test accuracy of the clean network on a perfect device; pair : first deployed, second
    in situ, both on the devices; trainings : the in-situ ones
    """

    ideal: float
    pair: Paired
    trainings: tuple[Trained, ...]


def devices_study(
    dataset: Dataset,
    config: EqpropConfig,
    device: EqpropDevice,
    n_devices: int,
    folder: str | Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> InSitu:
    """Device k is `device` drawn with its seed + k; both ways train equally long from one start."""
    drawn = [replace(device, seed=device.seed + k) for k in range(n_devices)]
    points = [Point("clean", config)]
    points += [Point(f"device {d.seed}", replace(config, device=d)) for d in drawn]
    clean, *there = run_trainings(
        points, dataset, folder, threads=threads, progress=progress, executor=executor
    )
    network = load_model(Path(folder) / clean.model)
    assert isinstance(network, HopfieldNetwork)
    deployed = [
        deployed_accuracy(acting_on(network, d), dataset, d, seed=config.seed, threads=threads) for d in drawn
    ]
    return InSitu(clean.accuracy, paired(deployed, [t.accuracy for t in there]), tuple(there))


SYMMETRIC = "symmetric"


def asymmetry_points(
    config: EqpropConfig, angles: Sequence[float], homeostasis: float, draws: int = 5
) -> list[Point]:
    """One weight both ways, then rule "field" from every angle, without and with the homeostatic loss."""
    return [
        Point(SYMMETRIC, config),
        *(
            Point(
                f"{angle:g} degrees" + (", homeostasis" if factor else ""),
                replace(config, rule="field", angle=angle, homeostasis=factor, homeostasis_draws=draws),
            )
            for factor in (0.0, homeostasis)
            for angle in angles
        ),
    ]


@dataclass(frozen=True, slots=True)
class Lost:
    """Points of test accuracy that a series has less than the symmetric network of the same seed: mean, its
    standard error (0 for a single seed), n : pairs that came to rest
    """

    series: str
    points: float
    sem: float
    n: int


def lost_to_asymmetry(found: Sequence[Trained]) -> list[Lost]:
    """Every other series against the symmetric one, seed by seed."""
    own = {t.seed: t.accuracy for t in found if t.series == SYMMETRIC and not t.failed}
    out = []
    for series in dict.fromkeys(t.series for t in found if t.series != SYMMETRIC):
        some = [t for t in found if t.series == series and not t.failed and t.seed in own]
        lost = np.array([100 * (own[t.seed] - t.accuracy) for t in some])
        sem = float(lost.std(ddof=1) / np.sqrt(len(lost))) if len(lost) > 1 else 0.0
        out.append(Lost(series, float(lost.mean()) if len(lost) else float("nan"), sem, len(lost)))
    return out


def noise_points(
    config: EqpropConfig,
    noises: Sequence[float],
    betas: Sequence[float],
    replicas: Sequence[int] = (),
    coupling: float = 1.0,
) -> list[Point]:
    """Positive one-sided and centred nudges of several sizes under several state noises; the same
    on so many coupled copies of the machine.
    """
    return [
        Point(
            f"{estimator}{f' x {copies}' if copies > 1 else ''}, beta {beta:g}, noise {noise:g}",
            replace(
                config,
                estimator=estimator,
                beta=beta,
                device=EqpropDevice(
                    state_noise=noise, replicas=copies, replica_coupling=coupling if copies > 1 else 0.0
                ),
            ),
        )
        for noise in noises
        for copies in (1, *replicas)
        for estimator in ("positive", "centred")
        for beta in betas
    ]


def holomorphic_points(
    dataset: Dataset, config: EqpropConfig, noises: Sequence[float], betas: Sequence[float], points: int
) -> list[Point]:
    """The same for sigmoid units, trained with JAX: one-sided, and `points` nudges on a circle."""
    from thermo.training.eqprop.conv_presets import dense_preset

    base = replace(
        dense_preset(dataset, config.units),
        activation="shifted-sigmoid",
        epochs=config.epochs,
        batch=config.batch,
        augmentation=config.augmentation,
        seed=config.seed,
    )
    return [
        Point(
            f"sigmoid {estimator}, beta {beta:g}, noise {noise:g}",
            replace(
                base, estimator=estimator, points=points, beta=beta, device=EqpropDevice(state_noise=noise)
            ),
        )
        for noise in noises
        for estimator in ("positive", "holomorphic")
        for beta in betas
    ]
