"""Estimators keep scikit-learn's rules, in its own words, and answer as their netlists do."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from thermo.evaluate import evaluate
from thermo.simulate.run import simulate
from thermo.sklearn import BernoulliRBM, EqpropClassifier, LangevinClassifier, LogicGateClassifier
from thermo.sklearn.prepared import prepared

QUICK = (
    LangevinClassifier(8, epochs=300),
    EqpropClassifier((8,), epochs=30),
    LogicGateClassifier(epochs=20),
    BernoulliRBM(8, n_iter=10),
)


@pytest.mark.parametrize("estimator", QUICK, ids=lambda e: type(e).__name__)
def test_scikit_learns_own_checks_pass(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(estimator, on_fail=None)
    failed = {check["check_name"]: str(check["exception"]) for check in found if check["status"] == "failed"}
    assert not failed
    assert sum(check["status"] == "passed" for check in found) > 40


@pytest.mark.parametrize("estimator", QUICK[:3], ids=lambda e: type(e).__name__)
def test_answers_are_those_of_the_compiled_netlist(estimator):
    x, y = load_iris(return_X_y=True)
    words = np.array(["setosa", "versicolor", "virginica"])[y]
    machine = clone(estimator).fit(x, words)
    given = {"seed": machine.seed_, "runs": machine.runs} if isinstance(machine, LangevinClassifier) else {}
    if isinstance(machine, EqpropClassifier):
        given = {"kT": 0.0}
    again = simulate(machine.netlist_, machine.prepare_(x), **given).predictions()
    assert np.array_equal(machine.predict(x), machine.classes_[again])
    shares = machine.predict_proba(x)
    assert np.allclose(shares.sum(axis=1), 1) and np.array_equal(shares.argmax(axis=1), again)
    _, data = prepared(x, y, 3, 0.15, machine.seed_, None)
    figures, _ = evaluate(machine.netlist_, data, "valid")
    assert figures.accuracy > 0.6  # a third by chance


def test_one_class_is_refused_by_name():
    with pytest.raises(ValueError, match=r"LogicGateClassifier: y has one class, 1"):
        LogicGateClassifier().fit(np.eye(4), np.ones(4, int))


def test_features_of_p_bits_serve_a_linear_classifier():
    """A transformer in a pipeline, on digits: five standard errors of 300 guesses better than a tenth."""
    x, y = load_digits(return_X_y=True)
    pipe = make_pipeline(BernoulliRBM(64, n_iter=100), LogisticRegression(max_iter=200))
    assert pipe.fit(x[:300], y[:300]).score(x[300:600], y[300:600]) > 0.1 + 5 * np.sqrt(0.09 / 300)
    rbm = BernoulliRBM(16, n_iter=2).fit(x[:100])
    assert rbm.components_.shape == (16, 64) and rbm.netlist_.n_cells == 80
    assert list(rbm.get_feature_names_out()[:2]) == ["bernoullirbm0", "bernoullirbm1"]
