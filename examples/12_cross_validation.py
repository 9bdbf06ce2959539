"""Machines with their default settings in scikit-learn's cross-validation, beside tuned baselines."""

import numpy as np
from scipy.stats import ttest_rel
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
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

folds = StratifiedKFold(5, shuffle=True, random_state=0)


def told(values):
    """Mean of all folds and its standard error."""
    return f"{values.mean():.1f} ± {values.std(ddof=1) / 5**0.5:.1f}"


for name, load in {"iris": load_iris, "wine": load_wine, "cancer": load_breast_cancer}.items():
    x, y = load(return_X_y=True)
    tuned = {what: 100 * cross_val_score(model, x, y, cv=folds) for what, model in BASELINES.items()}
    for what, scores in tuned.items():
        print(f"{name:6} {what:22s} {told(scores)} %", flush=True)
    best = max(tuned.values(), key=np.mean)
    for machine in MACHINES:
        scores = 100 * cross_val_score(machine, x, y, cv=folds)
        p = ttest_rel(scores, best).pvalue if np.ptp(scores - best) else 1.0
        what = type(machine).__name__
        print(
            f"{name:6} {what:22s} {told(scores)} %, to the best {told(scores - best)}, p = {p:.2f}",
            flush=True,
        )
