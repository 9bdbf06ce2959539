"""Draws of devices: their statistics against a derived tolerance, with twins that must fail."""

import numpy as np
import pytest
from scipy import special, stats

from hw_models.errors import HardwareError
from hw_models.imperfect import Imperfections, bias_factors, factors, perturb, perturb_bias, quantise, written
from hw_models.normals import make_key, standard_normals

NUMBERS, BIASES = (
    [0.7663505673408508, 1.0721707344055176, 1.004624605178833],
    [1.5055673122406006, 1.0277626514434814],
)
Z = 4.4  # two-sided alpha of 1e-5 a check


def pairs(n, rng):
    """A full symmetric coupling matrix of n cells without diagonal, as columns."""
    rows, cols = np.nonzero(~np.eye(n, dtype=bool))
    matrix = rng.normal(size=(n, n))
    matrix += matrix.T
    return matrix[rows, cols], rows, cols


def spread_z(relative, sd):
    """z of sum (r / sd)^2, which is chi-square of mean n and variance 2 n, and of the mean of r."""
    n = relative.size
    return ((np.sum((relative / sd) ** 2) - n) / np.sqrt(2 * n), relative.mean() / (sd / np.sqrt(n)))


def test_mismatch_has_the_stated_spread_and_a_wider_one_is_seen():
    w, rows, cols = pairs(150, np.random.default_rng(1))
    relative = perturb(w, rows, cols, Imperfections(mismatch=0.1), 5) / w - 1
    assert max(np.abs(spread_z(relative, 0.1))) < Z
    assert spread_z(1.1 * relative, 0.1)[0] > Z
    assert abs(spread_z(relative + 0.01, 0.1)[1]) > Z


def test_mismatch_is_independent_in_the_two_directions_of_a_pair():
    n = 150
    w, rows, cols = pairs(n, np.random.default_rng(1))
    matrix = np.zeros((n, n))
    matrix[rows, cols] = perturb(w, rows, cols, Imperfections(mismatch=0.1), 5) / w - 1
    above = np.triu_indices(n, 1)
    a, b = matrix[above] / 0.1, matrix.T[above] / 0.1
    # products of independent standard normals have mean 0 and variance 1
    assert abs(np.sum(a * b)) / np.sqrt(a.size) < Z
    assert abs(np.sum(a * a)) / np.sqrt(a.size) > Z  # one draw for both would be seen


def test_asymmetry_is_antisymmetric_in_pairs():
    n = 150
    w, rows, cols = pairs(n, np.random.default_rng(2))
    matrix = np.zeros((n, n))
    matrix[rows, cols] = perturb(w, rows, cols, Imperfections(asymmetry=0.2), 9) / w - 1
    np.testing.assert_allclose(matrix, -matrix.T, atol=1e-7)  # factors are float32
    a = matrix[np.triu_indices(n, 1)]
    assert max(np.abs(spread_z(a, 0.2))) < Z
    assert spread_z(1.1 * a, 0.2)[0] > Z


def test_a_coupling_without_partner_gets_its_own_draw():
    rows, cols = np.full(20_000, 20_000), np.arange(20_000)
    relative = perturb(np.ones(20_000), rows, cols, Imperfections(asymmetry=0.3), 1) - 1
    assert max(np.abs(spread_z(relative, 0.3))) < Z
    assert np.unique(relative).size > 0.99 * relative.size  # factors are float32


def test_the_antisymmetric_draw_does_not_depend_on_the_order_of_the_couplings():
    w, rows, cols = pairs(12, np.random.default_rng(3))
    order = np.random.default_rng(4).permutation(w.size)
    spread = Imperfections(asymmetry=0.2)
    shuffled = perturb(w[order], rows[order], cols[order], spread, 3)
    np.testing.assert_array_equal(shuffled, perturb(w, rows, cols, spread, 3)[order])


def test_bias_spread():
    h = np.full(20_000, -2.0)
    cells = np.arange(h.size)
    relative = perturb_bias(h, Imperfections(bias_mismatch=0.05), 8, cells) / h - 1
    assert max(np.abs(spread_z(relative, 0.05))) < Z
    assert spread_z(1.1 * relative, 0.05)[0] > Z
    assert perturb_bias(h, Imperfections(mismatch=0.3), 8, cells) is h


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_quantise_levels(bits):
    w = np.random.default_rng(6).normal(size=4000)
    outer = 2 ** (bits - 1) - 1
    step = np.abs(w).max() / outer
    q = quantise(w, bits)
    k = np.round(q / step)
    np.testing.assert_allclose(q, k * step, rtol=1e-12)
    assert np.abs(k).max() == outer and np.unique(k).size <= 2 * outer + 1
    assert np.abs(q - w).max() <= step / 2 * (1 + 1e-9)
    np.testing.assert_array_equal(quantise(-w, bits), -q)


def test_two_bits_by_hand():
    np.testing.assert_allclose(quantise(np.array([4.0, -1.9, 2.1, -4.0, 0.0]), 2), [4, 0, 4, -4, 0])


