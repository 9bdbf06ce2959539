"""Machines in scikit-learn's cross-validation, beside its own classifier."""

from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from thermo.sklearn import EqpropClassifier, LangevinClassifier, LogicGateClassifier

for name, (x, y) in {"iris": load_iris(return_X_y=True), "wine": load_wine(return_X_y=True)}.items():
    for machine in (
        make_pipeline(StandardScaler(), LogisticRegression()),
        LangevinClassifier(16, epochs=400),
        EqpropClassifier((32,)),
        LogicGateClassifier(),
    ):
        scores = cross_val_score(machine, x, y, cv=5)
        what = type(machine).__name__.replace("Pipeline", "LogisticRegression")
        print(f"{name}  {what:20s} {100 * scores.mean():.1f} ± {100 * scores.std() / 5**0.5:.1f} %")
