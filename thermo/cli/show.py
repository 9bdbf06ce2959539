"""thermoc show: canonical text, counts, and the targets a netlist is legal for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from compiler.circuits.encoder import features_read
from compiler.circuits.from_tables import circuit_of
from compiler.counting import counts, shared_counts, whole_counts
from compiler.families.ising_summary import ising_summary
from compiler.ir.container import load
from compiler.ir.encoders import CountingEncoder, Encoder, Thermometer
from compiler.ir.gates import GateNetlist
from compiler.ir.kinds import dump, kind_of
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.luts import LutNetlist
from compiler.passes.legalize import violations
from hw_models.targets import TARGETS
from thermo.cli.console import emit, manifest
from thermo.cli.flags import AS_JSON, Given, with_flags
from thermo.options import Option
from thermo.report.page import Table
from thermo.report.text import text_table

LIMIT = Option("limit", "--limit", int, 20, "Couplings or gates printed; 0 prints all of them.", min=0)


@with_flags(LIMIT, AS_JSON)
def show(net: Annotated[Path, typer.Argument(help="Netlist (.tnl).")], given: Given) -> None:
    """Print a netlist's counts, the targets it is legal for, and its canonical text.

    Example: thermoc show net.tnl --limit 10
    """
    netlist, limit = load(net), given["limit"]
    circuit, cells = isinstance(netlist, GateNetlist | LutNetlist), isinstance(netlist, LangevinNetlist)
    problem = ising_summary(netlist) if cells else {}
    numbers = {**counts(netlist), **(_around(netlist) if circuit else {})}
    verdicts = {name: violations(netlist, TARGETS.get(name)) for name in TARGETS.names()} if cells else {}
    text = "" if kind_of(netlist).dump is None else dump(netlist, limit=limit or None)
    rows = tuple((name, "; ".join(v) or "legal") for name, v in verdicts.items())
    parts = [text_table(counts_table({**problem, **numbers})), text]
    if verdicts:
        parts.insert(1, text_table(Table(("target", "verdict"), rows)))
    emit(
        {
            "counts": numbers,
            **({"problem": problem} if problem else {}),
            **({"targets": verdicts} if verdicts else {}),
            "text": text,
            "manifest": manifest(net=net),
        },
        given["json"],
        "\n\n".join(part for part in parts if part),
    )


def _around(netlist: GateNetlist | LutNetlist) -> dict[str, Any]:
    """What stands before and behind the gates or tables: encoder, fan-out, class sums."""
    operands = (netlist.fanins,) if isinstance(netlist, LutNetlist) else (netlist.a, netlist.b)
    reads = np.concatenate([*(nets[nets >= 0] for nets in operands), netlist.roots])
    found: dict[str, Any] = {"most_readers_of_a_net": int(np.bincount(reads).max()) if reads.size else 0}
    if netlist.encoder is not None:
        found["encoder"] = _encoder(netlist.encoder)
        if isinstance(netlist.encoder, CountingEncoder):
            found["two_input_gates"] = whole_counts(circuit_of(netlist))
            found |= {"shared_tables": told} if (told := shared_counts(netlist.encoder)) else {}
    if netlist.class_sums is not None:
        sizes = np.diff(netlist.class_sums.indptr)
        found["class_sums"] = {
            "classes": netlist.class_sums.n_classes,
            "nets_of_the_largest": int(sizes.max()),
            "tau": netlist.class_sums.tau,
        }
    return found


def _encoder(encoder: Encoder) -> dict[str, Any]:
    read = features_read(encoder, np.arange(encoder.n_bits))
    found: dict[str, Any] = {"features": encoder.n_features, "features_read": int(read.size)}
    if isinstance(encoder, Thermometer):
        return {**found, "thresholds": encoder.scope}
    names = ("code_bits", "n_sums", "n_comparisons", "n_counts")
    return {**found, **{name.removeprefix("n_"): getattr(encoder, name) for name in names}}


def counts_table(numbers: Mapping[str, Any]) -> Table:
    """`compiler.counting.counts` for people."""
    rows = []
    for name, value in numbers.items():
        if isinstance(value, Mapping):
            rows += [(f"{name}: {k}".replace("_", " "), _short(v)) for k, v in value.items()]
        else:
            rows.append((name.replace("_", " "), _short(value)))
    return Table(("count", "value"), tuple(rows), (1,))


def _short(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
