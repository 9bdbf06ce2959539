"""thermoc compile: a model or foreign file in, a netlist legal for its target out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compiler.counts import counts
from compiler.files import check_writable
from compiler.frontends.detect import read_model_or_netlist
from compiler.ir.container import save
from compiler.pipelines import compile_netlist
from hw_models.targets import TARGETS
from thermo.cli.console import emit, manifest
from thermo.cli.options import AsJson, Seed
from thermo.report.page import Table
from thermo.report.text import text_table


def compile_(
    model: Annotated[
        Path, typer.Argument(help="Model (.safetensors, .onnx, .pt) or netlist (.tnl).")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Netlist to write (.tnl).")],
    target: Annotated[
        str, typer.Option("--target", help="Hardware it must be legal for; see `thermoc presets`.")
    ] = "ideal",
    level: Annotated[int, typer.Option("-O", min=0, max=2, help="Optimisation level.")] = 1,
    activation: Annotated[
        str | None,
        typer.Option("--activation", help="Activation of a torch state dict, which lacks it."),
    ] = None,
    rescale: Annotated[
        bool, typer.Option("--rescale", help="Change units so that couplings fit the target.")
    ] = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Compile a trained model into a netlist.

    Example: thermoc compile model.safetensors -o net.tnl --target ideal
    """
    check_writable(out)
    netlist = read_model_or_netlist(model, activation=activation)
    compiled, passes = compile_netlist(
        netlist, target=TARGETS.get(target), level=level, rescale=rescale
    )
    save(compiled, out)
    numbers = counts(compiled)
    rows = [(p.name, f"{1e3 * p.seconds:.1f} ms") for p in passes]
    rows.append(("cells", f"{compiled.n_cells:,}"))
    rows.append(("couplings", f"{compiled.n_couplings:,}"))
    emit(
        {
            "netlist": out,
            "target": target,
            "counts": numbers,
            "passes": {p.name: p.seconds for p in passes},
            "manifest": manifest(model=model, seed=seed),
        },
        as_json,
        text_table(Table(("step", ""), tuple(rows), (1,))) + f"\n\nwrote {out}",
    )
