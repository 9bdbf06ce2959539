"""thrml's IsingEBM, a live object or its arrays: E = -beta (sum b s + sum w s s).

Source: thrml 0.1, models/ising.py. The signs are ours and beta is 1 / kT: h = b, J = w.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.errors import NetlistError, UnsupportedError
from compiler.families.ising import IsingModel, from_edges
from compiler.ir.goals import Boltzmann

PARTS = ("nodes", "edges", "biases", "weights", "beta")


def from_thrml(ebm: Any) -> IsingModel:
    """The model in an IsingEBM, told by its attributes; spins are in the order of its nodes.

    Raises UnsupportedError for other objects, NetlistError for an edge with a node that is not
    among the nodes, and as IsingModel.
    """
    if not all(hasattr(ebm, name) for name in PARTS):
        raise UnsupportedError(
            f"a {type(ebm).__name__} is no IsingEBM; give an object with {', '.join(PARTS)}"
        )
    place = {node: k for k, node in enumerate(ebm.nodes)}
    ends = []
    for k, edge in enumerate(ebm.edges):
        if missing := [node for node in edge if node not in place]:
            raise NetlistError(f"IsingEBM: edge {k} ends at {missing[0]!r}, which is not among its nodes")
        ends.append([place[node] for node in edge])
    return from_thrml_arrays(ebm.biases, ends, ebm.weights, ebm.beta)


def from_thrml_arrays(biases: Any, edges: Any, weights: Any, beta: Any = 1.0) -> IsingModel:
    """The same from arrays: biases (n,), edges (m, 2) of node numbers, weights (m,), beta > 0."""
    inverse = float(np.asarray(beta))
    if not (np.isfinite(inverse) and inverse > 0):
        raise NetlistError(f"IsingEBM: beta is {inverse:g}; it must be a finite number above 0")
    h = np.asarray(biases, dtype=np.float64)
    pairs = np.asarray(edges)
    pairs = pairs.reshape(-1, 2) if pairs.size == 0 else pairs
    if pairs.ndim != 2 or pairs.shape[1] != 2 or (pairs.size and pairs.dtype.kind not in "iu"):
        raise NetlistError(
            f"IsingEBM: edges must be whole numbers of shape (m, 2), got {pairs.dtype} with shape "
            f"{pairs.shape}"
        )
    return from_edges(
        h,
        pairs[:, 0].astype(np.int64),
        pairs[:, 1].astype(np.int64),
        np.asarray(weights, dtype=np.float64),
        kT=1.0 / inverse,
        goal=Boltzmann(h.size),
        meta={"source": "thrml"},
    )
