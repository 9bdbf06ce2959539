"""The reverse path of a noising run: convex loss, exact minimum, and what equilibrium must give."""

import json
from dataclasses import replace

import numpy as np
import pytest

from compiler.ir.kinds import verify
from thermo.cli.main import main
from thermo.simulate import simulate
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.reverse_path import (
    ReversePathConfig,
    best_reversal,
    lower_reverse_path,
    moments,
    noising_paths,
    path_moments,
    rest_position,
    slope,
    train_reverse_path,
)

BURN_IN = 6000  # of equilibrium runs: six time units, eight of the slowest mode's
SMALL = ReversePathConfig(t_f=0.5, t_equilibrium=0.2, ridge=0.0, seed=3)


def small_data():
    return np.random.default_rng(0).random((40, 3))


def direct_loss(paths, j, b, config):
    x = np.stack(list(paths)).astype(float)
    dx, after = np.diff(x, axis=0), x[1:]
    force = -slope(after, config) + np.einsum("ij,kjt->kit", j, after) + b[:, None]
    h = config.mobility * config.dt
    terms = (-dx - h * force) ** 2 / (4 * h * config.kT)
    return terms.sum() / (terms.shape[0] * terms.shape[2])


def test_the_loss_is_that_of_the_paths():
    rng = np.random.default_rng(1)
    j = rng.standard_normal((3, 3))
    j = j + j.T
    b = rng.standard_normal(3)
    forces = SMALL.gain * small_data().T.astype(np.float32)
    found = moments(small_data(), SMALL).loss(j, b, SMALL)
    assert found == pytest.approx(direct_loss(noising_paths(forces, SMALL), j, b, SMALL), rel=1e-5)


def test_noising_feels_its_temperature_and_its_falling_force():
    """What is left of a step without its known force is noise of variance 2 mu kT dt."""
    forces = SMALL.gain * np.random.default_rng(4).random((4, 500)).astype(np.float32)
    x = np.stack(list(noising_paths(forces, SMALL))).astype(float)
    h = SMALL.mobility * SMALL.dt
    k = np.arange(x.shape[0] - 1)
    on = np.maximum(0.0, 1 - k * SMALL.dt / (SMALL.fall * SMALL.t_f))
    left = np.diff(x, axis=0) - h * (on[:, None, None] * forces - slope(x[:-1], SMALL))
    expected = 2 * h * SMALL.kT
    # 4.5 standard errors of a variance: noise 10 % too large is 21 % off
    error = 4.5 * np.sqrt(2 / left.size)
    assert left.var() / expected == pytest.approx(1, abs=error) and error < 0.05
    assert abs(left.mean()) < 4.5 * np.sqrt(expected / left.size)
    # a force of the other sign would leave a mean of 2 h on f
    assert 2 * h * np.mean(on[:, None, None] * forces) > 50 * np.sqrt(expected / left.size)


def test_the_solution_is_the_minimum():
    m = moments(small_data(), SMALL)
    j, b = best_reversal(m, SMALL)
    best = m.loss(j, b, SMALL)
    np.testing.assert_array_equal(j, j.T)
    assert not np.diagonal(j).any()
    rng = np.random.default_rng(2)
    for _ in range(8):
        d = np.triu(rng.standard_normal((3, 3)), 1)
        for sign in (0.01, -0.01):
            assert m.loss(j + sign * (d + d.T), b, SMALL) > best
            assert m.loss(j, b + sign * d[0], SMALL) > best


def equilibrium_paths(j, b, config, columns, steps, seed):
    """Euler steps in equilibrium under the couplings themselves."""
    rng = np.random.default_rng(seed)
    x = np.zeros((b.size, columns))
    h, width = config.dt, np.sqrt(2 * config.kT * config.dt)
    for k in range(BURN_IN + steps):
        if k >= BURN_IN:
            yield x
        x = x + h * (j @ x + b[:, None] - slope(x, config)) + width * rng.standard_normal(x.shape)
    yield x


class Ahead:
    """The broken twin: the force where the step began."""

    @staticmethod
    def moments(paths, config):
        x = next(paths)
        n = x.shape[0]
        total = None
        for after in paths:
            z = np.concatenate([x, np.ones((1, x.shape[1]))])
            y = (x - after) / config.dt + slope(x, config)
            part = (z @ z.T, y @ z.T)
            total = part if total is None else tuple(a + c for a, c in zip(total, part, strict=True))
            x = after
        zz, yz = total
        count = zz[n, n]
        g = zz[:n, :n] / count - np.outer(zz[n, :n], zz[n, :n]) / count**2
        c = yz[:, :n] / count - np.outer(yz[:, n], zz[n, :n]) / count**2
        return c @ np.linalg.inv(g)


