"""A Boltzmann machine of p-bits as a transformer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from compiler.families.rbm import lower_rbm
from thermo.sklearn.prepared import prepared
from thermo.training.ebm.presets import rbm_preset
from thermo.training.ebm.rbm import train_rbm


class BernoulliRBM(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A restricted Boltzmann machine of p-bits, as sklearn.neural_network.BernoulliRBM (thermo.train_rbm).

    n_components : hidden units; learning_rate, batch_size, n_iter : epochs; None: what suits the rows
    method : "pcd", "cd" or "tempered"
    validation_fraction, image_shape, random_state, threads : as of the classifiers

    Values outside [0, 1] are brought there, column by column. Attributes: components_ (units, d),
    intercept_hidden_, intercept_visible_, model_, netlist_ (its p-bits), config_, history_.
    """

    def __init__(
        self,
        n_components: int | None = None,
        *,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        n_iter: int | None = None,
        method: str | None = None,
        validation_fraction: float = 0.15,
        image_shape: Sequence[int] | None = None,
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.method = method
        self.validation_fraction = validation_fraction
        self.image_shape = image_shape
        self.random_state = random_state
        self.threads = threads

    def fit(self, X: Any, y: Any = None) -> BernoulliRBM:
        """Learn how the rows of X (n, d) are distributed; y is not looked at."""
        X = validate_data(self, X, dtype=(np.float64, np.float32))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.prepare_, data = prepared(
            X, np.zeros(X.shape[0], np.int64), 1, self.validation_fraction, seed, self.image_shape
        )
        config = rbm_preset(
            data,
            n_hidden=self.n_components,
            learning_rate=self.learning_rate,
            batch=self.batch_size,
            epochs=self.n_iter,
            method=self.method,
        )
        trained = train_rbm(data, replace(config, seed=seed), threads=self.threads)
        self.model_, self.history_, self.config_ = trained.model, trained.history, trained.config
        self.components_ = np.asarray(self.model_.w).T
        self.intercept_visible_, self.intercept_hidden_ = self.model_.b_visible, self.model_.b_hidden
        self._n_features_out = self.components_.shape[0]
        self.netlist_ = lower_rbm(self.model_)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """(n, units) probability of each hidden unit given the row."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        drive = self.prepare_(X).astype(np.float64) @ self.components_.T + self.intercept_hidden_
        return 1.0 / (1.0 + np.exp(-drive))
