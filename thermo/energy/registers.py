"""Registers in front of and behind a circuit, and their clock.

A flip-flop for every input that the circuit reads and for every output. Each is clocked once an
answer; the clock's wires and buffers are taken to hold as much charge as the flip-flops' clock pins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.ir.cells import CellNetlist

TREE = 1.0
"""Capacitance of the clock's wires and buffers over that of the pins: assumed."""


@dataclass(frozen=True, slots=True)
class Registers:
    """number : of flip-flops, called cell; area_um2, leakage_W : of all
    data_J : their bits that change, an answer; clock_J : the flip-flops' insides and clock pins;
    tree_J : the clock's wires and buffers
    delay_s : what they add to a clock period, clock to output and setup
    """

    cell: str
    number: int
    area_um2: float
    leakage_W: float
    data_J: float
    clock_J: float
    tree_J: float
    delay_s: float

    @property
    def total(self) -> float:
        """J an answer, without leakage."""
        return self.data_J + self.clock_J + self.tree_J


def registers(mapped: CellNetlist, toggles: np.ndarray) -> Registers | None:
    """The registers of a mapped circuit, None where the library has no flip-flop.

    toggles : (n_nets of its subject,) mean changes an answer
    """
    library = mapped.library
    flipflop = library.flipflop
    if flipflop is None:
        return None
    read = np.zeros(mapped.n_inputs, dtype=bool)
    for nets in (mapped.fanin, mapped.roots):
        read[nets[(nets >= 0) & (nets < mapped.n_inputs)]] = True
    shown = mapped.subject.roots
    number = int(read.sum()) + shown.size
    changes = float(toggles[: mapped.n_inputs][read].sum() + toggles[shown].sum())
    pins = number * flipflop.clock_capacitance * library.voltage.value**2
    # what an output drives is charged where it is read
    inner = flipflop.energy - library.load.value * library.switching
    return Registers(
        cell=flipflop.name,
        number=number,
        area_um2=number * flipflop.area,
        leakage_W=number * flipflop.leakage,
        data_J=changes * inner,
        clock_J=number * flipflop.clock_energy + pins,
        tree_J=TREE * pins,
        delay_s=flipflop.delay + flipflop.setup,
    )
