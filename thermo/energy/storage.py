"""Where a design's parameters are kept, the same for every family, and what that adds to its bill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from compiler.errors import UnsupportedError
from hw_models.digital import STORAGES, DigitalNode, storage_cost
from thermo.energy.ledger import Design, Price, named, occupied, values_of

WIRED_ONLY = "its function is its wiring, with no weights to keep elsewhere: compare with --weights wired"


def check_storage(storage: str) -> None:
    """Raise UnsupportedError for a storage that is none."""
    if storage not in STORAGES:
        raise UnsupportedError(f"--weights must be one of {', '.join(STORAGES)}, got {storage!r}")


def stored(design: Design, storage: str, node: DigitalNode, answers: float = 1.0) -> Design:
    """The design with its parameters in `storage`, read once for `answers` answers.

    Wired, a design is what it was. Reads and the keeping of bits make the place "weights"; memories are
    those of the node.

    Raises UnsupportedError for a design that is its own wiring and is to be stored, for an unknown
    storage and for less than one answer a read.
    """
    check_storage(storage)
    if not answers >= 1:
        raise UnsupportedError(f"weights are read once for one answer or more, got {answers}")
    if storage == "wired":
        return design
    parameters = design.parameters
    if parameters is None:
        raise UnsupportedError(f"{design.name}: {WIRED_ONLY}")
    prefix, bits = f"memory, {node.name}", parameters.number * parameters.bits

    def price(values: Mapping[str, float], rate: float | None) -> Price:
        bare = design.price(values, rate)
        cost = storage_cost(values_of(prefix, values), storage, bits)
        held = cost.read / answers + cost.leakage * occupied(bare.seconds, rate)
        joules = {**bare.joules, "weights": bare.joules.get("weights", 0.0) + held}
        area = None if bare.area_m2 is None else bare.area_m2 + cost.area
        return Price(joules, bare.seconds, area)

    memory = named(prefix, {k: q for k, q in node.figures().items() if k.startswith(MEMORY[storage])})
    return replace(design, figures={**design.figures, **memory}, price=price)


MEMORY = {"registers": "register_", "sram": "sram_", "off-chip": "off_chip"}
"""How the names of a node's figures start that a storage rests on."""
