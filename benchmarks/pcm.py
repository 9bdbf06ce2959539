"""Phase-change memory beside IBM's aihwkit, in one process: conductances and an MNIST network's accuracy.

    pip install aihwkit==1.1.0        (a wheel on Python 3.11)
    python benchmarks/pcm.py [--samples 20000] [--devices 10] [--epochs 12]

Both programs get the same targets and weights. Conductances of many cells are compared by the two-sample
Kolmogorov-Smirnov test, cells of seven targets together, as deviations in units of the spread that the
formula has there, ten times with other cells: p is that of the least of the ten (Sidak). The network
(784-128-10, ReLU, trained here by scikit-learn) is programmed on `--devices` devices by each, a layer a tile,
and its test accuracy measured at every time without and with compensation.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy import stats

from hw_models.imperfect import Imperfections, perturb
from hw_models.laws.law import MINUS, PLUS, Where, conductances
from hw_models.laws.pcm import COMPENSATION, PCM
from thermo.data import load_dataset

TIMES = {"25 s": 25.0, "1 h": 3600.0, "1 day": 86400.0, "1 year": 365.25 * 86400}
TARGETS = np.array([0.02, 0.1, 0.25, 0.4, 0.6, 0.8, 1.0])
G_MAX = 25.0
REPEATS = 10
MIDDLE = np.clip(-0.0155 * np.log(TARGETS) + 0.0244, 0.049, 0.1)  # exponents of the drift
SPREAD = (0.26348 + 1.9650 * TARGETS - 1.1731 * TARGETS**2) / G_MAX


def ours(n: int, at: float | None, laws: tuple, seed: int) -> np.ndarray:
    """(targets, n) relative conductances."""
    g = np.repeat(TARGETS, n)
    made = conductances(laws, g, np.arange(g.size), np.zeros(g.size, np.int64), PLUS, seed, at)
    return made.reshape(TARGETS.size, n)


def theirs(n: int, at: float, seed: int, quiet: bool) -> tuple[np.ndarray, np.ndarray]:
    """Programmed ones, and those drifted and, unless quiet, read, of the same targets."""
    import torch
    from aihwkit.inference import PCMLikeNoiseModel

    torch.manual_seed(seed)
    g = torch.tensor(np.repeat(TARGETS, n) * G_MAX, dtype=torch.float64)
    model = PCMLikeNoiseModel(g_max=G_MAX, read_noise_scale=0.0 if quiet else 1.0)
    made = model.apply_programming_noise_to_conductance(g)
    nu = model.generate_drift_coefficients(g)
    both = made, model.apply_drift_noise_to_conductance(made, nu, at)
    first, last = (v.numpy().reshape(TARGETS.size, n) / G_MAX for v in both)
    return first, last


def compared(n: int, seed: int) -> dict[tuple[str, str], tuple[float, float]]:
    """By what and when: p of equal distributions, seconds of ours; and by ("aihwkit", when) of theirs."""
    rows = {}
    for when, at in TIMES.items():
        _, drifted = theirs(n, at, 2 * seed + 1, quiet=True)
        begin = time.perf_counter()
        made, read = theirs(n, at, 2 * seed, quiet=False)
        rows["aihwkit", when] = 1.0, time.perf_counter() - begin
        for what, laws, b in (
            ("programmed", PCM[:1], made),
            ("drifted", PCM[:2], drifted),
            ("read", PCM, read),
        ):
            begin = time.perf_counter()
            a = ours(n, None if what == "programmed" else at, laws, seed)
            spent = time.perf_counter() - begin
            # one variable for all targets: deviations from the law's middle in units of its spread, both
            # of the formulas and not of either sample
            fall = 1.0 if what == "programmed" else (1.0 + at / 20.0) ** -MIDDLE
            x, y = ((z - (TARGETS * fall)[:, None]) / (SPREAD * fall)[:, None] for z in (a, b))
            rows[what, when] = float(stats.ks_2samp(x.ravel(), y.ravel()).pvalue), spent
    return rows


def network(epochs: int, seed: int) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray, np.ndarray]:
    """Weights (n_out, n_in) and biases of a trained network, and the test split."""
    from sklearn.neural_network import MLPClassifier

    data = load_dataset("mnist")
    fit = MLPClassifier((128,), max_iter=epochs, random_state=seed, alpha=1e-4, batch_size=256)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit.fit(data.x_train, data.y_train)
    return [w.T.copy() for w in fit.coefs_], list(fit.intercepts_), data.x_test, data.y_test


def accuracy(weights: list[np.ndarray], biases: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> float:
    """Share of right decisions."""
    hidden = np.maximum(x @ weights[0].T + biases[0], 0.0)
    return float(np.mean((hidden @ weights[1].T + biases[1]).argmax(axis=1) == y))


def programmed(weights: list[np.ndarray], law: Imperfections, seed: int) -> list[np.ndarray]:
    """What a device of ours has in place of them, a layer an array."""
    out, first = [], 0
    for w in weights:
        rows, cols = (k.ravel() for k in np.indices(w.shape))
        out.append(perturb(w.ravel(), first + 1000 + rows, first + cols, law, seed).reshape(w.shape))
        first += w.shape[1]
    return out


def our_accuracies(net: tuple, devices: int) -> dict[tuple[str, bool], list[float]]:
    """Test accuracies of devices by (time, compensated)."""
    weights, biases, x, y = net
    found: dict[tuple[str, bool], list[float]] = {}
    for when, at in TIMES.items():
        for compensated in (False, True):
            law = Imperfections(laws=(*PCM, COMPENSATION) if compensated else PCM, at=at)
            found[when, compensated] = [
                accuracy(programmed(weights, law, k), biases, x, y) for k in range(devices)
            ]
    return found


def split_anew(weights: list[np.ndarray], at: float, seed: int) -> list[np.ndarray]:
    """`programmed` as aihwkit has it: what a pair was programmed to is made a pair again before it drifts,
    so that the error of the cell that should be off is part of the other one and drifts with it.
    """
    out, first = [], 0
    for w in weights:
        rows, cols = (k.ravel() for k in np.indices(w.shape))
        driven, driving, top = first + 1000 + rows, first + cols, np.abs(w).max()
        target = {side: np.maximum(side * w.ravel() / top, 0.0) for side in (PLUS, MINUS)}
        made = {s: conductances(PCM[:1], g, driven, driving, s, seed, None) for s, g in target.items()}
        apart = made[PLUS] - made[MINUS]
        for side in (PLUS, MINUS):
            made[side] = np.maximum(side * apart, 0.0)
            where = Where(driven, driving, side, target[side], made[side])
            for law in PCM[1:]:
                made[side] = law.apply(made[side], where, seed, at)
        out.append(top * (made[PLUS] - made[MINUS]).reshape(w.shape))
        first += w.shape[1]
    return out


def their_accuracies(net: tuple, devices: int) -> dict[tuple[str, bool], list[float]]:
    """The same by aihwkit's inference tiles in torch, everything else of them perfect."""
    import torch
    from aihwkit.inference import GlobalDriftCompensation, PCMLikeNoiseModel
    from aihwkit.nn import AnalogLinear, AnalogSequential
    from aihwkit.simulator.configs import TorchInferenceRPUConfig

    weights, biases, x, y = net
    inputs, found = torch.tensor(x, dtype=torch.float32), {}
    for compensated in (False, True):
        config = TorchInferenceRPUConfig()
        config.forward.is_perfect = True
        config.mapping.max_input_size = config.mapping.max_output_size = 0
        config.noise_model = PCMLikeNoiseModel(g_max=G_MAX)
        config.drift_compensation = GlobalDriftCompensation() if compensated else None
        layers: list = []
        for w, b in zip(weights, biases, strict=True):
            layer = AnalogLinear(w.shape[1], w.shape[0], bias=True, rpu_config=config)
            layer.set_weights(torch.tensor(w, dtype=torch.float32), torch.tensor(b, dtype=torch.float32))
            layers += [layer, torch.nn.ReLU()]
        machine = AnalogSequential(*layers[:-1])
        machine.eval()
        for k in range(devices):
            torch.manual_seed(k)
            machine.program_analog_weights()
            for when, at in TIMES.items():
                machine.drift_analog_weights(at)
                with torch.no_grad():
                    decided = machine(inputs).argmax(dim=1).numpy()
                found.setdefault((when, compensated), []).append(float(np.mean(decided == y)))
    return found


