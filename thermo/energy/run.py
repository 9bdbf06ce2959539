"""`estimate`: what any kind of netlist would cost, each on hardware of its own kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from compiler.circuits.from_tables import circuit_of
from compiler.errors import UnsupportedError
from compiler.ir.cells import CellNetlist
from hw_models.errors import HardwareError
from hw_models.liberty import library_files
from thermo.common_options import (
    AT,
    COUPLINGS,
    DEVICE_SEED,
    IMPERFECT,
    INPUT_BITS,
    OUTPUT_BITS,
    RUNS,
    SEED,
    THREADS,
)
from thermo.data import Dataset, load_dataset
from thermo.energy.baselines import WIDTHS, Baseline
from thermo.options import Option, check_taken, takes
from thermo.progress import NullProgress, Progress
from thermo.simulate.run import dynamics_of
from thermo.simulate.tiles.dynamics import IR_DROP, RANGES_AT, SCALE_INPUTS, WIRE

if TYPE_CHECKING:
    from hw_models.cells import CellLibrary
    from hw_models.pbits import PBitDevice
    from thermo.energy.cycle import Reset
    from thermo.energy.ledger import Design
    from thermo.energy.reset import ResetWish
    from thermo.energy.samples import SampleEnergy

DEVICE = "rc-1fF"
PBIT_DEVICE = "pbit-cmos"
TILE_DEVICE = "pcm-tile"
LARGE = (*WIDTHS, 192, 256, 384, 512)
"""Hidden cells of the int8 networks tried: gate networks can be more accurate than 128 are."""

Baselines = Callable[[float | None], tuple[Baseline, ...]]
"""Digital designs up to one of at least this accuracy."""


class Priced(Protocol):
    """What every estimate returns: Estimate, GateEstimate, SpinEstimate or TileEstimate."""

    def to_dict(self) -> dict[str, Any]:
        """JSON's keys (docs/cli.md)."""


class Estimator(Protocol):
    """How one kind of netlist is priced; see thermo.simulate.run.Dynamics.

    default_data : the data set it is measured on unless told otherwise, None for none
    """

    dynamics: str
    kind: str
    takes: Mapping[str, Option]

    def default_data(self, netlist: Any) -> str | None: ...

    @property
    def run(self) -> Callable[..., Priced]:
        """f(netlist, dataset or None, *, baselines, progress, what it takes)"""


def _reset(**parts: Any) -> Reset | ResetWish:
    from thermo.energy.cycle import Reset
    from thermo.energy.reset import ResetWish

    return Reset(**parts) if len(parts) == 3 else ResetWish(**parts)


def _hertz(megahertz: float) -> float:
    return 1e6 * megahertz


DONT_USE = Option(
    "dont_use",
    "--dont-use",
    list[str],
    None,
    "Circuits: cells that mapping leaves alone, by name or pattern ('*_X4'); may be repeated.",
)


def chosen_libraries(names: Sequence[str]) -> tuple[CellLibrary, ...]:
    """Presets by name and Liberty files by path; every preset if nothing is asked for.

    A library split over files is their paths with + between them.

    Raises HardwareError for an unknown name, a file that is none, or two libraries of one name.
    """
    from hw_models.cell_presets import CELL_LIBRARIES
    from hw_models.characterise import load_library

    if not names:
        return tuple(CELL_LIBRARIES.get(name) for name in CELL_LIBRARIES.names())
    found: list[CellLibrary] = []
    for name in names:
        is_file = name not in CELL_LIBRARIES.names() and (Path(name).exists() or "." in name or "/" in name)
        library = load_library(*library_files(name)) if is_file else CELL_LIBRARIES.get(name)
        if is_file and any(other.name == library.name for other in found):  # corners share a name
            library = replace(library, name=f"{library.name} ({Path(name).name})")
        if any(other.name == library.name for other in found):
            raise HardwareError(
                f"--library {name}: a library called {library.name!r} was given before; give each name once"
            )
        found.append(library)
    return tuple(found)


