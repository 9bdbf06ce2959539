"""One figure of both engines at a time, with a tolerance that is derived, not chosen.

At kT = 0 both integrate one equation; each error is at most what a step twice as long changes. With noise
they agree in distribution: means by Hotelling's T^2, variances by whitened squares, decisions by the
simulator's own frequencies, heat by its mean; all told as p-values (docs/spice.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from compiler.ir.langevin import LangevinNetlist
from hw_models.converters import Lines

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


def states(ours: np.ndarray, coarse: np.ndarray, theirs: np.ndarray, rough: np.ndarray) -> list[Agreement]:
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


def answers(netlist: LangevinNetlist, states: np.ndarray) -> np.ndarray:
    """(..., n_answers) of states (..., n_read)."""
    readout = netlist.readout
    if readout is None or readout.scale is None:
        return states
    answers = states @ np.asarray(readout.scale).T
    return answers if readout.offset is None else answers + readout.offset


def decides(netlist: LangevinNetlist) -> bool:
    return netlist.readout is not None and netlist.readout.decision == "argmax"


def decisions(
    netlist: LangevinNetlist, ours: np.ndarray, theirs: np.ndarray, spread: np.ndarray
) -> list[Agreement]:
    """Without noise: the same, but where the answers are tied within what is read may be off by, `spread`
    (n_samples, n_read).
    """
    if not decides(netlist):
        return []
    a, b = answers(netlist, ours[:, 0]), answers(netlist, theirs[:, 0])
    scale = None if netlist.readout is None else netlist.readout.scale
    off = spread if scale is None else spread @ np.abs(np.asarray(scale)).T
    theirs_class, same = b.argmax(axis=1), a.argmax(axis=1) == b.argmax(axis=1)
    rows = np.arange(len(a))
    rivals = a - off
    rivals[rows, theirs_class] = -np.inf
    tied = (a + off)[rows, theirs_class] >= rivals.max(axis=1) if a.shape[1] > 1 else np.ones(len(a), bool)
    n, k = same.size, int(same.sum())
    told = f"{k} of {n} the same" + (f", {int((tied & ~same).sum())} of the others tied" if k < n else "")
    return [Agreement("decisions", n, k, 0.0, None, bool((same | tied).all()), told)]


def read_levels(
    lines: Lines | None, states: np.ndarray, levels: np.ndarray, within: float
) -> list[Agreement]:
    """Levels of the decks' converters against the nearest to their own states, both (..., n_read)."""
    if lines is None:
        return []
    same = np.abs(lines.rounded(states) - levels) < 1e-3 * lines.step
    edge = np.abs(lines.rounded(states - within) - lines.rounded(states + within)) > 0.5 * lines.step
    k, n = int(same.sum()), same.size
    told = f"{k} of {n} read-outs at the nearest of {lines.levels} levels" + (
        f", {int((edge & ~same).sum())} of the others between two" if k < n else ""
    )
    return [Agreement("levels", n, k, 0.0, None, bool((same | edge).all()), told)]


def heats(
    heat: np.ndarray | None,
    coarse: np.ndarray | None,
    theirs: np.ndarray,
    rough: np.ndarray,
    joules: float | None,
) -> list[Agreement]:
    """Heat without noise, each engine's error at most what a step twice as long changes; theirs, rough :
    (n_samples, 1) with ngspice's own and twice its step; joules : J of the model's unit, None: no device
    """
    if heat is None or coarse is None or not np.isfinite(theirs).all():
        return []
    tolerance = float(np.abs(heat - coarse).max()) + float(np.abs(theirs - rough).max())
    tolerance += 10 * FLOOR * float(np.abs(heat).max())
    worst = float(np.abs(heat - theirs).max())
    told = (
        f"mean {_energy(heat, joules)} and {_energy(theirs, joules)}, largest difference "
        f"{worst * (joules or 1.0):.2g}, tolerance {tolerance * (joules or 1.0):.2g}"
    )
    return [_energies(heat, theirs, tolerance, None, worst <= tolerance, told, joules)]


