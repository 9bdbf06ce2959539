"""thermoc report: one self-contained page for any netlists."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler.files import check_writable
from hw_models.crossbar import CrossbarDevice
from hw_models.device import Device
from hw_models.presets import DEVICES
from thermo.cli.compare import FLAGS, run_compare
from thermo.cli.console import BarProgress, emit, manifest
from thermo.cli.flags import AS_JSON, Given, with_flags
from thermo.energy.compare import Comparison
from thermo.energy.inference import Estimate
from thermo.energy.run import DEVICE
from thermo.energy.tiles import TileEstimate
from thermo.options import Option
from thermo.report.answer import report_page
from thermo.report.compare import compare_keys, compare_sentences
from thermo.studies.executors import WHERE, executor_for
from thermo.studies.robustness import LIMIT, robustness

OUT = Option("out", "--out", Path, ..., "Page to write (.html).", short="-o")
SWEPT = Option(
    "swept", "--swept", int, LIMIT, "Samples for accuracy against noise, mismatch, bits and time.", min=1
)


@with_flags(OUT, *FLAGS, SWEPT, *WHERE, AS_JSON)
def report(
    nets: Annotated[list[Path], typer.Argument(help="Netlists (.tnl) of any kinds.")], given: Given
) -> None:
    """Write one page: the ledger with intervals, what moves it, how robust netlists are, every source.

    The page holds all that it shows and asks for nothing over a network. It begins with how to read it and
    ends with what is needed to make it again. With --jobs or --scheduler the points of robustness are kept in
    the folder PAGE.points, and an interrupted report goes on from there.

    Example: thermoc report machine.tnl gates.tnl --data digits -o page.html
    """
    check_writable(given["out"])
    asked = run_compare(nets, given)
    where = {o.name: given[o.key] for o in WHERE}
    elsewhere = any(value is not None for value in where.values())
    with executor_for(**where) as executor:
        sweeps = {
            name: robustness(
                name,
                netlist,
                asked.dataset,
                _device_of(asked.comparison, name),
                split=given["split"],
                limit=given["swept"],
                seed=given["seed"],
                threads=given["threads"],
                progress=BarProgress(),
                folder=given["out"].with_suffix(".points") if elsewhere else None,
                executor=executor,
            )
            for name, netlist in asked.netlists.items()
        }
    made: dict[str, Any] = manifest(**asked.inputs)
    versions = {"python": platform.python_version(), **_versions("numpy", "numba", "scipy")}
    page = report_page(asked.comparison, sweeps, {**made, "versions": versions})
    given["out"].write_text(page, encoding="utf-8")
    text = "\n".join((*compare_sentences(asked.comparison), f"page: {given['out']}"))
    emit({**compare_keys(asked.comparison), "page": given["out"], "manifest": made}, given["json"], text)


def _device_of(c: Comparison, name: str) -> Device | CrossbarDevice:
    """What a netlist was priced on first, with couplings and converters as asked."""
    estimates = (row.estimate for row in c.rows if row.design.name.startswith(f"{name}, "))
    return next((e.device for e in estimates if isinstance(e, Estimate | TileEstimate)), DEVICES.get(DEVICE))


def _versions(*packages: str) -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in packages}
