"""What a training on the device costs: relaxations, nudges, reading, arithmetic, weight writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from compiler.ir.langevin import LangevinNetlist, Phase
from hw_models.device import Device, conversion_energy, conversion_time
from hw_models.digital import INT8_MAC
from hw_models.source import KINDS, Quantity
from hw_models.weights import WeightMemory
from thermo.energy.digital_training import DigitalTraining
from thermo.simulate.langevin.run import simulate_langevin

MEASURED = 64


@dataclass(frozen=True, slots=True)
class TrainingEffort:
    """Counts over a whole training; a relaxation is of one image on one copy of the machine.

    presentations : images put on the inputs; free, nudged : relaxations
    reads : states converted for updates or costs; products : multiply-adds of updates
    writes : single couplings set to a new value
    sweeps : layer-by-layer sweeps of the simulation, all relaxations; updates : batches
    """

    presentations: float
    free: float
    nudged: float
    reads: float
    products: float
    writes: float
    sweeps: float
    updates: float

    @property
    def relaxations(self) -> float:
        return self.free + self.nudged

    def to_dict(self) -> dict[str, float]:
        """JSON's keys."""
        return {
            "relaxations": self.relaxations,
            "nudged_relaxations": self.nudged,
            "weight_writes": self.writes,
            **asdict(self),
        }


@dataclass(frozen=True, slots=True)
class RelaxationCost:
    """One relaxation in the netlist's units: energy given to the bath, free and nudged; time.

    current : energy dissipated by standing currents a unit of time, in place of the other energies
        where conductances carry them
    how : where the energies come from
    """

    free: float
    nudged: float
    time_free: float
    time_nudged: float
    how: str
    current: float = 0.0


@dataclass(frozen=True, slots=True)
class Term:
    """One place where energy goes. kind : firmness of its weakest figure; how : in words"""

    name: str
    joules: float
    kind: str
    how: str


@dataclass(frozen=True, slots=True)
class TrainingEnergy:
    """Joules of a training by place; seconds : of all relaxations one after the other.

    digital : the same network trained by back-propagation on digital hardware
    """

    terms: tuple[Term, ...]
    seconds: float
    effort: TrainingEffort
    device: str
    memory: str
    digital: tuple[DigitalTraining, ...] = ()

    @property
    def total(self) -> float:
        return sum(t.joules for t in self.terms)

    def joules(self) -> dict[str, float]:
        """By name, with the total."""
        return {**{t.name: t.joules for t in self.terms}, "total": self.total}

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON's keys."""
        return {
            "device": self.device,
            "weight_memory": self.memory,
            "seconds": self.seconds,
            "J_per_presentation": self.total / self.effort.presentations,
            "terms": [asdict(t) for t in self.terms],
            "digital": [d.to_dict() for d in self.digital],
        }


def measured_relaxation(
    netlist: LangevinNetlist,
    x: np.ndarray,
    targets: np.ndarray,
    betas: tuple[float, ...] | None,
    *,
    share: float = 1.0,
) -> RelaxationCost:
    """Mean heat of the netlist's relaxation and of a nudged one after it, simulated at kT = 0.

    By NumPy, which is done with so few runs before a kernel for nudges were compiled.

    x : (n, n_inputs) raw; targets : (n, n_outputs); betas : nudges of the second phase; empty: a
        nudged relaxation is taken to cost what the free one does; None: there are none
    share : time of a nudged relaxation over that of a free one; its heat is that of a whole one
    """
    free = netlist.schedule[0]
    heats: list[float] = []
    first = 0.0
    for beta in betas or (0.0,):
        phases: tuple[Phase, ...] = (free,)
        if betas:
            phases += (Phase("nudged", free.duration, nudge=beta),)
        nudged_to = targets if betas else None
        found = simulate_langevin(
            netlist.with_(schedule=phases), x, targets=nudged_to, kT=0.0, backend="numpy"
        )
        assert found.heat_by_phase is not None
        means = found.heat_by_phase.mean(axis=(1, 2))
        first = float(means[0])
        heats += [float(h) for h in means[1:]]
    nudged = float(np.mean(heats)) if heats else first
    how = f"heat of {x.shape[0]} images simulated at kT = 0"
    if betas is None:
        nudged = share = 0.0
    elif not betas:
        how += ", a nudged one taken as free"
    return RelaxationCost(first, nudged, free.duration, share * free.duration, how)


