"""Calibration error, log likelihood, Brier score and the area under a curve, against sums by hand."""

import numpy as np
import pytest

from thermo.calibration import (
    CalibrationError,
    area_under_curve,
    brier_score,
    entropy,
    expected_calibration_error,
    negative_log_likelihood,
)

P = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.45, 0.55]])
Y = np.array([0, 1, 1, 0])


def test_scores_by_hand():
    # bins of confidence .9 (half right), .8 (right) and .55 (wrong)
    assert expected_calibration_error(P, Y) == pytest.approx((2 * 0.4 + 0.2 + 0.55) / 4)
    assert expected_calibration_error(P, Y, bins=1) == pytest.approx(abs(0.5 - (1.8 + 0.8 + 0.55) / 4))
    assert negative_log_likelihood(P, Y) == pytest.approx(-np.log([0.9, 0.1, 0.8, 0.45]).mean())
    assert brier_score(P, Y) == pytest.approx(np.mean([0.02, 1.62, 0.08, 2 * 0.55**2]))
    assert entropy(np.array([[0.5, 0.5], [1.0, 0.0]])) == pytest.approx([np.log(2), 0.0])


def test_labels_drawn_from_the_probabilities_are_calibrated_and_others_are_not():
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.ones(5), 20_000)
    y = (p.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    # at most sqrt(2 / pi) sqrt(a (1 - a) bins / n) of a calibrated model: 0.011 for 15 bins
    assert expected_calibration_error(p, y) < np.sqrt(2 / np.pi) * np.sqrt(0.25 * 15 / 20_000)
    sharper = p**1.3 / (p**1.3).sum(axis=1, keepdims=True)
    assert expected_calibration_error(sharper, y) > 0.03
    assert negative_log_likelihood(sharper, y) > negative_log_likelihood(p, y)


def test_area_is_the_share_of_pairs():
    rng = np.random.default_rng(6)
    within, outside = rng.integers(0, 6, 40), rng.integers(2, 9, 30)
    pairs = (outside[:, None] > within).mean() + 0.5 * (outside[:, None] == within).mean()
    assert area_under_curve(within, outside) == pytest.approx(pairs)
    assert area_under_curve(outside, within) == pytest.approx(1 - pairs)


def test_what_are_no_probabilities_is_refused():
    with pytest.raises(CalibrationError, match="sum to 1"):
        brier_score(2 * P, Y)
    with pytest.raises(CalibrationError, match="labels beside"):
        negative_log_likelihood(P, Y[:2])
    with pytest.raises(CalibrationError, match="bins"):
        expected_calibration_error(P, Y, bins=0)
    with pytest.raises(CalibrationError, match="both kinds"):
        area_under_curve(Y, Y[:0])
