"""Many trainings by equilibrium propagation: on devices, over asymmetry, over noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.files import make_folder
from compiler.models.hopfield import HopfieldNetwork
from compiler.models.store import load_model, save_model
from thermo.data import Dataset
from thermo.eqprop.config import EqpropConfig
from thermo.eqprop.device import EqpropDevice
from thermo.eqprop.errors import UnsettledError
from thermo.eqprop.train import acting_on, deployed_accuracy, effort_of, train_eqprop
from thermo.progress import Progress
from thermo.studies.devices import Paired, paired
from thermo.studies.records import Point, check_classes, recorded, run_all


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


def run_trainings(
    points: Sequence[Point],
    dataset: Dataset,
    folder: str | Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Trained]:
    """All points in order (their configs are EqpropConfigs), those in `folder` read from there."""
    check_classes(dataset)
    there = make_folder(folder)
    return run_all(
        points,
        dataset,
        lambda point: recorded(
            Trained,
            point,
            dataset,
            there,
            lambda checkpoint, model: _measure(point, dataset, checkpoint, model, threads),
        ),
        lambda t: f"{t.series}: {100 * t.accuracy:.2f} %",
        progress,
    )


def _measure(
    point: Point, dataset: Dataset, checkpoint: Path, model: Path, threads: int | None
) -> Trained:
    config: EqpropConfig = point.config
    try:
        result = train_eqprop(dataset, config, checkpoint=checkpoint, threads=threads)
    except UnsettledError as error:  # a study reports what does not work as well
        nan = float("nan")
        return Trained(point.series, nan, nan, nan, nan, nan, nan, nan, "", str(error))
    save_model(result.network, model)
    effort = effort_of(result, dataset)
    return Trained(
        point.series,
        deployed_accuracy(
            result.acting, dataset, config.device, seed=config.seed, threads=threads
        ),
        result.valid_accuracy, result.history[-1].angle, result.history[-1].residual_free,
        result.seconds, effort["relaxations"], effort["weight_writes"], model.name,
    )  # fmt: skip


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
) -> InSitu:
    """Device k is `device` drawn with its seed + k; both ways train equally long from one start."""
    drawn = [replace(device, seed=device.seed + k) for k in range(n_devices)]
    points = [Point("clean", config)]
    points += [Point(f"device {d.seed}", replace(config, device=d)) for d in drawn]
    clean, *there = run_trainings(points, dataset, folder, threads=threads, progress=progress)
    network = load_model(Path(folder) / clean.model)
    assert isinstance(network, HopfieldNetwork)
    deployed = [
        deployed_accuracy(acting_on(network, d), dataset, d, seed=config.seed, threads=threads)
        for d in drawn
    ]
    return InSitu(clean.accuracy, paired(deployed, [t.accuracy for t in there]), tuple(there))


def asymmetry_points(
    config: EqpropConfig, angles: Sequence[float], homeostasis: float
) -> list[Point]:
    """Rule "field" from every angle, without and with the homeostatic loss."""
    return [
        Point(
            f"{angle:g} degrees" + (", homeostasis" if factor else ""),
            replace(config, rule="field", angle=angle, homeostasis=factor),
        )
        for factor in (0.0, homeostasis)
        for angle in angles
    ]


def noise_points(
    config: EqpropConfig, noises: Sequence[float], betas: Sequence[float]
) -> list[Point]:
    """Positive one-sided and centred nudges of several sizes under several state noises."""
    return [
        Point(
            f"{nudging}, beta {beta:g}, noise {noise:g}",
            replace(config, nudging=nudging, beta=beta, device=EqpropDevice(state_noise=noise)),
        )
        for noise in noises
        for nudging in ("positive", "centred")
        for beta in betas
    ]
