"""The price of one answer of a network on crossbar tiles, from what a run of it measured.

    physics            V^2 G_on t_read sum over reads and devices of (v / V)^2 g      measured
    couplings          amplifiers: pairs read, each for t_read and its conversion's turn
    input converters   conversions of rows (hw_models.converters), each line crossing its columns
    output converters  conversions of pairs
    controller         digital additions of partial sums, slices and biases, activations, comparisons of
                       pooling, and every layer's values kept until the next reads them

The physics is an upper bound where wires have resistance, which lessens every current. Devices keep their
weights without power; tiles, amplifiers and converters are off while another layer works. Not counted:
programming the devices, wires between tiles, sequencing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from compiler.counting import tile_counts
from compiler.ir.network import Pooling
from compiler.ir.tiles import TileNetlist, Usage, usage
from hw_models.crossbar import CrossbarDevice, read_seconds
from hw_models.interval import Interval
from hw_models.source import with_values
from thermo.data import Dataset
from thermo.energy.baselines import Baseline, cheapest
from thermo.energy.ledger import Design, Price, bill, named, values_of
from thermo.energy.storage import like_for_like
from thermo.evaluate import Evaluation, evaluate, label_codes, right_answers
from thermo.progress import Progress
from thermo.simulate.tiles.result import TileConversion


@dataclass(frozen=True, slots=True)
class TileRun:
    """What an answer asks of any tiles.

    layers : of those with weights; activity : of each, see TileResult
    steps : digital additions, comparisons and activations; values : kept between layers
    """

    layers: tuple[Usage, ...]
    activity: tuple[float, ...]
    steps: int
    values: int

    def price(self, device: CrossbarDevice, rate: float | None = None) -> Price:
        """One answer on the device, see thermo.energy.ledger.Design.price."""
        on = device.voltage.value**2 * device.conductance.value * device.read_time.value
        inputs = outputs = amplified = seconds = 0.0
        turn = 0.0 if device.output_converter is None else device.output_converter.time
        for layer in self.layers:
            seconds += layer.reads * read_seconds(device)
            # a pair's amplifier holds its current for the mean wait for its converter
            held = device.read_time.value + turn * (device.sharing.value + 1.0) / 2.0
            amplified += layer.output_conversions * device.amplifier_power.value * held
        for layer in self.layers:
            if device.input_converter is not None:
                each = device.input_converter.energy(
                    device.voltage.value, columns=layer.crossed, ambient=device.ambient.value
                )
                inputs += layer.input_conversions * each
            if device.output_converter is not None:
                each = device.output_converter.energy(device.swing.value, ambient=device.ambient.value)
                outputs += layer.output_conversions * each
        kept = 8.0 if device.input_converter is None else device.input_converter.bits.value
        return Price(
            {
                "physics": on * sum(self.activity),
                "couplings": amplified,
                "input converters": inputs,
                "output converters": outputs,
                "controller": self.steps * device.add.value + self.values * kept * device.buffer.value,
            },
            seconds,
            self.area(device),
        )

    def area(self, device: CrossbarDevice) -> float:
        """m2 of devices and of the converters that pairs of columns share."""
        converters = sum(math.ceil(layer.pairs / device.sharing.value) for layer in self.layers)
        return (
            sum(layer.devices for layer in self.layers) * device.device_area.value
            + converters * device.converter_area.value
        )


def tile_run(netlist: TileNetlist, activity: tuple[float, ...]) -> TileRun:
    """What a netlist asks with this activity of its layers."""
    steps = values = 0
    for layer, after in zip(netlist.network.layers, netlist.network.shapes[1:], strict=True):
        made = math.prod(after)
        values += made
        steps += made * (layer.activation != "identity")
        if isinstance(layer, Pooling):
            steps += made * layer.window.height * layer.window.width
    used = usage(netlist)
    return TileRun(used, activity, steps + sum(layer.sums for layer in used), values)


@dataclass(frozen=True, slots=True, eq=False)
class TileEstimate:
    """Accuracy and price of a network on tiles.

    evaluation : on the device; asked : what an answer asks of any tiles; counts : of the netlist
    cheapest : the baseline it is compared with; right : (n_samples,) right decisions, None for regression
    conversions : what the converters did
    """

    evaluation: Evaluation
    asked: TileRun
    device: CrossbarDevice
    counts: Mapping[str, Any]
    baselines: tuple[Baseline, ...]
    cheapest: Baseline | None
    conversions: tuple[TileConversion, ...]
    right: np.ndarray | None = None

    @property
    def energy(self) -> Price:
        """J of one answer by place, answers back to back."""
        return self.asked.price(self.device)

    @property
    def design(self) -> Design:
        """The tiles as a design, for bills and comparisons; its weights are its wiring."""
        device, e = self.device, self.evaluation

        def price(values: Mapping[str, float], rate: float | None) -> Price:
            return self.asked.price(with_values(device, values_of(device.name, values)), rate)

        return Design(
            name=f"tiles, {device.name}",
            family="tiles",
            accuracy=e.accuracy,
            accuracy_sem=e.accuracy_sem,
            n_samples=e.n_samples,
            split=e.split,
            node="not stated",
            voltage=None,
            figures=named(device.name, device.figures()),
            price=price,
            right=self.right,
        )

    @property
    def advantage(self) -> dict[str, Interval]:
        """Joules of the cheapest digital design over ours, weights of both wired; empty without one."""
        if self.cheapest is None:
            return {}
        e = self.evaluation
        return like_for_like(self.design, self.cheapest.design(e.n_samples, e.split))

    def to_dict(self) -> dict[str, Any]:
        """JSON's keys (docs/cli.md)."""
        e, priced = self.evaluation, bill(self.design)
        digital = None if self.cheapest is None else self.cheapest.energy.total
        return {
            "accuracy": e.accuracy,
            "accuracy_sem": e.accuracy_sem,
            "rmse": e.rmse,
            "split": e.split,
            "n_samples": e.n_samples,
            "counts": dict(self.counts),
            "energy_J": {**self.energy.joules, "total": self.energy.total},
            "interval_J": priced.total.describe(),
            "latency_s": self.energy.seconds,
            "area_m2": self.energy.area_m2,
            "digital_baseline_J": digital,
            "digital_baseline": None if self.cheapest is None else self.cheapest.describe(),
            "baselines": [b.describe() for b in self.baselines],
            "advantage": {storage: over.describe() for storage, over in self.advantage.items()},
            "converters": [asdict(c) for c in self.conversions],
            "device": self.device.describe(),
        }


def estimate_tiles(
    netlist: TileNetlist,
    dataset: Dataset,
    device: CrossbarDevice,
    baselines: tuple[Baseline, ...] | Callable[[float | None], tuple[Baseline, ...]] = (),
    *,
    split: str = "test",
    progress: Progress | None = None,
    **options: Any,
) -> TileEstimate:
    """Run the split's samples and price an answer.

    baselines : digital designs measured on the same split, or what finds them up to an accuracy
    options : of thermo.simulate.tiles.run.simulate_tiles

    Raises as thermo.evaluate.evaluate.
    """
    evaluation, result = evaluate(netlist, dataset, split, device=device, progress=progress, **options)
    found = baselines(evaluation.accuracy) if callable(baselines) else baselines
    return TileEstimate(
        evaluation=evaluation,
        asked=tile_run(netlist, result.activity),
        device=device,
        counts=tile_counts(netlist),
        baselines=found,
        cheapest=cheapest(found, evaluation.accuracy),
        conversions=result.conversions,
        right=right_answers(result, dataset.part(split)[1], label_codes(netlist, dataset)),
    )
