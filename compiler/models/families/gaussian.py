"""A linear system as the arrays and facts of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import sparse

from compiler.families.gaussian import GaussianModel


def parts(model: GaussianModel) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Facts and arrays of a model file."""
    arrays = {
        "A.indptr": model.A.indptr.astype(np.int64),
        "A.indices": model.A.indices.astype(np.int32),
        "A.values": model.A.data,
        "b": model.b,
    }
    if model.noise is not None:
        arrays["noise"] = model.noise
    return {"kT": float(model.kT)}, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> GaussianModel:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    n = arrays["b"].shape[0]
    csr = (arrays["A.values"], arrays["A.indices"], arrays["A.indptr"])
    return GaussianModel(
        A=sparse.csr_array(csr, shape=(n, n)),
        b=arrays["b"],
        kT=float(document["kT"]),
        noise=arrays.get("noise"),
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )
