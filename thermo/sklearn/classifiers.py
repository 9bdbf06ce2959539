"""Classifiers: a trainer's settings as parameters, its compiled netlist as predictor."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from compiler.families.hopfield import lower_hopfield
from compiler.families.langevin import lower_langevin
from compiler.families.logic import lower_logic
from hw_models.device import Device
from hw_models.imperfect import Imperfections
from thermo.data import Dataset
from thermo.simulate.run import simulate
from thermo.sklearn.prepared import prepared
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.presets import eqprop_preset
from thermo.training.eqprop.train import train_eqprop
from thermo.training.langevin.presets import pathwise_preset
from thermo.training.langevin.train import train_pathwise
from thermo.training.logic import logic_preset, train_logic

EACH = """
    epochs : None: what suits the rows
    validation_fraction : of the rows of `fit`, by which the epoch is chosen; None: 0.15, of a table of
        fewer than 1,000 rows none, and all are trained on
    image_shape : (height, width[, channels]) of rows that are pictures, (): they are none; None: told from
        how their values vary
    random_state : of everything that is drawn, also in `predict`
    threads : None: all; results do not depend on it

    Attributes: classes_, n_features_in_, model_, netlist_, config_ (all settings), history_, n_iter_.
    """


class _Machine(ClassifierMixin, BaseEstimator, metaclass=ABCMeta):
    """What all of them do: rows and classes checked, brought into [0, 1], trained on, compiled."""

    def fit(self, X: Any, y: Any) -> _Machine:
        """Train on X (n, d) and y (n,); ValueError for what is no classification."""
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32), ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if self.classes_.size < 2:
            raise ValueError(
                f"{type(self).__name__}: y has one class, {self.classes_[0]}; a classifier needs two"
            )
        self.seed_ = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.prepare_, data = prepared(
            X, codes, self.classes_.size, self.validation_fraction, self.seed_, self.image_shape
        )
        trained = self._trained(data)
        self.model_, self.history_, self.config_ = trained.model, trained.history, trained.config
        self.n_iter_ = len(trained.history)
        self.netlist_ = self._lowered()
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """(n, classes) what each class's read-out says; (n,) how much more the second says, of two."""
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if self.classes_.size == 2 else scores

    def predict(self, X: Any) -> np.ndarray:
        """(n,) the class whose read-out is largest."""
        scores = self._scores(X)
        return self.classes_[scores.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """(n, classes) softmax of the read-outs, in the unit that training had."""
        z = self._scores(X) * self._unit()
        z = np.exp(z - z.max(axis=1, keepdims=True))
        return z / z.sum(axis=1, keepdims=True)

    def _scores(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        return np.asarray(self._answers(self.prepare_(X)), np.float64)

    def _settings(self, **given: Any) -> dict[str, Any]:
        """Those that are not None, and the seed."""
        return {"seed": self.seed_} | {name: value for name, value in given.items() if value is not None}

    def _unit(self) -> float:
        return 1.0

    @abstractmethod
    def _trained(self, data: Dataset) -> Any: ...

    @abstractmethod
    def _lowered(self) -> Any: ...

    @abstractmethod
    def _answers(self, x: np.ndarray) -> np.ndarray: ...


class LangevinClassifier(_Machine):
    __doc__ = f"""A machine of noisy cells, trained by gradients through its runs (thermo.train_pathwise).

    hidden : hidden cells; heat_budget : wanted mean heat in kT
    device, couplings : hardware that it is trained for and answers on (hw_models.presets)
    mismatch : relative spread of couplings; another device a batch in training, device 0 in `predict`
    runs : noisy runs that an answer is the mean of, each with its heat. Two calls with the same rows in
        another order see other noise
    {EACH}"""

    def __init__(
        self,
        hidden: int | None = None,
        *,
        epochs: int | None = None,
        heat_budget: float | None = None,
        device: str | Device | None = None,
        couplings: str | None = None,
        mismatch: float = 0.0,
        runs: int = 10,
        validation_fraction: float | None = 0.15,
        image_shape: Sequence[int] | None = None,
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.heat_budget = heat_budget
        self.device = device
        self.couplings = couplings
        self.mismatch = mismatch
        self.runs = runs
        self.validation_fraction = validation_fraction
        self.image_shape = image_shape
        self.random_state = random_state
        self.threads = threads

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True  # noise is that of a row's place
        return tags

    def _trained(self, data: Dataset) -> Any:
        config = pathwise_preset(
            data,
            n_hidden=self.hidden,
            heat_budget=self.heat_budget,
            device=self.device,
            couplings=self.couplings,
        )
        law = Imperfections(self.mismatch) if self.mismatch else None
        settings = self._settings(epochs=self.epochs, non_ideal=law)
        return train_pathwise(data, replace(config, **settings), threads=self.threads)

    def _lowered(self) -> Any:
        return lower_langevin(self.model_)

    def _answers(self, x: np.ndarray) -> np.ndarray:
        there: dict[str, Any] = {}
        if self.device is not None:
            there |= {"device": self.device, "couplings": self.couplings}
        if self.mismatch:
            there |= {"non_ideal": Imperfections(self.mismatch), "device_seed": 0}
        found = simulate(self.netlist_, x, runs=self.runs, seed=self.seed_, threads=self.threads, **there)
        return found.answers()

    def _unit(self) -> float:
        return float(self.model_.training_readout_scale)


class EqpropClassifier(_Machine):
    __doc__ = f"""A network that settles, trained by equilibrium propagation (thermo.train_eqprop).

    hidden : units of each hidden layer; beta : nudge; rates : of each layer
    mismatch, asymmetry : relative spreads of the device that it is trained on, in place, and answers on
    {EACH}"""

    def __init__(
        self,
        hidden: Sequence[int] | None = None,
        *,
        epochs: int | None = None,
        beta: float | None = None,
        rates: Sequence[float] | None = None,
        mismatch: float = 0.0,
        asymmetry: float = 0.0,
        validation_fraction: float | None = None,
        image_shape: Sequence[int] | None = None,
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.beta = beta
        self.rates = rates
        self.mismatch = mismatch
        self.asymmetry = asymmetry
        self.validation_fraction = validation_fraction
        self.image_shape = image_shape
        self.random_state = random_state
        self.threads = threads

    def _trained(self, data: Dataset) -> Any:
        law = Imperfections(self.mismatch, self.asymmetry)
        settings = self._settings(
            epochs=self.epochs,
            beta=self.beta,
            rates=None if self.rates is None else tuple(self.rates),
            device=None if law.ideal else EqpropDevice(law),
        )
        config = replace(eqprop_preset(data, self.hidden), **settings)
        return train_eqprop(data, config, threads=self.threads)

    def _lowered(self) -> Any:
        return lower_hopfield(self.model_)

    def _answers(self, x: np.ndarray) -> np.ndarray:
        law = Imperfections(self.mismatch, self.asymmetry)
        there: dict[str, Any] = {} if law.ideal else {"non_ideal": law, "device_seed": 0}
        return simulate(self.netlist_, x, kT=0.0, threads=self.threads, **there).answers()


class LogicGateClassifier(_Machine):
    __doc__ = f"""An array of two-input gates whose functions and wires are learnt (thermo.train_logic).

    gates : of each layer; the last is a multiple of the number of classes
    thresholds : of the bits that a value becomes, as `encoding` says (thermo.training.logic.LogicConfig)
    {EACH}"""

    def __init__(
        self,
        gates: Sequence[int] | None = None,
        *,
        epochs: int | None = None,
        encoding: str | None = None,
        thresholds: Sequence[float] | None = None,
        validation_fraction: float | None = 0.15,
        image_shape: Sequence[int] | None = None,
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.gates = gates
        self.epochs = epochs
        self.encoding = encoding
        self.thresholds = thresholds
        self.validation_fraction = validation_fraction
        self.image_shape = image_shape
        self.random_state = random_state
        self.threads = threads

    def _trained(self, data: Dataset) -> Any:
        settings = self._settings(
            layers=None if self.gates is None else tuple(self.gates),
            epochs=self.epochs,
            encoding=self.encoding,
            thresholds=None if self.thresholds is None else tuple(self.thresholds),
        )
        return train_logic(data, logic_preset(data, **settings), threads=self.threads)

    def _lowered(self) -> Any:
        return lower_logic(self.model_)

    def _answers(self, x: np.ndarray) -> np.ndarray:
        return simulate(self.netlist_, x, threads=self.threads).answers()
