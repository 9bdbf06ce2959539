"""Published figures of other machines, as far as our own estimates and trainers get to them.

array       a pre-silicon array of p-bits: 0.50 uJ a reconstruction
chain       a denoising chain of grids of 70 x 70 cells: 1.6 nJ or 1.96 nJ a layer
classifier  a single-layer MNIST classifier in 0.18 um: 65.74 pJ a decision
machine     the MNIST machine trained by trajectory likelihood: top-1, top-2 and heat

What does not follow from what is retold is said to be so (docs/references.md has the sources).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compiler.circuits.hardwired import hard_wire
from compiler.errors import UnsupportedError
from compiler.families.denoising_chain import DenoisingChain, lower_denoising_chain
from compiler.families.ising import from_edges, lower_ising
from compiler.families.langevin import lower_langevin
from hw_models import published as of
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.presets import PBITS
from hw_models.source import Quantity
from hw_models.topologies import Topology
from thermo.data import Dataset
from thermo.energy.gate_samples import Samples
from thermo.energy.gates import estimate_gates
from thermo.energy.samples import netlist_energy
from thermo.evaluate import evaluate
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.page import Table
from thermo.report.text import si
from thermo.simulate.threads import check_threads
from thermo.studies.jobs import run_all
from thermo.studies.records import Point
from thermo.studies.study import DATA, SEED, THREADS, WHERE, Findings, Study
from thermo.training import train_onsager_machlup
from thermo.training.integer import train_integer, whole_inputs
from thermo.training.langevin.presets import likelihood_preset

PATCH = (36, 52)  # of the array of 432 x 624 = 269,568 p-bits: a 144th
ARRAY_SWEEPS = 23  # that are left of 0.50 uJ when every node has been read
CHAIN_SWEEPS = 250  # of a layer; assumed, the retellings give none
DRIVE = 700.0  # of the machine's idealised trajectories, which its heat grows with
FAIR = 0.5  # share of updates that flip a fair bit
LIBRARY, GROWN = "sky130hd", 0.18 / 0.13  # and what its capacitances are in a process of 0.18 um


@dataclass(frozen=True, slots=True)
class Figure:
    """published, ours : in `unit`; how : what ours is made of; firm : of the published figure"""

    part: str
    name: str
    published: float | None
    ours: float
    unit: str
    how: str
    firm: str

    @property
    def ratio(self) -> float | None:
        return None if self.published is None else self.ours / self.published


def _figure(part: str, name: str, published: Quantity | None, ours: float, unit: str, how: str) -> Figure:
    if published is None:
        return Figure(part, name, None, ours, unit, how, "")
    return Figure(part, name, published.value, ours, unit, how, published.source.kind)


def array_figures() -> list[Figure]:
    """The array's reconstruction from what a node costs, and what its times would make of it."""
    device = PBITS.get("pbit-sampling-unit")
    edges = Topology("g16", PATCH).graph().edges
    n = PATCH[0] * PATCH[1]
    patch = from_edges(np.zeros(n), edges[:, 0], edges[:, 1], np.ones(len(edges)))

    def whole(sweeps: int, read: bool) -> float:
        """J of the array: a patch through our estimate, times the number of patches."""
        cost = netlist_energy(lower_ising(patch, sweeps=sweeps, sample=False), device)
        joules = cost.energy.total if read else cost.energy.total - cost.energy.read
        return joules * of.ARRAY_NODES.value / n

    frames = of.ARRAY_TIME.value / of.ARRAY_FRAME.value
    sweeps = of.ARRAY_TIME.value / of.ARRAY_SWEEP.value
    goal, sweep = of.ARRAY_RECONSTRUCTION, whole(1, False)
    left = (goal.value - (whole(1, True) - sweep)) / sweep
    rows = [
        (
            "a reconstruction",
            goal,
            whole(ARRAY_SWEEPS, True),
            f"one read of every node and {ARRAY_SWEEPS} sweeps",
        ),
        (
            "a reconstruction, one sweep a frame",
            goal,
            whole(round(frames), False),
            f"{frames:.0f} frames of 25 us in 7.5 ms, no read",
        ),
        (
            "a reconstruction, 7.5 ms of sweeps",
            goal,
            whole(1, False) * sweeps,
            f"{sweeps:,.0f} sweeps of 20 ns: does NOT follow",
        ),
        (
            "couplings and biases of the array, set once",
            None,
            of.ARRAY_NODES.value * of.ARRAY_WRITE.value,
            "",
        ),
    ]
    told = [_figure("array", name, published, ours, "J", how) for name, published, ours, how in rows]
    how = "what 0.50 uJ leaves after one read of every node: nothing retold says so many"
    return [*told, Figure("array", "sweeps of a reconstruction", None, left, "sweeps", how, "")]