LIMIT = Option("limit", "--limit", int, None, "Only the first samples of the split.", min=1)


def _device_option(summary: str) -> Option:
    return Option("device", "--device", str, DEVICE, summary)


class LangevinEstimator:
    """Langevin cells on an RC device; see thermo.energy.inference.estimate_langevin."""

    dynamics, kind = "langevin", "a Langevin machine"
    takes = takes(
        Option("split"),
        LIMIT,
        _device_option("Preset of hardware, `thermoc presets` lists them, or a file.toml."),
        AT,
        DEVICE_SEED,
        COUPLINGS,
        Option("always_on", "--always-on", bool, False, "Bias currents of couplings are never switched off."),
        INPUT_BITS,
        OUTPUT_BITS,
        Option(
            "fewest_bits",
            "--fewest-bits",
            bool,
            False,
            "Find the fewest bits of the device's converters that keep the accuracy within 0.3 points on "
            "validation data.",
        ),
        RUNS,
        Option(
            "reset",
            build=_reset,
            parts=(
                Option(
                    "stiffness",
                    "--reset-stiffness",
                    float,
                    None,
                    "Well kappa x^2 / 2 that resets the cells (none: least joules at the same accuracy).",
                ),
                Option(
                    "duration",
                    "--reset-time",
                    float,
                    None,
                    "Of the reset, in time units (none: likewise; found on validation data).",
                ),
                Option(
                    "couplings",
                    "--reset-couplings/--no-reset-couplings",
                    bool,
                    None,
                    "Whether couplings stay on while cells are reset (none: likewise).",
                ),
            ),
        ),
        SEED,
        THREADS,
    )

    def default_data(self, netlist: Any) -> str | None:
        return "digits"

    def run(
        self,
        netlist: Any,
        dataset: Dataset | None,
        *,
        device: Any = DEVICE,
        at: str | float | None = None,
        couplings: Any = None,
        input_bits: int | str | None = None,
        output_bits: int | str | None = None,
        baselines: Any = None,
        split: str = "test",
        limit: int | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Priced:
        from hw_models.presets import chosen_device
        from thermo.energy.inference import estimate_langevin
        from thermo.simulate.langevin.wiring import device_units

        preset = chosen_device(device, couplings, input_bits=input_bits, output_bits=output_bits, at=at)
        device_units(netlist, preset)  # raises before anything is loaded or run
        dataset, digital = _images(dataset, baselines, split, limit, progress)
        return estimate_langevin(netlist, dataset, preset, digital, split=split, progress=progress, **options)


class GateEstimator:
    """Circuits in the cells of libraries; see thermo.energy.gates.estimate_gates.

    A circuit of cells is mapped anew, to its own library unless others are named.
    """

    dynamics, kind = "gates", "a circuit of gates"
    takes = takes(
        Option("split"),
        LIMIT,
        Option(
            "libraries",
            "--library",
            list[str],
            None,
            "Circuits: cell library, a preset or a Liberty file (.lib, .lib.gz; split over files: "
            "a.lib+b.lib); may be repeated; all presets by default.",
            read=chosen_libraries,
        ),
        DONT_USE,
        Option(
            "clock_Hz",
            "--clock",
            float,
            None,
            "Circuits: clock in MHz in place of each library's f_max.",
            read=_hertz,
        ),
        Option(
            "objective", "--objective", str, "area", "Circuits: what cell mapping minimises, area or delay."
        ),
        Option("adder", "--adder", str, "fast", "Circuits: adders of the class head, fast or small."),
        Option("luts"),
        SEED,
        THREADS,
    )

    def default_data(self, netlist: Any) -> str | None:
        circuit = netlist.subject if isinstance(netlist, CellNetlist) else netlist
        return None if circuit.encoder is None else "digits"

    def run(
        self,
        netlist: Any,
        dataset: Dataset | None,
        *,
        libraries: Sequence[Any] | None = None,
        dont_use: Sequence[str] = (),
        baselines: Any = None,
        split: str = "test",
        limit: int | None = None,
        seed: int = 0,
        progress: Progress | None = None,
        **options: Any,
    ) -> Priced:
        from hw_models.cells import leave_out
        from thermo.energy.gate_samples import dataset_samples, random_samples
        from thermo.energy.gates import estimate_gates

        digital: tuple[Baseline, ...] | Baselines
        if isinstance(netlist, CellNetlist):
            netlist, libraries = netlist.subject, libraries or (netlist.library,)
        netlist = circuit_of(netlist)
        named = libraries or ()
        chosen = named if named and not isinstance(named[0], str) else chosen_libraries(named)
        chosen = leave_out(chosen, dont_use)
        default = self.default_data(netlist)
        if dataset is None and default is not None:
            dataset = load_dataset(default)
        if dataset is None:
            if limit is not None:
                raise UnsupportedError(
                    f"limit = {limit} counts samples of a data set: give one, or leave it out (--data)"
                )
            samples, digital = random_samples(netlist, seed), ()
        else:
            digital = _digital(baselines, dataset, split, LARGE, progress)
            samples = dataset_samples(netlist, _first(dataset, split, limit), split)
        return estimate_gates(
            netlist,
            samples,
            chosen,
            digital,
            classes=() if dataset is None else dataset.labels,
            strict=bool(named),
            progress=progress,
            **options,
        )


@dataclass(frozen=True, slots=True, eq=False)
class SpinEstimate:
    """One run of a schedule of p-bits on a device."""

    cost: SampleEnergy
    device: PBitDevice

    @property
    def design(self) -> Design:
        """One run on the device, for bills and comparisons: it decides nothing."""
        return self.cost.asked.design(self.device, f"p-bits, {self.device.name}")

    def to_dict(self) -> dict[str, Any]:
        """JSON's keys (docs/cli.md)."""
        return {**self.cost.describe(), "energies": self.device.describe()}


class SpinEstimator:
    """One run of the schedule of p-bits on an array of them; see thermo.energy.samples.

    Flips are counted in runs of the schedule.
    """

    dynamics, kind = "spins", "p-bits"
    takes = takes(
        _device_option("Preset of hardware, `thermoc presets` lists them, or a file.toml."), AT, SEED, THREADS
    )

    def default_data(self, netlist: Any) -> str | None:
        return None

    def run(
        self,
        netlist: Any,
        dataset: Dataset | None,
        *,
        device: Any = PBIT_DEVICE,
        at: str | float | None = None,
        seed: int = 0,
        threads: int | None = None,
        baselines: Any = None,
        progress: Progress | None = None,
    ) -> Priced:
        from hw_models.presets import pbits_of
        from thermo.energy.samples import spin_energy

        preset = pbits_of(device, at)
        return SpinEstimate(
            spin_energy(netlist, preset, seed=seed, threads=threads, progress=progress), preset
        )


class TileEstimator:
    """Networks on crossbar tiles; see thermo.energy.tiles.estimate_tiles."""

    dynamics, kind = "tiles", "a network on tiles"
    takes = takes(
        Option("split"),
        LIMIT,
        _device_option("Hardware preset; `thermoc presets` lists them."),
        AT,
        IMPERFECT,
        DEVICE_SEED,
        INPUT_BITS,
        OUTPUT_BITS,
        WIRE,
        IR_DROP,
        SCALE_INPUTS,
        RANGES_AT,
        SEED,
        THREADS,
    )

    def default_data(self, netlist: Any) -> str | None:
        return "digits"

    def run(
        self,
        netlist: Any,
        dataset: Dataset | None,
        *,
        device: Any = TILE_DEVICE,
        input_bits: int | str | None = None,
        output_bits: int | str | None = None,
        wire: float | None = None,
        baselines: Any = None,
        split: str = "test",
        limit: int | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Priced:
        from hw_models.presets import chosen_crossbar
        from thermo.energy.tiles import estimate_tiles

        tiles = chosen_crossbar(device, input_bits=input_bits, output_bits=output_bits, wire=wire)
        dataset, digital = _images(dataset, baselines, split, limit, progress)
        return estimate_tiles(netlist, dataset, tiles, digital, split=split, progress=progress, **options)


ESTIMATORS: tuple[Estimator, ...] = (LangevinEstimator(), GateEstimator(), SpinEstimator(), TileEstimator())


def estimator_of(netlist: Any) -> Estimator:
    """What prices this netlist; UnsupportedError names what can be priced."""
    name = dynamics_of(netlist).name
    return next(e for e in ESTIMATORS if e.dynamics == name)


def estimate(
    netlist: Any,
    dataset: Dataset | None = None,
    *,
    baselines: Sequence[Baseline] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Priced:
    """What a netlist of any kind would cost: joules, seconds, area, beside the digital designs.

    dataset : what it is measured on; by default the digits, and for a circuit without encoder
        random patterns. p-bits take none: one run of their schedule is priced
    baselines : digital designs measured on the same split; by default they are trained, up to one
        as accurate as the netlist, and kept in the user's cache. () leaves them out
    options : of all seed, threads; with data split, and limit: so many of its first samples. Langevin
        machines (to an Estimate): device (a preset's name or a Device), input_bits, output_bits,
        fewest_bits, runs, reset. p-bits (to a SpinEstimate): device. Circuits (to a GateEstimate):
        libraries (presets' names, Liberty files or CellLibrary), clock_Hz, objective, adder, luts (False:
        no tables are counted). Networks on tiles (to a TileEstimate): device, at, non_ideal, input_bits,
        output_bits, wire, ir_drop

    Raises UnsupportedError for a netlist that cannot be priced and an option that it does not take,
    HardwareError where the hardware cannot hold it, DataError where the data do not fit.
    """
    estimator = estimator_of(netlist)
    takers = {e.kind: e.takes for e in ESTIMATORS}
    for name in options:
        check_taken(estimator.kind, name, name, takers)
    if dataset is not None and "split" not in estimator.takes:
        check_taken(estimator.kind, "split", "a data set", takers)
    return estimator.run(netlist, dataset, baselines=baselines, progress=progress, **options)


def _images(
    dataset: Dataset | None,
    baselines: Sequence[Baseline] | None,
    split: str,
    limit: int | None,
    progress: Progress | None,
) -> tuple[Dataset, tuple[Baseline, ...] | Baselines]:
    """What an analog machine is measured on, and the digital designs beside it, on all of the split."""
    dataset = load_dataset("digits") if dataset is None else dataset
    return _first(dataset, split, limit), _digital(baselines, dataset, split, WIDTHS, progress)


def _first(dataset: Dataset, split: str, limit: int | None) -> Dataset:
    """With the first samples of the split alone."""
    if limit is None:
        return dataset
    x, y = dataset.part(split)
    few: dict[str, Any] = {f"x_{split}": x[:limit], f"y_{split}": y[:limit]}
    return replace(dataset, **few)


def _digital(
    baselines: Sequence[Baseline] | None,
    dataset: Dataset,
    split: str,
    widths: Sequence[int],
    progress: Progress | None,
) -> tuple[Baseline, ...] | Baselines:
    """The designs given, or how to find them once the accuracy to be met is known."""
    if baselines is not None:
        return tuple(baselines)
    return partial(_found, dataset, split, widths, progress or NullProgress())


def _found(
    dataset: Dataset, split: str, widths: Sequence[int], progress: Progress, accuracy: float | None
) -> tuple[Baseline, ...]:
    from thermo.energy.digital import digital_baselines

    return () if accuracy is None else digital_baselines(dataset, split, accuracy, progress, tuple(widths))
