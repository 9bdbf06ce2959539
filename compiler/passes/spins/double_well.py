"""p-bits as continuous cells in double wells: U = a (x^2 - 1)^2, whose sign is the bit.

Without field, escapes from a well follow Kramers' law in its overdamped limit (H. A. Kramers,
Physica 7 (1940) 284; Haenggi, Talkner and Borkovec, Rev. Mod. Phys. 62 (1990) 251)

    k = mobility sqrt(U''(1) |U''(0)|) / (2 pi) e^(-a / kT) = 2 sqrt(2) mobility a / pi e^(-a / kT)

with U''(1) = 8 a, U''(0) = -4 a: the leading term for a >> kT. `escape_rate` is exact; Kramers' law
lies above it by 19 % at a = 3 kT, 11 % at 5 kT, 6 % at 8 kT. A cell at rate k forgets its sign as
e^(-2 k t), a p-bit as e^(-t) in t sweeps: one sweep is the time 1 / (2 k).

The signs do not follow e^(-E / kT) exactly: |x| is not 1 but spread by kT / (8 a), and larger along
the force. To first order in kT / a, h counts m = <|x|> times and J m^2 times; any two neighbours of
a cell are coupled by v (J^2)_jk / kT, v = var |x|, and fields v J h / kT arise. All this is taken
off beforehand, as far as there are couplings to change; what is left is the floor.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import CellKind, Cells, LangevinNetlist
from compiler.ir.lowered import Wells
from compiler.ir.symmetry import matrix
from compiler.passes.spins.model import logical_model, remember, spin_couplings

BARRIER = 4.0  # default, in kT
LOWEST, HIGHEST = 2.0, 30.0  # barriers in kT between which Kramers' law is used
STIFFEST = 0.05  # mobility * curvature * dt of the default time step
MOST_CELLS = 3  # of the quadrature of sign marginals


def kramers_rate(a: float, kT: float, mobility: float = 1.0) -> float:
    """Escapes from one well per unit of time, leading order in kT / a."""
    return 2 * math.sqrt(2) * mobility * a / math.pi * math.exp(-a / kT)


def escape_rate(a: float, kT: float, mobility: float = 1.0) -> float:
    """1 / mean time from x = -1 to x = +1, exact: the integral of the mean first-passage time

    T = 1 / (mobility kT) int_-1^1 dy e^(U(y) / kT) int_-inf^y dz e^(-U(z) / kT).
    """
    from scipy.integrate import quad

    b = a / kT

    def inner(y: float) -> float:
        below = quad(lambda z: math.exp(-b * (z * z - 1) ** 2), -3.0, y, points=[-1.0])[0]
        return math.exp(b * (y * y - 1) ** 2) * below

    return mobility * kT / quad(inner, -1.0, 1.0, points=[0.0], epsabs=0.0)[0]


def barrier_for_rate(rate: float, kT: float, mobility: float = 1.0) -> float:
    """The barrier a at which Kramers' law gives this rate: a = -kT W_-1(-pi rate / (2^1.5 mu kT)).

    Raises UnsupportedError where the barrier would lie outside 2 to 30 kT.
    """
    from scipy.special import lambertw

    low, high = (kramers_rate(b * kT, kT, mobility) for b in (HIGHEST, LOWEST))
    if not (math.isfinite(rate) and low <= rate <= high):
        raise UnsupportedError(
            f"flip rate {rate:g} needs a barrier outside {LOWEST:g} to {HIGHEST:g} kT, where "
            f"Kramers' law is used; at kT = {kT:g} and mobility {mobility:g} choose one from "
            f"{low:.3g} to {high:.3g}"
        )
    branch = lambertw(-math.pi * rate / (2 * math.sqrt(2) * mobility * kT), -1)
    return float(-kT * branch.real)


def well_moments(a: float, kT: float) -> tuple[float, float]:
    """Mean and variance of |x| in U = a (x^2 - 1)^2 at kT."""
    from scipy.integrate import quad

    b = a / kT
    moments = [
        quad(lambda x, k=k: x**k * math.exp(-b * (x * x - 1) ** 2), 0.0, 4.0, points=[1.0])[0]
        for k in range(3)
    ]
    mean = moments[1] / moments[0]
    return mean, moments[2] / moments[0] - mean**2


def reference_kT(netlist: LangevinNetlist) -> float:
    """Temperature for which wells are made: of a ramp the geometric mean of its ends, else kT."""
    for phase in netlist.schedule[::-1]:
        if phase.kT is not None and max(phase.kT) > 0:
            hot, cold = max(phase.kT), min(phase.kT)
            return math.sqrt(hot * max(cold, 0.01 * hot))
    return netlist.kT


def double_wells(
    netlist: LangevinNetlist,
    *,
    barrier: float | None = None,
    flip_rate: float | None = None,
    compensate: bool = True,
) -> LangevinNetlist:
    """The Ising netlist with a continuous bistable cell for every p-bit. Not exact: see above.

    barrier : a in units of `reference_kT`, 2 to 30; default 4
    flip_rate : or: wanted escapes of a cell without field per unit of time at mobility 1
    compensate : take off what the finite barrier adds to first order

    Phases last as many times 1 / (2 k) as they had sweeps; the time step resolves the wells'
    curvature. `lowered.wells` holds barrier, rates and the time of a sweep.

    Raises UnsupportedError for what is no Ising model, a kT of 0, both or bad options.
    """
    h, edges, J = logical_model(netlist)
    kT = reference_kT(netlist)
    if kT <= 0:
        raise UnsupportedError("double wells flip by thermal noise; give the netlist a kT above 0")
    if barrier is not None and flip_rate is not None:
        raise UnsupportedError("a barrier and a flip rate are two ways to say one; give one")
    if flip_rate is not None:
        a = barrier_for_rate(flip_rate, kT)
    else:
        height = BARRIER if barrier is None else barrier
        if not (math.isfinite(height) and LOWEST <= height <= HIGHEST):
            raise UnsupportedError(
                f"a barrier must be from {LOWEST:g} to {HIGHEST:g} kT, where Kramers' law is used, "
                f"got {height:g}"
            )
        a = height * kT
    if compensate:
        h, J = _compensated(h, edges, J, a, kT)
    rate = kramers_rate(a, kT)
    couplings = spin_couplings(h.size, edges[:, 0], edges[:, 1], J)
    pull = max((float(np.abs(matrix(c)).sum(axis=1).max()) for c in couplings), default=0.0)
    dt = 2.0 ** math.floor(math.log2(STIFFEST / (8 * a + pull)))
    sweep = math.ceil(0.5 / rate / dt) * dt
    cells = Cells.make(h.size, j2=-2 * a, j4=a, h=h, x0=netlist.cells.x0, kind=CellKind.CONTINUOUS)
    unit = netlist.lowered.energy_scale
    made = Wells(a / unit, a / kT, kT / unit, rate, escape_rate(a, kT), sweep, compensate)
    wells = netlist.with_(
        cells=cells,
        couplings=couplings,
        mobility=1.0,
        schedule=tuple(
            replace(p, duration=max(1, round(p.duration / netlist.dt)) * sweep) for p in netlist.schedule
        ),
        dt=dt,
        lowered=netlist.lowered.with_(wells=made),
    )
    return remember(wells, netlist)


def _compensated(
    h: np.ndarray, edges: np.ndarray, J: np.ndarray, a: float, kT: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fields and couplings whose signs follow h and J to first order in kT / a."""
    mean, variance = well_moments(a, kT)
    groups = spin_couplings(h.size, edges[:, 0], edges[:, 1], J)
    if not groups:
        return h / mean, J
    w = matrix(groups[0])
    extra = variance / kT
    squares = np.asarray((w @ w)[edges[:, 0], edges[:, 1]]).ravel()
    return (h - extra * (w @ h)) / mean, (J - extra * squares) / mean**2


