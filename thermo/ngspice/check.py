"""The simulator against ngspice on the same netlist, with tolerances that are derived, not chosen.

At kT = 0 both integrate one equation; each error is at most what a step twice as long changes. With noise
they agree in distribution: means by Hotelling's T^2, variances by whitened squares, decisions by the
simulator's own frequencies, heat by its mean; all told as p-values (docs/spice.md).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.spice.deck import Deck, deck_temperatures, make_deck
from compiler.formats.spice.options import DeckOptions
from compiler.ir.langevin import Activation, LangevinNetlist
from compiler.ir.law import Law, Setting
from thermo.ngspice.run import TIMEOUT, find_ngspice, observe, run_deck
from thermo.progress import NullProgress, Progress
from thermo.simulate.errors import SimulationError
from thermo.simulate.langevin.prepare import Prepared, encode, prepare
from thermo.simulate.langevin.run import simulate_langevin

LEVEL = 0.01  # chance that two equal engines are called different, all tests together
FLOOR = 2e-6  # of the largest state: twice ngspice's relative tolerance


@dataclass(frozen=True, slots=True)
class Agreement:
    """One figure of both engines.

    ours, theirs : the figure; tolerance : what they may differ by, None where p says it
    p : chance of a difference at least as large between equal engines, None at kT = 0
    """

    name: str
    ours: float
    theirs: float
    tolerance: float | None
    p: float | None
    agrees: bool
    told: str


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
    device: Any = None,
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
    device, cells, noise_step, diode, noise, analysis : of the decks, see DeckOptions
    level : chance that equal engines are called different

    Raises UnsupportedError without ngspice and for netlists that a deck cannot express or the comparison
    does not hold for, SpiceError where ngspice does not run a deck, else as simulate.
    """
    find_ngspice(program)
    if runs < 1:
        raise SimulationError(f"runs must be at least 1, got {runs}")
    options = DeckOptions(
        device=device,
        cells=cells,
        kT=kT,
        noise_step=noise_step,
        noise=noise,
        states=True,
        diode=diode,
        analysis=analysis,
    )
    inputs = encode(netlist, data)
    prepared = prepare(netlist, inertia=True)
    hottest = deck_temperatures(netlist, options)
    hot = max(hottest) > 0
    if hot:
        _check_noisy(prepared)
    runs = runs if hot else 1
    first = make_deck(netlist, replace(options, inputs=inputs[0]))  # says what no deck expresses
    progress = progress or NullProgress()
    step = netlist.dt / 2.0 if dt is None else dt

    began = time.perf_counter()
    many = max(400, 20 * runs, 8 * prepared.read.size) if hot else 1
    # Heun's predictor passes walls, and shifts where cells rest
    walled = bool(np.isfinite(prepared.lo).any() or np.isfinite(prepared.hi).any())
    method = None if prepared.mass is not None else "euler" if walled else "heun"

    # converters are ideal in a deck
    bits = {"input_bits": "ideal", "output_bits": "ideal"}
    hardware = {} if device is None else {"device": device, **bits}

    def ours(netlist: LangevinNetlist, step: float) -> Any:
        return simulate_langevin(
            netlist, data, kT=kT, dt=step, runs=many, seed=seed, method=method, **hardware
        )

    if analysis == "op":  # both relax: ours for four times as long, and what that changes is its error
        phase = netlist.schedule[0]
        result = ours(netlist.with_(schedule=(replace(phase, duration=4.0 * phase.duration),)), step)
        coarse = ours(netlist, step)
    else:
        result = ours(netlist, step)
        coarse = None if hot else ours(netlist, 2.0 * step)
    seconds = time.perf_counter() - began

    spice = 0.0
    theirs = np.zeros((inputs.shape[0], runs, prepared.read.size))
    rough = np.zeros_like(theirs)
    heats = np.full((inputs.shape[0], runs), np.nan)
    fine = options if hot else replace(options, noise_step=_step(first) / 2.0, diode=_finer(diode))
    progress.start(inputs.shape[0] * runs, "ngspice")
    deck = None
    for s, u in enumerate(inputs):
        for r in range(runs):
            deck = make_deck(netlist, replace(fine, inputs=u, seed=1 + seed + s * runs + r))
            run = run_deck(deck, program=program, timeout=timeout)
            spice += run.seconds
            if not hot:
                other = make_deck(netlist, replace(options, inputs=u))
                again = run_deck(other, program=program, timeout=timeout)
                rough[s, r] = observe(other, again, prepared.read_as, prepared.read)[-1]
            theirs[s, r] = observe(deck, run, prepared.read_as, prepared.read)[-1]
            heats[s, r] = _heat(netlist, prepared, deck, run.states, run.time, u)
            progress.update(s * runs + r + 1)
    progress.stop()
    assert deck is not None
    outputs = result.outputs[-1].astype(np.float64)
    theirs, rough = (_beside(prepared, states, outputs) for states in (theirs, rough))
    heat = result.heat if result.heat is not None and result.heat_method == "potential" else None
    if hot:
        half = deck.step / deck.scale.time  # of a noise step
        lost = netlist.mobility * hottest[-1] * half * (1.0 + deck.excess[prepared.cells[prepared.read]])
        figures = [
            *_moments(outputs, theirs, lost if (prepared.read_as == 0).all() else np.zeros(lost.size)),
            *_noisy_decisions(netlist, outputs, theirs),
            *_noisy_heat(heat, heats),
        ]
        figures = _judged(figures, level)
    else:
        assert coarse is not None
        figures = _states(outputs, coarse.outputs[-1].astype(np.float64), theirs, rough)
        figures += _decisions(netlist, outputs, theirs, figures[0].tolerance or 0.0)
        figures += _heats(heat, coarse.heat, heats)
    return SpiceCheck(
        equal=all(f.agrees for f in figures),
        figures=tuple(figures),
        samples=inputs.shape[0],
        runs=runs,
        kT=hottest[0],
        engineered=deck.engineered,
        outputs=outputs,
        theirs=theirs,
        decided=_answers(netlist, outputs).argmax(-1) if _decides(netlist) else None,
        theirs_decided=_answers(netlist, theirs).argmax(-1) if _decides(netlist) else None,
        seconds=seconds,
        spice_seconds=spice,
    )


