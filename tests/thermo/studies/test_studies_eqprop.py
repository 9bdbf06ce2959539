"""Studies of training by equilibrium propagation: seeds become means, JAX's rows stand beside."""

from dataclasses import replace

import numpy as np
import pytest

from thermo.data import load_dataset
from thermo.studies.eqprop import (
    Trained,
    holomorphic_points,
    noise_points,
    over_seeds,
    run_trainings,
    summarise,
)
from thermo.training.eqprop.presets import study_preset


def trained(series, accuracy, seed, failed=""):
    return Trained(series, accuracy, 0.9, 10.0 * seed, 1e-3, 2.0, 1.0, 1.0, "", failed, seed)


def test_means_and_standard_errors_by_hand():
    nan = float("nan")
    found = [
        trained("a", 0.90, 0),
        trained("a", 0.94, 1),
        trained("a", nan, 2, "x: raise sweeps"),
        trained("b", 0.5, 0),
        trained("c", nan, 0, "y: lower rates"),
    ]
    a, b, c = summarise(found)
    assert (a.series, a.n) == ("a", 2) and a.accuracy == pytest.approx(0.92)
    assert a.sem == pytest.approx(0.04 / np.sqrt(2) / np.sqrt(2))  # deviation .0283, over root 2
    assert a.angle == 5.0 and a.failed == "x: raise sweeps"
    assert (b.n, b.sem, b.accuracy) == (1, 0.0, 0.5)
    assert c.n == 0 and np.isnan(c.accuracy) and c.failed


def test_seeds_follow_each_other_and_figures_differ(tmp_path):
    digits = load_dataset("digits")
    base = study_preset(digits, [12], 1, 5)
    points = over_seeds(noise_points(base, (0.0,), (0.5,)), 2)
    assert [p.config.seed for p in points] == [5, 6, 5, 6]
    assert len({p.key(digits) for p in points}) == 4
    found = run_trainings(points, digits, tmp_path, threads=1)
    assert [t.seed for t in found] == [5, 6, 5, 6]
    assert found[0].accuracy != found[1].accuracy
    assert [m.n for m in summarise(found)] == [2, 2]


@pytest.mark.slow  # JAX compiles two networks
def test_sigmoid_rows_are_trained_with_jax(tmp_path):
    digits = load_dataset("digits")
    base = replace(study_preset(digits, [12], 2, 0), batch=64)
    points = holomorphic_points(digits, base, (0.04,), (0.5,), 4)
    assert [p.config.estimator for p in points] == ["positive", "holomorphic"]
    assert points[1].config.points == 4 and points[1].config.activation == "shifted-sigmoid"
    (found,) = run_trainings(points[1:], digits, tmp_path, threads=1)
    updates = 2 * (digits.x_train.shape[0] // 64)
    assert found.relaxations == updates * 64 * 5  # free, two real points and a conjugate pair
    assert found.weight_writes == updates * (64 * 12 + 120) and found.accuracy > 0.15
