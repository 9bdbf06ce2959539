"""Yield: how many of N devices are accurate enough, against how strong each law is and against time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.container import load
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.tiles import TileNetlist
from hw_models.ages import seconds_of
from hw_models.errors import HardwareError
from hw_models.imperfect import Imperfections, on_device
from hw_models.presets import chosen_crossbar, chosen_device
from hw_models.strength import depends_on_time, suffered, with_strength
from thermo.common_options import COUPLINGS, IMPERFECT, INPUT_BITS, OUTPUT_BITS
from thermo.data import Dataset
from thermo.evaluate import check_fit
from thermo.options import Option
from thermo.progress import Progress
from thermo.studies.instances import accuracy_on_devices
from thermo.studies.records import Point, check_classes, run_recorded
from thermo.studies.study import DATA, SEED, THREADS, WHERE, Findings, Study
from thermo.studies.yields import NONE, TOGETHER, YieldPoint, findings, wilson

STRENGTHS = "0.5,1,2"
BELOW = 0.01  # of the first netlist's own accuracy, where none is asked for


@dataclass(frozen=True, slots=True)
class Instances:
    """What one point is: devices with what they suffer from.

    net : SHA-256 of the netlist's file; device : its description; law : of the imperfections at their
    strength, as dict; devices : how many; seed : of the noise, and of the first device; more : options of
    simulate
    """

    net: str
    device: Any
    law: Any
    devices: int
    split: str
    limit: int | None
    seed: int
    more: Any


@dataclass(frozen=True, slots=True)
class Accuracies:
    """Of each device, in the order of their seeds."""

    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))


@dataclass(frozen=True, slots=True)
class _Drawn(Point):
    """law : what config tells as a dict"""

    law: Imperfections


@dataclass(frozen=True, slots=True)
class _Shared:
    """netlists : by the names of their files; hardware : a device or None"""

    dataset: Dataset
    netlists: dict[str, LangevinNetlist | TileNetlist]
    hardware: Any


class Key(NamedTuple):
    """Of a point: its netlist, a law, TOGETHER or NONE, how strong it is, and s since programming."""

    net: str
    law: str
    strength: float
    at: float | None


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
    ir_drop: str | None = None,
    split: str = "test",
    limit: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
    **non_ideal: Any,
) -> Findings:
    """accuracy : per cent that a device must reach; strengths, at : numbers and times with commas;
    non_ideal : fields of Imperfections in place of the device's own.

    Strengths are swept at the last of the times, and times at strength 1.

    Raises HardwareError for a device without imperfections and a time that says nothing to them,
    UnsupportedError for what is no netlist of Langevin cells, DataError where the data do not fit.
    """
    check_classes(dataset)
    if accuracy is not None and not 0 < accuracy <= 100:
        raise UnsupportedError(
            f"--accuracy is what a device must reach in per cent, above 0 and at most 100, got {accuracy:g}"
        )
    wanted, times = _numbers(strengths), _times(at)
    netlists = _loaded(nets, dataset)
    on_tiles = any(isinstance(netlist, TileNetlist) for netlist, _ in netlists.values())
    hardware = _hardware(device, couplings, input_bits, output_bits, on_tiles)
    given = Imperfections(**{name: value for name, value in non_ideal.items() if value is not None})
    law = on_device(Imperfections() if hardware is None else hardware.imperfections, given)
    more = {} if ir_drop is None else {"ir_drop": ir_drop}
    asked = _asked(law, wanted, times, tuple(netlists))

    def setting(key: Key) -> Instances:
        drawn = hardware is not None and (hardware.input_converter or hardware.output_converter)
        alike = asked[key].ideal and not drawn
        return Instances(
            net=netlists[key.net][1],
            device=None if hardware is None else replace(hardware, imperfections=Imperfections()).describe(),
            law=asked[key].to_dict(),
            devices=1 if alike else n_devices,
            split=split,
            limit=limit,
            seed=seed,
            more=more,
        )

    keys = list(asked)
    done = run_recorded(
        _read,
        [_Drawn(key.net, setting(key), asked[key]) for key in keys],
        dataset,
        folder,
        partial(_measure, threads=threads),
        lambda a: f"mean {100 * a.mean:.2f} %",
        progress,
        executor,
        common=_Shared(dataset, {name: netlist for name, (netlist, _) in netlists.items()}, hardware),
        what="points of devices",
    )
    found = dict(zip(keys, done, strict=True))
    level = found[keys[0]].mean - BELOW if accuracy is None else accuracy / 100
    points = [_point(key, accuracies, level) for key, accuracies in found.items()]
    where = f"{n_devices} devices{'' if hardware is None else f' of {hardware.name}'}"
    return findings(points, level, f"{where}, {dataset.name}, {split} split")


def _asked(
    law: Imperfections, strengths: Sequence[float], times: Sequence[float], nets: Sequence[str]
) -> dict[Key, Imperfections]:
    """What devices suffer from at every point, first the point of the first netlist without any of it."""
    names = suffered(law)
    if not names:
        raise HardwareError(
            "the devices are all perfect: give a device with laws (--device pcm-crossbar, or a file.toml), "
            "or --mismatch 0.1"
        )
    moving = {name for name in names if depends_on_time(with_strength(law, 1.0, name), tuple(times))}
    if times and not moving:
        told = ", ".join(f"{t:g} s" for t in times)
        raise HardwareError(f"--at {told}: nothing of these devices ({', '.join(names)}) changes with time")
    last = times[-1] if times else None
    rows = (*names, TOGETHER) if len(names) > 1 else names
    asked: dict[Key, Imperfections] = {}
    for net in nets:
        asked[Key(net, NONE, 0.0, last)] = Imperfections()
        for name in rows:
            made = {s: with_strength(law, s, None if name == TOGETHER else name) for s in (*strengths, 1.0)}
            for strength, one in made.items():
                for time in dict.fromkeys((last, *(times if strength == 1.0 else ()))):
                    moves = bool(moving) if name == TOGETHER else name in moving
                    asked[Key(net, name, strength, time)] = replace(one, at=time if moves else None)
    return asked


def _hardware(
    device: Any, couplings: Any, input_bits: str | None, output_bits: str | None, on_tiles: bool
) -> Any:
    if device is not None and on_tiles:
        if couplings:
            raise UnsupportedError(f"--couplings {couplings}: tiles have theirs: leave it out")
        return chosen_crossbar(device, input_bits=input_bits, output_bits=output_bits)
    if device is not None:
        return chosen_device(device, couplings, input_bits=input_bits, output_bits=output_bits)
    if couplings or input_bits or output_bits:
        raise UnsupportedError(
            "--couplings, --input-bits and --output-bits are those of a device: add --device NAME"
        )
    return None


def _times(at: str | None) -> tuple[float, ...]:
    """s of times with commas, each once, rising."""
    found = [seconds_of(part) for part in at.split(",")] if at else []
    return tuple(sorted({t for t in found if t is not None}))


def _measure(point: _Drawn, shared: _Shared, *_: Path, threads: int | None) -> Accuracies:
    config, hardware = point.config, shared.hardware
    there: dict[str, Any] = {"device": replace(hardware, imperfections=point.law)} if hardware else {}
    found = accuracy_on_devices(
        shared.netlists[point.series],
        shared.dataset,
        Imperfections() if hardware else point.law,
        config.devices,
        seed=config.seed,
        split=config.split,
        limit=config.limit,
        threads=threads,
        **there,
        **config.more,
    )
    return Accuracies(tuple(map(float, found)))


def _read(accuracies: Sequence[float]) -> Accuracies:
    return Accuracies(tuple(map(float, accuracies)))


def _numbers(text: str) -> tuple[float, ...]:
    found = []
    for part in text.split(","):
        try:
            found.append(float(part))
        except ValueError:
            raise UnsupportedError(f"--strength takes numbers with commas, 0.5,1,2, got {part!r}") from None
    return tuple(dict.fromkeys(found))


def _loaded(nets: Sequence[Path], dataset: Dataset) -> dict[str, tuple[LangevinNetlist | TileNetlist, str]]:
    """Netlists, all of one kind, and their digests by the names of their files."""
    found: dict[str, tuple[LangevinNetlist | TileNetlist, str]] = {}
    for path in nets:
        netlist = load(path)
        if not isinstance(netlist, LangevinNetlist | TileNetlist):
            raise UnsupportedError(
                f"{path}: laws of devices act on couplings of Langevin cells and on tiles, this is a "
                f"{type(netlist).__name__}; faults of gates: thermoc study faults"
            )
        first = next(iter(found.values()), (netlist, ""))[0]
        if type(netlist) is not type(first):
            raise UnsupportedError(f"{path}: netlists of one study are all of one kind; study it apart")
        check_fit(netlist, dataset)
        if path.stem in found:
            raise UnsupportedError(f"{path}: two netlists are called {path.stem!r}: rename one of them")
        found[path.stem] = netlist, hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _point(key: Key, found: Accuracies, level: float) -> YieldPoint:
    good, n = sum(a >= level - 1e-12 for a in found.accuracies), len(found.accuracies)
    # devices that are all alike were run once, and their share is known
    return YieldPoint(
        *key, found.accuracies, good, *(wilson(good, n) if n > 1 else (float(good), float(good)))
    )


STUDY = Study(
    "devices",
    """Yield: the share of devices that are accurate enough, against each law's strength and against time.

