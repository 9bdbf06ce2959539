"""The simulator against ngspice on the same netlist: decks of every sample run, and every figure compared
(thermo.ngspice.figures).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.spice.deck import deck_temperatures, make_deck
from compiler.formats.spice.diodes import SWING, rests_of
from compiler.formats.spice.options import DeckOptions
from compiler.ir.langevin import Activation, LangevinNetlist
from hw_models.converters import Lines, input_lines, output_lines
from hw_models.device import Device
from thermo.ngspice.decks import Case, Decks, run_decks
from thermo.ngspice.figures import (
    FLOOR,
    Agreement,
    answers,
    decides,
    decisions,
    heats,
    judged,
    moments,
    noisy_decisions,
    noisy_heat,
    read_levels,
    states,
)
from thermo.ngspice.heat import way_of_heat
from thermo.ngspice.run import TIMEOUT, find_ngspice
from thermo.progress import NullProgress, Progress
from thermo.simulate.device import one_device
from thermo.simulate.errors import SimulationError
from thermo.simulate.langevin.conversion import Span, decoded, input_range, output_range
from thermo.simulate.langevin.prepare import Prepared, encode, prepare
from thermo.simulate.langevin.run import simulate_langevin
from thermo.simulate.langevin.wiring import device_units

LEVEL = 0.01  # chance that two equal engines are called different, all tests together


@dataclass(frozen=True, slots=True, eq=False)
class SpiceCheck:
    """equal : whether every figure agrees; figures : each of them
    samples, runs : decks run; kT; engineered : kinds of cells whose noise is engineered
    outputs, theirs : (n_samples, runs, n_read) states, ours with more runs where there is noise
    decided, theirs_decided : (n_samples, runs) classes, None where the netlist decides none
    seconds, spice_seconds : wall time of all runs of each
    """

    equal: bool
    figures: tuple[Agreement, ...]
    samples: int
    runs: int
    kT: float
    engineered: tuple[str, ...]
    outputs: np.ndarray
    theirs: np.ndarray
    decided: np.ndarray | None
    theirs_decided: np.ndarray | None
    seconds: float
    spice_seconds: float


def check_with_ngspice(
    netlist: LangevinNetlist,
    data: np.ndarray | None = None,
    *,
    runs: int = 8,
    seed: int = 0,
    kT: float | None = None,
    dt: float | None = None,
    device: Device | None = None,
    device_seed: int = 0,
    at: Any = None,
    cells: str = "force",
    noise_step: float | None = None,
    diode: str = "ideal",
    noise: str = "tables",
    analysis: str = "tran",
    level: float = LEVEL,
    timeout: float = TIMEOUT,
    program: str | None = None,
    progress: Progress | None = None,
) -> SpiceCheck:
    """Run decks of every sample, `runs` noise seeds each (one at kT = 0), and compare with the simulator.

    data : as of simulate; dt : of the simulator, default half the netlist's
    device : of both; its converters are ideal quantisers of both, over the range of these data and of the
        middle of what the simulator reads; its couplings are those of the one that device_seed draws, `at` a
        time since it was programmed
    cells, noise_step, diode, noise, analysis : of the decks, see DeckOptions
    level : chance that equal engines are called different

    Raises UnsupportedError without ngspice and for netlists that a deck cannot express or the comparison
    does not hold for, SpiceError where ngspice does not run a deck, else as simulate.
    """
    find_ngspice(program)
    if runs < 1:
        raise SimulationError(f"runs must be at least 1, got {runs}")
    if device is not None:
        netlist, device = one_device(netlist, device, device_seed, at)
    exact = encode(netlist, data)
    drivers = None if data is None else _converters(device, "input", exact, input_range)
    inputs = exact if drivers is None else drivers.rounded(exact)
    options = DeckOptions(
        device=device,
        cells=cells,
        kT=kT,
        noise_step=noise_step,
        noise=noise,
        states=True,
        diode=diode,
        analysis=analysis,
        input_range=None if drivers is None else (drivers.lo, drivers.hi),
        rests=rests_of(netlist, inputs) if diode in SWING else None,
    )
    prepared = prepare(netlist, inertia=True, device=device)
    hottest = deck_temperatures(netlist, options)
    hot = max(hottest) > 0
    if hot:
        _check_noisy(prepared)
    make_deck(netlist, replace(options, inputs=inputs[0]))  # says what no deck expresses
    given = None if data is None else decoded(netlist, inputs)
    case = Case(netlist, prepared, options, inputs, given, runs if hot else 1, seed, hot)
    ours = _simulated(case, netlist.dt / 2.0 if dt is None else dt, device)
    readers = _converters(device, "output", ours.outputs, output_range)
    if readers is not None:
        case = replace(case, options=replace(options, output_range=(readers.lo, readers.hi)), readers=readers)
    theirs = run_decks(case, timeout, program, progress or NullProgress())
    states, rough = (_beside(prepared, found, ours.outputs) for found in (theirs.states, theirs.rough))
    theirs = replace(theirs, states=states, rough=rough)
    joules = None
    if device is not None:
        joules = device_units(netlist, device).energy * netlist.lowered.energy_scale
    figures = (
        _noisy(case, ours, theirs, hottest[-1], joules, level)
        if hot
        else _settled(case, ours, theirs, joules)
    )
    decided = decides(netlist)
    return SpiceCheck(
        equal=all(f.agrees for f in figures),
        figures=tuple(figures),
        samples=inputs.shape[0],
        runs=case.runs,
        kT=hottest[0],
        engineered=theirs.deck.engineered,
        outputs=ours.outputs,
        theirs=theirs.states,
        decided=answers(netlist, ours.read(readers)).argmax(-1) if decided else None,
        theirs_decided=answers(netlist, theirs.read(readers)).argmax(-1) if decided else None,
        seconds=ours.seconds,
        spice_seconds=theirs.seconds,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Ours:
    """What the simulator said, and with a coarser step or a shorter time.

    outputs, coarse : (n_samples, runs, n_read) states at the end; heat, coarse_heat : (n_samples, runs) or
    None; seconds : wall time
    """

    outputs: np.ndarray
    coarse: np.ndarray
    heat: np.ndarray | None
    coarse_heat: np.ndarray | None
    seconds: float

    def read(self, readers: Lines | None) -> np.ndarray:
        return self.outputs if readers is None else readers.rounded(self.outputs)


def _simulated(case: Case, step: float, device: Device | None) -> _Ours:
    netlist, prepared = case.netlist, case.prepared
    many = max(400, 20 * case.runs, 8 * prepared.read.size) if case.hot else 1
    way = way_of_heat(netlist, prepared)
    # converters of the simulator's own have noise and offsets; here both engines have the same levels
    hardware: dict[str, Any] = {}
    if device is not None:
        hardware = {"device": device, "input_bits": "ideal", "output_bits": "ideal"}

    def run(netlist: LangevinNetlist, step: float) -> Any:
        return simulate_langevin(
            netlist,
            case.given,
            kT=case.options.kT,
            dt=step,
            runs=many,
            seed=case.seed,
            method=None if prepared.mass is not None else "heun",
            heat=way != "none",
            heat_method=way if way != "none" else "auto",
            **hardware,
        )

    began = time.perf_counter()
    if case.options.analysis == "op":  # both relax: ours four times as long; what that changes is its error
        phase = netlist.schedule[0]
        result = run(netlist.with_(schedule=(replace(phase, duration=4.0 * phase.duration),)), step)
        coarse = run(netlist, step)
    else:
        result = run(netlist, step)
        coarse = run(netlist, 2.0 * step)
    seconds = time.perf_counter() - began
    outputs, rough = (r.outputs[-1].astype(np.float64) for r in (result, coarse))
    return _Ours(outputs, rough, result.heat, coarse.heat, seconds)


def _noisy(
    case: Case, ours: _Ours, theirs: Decks, kT: float, joules: float | None, level: float
) -> list[Agreement]:
    """Figures of two engines with noise; what a deck's noise step loses is put back."""
    netlist, prepared, deck = case.netlist, case.prepared, theirs.deck
    half = deck.step / deck.scale.time  # of a noise step
    lost = netlist.mobility * kT * half * deck.noise[np.ix_(prepared.read, prepared.read)]
    put_back = np.sqrt(deck.restored[prepared.read])
    if not (prepared.read_as == 0).all():  # nothing is known of what functions of states lose
        lost, put_back = np.zeros_like(lost), np.ones_like(put_back)
    off = 2 * _NOISY * float(np.abs(theirs.states).max())
    figures = [
        *moments(ours.outputs, theirs.states, lost, put_back),
        *read_levels(case.readers, theirs.states, theirs.levels, off),
        *noisy_decisions(netlist, ours.read(case.readers), theirs.read(case.readers)),
        *noisy_heat(ours.heat, ours.coarse_heat, theirs.heat, joules),
    ]
    return judged(figures, level)


