"""thermoc check: do two circuits compute the same, or the simulator and ngspice?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler.abc import TIMEOUT, AbcVerdict, DisagreementError, ask_abc
from compiler.api import to_netlist
from compiler.circuits.from_tables import circuit_of
from compiler.circuits.possible import implications
from compiler.equivalence import Verdict, check_equal
from compiler.errors import UnsupportedError
from compiler.formats.circuits.circuits import SUFFIXES
from compiler.formats.circuits.cut_pair import CutPair, cut_pair
from compiler.formats.circuits.state import holders
from compiler.formats.detect import Options, circuit_options
from compiler.ir.encoders import same_encoder
from compiler.ir.gates import GateNetlist
from compiler.ir.kinds import expect
from compiler.ir.langevin import LangevinNetlist
from thermo.cli.console import BarProgress, emit, manifest, notes
from thermo.cli.deck import DECK_OPTIONS, deck_options
from thermo.cli.flags import AS_JSON, DATA, DATA_DIR, SEED, SPLIT, Given, refuse, with_flags
from thermo.cli.reading import CIRCUIT
from thermo.common_options import KT
from thermo.options import Option, keywords

SHOWN = 64  # inputs up to which a counterexample is written out
MANY = 8  # states told
FOUND = {
    "exhaustive": "found by trying patterns in order",
    "simulation": "found by random simulation",
    "sat": "found by the SAT solver",
}


OPTIONS = (
    Option(
        "possible",
        "--possible/--all-inputs",
        bool,
        None,
        "Only inputs that the first circuit's encoder can make, or all; by default all unless both circuits "
        "have the same encoder.",
    ),
    Option(
        "conflicts",
        "--conflicts",
        int,
        None,
        "Effort of the SAT solver for an output (none: no limit).",
        min=1,
    ),
    Option("abc", "--abc/--no-abc", bool, True, "Ask ABC's cec, too, where it is installed."),
    Option("abc_timeout", "--abc-timeout", float, TIMEOUT, "Seconds that ABC may take.", min=1),
)
WITH = Option("with", "--with", str, None, "ngspice: compare a Langevin netlist with its deck run there.")
RUNS = Option("runs", "--runs", int, 8, "With ngspice: noise seeds of each sample, one at kT = 0.", min=1)
SAMPLES = Option("samples", "--samples", int, 4, "With ngspice: the first of the split.", min=1)
DT = Option("dt", "--dt", float, None, "With ngspice: time step of the simulator; half the netlist's.")
DECKS = (DATA, DATA_DIR, SPLIT, SAMPLES, RUNS, *DECK_OPTIONS, KT, DT)
TAKERS = {"two circuits": (*OPTIONS, *CIRCUIT), "--with ngspice": DECKS}


@with_flags(*OPTIONS, *CIRCUIT, WITH, *DECKS, SEED, AS_JSON)
def check(
    a: Annotated[
        Path, typer.Argument(help=f"Circuit ({', '.join(SUFFIXES)}, .json, .gz, .tnl), or netlist.")
    ],
    b: Annotated[Path | None, typer.Argument(help="The circuit it is compared with.")] = None,
    *,
    given: Given,
) -> None:
    """Are two circuits equal? Exit code 0 if they are, 1 with a counterexample if not.

    With --with ngspice: does a Langevin netlist do in ngspice what it does in the simulator?

    Up to 20 inputs all patterns are tried, above that random ones and then a SAT proof, which ends
    undecided (exit code 2) where --conflicts are too few. ABC, where it is installed, is a second
    opinion: it is an error (exit code 2) if it disagrees.

    --top, --library and --cut-latches say how circuit files are read, as for thermoc compile. Of circuits
    whose state is cut, inputs that nothing reads and that one alone has (clocks) are left out, and states
    are matched in their order, other ports by their names.

    Example: thermoc check adder.aig adder.blif.gz

    Example: thermoc check counter.v mapped.v --library osu018_stdcells.lib --cut-latches

    Example: thermoc check digits.tnl --with ngspice --data digits --samples 10 --runs 8
    """
    if given["with_"] is not None:
        refuse(given, "--with ngspice", TAKERS)
        _check_deck(a, b, given)
        return
    refuse(given, "two circuits", TAKERS)
    if b is None:
        raise UnsupportedError(f"{a}: name the circuit that it is compared with, or --with ngspice")
    began = time.perf_counter()
    first, second = _read(a, b, given)
    for path, netlist in ((a, first), (b, second)):
        expect(netlist, ("gates", "luts"), f"{path}: check", "choose --with ngspice for a Langevin netlist")
    first, second = circuit_of(first), circuit_of(second)
    pair = cut_pair(first, second) if given["cut_latches"] else CutPair(first, second)
    first, second = pair.first, pair.second
    _tell(pair, a, b)
    _tell_holders(first, second, a, b)
    asked, alike = given["possible"], same_encoder(first.encoder, second.encoder)
    encoder = first.encoder if asked or (asked is None and alike) else None
    if given["possible"] and encoder is None:
        raise UnsupportedError(f"{a}: has no encoder, so that every input is possible")
    verdict = check_equal(first, second, seed=given["seed"], encoder=encoder, conflicts=given["conflicts"])
    ours = time.perf_counter() - began
    for what, how in (("inputs", verdict.matched_inputs), ("outputs", verdict.matched_outputs)):
        if how == "position":
            notes.print(f"note: the {what} have different names; they are matched by position")
    _hint(verdict, first)
    opinion = AbcVerdict("not asked")
    if given["abc"]:
        by_name = (verdict.matched_inputs == "name", verdict.matched_outputs == "name")
        opinion = ask_abc(first, second, by_name=by_name, encoder=encoder, timeout=given["abc_timeout"])
    _agree(verdict, opinion, a, b)
    emit(
        {
            **asdict(verdict),
            "abc": asdict(opinion),
            **({"left_out": pair.left_out, "states": pair.states} if given["cut_latches"] else {}),
            "seconds": ours,
            "manifest": manifest(a=a, b=b),
        },
        given["json"],
        _told(verdict, a, b) + (f"\nabc: {_opinion(opinion)}" if given["abc"] else ""),
    )
    if not verdict.equal:
        raise typer.Exit(1)


def _read(a: Path, b: Path, given: Given) -> list[Any]:
    """Both netlists; what flags say of circuit files is for those whose format asks for it."""
    said = keywords(CIRCUIT, given)
    asked = [circuit_options(path) for path in (a, b)]
    for option in CIRCUIT:
        if option.is_given(given[option.key]) and not any(option.key in names for names in asked):
            raise UnsupportedError(f"{option.flag} has no meaning for {a} and {b}; leave it out")
    return [
        to_netlist(path, Options(**{name: value for name, value in said.items() if name in names}))
        for path, names in zip((a, b), asked, strict=True)
    ]


def _tell(pair: CutPair, a: Path, b: Path) -> None:
    """What was done to circuits whose state was cut."""
    for path, names in zip((a, b), pair.left_out, strict=True):
        if names:
            notes.print(f"note: {path}: nothing reads {', '.join(names)}; left out", markup=False)
    if pair.states:
        told = [f"{theirs} is {ours}" for ours, theirs in pair.states]
        more = f", and {len(told) - MANY:,} more" if len(told) > MANY else ""
        notes.print(f"note: {b}: states: {', '.join(told[:MANY])}{more}", markup=False)


def _tell_holders(first: GateNetlist, second: GateNetlist, a: Path, b: Path) -> None:
    """What else than the next state may differ, and is not compared."""
    ours, theirs = holders(first), holders(second)
    if ours and theirs and ours != theirs:
        told = f"{a}: {'; '.join(ours)}; {b}: {'; '.join(theirs)}"
        notes.print(f"note: what holds the state is not compared. {told}", markup=False, soft_wrap=True)


def _check_deck(net: Path, other: Path | None, given: Given) -> None:
    from thermo.cli.datasets import told_dataset
    from thermo.evaluate import check_fit, label_codes
    from thermo.ngspice.check import check_with_ngspice

    if given["with_"] != "ngspice":
        raise UnsupportedError(f"--with {given['with_']}: the one engine beside ours is ngspice")
    if other is not None:
        raise UnsupportedError(f"--with ngspice compares {net} with its own deck: leave {other} out")
    netlist, data, truth = to_netlist(net), None, None
    if not isinstance(netlist, LangevinNetlist):
        raise UnsupportedError(
            f"{net}: --with ngspice is for Langevin netlists; compare it with another circuit"
        )
    if given["data"] is not None:
        dataset = told_dataset(given["data"], given["data_dir"])
        check_fit(netlist, dataset)
        data, truth = (part[: given["samples"]] for part in dataset.part(given["split"]))
        codes = label_codes(netlist, dataset)
    result = check_with_ngspice(
        netlist,
        data,
        runs=given["runs"],
        seed=given["seed"],
        kT=given["kT"],
        dt=given["dt"],
        device_seed=given["device_seed"],
        at=given["at"],
        progress=BarProgress(),
        **deck_options(given, "tables"),
    )
    for name in result.engineered:
        notes.print(f"engineered noise: {name} cells; see docs/spice.md")
    verdict = "equal" if result.equal else "different"
    wrong = [f.name for f in result.figures if not f.agrees]
    lines = [
        f"{verdict}: {result.samples} samples, {result.runs} runs each at kT {result.kT:g}"
        + (f"; {', '.join(wrong)} differ" if wrong else "")
    ]
    lines += [f"  {f.name:<10} {f.told}" for f in result.figures]
    accuracy = None
    if truth is not None and result.decided is not None and result.theirs_decided is not None:
        both = (result.decided, result.theirs_decided)
        named = both if codes is None else tuple(codes[d] for d in both)
        accuracy = [float((d == truth[:, None]).mean()) for d in named]
        lines.append(f"  right      ours {100 * accuracy[0]:.1f} %, ngspice {100 * accuracy[1]:.1f} %")
    lines.append(f"  seconds    ours {result.seconds:.1f}, ngspice {result.spice_seconds:.1f}")
    emit(
        {
            "equal": result.equal,
            "figures": [asdict(f) for f in result.figures],
            "samples": result.samples,
            "runs": result.runs,
            "kT": result.kT,
            "accuracy": accuracy,
            "engineered": result.engineered,
            "seconds": result.seconds,
            "spice_seconds": result.spice_seconds,
            "manifest": manifest(net=net, data=given["data"]),
        },
        given["json"],
        "\n".join(lines),
    )
    if not result.equal:
        raise typer.Exit(1)


def _agree(verdict: Verdict, opinion: AbcVerdict, a: Path, b: Path) -> None:
    says = {"equivalent": True, "different": False}.get(opinion.status)
    if says is not None and says != verdict.equal:
        ours = "equal" if verdict.equal else "different"
        raise DisagreementError(
            f"{a} and {b}: our {verdict.method} check says {ours}, {opinion.program} says "
            f"{opinion.status}; one of them is wrong, please report it with both files"
        )


def _hint(verdict: Verdict, first: GateNetlist) -> None:
    """-O2 makes use of inputs that cannot occur; say so where one of them is the counterexample."""
    if verdict.equal or verdict.possible_only or first.encoder is None:
        return
    bits = list((verdict.counterexample or {}).values())
    if any(bits[high] and not bits[low] for high, low in implications(first.encoder).tolist()):
        notes.print("note: the encoder cannot make this input; --possible leaves such out")


def _pattern(bits: Mapping[str, int]) -> str:
    """Every input and its value; of many inputs only those that are 1."""
    if len(bits) <= SHOWN:
        return " ".join(f"{name}={bit}" for name, bit in bits.items())
    ones = [name for name, bit in bits.items() if bit]
    return f"{' '.join(f'{name}=1' for name in ones)} and 0 for the other {len(bits) - len(ones)}"


def _opinion(opinion: AbcVerdict) -> str:
    if opinion.status in ("undecided", "failed") and opinion.detail:
        return f"{opinion.status} ({opinion.detail})"
    return opinion.status


def _told(verdict: Verdict, a: Path, b: Path) -> str:
    patterns = "possible input patterns" if verdict.possible_only else "input patterns"
    if verdict.equal and verdict.method == "exhaustive":
        return f"equal: all {verdict.patterns:,} {patterns} agree"
    if verdict.equal:
        among = " for all possible inputs" if verdict.possible_only else ""
        return (
            f"equal{among}: proved by SAT sweeping ({verdict.sat_calls:,} calls) after "
            f"{verdict.patterns:,} random patterns"
        )
    values = verdict.values or (0, 0)
    bits = _pattern(verdict.counterexample or {})
    return (
        f"different: output {verdict.output} is {values[0]} in {a} and {values[1]} in {b}, "
        f"{FOUND[verdict.method]}, for\n{bits}"
    )
