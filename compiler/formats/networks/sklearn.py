"""scikit-learn: scalers, projections and selections of features, then an MLP or a linear model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from compiler.errors import UnsupportedError
from compiler.families.feedforward import FeedForward
from compiler.families.mlp import MLP
from compiler.formats.networks.builder import Builder, Value

ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
SEARCHES = ("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV")


def from_sklearn(estimator: Any) -> MLP | FeedForward:
    """The model of a fitted estimator; its predictions are the estimator's.

    Takes MLPClassifier, MLPRegressor and linear models (with coef_ and intercept_), also as the last step of
    a Pipeline behind scalers, PCA, TruncatedSVD and selections of features, and the best estimator of a
    search. A binary classifier has one output and decides by its sign: it gets two answers.

    Raises UnsupportedError for anything else, by name.
    """
    if type(estimator).__name__ in SEARCHES:
        if not hasattr(estimator, "best_estimator_"):
            _fail(f"this {type(estimator).__name__} is not fitted with refit=True; call fit first")
        estimator = estimator.best_estimator_
    *before, last = _steps(estimator)
    name = type(last).__name__
    read = _mlp if name in ("MLPClassifier", "MLPRegressor") else _linear
    layers, head, labels = read(last)
    builder = Builder("scikit-learn")
    for step in before:
        _check_step(step)
    x = builder.data((int((before or [last])[0].n_features_in_),))
    for step in before:
        x = STEPS[type(step).__name__](builder, x, step, type(step).__name__)
    for k, (weight, bias, phi) in enumerate(layers):
        called = "output" if k == len(layers) - 1 else f"hidden{k + 1}"
        x = builder.dense(called, x, weight, bias)
        x = x if phi == "identity" else builder.shown(called, x, phi)
    model = builder.finish(x, head, labels, origin=f"scikit-learn {name}")
    return model


Layers = list[tuple[np.ndarray, np.ndarray, str]]


def _fail(rule: str) -> NoReturn:
    raise UnsupportedError(f"scikit-learn: {rule}")


def _steps(estimator: Any) -> list[Any]:
    """The fitted steps of a Pipeline, one in another flattened; of anything else itself."""
    if type(estimator).__name__ != "Pipeline":
        return [estimator]
    steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
    return [inner for step in steps for inner in _steps(step)]


def _mlp(estimator: Any) -> tuple[Layers, str, tuple[str, ...]]:
    name = type(estimator).__name__
    if not hasattr(estimator, "coefs_"):
        _fail(f"this {name} is not fitted; call fit first")
    if estimator.activation not in ACTIVATIONS:
        _fail(f"activation {estimator.activation!r} is not supported; choices are " + ", ".join(ACTIVATIONS))
    if name == "MLPRegressor" and estimator.out_activation_ != "identity":
        _fail(
            f"an MLPRegressor with output {estimator.out_activation_!r} is not supported; train it with "
            "squared error"
        )
    classifies = name == "MLPClassifier"
    if classifies and estimator.out_activation_ == "logistic" and estimator.n_outputs_ > 1:
        _fail("a multi-label MLPClassifier has no single answer; train one classifier a label")
    phi = ACTIVATIONS[estimator.activation]
    last = len(estimator.coefs_) - 1
    layers = [
        (np.array(w.T, np.float64, order="C"), np.asarray(b, np.float64), "identity" if k == last else phi)
        for k, (w, b) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True))
    ]
    labels = tuple(str(c) for c in estimator.classes_) if classifies else ()
    return layers, "classification" if classifies else "regression", labels


def _linear(estimator: Any) -> tuple[Layers, str, tuple[str, ...]]:
    """Anything that decides or predicts by coef_ x + intercept_."""
    name = type(estimator).__name__
    linear = type(estimator).__module__.split(".")[:2] in (
        ["sklearn", "linear_model"],
        ["sklearn", "discriminant_analysis"],
    ) or name in ("LinearSVC", "LinearSVR")
    if not linear or name in CURVED:
        _fail(
            f"{name} is not supported; give an MLPClassifier, an MLPRegressor or a linear model, or a "
            "Pipeline of scalers and projections that ends in one"
        )
    if not hasattr(estimator, "coef_"):
        _fail(f"this {name} is not fitted; call fit first")
    coef = np.atleast_2d(np.asarray(estimator.coef_, np.float64))
    intercept = np.ravel(np.asarray(estimator.intercept_, np.float64))
    bias = np.broadcast_to(intercept, coef.shape[:1]).copy()
    classes = getattr(estimator, "classes_", None)
    layers = [(np.ascontiguousarray(coef), bias, "identity")]
    if classes is None or name == "RidgeCV":
        return layers, "regression", ()
    return layers, "classification", tuple(str(c) for c in np.ravel(classes))


CURVED = ("PoissonRegressor", "GammaRegressor", "TweedieRegressor", "QuadraticDiscriminantAnalysis")


def _check_step(step: Any) -> None:
    name = type(step).__name__
    if name not in STEPS:
        _fail(f"step {name} of the Pipeline is not supported; fitted {', '.join(STEPS)} are")
    if not hasattr(step, "n_features_in_"):
        _fail(f"step {name} of the Pipeline is not fitted; call fit first")


def _standard(builder: Builder, x: Value, step: Any, name: str) -> Value:
    n = step.n_features_in_
    scale = np.ones(n) if step.scale_ is None else 1.0 / step.scale_
    mean = step.mean_ if step.with_mean else np.zeros(n)
    return builder.affine(name, x, scale, -scale * mean)


def _robust(builder: Builder, x: Value, step: Any, name: str) -> Value:
    n = step.n_features_in_
    scale = np.ones(n) if step.scale_ is None else 1.0 / step.scale_
    centre = np.zeros(n) if step.center_ is None else step.center_
    return builder.affine(name, x, scale, -scale * centre)


def _min_max(builder: Builder, x: Value, step: Any, name: str) -> Value:
    y = builder.affine(name, x, np.array(step.scale_), np.array(step.min_))
    if not step.clip:
        return y
    low, high = (float(v) for v in step.feature_range)
    return builder.shown(name, y, "clamp", low=low, high=high)


def _max_abs(builder: Builder, x: Value, step: Any, name: str) -> Value:
    return builder.affine(name, x, 1.0 / step.scale_)


def _projected(builder: Builder, x: Value, step: Any, name: str) -> Value:
    weight = np.asarray(step.components_, np.float64)
    mean = getattr(step, "mean_", None)
    if getattr(step, "whiten", False):
        weight = weight / np.sqrt(step.explained_variance_)[:, None]
    bias = np.zeros(len(weight)) if mean is None else -weight @ mean
    return builder.dense(name, x, weight, bias)


def _selected(builder: Builder, x: Value, step: Any, name: str) -> Value:
    return builder.view([x], np.flatnonzero(step.get_support()))


Step = Callable[[Builder, Value, Any, str], Value]
STEPS: dict[str, Step] = {
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
    "RobustScaler": _robust,
    "PCA": _projected,
    "IncrementalPCA": _projected,
    "TruncatedSVD": _projected,
    "VarianceThreshold": _selected,
    "SelectKBest": _selected,
    "SelectPercentile": _selected,
    "SelectFromModel": _selected,
    "RFE": _selected,
    "RFECV": _selected,
}
