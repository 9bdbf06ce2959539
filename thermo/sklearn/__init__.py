"""Machines as estimators of scikit-learn: in its pipelines, searches and cross-validations.

    from thermo.sklearn import LangevinClassifier
    cross_val_score(LangevinClassifier(), X, y)

Each is a thin wrapper: the settings are those of the trainer for such data, the answers those of the
compiled netlist, which is at hand as `netlist_` for thermo.simulate and thermo.estimate.
"""

from thermo.sklearn.boltzmann import BernoulliRBM as BernoulliRBM
from thermo.sklearn.classifiers import EqpropClassifier as EqpropClassifier
from thermo.sklearn.classifiers import LangevinClassifier as LangevinClassifier
from thermo.sklearn.classifiers import LogicGateClassifier as LogicGateClassifier
