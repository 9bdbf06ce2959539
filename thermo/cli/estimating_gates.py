"""thermoc estimate for a circuit of gates: counts, area, delay and joules in cell libraries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compiler.ir.gates import GateNetlist
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.cells import CellLibrary
from hw_models.characterise import load_library
from hw_models.errors import HardwareError
from thermo.cli.baselines import cached_baselines
from thermo.cli.console import BarProgress, emit, manifest, notes
from thermo.data import load_dataset
from thermo.energy.baselines import WIDTHS, Baseline
from thermo.energy.gate_samples import circuit_accuracy, dataset_samples, random_samples
from thermo.energy.gates import estimate_gates
from thermo.report.gates import gate_tables
from thermo.report.text import text_table

LARGE = (*WIDTHS, 192, 256, 384, 512)
"""Hidden cells of the int8 networks tried: gate networks can be more accurate than 128 are."""


def chosen_libraries(names: Sequence[str]) -> tuple[CellLibrary, ...]:
    """Presets by name and Liberty files by path; every preset if nothing is asked for."""
    if not names:
        return tuple(CELL_LIBRARIES.get(name) for name in CELL_LIBRARIES.names())
    found: list[CellLibrary] = []
    for name in names:
        is_file = name not in CELL_LIBRARIES.names() and (Path(name).exists() or "." in name or "/" in name)
        library = load_library(name) if is_file else CELL_LIBRARIES.get(name)
        if library.skipped:
            counts = ", ".join(f"{n} {reason}" for reason, n in sorted(library.skipped.items()))
            notes.print(
                f"note: {name}: {len(library.cells)} cells used, {sum(library.skipped.values())} "
                f"left out ({counts})",
                markup=False,
                soft_wrap=True,
            )
        if any(other.name == library.name for other in found):
            raise HardwareError(
                f"--library {name}: a library called {library.name!r} was given before; give each name once"
            )
        found.append(library)
    return tuple(found)


def estimate_circuit(
    netlist: GateNetlist,
    net: Path,
    *,
    data: str | None,
    data_dir: Path | None,
    split: str,
    libraries: Sequence[str],
    clock_MHz: float | None,
    objective: str,
    adder: str,
    seed: int,
    as_json: bool,
) -> None:
    """Print the estimate of a circuit; --data digits by default where it has an encoder."""
    progress = BarProgress()
    chosen = chosen_libraries(libraries)
    if data is None and netlist.encoder is not None:
        data = "digits"
    baselines: tuple[Baseline, ...] = ()
    classes: tuple[str, ...] = ()
    if data is None:
        samples = random_samples(netlist, seed)
    else:
        dataset = load_dataset(data, data_dir)
        samples = dataset_samples(netlist, dataset, split)
        classes = dataset.labels
        accuracy, _ = circuit_accuracy(netlist, samples, classes)
        if accuracy is not None:
            baselines = cached_baselines(dataset, split, accuracy, progress, LARGE)
    result = estimate_gates(
        netlist,
        samples,
        chosen,
        baselines,
        classes=classes,
        objective=objective,
        adder=adder,
        clock_Hz=None if clock_MHz is None else 1e6 * clock_MHz,
        strict=bool(libraries),
        progress=progress,
    )
    inputs: dict[str, Any] = {"net": net, "seed": seed, "data": data}
    inputs |= {f"library {k}": Path(n) for k, n in enumerate(libraries) if Path(n).is_file()}
    text = "\n\n".join(text_table(t) for t in gate_tables(result))
    emit({**result.to_dict(), "manifest": manifest(**inputs)}, as_json, text)