Every law of the device, and mismatch, asymmetry, bits and bias mismatch, alone and all together, on the
same devices under every netlist given: one trained clean and one trained aware, say. A table says which
loses most.

Example: thermoc study devices clean.tnl aware.tnl --data digits --device pcm-crossbar --at 25s,1h,1d,1y
  --accuracy 90 -o runs/devices""",
    (
        DATA,
        Option("device", "--device", str, None, "Preset, or a file.toml (none: the ideal equation)."),
        Option(
            "accuracy",
            "--accuracy",
            float,
            None,
            "Per cent that a device must reach (none: a point less than the first netlist's own).",
        ),
        Option("n_devices", "--devices", int, 50, "Devices drawn.", min=2),
        Option("strengths", "--strength", str, STRENGTHS, "Times each law's own, with commas."),
        Option("at", "--at", str, None, "Times since programming, with commas: 25s,1h,1d,1y."),
        COUPLINGS,
        INPUT_BITS,
        OUTPUT_BITS,
        *IMPERFECT.parts,
        Option("ir_drop", "--ir-drop", str, None, "Tiles: exact, fast or none (none given: exact)."),
        Option("split", "--split", str, "test", "Part of the data: train, valid or test."),
        Option("limit", "--limit", int, None, "Only the first samples of the split.", min=1),
        SEED,
        THREADS,
        *WHERE,
    ),
    run_devices,
    source=("nets", "Netlists (.tnl) of Langevin cells, or of tiles."),
    many=True,
)
