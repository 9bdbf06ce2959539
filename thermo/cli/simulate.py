"""thermoc simulate: run a netlist of any kind, on data or alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compiler.files import check_writable
from compiler.ir.container import load
from thermo.cli.console import BarProgress, emit, manifest
from thermo.cli.datasets import told_dataset
from thermo.cli.flags import AS_JSON, SAMPLES, Given, refuse, with_flags
from thermo.evaluate import evaluate
from thermo.options import Option, keywords
from thermo.report.page import Table
from thermo.report.simulated import bath_report, run_report
from thermo.report.text import text_table
from thermo.report.worth import bound_report, certificate_report
from thermo.simulate.errors import SimulationError
from thermo.simulate.langevin.baths import bath_heat
from thermo.simulate.run import DYNAMICS, dynamics_of
from thermo.simulate.run import simulate as run
from thermo.worth import SECONDS

SAVE = Option("save", "--save", Path, None, "Write outputs, heat and trajectories (.npz).")
BATHS = Option(
    "baths",
    "--baths",
    bool,
    False,
    "Heat and entropy into each bath: cells of one temperature, by a diagonal noise matrix.",
)
BOUND = Option(
    "bound", "--bound", bool, False, "p-bits: bound the optimum, and tell the gap of the best state."
)
BOUND_SECONDS = Option(
    "bound_seconds", "--bound-seconds", float, SECONDS, "p-bits: about how long --bound may take.", min=0.0
)
CERTIFY = Option(
    "certify", "--certify", bool, False, "p-bits: test the samples' claims; refused when one fails."
)
WORTH = (BOUND, BOUND_SECONDS, CERTIFY)
ON_DATA = {
    "langevin": (*SAMPLES, BATHS),
    "gaussian": SAMPLES,
    "rest": SAMPLES,
    "gates": SAMPLES,
    "tiles": SAMPLES,
    "spins": WORTH,
}
"""What the command adds to a dynamics' own options, by its name: p-bits take no data."""

TAKERS = {d.kind: (*d.takes.values(), *ON_DATA.get(d.name, ())) for d in DYNAMICS}


@with_flags(
    *SAMPLES, *(o for d in reversed(DYNAMICS) for o in d.takes.values()), BATHS, *WORTH, SAVE, AS_JSON
)
def simulate(net: Annotated[Path, typer.Argument(help="Netlist (.tnl).")], given: Given) -> None:
    """Run a netlist: accuracy and heat, a circuit's accuracy, or the best state of p-bits.

    Example: thermoc simulate net.tnl --data mnist --runs 10 --mismatch 0.1

    Example: thermoc simulate tiles.tnl --data digits --device pcm-tile --at 1h --output-bits 6

    p-bits need no data: thermoc simulate g22.tnl --seconds 1 --bound
    """
    save, data, seed = given["save"], given["data"], given["seed"]
    if save is not None:
        check_writable(save)
    if data is None and given["limit"] is not None:
        raise SimulationError(
            f"--limit {given['limit']} counts samples of a data set: add --data NAME or drop it"
        )
    if BOUND_SECONDS.is_given(given["bound_seconds"]) and not given["bound"]:
        raise SimulationError(
            f"--bound-seconds {given['bound_seconds']:g} is for --bound: add it or drop this"
        )
    netlist = load(net)
    dynamics = dynamics_of(netlist, given["method"])
    refuse(given, dynamics.kind, TAKERS)
    options = keywords(dynamics.takes.values(), given)
    if (save is not None or given["certify"]) and "keep_samples" in dynamics.takes:
        options["keep_samples"] = "sampling"
    if given["certify"]:
        from thermo.worth.run import check_samples

        check_samples(netlist, options)
    if data is None:
        evaluation, result = None, run(netlist, progress=BarProgress(), **options)
    else:
        dataset = told_dataset(data, given["data_dir"])
        evaluation, result = evaluate(
            netlist, dataset, given["split"], limit=given["limit"], progress=BarProgress(), **options
        )
    saved = None if save is None else result.save(save)
    rows, told = run_report(netlist, result, evaluation, options, given["device"])
    if given["baths"]:
        x = None if data is None else dataset.part(given["split"])[0][: given["limit"]]
        more, baths = bath_report(bath_heat(netlist, x, **options))
        rows, told = [*rows, *more], {**told, "baths": baths}
    if given["bound"]:
        from thermo.worth.bound import bound_energy  # solvers take their time to load

        found = bound_energy(netlist, seconds=given["bound_seconds"], known=told["energy"], seed=seed)
        more, bound = bound_report(found, told)
        rows, told = [*rows, *more], {**told, "bound": bound}
    if given["certify"]:
        from thermo.worth.run import certified

        more, certificate = certificate_report(certified(netlist, result, seed))
        rows, told = [*rows, *more], {**told, "certificate": certificate}
    if saved is not None:
        rows.append(("saved", str(saved)))
    emit(
        {**told, "saved": saved, "manifest": manifest(net=net, seed=seed, data=data)},
        given["json"],
        text_table(Table(("simulation", ""), tuple(rows), (1,))),
    )
