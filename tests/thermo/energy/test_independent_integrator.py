"""Heat, work and entropy against an integrator that shares nothing with the simulator.

The other one is float64 NumPy with NumPy's random numbers, forces and energies written out by hand, and
another scheme: half a step of the drift by the classical Runge-Kutta rule, the whole noise, half a step of
drift (Strang splitting, weak order two). Compared are means and spreads; their errors are derived:
var(mean) = s^2 / N, var(s^2) = (m4 - s^4) / N. |z| < 3.5 for 20 numbers: chance alone breaks this once in a
hundred seeds. The simulator is run by Heun's scheme, of weak order two as well, with another step.
"""

import numpy as np
import pytest

from compiler.ir.langevin import Activation, Cells, CouplingKind, Couplings, LangevinNetlist, Phase, Role
from thermo.simulate import simulate

RUNS = 20_000
LIMIT = 3.5


class Machine:
    """n cells J2 x^2 + J3 x^3 + J4 x^4 - h x with forces w phi(x) among them and w_in from an input at 1."""

    def __init__(self, w, w_in, h, phases, j2=1.0, j3=0.0, j4=1.0, show=None):
        self.w, self.w_in, self.h = (np.array(v, float) for v in (w, w_in, h))
        self.phases, self.j2, self.j3, self.j4, self.show = phases, j2, j3, j4, show

    @property
    def netlist(self):
        n = self.h.size
        full = np.zeros((n + 1, n + 1))
        full[:n, :n], full[:n, n] = self.w, self.w_in
        own = {k: [v] * n + [0.0] for k, v in (("j2", self.j2), ("j3", self.j3), ("j4", self.j4))}
        cells = Cells.make(
            n + 1,
            **own,
            h=[*self.h, 0.0],
            x0=[0.0] * n + [1.0],
            role=[Role.DYNAMIC] * n + [Role.INPUT],
            activation=[Activation.IDENTITY if self.show is None else Activation.TANH] * n + [0],
        )
        couplings = (Couplings.from_dense(CouplingKind.LINEAR, full),)
        return LangevinNetlist(cells, couplings, 1.0, 1.0, self.phases, dt=2e-3)

    def force(self, x, s, u, kappa):
        shown = x if self.show is None else self.show(x)
        own = -2 * self.j2 * x - 3 * self.j3 * x**2 - 4 * self.j4 * x**3 - kappa * x + self.h
        return own + s * (shown @ self.w.T + u * self.w_in)

    def energy(self, x, s, u, kappa):
        own = self.j2 * x**2 + self.j3 * x**3 + self.j4 * x**4 + kappa / 2 * x**2 - self.h * x
        return own.sum(axis=1) - s * (0.5 * np.einsum("ri,ij,rj->r", x, self.w, x) + u * x @ self.w_in)

    def run(self, seed, dt=2.5e-3, ito=False):
        """Heat along the path, work (0 without a potential) and entropy of RUNS runs."""
        rng = np.random.default_rng(seed)
        x = np.zeros((RUNS, self.h.size))
        heat, work, entropy = np.zeros(RUNS), np.zeros(RUNS), np.zeros(RUNS)
        gradient = self.show is None and np.allclose(self.w, self.w.T)
        before = (self.phases[0].coupling_scale[0], 0.0, 0.0)
        for phase in self.phases:
            steps, (s0, s1) = round(phase.duration / dt), phase.coupling_scale
            hot, cold = phase.kT or (1.0, 1.0)
            u, kappa = phase.input_scale, phase.stiffness

            def drift(x, s, time, u=u, kappa=kappa):
                k1 = self.force(x, s, u, kappa)
                k2 = self.force(x + time / 2 * k1, s, u, kappa)
                k3 = self.force(x + time / 2 * k2, s, u, kappa)
                k4 = self.force(x + time * k3, s, u, kappa)
                return x + time / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

            if gradient:
                work += self.energy(x, s0, u, kappa) - self.energy(x, *before)
            for k in range(steps):
                s, kT = (a + (b - a) * (k + 0.5) / steps for a, b in ((s0, s1), (hot, cold)))
                new = drift(x, s, dt / 2) + np.sqrt(2 * kT * dt) * rng.standard_normal(x.shape)
                new = drift(new, s, dt / 2)
                f = self.force(x, s, u, kappa)
                if gradient and not ito:
                    given = self.energy(x, s, u, kappa) - self.energy(new, s, u, kappa)
                else:
                    mean = f if ito else 0.5 * (f + self.force(new, s, u, kappa))
                    given = (mean * (new - x)).sum(axis=1)
                if gradient:  # the scale moves half before the step and half after, at fixed x
                    d = (s1 - s0) / steps / 2
                    for y, sign in ((x, s - d), (new, s)):
                        work += self.energy(y, sign + d, u, kappa) - self.energy(y, sign, u, kappa)
                heat += given
                entropy += given / kT
                x = new
            before = (s1, u, kappa)
        return heat, work, entropy


