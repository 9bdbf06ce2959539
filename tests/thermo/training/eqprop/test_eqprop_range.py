"""Couplings of finite range: where units rest, and what learning lowers there."""

import math
from dataclasses import replace

import numpy as np
import pytest

from hw_models.presets import chosen_device
from thermo.cli.main import main
from thermo.data import Dataset, load_dataset
from thermo.gradients.errors import EqpropError
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.device import EqpropDevice, reach_on
from thermo.training.eqprop.oscillator import Oscillators, OscillatorTrainer
from thermo.training.eqprop.presets import eqprop_preset
from thermo.training.eqprop.train import train_eqprop
from thermo.training.eqprop.trainer import HopfieldTrainer
from thermo.training.tiles import Tiles

SIZES = (4, 5, 3)
REACH = 0.7
BETA = 0.05


def toy(n=32):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (n, SIZES[0])).astype(np.float32)
    y = rng.integers(0, SIZES[-1], n)
    return Dataset("toy", x, y, x[:8], y[:8], x[:8], y[:8], SIZES[-1])


def config(**changes):
    plain = {
        "hidden": SIZES[1:-1],
        "epochs": 1,
        "batch": 32,
        "tile": 16,
        "momentum": 0.0,
        "warmup_epochs": 0.0,
        "final_rate": 1.0,
        "rates": (1.0,),
        "beta": BETA,
        "sweeps_free": 400,
        "sweeps_nudged": 400,
        "tolerance": 3e-7,
        "init_bias": 0.5,
        "init_gain": 0.3,
        "device": EqpropDevice(reach=REACH),
    }
    return EqpropConfig(**{**plain, **changes})


def at_rest(w, b, x, reach=REACH):
    """Units of every layer in float64: u = clip(sum of W R tanh(u / R) + b)."""
    u = [np.zeros((x.shape[0], v.size)) for v in b]
    for _ in range(2000):
        s = [reach * np.tanh(v / reach) for v in (x, *u)]
        for l in range(len(u)):
            z = s[l] @ w[l].T + b[l]
            if l + 1 < len(u):
                z = z + s[l + 2] @ w[l + 1]
            u[l] = np.clip(z, 0, 1)
            s[l + 1] = reach * np.tanh(u[l] / reach)
    return u


def cost(w, b, x, y):
    """What a nudge beta (y - u) on a unit is the force of, where couplings see s = R tanh(u / R):
    the integral of (u - y) ds.
    """
    u = at_rest(w, b, x)[-1]
    s = REACH * np.tanh(u / REACH)
    return float((u * s - REACH**2 * np.log(np.cosh(u / REACH)) - y * s).sum(axis=1).mean())


def test_units_rest_where_tanh_couplings_hold_them():
    with Tiles(1) as tiles:
        trainer = HopfieldTrainer(toy(), config(), tiles)
        w, b = ([a.astype(float) for a in some] for some in (trainer.w, trainer.b))
        found = trainer.outputs("train").outputs
    wanted = at_rest(w, b, toy().x_train.astype(float))[-1]
    np.testing.assert_allclose(found, wanted, atol=2e-3)  # evaluation settles to 1e-3
    assert np.abs(at_rest(w, b, toy().x_train.astype(float), 100.0)[-1] - wanted).max() > 0.02


def test_an_update_is_the_gradient_of_the_cost_at_rest():
    def update(**changes):
        with Tiles(1) as tiles:
            trainer = HopfieldTrainer(toy(), config(**changes), tiles)
            trainer.b[-1][:] = 0.5  # all units inside their walls, where the cost has a slope
            before = [p.values.astype(float) for p in trainer.parameters()]
            trainer.run_batch(np.arange(trainer.n), np.empty((0, 6), np.float32))
            return before, [p.values - q for p, q in zip(trainer.parameters(), before, strict=True)]

    before, step = update()
    _, linear = update(device=None)
    x, y = toy().x_train.astype(float), np.eye(SIZES[-1])[toy().y_train]
    n = len(SIZES) - 1
    rng, worst = np.random.default_rng(1), 0.0
    for _ in range(4):
        d = [rng.standard_normal(p.shape) for p in before]

        def at(e, d=d):
            moved = [p + e * q for p, q in zip(before, d, strict=True)]
            return cost(moved[:n], moved[n:], x, y)

        slope = (at(1e-4) - at(-1e-4)) / 2e-4
        size = math.sqrt(sum((q**2).sum() for q in d) * sum((s**2).sum() for s in step))
        got, twin = (-sum((q * s).sum() for q, s in zip(d, some, strict=True)) for some in (step, linear))
        # Both nudges: an error of order beta^2 of the whole gradient; the linear machine's is another.
        assert abs(got - slope) < 4 * BETA**2 * size
        worst = max(worst, abs(twin - slope) / size)
    assert worst > 8 * BETA**2


def test_range_is_the_device_s_in_units_of_its_swing():
    volts = chosen_device("rc-1fF").couplings.linear_range.value
    assert reach_on(chosen_device("rc-1fF")) == pytest.approx(volts / 0.1)
    assert reach_on(chosen_device("rc-1fF", "crossbar")) == math.inf
    with pytest.raises(EqpropError, match=r"resistor couplings load the units .* --network resistive"):
        reach_on(chosen_device("rc-1fF", "resistor"))


def test_digits_are_learnt_with_weak_inversion():
    digits = load_dataset("digits")
    preset = replace(
        eqprop_preset(digits), epochs=15, device=EqpropDevice(reach=reach_on(chosen_device("rc-1fF")))
    )
    assert train_eqprop(digits, preset, threads=1).score > 0.9


def test_who_cannot_have_a_range_says_so(tmp_path, capsys):
    with pytest.raises(EqpropError, match="'coupled-centred' reads units"):
        config(estimator="coupled-centred")
    with pytest.raises(EqpropError, match="couplings see angles"), Tiles(1) as tiles:
        OscillatorTrainer(toy(), config(curvature=math.inf), Oscillators(), tiles)
    with pytest.raises(EqpropError, match="reach must be a number > 0"):
        EqpropDevice(reach=0.0)
    out = str(tmp_path / "m.safetensors")
    for network in ("resistive", "oscillator", "convolutional"):
        assert main(["train", "eqprop", "--network", network, "--couplings", "crossbar", "-o", out]) == 2
        assert "--couplings needs --network hopfield, got " in capsys.readouterr().err
