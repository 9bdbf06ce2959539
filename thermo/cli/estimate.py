"""thermoc estimate: joules, seconds and the digital design beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from compiler.ir.container import load
from hw_models.liberty import library_files
from thermo.cli.console import BarProgress, emit, manifest, notes
from thermo.cli.datasets import told_dataset
from thermo.cli.flags import AS_JSON, DATA, DATA_DIR, SPLIT, Given, refuse, with_flags
from thermo.energy.run import ESTIMATORS, estimator_of
from thermo.energy.run import estimate as run
from thermo.options import Option, keywords
from thermo.report.estimate import estimate_tables
from thermo.report.text import text_table

DIGITAL = Option(
    "digital",
    "--digital/--no-digital",
    bool,
    True,
    "Digital designs beside it; on new data they are trained.",
)
SAMPLES = (DATA, DATA_DIR, SPLIT, DIGITAL)
TAKERS = {e.kind: (*e.takes.values(), *(SAMPLES if "split" in e.takes else ())) for e in ESTIMATORS}


@with_flags(*SAMPLES, *(o for e in ESTIMATORS for o in e.takes.values()), AS_JSON)
def estimate(net: Annotated[Path, typer.Argument(help="Netlist (.tnl).")], given: Given) -> None:
    """Estimate accuracy, heat, energy with and without periphery, and latency of one inference.

    Beside them stands the cheapest digital design of at least the same accuracy, trained here. A
    circuit of gates gets its counts by every definition, and area, delay and energy in each cell
    library, from the toggles of the real samples; without --data, of the digits, or of random patterns
    where it has no encoder. p-bits get the joules and seconds of one run of their schedule on an array
    of p-bits.

    Example: thermoc estimate net.tnl --data mnist --device rc-1fF

    Example: thermoc estimate net.tnl --data mnist --device rc-1fF --fewest-bits

    Example: thermoc estimate gates.tnl --data mnist --library nangate45 --library my.lib
    """
    netlist = load(net)
    estimator = estimator_of(netlist)
    refuse(given, estimator.kind, TAKERS)
    options = keywords(estimator.takes.values(), given)
    names, libraries = given["library"] or (), options.get("libraries", ())
    for name, library in zip(names, libraries, strict=True):
        if library.skipped:
            counts = ", ".join(f"{n} {reason}" for reason, n in sorted(library.skipped.items()))
            notes.print(
                f"note: {name}: {len(library.cells)} cells used, {sum(library.skipped.values())} "
                f"left out ({counts})",
                markup=False,
                soft_wrap=True,
            )
    inputs: dict[str, Any] = {"net": net, "seed": given["seed"]}
    inputs["data"] = given["data"] or estimator.default_data(netlist)
    files = [Path(file) for name in names for file in library_files(name)]
    inputs |= {f"library {k}": file for k, file in enumerate(files) if file.is_file()}
    if "split" in estimator.takes:
        options["split"] = given["split"]
    dataset = None if given["data"] is None else told_dataset(given["data"], given["data_dir"])
    if not given["digital"]:
        options["baselines"] = ()
    result = run(netlist, dataset, progress=BarProgress(), **options)
    text = "\n\n".join(text_table(t) for t in estimate_tables(result))
    emit({**result.to_dict(), "manifest": manifest(**inputs)}, given["json"], text)