def chain_figures() -> list[Figure]:
    """A layer of the chain on our estimate, and what its two retellings have in common: too little."""
    side = int(of.CHAIN_SIDE.value)
    edges = Topology("g12", (side, side)).graph().edges
    n = side * side
    chain = DenoisingChain(
        np.zeros((1, n)),
        edges[:, 0],
        edges[:, 1],
        np.zeros((1, len(edges))),
        np.ones(1),
        np.arange(n, dtype=np.int32),
        (side, side),
        784,
        CHAIN_SWEEPS,
    )
    cost = netlist_energy(lower_denoising_chain(chain), PBITS.get("pbit-cmos"), activity=FAIR)
    layer, cell = cost.energy.total, cost.energy.total / cost.updates
    how = f"our estimate, pbit-cmos, {CHAIN_SWEEPS} sweeps (assumed), half of the updates flip"
    stated = of.CHAIN_CELL.value * n
    return [
        _figure("chain", "a layer (v2)", of.CHAIN_LAYER, layer, "J", how),
        _figure("chain", "a layer (other retelling)", of.CHAIN_LAYER_RETOLD, layer, "J", how),
        _figure("chain", "an update of a cell", of.CHAIN_CELL, cell, "J", how),
        _figure(
            "chain",
            "sweeps that make 1.6 nJ of 2 fJ a cell",
            None,
            of.CHAIN_LAYER.value / stated,
            "sweeps",
            f"1.96 nJ would be {of.CHAIN_LAYER_RETOLD.value / stated:.0f}: the two retellings disagree by "
            f"{100 * (of.CHAIN_LAYER_RETOLD.value / of.CHAIN_LAYER.value - 1):.0f} %",
        ),
    ]


def classifier_figures(dataset: Dataset, *, seed: int = 0, epochs: int = 3) -> list[Figure]:
    """A ternary linear classifier of pixels that are on or off, hard-wired in cells of a 130 nm library; what
    they switch at 1.8 V is taken times (0.6 / 1.8)^2, and times 0.18 / 0.13. Leakage is left out."""
    network = train_integer(dataset, (), "ternary", top=1, epochs=epochs, seed=seed).model
    inputs = whole_inputs(dataset.x_test, 1)
    accuracy = float(np.mean(network.predictions(inputs) == dataset.y_test))
    library = CELL_LIBRARIES.get(LIBRARY)
    samples = Samples(network.input_patterns(inputs), None, "test", dataset.name)
    mapped = estimate_gates(hard_wire(network), samples, (library,), strict=True).libraries[0].whole
    scale = (of.CLASSIFIER_VOLTAGE.value / library.voltage.value) ** 2
    told = f"{LIBRARY} at {library.voltage.value:g} V times {scale:.3f} for {of.CLASSIFIER_VOLTAGE.value:g} V"
    dynamic = mapped.energy.dynamic + mapped.energy.input_pins
    hazards = dynamic * mapped.glitches.library_factor
    goal = of.CLASSIFIER_ENERGY
    how = f"{sum(mapped.cells.values()):,} cells, {told}"
    return [
        _figure(
            "classifier", "accuracy", of.CLASSIFIER_ACCURACY, accuracy, "share", "ternary, pixels on or off"
        ),
        _figure("classifier", "a decision, settled toggles", goal, dynamic * scale, "J", how),
        _figure(
            "classifier", "a decision, with glitches", goal, hazards * scale, "J", f"{how}, library's delays"
        ),
        _figure(
            "classifier",
            "a decision, with glitches, in 0.18 um",
            goal,
            hazards * scale * GROWN,
            "J",
            f"the same times {GROWN:.2f}: capacitance taken to grow as the feature",
        ),
    ]


