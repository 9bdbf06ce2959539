"""Noise of states and of their read-out, and what copies of a machine make of it: sizes, not signs.

Standard deviations of n normals spread by 1 / sqrt(2 n); five of those are the tolerance, and every
test shows that a tenth more noise is outside it.
"""

from dataclasses import replace

import jax
import numpy as np
import pytest

from thermo.data import Dataset
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.device import EqpropDevice, read_states
from thermo.training.eqprop.jax_layers import Dense, Layout
from thermo.training.eqprop.jax_rest import Parameters, Relaxation, relax
from thermo.training.eqprop.layers import Acting, free_outputs
from thermo.training.eqprop.trainer import HopfieldTrainer
from thermo.training.tiles import Tiles

ROWS, OUT = 2000, 4
SIGMA = 0.04
CLOSE = 5 / np.sqrt(2 * ROWS * OUT)


def test_five_standard_errors_tell_a_tenth():
    assert CLOSE < 0.05


def idle_outputs(device: EqpropDevice) -> np.ndarray:
    """Outputs whose drive is 0.5 whatever the others do."""
    w = (np.zeros((3, 2), np.float32), np.zeros((OUT, 3), np.float32))
    acting = Acting(w, w, (np.full(3, 0.5, np.float32), np.full(OUT, 0.5, np.float32)))
    with Tiles(1) as tiles:
        return free_outputs(
            acting, np.zeros((ROWS, 2), np.float32), sweeps=2, tolerance=1e-3, tiles=tiles, device=device
        ).outputs


def test_units_carry_the_noise_of_their_last_update():
    u = idle_outputs(EqpropDevice(state_noise=SIGMA)) - 0.5
    assert u.std() == pytest.approx(SIGMA, rel=CLOSE)
    assert abs(u.mean()) < 5 * SIGMA / np.sqrt(u.size)
    assert np.abs(np.corrcoef(u.T) - np.eye(OUT)).max() < 5 / np.sqrt(ROWS)
    more = idle_outputs(EqpropDevice(state_noise=1.1 * SIGMA)) - 0.5
    assert abs(more.std() / SIGMA - 1) > CLOSE


def test_answers_are_means_over_replicas():
    """Copies have noise of their own: four halve it. One copy's answer has all of it."""
    u = idle_outputs(EqpropDevice(state_noise=SIGMA, replicas=4)) - 0.5
    assert u.std() == pytest.approx(SIGMA / 2, rel=CLOSE)


def test_what_is_read_has_the_noise_and_levels_of_the_read_out():
    for share in (1.0, 1.1):
        s = np.full((ROWS, OUT), 0.5, np.float32)
        read_states([s], EqpropDevice(read_noise=share * SIGMA), np.random.default_rng(3))
        assert (abs(s.std() / SIGMA - 1) < CLOSE) == (share == 1.0)
    s = np.random.default_rng(4).uniform(-0.2, 1.2, (ROWS, OUT)).astype(np.float32)
    plain = s.copy()
    read_states([s], EqpropDevice(read_bits=3), np.random.default_rng(3))
    np.testing.assert_allclose(np.unique(np.round(s, 5)), np.arange(8) / 7, atol=1e-5)
    assert np.abs(s - np.clip(plain, 0, 1)).max() == pytest.approx(1 / 14, rel=0.05)


@pytest.mark.parametrize("kind", [np.float32, np.complex64])
def test_jax_units_carry_it_in_both_parts(kind):
    layout = Layout((2,), (Dense(OUT),), "tanh")
    p = Parameters((np.zeros((2, OUT), np.float32),), (np.zeros(OUT, np.float32),))
    zero = np.zeros((ROWS, OUT), np.float32)
    for share in (1.0, 1.1):
        states, _, _ = relax(
            layout,
            p,
            zero,
            [zero.astype(kind)],
            zero,
            np.zeros((), kind),
            Relaxation(2, 0.0, share * SIGMA),
            jax.random.PRNGKey(5),
        )
        u = np.asarray(states[-1])
        for part in (u.real, u.imag) if kind is np.complex64 else (u,):
            assert (abs(part.std() / SIGMA - 1) < CLOSE) == (share == 1.0)
        if kind is np.complex64:
            assert abs(np.corrcoef(u.real.ravel(), u.imag.ravel())[0, 1]) < 5 / np.sqrt(u.size)


def test_cost_and_right_answers_are_of_images_however_many_copies_there_are():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (12, 5)).astype(np.float32)
    y = np.arange(12) % 3
    data = Dataset("toy", x, y, x[:2], y[:2], x[:2], y[:2], 3)
    config = EqpropConfig(hidden=(4,), batch=12, tile=5, sweeps_free=20, init_bias=0.2)
    reports = []
    with Tiles(1) as tiles:
        for copies in (1, 3):
            trainer = HopfieldTrainer(data, replace(config, device=EqpropDevice(replicas=copies)), tiles)
            reports.append(trainer.run_batch(np.arange(12), np.zeros((12, 0))))
    assert reports[0][0] > 0
    np.testing.assert_allclose(reports[1][:2], reports[0][:2], rtol=1e-5)
