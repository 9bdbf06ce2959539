"""A network of two-input gates on the demo's data: trained, compiled, broken, priced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from compiler.counting import gate_counts
from compiler.equivalence import check_equal
from compiler.families.logic import LogicNetwork, lower_logic
from compiler.families.store import save_model
from compiler.ir.container import load, save
from compiler.ir.gates import GateNetlist
from compiler.pipelines import simplify
from thermo.data import Dataset
from thermo.demo.part import Drawing, Part, Row, per_cent
from thermo.evaluate import evaluate
from thermo.progress import Progress
from thermo.report.page import Section
from thermo.studies.faults import FaultPoint, accuracy_against_faults
from thermo.training.logic import logic_preset, train_logic

FLIP = 0.01
RATES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)

SECTION = Section(
    "A network of logic gates, and how it fails",
    (
        "Gates and wires were learnt together; the compiler then removed what no class sum "
        "depends on and proved that every class sum stayed the same for all images.",
    ),
)


def logic_part(
    dataset: Dataset, folder: Path, *, seed: int, threads: int | None, epochs: int | None, progress: Progress
) -> Part:
    """Train, compile at -O2, prove, run with faults from its file, and price it."""
    config = replace(logic_preset(dataset), seed=seed)
    if epochs is not None:
        config = replace(config, epochs=epochs)
    trained = train_logic(dataset, config, threads=threads, progress=progress)
    save_model(trained.model, folder / "gates.safetensors")
    assert isinstance(trained.model, LogicNetwork), "gates of two inputs"
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
    gates = gate_counts(netlist)["gates"]["two_input"]
    return Part(
        name="gate network",
        rows=_rows(clean.accuracy, faults, gates, declared.n_gates),
        reading=_reading(clean.accuracy, gates),
        sections=(SECTION,),
        drawings=(_drawing(dataset, faults),),
        figures={
            "logic": {
                "accuracy": clean.accuracy,
                "gates": {"two_input": gates, "declared": declared.n_gates},
                "proof": verdict.method,
                "accuracy_flip": {p.rate: p.mean for p in faults if p.kind == "flip"},
                "accuracy_stuck": {p.rate: p.mean for p in faults if p.kind == "stuck_at"},
            }
        },
        netlist=folder / "gates.tnl",
    )


def _rows(accuracy: float, faults: list[FaultPoint], gates: int, declared: int) -> tuple[Row, ...]:
    flipped = next(p for p in faults if p.kind == "flip" and p.rate == FLIP)
    return (
        Row(
            f"gate network, {gates:,} two-input gates of {declared:,}, and its class sums",
            per_cent(accuracy),
            priced=True,
        ),
        Row(
            f"  every gate wrong in {100 * FLIP:g} % of its answers",
            f"{100 * flipped.mean:.1f} ± {100 * flipped.spread:.1f} %",
        ),
    )


def _reading(accuracy: float, gates: int) -> str:
    return (
        f"The gate network reads {per_cent(accuracy)} of the digits with {gates:,} two-input gates; in its "
        "price are the gates that count and compare the classes, glitches, registers and clock."
    )


def _drawing(dataset: Dataset, faults: list[FaultPoint]) -> Drawing:
    labels = dataset.part("test")[1]
    chance = float(np.bincount(labels).max() / labels.size)
    return Drawing(
        "thermo.studies.faults:accuracy_against_fault_rate",
        (faults, chance),
        "Gates that answer wrongly now and then, and gates that are stuck at 0 or 1; "
        "bars are standard deviations over draws of the faults.",
        "Accuracy against the share of faulty gates, two curves that fall from left to right.",
    )
