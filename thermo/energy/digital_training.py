"""The baseline of a training on the machine: the same network by back-propagation on digital hardware.

    MACs an image     forward N, deltas N - N_1, gradient N; N couplings, N_1 of them behind the inputs
    MACs an update    N
    memory an image   weights read forward and back, each gradient read and written
    memory an update  weights and gradients read, weights written

The same images in the same batches, as often as the machine was shown them. Activations and control are left
out, in the digital side's favour; a design that keeps weights and gradients beside its multipliers reads
none and pays arithmetic alone, as the machine's own updates do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hw_models.digital import NODE_45NM, DigitalNode, mac_energy
from hw_models.source import KINDS

PRECISIONS: Mapping[str, tuple[int, int]] = {"int8": (8, 16), "fp32": (32, 32)}
"""Bits of a weight and of a gradient that is summed over a batch."""


@dataclass(frozen=True, slots=True)
class DigitalTraining:
    """Joules of a whole training. memory : of reads and writes of one SRAM with weights and gradients

    kind : firmness of the weakest figure
    """

    name: str
    precision: str
    node: str
    macs: float
    arithmetic: float
    memory: float
    kind: str

    @property
    def total(self) -> float:
        return self.arithmetic + self.memory

    def to_dict(self) -> dict[str, Any]:
        """JSON's keys."""
        return {**asdict(self), "total": self.total}


def digital_training(
    couplings: int,
    first: int,
    *,
    presentations: float,
    updates: float,
    precision: str = "int8",
    node: DigitalNode = NODE_45NM,
) -> DigitalTraining:
    """The training of a network with that many couplings, `first` of them behind the inputs.

    presentations, updates : images shown, and batches, of the machine's training

    Raises KeyError for another precision than int8 and fp32.
    """
    bits, gradient_bits = PRECISIONS[precision]
    values = {name: figure.value for name, figure in node.figures().items()}
    each_image = 3 * couplings - first
    macs = presentations * each_image + updates * couplings
    stored = couplings * (bits + gradient_bits)
    read = (values["sram_fixed"] + values["sram_slope"] * (stored / 8) ** 0.5) / 64  # J a bit, of the whole
    an_image = (2 * couplings - first) * bits + 2 * couplings * gradient_bits
    an_update = couplings * (2 * bits + gradient_bits)
    moved = presentations * an_image + updates * an_update
    used = ("fp32",) if precision == "fp32" else ("add", "multiply")
    kinds = [node.figures()[name].source.kind for name in (*used, "sram_fixed", "sram_slope")]
    return DigitalTraining(
        name=f"back-propagation, {precision}",
        precision=precision,
        node=node.name,
        macs=macs,
        arithmetic=macs * mac_energy(values, precision),
        memory=moved * read,
        kind=max(kinds, key=KINDS.index),
    )
