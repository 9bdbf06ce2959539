"""thermoc check: do two circuits compute the same?"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from compiler.api import compile_circuit
from compiler.equivalence import Verdict, check_equal
from thermo.cli.console import emit, manifest, notes
from thermo.cli.options import AsJson, Seed

FOUND = {
    "exhaustive": "found by trying patterns in order",
    "simulation": "found by random simulation",
    "sat": "found by the SAT solver",
}


def check(
    a: Annotated[Path, typer.Argument(help="Circuit (.blif, .aig, .aag, .bench, .v, .gz, .tnl).")],
    b: Annotated[Path, typer.Argument(help="The circuit it is compared with.")],
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Are two circuits equal? Exit code 0 if they are, 1 with a counterexample if not.

    Up to 20 inputs all patterns are tried, above that random ones and then a SAT proof.

    Example: thermoc check adder.aig adder.blif.gz
    """
    began = time.perf_counter()
    verdict = check_equal(compile_circuit(a, optimise=0), compile_circuit(b, optimise=0), seed=seed)
    for what, how in (("inputs", verdict.matched_inputs), ("outputs", verdict.matched_outputs)):
        if how == "position":
            notes.print(f"note: the {what} have different names; they are matched by position")
    emit(
        {
            **asdict(verdict),
            "seconds": time.perf_counter() - began,
            "manifest": manifest(a=a, b=b),
        },
        as_json,
        _told(verdict, a, b),
    )
    if not verdict.equal:
        raise typer.Exit(1)


def _told(verdict: Verdict, a: Path, b: Path) -> str:
    if verdict.equal and verdict.method == "exhaustive":
        return f"equal: all {verdict.patterns:,} input patterns agree"
    if verdict.equal:
        return (
            f"equal: proved by SAT sweeping ({verdict.sat_calls:,} calls) after "
            f"{verdict.patterns:,} random patterns"
        )
    values = verdict.values or (0, 0)
    bits = " ".join(f"{name}={bit}" for name, bit in (verdict.counterexample or {}).items())
    return (
        f"different: output {verdict.output} is {values[0]} in {a} and {values[1]} in {b}, "
        f"{FOUND[verdict.method]}, for\n{bits}"
    )
