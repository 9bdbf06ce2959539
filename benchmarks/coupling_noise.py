"""The noise of couplings, from the equations alone: what a trained machine still reads.

    thermoc train langevin --data digits -o machine.safetensors
    python benchmarks/coupling_noise.py machine.safetensors

Nothing of thermoc simulates here: the file is read by safetensors, the images by thermo.data, and the
rest is written from docs/physics.md. `thermoc simulate --device rc-1fF --data digits` is to agree with
the line "weak inversion, range", and so it does (tests/thermo/simulate/langevin/test_wiring.py).

    dx_i = f_i dt + sqrt(2 kT (1 + e_i)) dW_i
    f_i  = -2 J2 x_i - 3 J3 x_i^2 - 4 J4 x_i^3 + bias_i + sum_j W_ij R tanh(x_j / R) + the same of inputs
    e_i  = noise sum |W_i.| / (2 J2)
"""

import json
import sys

import numpy as np
from safetensors import safe_open

from thermo.data import load_dataset

RUNS = 40
SLOPE, TEMPERATURE, CAPACITANCE = 1.3, 300.0, 1e-15  # of rc-1fF: n, K, F
K_B, CHARGE = 1.380649e-23, 1.602176634e-19


def run(m, images, *, noise, inputs_noisy=True, reach=np.inf, seed=0):
    """Share of (N, n_in) images that one noisy Euler-Maruyama run each reads right, by its labels."""
    rng = np.random.default_rng(seed)
    u = ((images - m["input_shift"]) * m["input_scale"]).T.astype(np.float64)
    among, driven = np.abs(m["coupling"]).sum(1), np.abs(m["w_in"]).sum(1)
    excess = noise * (among + driven * inputs_noisy) / (2 * np.median(m["j2"]))
    sigma = np.sqrt(2 * m["kT"] * m["dt"] * (1 + excess))[:, None]
    show = (lambda x: x) if np.isinf(reach) else (lambda x: reach * np.tanh(x / reach))
    push = m["bias"][:, None] + m["w_in"] @ show(u)
    j2, j3, j4 = (m[k][:, None] for k in ("j2", "j3", "j4"))
    x = np.repeat(m["x0"][:, None], u.shape[1], axis=1)
    for _ in range(round(m["t_f"] / m["dt"])):
        force = push + m["coupling"] @ show(x) - x * (2 * j2 + x * (3 * j3 + x * 4 * j4))
        x = x + m["dt"] * force + sigma * rng.standard_normal(x.shape)
    return x[-m["n_out"] :].argmax(0)


def main(path):
    with safe_open(path, "np") as file:
        m = {name: file.get_tensor(name).astype(np.float64) for name in file.keys()}  # noqa: SIM118
        m |= json.loads(file.metadata()["thermoc_model"])
    images, truth = load_dataset("digits").part("test")
    images = images.reshape(len(truth), -1)
    volt = np.sqrt(2 * np.median(m["j2"]) * K_B * TEMPERATURE / (m["kT"] * CAPACITANCE))
    reach = 2 * SLOPE * K_B * TEMPERATURE / CHARGE / volt
    cases = {
        "ideal": dict(noise=0.0),
        "weak inversion": dict(noise=SLOPE / 2),
        "weak inversion, range": dict(noise=SLOPE / 2, reach=reach),
        "Johnson": dict(noise=1.0),
        "weak inversion, inputs noiseless": dict(noise=SLOPE / 2, inputs_noisy=False),
        "Johnson, inputs noiseless": dict(noise=1.0, inputs_noisy=False),
    }
    for name, case in cases.items():
        right = [np.mean(run(m, images, seed=s, **case) == truth) for s in range(RUNS)]
        print(f"{name:34s} {100 * np.mean(right):5.1f} ± {100 * np.std(right, ddof=1) / RUNS**0.5:.1f} %")


if __name__ == "__main__":
    main(sys.argv[1])