def _beside(prepared: Prepared, theirs: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """States with angles turned by whole turns to where ours are."""
    angle = prepared.angle[prepared.read] & (prepared.read_as == Activation.IDENTITY)
    first = ours[:, :1]
    near = first + (theirs - first + np.pi) % (2 * np.pi) - np.pi
    return np.where(angle, near, theirs)


def _step(deck: Deck) -> float:
    """A deck's noise step in the netlist's unit of time."""
    return 2.0 * deck.step / deck.scale.time


def _finer(diode: str) -> str:
    return "sharp" if diode == "ideal" else diode


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


def _heat(
    netlist: LangevinNetlist, p: Prepared, deck: Deck, states: np.ndarray, at: np.ndarray, u: np.ndarray
) -> float:
    """Heat of ngspice's path in the model's unit: what V fell by in each phase. NaN where there is no V, or a
    ramp, or a velocity.
    """
    ramps = any(q.coupling_scale[0] != q.coupling_scale[1] for q in netlist.schedule)
    if deck.end == 0 or not p.has_potential or ramps or p.mass is not None or p.factor is not None:
        return float("nan")
    law, heat, begin = Law(p), 0.0, 0.0
    for phase in netlist.schedule:
        end = begin + phase.duration * deck.scale.time
        setting = Setting(
            phase.coupling_scale[0], phase.stiffness, 0.0, law.drive(u[:, None], phase.input_scale)
        )
        ends = np.array([[np.interp(t, at, column) for t in (begin, end)] for column in states.T])
        v = [law.potential(ends[:, k : k + 1] / deck.scale.voltage, setting)[0] for k in (0, 1)]
        heat += float(v[0] - v[1])
        begin = end
    return heat / netlist.lowered.energy_scale


def _states(ours: np.ndarray, coarse: np.ndarray, theirs: np.ndarray, rough: np.ndarray) -> list[Agreement]:
    """Each engine's error is at most what a step twice as long changes (theirs: and duller walls)."""
    largest = float(np.abs(ours).max())
    errors = np.abs(ours - coarse).max(axis=(1, 2)) + np.abs(theirs - rough).max(axis=(1, 2))
    tolerance = errors + FLOOR * largest
    gap = np.abs(ours[:, :1] - theirs).max(axis=(1, 2))
    agrees, worst = bool((gap <= tolerance).all()), int(np.argmax(gap / tolerance))
    told = (
        f"largest difference {gap.max():.2g} of states up to {largest:.3g}, tolerance {tolerance[worst]:.2g} "
        "where it is closest"
    )
    theirs_largest = float(np.abs(theirs).max())
    return [Agreement("states", largest, theirs_largest, float(tolerance.max()), None, agrees, told)]


def _answers(netlist: LangevinNetlist, states: np.ndarray) -> np.ndarray:
    """(..., n_answers) of states (..., n_read)."""
    readout = netlist.readout
    if readout is None or readout.scale is None:
        return states
    answers = states @ np.asarray(readout.scale).T
    return answers if readout.offset is None else answers + readout.offset


def _decides(netlist: LangevinNetlist) -> bool:
    return netlist.readout is not None and netlist.readout.decision == "argmax"


def _decisions(
    netlist: LangevinNetlist, ours: np.ndarray, theirs: np.ndarray, tolerance: float
) -> list[Agreement]:
    if not _decides(netlist):
        return []
    a, b = _answers(netlist, ours[:, 0]), _answers(netlist, theirs[:, 0])
    same = a.argmax(axis=1) == b.argmax(axis=1)
    gain = (
        1.0
        if netlist.readout is None or netlist.readout.scale is None
        else np.abs(netlist.readout.scale).sum(1).max()
    )
    top = np.sort(a, axis=1)
    close = top[:, -1] - top[:, -2] <= 2.0 * tolerance * gain if a.shape[1] > 1 else np.ones(len(a), bool)
    n, k = same.size, int(same.sum())
    told = f"{k} of {n} the same" + (f", {int((close & ~same).sum())} of the others tied" if k < n else "")
    return [Agreement("decisions", n, k, 0.0, None, bool((same | close).all()), told)]


def _heats(heat: np.ndarray | None, coarse: np.ndarray | None, theirs: np.ndarray) -> list[Agreement]:
    if heat is None or coarse is None or not np.isfinite(theirs).all():
        return []
    tolerance = float(np.abs(heat - coarse).max()) + 10 * FLOOR * float(np.abs(heat).max())
    worst = float(np.abs(heat - theirs).max())
    told = (
        f"mean {heat.mean():.6g} and {theirs.mean():.6g}, largest difference {worst:.2g}, tolerance "
        f"{tolerance:.2g}"
    )
    return [
        Agreement("heat", float(heat.mean()), float(theirs.mean()), tolerance, None, worst <= tolerance, told)
    ]


def _moments(ours: np.ndarray, theirs: np.ndarray, lost: np.ndarray) -> list[Agreement]:
    """Means and variances of (n_samples, runs, d) states. lost : (d,) what joined noise lacks."""
    from scipy import stats  # takes a while to import

    many, runs, d = ours.shape[1], theirs.shape[1], ours.shape[2]
    ps, ratios, spreads = [], [], []
    for a, b in zip(ours, theirs, strict=True):
        mean = a.mean(axis=0)
        cov = np.atleast_2d(np.cov(a, rowvar=False)) - np.diag(lost)
        inverse = np.linalg.pinv(cov, hermitian=True)
        gap = b.mean(axis=0) - mean
        t2 = gap @ inverse @ gap / (1.0 / runs + 1.0 / many)
        ps.append(float(stats.f.sf(t2 * (many - d) / ((many - 1) * d), d, many - d)))
        unbiased = (many - d - 2) / (many - 1) / (1.0 + 1.0 / many)
        ratios.append(np.einsum("ri,ij,rj->r", b - mean, inverse, b - mean) / d * unbiased)
        spreads.append(np.einsum("ri,ij,rj->r", a - mean, inverse, a - mean).var() / d**2)
    chi2 = -2.0 * float(np.sum(np.log(np.maximum(ps, 1e-300))))
    p_means = float(stats.chi2.sf(chi2, 2 * len(ps)))
    ratio = float(np.mean(ratios))
    bar = float(np.sqrt(np.mean(spreads) / (len(ratios) * runs)))
    p_ratio = float(2.0 * stats.norm.sf(abs(ratio - 1.0) / bar))
    return [
        Agreement(
            "means",
            float(ours.mean()),
            float(theirs.mean()),
            None,
            p_means,
            True,
            f"p {p_means:.3g} of {len(ps) * d} means (Hotelling's T^2 a sample, Fisher's sum)",
        ),
        Agreement(
            "variances", 1.0, ratio, None, p_ratio, True, f"ratio {ratio:.3f} +- {bar:.3f}, p {p_ratio:.3g}"
        ),
    ]


def _noisy_decisions(netlist: LangevinNetlist, ours: np.ndarray, theirs: np.ndarray) -> list[Agreement]:
    if not _decides(netlist):
        return []
    from scipy import stats

    a, b = _answers(netlist, ours).argmax(-1), _answers(netlist, theirs).argmax(-1)
    runs, many = b.shape[1], a.shape[1]
    usual = np.array([np.bincount(row).argmax() for row in a])
    share = (a == usual[:, None]).mean(axis=1)
    wanted, found = float(runs * share.sum()), int((b == usual[:, None]).sum())
    # a share of 1 among `many` runs may be 1 / many below it
    variance = float(np.sum(runs * np.maximum(share * (1 - share), 1.0 / many) * (1 + runs / many)))
    p = float(2.0 * stats.norm.sf(abs(found - wanted) / np.sqrt(variance)))
    told = f"{found} of {b.size} as most of ours, {wanted:.1f} expected, p {p:.3g}"
    return [Agreement("decisions", wanted, found, None, p, True, told)]


def _noisy_heat(heat: np.ndarray | None, theirs: np.ndarray) -> list[Agreement]:
    if heat is None or not np.isfinite(theirs).all() or theirs.shape[1] < 2:
        return []
    from scipy import stats

    gap = theirs.mean(axis=1) - heat.mean(axis=1)
    error = np.sqrt(
        np.mean(theirs.var(axis=1, ddof=1) / theirs.shape[1] + heat.var(axis=1) / heat.shape[1]) / gap.size
    )
    dof = theirs.size - theirs.shape[0]
    p = float(2.0 * stats.t.sf(abs(gap.mean()) / error, dof))
    told = f"mean {heat.mean():.5g} and {theirs.mean():.5g} +- {error:.2g}, p {p:.3g}"
    return [Agreement("heat", float(heat.mean()), float(theirs.mean()), None, p, True, told)]


def _judged(figures: list[Agreement], level: float) -> list[Agreement]:
    """Every p held against its share of the level."""
    return [replace(f, agrees=f.p is None or f.p >= level / len(figures)) for f in figures]
