"""thermoc compare: netlists of any kinds and digital designs on one table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler.ir.container import load
from hw_models.digital import STORAGES
from thermo.cli.console import BarProgress, emit, manifest
from thermo.cli.datasets import told_dataset
from thermo.cli.flags import AS_JSON, DATA, DATA_DIR, SPLIT, Given, refuse, with_flags
from thermo.data import DataError, Dataset
from thermo.energy.compare import Comparison
from thermo.energy.compare import compare as run
from thermo.energy.run import ESTIMATORS, estimator_of
from thermo.options import Option, keywords
from thermo.report.compare import compare_keys, compare_sentences, compare_tables
from thermo.report.text import text_table

RATE = Option(
    "rate",
    "--rate",
    float,
    None,
    "Answers a second; static power counts all the time. Default: back to back.",
)
WEIGHTS = Option(
    "weights", "--weights", str, "wired", f"Where weights are kept, on both sides: {', '.join(STORAGES)}."
)
ACCURACY = Option(
    "accuracy",
    "--accuracy",
    float,
    None,
    "Per cent that a design must reach to be called cheapest. Default: the first netlist's own.",
)
DEVICES = Option(
    "devices",
    "--device",
    list[str],
    None,
    "Preset or file.toml of analog machines or p-bits; may be repeated, each netlist is priced on each of "
    "its kind.",
)
ALONE = Option("alone", "--alone", bool, False, "Only the netlists: no digital designs are trained.")
OWN = (RATE, WEIGHTS, ACCURACY, ALONE)
TAKEN = {e.kind: [o for o in e.takes.values() if o.name not in ("split", "device")] for e in ESTIMATORS}


FLAGS = (DATA, DATA_DIR, SPLIT, *OWN, DEVICES, *(o for some in TAKEN.values() for o in some))


@with_flags(*FLAGS, AS_JSON)
def compare(
    nets: Annotated[list[Path], typer.Argument(help="Netlists (.tnl) of any kinds.")], given: Given
) -> None:
    """Put netlists and digital designs on one table: accuracy, joules by place, seconds, area.

    Every figure is an interval, ratios too; a ratio that may as well be below 1 is called undecided.
    Digital designs are trained on the same data until one is as accurate.

    Example: thermoc compare machine.tnl gates.tnl --data digits --rate 1e6

    Example: thermoc compare machine.tnl --data mnist --weights sram --accuracy 97
    """
    asked = run_compare(nets, given)
    c = asked.comparison
    tables = "\n\n".join(text_table(t) for t in compare_tables(c))
    text = tables + "\n\n" + "\n".join(compare_sentences(c))
    emit({**compare_keys(c), "manifest": manifest(**asked.inputs)}, given["json"], text)


@dataclass(frozen=True, slots=True)
class Compared:
    """inputs : what a manifest names"""

    comparison: Comparison
    netlists: dict[str, Any]
    dataset: Dataset
    inputs: dict[str, Any]


def run_compare(nets: list[Path], given: Given) -> Compared:
    """The comparison that files and flags ask for."""
    if given["data"] is None:
        raise DataError("compare measures every design on the same samples: add --data NAME")
    netlists: dict[str, Any] = {}
    for path in nets:
        name = path.stem if path.stem not in netlists else str(path)
        netlists[name] = load(path)
    options: dict[str, Any] = {}
    kinds = {e.kind: e for e in (estimator_of(n) for n in netlists.values())}
    _refuse_all(given, list(kinds))
    for kind in kinds:
        options |= keywords(TAKEN[kind], given)
    dataset = told_dataset(given["data"], given["data_dir"])
    c = run(
        netlists,
        dataset,
        split=given["split"],
        rate=given["rate"],
        weights=given["weights"],
        accuracy=None if given["accuracy"] is None else given["accuracy"] / 100,
        devices=given["device"] or (),
        digital=() if given["alone"] else None,
        progress=BarProgress(),
        **options,
    )
    inputs: dict[str, Any] = {f"net {name}": path for name, path in zip(netlists, nets, strict=True)}
    return Compared(c, netlists, dataset, {**inputs, "seed": given["seed"], "data": given["data"]})


def _refuse_all(given: Given, kinds: list[str]) -> None:
    """Raise UnsupportedError for a flag that none of these kinds takes."""
    together = " and ".join(kinds)
    takers = {kind: options for kind, options in TAKEN.items() if kind not in kinds}
    refuse(given, together, {**takers, together: [o for kind in kinds for o in TAKEN[kind]]})
