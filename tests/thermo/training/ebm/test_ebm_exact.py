"""Restricted Boltzmann machines against enumeration: conversions, sampling, AIS, training."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logsumexp

from compiler.api import compile
from compiler.errors import NetlistError
from compiler.families.rbm import RBM, lower_rbm
from compiler.families.store import load_model, save_model
from compiler.ir.kinds import verify
from hw_models.imperfect import Imperfections, perturb, perturb_bias
from thermo.kernels.random import threefry4x32_numpy
from thermo.kernels.spins import rbm as kernel
from thermo.training.ebm.ais import ais, base_rates, schedule
from thermo.training.ebm.bits import static_bits, to_bits
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.evaluate import base_rate_log_likelihood, log_likelihood
from thermo.training.ebm.exact import (
    exact_gradient,
    exact_log_likelihood,
    exact_log_partition,
    exact_moments,
    states,
)
from thermo.training.ebm.layers import DrawnDevice, Layers, sample_rbm
from thermo.training.ebm.samples import draw_samples
from thermo.training.tiles import Tiles


def toy(nv=6, nh=4, scale=1.2, seed=0):
    rng = np.random.default_rng(seed)
    return RBM(
        (scale * rng.standard_normal((nv, nh))).astype(np.float32),
        rng.standard_normal(nv).astype(np.float32),
        rng.standard_normal(nh).astype(np.float32),
    )


def test_kernels_are_their_formulas():
    rng = np.random.default_rng(1)
    z = (8 * rng.standard_normal((5, 37))).astype(np.float32)
    bias, base = rng.standard_normal((2, 37)).astype(np.float32)
    beta = np.array([0.0, 0.3, 0.7, 1.0, 1.0], np.float32)
    b = beta.astype(float)[:, None]
    x = b * (z.astype(float) + bias) + (1 - b) * base
    p = z.copy()
    kernel.mean_rows(p, bias, base, beta)
    np.testing.assert_allclose(p, expit(x), rtol=3e-6, atol=1e-9)
    out = np.empty_like(z)
    kernel.softplus_rows(z, bias, np.float32(0.5), out)
    want = np.logaddexp(0, 0.5 * (z.astype(float) + bias))
    np.testing.assert_allclose(out, want, rtol=3e-7, atol=3e-7)
    kernel.softplus_step(z, bias, np.float32(0.25), np.float32(0.5), out)
    low = np.logaddexp(0, 0.25 * (z.astype(float) + bias))
    np.testing.assert_allclose(out, want - low, atol=3e-6)


def test_bits_are_those_of_the_published_generator():
    n, seed, row, step = 37, 12345678901234567890, 2**33 + 5, 9
    blocks = 10
    counter = [np.full(blocks, v, np.uint64) for v in (row & 0xFFFFFFFF, row >> 32, step)]
    counter.append(np.arange(blocks, dtype=np.uint64))
    words = threefry4x32_numpy((seed & 0xFFFFFFFF, seed >> 32, kernel.STREAM_BITS, 0), tuple(counter), 13)
    want = np.concatenate(words)[:n]
    np.testing.assert_array_equal(kernel.words_of(seed, row, step, n, kernel.STREAM_BITS), want)
    p = np.full((1, n), 0.3, np.float32)
    out = np.empty_like(p)
    kernel.sample_rows(p, np.uint64(seed), np.array([row]), step, kernel.STREAM_BITS, out)
    np.testing.assert_array_equal(out[0], want.astype(float) * 2.0**-32 < 0.3)


def test_spins_have_the_energies_of_bits():
    model = toy()
    ising = model.to_ising()
    x = states(10)
    np.testing.assert_allclose(ising.energy(2 * x - 1), model.energy(x[:, :6], x[:, 6:]), atol=1e-6)
    # free energy: the visible marginal
    e = model.energy(x[:, :6], x[:, 6:]).reshape(64, 16)
    np.testing.assert_allclose(model.free_energy(states(6)), -logsumexp(-e, axis=1), rtol=1e-6)
    assert exact_log_partition(model) == pytest.approx(logsumexp(-e), rel=1e-7)
    assert exact_moments(ising)[2] == pytest.approx(logsumexp(-e), rel=1e-6)


def test_netlist_p_bits_have_the_conditionals_of_the_units():
    model = toy()
    netlist = lower_rbm(model)
    n = netlist.n_cells
    w = np.zeros((n, n))
    for c in netlist.couplings:
        w[c.rows, c.indices] += c.values
    rng = np.random.default_rng(2)
    x = rng.integers(0, 2, n)
    # P(s_i = +1) = sigmoid(2 (h_i + sum_j J_ij s_j) / kT)
    p = expit(2 * (netlist.cells.h + w @ (2 * x - 1)) / netlist.kT)
    v, h = x[:6], x[6:]
    np.testing.assert_allclose(p[:6], expit(model.w @ h + model.b_visible), atol=1e-6)
    np.testing.assert_allclose(p[6:], expit(v @ model.w + model.b_hidden), atol=1e-6)
    assert [g.name for g in netlist.groups] == ["visible", "hidden"]


def total_variation(v, model):
    """Distance of sampled visible rows from the model, and what chance alone makes of it."""
    n = v.shape[0]
    code = (v @ (1 << np.arange(model.n_visible - 1, -1, -1))).astype(int)
    p = np.exp(-model.free_energy(states(model.n_visible)) - exact_log_partition(model))
    seen = np.bincount(code, minlength=p.size) / n
    # mean of |binomial - mean| is below its standard deviation
    return 0.5 * np.abs(seen - p).sum(), 0.5 * np.sqrt(p * (1 - p) / n).sum()


def test_gibbs_samples_the_model_and_a_wrong_twin_does_not():
    model, n = toy(scale=0.8), 20_000
    layers = Layers.of(model)
    start = np.zeros((n, 6), np.float32)
    wrong = Layers(layers.up, 1.3 * layers.down, layers.b, layers.c, layers.base)
    with Tiles(1) as tiles:
        far, chance = total_variation(sample_rbm(layers, start, 60, tiles, seed=3)[0], model)
        twin, _ = total_variation(sample_rbm(wrong, start, 60, tiles, seed=3)[0], model)
    # the distance's own spread is below chance / sqrt(number of likely states): 1.5 is far out
    assert far < 1.5 * chance < twin / 2


def test_sampling_does_not_depend_on_threads():
    layers = Layers.of(toy(40, 30))
    start = np.zeros((200, 40), np.float32)
    with Tiles(1) as tiles:
        one = sample_rbm(layers, start, 5, tiles, seed=4)
    with Tiles(3) as tiles:
        three = sample_rbm(layers, start, 5, tiles, seed=4)
    np.testing.assert_array_equal(one[0], three[0])
    np.testing.assert_array_equal(one[1], three[1])


def test_ais_finds_the_exact_partition_function():
    model = toy(12, 8, scale=1.0, seed=5)
    base = base_rates(np.full(12, 0.3), 1000)
    exact = exact_log_partition(model)
    with Tiles(1) as tiles:
        found = ais(model, base=base, chains=400, steps=400, seed=6, tiles=tiles)
    with Tiles(2) as tiles:
        again = ais(model, base=base, chains=400, steps=400, seed=6, tiles=tiles)
    np.testing.assert_array_equal(found.log_weights, again.log_weights)
    assert 0 < found.error < 0.1
    assert abs(found.log_z - exact) < 4 * found.error
    assert found.low < found.log_z < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * found.error, rel=0.3)
    other = exact_log_partition(RBM(1.02 * model.w, model.b_visible, model.b_hidden))
    assert abs(found.log_z - other) > 4 * found.error  # weights off by 2 % would be seen


def test_the_error_bar_covers():
    """z of 30 estimates: their mean square is 1 for right error bars (chi-square of 30)."""
    model = toy(8, 6, scale=1.0, seed=7)
    base = base_rates(np.full(8, 0.5), 1000)
    exact = exact_log_partition(model)
    with Tiles(1) as tiles:
        runs = [ais(model, base=base, chains=200, steps=100, seed=s, tiles=tiles) for s in range(30)]
    z = np.array([(r.log_z - exact) / r.error for r in runs])
    assert 0.40 < np.mean(z**2) < 2.0  # 0.1 and 99.9 % quantiles
    assert np.mean((2 * z) ** 2) > 1.3  # error bars of half the size would leave the range


def test_likelihood_of_rows():
    model = toy(7, 5)
    v = states(7)[::9]
    with Tiles(1) as tiles:
        found = log_likelihood(model, v, base=model.b_visible, tiles=tiles)
        assert found.ais is None and found.error == 0
        forced = log_likelihood(
            model, v, base=model.b_visible, tiles=tiles, exact=False, chains=300, steps=300
        )
    assert found.mean == pytest.approx(exact_log_likelihood(model, v))
    assert forced.ais is not None and abs(forced.mean - found.mean) < 4 * forced.error
    base = np.array([0.4, -1.0, 2.0])
    v = states(3)
    p = expit(base)
    want = np.mean(np.log(np.prod(np.where(v == 1, p, 1 - p), axis=1)))
    assert base_rate_log_likelihood(v, base) == pytest.approx(want)


def test_exact_gradient_is_the_derivative():
    model = toy(5, 3, seed=8)
    v = states(5)[[3, 17, 30, 30]]
    grads = exact_gradient(model, v)
    parts = [model.w.astype(float), model.b_visible.astype(float), model.b_hidden.astype(float)]
    for k, place in ((0, (2, 1)), (1, (4,)), (2, (0,))):
        both = []
        for sign in (1, -1):
            moved = [p.copy() for p in parts]
            moved[k][place] += sign * 1e-5
            both.append(exact_log_likelihood(RBM(*moved), v))
        assert grads[k][place] == pytest.approx((both[0] - both[1]) / 2e-5, abs=1e-7)


def test_device_is_that_of_the_netlist():
    """Fields on the p-bits of a perturbed netlist are those of the trainer's acting weights."""
    model, seed = toy(), 11
    device = Imperfections(mismatch=0.1, asymmetry=0.05, bits=5, bias_mismatch=0.1)
    netlist = lower_rbm(model)
    couplings = netlist.couplings[0]
    weights = perturb(couplings.values, couplings.rows, couplings.indices, device, seed)
    w = np.zeros((10, 10))
    w[couplings.rows, couplings.indices] = weights
    h = perturb_bias(netlist.cells.h, device, seed, np.arange(10))
    x = np.random.default_rng(3).integers(0, 2, 10)
    p = expit(2 * (h + w @ (2 * x - 1)))
    drawn = DrawnDevice.draw(device, 6, 4, seed)
    layers = drawn.act(model.w, model.b_visible, model.b_hidden, model.b_visible)
    np.testing.assert_allclose(p[:6], expit(layers.down @ x[6:] + layers.b), atol=1e-6)
    np.testing.assert_allclose(p[6:], expit(x[:6] @ layers.up + layers.c), atol=1e-6)
    assert np.abs(p[:6] - expit(model.w @ x[6:] + model.b_visible)).max() > 0.01


