"""Machines with their default settings in scikit-learn's cross-validation, beside tuned baselines.

--repeats N shuffles the rows N times. Errors are those of Nadeau and Bengio (Machine Learning 52, 2003):
folds share what they train on, so that their variance counts 1 / folds + 1 / 4 times.
"""

import argparse

import numpy as np
from scipy.stats import t
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from thermo.sklearn import EqpropClassifier, LangevinClassifier, LogicGateClassifier

network = MLPClassifier((32,), solver="lbfgs", max_iter=500, random_state=0)
BASELINES = {
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegressionCV(Cs=5, cv=3, max_iter=2000)),
    "multi-layer perceptron": GridSearchCV(
        make_pipeline(StandardScaler(), network), {"mlpclassifier__alpha": [0.1, 1.0, 10.0]}, cv=3
    ),
}
MACHINES = (LangevinClassifier(), EqpropClassifier(), LogicGateClassifier())

arguments = argparse.ArgumentParser()
arguments.add_argument("--repeats", type=int, default=1)
folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=arguments.parse_known_args()[0].repeats, random_state=0)


def error(values):
    """Standard error of the mean of all folds, whose trainings share three quarters of their rows."""
    return np.sqrt((1 / values.size + 1 / 4) * values.var(ddof=1))


def told(values):
    return f"{values.mean():.1f} ± {error(values):.1f}"


def chance(difference):
    """Of a mean as far from 0 as this, both sides."""
    return (
        2 * t.sf(abs(difference.mean()) / error(difference), difference.size - 1)
        if np.ptp(difference)
        else 1.0
    )


for name, load in {"iris": load_iris, "wine": load_wine, "cancer": load_breast_cancer}.items():
    x, y = load(return_X_y=True)
    tuned = {what: 100 * cross_val_score(model, x, y, cv=folds) for what, model in BASELINES.items()}
    for what, scores in tuned.items():
        print(f"{name:6} {what:22s} {told(scores)} %", flush=True)
    best = max(tuned.values(), key=np.mean)
    for machine in MACHINES:
        scores = 100 * cross_val_score(machine, x, y, cv=folds)
        what, apart = type(machine).__name__, scores - best
        print(
            f"{name:6} {what:22s} {told(scores)} %, to the best {told(apart)}, p = {chance(apart):.2f}",
            flush=True,
        )
