"""Accuracy of any netlist that decides, against noise, mismatch, bits and time, or faults of its gates."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from compiler.circuits.from_tables import circuit_of
from compiler.ir.cells import CellNetlist
from compiler.ir.gates import GateNetlist
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.luts import LutNetlist
from compiler.ir.tiles import TileNetlist
from hw_models.crossbar import CrossbarDevice
from hw_models.device import Device
from hw_models.imperfect import Imperfections
from thermo.data import Dataset
from thermo.energy.inference import device_units
from thermo.evaluate import check_fit, evaluate
from thermo.progress import Progress
from thermo.report.figures import Sweep
from thermo.simulate.run import dynamics_of
from thermo.studies.faults import accuracy_against_faults
from thermo.studies.records import Point, run_recorded

LIMIT = 500  # samples
NOISE = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # times the device's kT
MISMATCH = (0.0, 0.02, 0.05, 0.1, 0.2)
BITS = (2, 3, 4, 5, 6, 8)
TIME = (0.25, 0.5, 1.0, 2.0)  # times the netlist's own durations
AGES = (25.0, 3600.0, 86400.0, 365.25 * 86400.0)  # s
OHM = (0.3, 1.0, 3.0, 10.0)
FLIPS = (1e-4, 1e-3, 1e-2, 0.1)
DRAWS = 3  # devices, or draws of faults


@dataclass(frozen=True, slots=True)
class _Setting:
    """What the record of one point is known by.

    netlist : SHA-256; device : its description; of : place of the sweep
    """

    netlist: str
    device: Any
    of: int
    value: float
    split: str
    limit: int | None
    seed: int


@dataclass(frozen=True, slots=True)
class Swept:
    """error : standard error, or one standard deviation of draws of faults"""

    accuracy: float
    error: float


def robustness(
    name: str,
    netlist: Any,
    dataset: Dataset,
    device: Device | CrossbarDevice,
    *,
    split: str = "test",
    limit: int | None = LIMIT,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    folder: Path | None = None,
    executor: Executor | None = None,
) -> tuple[Sweep, ...]:
    """What the kind of netlist has: an analog machine noise, mismatch, bits of its couplings and of its
    converters, and time; tiles mismatch, age, bits of converters and wires; a circuit faults; none for a
    netlist that decides nothing.

    name : as it is called in the sweeps; device : whose physics acts in an analog machine or on tiles
    limit : first samples of the split, None for all
    folder : of points, those in it are not run again; None keeps none; executor : where they run

    Raises DataError if the netlist and the data set do not fit.
    """
    if dynamics_of(netlist).name == "spins" or not dataset.n_classes:
        return ()
    check_fit(netlist, dataset)
    if _is_circuit(netlist) and circuit_of(netlist).class_sums is None:
        return ()
    asked = _asked(netlist, device)
    digest = hashlib.sha256(pickle.dumps(netlist)).hexdigest()
    points = [
        Point(
            f"{name} {sweep.what} {value:g}",
            _Setting(digest, device.describe(), k, float(value), split, limit, seed),
        )
        for k, (sweep, values, _) in enumerate(asked)
        for value in values
    ]
    with TemporaryDirectory(prefix="thermoc-points-") as passing:
        found = run_recorded(
            Swept,
            points,
            dataset,
            passing if folder is None else folder,
            partial(_measure, threads=threads),
            lambda s: f"{100 * s.accuracy:.2f} %",
            progress,
            executor,
            common=(netlist, dataset, device),
            what=f"points of robustness of {name}",
        )
    sweeps, of = [], list(zip(points, found, strict=True))
    for k, (sweep, _, _) in enumerate(asked):
        swept = tuple((p.config.value, s.accuracy, s.error) for p, s in of if p.config.of == k)
        sweeps.append(replace(sweep, name=name, points=swept))
    return tuple(sweeps)


def _measure(point: Point, common: Any, *_: Path, threads: int | None) -> Swept:
    netlist, dataset, device = common
    c = point.config
    options: dict[str, Any] = {"limit": c.limit, "seed": c.seed, "threads": threads}
    if _is_circuit(netlist):
        (at,) = accuracy_against_faults(
            circuit_of(netlist), dataset, "flip", [c.value], draws=DRAWS, split=c.split, **options
        )
        return Swept(at.mean, at.spread)
    _, _, run = _asked(netlist, device)[c.of]
    return Swept(*_mean(run(c.value), dataset, c.split, {**options, "device": device}))


def _is_circuit(netlist: Any) -> bool:
    return isinstance(netlist, GateNetlist | LutNetlist | CellNetlist)


def _asked(netlist: Any, device: Device | CrossbarDevice) -> tuple[Any, ...]:
    """Every sweep without its points, its values, and what is run at each."""
    if _is_circuit(netlist):
        note = f"every gate errs by itself with this probability, {DRAWS} draws, bars one standard deviation"
        return ((Sweep("", "probability that a gate errs", (), log=True, note=note), FLIPS, None),)
    return tuple(_tiles(netlist, device) if isinstance(device, CrossbarDevice) else _cells(netlist, device))


Run = tuple[Any, Sequence[dict[str, Any]]]
"""A netlist and the options of each of its draws."""


Asked = Iterator[tuple[Sweep, Sequence[float], Callable[[float], Run]]]
"""Every sweep without its points, its values, and what is run at each."""


def _draws(imperfect: Imperfections) -> list[dict[str, Any]]:
    return [{"non_ideal": imperfect, "device_seed": k} for k in range(DRAWS)]


def _tiles(netlist: TileNetlist, device: CrossbarDevice) -> Asked:
    """Of a network on tiles."""
    drawn = f"mean of {DRAWS} devices"
    yield (
        Sweep("", "mismatch of devices, relative", (), None, False, drawn),
        MISMATCH,
        lambda v: (netlist, _draws(Imperfections(mismatch=v))),
    )
    if device.imperfections.laws:
        yield (
            Sweep("", "time since programming, s", (), None, True, drawn),
            AGES,
            lambda v: (netlist, [{"at": v, "device_seed": k} for k in range(DRAWS)]),
        )
    if device.output_converter is not None:
        own = device.output_converter.bits.value
        yield (
            Sweep("", "bits of output converters", (), own, False, "in place of the device's own"),
            BITS,
            lambda v: (netlist, [{"output_bits": int(v)}]),
        )
    yield (
        Sweep(
            "", "resistance of a wire between crossings, ohm", (), device.row.value, True, "rows and columns"
        ),
        OHM,
        lambda v: (netlist, [{"wire": v, "ir_drop": "fast"}]),
    )


def _cells(netlist: LangevinNetlist, device: Device) -> Asked:
    """Of an analog machine."""
    own, draws = device_units(netlist, device).kT, _draws

    def longer(times: float) -> LangevinNetlist:
        return netlist.with_(
            schedule=tuple(replace(p, duration=p.duration * times) for p in netlist.schedule)
        )

    yield (
        Sweep(
            "",
            "noise power, times the device's",
            (),
            1.0,
            True,
            "kT of all cells together; all runs begin from a fresh start",
        ),
        NOISE,
        lambda v: (netlist, [{"kT": own * v}]),
    )
    yield (
        Sweep("", "mismatch of couplings, relative", (), None, False, f"mean of {DRAWS} devices"),
        MISMATCH,
        lambda v: (netlist, draws(Imperfections(mismatch=v)) if v else [{}]),
    )
    yield (
        Sweep("", "bits of a coupling", (), None, False, "uniform levels up to the largest"),
        BITS,
        lambda v: (netlist, [{"non_ideal": Imperfections(bits=int(v))}]),
    )
    if device.input_converter is not None and device.output_converter is not None:
        bits = device.input_converter.bits.value
        yield (
            Sweep("", "bits of converters, both sides", (), bits, False, "in place of the device's own"),
            BITS,
            lambda v: (netlist, [{"input_bits": int(v), "output_bits": int(v)}]),
        )
    yield (
        Sweep("", "time, times the netlist's own", (), 1.0, True, "every phase longer or shorter alike"),
        TIME,
        lambda v: (longer(v), [{}]),
    )


def _mean(run: Run, dataset: Dataset, split: str, common: dict[str, Any]) -> tuple[float, float]:
    """(accuracy, its error): of draws their mean and its standard error, else that of the samples."""
    netlist, draws = run
    found = [evaluate(netlist, dataset, split, **common, **options)[0] for options in draws]
    accuracies = [f.accuracy or 0.0 for f in found]
    if len(found) > 1:
        return float(np.mean(accuracies)), float(np.std(accuracies, ddof=1) / np.sqrt(len(found)))
    return accuracies[0], found[0].accuracy_sem or 0.0
