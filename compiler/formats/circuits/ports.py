"""Single bits called x[0], x[1], ... as one vector port, for formats that have vectors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_BIT = re.compile(r"(.+)\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Port:
    """One port. bits : its width; vector : whether bit k is called name[k]"""

    name: str
    bits: int = 1
    vector: bool = False


def group_ports(names: Sequence[str], others: Sequence[str] = ()) -> tuple[Port, ...]:
    """Ports whose bits, one after another, are `names`.

    Names base[0], base[1], ... in this order, two or more, become the vector base, unless another
    name in `names` or `others` (the opposite side's) is `base` or a further bit of it.
    """
    bases: dict[str, list[int]] = {}
    for name in (*names, *others):
        if match := _BIT.fullmatch(name):
            bases.setdefault(match[1], []).append(int(match[2]))
    taken = {*names, *others}
    ports: list[Port] = []
    at = 0
    while at < len(names):
        match = _BIT.fullmatch(names[at])
        base = match[1] if match else ""
        count = len(bases.get(base, ()))
        run = [f"{base}[{k}]" for k in range(count)]
        if count > 1 and base not in taken and list(names[at : at + count]) == run:
            ports.append(Port(base, count, True))
            at += count
        else:
            ports.append(Port(names[at]))
            at += 1
    return tuple(ports)
