"""Boltzmann machines on grids and denoising chains against enumeration."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from compiler.errors import FormatError, NetlistError
from compiler.families.denoising_chain import lower_denoising_chain, noise_coupling
from compiler.families.ising import from_edges, lower_ising
from compiler.families.store import KEY, load_model, read_safetensors, save_model
from compiler.ir.goals import Boltzmann
from compiler.ir.kinds import verify
from compiler.ir.problem import Problem
from hw_models.imperfect import Imperfections, perturb
from thermo.data import Dataset
from thermo.training.ebm.boltzmann import BoltzmannTrainer, train_boltzmann, train_denoising
from thermo.training.ebm.boltzmann_config import BoltzmannConfig
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.exact import exact_ising_gradient, exact_moments, states
from thermo.training.ebm.graph import GraphSampler, autocorrelation, centred, place_on_grid
from thermo.training.ebm.noise import add_noise, noise_steps
from thermo.training.ebm.samples import draw_samples, moment_errors

RNG = np.random.default_rng(0)
CORNERS = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [1, 1, 1, 0]], np.float32)
# one bit in ten is turned over: every pattern happens
X = np.abs(CORNERS[RNG.choice(4, 2400, p=[0.4, 0.3, 0.2, 0.1])] - (RNG.random((2400, 4)) < 0.1))
X = X.astype(np.float32)
Y = np.zeros(2400, int)
DATA = Dataset("corners", X, Y, X, Y, X, Y, 1, (2, 2))
GRID = BoltzmannConfig(
    rule="square",
    side=3,
    epochs=20,
    batch=240,
    sweeps=5,
    chains=1000,
    threshold=0.5,
    learning_rate=0.03,
    final_rate=0.0,
)
CHAIN = replace(GRID, steps=2, noise=3.0, sweeps=10, chains=None)


def steepest(model, x):
    signs = 2.0 * x - 1.0
    patterns, counts = np.unique(signs, axis=0, return_counts=True)
    parts = [exact_ising_gradient(model, p[None]) for p in patterns]
    share = counts / counts.sum()
    return max(np.abs(sum(s * part[k] for s, part in zip(share, parts, strict=True))).max() for k in (0, 1))


def test_pixels_sit_among_their_neighbours():
    placed = place_on_grid(16, "g8", 8, (4, 4))
    assert placed.n == 64 and np.unique(placed.place).size == 64
    lines, places = np.divmod(placed.place[:16], 8)
    np.testing.assert_array_equal(lines.reshape(4, 4)[:, 0], [0, 2, 4, 6])
    np.testing.assert_array_equal(places.reshape(4, 4)[0], [0, 2, 4, 6])
    # every wire joins cells at an offset of the rule, turned by quarters
    a, b = (np.stack(np.divmod(placed.place[e], 8)) for e in (placed.row, placed.col))
    offsets = {tuple(sorted(np.abs(d))) for d in (a - b).T}
    assert offsets == {(0, 1), (1, 4)}
    assert (placed.row < placed.col).all()
    other = place_on_grid(16, "g8", 8)
    assert (other.place != placed.place).any()


def test_moments_of_samples_are_exact():
    placed = place_on_grid(4, "square", 3)
    start = BoltzmannTrainer(DATA, GRID, False)
    rng = np.random.default_rng(1)
    model = replace(
        start.model(), h=0.5 * rng.standard_normal(9), J=0.6 * rng.standard_normal(placed.row.size)
    )
    sampler = GraphSampler(model, 4, 1)
    states = sampler.sweep(sampler.random(20_000, 3, 0), 60, 3, 0)
    mean, pairs = sampler.moments(states)
    want, want_pairs, _ = exact_moments(model)
    z = np.abs(np.concatenate([mean - want, pairs - want_pairs])) * np.sqrt(20_000)
    spread = np.sqrt(1 - np.concatenate([want, want_pairs]) ** 2)
    assert (z / spread).max() < 4.5
    wrong = exact_moments(replace(model, J=1.2 * model.J))[1]
    assert (np.abs(pairs - wrong) * np.sqrt(20_000) / spread[9:]).max() > 9
    # two independent samples of a chain's law: products of means
    apart = sampler.apart(states[:10_000], states[10_000:])
    product = want[model.row] * want[model.col]
    assert np.abs(apart - product).max() < 4.5 / np.sqrt(10_000)
    assert np.abs(pairs - product).max() > 9 / np.sqrt(10_000)


@pytest.mark.parametrize("method", ["pcd", "tempered"])
def test_a_grid_comes_to_its_optimum(method):
    config = replace(GRID, method=method, temperatures=3)
    model = train_boltzmann(DATA, config, threads=1).model
    assert steepest(model, X) < 0.025
    assert steepest(BoltzmannTrainer(DATA, GRID, False).model(), X) > 0.3


def test_centred_products_are_those_of_spins_less_their_means():
    """Of two sets of samples; h takes back what J does at the means."""
    rng = np.random.default_rng(4)
    row, col = np.triu_indices(5, 1)
    centre = rng.uniform(-1, 1, 5)
    a, b = (np.sign(rng.standard_normal((200, 5)) + m) for m in (0.4, -0.1))

    def moments(s):
        return s.mean(axis=0), (s[:, row] * s[:, col]).mean(axis=0)

    dh, dJ = (x - y for x, y in zip(moments(a), moments(b), strict=True))
    direct = moments(a - centre)[1] - moments(b - centre)[1]
    assert centred(dh, dJ, centre, row, col) == pytest.approx(direct, abs=1e-12)
    assert np.abs(dJ - direct).max() > 0.05
    sampler = GraphSampler(from_edges(np.zeros(5), row, col, np.ones(10), goal=Boltzmann(5)), 5)
    matrix = np.zeros((5, 5))
    matrix[row, col] = matrix[col, row] = dJ
    assert sampler.across(dJ, centre) == pytest.approx(matrix @ centre, abs=1e-12)


@pytest.mark.slow
def test_centred_steps_come_to_the_same_optimum():
    model = train_boltzmann(DATA, replace(GRID, centred=True), threads=1).model
    assert steepest(model, X) < 0.025


def test_any_graph_at_any_temperature_comes_to_its_optimum():
    ends = np.triu_indices(6, 1)  # complete, two hidden spins
    start = from_edges(
        np.zeros(6), *ends, 0.1 * np.random.default_rng(5).standard_normal(15), kT=2.0, goal=Boltzmann(4)
    )
    model = train_boltzmann(DATA, GRID, threads=1, start=start).model
    assert model.kT == 2.0 and steepest(model, X) < 0.025 < 0.1 < steepest(start, X)
    with pytest.raises(EbmError, match="must be a Boltzmann machine with 4 visible"):
        train_boltzmann(DATA, GRID, start=replace(start, problem=Problem()))


def test_a_sampler_that_is_too_hot_does_not(monkeypatch):
    real = GraphSampler.sweep

    def hot(self, *args, clamped=False, kT=None, **more):
        return real(self, *args, clamped=clamped, kT=None if clamped else 1.5, **more)

    monkeypatch.setattr(GraphSampler, "sweep", hot)
    assert steepest(train_boltzmann(DATA, GRID, threads=1).model, X) > 0.1


def test_one_sweep_on_a_grid_is_biased():
    model = train_boltzmann(DATA, replace(GRID, method="cd", sweeps=1, chains=None), threads=1).model
    assert steepest(model, X) > 0.04


def test_noise_is_the_coupling():
    g = noise_steps(replace(CHAIN, steps=3, noise=2.0, ramp=4.0))
    assert g.sum() == pytest.approx(2.0) and g[2] / g[0] == pytest.approx(4.0)
    x = np.ones((50_000, 2), np.int8)
    levels = add_noise(x, g, (1, 2))
    for t in range(3):
        flipped = (levels[t + 1] != levels[t]).mean()
        # P(x' | x) ~ exp(w x x'): the odds of keeping a bit are exp(2 w)
        want = 1 / (1 + np.exp(2 * noise_coupling(g[t])))
        assert abs(flipped - want) < 4.5 * np.sqrt(want * (1 - want) / 100_000)
    assert noise_coupling(1.0) == pytest.approx(-0.5 * np.log(np.tanh(0.5)))


def exact_posterior(model, t, above):
    """(16,) law of the four visible spins given noisier bits."""
    ising = model.step(t, above)
    p = np.exp(-ising.energy(2.0 * states(ising.n) - 1.0))
    return (p / p.sum()).reshape(16, -1).sum(axis=1)


def test_a_chain_learns_to_undo_its_noise():
    model = train_denoising(DATA, CHAIN, threads=1).model
    start = BoltzmannTrainer(DATA, CHAIN, True).model()
    s = 2.0 * states(4) - 1.0
    data = law = np.bincount((X @ [8, 4, 2, 1]).astype(int), minlength=16) / len(X)
    for t in range(2):
        keep = 1 - 1 / (1 + np.exp(2 * model.couplings[t]))
        same = (s[:, None, :] == s[None, :, :]).sum(axis=2)
        above = law @ (keep**same * (1 - keep) ** (4 - same))  # law of x_(t+1)
        for chain, low, high in ((model, 0.0, 0.05), (start, 0.1, 9.0)):
            # exact gradient of E log P(x_t | x_(t+1)): products with x_t held less free ones
            step, worst = chain.step(t), 0.0
            free = [exact_moments(chain.step(t, row))[:2] for row in s]
            for k in (0, 1):
                held = sum(
                    p * (exact_ising_gradient(step, row[None])[k] + exact_moments(step)[k])
                    for p, row in zip(law, s, strict=True)
                )
                mean = sum(p * f[k] for p, f in zip(above, free, strict=True))
                worst = max(worst, np.abs(held - mean).max())
            assert low <= worst < high
        law = above
    # what the chain makes of noise: exactly, as samples, and compared with the data
    law = np.full(16, 1 / 16)
    for t in (1, 0):
        law = law @ np.stack([exact_posterior(model, t, row) for row in s])
    n = 20_000
    bits = draw_samples(model, n, seed=5, sweeps=60, threads=1).bits
    seen = np.bincount((bits @ [8, 4, 2, 1]).astype(int), minlength=16) / n
    assert 0.5 * np.abs(seen - law).sum() < 1.5 * 0.5 * np.sqrt(law * (1 - law) / n).sum()
    # nearer to the data than independent bits with the data's means, as far as five hidden spins go
    up = X.mean(axis=0)
    alone = np.prod(np.where(s > 0, up, 1 - up), axis=1)
    assert np.abs(law - data).sum() < 0.8 * np.abs(alone - data).sum()


def test_the_penalty_takes_correlations_away():
    config = replace(CHAIN, epochs=8, penalty_target=1.0, penalty_step=0.0)
    without = train_denoising(DATA, config, threads=1)
    harsh = train_denoising(DATA, replace(config, penalty=5.0), threads=1)
    sizes = [np.abs(r.model.J).mean() for r in (without, harsh)]
    assert sizes[1] < 0.5 * sizes[0]
    assert harsh.history[-1].penalty == [5.0, 5.0] and without.history[-1].penalty == [0.0, 0.0]


def test_lambda_follows_the_autocorrelation():
    config = replace(CHAIN, penalty=0.1, penalty_target=0.03, penalty_step=0.2)
    trainer = BoltzmannTrainer(DATA, config, True)
    trainer.adapt([0.01, 0.5])
    np.testing.assert_allclose(trainer.penalty, [0.08, 0.1])  # small; first look: none before
    trainer.adapt([0.02, 0.6])
    np.testing.assert_allclose(trainer.penalty, [0.064, 0.12])  # small; rising
    trainer.adapt([0.2, 0.4])
    np.testing.assert_allclose(trainer.penalty, [0.0768, 0.12])  # rising; large but falling
    for _ in range(60):
        trainer.adapt([0.0, 0.0])
    np.testing.assert_allclose(trainer.penalty, config.penalty_floor)


def test_autocorrelation_of_known_chains():
    rng = np.random.default_rng(2)
    mean = np.where(rng.random((3000, 5)) < 0.5, 0.8, -0.3)  # a law for each chain
    first = np.where(rng.random((2, 3000, 5)) < (1 + mean) / 2, 1, -1)
    fresh = np.where(rng.random((2, 3000, 5)) < (1 + mean) / 2, 1, -1)
    kept = np.where(rng.random((2, 3000, 5)) < 0.4, first, fresh)
    assert abs(autocorrelation(first, kept) - 0.4) < 0.03
    assert abs(autocorrelation(first, fresh)) < 0.03
    assert autocorrelation(first, first) == pytest.approx(1.0)


def small_chain():
    trainer = BoltzmannTrainer(DATA, CHAIN, True)
    rng = np.random.default_rng(3)
    trainer.h[:] = 0.5 * rng.standard_normal(trainer.h.shape)
    trainer.J[:] = 0.5 * rng.standard_normal(trainer.J.shape)
    return trainer.model()


def test_netlist_of_a_chain_samples_as_the_chain(tmp_path):
    simulate = pytest.importorskip("thermo.simulate.spins.run").simulate_spins
    model = small_chain()
    netlist = lower_denoising_chain(model)
    verify(netlist)
    assert [p.name for p in netlist.schedule] == ["noise", "denoise1", "denoise0"]
    n = 20_000
    bits = draw_samples(model, n, seed=6, threads=1).bits
    run = simulate(netlist, chains=n, seed=7, threads=1)
    seen = (run.states[:, :4] > 0).astype(float)
    law = [np.bincount((b @ [8, 4, 2, 1]).astype(int), minlength=16) / n for b in (bits, seen)]
    # each law's distance to the truth is below sum sqrt(p (1 - p) / n) / 2 in the mean
    chance = np.sqrt(law[0] * (1 - law[0]) / n).sum()
    assert 0.5 * np.abs(law[0] - law[1]).sum() < 1.5 * chance
    short = netlist.with_(schedule=netlist.schedule[-1:])  # straight from noise: not it
    other = (simulate(short, chains=n, seed=7, threads=1).states[:, :4] > 0).astype(float)
    law.append(np.bincount((other @ [8, 4, 2, 1]).astype(int), minlength=16) / n)
    assert 0.5 * np.abs(law[0] - law[2]).sum() > 3 * chance
    save_model(model, tmp_path / "chain.safetensors")
    again = load_model(tmp_path / "chain.safetensors")
    for name in ("h", "J", "row", "col", "noise", "place"):
        np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
    assert (again.shape, again.n_visible, again.sweeps) == ((3, 3), 4, 10)


def test_files_of_the_former_family_name_are_read(tmp_path):
    model, path = small_chain(), tmp_path / "chain.safetensors"
    save_model(model, path)
    facts, arrays = read_safetensors(path)
    assert json.loads(facts[KEY])["family"] == "denoising-chain"
    for name in ("ebm_chain", "chain"):
        told = {**json.loads(facts[KEY]), "family": name, "version": 2}
        del told["sha256"]
        old = json.dumps(told)
        save_file(arrays, path, metadata={KEY: old})
        if name == "chain":
            with pytest.raises(FormatError, match="chain"):
                load_model(path)
            return
        np.testing.assert_array_equal(load_model(path).J, model.J)


def test_device_of_a_graph_is_that_of_its_netlist():
    model = small_chain().step(0)
    device = Imperfections(mismatch=0.1, asymmetry=0.1, bits=4)
    sampler = GraphSampler(model, 4, 1, device, seed=9)
    couplings = lower_ising(model).couplings[0]
    want = perturb(couplings.values, couplings.rows, couplings.indices, device, 9)
    np.testing.assert_allclose(sampler.system.weights, want)
    np.testing.assert_array_equal(sampler.system.driven, couplings.rows)
    np.testing.assert_array_equal(sampler.system.driving, couplings.indices)


class Stop(Exception):
    pass


class Interrupting:
    def start(self, total, label):
        pass

    def update(self, done, note=""):
        if done == 2:
            raise Stop

    def stop(self):
        pass


@pytest.mark.parametrize(
    ("train", "more"),
    [
        (train_boltzmann, {}),
        (train_boltzmann, {"method": "cd", "chains": None}),
        (train_boltzmann, {"method": "tempered", "temperatures": 3}),
        (train_denoising, {"penalty": 0.1, "chains": None}),
        (train_denoising, {"chains": None, "non_ideal": Imperfections(mismatch=0.1)}),
    ],
)
def test_resumed_and_threaded_training_is_bitwise_the_same(tmp_path, train, more):
    config = replace(GRID, epochs=4, batch=600, steps=2, sweeps=3, **{"chains": 50, **more})
    whole = train(DATA, config, threads=1)
    kept = tmp_path / "kept"
    with pytest.raises(Stop):
        train(DATA, config, threads=1, checkpoint=kept, progress=Interrupting())
    again = train(DATA, config, threads=None, checkpoint=kept)
    np.testing.assert_array_equal(whole.model.J, again.model.J)
    np.testing.assert_array_equal(whole.model.h, again.model.h)
    assert whole.history[-1].autocorrelation == again.history[-1].autocorrelation
    with pytest.raises(EbmError, match="another configuration"):
        train(DATA, replace(config, seed=5), checkpoint=kept)


def test_moment_errors_tell_samples_apart():
    rng = np.random.default_rng(4)
    law = np.linspace(0.1, 0.9, 30)
    one, two = ((rng.random((4000, 30)) < law).astype(float) for _ in range(2))
    found = moment_errors(one, two)
    assert 0.7 < found["mean"] / found["mean_floor"] < 1.4
    assert 0.85 < found["covariance"] / found["covariance_floor"] < 1.15
    assert moment_errors(one[:, :1], two[:, :1])["covariance"] == 0.0
    other = (rng.random((4000, 30)) < np.clip(law + 0.05, 0, 1)).astype(float)
    assert moment_errors(other, two)["mean"] > 3 * found["mean_floor"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "x"}, "method must be one of"),
        ({"side": 0}, "side must be a whole number"),
        ({"noise": 0.0}, "noise must be a number > 0"),
        ({"penalty": -1.0}, "penalty must be a number >= 0"),
        ({"penalty_step": 1.0}, "penalty_step must be at least 0"),
        ({"temperatures": 1}, "temperatures must be"),
        ({"final_rate": 3.0}, "final_rate must be between"),
        ({"threshold": 2.0}, "threshold must be above 0"),
        ({"batches": 0}, "batches must be"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(EbmError, match=message):
        BoltzmannConfig(**change)


def test_bad_models_are_named():
    model = small_chain()
    with pytest.raises(NetlistError, match="noise must be finite and above 0"):
        replace(model, noise=np.zeros(2))
    with pytest.raises(NetlistError, match="J must be"):
        replace(model, J=model.J[:, 1:])
    with pytest.raises(NetlistError, match="n_visible must be"):
        replace(model, n_visible=0)
    with pytest.raises(NetlistError, match="place must name 9 different"):
        replace(model, place=np.zeros(9, np.int32))
    with pytest.raises(NetlistError, match="must be finite"):
        replace(model, J=np.full_like(model.J, np.nan))
    with pytest.raises(NetlistError, match="sweeps must be at least 1"):
        replace(model, sweeps=0)
    with pytest.raises(NetlistError, match="does not hold 4"):
        replace(model, image_shape=(3, 3))
    with pytest.raises(NetlistError, match="at least 1 each"):
        replace(model, h=np.zeros((0, 9)))
    with pytest.raises(EbmError, match="no grid rule"):
        place_on_grid(4, "hex", 3)
    with pytest.raises(EbmError, match="side must be from 3"):
        place_on_grid(9, "square", 2)
    with pytest.raises(EbmError, match="n and sweeps must be at least 1"):
        draw_samples(model, 0)
    tempered = replace(GRID, method="tempered", non_ideal=Imperfections(mismatch=0.1), epochs=1)
    with pytest.raises(EbmError, match="has none, use pcd"):
        train_boltzmann(DATA, tempered)
    with pytest.raises(EbmError, match="have run away"), np.errstate(all="ignore"):
        train_boltzmann(DATA, replace(GRID, learning_rate=1e308, epochs=1))
