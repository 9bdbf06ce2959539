"""Many trainings by equilibrium propagation: on devices, over asymmetry, over noise.

A training that is on disk with the same settings is read, not run again; one that was interrupted
goes on from its checkpoint.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from compiler.errors import ThermocError
from compiler.files import make_folder, replacing
from compiler.models.hopfield import HopfieldNetwork
from compiler.models.store import load_model, save_model
from thermo.data import Dataset
from thermo.eqprop.config import EqpropConfig
from thermo.eqprop.device import EqpropDevice
from thermo.eqprop.errors import UnsettledError
from thermo.eqprop.train import acting_on, deployed_accuracy, effort_of, train_eqprop
from thermo.progress import NullProgress, Progress
from thermo.studies.devices import Paired, paired
from thermo.studies.points import Point


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


def run_training(
    point: Point, dataset: Dataset, folder: Path, *, threads: int | None = None
) -> Trained:
    """The point's figures, from `folder` if they are there, else by training."""
    stem = point.key(dataset)
    record = folder / f"{stem}.json"
    if record.exists():
        try:
            return Trained(**json.loads(record.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise ThermocError(
                f"{record}: not a study record ({error}); delete it to run the point again"
            ) from None
    config: EqpropConfig = point.config
    checkpoint = folder / f"{stem}.checkpoint"
    try:
        result = train_eqprop(dataset, config, checkpoint=checkpoint, threads=threads)
    except UnsettledError as error:  # a study reports what does not work as well
        nan = float("nan")
        trained = Trained(point.series, nan, nan, nan, nan, nan, nan, nan, "", str(error))
    else:
        model = folder / f"{stem}.safetensors"
        save_model(result.network, model)
        effort = effort_of(result, dataset)
        trained = Trained(
            point.series,
            deployed_accuracy(
                result.acting, dataset, config.device, seed=config.seed, threads=threads
            ),
            result.valid_accuracy, result.history[-1].angle, result.history[-1].residual_free,
            result.seconds, effort["relaxations"], effort["weight_writes"], model.name,
        )  # fmt: skip
    with replacing(record) as beside:
        beside.write_text(json.dumps(asdict(trained), indent=1))
    checkpoint.unlink(missing_ok=True)
    return trained


def run_trainings(
    points: Sequence[Point],
    dataset: Dataset,
    folder: str | Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Trained]:
    """All points in order."""
    folder = make_folder(folder)
    progress = progress or NullProgress()
    progress.start(len(points), f"{len(points)} trainings on {dataset.name}")
    out = []
    try:
        for k, point in enumerate(points):
            began = time.perf_counter()
            t = run_training(point, dataset, folder, threads=threads)
            out.append(t)
            progress.update(
                k + 1, f"{t.series}: {100 * t.accuracy:.2f} %, {time.perf_counter() - began:.0f} s"
            )
    finally:
        progress.stop()
    return out


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
