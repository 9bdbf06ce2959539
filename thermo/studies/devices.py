"""Yield: how many of N devices are accurate enough, against how strong each law is and against time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from compiler.errors import UnsupportedError
from compiler.files import make_folder
from compiler.ir.container import load
from compiler.ir.langevin import LangevinNetlist
from hw_models.device import Device
from hw_models.errors import HardwareError
from hw_models.imperfect import Imperfections, on_device
from hw_models.presets import chosen_device
from hw_models.strength import depends_on_time, suffered, with_strength
from hw_models.times import seconds_of
from thermo.data import Dataset
from thermo.evaluate import check_fit
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.figures import COLOURS, MUTED, dress
from thermo.report.page import Table
from thermo.simulate.options import COUPLINGS, INPUT_BITS, OUTPUT_BITS
from thermo.studies.instances import accuracy_on_devices, paired
from thermo.studies.records import Point, check_classes, recorded, run_all
from thermo.studies.study import DATA, SEED, THREADS, Findings, Study

STRENGTHS = "0.5,1,2"
TOGETHER = "all together"
NONE = "none of them"
BELOW = 0.01  # of the first netlist's own accuracy, where none is asked for


@dataclass(frozen=True, slots=True)
class Instances:
    """What one point is: devices with what they suffer from.

    net : SHA-256 of the netlist's file; device : its description; law : of the imperfections at their
    strength, as dict; devices : how many; seed : of the noise, and of the first device
    """

    net: str
    device: Any
    law: Any
    devices: int
    split: str
    limit: int | None
    seed: int


@dataclass(frozen=True, slots=True)
class Accuracies:
    """Of each device, in the order of their seeds."""

    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))


@dataclass(frozen=True, slots=True)
class YieldPoint:
    """One point of a curve.

    net : as the file is called; law : name, "all together" or "none of them"; strength : times its own
    at : s since programming, None: just programmed; good : devices that are accurate enough
    low, high : Wilson's interval of their share, 95 %
    """

    net: str
    law: str
    strength: float
    at: float | None
    accuracies: tuple[float, ...]
    good: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.good / len(self.accuracies)

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))


def wilson(good: int, n: int) -> tuple[float, float]:
    """95 % interval of a share of n, E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927)."""
    from scipy.stats import binomtest

    found = binomtest(good, n).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def run_devices(
    folder: Path,
    *,
    nets: Sequence[Path],
    dataset: Dataset,
    device: Any = None,
    accuracy: float | None = None,
    n_devices: int = 50,
    strengths: str = STRENGTHS,
    at: str | None = None,
    couplings: Any = None,
    input_bits: str | None = None,
    output_bits: str | None = None,
    mismatch: float = 0.0,
    asymmetry: float = 0.0,
    bits: int | None = None,
    bias_mismatch: float = 0.0,
    split: str = "test",
    limit: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Findings:
    """accuracy : per cent that a device must reach; strengths, at : numbers and times with commas.

    Strengths are swept at the last of the times.
    """
    check_classes(dataset)
    if accuracy is not None and not 0 < accuracy <= 100:
        raise UnsupportedError(
            f"--accuracy is what a device must reach in per cent, above 0 and at most 100, got {accuracy:g}"
        )
    wanted = _numbers(strengths)
    times = tuple(_time(part) for part in at.split(",")) if at else ()
    given = Imperfections(mismatch, asymmetry, bits, bias_mismatch)
    hardware = None
    if device is not None:
        hardware = chosen_device(device, couplings, input_bits=input_bits, output_bits=output_bits)
    elif couplings or input_bits or output_bits:
        raise UnsupportedError("--couplings, --input-bits and --output-bits are those of a device: add --device")
    law = on_device(Imperfections() if hardware is None else hardware.imperfections, given)
    names = suffered(law)
    if not names:
        raise HardwareError(
            "the devices are all perfect: give a device with laws (--device pcm-crossbar, or a file.toml), or "
            "--mismatch 0.1"
        )
    moving = {name: depends_on_time(with_strength(law, 1.0, name), times) for name in names}
    if times and not any(moving.values()):
        raise HardwareError(
            f"--at {at}: nothing of this device ({', '.join(names)}) changes with time: leave --at out"
        )
    netlists = _loaded(nets, dataset)
    there = make_folder(folder)
    common: dict[str, Any] = {"split": split, "limit": limit, "threads": threads}

    asked: dict[tuple[str, str, float, float | None], Instances] = {}

    def ask(net: str, name: str, strength: float, time: float | None) -> None:
        only = None if name == TOGETHER else name
        made = Imperfections() if name == NONE else with_strength(law, strength, only)
        changes = any(moving.values()) if name == TOGETHER else moving.get(name, False)
        made = replace(made, at=time if changes else None)
        digest = netlists[net][1]
        told = None if hardware is None else hardware.describe()
        n = 1 if made.ideal and hardware is None else n_devices
        asked[net, name, strength, time] = Instances(digest, told, made.to_dict(), n, split, limit, seed)
        laws[net, name, strength, time] = made

    laws: dict[tuple[str, str, float, float | None], Imperfections] = {}
    last = times[-1] if times else None
    for net in netlists:
        ask(net, NONE, 0.0, last)
        for name in (*names, TOGETHER) if len(names) > 1 else names:
            for strength in wanted:
                ask(net, name, strength, last)
            for time in times:
                ask(net, name, 1.0, time)
            ask(net, name, 1.0, last)

    def measured(key: tuple[str, str, float, float | None]) -> Accuracies:
        net = key[0]
        point = Point(net, asked[key])
        on = None if hardware is None else replace(hardware, imperfections=laws[key])  # type: ignore[type-var]

        def measure(kept: Path, model: Path) -> Accuracies:
            options = {} if on is None else {"device": on}
            found = accuracy_on_devices(
                netlists[net][0],
                dataset,
                laws[key] if on is None else Imperfections(),
                asked[key].devices,
                seed=seed,
                **common,
                **options,
            )
            return Accuracies(tuple(map(float, found)))

        return recorded(_accuracies, point, dataset, there, measure)

    keys = list(asked)
    run: Any = measured
    found = dict(
        zip(
            keys,
            run_all(keys, dataset, run, lambda a: f"mean {100 * a.mean:.2f} %", progress, what="points"),  # type: ignore[arg-type]
            strict=True,
        )
    )
    first = next(iter(netlists))
    level = found[first, NONE, 0.0, last].mean - BELOW if accuracy is None else accuracy / 100
    points = [_point(key, found[key], level) for key in keys]
    return _findings(points, level, names, n_devices, dataset, split, wanted, times, hardware)


def _accuracies(accuracies: Sequence[float]) -> Accuracies:
    return Accuracies(tuple(map(float, accuracies)))


def _numbers(text: str) -> tuple[float, ...]:
    found = []
    for part in text.split(","):
        try:
            found.append(float(part))
        except ValueError:
            raise UnsupportedError(f"--strength takes numbers with commas, 0.5,1,2, got {part!r}") from None
    return tuple(dict.fromkeys(found))


def _time(text: str) -> float:
    value = seconds_of(text.strip())
    assert value is not None
    return value


def _loaded(nets: Sequence[Path], dataset: Dataset) -> dict[str, tuple[LangevinNetlist, str]]:
    """Netlists and their digests by the names of their files."""
    found: dict[str, tuple[LangevinNetlist, str]] = {}
    for path in nets:
        netlist = load(path)
        if not isinstance(netlist, LangevinNetlist) or netlist.problem is not None:
            raise UnsupportedError(
                f"{path}: laws of devices act on couplings of Langevin cells, this is a "
                f"{type(netlist).__name__}; faults of gates: thermoc study faults"
            )
        check_fit(netlist, dataset)
        if path.stem in found:
            raise UnsupportedError(f"{path}: two netlists are called {path.stem!r}: rename one of them")
        found[path.stem] = netlist, hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _point(key: tuple[str, str, float, float | None], found: Accuracies, level: float) -> YieldPoint:
    good = sum(a >= level - 1e-12 for a in found.accuracies)
    return YieldPoint(*key, found.accuracies, good, *wilson(good, len(found.accuracies)))
