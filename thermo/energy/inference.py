"""What one inference costs: heat, cycle, joules, seconds, and the digital design beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from scipy import sparse

from compiler.errors import UnsupportedError
from compiler.ir.burdens import has_resistors, magnitudes, technology_of, typical_j2
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.symmetry import is_gradient, matrix
from hw_models.constants import landauer
from hw_models.couplings import CouplingTechnology
from hw_models.device import Device, Units, periphery
from hw_models.interval import Interval
from hw_models.presets import chosen_device
from thermo.data import Dataset
from thermo.energy.baselines import Baseline, cheapest
from thermo.energy.cycle import Reset, measure_cycle
from thermo.energy.fewest_bits import FewestBits
from thermo.energy.fewest_bits import fewest_bits as find_fewest_bits
from thermo.energy.ledger import Design, Price
from thermo.energy.machine import MachineRun
from thermo.energy.reset import ChosenReset, ResetWish, find_reset
from thermo.energy.storage import like_for_like
from thermo.evaluate import (
    Evaluation,
    Heat,
    evaluate,
    label_codes,
    ranges_of,
    right_answers,
    score,
    summarise,
)
from thermo.progress import Progress
from thermo.simulate.langevin.conversion import Conversion
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.langevin.run import simulate_langevin
from thermo.simulate.langevin.wiring import device_units

HALVED = 2500
"""Samples of the runs with halved steps, which only check what steps do and take longest."""


@dataclass(frozen=True, slots=True)
class CycleEnergy:
    """Mean work and heat of one inference's cycle in the model's unit of energy, with standard errors.

    work : of the whole cycle; where the couplings have no potential, work_on and work_off are None, and this
        is the heat of the cycle, by the path: in the mean of a steady cycle all that went in comes out
    accuracy, accuracy_sem, rmse : of answers that begin where the reset left the answer before
    entropy : given to the bath, units of k_B; in the mean of a steady cycle also the entropy produced
    kT : of the whole cycle in the model's unit, None where it changes
    """

    work_on: Heat | None
    heat_relax: Heat
    work_off: Heat | None
    heat_reset: Heat
    work: Heat
    entropy: Heat | None
    accuracy: float | None
    accuracy_sem: float | None
    rmse: float | None
    stiffness: float
    duration: float
    couplings: bool
    kT: float | None

    def in_kT(self) -> dict[str, Any] | None:
        """The same by name with energies in kT; None where kT changes."""
        if self.kT is None:
            return None
        return {
            f.name: value.over(self.kT) if isinstance(value, Heat) and f.name != "entropy" else value
            for f in fields(self)
            for value in (getattr(self, f.name),)
        }


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """The whole answer to "what would it cost".

    evaluation : accuracy and heat of one relaxation from a fresh start; halved : the same with dt halved,
        on HALVED samples or less
    idle_heat_kT : of the machine without couplings, inputs and biases
    cycle : None where the netlist's force has no potential, and physics is then the heat alone
    halved_cycle : the same with every step halved, the reset's too, on as few
    reset : how the reset was chosen, None where it was given
    couplings : what they are made of
    asked : what an inference asks of any device; energy, latency_s : its price on this one, back to back
    cheapest : the baseline it is compared with; n_classes : 0 for regression
    right : (n_samples,) decisions of the cycle that were right, else of the fresh start; None for regression
    conversions : what the converters did; fewest_bits : how theirs were found, own : the device before
    """

    evaluation: Evaluation
    halved: Evaluation
    idle_heat_kT: Heat | None
    cycle: CycleEnergy | None
    halved_cycle: CycleEnergy | None
    reset: ChosenReset | None
    asked: MachineRun
    device: Device
    baselines: tuple[Baseline, ...]
    cheapest: Baseline | None
    n_classes: int
    couplings: CouplingTechnology
    right: np.ndarray | None = None
    conversions: tuple[Conversion, ...] = ()
    fewest_bits: FewestBits | None = None
    own: Device | None = None

    @property
    def accuracy(self) -> float | None:
        """Of the answers that are priced: started from a reset, where a cycle is measured."""
        return self.evaluation.accuracy if self.cycle is None else self.cycle.accuracy

    @property
    def accuracy_sem(self) -> float | None:
        """Standard error of `accuracy`."""
        return self.evaluation.accuracy_sem if self.cycle is None else self.cycle.accuracy_sem

    @property
    def rmse(self) -> float | None:
        """Of the answers that are priced, None for classification."""
        return self.evaluation.rmse if self.cycle is None else self.cycle.rmse

    @property
    def energy(self) -> Price:
        """J of one inference by place, inferences back to back."""
        return self.asked.price(self.device)

    @property
    def latency_s(self) -> float:
        """s: converters, relaxation and reset of all runs of one inference."""
        return self.energy.seconds

    @property
    def coupling_facts(self) -> dict[str, Any]:
        """What couplings are made of and draw, JSON's types; J both with bias switched off and never."""
        cost = self.asked.couplings(self.device)
        gated, always = (
            replace(self.asked, always_on=on).price(self.device).joules["couplings"] for on in (False, True)
        )
        return {
            "technology": self.couplings.name,
            "ideal": self.couplings.name == "ideal",
            "current_A": cost.current,
            "power_W": cost.power,
            "area_m2": cost.area,
            "gated_J": gated,
            "always_on_J": always,
            "always_on": self.asked.always_on,
        }

    @property
    def units(self) -> Units:
        """The netlist's units on the device."""
        return self.asked.units(self.device)

    @property
    def design(self) -> Design:
        """The machine on its device, for bills and comparisons."""
        e = self.evaluation
        return self.asked.design(
            self.device,
            name=f"Langevin cells, {self.device.name}, {self.couplings.name} couplings",
            accuracy=self.accuracy,
            accuracy_sem=self.accuracy_sem,
            n_samples=e.n_samples,
            split=e.split,
            right=self.right,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON's keys (docs/cli.md): accuracy, heat_kT, energy_J, latency_s, advantage, ..."""
        e = self.evaluation
        digital = None if self.cheapest is None else self.cheapest.energy.total
        bits = float(np.log2(self.n_classes)) if self.n_classes > 1 else None
        halved = self.halved.accuracy if self.halved_cycle is None else self.halved_cycle.accuracy
        return {
            "couplings": self.coupling_facts,
            "accuracy": self.accuracy,
            "accuracy_sem": self.accuracy_sem,
            "rmse": self.rmse,
            "fresh_start": {"accuracy": e.accuracy, "accuracy_sem": e.accuracy_sem, "rmse": e.rmse},
            "runs": e.runs,
            "split": e.split,
            "n_samples": e.n_samples,
            "heat_kT": None if e.heat_kT is None else asdict(e.heat_kT),
            "heat": None if e.heat is None else asdict(e.heat),
            "entropy_kB": None if e.entropy_kB is None else asdict(e.entropy_kB),
            "heat_above_idle_kT": self.heat_above_idle,
            "halved_dt": {
                "accuracy": halved,
                "heat_kT": None if self.halved.heat_kT is None else asdict(self.halved.heat_kT),
                "work": None if self.halved_cycle is None else asdict(self.halved_cycle.work),
            },
            "reset": None if self.reset is None else asdict(self.reset),
            "cycle_kT": None if self.cycle is None else _plain(self.cycle.in_kT()),
            "cycle": None if self.cycle is None else asdict(self.cycle),
            "energy_J": {**self.energy.joules, "total": self.energy.total},
            "latency_s": self.latency_s,
            "landauer_J": landauer(self.device.ambient.value),
            "answer_bits": bits,
            "digital_baseline_J": digital,
            "digital_baseline": None if self.cheapest is None else self.cheapest.describe(),
            "baselines": [b.describe() for b in self.baselines],
            "advantage": {storage: over.describe() for storage, over in self.advantage.items()},
            "converters": [asdict(c) for c in self.conversions],
            **self._fewest_bits(),
            "device": self.device.describe(),
        }

    def _fewest_bits(self) -> dict[str, Any]:
        if self.fewest_bits is None or self.own is None:
            return {}
        before = self.asked.price(self.own)
        told = {
            "energy_before_J": {**before.joules, "total": before.total},
            "latency_before_s": before.seconds,
        }
        return {"fewest_bits": {**asdict(self.fewest_bits), **told}}

    @property
    def advantage(self) -> dict[str, Interval]:
        """Joules of the cheapest digital design over ours, weights of both in one storage, by storage.

        Empty without such a design, and for a machine that takes up more heat than it costs.
        """
        if self.cheapest is None:
            return {}
        e = self.evaluation
        return like_for_like(self.design, self.cheapest.design(e.n_samples, e.split))

    @property
    def heat_above_idle(self) -> float | None:
        """kT per inference, all its runs."""
        if self.evaluation.heat_kT is None or self.idle_heat_kT is None:
            return None
        return self.evaluation.heat_kT.mean - self.evaluation.runs * self.idle_heat_kT.mean


def _plain(values: dict[str, Any] | None) -> dict[str, Any] | None:
    """With every Heat as JSON's types."""
    if values is None:
        return None
    return {name: asdict(v) if isinstance(v, Heat) else v for name, v in values.items()}


def idle_netlist(netlist: LangevinNetlist) -> LangevinNetlist:
    """The same cells with no couplings and no drive."""
    return netlist.with_(cells=replace(netlist.cells, h=np.zeros(netlist.n_cells)), couplings=())


def idle_heat(netlist: LangevinNetlist, *, runs: int = 2000, seed: int = 0, **options: Any) -> Heat | None:
    """Heat of one run of the idle machine in kT, None at kT = 0.

    It is negative where x0 = 0 is colder than the bath: the cells take up their thermal energy.
    options : of `thermo.simulate.simulate`
    """
    if not netlist.kT > 0:
        return None
    result = simulate_langevin(idle_netlist(netlist), None, runs=runs, seed=seed, **options)
    if result.heat is None or not result.kT > 0:
        return None
    values = result.heat.ravel() / result.kT
    std = float(values.std(ddof=1))
    return Heat(float(values.mean()), std, std / np.sqrt(values.size))


def n_parameters(netlist: LangevinNetlist) -> int:
    """Couplings and biases other than 0; a symmetric pair is one, and so are all couplings that a tie makes
    one parameter.
    """
    count = int(np.count_nonzero(netlist.cells.h))
    free = [group for group in netlist.couplings if group.tie is None]
    for group in netlist.couplings:
        if group.tie is not None:
            used = np.bincount(group.tie, minlength=group.weight.size) > 0
            count += int(np.count_nonzero(group.weight[used]))
    if not free:
        return count
    w = sum((abs(matrix(c)) for c in free), sparse.csr_array((netlist.n_cells, netlist.n_cells)))
    pairs = sparse.triu(w + w.T) if is_gradient(netlist) else w
    return count + int((pairs.tocoo().data != 0).sum())


def estimate_langevin(
    netlist: LangevinNetlist,
    dataset: Dataset,
    device: Device,
    baselines: tuple[Baseline, ...] | Callable[[float | None], tuple[Baseline, ...]],
    *,
    split: str = "test",
    runs: int = 1,
    seed: int = 0,
    device_seed: int = 0,
    reset: Reset | ResetWish | None = None,
    fewest_bits: bool = False,
    always_on: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Estimate:
    """Measure accuracy, heat and cycle of the machine on a device, on a split, and price them.

    always_on : whether bias currents of couplings are never switched off
    device_seed : which device, of one with imperfections or converters

    baselines : digital designs measured on the same split, or what finds them up to an accuracy; the
    cheapest of at least the netlist's accuracy is what it is compared with
    reset : how cells are brought back; what of it is not given is found by `find_reset`
    fewest_bits : find the fewest bits of its converters that keep the accuracy, and estimate with them

    Raises HardwareError where the device cannot hold it.
    """
    options: dict[str, Any] = {"runs": runs, "seed": seed, "threads": threads, "progress": progress}
    options |= {"device": device, "device_seed": device_seed}
    own = device
    dynamic = ~netlist.cells.frozen
    device_units(netlist, device)  # raises before anything is run
    options |= ranges_of(netlist, dataset, options)
    input_span, output_span = (float(np.ptp(options[name])) for name in ("input_range", "output_range"))
    found = None
    if fewest_bits:

        def converting(there: Device) -> float:
            return _converters(netlist, there, runs, input_span, output_span)

        found = find_fewest_bits(netlist, dataset, own, converting, options=options, progress=progress)
        device = chosen_device(own, input_bits=found.input_bits, output_bits=found.output_bits)
        options["device"] = device
    evaluation, result = evaluate(netlist, dataset, split, **options)
    few = _thinned(dataset, split)
    halved, _ = evaluate(netlist, few, split, dt=netlist.dt / 2, **options)
    cycle = halved_cycle = chosen = None
    cyclic = netlist.kT > 0 and len(netlist.schedule) == 1 and is_gradient(netlist)
    scale = netlist.lowered.energy_scale
    asked = MachineRun(
        n_inputs=netlist.inputs.size,
        n_outputs=netlist.outputs.size,
        n_cells=int(dynamic.sum()),
        n_phases=len(netlist.schedule) + cyclic,
        n_parameters=n_parameters(netlist),
        runs=runs,
        duration=sum(p.duration for p in netlist.schedule),
        physics=0.0,
        input_span=input_span,
        output_span=output_span,
        kT=netlist.kT,
        mobility=netlist.mobility,
        j2=typical_j2(netlist),
        n_couplings=netlist.n_couplings,
        strength=float(magnitudes(netlist, lambda group: group.values)[:, dynamic].sum()),
        resistors=has_resistors(netlist),
        always_on=always_on,
    )

    def with_reset(work: float, time: float) -> MachineRun:
        """With cycles whose mean work is this, and a reset that takes so long."""
        return replace(asked, physics=runs * work * scale, duration=asked.duration + time)

    if cyclic:
        if not isinstance(reset, Reset):
            there = {name: value for name, value in options.items() if name not in ("runs", "progress")}

            def price(work: float, time: float) -> float:
                return with_reset(work, time).price(device).total

            chosen = find_reset(netlist, dataset, reset or ResetWish(), price=price, **there)
            reset = chosen.reset
        cycle, result = _cycle_energy(netlist, dataset, split, reset, options)
        halved_cycle, _ = _cycle_energy(netlist, few, split, reset, {**options, "dt": netlist.dt / 2})
        asked = with_reset(cycle.work.mean / runs, reset.duration)
    accuracy = evaluation.accuracy if cycle is None else cycle.accuracy
    if callable(baselines):
        baselines = baselines(accuracy)
    if cycle is None:
        if evaluation.heat is None:
            raise UnsupportedError(
                "the heat of a netlist with a noise matrix is not measured, so it has no price: "
                "thermoc simulate runs it"
            )
        asked = replace(asked, physics=evaluation.heat.mean * scale)
    return Estimate(
        evaluation=evaluation,
        halved=halved,
        idle_heat_kT=idle_heat(netlist, seed=seed, threads=threads),
        cycle=cycle,
        halved_cycle=halved_cycle,
        reset=chosen,
        asked=asked,
        device=device,
        right=right_answers(result, dataset.part(split)[1], label_codes(netlist, dataset)),
        baselines=baselines,
        cheapest=cheapest(baselines, accuracy),
        n_classes=dataset.n_classes,
        conversions=result.conversions,
        fewest_bits=found,
        own=own,
        couplings=technology_of(netlist, device.couplings),
    )


def _converters(
    netlist: LangevinNetlist, device: Device, runs: int, input_span: float, output_span: float
) -> float:
    """J of a device's converters, and of the cells that wait for them, in one inference."""
    units, n_cells = device_units(netlist, device), int((~netlist.cells.frozen).sum())
    around = periphery(
        device,
        n_inputs=netlist.inputs.size,
        n_outputs=netlist.outputs.size,
        n_cells=n_cells,
        n_phases=0,
        runs=runs,
        seconds=sum(p.duration for p in netlist.schedule) * units.time,
        input_volts=units.volts(input_span),
        output_volts=units.volts(output_span),
    )
    return around.input_drive + around.read_out + around.idle


def _thinned(dataset: Dataset, split: str) -> Dataset:
    """Every n-th sample of the split, so that HALVED are left or fewer."""
    x, y = dataset.part(split)
    step = -(-len(x) // HALVED)
    few: dict[str, Any] = {f"x_{split}": x[::step], f"y_{split}": y[::step]}
    return replace(dataset, **few)


def _cycle_energy(
    netlist: LangevinNetlist, dataset: Dataset, split: str, reset: Reset, options: dict[str, Any]
) -> tuple[CycleEnergy, SimulationResult]:
    """The cycle's means, and the simulation of its relaxation."""
    x, y = dataset.part(split)
    measured = measure_cycle(netlist, x, reset, **options)
    found = score(measured.result, y, split, label_codes(netlist, dataset))
    means = CycleEnergy(
        work_on=None if measured.work_on is None else summarise(measured.work_on),
        heat_relax=summarise(measured.heat_relax),
        work_off=None if measured.work_off is None else summarise(measured.work_off),
        heat_reset=summarise(measured.heat_reset),
        work=summarise(measured.work),
        entropy=None if measured.entropy is None else summarise(measured.entropy),
        accuracy=found.accuracy,
        accuracy_sem=found.accuracy_sem,
        rmse=found.rmse,
        stiffness=reset.stiffness,
        duration=reset.duration,
        couplings=reset.couplings,
        kT=measured.kT if measured.kT > 0 else None,
    )
    return means, measured.result
