"""Models of other libraries, told by where their class comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compiler.formats.options import Options


def _sklearn(source: Any, options: Options) -> Any:
    from compiler.formats.networks.sklearn import from_sklearn

    return from_sklearn(source)


def _torch(source: Any, options: Options) -> Any:
    from compiler.formats.networks.torch import from_module

    return from_module(source, head=options.head, labels=options.labels, input_shape=options.input_shape)


def _dimod(source: Any, options: Options) -> Any:
    from compiler.formats.ising.bqm import from_bqm

    return from_bqm(source)


def _thrml(source: Any, options: Options) -> Any:
    from compiler.formats.networks.thrml import from_thrml

    return from_thrml(source)


def _networkx(source: Any, options: Options) -> Any:
    from compiler.formats.ising.graph import from_graph

    return from_graph(source, options.as_ or "max-cut", weight=options.weight, field=options.field)


LIBRARIES: dict[str, Callable[[Any, Options], Any]] = {
    "sklearn": _sklearn,
    "torch": _torch,
    "dimod": _dimod,
    "thrml": _thrml,
    "networkx": _networkx,
}
"""What makes a model of an object of these packages."""


def from_foreign(source: Any, options: Options | None = None) -> Any:
    """The model of a scikit-learn estimator, a torch.nn.Sequential, a dimod BQM, a thrml IsingEBM or a
    networkx graph; anything else as it is.

    options : what such an object does not say: head, labels, as_, weight, field

    Raises UnsupportedError for parts that no family has.
    """
    read = LIBRARIES.get(type(source).__module__.partition(".")[0])
    return source if read is None else read(source, options or Options())
