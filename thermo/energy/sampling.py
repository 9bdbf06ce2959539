"""What weights that are drawn from a posterior cost a machine, and the same updates a digital one.

The machine keeps weights as voltages in a bath at its ambient temperature: noise is the resistors' own.
Gradients are computed digitally and written as charges, every weight at every update. Beside it stands
back-propagation with the same images and updates (thermo.energy.digital_training), whose normal numbers
have no sourced figure and are left out, in its favour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hw_models.constants import thermal_energy
from hw_models.rc import RCDevice
from hw_models.source import KINDS
from hw_models.weights import WeightMemory
from thermo.energy.digital_training import DigitalTraining, digital_training
from thermo.energy.training import Term


@dataclass(frozen=True, slots=True)
class SamplingEnergy:
    """Joules of a run by place; digital : of back-propagation with the same images and updates.

    nat : J of one nat of the mean loss; sd : V of a weight that knows its prior alone, sqrt(k_B T / C)
    """

    terms: tuple[Term, ...]
    digital: DigitalTraining
    device: str
    memory: str
    nat: float
    sd: float

    @property
    def total(self) -> float:
        return sum(t.joules for t in self.terms)

    def to_dict(self) -> Mapping[str, Any]:
        """JSON's keys."""
        return {
            "device": self.device,
            "weight_memory": self.memory,
            "joules": {**{t.name: t.joules for t in self.terms}, "total": self.total},
            "terms": [asdict(t) for t in self.terms],
            "digital": self.digital.to_dict(),
            "J_per_nat": self.nat,
            "prior_sd_V": self.sd,
        }


def sampling_energy(
    couplings: int,
    first: int,
    *,
    presentations: float,
    updates: float,
    heat: float,
    rows: int,
    temperature: float,
    device: RCDevice,
    memory: WeightMemory,
) -> SamplingEnergy:
    """A run of `updates` updates of all couplings, `first` of them behind the inputs.

    presentations : images whose gradient was taken; heat : kT given to the bath, of all updates
    rows, temperature : of the posterior; kT of the mean loss is temperature / rows
    """
    digital = digital_training(couplings, first, presentations=presentations, updates=updates)
    ambient = device.ambient
    bath = thermal_energy(ambient.value)
    counted = KINDS.index("measured")

    def weaker(kind: str) -> str:
        return KINDS[max(KINDS.index(kind), counted)]

    terms = (
        Term("gradient", digital.arithmetic, weaker(digital.kind), "int8 multiply-adds of back-propagation"),
        Term(
            "weight_write",
            updates * couplings * memory.write.value,
            weaker(memory.write.source.kind),
            memory.summary,
        ),
        Term("heat", heat * bath, weaker(ambient.source.kind), "fall of the potential within updates"),
    )
    return SamplingEnergy(
        terms,
        digital,
        device.name,
        memory.name,
        nat=rows / temperature * bath if temperature else math.inf,
        sd=math.sqrt(bath / device.capacitance.value),
    )
