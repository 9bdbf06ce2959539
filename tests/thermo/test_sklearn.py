"""Estimators keep scikit-learn's rules, in its own words, and answer as their netlists do."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
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


def behind(y, ours, theirs):
    """Share of rows that ours is behind theirs, less 2.3 of its standard errors: of the rows that one alone
    gets right as many are either's by chance (McNemar), and once in a hundred more are theirs.
    """
    apart = (theirs == y).astype(int) - (ours == y)
    return apart.mean() - 2.3 * np.sqrt(np.abs(apart).sum()) / y.size


@pytest.mark.slow
@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer], ids=lambda f: f.__name__)
def test_tables_are_learnt_within_a_point_of_a_tuned_linear_model(load):
    x, y = load(return_X_y=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    linear = make_pipeline(StandardScaler(), LogisticRegressionCV(Cs=5, cv=3, max_iter=2000))
    theirs = cross_val_predict(linear, x, y, cv=folds)
    for machine in (EqpropClassifier(), LogicGateClassifier()):
        assert behind(y, cross_val_predict(machine, x, y, cv=folds), theirs) < 0.01
    hasty = cross_val_predict(LogicGateClassifier((int(y.max()) + 1,), epochs=1), x, y, cv=folds)
    assert behind(y, hasty, theirs) > 0.01  # a gate a class, and one pass


def test_a_small_table_is_trained_on_whole():
    x, y = load_iris(return_X_y=True)
    _, data = prepared(x, y, 3, None, 0, None)
    assert data.x_train.shape[0] == 150 and data.x_valid is data.x_train
    _, held = prepared(x, y, 3, 0.2, 0, None)
    assert held.x_train.shape[0] == 120 and held.x_valid.shape[0] == 30
    digits, labels = load_digits(return_X_y=True)
    _, pictures = prepared(digits[:500], labels[:500], 10, None, 0, None)
    assert pictures.image_shape == (8, 8) and 60 < pictures.x_valid.shape[0] < 90