def test_equilibrium_runs_backwards_as_it_runs_forwards():
    """Detailed balance: the machine that reverses an equilibrium run is the one that made it."""
    config = replace(SMALL, dt=1e-3)
    j = np.array([[0.0, 1.2, -0.6], [1.2, 0.0, 0.3], [-0.6, 0.3, 0.0]])
    b = np.array([0.4, -0.2, 0.1])
    found = [
        best_reversal(path_moments(equilibrium_paths(j, b, config, 1000, 800, s), config), config)
        for s in range(6)
    ]
    js, bs = np.stack([f[0] for f in found]), np.stack([f[1] for f in found])
    # six independent runs; t of 5 degrees of freedom at 5e-4 two-sided is 7.7; six comparisons.
    # Reversal holds up to dt times the curvature, a part in a hundred.
    for some, exact in ((js[:, *np.triu_indices(3, 1)], j[np.triu_indices(3, 1)]), (bs, b)):
        sem = some.std(axis=0, ddof=1) / np.sqrt(6)
        assert (np.abs(some.mean(axis=0) - exact) < 7.7 * sem + 0.01).all()
        assert (7.7 * sem < 0.5).all()
    wrong = Ahead.moments(equilibrium_paths(j, b, config, 1000, 800, 0), config)
    assert abs(wrong[0, 1] - j[0, 1]) > 1.0


def test_the_generator_makes_what_was_noised():
    """Two patterns of four cells: pairs that agreed in the data agree in what is generated."""
    rng = np.random.default_rng(0)
    bit = rng.integers(0, 2, 400)
    data = np.stack([bit, bit, 1 - bit, 1 - bit], axis=1).astype(float)
    trained = train_reverse_path(data, ReversePathConfig(seed=1))
    assert trained.loss < trained.untrained
    net = lower_reverse_path(trained, visible_shape=(2, 2))
    verify(net)
    final = simulate(net, None, runs=2000, seed=5, keep_final=True).final[0]
    shown = final / rest_position(trained.config)
    c = np.corrcoef(shown.T)
    # 2,000 independent samples: a correlation's error is below 1 / sqrt(2000) = 0.022
    assert c[0, 1] > 0.1 and c[2, 3] > 0.1 and c[0, 2] < -0.1 and c[1, 3] < -0.1
    # switched off, the same machine makes nothing
    idle = lower_reverse_path(replace(trained, coupling=0 * trained.coupling))
    c = np.corrcoef(simulate(idle, None, runs=2000, seed=5, keep_final=True).final[0].T)
    assert np.abs(c - np.eye(4)).max() < 5 * 0.0224


def test_hidden_cells_are_driven_and_lowered():
    config = replace(SMALL, hidden=2, ridge=1e-4)
    trained = train_reverse_path(small_data(), config)
    assert trained.coupling.shape == (5, 5)
    net = lower_reverse_path(trained)
    assert [g.name for g in net.groups] == ["one", "visible", "hidden"]
    assert net.readout.cells.size == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [({"kT": 0.0}, "kT"), ({"fall": 1.5}, "fall"), ({"hidden": -1}, "hidden"), ({"dt": 9.0}, "dt")],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(EbmError, match=message):
        replace(SMALL, **change)


def test_bad_data_are_named():
    with pytest.raises(EbmError, match="finite rows"):
        moments(np.full((2, 2), np.nan), SMALL)


def test_the_study_from_the_command_line(tmp_path, capsys):
    arguments = ["study", "generative", "-o", str(tmp_path / "g"), "--rows", "200"]
    assert main([*arguments, "--samples", "200", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    data, made, alone = found["sources"]
    assert found["loss"] < found["loss_untrained"]
    # 2,016 covariances of 200 samples; without couplings they are unrelated to the data's
    assert made["correlation"] > 0.5 > 5 / 2016**0.5 > abs(alone["correlation"])
    assert np.isnan(data["heat_kT"] or np.nan) and made["heat_kT"] > 0
    assert {p.name for p in (tmp_path / "g").iterdir()} == {
        "generator.tnl",
        "generative.png",
        "generative.json",
        "generative.txt",
    }
    assert main([*arguments, "--kT", "0"]) == 2
    assert "kT must be a number > 0" in capsys.readouterr().err