def machine_figures(
    dataset: Dataset, *, seed: int = 0, threads: int | None = None, progress: Progress | None = None
) -> list[Figure]:
    """The published loss solved exactly, as `thermoc train langevin --method least-squares` does."""
    config = replace(likelihood_preset(dataset), drive_hidden=DRIVE, drive_out=DRIVE)
    trained = train_onsager_machlup(dataset, config, threads=threads, progress=progress)
    netlist = lower_langevin(trained.model)
    found, result = evaluate(netlist, dataset, "test", seed=seed, threads=threads)
    answers = result.answers()
    two = np.argsort(-answers, axis=1)[:, :2]
    top2 = float(np.mean((two == dataset.y_test[:, None]).any(axis=1)))
    assert found.accuracy is not None and found.heat_kT is not None
    how = f"least squares; drives of {DRIVE:g} and logistic outputs of the teacher are ours"
    return [
        _figure("machine", "top-1, one trajectory", of.MACHINE_TOP1, found.accuracy, "share", how),
        _figure("machine", "top-2, one trajectory", of.MACHINE_TOP2, top2, "share", how),
        _figure("machine", "heat of an inference", of.MACHINE_HEAT, found.heat_kT.mean, "kT", how),
    ]


@dataclass(frozen=True, slots=True)
class Part:
    """One of PARTS, of a study's dataset and seed."""

    name: str
    seed: int


@dataclass(frozen=True, slots=True)
class Found:
    """Figures of one part."""

    part: str
    figures: tuple[Figure, ...]


PARTS: dict[str, Callable[..., list[Figure]]] = {
    "array": lambda dataset, **_: array_figures(),
    "chain": lambda dataset, **_: chain_figures(),
    "classifier": lambda dataset, seed, **_: classifier_figures(dataset, seed=seed),
    "machine": machine_figures,
}


def _measure(point: Point, dataset: Dataset, *_: Path, threads: int | None) -> Found:
    name = point.config.name
    return Found(name, tuple(PARTS[name](dataset, seed=point.config.seed, threads=threads)))


def _found(part: str, figures: list[dict[str, Any]]) -> Found:
    """Of a record."""
    return Found(part, tuple(Figure(**figure) for figure in figures))


def published_table(figures: list[Figure]) -> Table:
    """One row a figure."""

    def shown(value: float | None, unit: str) -> str:
        if value is None:
            return ""
        if unit == "J":
            return si(value, "J")
        return f"{100 * value:.2f} %" if unit == "share" else f"{value:,.4g} {unit}"

    rows = tuple(
        (
            f.part,
            f.name,
            shown(f.published, f.unit),
            shown(f.ours, f.unit),
            "" if f.ratio is None else f"{f.ratio:.3g}",
            f.firm,
            f.how,
        )
        for f in figures
    )
    head = ("machine", "figure", "published", "ours", "ours / published", "firmness", "ours is")
    return Table(head, rows, (2, 3, 4), "Published figures and what we get")


def run_published(
    folder: Path,
    *,
    dataset: Dataset,
    only: list[str] | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """Every part, or those of `only`, each a point."""
    unknown = [name for name in only or () if name not in PARTS]
    if unknown:
        raise UnsupportedError(f"--only {unknown[0]}: no such part; choose of {', '.join(PARTS)}")
    check_threads(threads)
    points = [Point(name, Part(name, seed)) for name in only or PARTS]
    found = run_all(
        [(point.key(dataset), point) for point in points],
        folder,
        _found,
        partial(_measure, threads=threads),
        dataset,
        told=lambda f: f"{f.part}: {len(f.figures)} figures",
        label=f"{len(points)} parts",
        executor=executor,
        progress=progress,
    )
    figures = [figure for part in found for figure in part.figures]
    told: list[dict[str, Any]] = [{**asdict(f), "ratio": f.ratio} for f in figures]
    return Findings({"figures": told}, (published_table(figures),))


STUDY = Study(
    name="published",
    told="""Figures that others published, beside what our own estimates and trainers give.

    The pre-silicon p-bit array, the denoising chain, a single-layer classifier in 0.18 um and the MNIST
    machine trained by trajectory likelihood; what does not follow from what is retold is said to be so.

    Example: thermoc study published -o published --only array --only chain
    """,
    options=(
        DATA,
        Option(
            "only", "--only", list[str], None, "Parts: array, chain, classifier, machine; all by default."
        ),
        SEED,
        THREADS,
        *WHERE,
    ),
    run=run_published,
)
