"""thermoc compile: a model or foreign file in, a netlist legal for its target out."""

from __future__ import annotations

import time
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler import api
from compiler.counting import counts
from compiler.errors import TargetError, UnsupportedError
from compiler.families.clamp import clamp_named
from compiler.families.ising import IsingModel
from compiler.families.ising_summary import ising_summary
from compiler.families.logic import LogicNetwork, lower_logic
from compiler.files import check_writable
from compiler.formats.detect import Options, read_model_or_netlist
from compiler.formats.ising.files import ising_format
from compiler.formats.ising.invertible import invertible
from compiler.ir.container import save
from compiler.ir.gates import GateNetlist
from compiler.passes.legalize import MendOptions
from hw_models.targets import TARGETS
from thermo.cli.console import emit, manifest, notes, telling
from thermo.cli.ising_options import clamped_words, ising_options
from thermo.cli.options import AsJson, Seed
from thermo.cli.show import counts_table
from thermo.report.text import text_table


def compile_(
    model: Annotated[
        Path,
        typer.Argument(
            help="Model (.safetensors, .onnx, .pt, .npz, .json), netlist (.tnl, text), circuit "
            "(.blif, .aig, .aag, .bench, .v, also .gz) or Ising problem (rudy .txt, .cnf, .coo, "
            "dimod's or networkx's .json, .graphml, .gml)."
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
    embed: Annotated[
        bool, typer.Option("--embed", help="Spins become chains of p-bits where wires are missing.")
    ] = False,
    chain_strength: Annotated[
        float | None,
        typer.Option(
            "--chain-strength",
            help="With --embed: coupling within a chain (default: sqrt 2 rms J sqrt mean degree).",
        ),
    ] = None,
    double_well: Annotated[
        bool, typer.Option("--double-well", help="p-bits become bistable continuous cells.")
    ] = False,
    barrier: Annotated[
        float | None, typer.Option("--barrier", help="Of double wells: height in kT (default 4).")
    ] = None,
    flip_rate: Annotated[
        float | None, typer.Option("--flip-rate", help="Or: escapes of a free cell per unit of time.")
    ] = None,
    activation: Annotated[
        str | None, typer.Option("--activation", help="Of a torch state dict's hidden layers: it lacks it.")
    ] = None,
    output_activation: Annotated[
        str, typer.Option("--output-activation", help="Of a torch state dict's last layer.")
    ] = "identity",
    head: Annotated[
        str, typer.Option("--head", help="Of a foreign network: classification or regression.")
    ] = "classification",
    tolerance: Annotated[
        float | None, typer.Option("--tolerance", help="How near an ordinary network's cells settle.")
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option("--classes", help="Of a foreign logic-gate network: blocks of its last layer to count."),
    ] = None,
    tau: Annotated[
        float, typer.Option("--tau", help="Of a foreign logic-gate network: score = count / tau.")
    ] = 1.0,
    wiring: Annotated[
        Path | None,
        typer.Option("--wiring", help="Indices of a difflogic network (.npz, .pt), which its file lacks."),
    ] = None,
    four_weights: Annotated[
        str | None,
        typer.Option("--four-weights", help="Of torchlogix gates with four weights: light or warp (Walsh)."),
    ] = None,
    inputs: Annotated[
        int | None, typer.Option("--inputs", help="Input bits of a foreign network that does not say.")
    ] = None,
    widths: Annotated[
        str | None, typer.Option("--widths", help="Gates a layer of a zero-padded .npz network: 2550,1270.")
    ] = None,
    thresholds: Annotated[
        str | None, typer.Option("--thresholds", help="Encoder of a foreign logic-gate network: 0.25,0.5.")
    ] = None,
    quantiles: Annotated[
        str | None, typer.Option("--quantiles", help="The same with quantile levels of each sample: 0.75.")
    ] = None,
    bit_order: Annotated[
        str,
        typer.Option("--bit-order", help="Its bits lie side by side for one feature, or for one threshold."),
    ] = "feature",
    as_: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="ising: a circuit as invertible logic, or a graph's weights as couplings (without "
            "it they are a Max-Cut problem).",
        ),
    ] = None,
    clamp: Annotated[
        list[str] | None,
        typer.Option("--clamp", help="Variable of an Ising model, or word of --as ising, held: p=143."),
    ] = None,
    sweeps: Annotated[
        int | None, typer.Option("--sweeps", min=1, help="Of an Ising model: length of its run.")
    ] = None,
    anneal: Annotated[
        str | None, typer.Option("--anneal", help="Of an Ising model: first and last kT of the ramp, 3,0.2.")
    ] = None,
    sample: Annotated[
        bool | None,
        typer.Option("--sample/--optimise", help="Of an Ising model: sample at its kT, or anneal."),
    ] = None,
    kT: Annotated[float | None, typer.Option("--kT", help="Of an Ising model: its temperature.")] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Compile a trained model, a circuit of gates or an Ising problem into a netlist.

    Example: thermoc compile model.safetensors -o net.tnl --target ideal

    Example: thermoc compile difflogic.pt --wiring wiring.npz --classes 10 --thresholds 0.5 -o
    net.tnl -O 2

    Example: thermoc compile G22.txt -o cut.tnl --sweeps 2000

    Example: thermoc compile multiplier.v --as ising --clamp p=143 -o factor.tnl

    Example: thermoc compile graph.txt -o net.tnl --target chimera-16 --embed --rescale --quantize
    """
    check_writable(out)
    began = time.perf_counter()
    wanted = {
        "limit-degree": limit_degree,
        "symmetrize": symmetrize,
        "rescale": rescale,
        "quantize": quantize,
        "embed": embed,
        "double-well": double_well,
    }
    wells = double_well or target == "double-well"
    for given, flag, needs, on in (
        (chain_strength, "--chain-strength", "--embed", embed),
        (barrier, "--barrier", "--double-well", wells),
        (flip_rate, "--flip-rate", "--double-well", wells),
    ):
        if given is not None and not on:
            raise TargetError(f"{flag} {given:g} is for {needs}: add it, or leave {flag} out")
    lowering: dict[str, Any] = {} if tolerance is None else {"tolerance": tolerance}
    options = Options(
        activation=activation,
        output_activation=output_activation,
        head=head,
        classes=classes,
        tau=tau,
        wiring=None if wiring is None else str(wiring),
        four_weights=four_weights,
        inputs=inputs,
        widths=tuple(int(w) for w in _numbers("--widths", widths, whole=True)),
        thresholds=_numbers("--thresholds", thresholds),
        quantiles=_numbers("--quantiles", quantiles),
        bit_order=bit_order,
        as_=as_,
    )
    ising = ising_options(sweeps, anneal, sample)
    source = read_model_or_netlist(model, options)
    if isinstance(source, LogicNetwork):
        source = lower_logic(source)
    held = clamped_words(clamp)
    if isinstance(source, GateNetlist) and as_ == "ising":
        source = invertible(api.compile(source, optimise=level), clamp=held)
    elif held and isinstance(source, IsingModel):
        source = clamp_named(source, held)
    elif held:
        raise UnsupportedError(f"{model}: --clamp is for Ising models; a circuit needs --as ising")
    if isinstance(source, IsingModel):
        source = source if kT is None else replace(source, kT=kT)
        lowering |= ising
    elif ising or kT is not None:
        name = next(iter(ising), "kT")
        name = {"kT": "anneal" if ising else "kT"}.get(name, name)
        raise UnsupportedError(f"{model}: is no Ising model, for which --{name} is; leave it out")
    if isinstance(source, GateNetlist):
        asked = [name for name, on in wanted.items() if on]
        if asked or target != "ideal" or lowering:
            what = f"--{asked[0]}" if asked else "--tolerance" if lowering else f"target {target}"
            raise TargetError(f"{model}: is a circuit of gates, for which {what} has no meaning")
        _compile_circuit(source, model, out, level, began, as_json)
        return
    # the search ends when it finds chains: the estimate is of the longest that it may take
    with telling("embedding, at most") as told:
        netlist = api.compile(
            source,
            target=TARGETS.get(target),
            optimise=level,
            mend=[name for name, on in wanted.items() if on],
            how=MendOptions(chain_strength, seed, barrier, flip_rate, told),
            options=options,
            **lowering,
        )
    save(netlist, out)
    numbers = counts(netlist)
    problem = ising_summary(netlist)
    if isinstance(source, IsingModel) and ising_format(model) == "QUBO":
        notes.print("QUBO files hold no offset: energies are those of the written terms")
    emit(
        {
            "netlist": out,
            "target": target,
            "counts": numbers,
            **({"problem": problem} if problem else {}),
            "seconds": time.perf_counter() - began,
            "manifest": manifest(model=model, seed=seed),
        },
        as_json,
        text_table(counts_table({**problem, **numbers})) + f"\n\nwrote {out}, legal for {target}",
    )


def _numbers(flag: str, text: str | None, *, whole: bool = False) -> tuple[float, ...]:
    """The numbers of a list like 0.25,0.5."""
    if text is None:
        return ()
    try:
        found = tuple(int(word) if whole else float(word) for word in text.split(","))
    except ValueError:
        found = (float("nan"),)
    if not all(isfinite(value) for value in found):
        kind = "whole numbers" if whole else "numbers"
        raise UnsupportedError(f"{flag} takes {kind} with commas between them, got {text!r}")
    return found


def _compile_circuit(
    source: GateNetlist, model: Path, out: Path, level: int, began: float, as_json: bool
) -> None:
    """A circuit has no Langevin target; what counts is its gates before and after."""
    before = counts(source)
    netlist = api.compile(source, optimise=level)
    save(netlist, out)
    numbers = counts(netlist)
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