def sign_marginal(netlist: LangevinNetlist, *, points: int = 80) -> np.ndarray:
    """(2^n,) probabilities of the signs under exp(-V / kT), by quadrature, for up to 3 cells.

    State k has x_i > 0 where bit i of k is set. Gauss-Legendre nodes on each half axis, up
    to |x| = 2.6: the integrand is analytic, so that 80 nodes leave errors below 1e-9.

    Raises UnsupportedError for more cells or a netlist that is not of double wells.
    """
    cells, n = netlist.cells, netlist.n_cells
    if not 1 <= n <= MOST_CELLS or (cells.j4 <= 0).any() or (cells.kind != 0).any():
        raise UnsupportedError(
            f"sign marginals by quadrature take 1 to {MOST_CELLS} quartic cells, got {n} cells"
        )
    node, weight = np.polynomial.legendre.leggauss(points)
    reach = 2.6
    half = (node + 1) / 2 * reach
    x = np.concatenate([-half[::-1], half])
    own = [
        -(cells.j2[i] * x**2 + cells.j3[i] * x**3 + cells.j4[i] * x**4 - cells.h[i] * x)
        + np.log(np.concatenate([weight[::-1], weight])) * netlist.kT
        for i in range(n)
    ]
    w = sum((matrix(c).toarray() for c in netlist.couplings), np.zeros((n, n)))
    total = np.zeros((1,) * n)
    for i in range(n):
        shape = [1] * n
        shape[i] = x.size
        total = total + own[i].reshape(shape)
        for j in range(i):
            other = [1] * n
            other[j] = x.size
            total = total + w[i, j] * x.reshape(shape) * x.reshape(other)
    density = np.exp((total - total.max()) / netlist.kT)
    for axis in range(n):  # sum the two halves of each axis
        density = density.reshape(*density.shape[:axis], 2, x.size // 2, *density.shape[axis + 1 :]).sum(
            axis=axis + 1
        )
    density = density.transpose(range(n)[::-1])  # bit 0 is the last axis
    return density.ravel() / density.sum()
