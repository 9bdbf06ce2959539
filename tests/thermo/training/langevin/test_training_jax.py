"""Langevin machines trained by JAX: the kernel's gradients, and the same bits on any number of devices."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from thermo.kernels.langevin import bptt
from thermo.kernels.langevin.images import Images
from thermo.kernels.random import normals_numpy
from thermo.simulate.jax_random import halves, normals
from thermo.training import PathwiseConfig, TrainingError
from thermo.training.langevin.gradient import Layout, loss_and_gradient
from thermo.training.langevin.jax_gradient import JaxGradient

N, N_IN, N_OUT, BATCH, STEPS, H = 7, 5, 3, 11, 12, 0.026
LAYOUT = Layout(N, N_IN, N_OUT)


def images(data):
    """Rows as they are."""
    encoder = np.zeros(1, np.float32), np.ones(1, np.float32)
    return Images(data, np.arange(len(data)), np.empty((0, 6), np.float32), (0, 0, 0), *encoder)


def test_normals_are_those_of_the_kernels():
    """Seeds, trajectories and steps of more than 32 bits, cells that fill no block."""
    seed, ids = 2**40 + 5, np.array([3, 2**33 + 1], np.uint64)
    drawn = jax.jit(normals, static_argnums=(3, 4))
    ours = np.asarray(drawn(halves(np.uint64(seed)), halves(ids), 7, 10, 1))
    # float32 of numbers up to 6.8
    np.testing.assert_allclose(ours, normals_numpy(seed, ids, 7, 10, 1).T, atol=2e-6)
    assert np.abs(ours - np.asarray(drawn(halves(np.uint64(seed)), halves(ids), 8, 10, 1))).max() > 0.1


CASES = [
    (False, False),
    (True, True),
    pytest.param(False, True, marks=pytest.mark.slow),
    pytest.param(True, False, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("stratonovich", "regression"), CASES)
def test_gradient_is_the_kernels(stratonovich, regression):
    """Skewed cells, x0 away from 0, noise, a price on heat, tiles that 11 trajectories do not fill."""
    rng = np.random.default_rng([stratonovich, regression])
    theta = 0.7 * rng.standard_normal(LAYOUT.size)
    w, j, b, s, o = LAYOUT.split(theta)
    np.fill_diagonal(j, 0.0)
    if not stratonovich:  # only then there is a potential
        j[:] = j + j.T
    cells = np.stack([np.ones(N), 0.3 * rng.standard_normal(N), 1 + 0.1 * rng.random(N)])
    x0, data = 0.5 * rng.standard_normal(N), rng.standard_normal((BATCH, N_IN))
    y = rng.standard_normal((BATCH, N_OUT)) if regression else rng.integers(0, N_OUT, BATCH)
    loss, want, heat = loss_and_gradient(
        theta,
        (N, N_IN, N_OUT),
        cells,
        x0,
        data,
        y,
        n_steps=STEPS,
        dt=H,
        kT=0.5,
        heat_penalty=0.1,
        stratonovich=stratonovich,
        smoothing=0.2,
        seed=3,
        trajectory=5,
        tile=4,
    )
    low = [np.asarray(a, np.float32) for a in (w, j, b, cells, x0, s, o, data)]
    w, j, b, cells, x0, s, o, data = low

    def by_jax(noise, coupling=j, bias=b, cells=cells):
        return JaxGradient(BATCH, 4)(
            bptt.Machine(w, coupling, True, bias, cells, x0),
            bptt.Loss(int(regression), s, o, 0.2, np.float32(1 / BATCH), np.float32(0.1)),
            images(data),
            y,
            bptt.Steps(STEPS, np.float32(H), np.float32(noise), int(stratonovich)),
            3,
            5,
        )

    (losses, _, heats, lost), found = by_jax(np.sqrt(2 * H * 0.5))
    # float32: 12 steps of numbers of order 1, so some 1e-6 of the largest entry
    assert np.abs(found - want).max() < 2e-5 * np.abs(want).max()
    assert losses / BATCH + 0.1 * heats / BATCH == pytest.approx(loss, rel=1e-5)
    assert heats / BATCH == pytest.approx(heat, rel=1e-5, abs=1e-5)
    assert lost == -1
    _, other = by_jax(2 * H * 0.5)  # the broken twin: dt for its root
    assert np.abs(other - want).max() > 1e-3 * np.abs(want).max()
    free = np.arange(N) == 4  # a cell without a well of its own is driven far
    (*_, lost), _ = by_jax(H, 0 * j, np.where(free, np.float32(1e6), b), np.where(free, 0, cells))
    assert lost == 4  # what ran away is named


def test_couplings_of_a_device_are_refused():
    with pytest.raises(TrainingError, match=r"engine 'jax' has ideal couplings.*rc-1fF"):
        PathwiseConfig(engine="jax", device="rc-1fF")
    with pytest.raises(TrainingError, match="engine"):
        PathwiseConfig(engine="torch")


TRAINED = """
import sys
import jax, numpy as np
from dataclasses import replace
from thermo.data import load_dataset
from thermo.training import train_pathwise
from thermo.training.langevin.presets import pathwise_preset
assert len(jax.devices()) == int(sys.argv[1])
digits = load_dataset("digits")
config = replace(pathwise_preset(digits), epochs=1, n_hidden=16, batch=128, tile=32, engine=sys.argv[2])
trained = train_pathwise(digits, config, threads=1)
np.savez(sys.argv[3], w=trained.model.w_in, j=trained.model.coupling, b=trained.model.bias)
"""


@pytest.mark.slow
def test_two_devices_train_the_machine_of_one(tmp_path):
    """Devices that the processor plays: the same bits; the other engine: as far off as rounding grows."""
    root = Path(__file__).resolve().parents[4]
    found = {}
    for devices, engine in ((1, "jax"), (2, "jax"), (1, "numba")):
        environment = os.environ | {
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
            "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": str(root),
        }
        path = tmp_path / f"{devices}{engine}.npz"
        command = [sys.executable, "-c", TRAINED, str(devices), engine, str(path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        found[devices, engine] = np.load(path)
    one, two, other = found[1, "jax"], found[2, "jax"], found[1, "numba"]
    for name in ("w", "j", "b"):
        np.testing.assert_array_equal(two[name], one[name])
        assert np.abs(other[name] - one[name]).max() < 1e-2 * np.abs(one[name]).max()