def shrunk(at: float) -> dict[str, float]:
    """Slope of a random array's couplings, without compensation, against those asked for."""
    import torch
    from aihwkit.inference import PCMLikeNoiseModel

    w = np.random.default_rng(0).normal(size=(300, 784))
    w /= np.abs(w).max()
    torch.manual_seed(0)
    model = PCMLikeNoiseModel(g_max=G_MAX)
    made, exponents = model.apply_programming_noise(torch.tensor(w))
    found = {
        "ours": programmed([w], Imperfections(laws=PCM, at=at), 0)[0],
        "aihwkit": model.apply_drift_noise(made, exponents, at).numpy(),
        "ours, pairs split anew": split_anew([w], at, 0)[0],
    }
    return {name: float(np.sum(v * w) / np.sum(w * w)) for name, v in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--devices", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(f"{given.samples * TARGETS.size:,} cells, {REPEATS} times    p (KS)    milliseconds a time")
    tables = [compared(given.samples, given.seed + k) for k in range(REPEATS)]
    for what, when in tables[0]:
        least, spent = min(t[what, when][0] for t in tables), np.median([t[what, when][1] for t in tables])
        p = "" if what == "aihwkit" else f"{1 - (1 - least) ** REPEATS:.3f}"
        print(f"  {what:10s} {when:7s}             {p:>6s}     {1e3 * spent:8.1f}")
    left = ", ".join(f"{name} {slope:.4f}" for name, slope in shrunk(TIMES["1 year"]).items())
    print(f"couplings of a random array after 1 year, as it is: {left}")
    net = network(given.epochs, given.seed)
    print(f"network: {100 * accuracy(*net):.2f} % in software, {given.devices} devices")
    begin = time.perf_counter()
    a = our_accuracies(net, given.devices)
    middle = time.perf_counter()
    b = their_accuracies(net, given.devices)
    end = time.perf_counter()
    for when, compensated in a:
        here, there = 100 * np.array(a[when, compensated]), 100 * np.array(b[when, compensated])
        error = np.sqrt((here.var(ddof=1) + there.var(ddof=1)) / given.devices)
        print(
            f"  {when:7s} {'compensated' if compensated else 'as it is':12s} ours {here.mean():6.2f}  "
            f"aihwkit {there.mean():6.2f}  difference {here.mean() - there.mean():+.2f} ± {error:.2f} %"
        )
    for when, at in TIMES.items():
        here = [100 * accuracy(split_anew(net[0], at, k), *net[1:]) for k in range(given.devices)]
        there = 100 * np.array(b[when, False])
        error = np.sqrt((np.var(here, ddof=1) + there.var(ddof=1)) / given.devices)
        print(
            f"  {when:7s} pairs split anew before they drift: ours {np.mean(here):6.2f}  difference "
            f"{np.mean(here) - there.mean():+.2f} ± {error:.2f} %"
        )
    print(f"seconds: ours {middle - begin:.1f}, aihwkit {end - middle:.1f}")


if __name__ == "__main__":
    main()