def training_energy(
    effort: TrainingEffort,
    cost: RelaxationCost,
    device: Device,
    memory: WeightMemory,
    *,
    sizes: tuple[int, ...],
    kT: float = 0.0,
    j2: float = 0.5,
    mobility: float = 1.0,
) -> TrainingEnergy:
    """The counts on a device.

    sizes : values a sample, then cells of each layer, of one copy of the machine

        relaxation  = (free Q_free + nudged Q_nudged) E0            E0, t0: hw_models.rc
        current     = P (free t_free + nudged t_nudged) E0          in its place, power P
        input_drive = presentations n_in E_in                       hw_models.converters; signals of one
        nudge_drive = nudged n_out E_in                             unit of x at full scale; targets as
        state_read  = reads E_out                                   currents or voltages
        arithmetic  = products (int8 multiply-add)                  updates are computed digitally
        weight_write = writes write
        clocking    = relaxations cells clock_energy
        idle        = cells static_power (time of all relaxations and conversions)
    """
    units = device.units(kT=kT, mobility=mobility, j2=j2)
    cells, n_out = sum(sizes[1:]), sizes[-1]
    time = (effort.free * cost.time_free + effort.nudged * cost.time_nudged) * units.time
    waiting = effort.presentations * conversion_time(device, 0)
    waiting += effort.relaxations * (conversion_time(device, 1) - conversion_time(device, 0))

    def term(name: str, joules: float, how: str, *figures: Quantity, counted: bool = True) -> Term:
        kinds = [x.source.kind for x in figures] + (["measured"] if counted else [])
        return Term(name, float(joules), max(kinds, key=KINDS.index), how)

    unit = device.energy_figures(kT)
    drive, read = (
        c.figures().values() if c else () for c in (device.input_converter, device.output_converter)
    )
    each_input = conversion_energy(device, "input", units.voltage, columns=max(sizes[1:]))
    each_read = conversion_energy(device, "output", units.voltage)
    terms = [
        term(
            "relaxation",
            (effort.free * cost.free + effort.nudged * cost.nudged) * units.energy,
            f"{cost.how}; unit of energy from the device's {_named(device, unit)}",
            *unit,
        ),
        term("input_drive", effort.presentations * sizes[0] * each_input, "one conversion an input", *drive),
        term("nudge_drive", effort.nudged * n_out * each_input, "one an output", *drive),
        term("state_read", effort.reads * each_read, "states that are read", *read),
        term(
            "arithmetic",
            effort.products * INT8_MAC.value,
            "int8 multiply-adds of the updates, computed digitally",
            INT8_MAC,
        ),
        term("weight_write", effort.writes * memory.write.value, memory.summary, memory.write),
        term(
            "clocking",
            effort.relaxations * cells * device.clock_energy.value,
            "one a cell and relaxation",
            device.clock_energy,
        ),
        term(
            "idle",
            cells * device.static_power.value * (time + waiting),
            "static currents for as long as it takes",
            device.static_power,
            *drive,
            *read,
            *device.time_figures,
        ),
    ]
    if cost.current:
        joules = cost.current * time / units.time * units.energy
        terms[0] = term("current", joules, cost.how, *unit)
    return TrainingEnergy(tuple(terms), time, effort, device.name, memory.name)


def _named(device: Device, figures: tuple[Quantity, ...]) -> str:
    """What the device calls these figures of its own."""
    names = [name for name, figure in device.figures().items() if any(figure is f for f in figures)]
    return " and ".join(name.replace("_", " ") for name in names)


def training_keys(energy: TrainingEnergy) -> Mapping[str, Any]:
    """The keys that `thermoc train eqprop --json` adds."""
    return {"training_energy_J": energy.joules(), "training_energy": energy.to_dict()}
