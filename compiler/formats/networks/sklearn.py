"""scikit-learn's MLPClassifier and MLPRegressor, also behind scalers in a Pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.families.mlp import MLP

ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}


def from_sklearn(estimator: Any) -> MLP:
    """The MLP of a fitted estimator; its predictions are the estimator's.

    Takes MLPClassifier (binary or multi-class), MLPRegressor, and a Pipeline that ends in one and
    has only StandardScaler and MinMaxScaler (without clip) before it, which become the input shift
    and scale. A binary classifier has one output and decides by its sign: it gets two answers.

    Raises UnsupportedError for anything else, by name.
    """
    shift, scale, estimator = _scaling(estimator)
    name = type(estimator).__name__
    if name not in ("MLPClassifier", "MLPRegressor"):
        raise UnsupportedError(
            f"scikit-learn: {name} is not supported; give an MLPClassifier or MLPRegressor, or a "
            "Pipeline of scalers that ends in one"
        )
    if not hasattr(estimator, "coefs_"):
        raise UnsupportedError(f"scikit-learn: this {name} is not fitted; call fit first")
    if estimator.activation not in ACTIVATIONS:
        raise UnsupportedError(
            f"scikit-learn: activation {estimator.activation!r} is not supported; choices are "
            + ", ".join(ACTIVATIONS)
        )
    if name == "MLPRegressor" and estimator.out_activation_ != "identity":
        raise UnsupportedError(
            f"scikit-learn: an MLPRegressor with output {estimator.out_activation_!r} is not "
            "supported; train it with squared error"
        )
    weights = tuple(np.array(w.T, dtype=np.float64, order="C") for w in estimator.coefs_)
    biases = tuple(np.asarray(b, dtype=np.float64) for b in estimator.intercepts_)
    activations = (ACTIVATIONS[estimator.activation],) * (len(weights) - 1) + ("identity",)
    labels: tuple[str, ...] = ()
    output_scale = None
    if name == "MLPClassifier":
        if estimator.out_activation_ == "logistic" and estimator.n_outputs_ > 1:
            raise UnsupportedError(
                "scikit-learn: a multi-label MLPClassifier has no single answer; train one classifier a label"
            )
        labels = tuple(str(c) for c in estimator.classes_)
        if estimator.n_outputs_ == 1:  # logistic(y) > 1/2, that is y > 0, is the second class
            output_scale = np.array([[-1.0], [1.0]])
    return MLP(
        weights,
        biases,
        activations,
        input_shift=np.zeros(1) if shift is None else shift,
        input_scale=np.ones(1) if scale is None else scale,
        head="classification" if name == "MLPClassifier" else "regression",
        output_scale=output_scale,
        labels=labels,
        meta={"origin": f"scikit-learn {name}"},
    )


def _scaling(estimator: Any) -> tuple[np.ndarray | None, np.ndarray | None, Any]:
    """(shift, scale, last step) of a Pipeline: u = (data - shift) * scale."""
    if type(estimator).__name__ != "Pipeline":
        return None, None, estimator
    *before, last = [step for _, step in estimator.steps]
    shift, scale = None, None
    for step in before:
        name = type(step).__name__
        if step is None or step == "passthrough":
            continue
        if name == "StandardScaler" and hasattr(step, "scale_"):
            n = step.n_features_in_
            a = np.ones(n) if step.scale_ is None else 1.0 / step.scale_
            c = -a * (step.mean_ if step.with_mean else np.zeros(n))
        elif name == "MinMaxScaler" and hasattr(step, "scale_") and not step.clip:
            a, c = np.array(step.scale_), np.array(step.min_)
        else:
            raise UnsupportedError(
                f"scikit-learn: step {name} of the Pipeline is not supported; fitted "
                "StandardScaler and MinMaxScaler without clip are"
            )
        # a u + c after u = (data - shift) * scale
        if shift is None or scale is None:
            shift, scale = -c / a, a
        else:
            shift, scale = shift - c / (a * scale), scale * a
    return shift, scale, last
