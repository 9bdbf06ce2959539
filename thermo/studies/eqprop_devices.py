"""Training on the imperfect device against training clean and deploying on it, paired."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from pathlib import Path

from hw_models.imperfect import Imperfections
from thermo.data import Dataset
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.figures import device_spread
from thermo.report.page import Table
from thermo.studies.eqprop import devices_study
from thermo.studies.eqprop_trainings import EPOCHS, HIDDEN
from thermo.studies.study import DATA, SEED, THREADS, WHERE, Findings, Study
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.presets import study_preset


def run_devices(
    folder: Path,
    *,
    dataset: Dataset,
    n_devices: int = 10,
    spread: float = 0.3,
    read_bits: int | None = 8,
    read_noise: float = 0.01,
    hidden: Sequence[int] | None = None,
    epochs: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """On devices of this relative mismatch and asymmetry."""
    device = EqpropDevice(Imperfections(spread, spread), read_bits=read_bits, read_noise=read_noise)
    study = devices_study(
        dataset,
        study_preset(dataset, hidden or [64], epochs, seed),
        device,
        n_devices,
        folder,
        threads=threads,
        progress=progress,
        executor=executor,
    )
    first, second = study.pair.first, study.pair.second
    groups = [("clean, deployed", 100 * first), ("trained in situ", 100 * second)]
    figure = device_spread(groups, score="test accuracy, %")
    table = Table(
        ("device", "clean, deployed %", "in situ %", "gain, points"),
        (
            *(
                (str(k), f"{100 * a:.2f}", f"{100 * b:.2f}", f"{100 * (b - a):+.2f}")
                for k, (a, b) in enumerate(zip(first, second, strict=True))
            ),
            (
                "mean",
                f"{100 * first.mean():.2f} ± {100 * first.std(ddof=1):.2f}",
                f"{100 * second.mean():.2f} ± {100 * second.std(ddof=1):.2f}",
                f"{100 * study.pair.gain:+.2f} ± {100 * study.pair.sem:.2f}",
            ),
        ),
        (1, 2, 3),
        f"{100 * spread:g} % mismatch and asymmetry; test accuracy. On a perfect device "
        f"{100 * study.ideal:.2f} %. Gain: mean ± standard error over devices, "
        f"p = {study.pair.p:.1e} (paired)",
    )
    result = {
        "ideal": study.ideal,
        "clean": first,
        "in_situ": second,
        "gain": study.pair.gain,
        "sem": study.pair.sem,
        "p": study.pair.p,
        "trainings": [asdict(t) for t in study.trainings],
    }
    return Findings(result, (table,), {"eqprop-devices": figure})


STUDY = Study(
    "eqprop-devices",
    """Training on the imperfect device against training clean and deploying on it, paired.

Example: thermoc study eqprop-devices --data mnist -o runs/eqprop-devices""",
    (
        DATA,
        Option("n_devices", "--devices", int, 10, "Devices drawn.", min=2),
        Option("spread", "--spread", float, 0.3, "Relative mismatch, and asymmetry.", min=0),
        Option("read_bits", "--read-bits", int, 8, "Resolution of the states that are read."),
        Option("read_noise", "--read-noise", float, 0.01, "Their noise.", min=0),
        HIDDEN,
        EPOCHS,
        SEED,
        THREADS,
        *WHERE,
    ),
    run_devices,
)