def moments(
    ours: np.ndarray, theirs: np.ndarray, lost: np.ndarray, put_back: np.ndarray | float = 1.0
) -> list[Agreement]:
    """Means and variances of (n_samples, runs, d) states. lost : (d, d) covariance that joined noise lacks;
    put_back : (d,) by what its samples are larger
    """
    from scipy import stats  # takes a while to import

    many, runs, d = ours.shape[1], theirs.shape[1], ours.shape[2]
    ps, ratios, spreads = [], [], []
    for a, b in zip(ours, theirs, strict=True):
        mean = a.mean(axis=0)
        size = np.ones(d) * put_back
        cov = (np.atleast_2d(np.cov(a, rowvar=False)) - lost) * np.outer(size, size)
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


def noisy_decisions(netlist: LangevinNetlist, ours: np.ndarray, theirs: np.ndarray) -> list[Agreement]:
    if not decides(netlist):
        return []
    from scipy import stats

    a, b = answers(netlist, ours).argmax(-1), answers(netlist, theirs).argmax(-1)
    runs, many = b.shape[1], a.shape[1]
    usual = np.array([np.bincount(row).argmax() for row in a])
    share = (a == usual[:, None]).mean(axis=1)
    wanted, found = float(runs * share.sum()), int((b == usual[:, None]).sum())
    # a share of 1 among `many` runs may be 1 / many below it
    variance = float(np.sum(runs * np.maximum(share * (1 - share), 1.0 / many) * (1 + runs / many)))
    p = float(2.0 * stats.norm.sf(abs(found - wanted) / np.sqrt(variance)))
    told = f"{found} of {b.size} as most of ours, {wanted:.1f} expected, p {p:.3g}"
    return [Agreement("decisions", wanted, found, None, p, True, told)]


def noisy_heat(
    heat: np.ndarray | None, coarse: np.ndarray | None, theirs: np.ndarray, joules: float | None
) -> list[Agreement]:
    """Mean heat with noise; what a step twice as long changes of ours is taken off the difference."""
    if heat is None or coarse is None or not np.isfinite(theirs).all() or theirs.shape[1] < 2:
        return []
    from scipy import stats

    gap = float((theirs.mean(axis=1) - heat.mean(axis=1)).mean())
    samples = theirs.shape[0]
    error = np.sqrt(
        np.mean(theirs.var(axis=1, ddof=1) / theirs.shape[1] + heat.var(axis=1) / heat.shape[1]) / samples
    )
    steps = abs(float(heat.mean() - coarse.mean()))
    dof = theirs.size - samples
    p = float(2.0 * stats.t.sf(max(abs(gap) - steps, 0.0) / error, dof))
    told = (
        f"mean {_energy(heat, joules)} and {_energy(theirs, joules)} +- {error * (joules or 1.0):.2g}, "
        f"p {p:.3g}"
    )
    return [_energies(heat, theirs, None, p, True, told, joules)]


def _energy(heat: np.ndarray, joules: float | None) -> str:
    return f"{heat.mean():.6g}" if joules is None else f"{heat.mean() * joules:.6g} J"


def _energies(
    heat: np.ndarray,
    theirs: np.ndarray,
    tolerance: float | None,
    p: float | None,
    agrees: bool,
    told: str,
    joules: float | None,
) -> Agreement:
    unit = 1.0 if joules is None else joules
    ours, other = (float(of.mean()) * unit for of in (heat, theirs))
    name = "heat" if joules is None else "joules"
    return Agreement(name, ours, other, None if tolerance is None else tolerance * unit, p, agrees, told)


def judged(figures: list[Agreement], level: float) -> list[Agreement]:
    """Every p held against its share of the level."""
    return [replace(f, agrees=f.p is None or f.p >= level / len(figures)) for f in figures]
