"""thermoc compile: a model or foreign file in, a netlist legal for its target out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler.api import compile_circuit, compile_model
from compiler.counts import counts, gate_counts
from compiler.errors import TargetError
from compiler.files import check_writable
from compiler.frontends.detect import Options, read_model_or_netlist
from compiler.ir.container import save
from compiler.ir.gates import GateNetlist
from hw_models.targets import TARGETS
from thermo.cli.console import emit, manifest
from thermo.cli.options import AsJson
from thermo.cli.showing import counts_table
from thermo.report.text import text_table


def compile_(
    model: Annotated[
        Path,
        typer.Argument(
            help="Model (.safetensors, .onnx, .pt), netlist (.tnl, text) or circuit (.blif, .aig, "
            ".aag, .bench, .v, also .gz)."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Netlist to write (.tnl).")],
    target: Annotated[
        str, typer.Option("--target", help="Hardware it must be legal for; see `thermoc presets`.")
    ] = "ideal",
    level: Annotated[
        int, typer.Option("-O", min=0, max=2, help="Exact simplifications: 0 none, 2 most.")
    ] = 1,
    rescale: Annotated[
        bool, typer.Option("--rescale", help="Change units so that couplings fit (exact).")
    ] = False,
    quantize: Annotated[
        bool, typer.Option("--quantize", help="Round couplings to the target's levels.")
    ] = False,
    limit_degree: Annotated[
        bool, typer.Option("--limit-degree", help="Drop the weakest couplings of crowded cells.")
    ] = False,
    symmetrize: Annotated[
        bool, typer.Option("--symmetrize", help="Replace W_ij and W_ji by their mean.")
    ] = False,
    activation: Annotated[
        str | None,
        typer.Option("--activation", help="Of a torch state dict's hidden layers: it lacks it."),
    ] = None,
    output_activation: Annotated[
        str, typer.Option("--output-activation", help="Of a torch state dict's last layer.")
    ] = "identity",
    head: Annotated[
        str, typer.Option("--head", help="Of a foreign network: classification or regression.")
    ] = "classification",
    tolerance: Annotated[
        float | None,
        typer.Option("--tolerance", help="How near an ordinary network's cells settle."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compile a trained model, or a circuit of gates, into a netlist.

    Example: thermoc compile model.safetensors -o net.tnl --target ideal
    """
    check_writable(out)
    began = time.perf_counter()
    wanted = {
        "limit-degree": limit_degree,
        "symmetrize": symmetrize,
        "rescale": rescale,
        "quantize": quantize,
    }
    lowering: dict[str, Any] = {} if tolerance is None else {"tolerance": tolerance}
    options = Options(activation=activation, output_activation=output_activation, head=head)
    source = read_model_or_netlist(model, options)
    if isinstance(source, GateNetlist):
        asked = [name for name, on in wanted.items() if on]
        if asked or target != "ideal" or lowering:
            what = f"--{asked[0]}" if asked else "--tolerance" if lowering else f"target {target}"
            raise TargetError(f"{model}: is a circuit of gates, for which {what} has no meaning")
        _compile_circuit(source, model, out, level, began, as_json)
        return
    netlist = compile_model(
        source,
        target=TARGETS.get(target),
        optimise=level,
        mend=[name for name, on in wanted.items() if on],
        options=options,
        **lowering,
    )
    save(netlist, out)
    numbers = counts(netlist)
    emit(
        {
            "netlist": out,
            "target": target,
            "counts": numbers,
            "seconds": time.perf_counter() - began,
            "manifest": manifest(model=model),
        },
        as_json,
        text_table(counts_table(numbers)) + f"\n\nwrote {out}, legal for {target}",
    )


def _compile_circuit(
    source: GateNetlist, model: Path, out: Path, level: int, began: float, as_json: bool
) -> None:
    """A circuit has no Langevin target; what counts is its gates before and after."""
    before = gate_counts(source)
    netlist = compile_circuit(source, optimise=level)
    save(netlist, out)
    numbers = gate_counts(netlist)
    emit(
        {
            "netlist": out,
            "counts": numbers,
            "counts_before": before,
            "seconds": time.perf_counter() - began,
            "manifest": manifest(model=model),
        },
        as_json,
        text_table(counts_table(numbers))
        + f"\n\nwrote {out}; {before['gates']['two_input']:,} live two-input gates became "
        + f"{numbers['gates']['two_input']:,} at -O{level}",
    )
