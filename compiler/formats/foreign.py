"""Models of other libraries, told by where their class comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compiler.formats.options import Options


def _sklearn(source: Any, options: Options) -> Any:
    from compiler.formats.networks.sklearn import from_sklearn

    return from_sklearn(source)


def _torch(source: Any, options: Options) -> Any:
    from compiler.formats.networks.torch import from_module, from_program

    if type(source).__name__ == "ExportedProgram":
        return from_program(source, head=options.head, labels=options.labels)
    return from_module(
        source,
        example_inputs=options.example_inputs,
        head=options.head,
        labels=options.labels,
        input_shape=options.input_shape,
    )


def _keras(source: Any, options: Options) -> Any:
    from compiler.formats.networks.keras import from_keras

    return from_keras(source, head=options.head, labels=options.labels)


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
    "keras": _keras,
    "torch": _torch,
    "dimod": _dimod,
    "thrml": _thrml,
    "networkx": _networkx,
}
"""What makes a model of an object of these packages."""


def from_foreign(source: Any, options: Options | None = None) -> Any:
    """The model of a scikit-learn estimator, a torch.nn.Module, a Keras model, a dimod BQM, a thrml IsingEBM
    or a networkx graph; anything else as it is.

    options : what such an object does not say: head, labels, example_inputs, as_, weight, field

    Raises UnsupportedError for parts that no family has.
    """
    for cls in type(source).__mro__:  # users' own classes are of their bases' library
        read = LIBRARIES.get(cls.__module__.partition(".")[0])
        if read is not None:
            return read(source, options or Options())
    return source