PUSHED = Machine(
    [[0.0]], [3.0], [0.4], (Phase("push", 0.3), Phase("well", 0.2, input_scale=0.0, stiffness=6.0)), j3=0.3
)
JOINED = Machine(
    [[0, 1.2, -0.7], [1.2, 0, 0.9], [-0.7, 0.9, 0]],
    [1.0, 0.0, -2.0],
    [0.2, 0.0, -0.3],
    (Phase("join", 0.4, coupling_scale=(0.0, 1.5)), Phase("rest", 0.1, coupling_scale=(1.5, 1.5))),
)
COOLED = Machine(
    [[0, 1.5], [1.5, 0]],
    [0.5, 0.0],
    [0.3, -0.2],
    (Phase("warm", 0.2), Phase("cool", 0.4, kT=(1.0, 0.25))),
    j2=-1.0,
)
TURNING = Machine(
    [[0, 2.5, 0], [-1.5, 0, 1.0], [0.5, 0, 0]],
    [1.0, 0.0, 0.0],
    [0.0, 0.3, 0.0],
    (Phase("turn", 0.4), Phase("hot", 0.2, kT=(1.0, 2.0))),
    show=np.tanh,
)
MACHINES = {"pushed": PUSHED, "joined": JOINED, "cooled": COOLED, "turning": TURNING}


def z_scores(a, b):
    """Of the difference of means, and of variances, of two independent samples."""
    mean = (a.mean() - b.mean()) / np.sqrt(a.var() / a.size + b.var() / b.size)
    m4 = [np.mean((v - v.mean()) ** 4) for v in (a, b)]
    errors = [(m - v.var() ** 2) / v.size for m, v in zip(m4, (a, b), strict=True)]
    return mean, (a.var() - b.var()) / np.sqrt(sum(errors))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "pushed" else pytest.mark.slow) for name in MACHINES]
)
def test_means_and_spreads_agree(name):
    machine = MACHINES[name]
    found = simulate(machine.netlist, None, runs=RUNS, seed=5, method="heun")
    heat, work, entropy = machine.run(11)
    pairs = {"heat": (found.heat, heat), "entropy": (found.entropy, entropy)}
    if name in ("pushed", "joined"):  # in the others nothing is switched, or work is not defined
        pairs["work"] = (found.work.sum(axis=0), work)
    assert (found.work is None) == (name == "turning")
    assert name != "cooled" or not (found.work.any() or work.any())
    for what, (ours, theirs) in pairs.items():
        ours = ours.ravel()
        for moment, z in zip(("mean", "spread"), z_scores(ours, theirs), strict=True):
            assert abs(z) < LIMIT, f"{what}, {moment}: z = {z:.2f}"


FIRST, *OTHERS = MACHINES


@pytest.mark.parametrize("name", [FIRST, *(pytest.param(o, marks=pytest.mark.slow) for o in OTHERS)])
def test_heat_by_ito_s_rule_is_found_out(name):
    machine = MACHINES[name]
    found = simulate(machine.netlist, None, runs=RUNS, seed=5, method="heun")
    heat, _, entropy = machine.run(11, ito=True)
    for ours, theirs in ((found.heat, heat), (found.entropy, entropy)):
        assert abs(z_scores(ours.ravel(), theirs)[0]) > 5 * LIMIT