def test_nothing_to_quantise():
    w = np.array([0.3, -0.2])
    assert quantise(w, None) is w
    np.testing.assert_array_equal(quantise(np.zeros(3), 4), np.zeros(3))
    assert quantise(np.zeros(0), 4).size == 0


def test_quantisation_comes_before_mismatch():
    w, rows, cols = pairs(10, np.random.default_rng(7))
    both = perturb(w, rows, cols, Imperfections(mismatch=0.1, bits=3), 2)
    np.testing.assert_allclose(
        both, perturb(quantise(w, 3), rows, cols, Imperfections(mismatch=0.1), 2), rtol=1e-15
    )


def test_draws_repeat_with_the_seed_and_change_with_it():
    w, rows, cols = pairs(20, np.random.default_rng(8))
    spread = Imperfections(mismatch=0.1, asymmetry=0.1, bits=6)
    first = perturb(w, rows, cols, spread, 4)
    np.testing.assert_array_equal(first, perturb(w, rows, cols, spread, 4))
    assert not np.any(first[first != 0] == perturb(w, rows, cols, spread, 5)[first != 0])
    h = np.ones(30)
    spread = Imperfections(bias_mismatch=0.1)
    cells = np.arange(30)
    first = perturb_bias(h, spread, 4, cells)
    np.testing.assert_array_equal(first, perturb_bias(h, spread, 4, cells))
    assert not np.any(first == perturb_bias(h, spread, 5, cells))


def test_one_imperfection_leaves_the_draws_of_another_alone():
    w, rows, cols = pairs(20, np.random.default_rng(9))
    a = perturb(w, rows, cols, Imperfections(mismatch=0.1), 4) / w
    b = perturb(w, rows, cols, Imperfections(asymmetry=0.2), 4) / w
    both = perturb(w, rows, cols, Imperfections(mismatch=0.1, asymmetry=0.2), 4) / w
    np.testing.assert_allclose(both, a * b, rtol=2e-7)  # rounded to float32 once


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_the_input_untouched(dtype):
    w = np.array([1.0, -2.0], dtype)
    before = w.copy()
    out = perturb(w, np.array([0, 1]), np.array([1, 0]), Imperfections(0.1, 0.1, 8), 0)
    assert out.dtype == dtype
    np.testing.assert_array_equal(w, before)


def test_a_perfect_device_changes_nothing():
    w, rows, cols = pairs(5, np.random.default_rng(10))
    np.testing.assert_array_equal(perturb(w, rows, cols, Imperfections(), 3), w)
    assert Imperfections().ideal and not Imperfections(bits=8).ideal
    none = np.zeros(0)
    assert perturb(none, none.astype(int), none.astype(int), Imperfections(0.1, 0.1, 4), 0).size == 0


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"mismatch": -0.1}, "mismatch must be a relative spread >= 0, got -0.1"),
        ({"asymmetry": np.nan}, "asymmetry must be a relative spread >= 0, got nan"),
        ({"bias_mismatch": np.inf}, "bias_mismatch must be a relative spread"),
        ({"mismatch": "a lot"}, "mismatch must be a relative spread >= 0, got 'a lot'"),
        ({"bits": 1}, "bits must be a whole number from 2 to 24 or none, got 1"),
        ({"bits": 25}, "got 25"),
        ({"bits": 3.5}, "got 3.5"),
    ],
)
def test_nonideal_refuses(values, rule):
    with pytest.raises(HardwareError, match=rule):
        Imperfections(**values)


def test_a_negative_seed_is_named():
    one = np.ones(1)
    with pytest.raises(HardwareError, match="device seed must be a whole number >= 0, got -1"):
        perturb(one, np.zeros(1, int), np.zeros(1, int), Imperfections(mismatch=0.1), -1)
    with pytest.raises(HardwareError, match="device seed must be a whole number >= 0, got -2"):
        perturb_bias(one, Imperfections(bias_mismatch=0.1), -2, np.zeros(1, int))


def test_dict_round_trip():
    spread = Imperfections(mismatch=0.1, asymmetry=0.2, bits=6, bias_mismatch=0.3)
    assert Imperfections.from_dict(spread.to_dict()) == spread
    with pytest.raises(HardwareError, match="non-ideality 'drift' does not exist; choose from mis"):
        Imperfections.from_dict({"drift": 1})


def test_columns_of_different_lengths_are_named():
    one = np.ones(1)
    with pytest.raises(HardwareError, match=r"columns of one length, got shapes \(1,\), \(2,\)"):
        perturb(one, np.zeros(2, int), np.zeros(1, int), Imperfections(), 0)


def test_arrays_are_quantised_to_their_own_range():
    weights = np.array([8.0, 3.0, 0.5, 0.2])
    rows, cols, array = np.arange(4), np.arange(1, 5), np.array([0, 0, 1, 1])
    device = Imperfections(bits=2)  # levels -max, 0, max
    apart = perturb(weights, rows, cols, device, 0, array)
    assert apart.tolist() == [8.0, 0.0, 0.5, 0.0]
    assert perturb(weights, rows, cols, device, 0).tolist() == [8.0, 0.0, 0.0, 0.0]