def _settled(case: Case, ours: _Ours, theirs: Decks, joules: float | None) -> list[Agreement]:
    """Figures of two engines at kT = 0, each with what its own error allows."""
    figures = states(ours.outputs, ours.coarse, theirs.states, theirs.rough)
    off = figures[0].tolerance or 0.0
    floor = FLOOR * float(np.abs(theirs.states).max())
    uncertain = _uncertain(ours.outputs[:, 0], off, case.readers)
    figures += read_levels(case.readers, theirs.states, theirs.levels, floor)
    figures += decisions(case.netlist, ours.read(case.readers), theirs.read(case.readers), uncertain)
    figures += heats(ours.heat, ours.coarse_heat, theirs.heat, theirs.rough_heat, joules)
    return figures


_NOISY = 1e-4  # ngspice's relative tolerance with noise


def _converters(device: Device | None, side: str, values: np.ndarray, span: Any) -> Lines | None:
    """Ideal quantisers of the device's converters on one side, over the range of these values."""
    converter = getattr(device, f"{side}_converter", None)
    if converter is None:
        return None
    found: Span = span(values)
    return (input_lines if side == "input" else output_lines)(converter, found, 0, np.zeros(0, np.int64))


def _uncertain(states: np.ndarray, off: float, lines: Lines | None) -> np.ndarray:
    """What reads of states that are off by at most `off` are off by."""
    if lines is None:
        return np.full_like(states, off)
    return np.asarray(lines.rounded(states + off) - lines.rounded(states - off))


def _beside(prepared: Prepared, theirs: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """States with angles turned by whole turns to where ours are."""
    angle = prepared.angle[prepared.read] & (prepared.read_as == Activation.IDENTITY)
    first = ours[:, :1]
    near = first + (theirs - first + np.pi) % (2 * np.pi) - np.pi
    return np.where(angle, near, theirs)


def _check_noisy(prepared: Prepared) -> None:
    if (prepared.angle[prepared.read] & (prepared.read_as == Activation.IDENTITY)).any():
        raise UnsupportedError(
            "the read cells are angles, which with noise have no mean or variance modulo a turn: compare at "
            "kT = 0 (--kT 0)"
        )
    walled = np.isfinite(prepared.lo) | np.isfinite(prepared.hi)
    if walled.any():
        raise UnsupportedError(
            f"cell {prepared.cells[np.argmax(walled)]} is kept in an interval, and with noise the "
            "simulator's clipping at its ends errs by the square root of dt, which no tolerance here covers: "
            "compare at kT = 0 (--kT 0)"
        )
