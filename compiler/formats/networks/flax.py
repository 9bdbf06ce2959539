"""Flax: parameters by layer names, of linen's variables or nnx's state; neither holds a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.families.mlp import MLP
from compiler.formats.networks.torch import from_state_dict

PARTS = {"kernel": "weight", "bias": "bias"}


def from_flax(
    variables: Any,
    activation: str | None,
    *,
    output_activation: str = "identity",
    head: str = "classification",
    labels: tuple[str, ...] = (),
) -> MLP:
    """The MLP of one chain of Dense (linen) or Linear (nnx) layers, in the order of the numbers in their
    names, else as they are given.

    variables : {"params": {"Dense_0": {"kernel": (n_in, n_out), "bias": (n_out,)}, ...}}, what is in it, or
        nnx.state(model)
    activation : phi of every hidden layer; output_activation : phi of the last one

    Raises UnsupportedError for other layers and an activation that is not named.
    """
    held = variables.get("params", variables) if hasattr(variables, "get") else variables
    state = {}
    for path, value in _leaves(held, ()):
        *layer, part = path
        array = np.asarray(value)
        if part not in PARTS or array.ndim != (2 if part == "kernel" else 1):
            raise UnsupportedError(
                f"flax: {'.'.join(path)} with shape {array.shape} is no dense layer's kernel or bias; "
                "parameters hold no graph: export the model to ONNX, or give one chain of dense layers"
            )
        array = array.astype(np.float32) if array.dtype.itemsize == 2 else array
        state[".".join([*layer, PARTS[part]])] = array.T if part == "kernel" else array
    return from_state_dict(
        state, activation, output_activation=output_activation, head=head, labels=labels, origin="flax"
    )


def _leaves(held: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Arrays with the names that lead to them."""
    if isinstance(held, Mapping):
        for name, inner in held.items():
            yield from _leaves(inner, (*path, str(name)))
    else:
        # nnx keeps arrays in variables
        yield path, held[...] if hasattr(held, "get_value") else held
