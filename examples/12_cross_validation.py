"""Machines with their default settings in scikit-learn's cross-validation, beside a tuned linear model."""

from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from thermo.sklearn import EqpropClassifier, LangevinClassifier, LogicGateClassifier

folds = StratifiedKFold(5, shuffle=True, random_state=0)
for name, load in {"iris": load_iris, "wine": load_wine, "cancer": load_breast_cancer}.items():
    x, y = load(return_X_y=True)
    for machine in (
        make_pipeline(StandardScaler(), LogisticRegressionCV(Cs=5, cv=3, max_iter=2000)),
        LangevinClassifier(),
        EqpropClassifier(),
        LogicGateClassifier(),
    ):
        scores = cross_val_score(machine, x, y, cv=folds)
        what = type(machine).__name__.replace("Pipeline", "LogisticRegressionCV")
        print(
            f"{name:6} {what:20s} {100 * scores.mean():.1f} ± {100 * scores.std() / 5**0.5:.1f} %", flush=True
        )
