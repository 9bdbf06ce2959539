"""Primitives of logic-gate training: sums over lanes, estimators, Gumbel noise, wiring."""

import numpy as np
import pytest

from thermo.kernels.jit import njit
from thermo.kernels.logic import batch as logic_batch
from thermo.kernels.logic import lanes as logic_lanes
from thermo.kernels.logic import layers as logic_layers
from thermo.training import TrainingError
from thermo.training.logic.general_wiring import balanced_wires

EPS = float(np.finfo(np.float32).eps)
LANES = 192


@njit
def dot(x, row, values, values_row):
    return logic_lanes.lane_dot(x, row, values, values_row)


@njit
def combine(out, row, x, index, weight, first, last):
    logic_lanes.combine(out, row, x, index, weight, first, last)


@njit
def scale(out, row, values, values_row, bits, bit_row, clear, set_):
    logic_lanes.scale_by_bit(out, row, values, values_row, bits, bit_row, clear, set_)


@njit
def exponentials(x):
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = logic_lanes.exp_below(x[i])
    return out


def rows(n: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bits as booleans and as the primitives read them, and floats; (n, LANES)."""
    rng = np.random.default_rng(0)
    bits = rng.random((n, LANES)) < 0.4
    words = np.zeros((n, LANES // 64), np.uint64)
    logic_batch.pack_lanes(bits.astype(np.uint8), words)
    return bits, words.view(np.uint16), rng.standard_normal((n, LANES)).astype(np.float32)


def test_sums_over_lanes_are_those_of_numpy():
    bits, halves, x = rows()
    for source, values in ((halves, bits), (x, x)):
        for row in range(0, 30, 7):
            terms = values[row].astype(float) * x[3]
            # each of 64 partial sums has LANES / 64 terms and the tree has 6 levels
            bound = EPS * (LANES / 64 + 6) * np.abs(terms).sum()
            assert abs(dot(source, row, x, 3) - terms.sum()) < bound
    assert abs(dot(halves, 1, x, 3) - (~bits[1] * x[3].astype(float)).sum()) > 1


def test_combinations_of_rows_are_those_of_numpy():
    bits, halves, x = rows()
    rng = np.random.default_rng(1)
    index = rng.integers(0, 30, 50).astype(np.int32)
    weight = rng.standard_normal(50).astype(np.float32)
    for source, values in ((halves, bits), (x, x)):
        out = np.full((2, LANES), np.nan, np.float32)
        combine(out, 1, source, index, weight, 5, 45)
        terms = weight[5:45, None].astype(float) * values[index[5:45]]
        assert (np.abs(out[1] - terms.sum(axis=0)) < EPS * 40 * np.abs(terms).sum(axis=0)).all()
        assert np.isnan(out[0]).all()
        combine(out, 0, source, index, weight, 5, 5)
        assert not out[0].any()


def test_bits_choose_factors_and_become_floats():
    bits, halves, x = rows()
    out = np.zeros((2, LANES), np.float32)
    scale(out, 1, x, 4, halves, 9, np.float32(-2.0), np.float32(0.5))
    assert np.array_equal(out[1], x[4] * np.where(bits[9], np.float32(0.5), np.float32(-2.0)))
    spread = np.zeros((30, LANES), np.float32)
    logic_batch.bits_to_floats(halves, spread)
    assert np.array_equal(spread, bits)


def test_exponential_is_good_to_two_units_and_flat_far_below():
    x = -np.linspace(0, 87, 20001).astype(np.float32)
    assert np.abs(exponentials(x) / np.exp(x.astype(float)) - 1).max() < 2 * EPS
    assert exponentials(np.zeros(1, np.float32))[0] == 1
    far = exponentials(np.array([-87.0, -1e30, -np.inf], np.float32))
    assert far[0] == far[1] == far[2] and 0 < far[0] < 1e-37


# --- gates ---------------------------------------------------------------------------------------


def chosen_tables(logits, estimator=logic_layers.ESTIMATE_SIGMOID, power=1.0):
    logits = np.asarray(logits, np.float32)
    soft, inner = np.zeros((logits.shape[0], 4), np.float32), np.zeros_like(logits)
    op = np.zeros(logits.shape[0], np.uint8)
    logic_layers.gate_tables(
        logits,
        np.zeros((0, 0), np.float32),
        np.float32(1),
        estimator,
        np.float32(power),
        soft,
        inner,
        op,
        0,
        logits.shape[0],
    )
    return soft, inner, op


@pytest.mark.parametrize("n", [4, 16])
def test_all_sixteen_gates_on_bits(n):
    if n == 16:
        logits = 3 * np.eye(16)
    else:
        logits = [[1 if op >> (3 - t) & 1 else -1 for t in range(4)] for op in range(16)]
    *_, op = chosen_tables(logits)
    assert np.array_equal(op, np.arange(16))
    a, b = np.uint64(0b0011), np.uint64(0b0101)
    out = np.zeros((16, 1), np.uint64)
    nets = np.array([[0] * 16, [1] * 16], np.int32)
    logic_layers.forward_bits(op, nets, np.array([[a], [b]]), out, 0, 16)
    # lanes 3, 2, 1, 0 hold (a, b) = 00, 01, 10, 11: the low bits are the gate id
    assert np.array_equal(out[:, 0] & np.uint64(15), np.arange(16, dtype=np.uint64))


def test_reste_slope_is_that_of_its_function():
    """Its mean near 0, the derivative of |z|^(1/o) further out, then none (arXiv 2308.06689)."""
    power = 2.5
    z = np.array([0.05, 0.099, 0.11, 0.4, 0.9, 1.49, 1.51, 4.0])
    z = np.concatenate([z, -z]).reshape(-1, 4)
    soft, slope, _ = chosen_tables(z, logic_layers.ESTIMATE_RESTE, power)
    size, h = np.abs(z), 1e-6
    inside = ((size + h) ** (1 / power) - (size - h) ** (1 / power)) / (2 * h)
    want = np.where(size < 0.1, 0.1 ** (1 / power) / 0.1, inside)
    want[size > 1.5] = 0
    assert np.allclose(slope, 0.5 * want, rtol=1e-5)
    assert np.allclose(soft, 0.5 + 0.5 * np.sign(z) * np.minimum(size ** (1 / power), 1), atol=1e-6)
    # order 1 is the clipped straight-through estimator
    assert np.array_equal(chosen_tables(z, logic_layers.ESTIMATE_RESTE)[1], np.where(size < 1.5, 0.5, 0))


# --- noise ---------------------------------------------------------------------------------------

N = 200_000
Z = 4.5  # two-sided: 7e-6 a comparison


def noise(n=N, size=1.0, step=0, first=0, logistic=False, identity=0, seed=3):
    out = np.empty(n, np.float32)
    logic_batch.fill_gumbel(out, size, seed, identity, step, first, logistic)
    return out


def moments_fit(x: np.ndarray, logistic: bool) -> bool:
    """Mean and variance of the standard Gumbel (kurtosis 5.4) or logistic (4.2) distribution."""
    mean, variance, kurtosis = (0.0, np.pi**2 / 3, 4.2) if logistic else (np.euler_gamma, np.pi**2 / 6, 5.4)
    z_mean = (x.mean() - mean) / np.sqrt(variance / x.size)
    z_variance = (x.var() / variance - 1) / np.sqrt((kurtosis - 1) / x.size)
    return abs(z_mean) < Z and abs(z_variance) < Z


@pytest.mark.parametrize("logistic", [False, True])
def test_noise_has_its_distribution(logistic):
    x = noise(logistic=logistic).astype(float)
    assert moments_fit(x, logistic)
    assert not moments_fit(1.02 * x, logistic)
    assert not moments_fit(x + 0.03, logistic)


def test_the_largest_noisy_logit_is_a_draw_from_the_softmax():
    logits = np.array([0.0, 1.0, -0.5, 0.3])
    p = np.exp(logits) / np.exp(logits).sum()

    def fits(size: float) -> bool:
        drawn = np.argmax(logits + noise(4 * N, size).reshape(-1, 4), axis=1)
        share = np.bincount(drawn, minlength=4) / N
        return bool((np.abs(share - p) < Z * np.sqrt(p * (1 - p) / N)).all())

    assert fits(1.0)
    assert not fits(0.95)


def test_noise_belongs_to_its_place():
    whole = noise(1000)
    assert np.array_equal(whole[37:512], noise(475, first=37))
    for other in (noise(1000, step=1), noise(1000, identity=1), noise(1000, seed=4)):
        assert (whole != other).mean() > 0.99


# --- wiring --------------------------------------------------------------------------------------


def spread(wires: np.ndarray, below: int) -> int:
    counts = np.bincount(wires.reshape(-1), minlength=below)
    return int(counts.max() - counts.min())


@pytest.mark.parametrize(
    ("below", "gates", "k"), [(7, 50, 3), (7, 50, 7), (7, 50, 5), (100, 64, 8), (784, 1000, 1)]
)
def test_wiring_is_balanced(below, gates, k):
    wires = balanced_wires(below, gates, k, np.random.default_rng(1))
    assert wires.shape == (2, gates, k) and wires.dtype == np.int32
    assert spread(wires, below) <= 1
    both = [2 * k] if 2 * k <= below else [k, k]
    for g in range(gates):
        groups = [wires[:, g].reshape(-1)] if len(both) == 1 else list(wires[:, g])
        assert [np.unique(group).size for group in groups] == both
    assert spread(np.random.default_rng(1).integers(0, below, 2 * gates * k), below) > 1


def test_more_candidates_than_nets_are_refused():
    with pytest.raises(TrainingError, match=r"k must be at most the 5 nets of the layer below"):
        balanced_wires(5, 10, 6, np.random.default_rng(0))
