"""Where a design's parameters are kept, the same for every family, and what that adds to its bill."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from compiler.errors import UnsupportedError
from hw_models.digital import DIGITAL_NODES, STORAGES, DigitalNode, storage_cost
from hw_models.interval import Interval
from thermo.energy.ledger import Design, Price, bill, named, occupied, ratio, values_of

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


def like_for_like(ours: Design, theirs: Design) -> dict[str, Interval]:
    """Joules of theirs over ours with the parameters of both in one storage, by storage.

    Memories are those of their node. Storages that one of the two does not have are left out: of a
    circuit, which is its wiring, all but "wired". Empty where ours, or theirs, costs nothing or less.
    """
    node = memories(theirs.node)
    both = ours.parameters is not None and theirs.parameters is not None
    found = {}
    for storage in STORAGES if both else STORAGES[:1]:
        bills = [bill(stored(design, storage, node)) for design in (theirs, ours)]
        if all((b.totals > 0).all() for b in bills):
            found[storage] = ratio(*bills)
    return found


def memories(node: str) -> DigitalNode:
    """Memories of the nearest node that has some, of 45 nm where none is stated."""
    nodes = [DIGITAL_NODES.get(name) for name in DIGITAL_NODES.names()]
    wanted = math.log(nanometres(node))
    return min(nodes, key=lambda n: abs(math.log(nanometres(n.name)) - wanted))


def nanometres(node: str) -> float:
    """45 of "45 nm", and where none is stated."""
    try:
        return float(node.split()[0])
    except (ValueError, IndexError):
        return 45.0