def test_bits_of_data():
    x = np.tile(np.array([0.0, 0.25, 1.0], np.float32), (40_000, 1))
    bits = to_bits(x, None, seed=1, ids=np.arange(40_000), draw=0)
    assert bits[:, 0].max() == 0 and bits[:, 2].min() == 1
    assert abs(bits[:, 1].mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 40_000)
    other = to_bits(x, None, seed=1, ids=np.arange(40_000), draw=1)
    assert (bits != other).any()
    again = to_bits(x[5:9], None, seed=1, ids=np.arange(5, 9), draw=0)
    np.testing.assert_array_equal(again, bits[5:9])
    np.testing.assert_array_equal(static_bits(x[:9], "test", 0.2)[0], [0, 1, 1])
    assert (static_bits(x[:99], "test", None) != static_bits(x[:99], "valid", None)).any()


def test_bad_input_is_named():
    with pytest.raises(NetlistError, match="w has a value that is not finite"):
        RBM(np.full((2, 2), np.nan), np.zeros(2), np.zeros(2))
    with pytest.raises(NetlistError, match=r"b_hidden must be \(3,\)"):
        RBM(np.zeros((2, 3)), np.zeros(2), np.zeros(2))
    with pytest.raises(NetlistError, match="must be \\(n_visible, n_hidden\\)"):
        RBM(np.zeros((2, 0)), np.zeros(2), np.zeros(0))
    with pytest.raises(NetlistError, match="does not hold 4 visible"):
        RBM(np.zeros((4, 3)), np.zeros(4), np.zeros(3), image_shape=(3, 3))
    with pytest.raises(EbmError, match="at most 22"):
        states(23)
    with pytest.raises(EbmError, match="steps must be at least 1"):
        schedule(0)
    with Tiles(1) as tiles:
        with pytest.raises(EbmError, match="chains must be at least 2"):
            ais(toy(), base=np.zeros(6), chains=1, tiles=tiles)
        with pytest.raises(EbmError, match="base must be 6 finite"):
            ais(toy(), base=np.zeros(5), tiles=tiles)


