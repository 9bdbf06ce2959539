"""What one inference of a circuit of gates costs in the cells of a library.

    dynamic    = sum over cells of toggles per inference times energy per output toggle
    input_pins = sum over inputs of toggles per inference times (pins' capacitance) V^2 / 2
    leakage    = leakage power of all cells times the time of one inference

The circuit is mapped as it is after -O1 and after -O2, and the better result counts. Toggles come
from running the real samples in their order; a cell settles once per sample. The time of one
inference is the longest path through the cells, or the clock's period. Beside these settled figures
stand those with every transition before the cells settle (glitches): with the library's delays, and
with unit delay as an upper bound. Beside the circuit stand what makes its input bits of data that lie
on an even grid (encoder: comparators, a clock period before) and its registers with their clock. Not
counted: wires, memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from compiler.cell_counts import cell_columns, longest_path
from compiler.cell_timing import path_delay
from compiler.circuits.encoder import code_bits, encoder_circuit, features_read, grid_of, inputs_read
from compiler.counting import gate_counts
from compiler.errors import UnsupportedError
from compiler.ir.cells import CellNetlist
from compiler.ir.gates import GateNetlist
from compiler.mapped import best_mapping, less_deep, shapes
from compiler.passes.gates.cell_cuts import Subject, cut_circuit
from compiler.passes.gates.lut_map import map_luts
from compiler.pipelines import simplify
from hw_models.cells import CellLibrary
from hw_models.frozen import Frozen
from thermo.data import DataError
from thermo.energy.baselines import Baseline, cheapest
from thermo.energy.circuit import circuit_advantage
from thermo.energy.gate_result import GateEstimate, GateJoules, Glitches, LibraryEstimate, MappedFigures
from thermo.energy.gate_samples import Samples, right_decisions, share_right
from thermo.energy.registers import registers
from thermo.progress import NullProgress, Progress
from thermo.simulate.gates.glitches import PAIRS, glitches
from thermo.simulate.gates.run import simulate_gates

FEW_PAIRS, MANY_GATES = 128, 20_000
"""Pairs of samples that glitches are counted on in circuits of so many gates, where many are measured."""


def mean_toggles(netlist: GateNetlist, bits: np.ndarray, threads: int | None = None) -> np.ndarray:
    """(n_nets,) changes of every net's settled value from one sample to the next, on average.

    Raises DataError for less than two samples.
    """
    if bits.shape[0] < 2:
        raise DataError(f"toggles need two samples or more that follow each other, got {bits.shape[0]}")
    result = simulate_gates(netlist, bits=bits, toggles=True, threads=threads)
    assert result.input_toggles is not None and result.toggles is not None
    return np.concatenate([result.input_toggles, result.toggles]) / (bits.shape[0] - 1)


def estimate_gates(
    netlist: GateNetlist,
    samples: Samples,
    libraries: Sequence[CellLibrary],
    baselines: tuple[Baseline, ...] | Callable[[float | None], tuple[Baseline, ...]] = (),
    *,
    classes: Sequence[str] = (),
    clock_Hz: float | None = None,
    objective: str = "area",
    adder: str = "fast",
    luts: bool = True,
    strict: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> GateEstimate:
    """Accuracy, counts by every definition, and area, delay and joules in each library.

    baselines : digital designs measured on the same split, or what finds them up to an accuracy; the
        cheapest of at least the circuit's accuracy is what it is compared with
    classes : the data set's class names; clock_Hz : in place of each library's own f_max
    objective : of compiler.passes.gates.cell_mapping
    adder : of compiler.passes.gates.heads; "fast" is the smaller and the faster one in cells, where an
        xor costs two gates, "small" has the fewest two-input gates
    luts : whether tables are counted, too, which takes as long as the joules
    strict : raise where a library cannot be used,
        else say so in `refused`

    Raises UnsupportedError for a clock faster than the cells or a figure that a library lacks.
    """
    progress = progress or NullProgress()
    right = right_decisions(netlist, samples, classes)
    accuracy, sem = share_right(right)
    if callable(baselines):
        baselines = baselines(accuracy)
    progress.start(2 + len(libraries), "estimate")
    try:
        made = shapes(netlist, head=False, objective=objective)
        progress.update(1, "optimised")
        circuits = {False: _Circuit.of(made, samples.bits, threads)}
        circuits[True] = circuits[False]
        bare = whole = made[0]
        if netlist.class_sums is not None:
            made = shapes(netlist, adder=adder, objective=objective)
            whole = made[0]
            circuits[True] = _Circuit.of(made, samples.bits, threads)
        progress.update(2, "class head")
        encoder = _encoder(netlist, whole, samples, threads, objective)
        before_all = None if encoder is None else encoder.subjects[0].netlist
        done, refused = [], {}
        for k, library in enumerate(libraries):
            try:
                # the slower one first, which tells the fastest clock
                figures = {
                    head: _figures(circuits[head], library, objective, clock_Hz) for head in (True, False)
                }
                before = None if encoder is None else _figures(encoder, library, objective, None)
                done.append(LibraryEstimate(library, figures[False], figures[True], before))
            except UnsupportedError as error:
                if strict:
                    raise
                refused[library.name] = str(error)
            progress.update(3 + k, library.name)
    finally:
        progress.stop()
    found = GateEstimate(
        accuracy=accuracy,
        accuracy_sem=sem,
        n_samples=samples.bits.shape[0],
        split=samples.split,
        source=samples.source,
        toggles_per_gate=circuits[False].toggles_per_gate,
        has_head=whole is not bare,
        gates=_gates(netlist, bare, whole, before_all, done, (4, 6) if luts else ()),
        depth=_depth(bare, whole),
        libraries=tuple(done),
        refused=Frozen(refused),
        baselines=baselines,
        cheapest=cheapest(baselines, accuracy),
        n_classes=0 if netlist.class_sums is None else netlist.class_sums.n_classes,
        right=right,
    )
    return replace(found, advantage=Frozen(circuit_advantage(found)))


def measure_circuit(
    netlist: GateNetlist,
    bits: np.ndarray,
    libraries: Sequence[CellLibrary],
    *,
    objective: str = "area",
    threads: int | None = None,
) -> tuple[MappedFigures, ...]:
    """Figures of a circuit in each library after -O1 alone: for many large circuits.

    bits : (n_samples, n_inputs) in order. Of adders -O2 saves some 2 % and takes ten times as long.
    """
    circuit = _Circuit.of((simplify(netlist, 1),), bits, threads)
    pairs = PAIRS if netlist.n_gates < MANY_GATES else FEW_PAIRS
    return tuple(_figures(circuit, library, objective, None, pairs) for library in libraries)


@dataclass(frozen=True, slots=True, eq=False)
class _Circuit:
    """A circuit ready to be mapped, in several shapes: fewest gates need not be least area.

    toggles : of each subject (n_nets,), mean per inference; bits : (n, n_inputs), the inferences
    threads : of its simulations
    """

    subjects: tuple[Subject, ...]
    toggles: tuple[np.ndarray, ...]
    bits: np.ndarray
    threads: int | None

    @classmethod
    def of(cls, shapes: Sequence[GateNetlist], bits: np.ndarray, threads: int | None) -> _Circuit:
        subjects = tuple(cut_circuit(netlist) for netlist in shapes)
        return cls(subjects, tuple(mean_toggles(s.netlist, bits, threads) for s in subjects), bits, threads)

    def toggles_of(self, netlist: GateNetlist) -> np.ndarray:
        """(n_nets,) of a subject, or of what mapping made of one."""
        for subject, toggles in zip(self.subjects, self.toggles, strict=True):
            if subject.netlist is netlist:
                return toggles
        return mean_toggles(netlist, self.bits, self.threads)

    @property
    def toggles_per_gate(self) -> float:
        own = self.toggles[0][self.subjects[0].netlist.n_inputs :]
        return float(own.mean()) if own.size else 0.0


def _encoder(
    netlist: GateNetlist, whole: GateNetlist, samples: Samples, threads: int | None, objective: str
) -> _Circuit | None:
    """What makes the bits that the circuit reads; None without data, or where gates cannot make them."""
    if netlist.encoder is None or samples.data is None:
        return None
    inputs = inputs_read(whole)
    try:
        levels = grid_of(netlist.encoder, samples.data)
        circuit = encoder_circuit(netlist.encoder, levels, inputs)
    except UnsupportedError:
        return None
    bits = code_bits(levels, samples.data, features_read(netlist.encoder, inputs))
    made = simplify(circuit, 1)
    return _Circuit.of((made, *(less_deep(made) if objective == "delay" else ())), bits, threads)


def _figures(
    circuit: _Circuit, library: CellLibrary, objective: str, clock_Hz: float | None, pairs: int = PAIRS
) -> MappedFigures:
    """Figures of the shape that maps best by the objective."""
    mapped = best_mapping(circuit.subjects, library, objective)
    toggles = circuit.toggles_of(mapped.subject)
    seen = measure_glitches(mapped, circuit.bits, circuit.threads, pairs)
    return mapped_figures(mapped, toggles, seen, clock_Hz)


def measure_glitches(
    mapped: CellNetlist, bits: np.ndarray, threads: int | None = None, pairs: int = PAIRS
) -> Glitches:
    """Transitions of a mapped circuit by both delay models, weighted by what each costs, too."""
    unit = glitches(mapped, bits, delays="unit", pairs=pairs, threads=threads)
    real = glitches(mapped, bits, delays="library", pairs=pairs, threads=threads)
    energy = cell_columns(mapped).energy
    settled = float(unit.settled @ energy)
    factors = [float(run.seen @ energy) / settled if settled > 0 else 1.0 for run in (real, unit)]
    per_cell = [
        float(column.mean()) if column.size else 0.0 for column in (unit.settled, real.seen, unit.seen)
    ]
    assert real.step_s is not None
    return Glitches(unit.n_pairs, real.step_s, *per_cell, *factors)


def mapped_figures(
    mapped: CellNetlist, toggles: np.ndarray, seen: Glitches, clock_Hz: float | None = None
) -> MappedFigures:
    """Figures of a mapped circuit; toggles : (n_nets of its subject,) mean per inference.

    Raises UnsupportedError as cell_columns, and for a clock that the cells cannot follow.
    """
    library, n = mapped.library, mapped.n_inputs
    columns = cell_columns(mapped)
    delay = path_delay(mapped)
    if clock_Hz is not None and not 0 < clock_Hz < inf:
        raise UnsupportedError(f"clock_Hz: must be a number of MHz above 0, got {clock_Hz / 1e6:g}")
    if clock_Hz is not None and clock_Hz * delay > 1:
        raise UnsupportedError(
            f"clock_Hz: {clock_Hz / 1e6:.4g} MHz does not suit library {library.name}, where the circuit "
            f"runs at up to {1 / delay / 1e6:.4g} MHz: choose a slower one"
        )
    latency = delay if clock_Hz is None else 1 / clock_Hz
    leakage = float(columns.leakage.sum())
    energy = GateJoules(
        dynamic=float(toggles[mapped.origin] @ columns.energy),
        input_pins=float(toggles[:n] @ columns.load[:n]) * library.switching,
        leakage=leakage * latency,
    )
    area = float(columns.area.sum())
    inverter = library.cells.index(library.inverter)
    return MappedFigures(
        cells=Frozen(dict(sorted(Counter(mapped.names()).items()))),
        inverters=int((mapped.cell == inverter).sum()),
        area_um2=area,
        nand2_equivalents=area / library.nand2.area if library.has_nand2 else None,
        depth=round(longest_path(mapped, np.ones(mapped.n_cells))),
        delay_s=delay,
        f_max_Hz=1 / delay if delay > 0 else None,
        latency_s=latency,
        leakage_W=leakage,
        energy=energy,
        glitches=seen,
        registers=registers(mapped, toggles),
    )


def _gates(
    netlist: GateNetlist,
    bare: GateNetlist,
    whole: GateNetlist,
    encoder: GateNetlist | None,
    libraries: Sequence[LibraryEstimate],
    luts: Sequence[int],
) -> Mapping[str, int | float]:
    """Every count by the name of its definition; those with head only where there is one, those with encoder
    and head where gates make the input bits.

    luts : inputs of the tables that are counted
    """
    counted: dict[str, int | float] = dict(gate_counts(netlist)["gates"])
    for name, circuit in (("optimised", bare), ("with_head", whole)):
        if name == "with_head" and whole is bare:
            continue
        own = gate_counts(circuit)["gates"]
        counted[f"two_input_{name}"] = own["two_input"]
        counted[f"inverters_{name}"] = own["inverters"]
        for k in luts:
            counted[f"lut{k}_{name}"] = map_luts(circuit, k).n_luts
    if encoder is not None:
        last = "optimised" if whole is bare else "with_head"
        counted["two_input_with_encoder_and_head"] = (
            gate_counts(encoder)["gates"]["two_input"] + counted[f"two_input_{last}"]
        )
        for k in luts:
            tables = map_luts(encoder, k).n_luts
            counted[f"lut{k}_with_encoder_and_head"] = tables + counted[f"lut{k}_{last}"]
    for entry in libraries:
        if entry.gates.nand2_equivalents is None or entry.whole.nand2_equivalents is None:
            continue
        counted[f"nand2_equivalents_{entry.library.name}"] = entry.gates.nand2_equivalents
        if whole is not bare:
            counted[f"nand2_equivalents_with_head_{entry.library.name}"] = entry.whole.nand2_equivalents
        if entry.encoder is not None and entry.encoder.nand2_equivalents is not None:
            counted[f"nand2_equivalents_with_encoder_and_head_{entry.library.name}"] = (
                entry.encoder.nand2_equivalents + entry.whole.nand2_equivalents
            )
    return Frozen(counted)


def _depth(bare: GateNetlist, whole: GateNetlist) -> Mapping[str, int]:
    levels = {"optimised": gate_counts(bare)["depth"]}
    if whole is not bare:
        levels["with_head"] = gate_counts(whole)["depth"]
    return Frozen(levels)
