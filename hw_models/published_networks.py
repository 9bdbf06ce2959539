"""Networks of logic gates and tables that others published: accuracy, size, and how that was counted.

Accuracies are of official test sets. Sizes stand as they were published; thermo.studies.recount says what of
them follows under other definitions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hw_models.source import Quantity, Source

DECLARED = "gates trained, head and encoder not counted"
TABLES = "tables trained, head and encoder not counted"
WITH_HEAD = "two-input gates after synthesis, head counted, encoder not"
OPERATIONS = "operations, their definition not ours"
COUNTED = (DECLARED, TABLES, WITH_HEAD, OPERATIONS)
"""How a size may have been counted."""


@dataclass(frozen=True, slots=True)
class PublishedNetwork:
    """One of them.

    data : as `thermoc data` calls it; accuracy : share, official test set
    size : counted as `counted` says; inputs : of a gate or table
    last : outputs that class sums count, at most; None: not told
    comparisons : of 8-bit values with constants that make the input bits, at most; None: not told
    """

    who: str
    data: str
    accuracy: Quantity
    size: Quantity
    counted: str
    inputs: int = 2
    last: int | None = None
    comparisons: int | None = None


def _network(
    who: str,
    data: str,
    percent: float,
    size: float,
    counted: str,
    source: Source,
    locator: str = "",
    *,
    inputs: int = 2,
    last: int | None = None,
    comparisons: int | None = None,
) -> PublishedNetwork:
    found = replace(source, locator=locator or source.locator)
    accuracy = Quantity(round(percent / 100, 6), "share", found)
    return PublishedNetwork(
        who, data, accuracy, Quantity(size, counted, found), counted, inputs, last, comparisons
    )


_LILOGIC = Source(
    "second-hand", "K. Fojcik, R. Zioma, J. Armaitis, arXiv 2511.12340 (LILogicNet)", "as retold"
)
_LILOGIC_READ = replace(_LILOGIC, kind="paper", locator="abstract")
_DIFFLOGIC = Source(
    "second-hand", "F. Petersen et al., arXiv 2210.08277 (difflogic), widths from its README", "as retold"
)
_CONVOLUTIONAL = Source("second-hand", "F. Petersen et al., arXiv 2411.04732 (convolutional)", "as retold")
_CONVOLUTIONAL_READ = replace(_CONVOLUTIONAL, kind="paper", locator="abstract")
_COMPACT = Source(
    "second-hand", "arXiv 2602.05830 (CompactLogic)", "size as retold; MNIST's accuracy: abstract"
)
_BITLOGIC = Source("second-hand", "S. Buehrer et al., arXiv 2602.07400 (BitLogic)", "no code, not reproduced")
_TAPED_OUT = Source("second-hand", "a taped-out public design", "as retold")


def _lilogic(data: str, percent: float, size: int, source: Source = _LILOGIC) -> PublishedNetwork:
    return _network("LILogicNet", data, percent, size, DECLARED, source, last=size)


def _difflogic(data: str, percent: float, layers: int, width: int, comparisons: int) -> PublishedNetwork:
    size = layers * width
    return _network(
        "difflogic", data, percent, size, DECLARED, _DIFFLOGIC, last=width, comparisons=comparisons
    )


NETWORKS: tuple[PublishedNetwork, ...] = (
    _lilogic("mnist", 97.96, 4000),
    _lilogic("mnist", 98.45, 8000, _LILOGIC_READ),
    _lilogic("mnist", 98.95, 32_000),
    _difflogic("mnist", 97.69, 6, 8000, comparisons=400),  # 20x20 pixels, one threshold
    _difflogic("mnist", 98.47, 6, 64_000, comparisons=784),
    _network("convolutional", "mnist", 98.46, 147e3, WITH_HEAD, _CONVOLUTIONAL),
    _network("convolutional", "mnist", 99.23, 566e3, WITH_HEAD, _CONVOLUTIONAL),
    _network("convolutional", "mnist", 99.35, 1.27e6, WITH_HEAD, _CONVOLUTIONAL),
    _network("CompactLogic", "mnist", 99.38, 251e3, OPERATIONS, _COMPACT),
    _network("BitLogic", "mnist", 99.15, 128e3, TABLES, _BITLOGIC, inputs=4, last=64_000),
    _lilogic("cifar10", 55.11, 8000),
    _lilogic("cifar10", 57.66, 64_000),
    _lilogic("cifar10", 60.98, 256_000, _LILOGIC_READ),
    _difflogic("cifar10", 51.27, 4, 12_000, comparisons=9216),  # three thresholds a value
    _difflogic("cifar10", 57.39, 4, 128_000, comparisons=9216),
    _network("convolutional", "cifar10", 60.38, 0.40e6, WITH_HEAD, _CONVOLUTIONAL),
    _network("convolutional", "cifar10", 71.01, 3.08e6, WITH_HEAD, _CONVOLUTIONAL),
    _network("convolutional", "cifar10", 86.29, 61e6, WITH_HEAD, _CONVOLUTIONAL_READ),
    _network("CompactLogic", "cifar10", 72.56, 1.08e6, OPERATIONS, _COMPACT, "as retold"),
    _network("BitLogic", "cifar10", 72.36, 128e3, TABLES, _BITLOGIC, inputs=4, last=64_000),
    _network("taped out", "fashion-mnist", 88.73, 20e3, DECLARED, _TAPED_OUT),
)

GATES_OF_A_TABLE = Quantity(
    6.3,
    "two-input gates",
    Source("measured", "tables of 4 inputs that we trained on MNIST, ABC, inverters free", "another network"),
    5.0,
    6.3,
)
"""Two-input gates of a trained table of four inputs, on average."""
