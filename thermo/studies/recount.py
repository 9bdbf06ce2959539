"""Published networks under the definitions by which ours are counted, where their numbers allow it.

G gates are at most G two-input gates after any synthesis. A head that counts n nets for C classes is the
same circuit whoever trained them, so that it is built and counted. A comparison of eight bits with a constant
takes at most seven gates. What was counted so that none of this can be said stands under its own definition
alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from compiler.circuits.adders import Adders
from compiler.circuits.builder import Builder
from hw_models.published_networks import DECLARED, GATES_OF_A_TABLE, TABLES, WITH_HEAD, PublishedNetwork

COMPARISON = 7
"""Two-input gates of a comparison of eight bits with a constant, at most: one a bit but the first."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number of gates. firm : "=", "≤" (at most) or "≈" (by a figure of other networks)"""

    value: float
    firm: str = "="

    def __str__(self) -> str:
        return f"{'' if self.firm == '=' else self.firm + ' '}{self.value:,.0f}"


@cache
def head_gates(counted: int, classes: int) -> int:
    """Two-input gates that count so many nets, as many for each class, and choose the largest count.

    By the smaller adder of compiler.passes.gates.heads, of nets about which nothing is known.
    """
    each = counted // classes
    one = Adders(Builder([""] * each))
    width = len(one.count([2 * k for k in range(each)], "small", each))
    choice = Adders(Builder([""] * (width * classes)))
    choice.largest([[2 * (width * c + k) for k in range(width)] for c in range(classes)])
    return classes * len(one.builder.op) + len(choice.builder.op)


def recounted(network: PublishedNetwork, classes: int = 10) -> Mapping[str, Count]:
    """What is known of it, by the names of thermo.studies.frontier_points.DEFINITIONS.

    Nothing for a size counted otherwise than by these.
    """
    size, found = network.size.value, {}
    if network.counted == WITH_HEAD:
        return {"with_head": Count(size)}
    if network.counted == DECLARED:
        found = {"declared": Count(size), "live": Count(size, "≤"), "core": Count(size, "≤")}
    elif network.counted == TABLES and network.inputs == 4:
        gates = Count(size * GATES_OF_A_TABLE.value, "≈")
        found = {"declared": Count(size), "live": Count(size, "≤"), "core": gates}
    if "core" in found and network.last is not None:
        whole = found["core"].value + head_gates(network.last, classes)
        found["with_head"] = Count(whole, found["core"].firm)
        if network.comparisons is not None:
            found["with_encoder_and_head"] = Count(
                whole + COMPARISON * network.comparisons, found["core"].firm
            )
    return found
