"""Results as pandas, xarray and arviz have them, where these are installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError

Variables = Mapping[str, tuple[Sequence[str], Any]]
"""Arrays with the names of their axes, by name; what is None is left out."""


def library(name: str, verb: str) -> Any:
    """The module; UnsupportedError, with the way out, where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        raise UnsupportedError(
            f"{verb} needs {name}: pip install {name}, or 'thermoc[results]' with pandas, xarray and arviz"
        ) from None


def frame(rows: Sequence[Mapping[str, Any]] | Mapping[str, Any], index: Any = None) -> Any:
    """pandas.DataFrame of rows or of columns. index : (names of levels, arrays of one length), or None"""
    pandas = library("pandas", "to_pandas()")
    if index is None:
        return pandas.DataFrame(rows)
    names, arrays = index
    return pandas.DataFrame(rows, index=pandas.MultiIndex.from_arrays(arrays, names=names))


def dataset(variables: Variables, coords: Variables, facts: Mapping[str, Any]) -> Any:
    """xarray.Dataset. facts : its attributes; None is left out"""
    xarray = library("xarray", "to_xarray()")
    return xarray.Dataset(
        {name: (tuple(axes), a) for name, (axes, a) in variables.items() if a is not None},
        {name: (tuple(axes), a) for name, (axes, a) in coords.items() if a is not None},
        {name: value for name, value in facts.items() if value is not None},
    )


def samples(posterior: Variables, stats: Variables, facts: Mapping[str, Any]) -> Any:
    """Chains as arviz reads them: its InferenceData, from arviz 1.0 on an xarray.DataTree.

    posterior, stats : arrays (chain, draw, ...)
    """
    arviz = library("arviz", "to_arviz()")
    groups = {}
    for group, variables in (("posterior", posterior), ("sample_stats", stats)):
        kept = {name: (axes, a) for name, (axes, a) in variables.items() if a is not None}
        if kept:
            size = dict(zip(*next((axes, np.shape(a)) for axes, a in kept.values()), strict=True))
            numbers = {name: ((name,), np.arange(size[name])) for name in ("chain", "draw")}
            groups[group] = dataset(kept, numbers, facts)
    if hasattr(arviz, "InferenceData"):
        return arviz.InferenceData(**groups)
    return library("xarray", "to_arviz()").DataTree.from_dict(groups)
