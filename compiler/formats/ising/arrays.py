"""Ising models as arrays by name, in .npz files: our own names, or those of thrml's IsingEBM.

| arrays | meaning |
|---|---|
| `h` (n,), `row`, `col`, `J` (m,) | fields and couplings; pairs given twice add up |
| `h` (n,), `edges` (m, 2), `J` (m,) | the same |
| `h` (n,) or none, `J` (n, n) | symmetric, or one triangle; J_ij is the coupling of the pair |
| `biases` (n,), `edges` (m, 2), `weights` (m,), `beta` | thrml |

`offset` and `kT` may be added to the first three.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.arrays import npz_names, read_npz
from compiler.errors import FormatError
from compiler.families.ising import IsingModel, from_edges
from compiler.formats.networks.thrml import from_thrml_arrays

OURS = {"h", "J", "row", "col", "edges", "offset", "kT"}
THRML = {"biases", "edges", "weights", "beta"}


def is_ising_npz(path: str | os.PathLike) -> bool:
    """Whether the file is an .npz with arrays of these names, told by their names alone."""
    names = {name.removesuffix(".npy") for name in npz_names(path) or ()}
    return "J" in names or {"biases", "edges", "weights"} <= names


def read_ising_npz(path: str | os.PathLike) -> IsingModel:
    """The model in an .npz file; FormatError for a damaged one, and as from_arrays."""
    return from_arrays(read_npz(path), name=str(path))


def from_arrays(arrays: Mapping[str, np.ndarray], *, name: str = "arrays") -> IsingModel:
    """The model in arrays named as in the module's text.

    Raises FormatError for unknown names, missing arrays and shapes that do not match, NetlistError
    as IsingModel.
    """
    known = OURS if "J" in arrays else THRML
    if unknown := sorted(set(arrays) - known):
        raise FormatError(
            f"{name}: has the array {unknown[0]!r}; an Ising model has {', '.join(sorted(known))}"
        )
    if "J" not in arrays:
        beta = arrays.get("beta", 1.0)
        if np.size(beta) != 1:
            raise FormatError(f"{name}: beta must be one number, got shape {np.shape(beta)}")
        parts = (arrays["biases"], arrays["edges"], arrays["weights"])
        return from_thrml_arrays(*parts, np.reshape(beta, ()))
    J = _real(arrays["J"], "J", name)
    facts: dict[str, Any] = {"meta": {"source": "arrays"}}
    for key in ("offset", "kT"):
        if key in arrays:
            value = _real(arrays[key], key, name)
            if value.size != 1:
                raise FormatError(f"{name}: {key} must be one number, got shape {value.shape}")
            facts[key] = float(value.reshape(()))
    if J.ndim == 2:
        if extra := sorted({"row", "col", "edges"} & set(arrays)):
            raise FormatError(f"{name}: J is a matrix, so {extra[0]} has no meaning; leave it out")
        row, col, values = _upper(J, name)
        h = _real(arrays.get("h", np.zeros(J.shape[0])), "h", name)
    else:
        if "edges" in arrays:
            edges = _whole(arrays["edges"], "edges", name)
            if edges.ndim != 2 or edges.shape[1] != 2:
                raise FormatError(f"{name}: edges must have shape (m, 2), got {edges.shape}")
            row, col = edges.T
        elif "row" in arrays and "col" in arrays:
            row, col = (_whole(arrays[key], key, name) for key in ("row", "col"))
        else:
            raise FormatError(f"{name}: J is a list, which needs row and col, or edges (m, 2)")
        if "h" not in arrays:
            raise FormatError(f"{name}: lacks h, the fields, which tell how many spins there are")
        h, values = _real(arrays["h"], "h", name), J
    if h.ndim != 1 or (J.ndim == 2 and h.size != J.shape[0]):
        raise FormatError(f"{name}: h has shape {h.shape}; it must be one field a spin")
    if not row.shape == col.shape == values.shape:
        raise FormatError(
            f"{name}: row, col and J have the shapes {row.shape}, {col.shape} and {values.shape}; "
            "they must be one value a coupling"
        )
    return from_edges(h, row, col, values, **facts)


def _upper(J: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(row, col, J) of a matrix that is symmetric or a triangle."""
    if J.shape[0] != J.shape[1]:
        raise FormatError(f"{name}: J has shape {J.shape}; a matrix of couplings is square")
    if not np.array_equal(J, J.T, equal_nan=True):
        low, high = np.tril(J, -1).any(), np.triu(J, 1).any()
        if low and high:
            i, j = (int(k) for k in np.argwhere(J != J.T)[0])
            raise FormatError(
                f"{name}: J is neither symmetric nor a triangle: ({i}, {j}) is {J[i, j]:g} and "
                f"({j}, {i}) is {J[j, i]:g}; give (J + J.T) / 2, or one triangle"
            )
        J = J if high else J.T
    row, col = np.nonzero(np.triu(J))  # the diagonal stays, for the model to refuse
    return row, col, J[row, col]


def _real(array: np.ndarray, what: str, name: str) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        raise FormatError(f"{name}: {what} must be numbers, got {array.dtype}")
    return array.astype(np.float64)


def _whole(array: np.ndarray, what: str, name: str) -> np.ndarray:
    if array.size and array.dtype.kind not in "iu":
        raise FormatError(f"{name}: {what} must be whole numbers, got {array.dtype}")
    return array.astype(np.int64)
