"""A network of two-input gates on the demo's data: trained, compiled, broken, priced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from compiler.equivalence import check_equal
from compiler.families.logic import lower_logic
from compiler.families.store import save_model
from compiler.ir.container import load, save
from compiler.ir.gates import GateNetlist
from compiler.pipelines import simplify
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.interval import times
from thermo.data import Dataset
from thermo.demo.part import Part, Row, per_cent
from thermo.energy.baselines import measure_baselines
from thermo.energy.gate_result import GateEstimate
from thermo.energy.gate_samples import dataset_samples
from thermo.energy.gates import estimate_gates
from thermo.evaluate import evaluate
from thermo.progress import Progress
from thermo.report import figures
from thermo.report.gates import gate_tables
from thermo.report.page import Figure, Section
from thermo.report.text import si
from thermo.studies.faults import FaultPoint, accuracy_against_fault_rate, accuracy_against_faults
from thermo.training.logic import logic_preset, train_logic

LIBRARY = "nangate45"
"""A 45 nm library, as the digital designs' figures are."""
FLIP = 0.01
RATES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)


def logic_part(
    dataset: Dataset, folder: Path, *, seed: int, threads: int | None, epochs: int | None, progress: Progress
) -> Part:
    """Train, compile at -O2, prove, run with faults from its file, and price it."""
    config = replace(logic_preset(dataset), seed=seed)
    if epochs is not None:
        config = replace(config, epochs=epochs)
    trained = train_logic(dataset, config, threads=threads, progress=progress)
    save_model(trained.model, folder / "gates.safetensors")
    declared = lower_logic(trained.model)
    small = simplify(declared)
    verdict = check_equal(declared, small, encoder=declared.encoder)
    assert verdict.equal, "simplification changed a class sum"
    save(small, folder / "gates.tnl")
    netlist = load(folder / "gates.tnl")  # what follows runs the file, not the object in memory
    assert isinstance(netlist, GateNetlist)

    clean, _ = evaluate(netlist, dataset, "test", threads=threads)
    assert clean.accuracy is not None
    faults = [
        point
        for kind in ("flip", "stuck_at")
        for point in accuracy_against_faults(
            netlist,
            dataset,
            kind,
            RATES,
            seed=seed,
            threads=threads,  # type: ignore[arg-type]
        )
    ]
    cost = estimate_gates(
        netlist,
        dataset_samples(netlist, dataset, "test"),
        [CELL_LIBRARIES.get(name) for name in CELL_LIBRARIES.names()],
        measure_baselines(dataset, stop_at=clean.accuracy, seed=seed, progress=progress),
        classes=dataset.labels,
        progress=progress,
    )
    return Part(
        rows=_rows(clean.accuracy, faults, cost, declared.n_gates),
        reading=_reading(clean.accuracy, cost),
        sections=_sections(dataset, faults, cost),
        figures={
            "logic": {
                **cost.to_dict(),
                "proof": verdict.method,
                "accuracy_flip": {p.rate: p.mean for p in faults if p.kind == "flip"},
                "accuracy_stuck": {p.rate: p.mean for p in faults if p.kind == "stuck_at"},
            }
        },
        netlist=folder / "gates.tnl",
    )


def _chosen(cost: GateEstimate):  # type: ignore[no-untyped-def]
    return next(entry for entry in cost.libraries if entry.library.name == LIBRARY)


def _rows(accuracy: float, faults: list[FaultPoint], cost: GateEstimate, declared: int) -> tuple[Row, ...]:
    flipped = next(p for p in faults if p.kind == "flip" and p.rate == FLIP)
    mapped = _chosen(cost)
    gates = cost.gates
    return (
        (
            f"gate network, {gates['two_input_optimised']:,} two-input gates of {declared:,}",
            per_cent(accuracy),
            "",
            si(mapped.gates.energy.total, "J"),
        ),
        (
            f"  with class sums and decision as gates, {gates['two_input_with_head']:,} in all",
            "",
            "",
            si(mapped.whole.energy.total, "J"),
        ),
        (
            f"  every gate wrong in {100 * FLIP:g} % of its answers",
            f"{100 * flipped.mean:.1f} ± {100 * flipped.spread:.1f} %",
            "",
            "",
        ),
    )


def _reading(accuracy: float, cost: GateEstimate) -> str:
    mapped = _chosen(cost).whole
    over = cost.advantage.get(LIBRARY)
    bare, whole = cost.gates["two_input_optimised"], cost.gates["two_input_with_head"]
    text = (
        f"The gate network reads {per_cent(accuracy)} of the digits with {bare:,} two-input gates; "
        f"counting and comparing the classes brings that to {whole:,}, and to "
        f"{si(mapped.energy.total, 'J')} an answer in the {LIBRARY} library "
        f"({si(mapped.latency_s, 's')}; wires, glitches and input coding not counted)."
    )
    if cost.cheapest is not None and over is not None:
        text += (
            f" The cheapest digital arithmetic of at least that accuracy, {cost.cheapest.name}, "
            f"takes {times(over)} as much."
        )
    return text


def _sections(dataset: Dataset, faults: list[FaultPoint], cost: GateEstimate) -> tuple[Section, ...]:
    chance = float(np.bincount(dataset.part("test")[1]).max() / cost.n_samples)
    return (
        Section(
            "A network of logic gates, and how it fails",
            (
                "Gates and wires were learnt together; the compiler then removed what no class sum "
                "depends on and proved that every class sum stayed the same for all images.",
                Figure(
                    figures.svg(accuracy_against_fault_rate(faults, chance)),
                    "Gates that answer wrongly now and then, and gates that are stuck at 0 or 1; "
                    "bars are standard deviations over draws of the faults.",
                ),
            ),
        ),
        Section("What the gates cost", gate_tables(cost)),
    )
