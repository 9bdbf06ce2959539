"""Deep resistive networks: voltages, files, netlists, local gradients, training."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize

from compiler.api import compile
from compiler.errors import NetlistError
from compiler.families.resistive import ResistiveNetwork, lower_resistive
from compiler.families.store import load_model, save_model
from compiler.ir.kinds import verify
from hw_models.imperfect import Imperfections
from thermo.cli.main import main
from thermo.data import Dataset, load_dataset
from thermo.gradients.errors import EqpropError, NudgeError
from thermo.simulate import simulate
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.presets import resistive_preset
from thermo.training.eqprop.resistive import ResistiveTrainer, resistive_accuracy, train_resistive
from thermo.training.tiles import Tiles

SIZES = (5, 8, 6, 3)


def network(seed=0, gain=3.0):
    rng = np.random.default_rng(seed)
    joined = (2 * SIZES[0], *SIZES[1:])
    g = tuple(np.maximum(rng.uniform(-0.3, 1, (o, i)), 0) for i, o in pairwise(joined))
    return ResistiveNetwork(g, gain, ("a", "b", "c"))


DATA = np.random.default_rng(1).uniform(0, 1, (7, SIZES[0]))


def power(net, u, v):
    """1/2 sum g (v_i - v_j)^2 over all branches of one sample."""
    layers = [np.concatenate([u, -u]) * net.gain, *v]
    return 0.5 * sum(
        float(np.sum(g * (layers[l + 1][:, None] - layers[l][None, :]) ** 2))
        for l, g in enumerate(net.conductances)
    )


def test_voltages_minimise_the_power_within_the_diodes():
    net = network()
    v = net.voltages(DATA)
    limits = net.limits()
    bounds = [(a, b) for low, high in limits for a, b in zip(low, high, strict=True)]
    ends = np.cumsum([0, *SIZES[1:]])

    def cut(x):
        return [x[a:b] for a, b in pairwise(ends)]

    for k in range(3):
        found = minimize(
            lambda x, k=k: power(net, DATA[k], cut(x)),
            np.zeros(ends[-1]),
            bounds=bounds,
            method="L-BFGS-B",
            options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 5000},
        )
        np.testing.assert_allclose(np.concatenate([a[k] for a in v]), found.x, atol=2e-5)
    walls = [(a == 0).any() for a in v[:-1]]
    assert all(walls) and v[-1].max() < 0  # diodes act; the last nodes have none


def test_file_and_netlist(tmp_path):
    net = network()
    save_model(net, tmp_path / "r.safetensors")
    again = load_model(tmp_path / "r.safetensors")
    np.testing.assert_array_equal(again.answers(DATA), net.answers(DATA))
    assert again.labels == net.labels and again.gain == 3.0
    netlist = lower_resistive(net)
    verify(netlist)
    result = simulate(netlist, DATA, heat=False)
    np.testing.assert_allclose(result.answers(), net.answers(DATA), atol=1e-5)
    assert compile(net).meta["source"] == "resistive"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conductances": ()}, "at least one"),
        ({"conductances": (np.ones((3, 4, 2)),)}, "must be"),
        ({"conductances": (-np.ones((3, 4)),)}, "finite and >= 0"),
        ({"conductances": (np.ones((3, 5)),)}, "even number of sources"),
        ({"conductances": (np.ones((3, 4)), np.ones((3, 2)))}, "join 2 nodes"),
        ({"conductances": (np.zeros((3, 4)),)}, "hangs in the air"),
        ({"gain": 0.0}, "gain must be"),
        ({"labels": ("a",)}, "1 labels for 3"),
    ],
)
def test_what_is_no_network_is_named(change, message):
    with pytest.raises(NetlistError, match=message):
        replace(network(), **change)


def toy(n=40):
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 1, (n, SIZES[0])).astype(np.float32)
    y = rng.integers(0, SIZES[-1], n)
    return Dataset("toy", x, y, x[:8], y[:8], x[:8], y[:8], SIZES[-1])


def config(**changes):
    plain = {
        "hidden": SIZES[1:-1],
        "epochs": 1,
        "batch": 40,
        "tile": 16,
        "momentum": 0.0,
        "warmup_epochs": 0.0,
        "final_rate": 1.0,
        "rates": (1e-3,),
        "sweeps_free": 500,
        "sweeps_nudged": 500,
        "tolerance": 1e-6,
        "beta": 0.02,
        "init_gain": 1.0,
    }
    return EqpropConfig(**{**plain, **changes})


def cost(net, data):
    y = np.eye(3)[data.y_train]
    return 0.5 * np.square(net.answers(data.x_train) - y).sum(axis=1).mean()


def test_the_update_is_the_slope_of_the_cost():
    data = toy()
    with Tiles(1) as tiles:
        trainer = ResistiveTrainer(data, config(), 3.0, tiles)
        before = [g.astype(float).copy() for g in trainer.w]
        trainer.run_batch(np.arange(40), np.empty((0, 6), np.float32))
        slopes = [(b - a) / 1e-3 for a, b in zip(trainer.w, before, strict=True)]
    h, size = 1e-3, max(np.abs(s).max() for s in slopes)
    for l, (i, j) in ((0, (2, 3)), (0, (5, 8)), (1, (1, 4)), (2, (0, 2)), (2, (2, 5))):
        ends = []
        for step in (h, -h):
            g = [a.copy() for a in before]
            g[l][i, j] += step
            ends.append(cost(ResistiveNetwork(tuple(g), 3.0), data))
        wanted = (ends[0] - ends[1]) / (2 * h)
        # the nudge leaves beta^2, float32 states 1e-6 / 2 beta, float32 conductances 1e-7 / rate
        assert slopes[l][i, j] == pytest.approx(wanted, abs=5e-3 * size)
    assert size > 0.02


def test_the_test_of_slopes_sees_a_wrong_sign():
    """With the sources' signs swapped the update of the first layer is another one."""
    data = toy()
    with Tiles(1) as tiles:
        a, b = (ResistiveTrainer(data, config(), g, tiles) for g in (3.0, 3.0))
        for t in (a, b):
            t.first = [g.copy() for g in t.w]
        a.run_batch(np.arange(40), np.empty((0, 6), np.float32))
        b.u0, b.project = b.u0, lambda acting, x, p: np.dot(-x, acting.w.T, out=p)
        b.run_batch(np.arange(40), np.empty((0, 6), np.float32))
    da, db = a.w[0] - a.first[0], b.w[0] - b.first[0]
    assert np.abs(da - db).max() > 5e-3 * np.abs(da).max()