def test_models_are_kept_and_compiled(tmp_path):
    model = replace(toy(), image_shape=(2, 3), threshold=0.25, meta={"data": "toy"})
    save_model(model, tmp_path / "rbm.safetensors")
    again = load_model(tmp_path / "rbm.safetensors")
    assert isinstance(again, RBM) and again.image_shape == (2, 3) and again.threshold == 0.25
    for name in ("w", "b_visible", "b_hidden"):
        np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
    netlist = compile(tmp_path / "rbm.safetensors")
    verify(netlist)
    assert netlist.n_cells == 10 and netlist.n_couplings == 48
    # no couplings at all: independent units
    alone = compile(replace(model, w=np.zeros((6, 4), np.float32)))
    assert alone.n_couplings == 0
    np.testing.assert_allclose(2 * alone.cells.h[:6], model.b_visible, rtol=1e-6)


def test_drawn_samples_have_the_models_law():
    model = toy(scale=0.8)
    good = draw_samples(model, 20_000, sweeps=60, threads=1)
    far, chance = total_variation(good.bits, model)
    bad = draw_samples(model, 20_000, sweeps=1, threads=1)  # too short
    assert far < 1.5 * chance < total_variation(bad.bits, model)[0] / 2
    assert 0 < good.activity < 1 and good.shown.min() > 0
    again = draw_samples(model, 20_000, sweeps=60, threads=1, device=Imperfections())
    np.testing.assert_array_equal(again.bits, good.bits)
    device = Imperfections(mismatch=0.5, bias_mismatch=0.5)
    other = draw_samples(model, 20_000, sweeps=60, threads=1, device=device, device_seed=1)
    assert total_variation(other.bits, model)[0] > 2 * chance
