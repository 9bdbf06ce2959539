"""A netlist run at one temperature and read with several windows: records of a study."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import LangevinNetlist, Phase
from thermo.energy.inference import idle_heat
from thermo.simulate.langevin.run import simulate_langevin

IDLE_RUNS = 200


@dataclass(frozen=True, slots=True)
class Setting:
    """One temperature of the study; what its record is known by. windows : whole steps"""

    netlist: str
    kT: float
    windows: tuple[int, ...]
    dt: float
    samples: int
    runs: int
    split: str
    seed: int


@dataclass(frozen=True, slots=True)
class AtTemperature:
    """right : (n_windows, n_samples) share of runs that decide right; heat : (n_windows, 2) mean
    over inferences and standard error, in the netlist's unit of energy; idle : mean heat of the
    machine without couplings and drive, relaxation alone (it spreads into its wells and takes up
    heat: the start of all cells at x0 is colder than the bath)
    """

    kT: float
    right: list[list[float]]
    heat: list[list[float]]
    idle: float
    heat_method: str


def digest_of(netlist: LangevinNetlist) -> str:
    """Of everything that acts; meta does not."""
    whole = hashlib.sha256()
    parts: list[object] = [netlist.cells, *netlist.couplings, netlist.readout, netlist.encoder]
    for part in parts:
        for f in fields(part) if is_dataclass(part) else ():
            value = getattr(part, f.name)
            whole.update(f.name.encode())
            if isinstance(value, np.ndarray):
                whole.update(repr((value.shape, value.dtype.str)).encode())
                whole.update(np.ascontiguousarray(value).data)
            else:
                whole.update(repr(value).encode())
    whole.update(repr((netlist.mobility, netlist.schedule)).encode())
    return whole.hexdigest()[:16]


def relaxing_phases(netlist: LangevinNetlist) -> tuple[tuple[Phase, ...], Phase]:
    """Phases up to the read-out, and that of the read-out; UnsupportedError where none decides."""
    readout = netlist.readout
    if readout is None or readout.decision != "argmax":
        raise UnsupportedError(
            "accuracy over temperature needs a netlist that decides for a class (read-out argmax)"
        )
    names = [p.name for p in netlist.schedule]
    k = names.index(readout.phase)
    phase = netlist.schedule[k]
    if any(p.kT is not None for p in netlist.schedule[: k + 1]) or phase.nudge:
        raise UnsupportedError(
            f"phase {phase.name!r}: a schedule with temperatures of its own, or a nudged read-out, "
            "is not studied over kT; compile the model without them"
        )
    return netlist.schedule[: k + 1], phase


def whole_windows(windows: Sequence[float], dt: float) -> tuple[int, ...]:
    """Whole steps of the windows, ascending: multiples of the smallest above 0."""
    if not windows or not all(math.isfinite(w) and w >= 0 for w in windows):
        raise UnsupportedError(f"windows must be finite times >= 0, got {list(windows)}")
    wanted = sorted({max(1, round(w / dt)) for w in windows if w > 0})
    unit = wanted[0] if wanted else 1
    whole = {max(1, round(w / unit)) * unit for w in wanted}
    return tuple(sorted(whole | ({0} if 0 in windows else set())))


def measure_at(
    netlist: LangevinNetlist,
    setting: Setting,
    x: np.ndarray,
    y: np.ndarray,
    codes: np.ndarray | None,
    threads: int | None,
) -> AtTemperature:
    """All windows of one temperature; the instant and the averages are of the same runs."""
    relaxing, phase = relaxing_phases(netlist)
    dt = setting.dt
    options: dict[str, Any] = {
        "kT": setting.kT,
        "dt": dt,
        "runs": setting.runs,
        "seed": setting.seed,
        "threads": threads,
    }
    assert netlist.readout is not None
    right, heat, method = [], [], ""
    averaged = [w for w in setting.windows if w]
    if 0 in setting.windows:
        plain = netlist.with_(schedule=relaxing, readout=replace(netlist.readout, window=0.0))
        result = simulate_langevin(plain, x, **options)
        assert result.heat is not None
        right.append(_right(netlist, result.outputs[-1], y, codes))
        heat.append(_mean(result.heat))
        method = result.heat_method
    if averaged:
        unit, ends = averaged[0], [0, *averaged]
        schedule = [*relaxing]
        for a, b in pairwise(ends):
            schedule.append(replace(phase, name=f"window to {b}", duration=(b - a) * dt))
        first = round(sum(p.duration for p in relaxing) / dt)
        reader = replace(netlist.readout, window=unit * dt, phase=schedule[-1].name)
        times = [(first + k) * dt for k in range(unit, averaged[-1] + 1, unit)]
        result = simulate_langevin(
            netlist.with_(schedule=tuple(schedule), readout=reader), x, observe=times, **options
        )
        assert result.heat_by_phase is not None
        sums = np.cumsum(result.outputs.astype(np.float64), axis=0)
        given = np.cumsum(result.heat_by_phase, axis=0)
        for k, w in enumerate(averaged):
            blocks = w // unit
            right.append(_right(netlist, sums[blocks - 1] / blocks, y, codes))
            heat.append(_mean(given[len(relaxing) + k]))
        method = result.heat_method
    idle = 0.0
    if setting.kT > 0:
        bare = netlist.with_(kT=setting.kT, schedule=relaxing, readout=replace(netlist.readout, window=0.0))
        spread = idle_heat(bare, runs=IDLE_RUNS, seed=setting.seed, dt=dt, threads=threads)
        assert spread is not None
        idle = spread.mean * setting.kT
    return AtTemperature(setting.kT, right, heat, idle, method)


def _right(
    netlist: LangevinNetlist, states: np.ndarray, y: np.ndarray, codes: np.ndarray | None
) -> list[float]:
    """(n_samples,) share of runs whose own answer is right; states : (n_samples, runs, n_read)."""
    readout = netlist.readout
    assert readout is not None
    answers = states.astype(np.float64)
    if readout.scale is not None:
        answers = answers @ readout.scale.T
    if readout.offset is not None:
        answers = answers + readout.offset
    decided = np.argmax(answers, axis=2)
    if codes is not None:
        decided = codes[decided]
    return [float(v) for v in (decided == y[:, None]).mean(axis=1)]


def _mean(heat: np.ndarray) -> list[float]:
    """[mean over inferences, standard error over samples] of (n_samples, runs)."""
    each = heat.mean(axis=1)
    return [float(each.mean()), float(each.std(ddof=1) / np.sqrt(each.size))]