def test_digits_are_learnt_and_conductances_stay_physical():
    digits = load_dataset("digits")
    settings, gain = resistive_preset(digits)
    runs = [
        train_resistive(digits, replace(settings, epochs=10, hidden=(40,)), gain=gain, threads=t)
        for t in (1, 2)
    ]
    net = runs[0].model
    for a, b in zip(net.conductances, runs[1].model.conductances, strict=True):
        np.testing.assert_array_equal(a, b)  # threads change no bit
    assert all((g >= 0).all() for g in net.conductances)
    assert any((g == 0).any() for g in net.conductances)
    accuracy = resistive_accuracy(net, digits)
    assert accuracy > 0.88
    simulated = simulate(lower_resistive(net), digits.x_test[:60], heat=False)
    assert np.array_equal(simulated.predictions(), net.predictions(digits.x_test[:60]))


def test_resuming_is_bitwise(tmp_path):
    digits = load_dataset("digits")
    settings, gain = resistive_preset(digits)
    whole = replace(settings, epochs=2, hidden=(20,))
    straight = train_resistive(digits, whole, gain=gain, threads=1)

    class Stop:
        def start(self, total, label): ...

        def update(self, done, note=""):
            raise KeyboardInterrupt

        def stop(self): ...

    path = tmp_path / "c"
    with pytest.raises(KeyboardInterrupt):
        train_resistive(digits, whole, gain=gain, threads=1, checkpoint=path, progress=Stop())
    with pytest.raises(EqpropError, match="another configuration"):
        train_resistive(digits, whole, gain=2 * gain, threads=1, checkpoint=path)
    again = train_resistive(digits, whole, gain=gain, threads=1, checkpoint=path)
    for a, b in zip(straight.model.conductances, again.model.conductances, strict=True):
        np.testing.assert_array_equal(a, b)


def test_bad_settings_are_named():
    data = toy()
    with pytest.raises(NudgeError, match=r"beta = 0\.9 reaches the output curvature"):
        train_resistive(data, config(beta=0.9, init_gain=0.1), gain=3.0)
    with pytest.raises(EqpropError, match="gain must be"):
        train_resistive(data, config(), gain=0.0)
    with pytest.raises(EqpropError, match="leave rule out"):
        train_resistive(data, config(rule="field"), gain=3.0)
    with pytest.raises(EqpropError, match="only imperfections of conductances and converters are known"):
        train_resistive(
            data, config(device=EqpropDevice(Imperfections(mismatch=0.1), state_noise=0.1)), gain=3.0
        )


def test_the_command(tmp_path, capsys):
    out = str(tmp_path / "r.safetensors")
    base = ["train", "eqprop", "-o", out, "--threads", "1"]
    arguments = [*base, "--network", "resistive", "--hidden", "16", "--epochs", "2"]
    assert main([*arguments, "--json"]) == 0
    assert '"gain": 50.0' in capsys.readouterr().out
    assert main([*arguments, "--rule", "field"]) == 2
    assert "--rule needs --network hopfield" in capsys.readouterr().err
    assert main([*base, "--gain", "3"]) == 2
    assert main([*base, "--network", "magic"]) == 2