def test_a_factor_is_a_function_of_its_two_cells_alone():
    law, cells = Imperfections(mismatch=0.1, asymmetry=0.2, bias_mismatch=0.3), np.arange(40)
    whole = factors(law, 7, cells[:, None], cells[None, :])
    # one after another, in another order, as part of a block
    for i, j in ((3, 17), (17, 3), (0, 39)):
        assert factors(law, 7, i, j) == whole[i, j]
    rows, cols = cells[::-1], np.roll(cells, 5)
    np.testing.assert_array_equal(factors(law, 7, rows, cols), whole[rows, cols])
    np.testing.assert_array_equal(factors(law, 7, 30 + cells[:10, None], cells[:5]), whole[30:, :5])
    np.testing.assert_array_equal(bias_factors(law, 7, cells)[::-1], bias_factors(law, 7, cells[::-1]))
    assert (factors(law, 8, cells[:, None], cells) != whole).mean() > 0.99


def test_these_numbers_do_not_change():
    """Devices are known by their seeds: other numbers would be other machines."""
    law = Imperfections(mismatch=0.1, asymmetry=0.2, bias_mismatch=0.3)
    assert [float(f) for f in factors(law, 5, [0, 1, 9], [1, 0, 1000])] == NUMBERS
    assert [float(f) for f in bias_factors(law, 2**70 + 1, [0, 4])] == BIASES


def test_a_float32_and_a_float64_machine_have_the_same_couplings():
    rng = np.random.default_rng(11)
    weights = rng.normal(size=5000).astype(np.float32)
    rows, cols = rng.integers(0, 900, (2, 5000))
    law = Imperfections(mismatch=0.3, asymmetry=0.3, bits=7)
    single = perturb(weights, rows, cols, law, 3)
    double = perturb(weights.astype(np.float64), rows, cols, law, 3)
    assert single.dtype == np.float32 and double.dtype == np.float64
    np.testing.assert_array_equal(single, double.astype(np.float32))
    # also in units that differ by a power of two
    np.testing.assert_array_equal(
        single, 4 * perturb(weights.astype(float) / 4, rows, cols, law, 3).astype("f4")
    )
    other = (weights.astype(np.float64) * factors(law, 3, rows, cols).astype(np.float64) * (1 + 1e-7)).astype(
        "f4"
    )
    assert not np.array_equal(single, other)


def test_a_conductance_is_one_element_both_ways():
    cells = np.arange(60)
    law = Imperfections(mismatch=0.1, asymmetry=0.2)
    one = factors(law, 4, cells[:, None], cells[None, :], mutual=True)
    np.testing.assert_array_equal(one, one.T)
    assert max(np.abs(spread_z(one[np.triu_indices(60, 1)] - 1, 0.1))) < Z
    two = factors(law, 4, cells[:, None], cells[None, :])
    assert not np.array_equal(two, two.T)


def test_blocks_of_one_array_share_their_range():
    a, b = np.array([8.0, 3.0], np.float32), np.array([[3.0, -5.0]], np.float32)
    ends = [(np.arange(2), 5), (np.array([[3]]), np.arange(2)[None, :])]
    made = written([a, b], ends, Imperfections(bits=2), 0)
    assert [q.tolist() for q in made] == [[8.0, 0.0], [[0.0, -8.0]]]
    assert written([a, b], ends, Imperfections(), 0)[1] is b


def test_normals_are_normal():
    key = make_key(3, 0)
    z = standard_normals(key, np.arange(400)[:, None], np.arange(500)[None, :])
    n = z.size
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-5
    assert stats.kstest(1.05 * z.ravel(), "norm").pvalue < 1e-5
    for other in (
        z[:, 1:] * z[:, :-1],
        z[1:] * z[:-1],
        z * standard_normals(make_key(4, 0), np.arange(400)[:, None], np.arange(500)),
        z * standard_normals(make_key(3, 1), np.arange(400)[:, None], np.arange(500)),
        z * standard_normals(key, np.arange(500)[None, :], np.arange(400)[:, None]),
    ):
        assert abs(other.mean()) * np.sqrt(other.size) < Z  # products of independent ones
    assert abs((z * z).mean() - 1) < Z * np.sqrt(2 / n) and abs((z * z).mean()) * np.sqrt(n) > Z


def test_the_inverse_distribution_is_right_to_seven_digits():
    from hw_models.normals import _inverse

    k = np.concatenate([np.arange(1000), np.random.default_rng(0).integers(0, 2**53, 100_000)]).astype(float)
    found, want = _inverse(k), special.ndtri((k + 0.5) * 2.0**-53)
    np.testing.assert_allclose(found, want, rtol=2e-7, atol=1e-9)
    last = 2.0**53 - 1
    np.testing.assert_array_equal(_inverse(last - k[k > last / 2]), -_inverse(k[k > last / 2]))
