"""What noise joined by lines, as ngspice has it, makes of the variances that a trained machine reads.

    python benchmarks/spice_variance.py digits.tnl 4 20 kept
    python benchmarks/joined_noise.py digits.tnl 5 2000 kept

The digits machine in NumPy (`thermoc train langevin --data digits`): RK4 within a noise step. First with the
very samples of the decks that were kept: ngspice's read states against these. Then with many samples against
Heun at a quarter of the netlist's dt. Ratios are tr(C^-1 C') / d of the read cells' covariances, an inverse's
bias taken off: as they are, and against what joined noise is known to leave of C (docs/spice.md).
"""

import sys
from pathlib import Path

import numpy as np
from scipy import sparse

from compiler.formats.spice.options import DeckOptions
from compiler.formats.spice.plan import plan_of
from compiler.formats.spice.powers import cell_spread, restored
from compiler.ir.container import load
from compiler.ir.langevin import LangevinNetlist
from thermo.data import load_dataset
from thermo.simulate.langevin.prepare import encode


class Machine:
    """x' = mobility (bias + W R tanh(x / R) - 2 J2 x - 4 J4 x^3) + noise, many runs side by side."""

    def __init__(self, net: LangevinNetlist, reach: float = np.inf) -> None:
        self.reach = reach
        c, moving = net.cells, ~net.cells.frozen
        w = np.zeros((len(c), len(c)))
        for g in net.couplings:
            w += sparse.csr_matrix((np.asarray(g.values), g.indices, g.indptr), shape=w.shape).toarray()
        assert net.readout is not None and len(net.schedule) == 1
        self.net, self.among, self.driven = net, w[np.ix_(moving, moving)], w[np.ix_(moving, ~moving)]
        self.j2, self.j4, self.h = (of[moving][:, None] for of in (c.j2, c.j4, c.h))
        self.read = np.searchsorted(np.flatnonzero(moving), net.readout.cells)
        self.end, self.noise = net.schedule[0].duration, 2.0 * net.kT * net.mobility

    def shown(self, x: np.ndarray) -> np.ndarray:
        return x if np.isinf(self.reach) else self.reach * np.tanh(x / self.reach)

    def force(self, x: np.ndarray, bias: np.ndarray) -> np.ndarray:
        pull = bias + self.among @ self.shown(x) - 2 * self.j2 * x - 4 * self.j4 * x * x * x
        return np.asarray(self.net.mobility * pull)

    def heun(self, bias: np.ndarray, dt: float, runs: int, rng: np.random.Generator) -> np.ndarray:
        x = np.zeros((len(self.h), runs))
        for _ in range(round(self.end / dt)):
            z, f = np.sqrt(self.noise * dt) * rng.standard_normal(x.shape), self.force(x, bias)
            x = x + dt / 2 * (f + self.force(x + dt * f + z, bias)) + z
        return x[self.read]

    def joined(
        self,
        bias: np.ndarray,
        step: float,
        samples: list[np.ndarray] | None,
        runs: int = 0,
        size: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        """Of samples (n, runs) at every step, or of normals of the spread `size` (n, 1)."""

        def sample(k: int) -> np.ndarray:
            if samples is not None:
                return samples[k]
            assert rng is not None
            return np.asarray(size * rng.standard_normal((len(self.h), runs)))

        a, h = sample(0), step / 2
        x = np.zeros(a.shape)
        for k in range(round(self.end / step)):
            b = sample(k + 1)
            for part in (0.0, 0.5):
                first, middle, last = (a + (b - a) * (part + at) for at in (0.0, 0.25, 0.5))
                k1 = self.force(x, bias) + first
                k2 = self.force(x + h / 2 * k1, bias) + middle
                k3 = self.force(x + h / 2 * k2, bias) + middle
                x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + self.force(x + h * k3, bias) + last)
            a = b
        return x[self.read]


def main(path: str, images: int, runs: int, folder: Path) -> None:
    net, rng = load(path), np.random.default_rng(0)
    machine, kT = Machine(net), net.mobility * net.kT
    inputs = encode(net, load_dataset("digits").part("test")[0][:100])
    biases = [(machine.driven @ u)[:, None] + machine.h for u in inputs]
    plan = plan_of(net, DeckOptions(noise="tables"))
    count = round(machine.end / plan.step) + 1
    for file in sorted(folder.glob("*.npz"), key=lambda at: int(at.stem)):
        image, theirs = int(file.stem), np.load(file)["theirs"]
        seeds = 1 + image * len(theirs) + np.arange(len(theirs))
        tables = [
            [cell_spread(plan, i) * np.random.default_rng((s, i)).standard_normal(count) for s in seeds]
            for i in plan.dynamic.tolist()
        ]
        samples = list(net.mobility * np.moveaxis(np.array(tables), 2, 0))
        own = machine.joined(biases[image], plan.step, samples).T
        ratio = np.trace(np.cov(theirs.T)) / np.trace(np.cov(own.T))
        print(
            f"image {image}, the same samples: {len(theirs)} runs differ by "
            f"{np.abs(theirs - own).max():.1e} at most, of a spread of {theirs.std(axis=0).mean():.2f}; "
            f"variances' ratio {ratio:.4f}",
            flush=True,
        )
    exact = [np.cov(machine.heun(bias, net.dt / 4, runs, rng)) for bias in biases[:images]]
    d = len(machine.read)
    for parts in (1, 2):
        step = net.dt / parts
        plan = plan_of(net, DeckOptions(noise_step=step))
        size = net.mobility * np.array([[cell_spread(plan, i)] for i in plan.dynamic.tolist()])
        put_back = np.sqrt(restored(plan)[machine.read])
        found = []
        for bias, c in zip(biases, exact, strict=False):
            made = np.cov(machine.joined(bias, step, None, runs, size, rng))
            left = (c - kT * step / 2 * np.eye(d)) * np.outer(put_back, put_back)
            found.append([np.trace(np.linalg.solve(of, made)) / d for of in (c, left)])
        bias_of_inverse = (runs - 1) / (runs - d - 2)
        plain, known = np.mean(found, axis=0) / bias_of_inverse
        error = np.std(found, axis=0, ddof=1) / np.sqrt(images)
        print(
            f"samples every dt / {parts}: variances' ratio {plain:.4f} +- {error[0]:.4f}, of what is known "
            f"to be left {known:.4f} +- {error[1]:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
