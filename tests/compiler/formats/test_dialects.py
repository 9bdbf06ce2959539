"""Random circuits of every dialect, as thermoc reads them and as other programs compute them."""

import json
import re
import shutil

import pytest
from dialects import latches, netlists, verilog

from compiler.formats.circuits.aiger import parse_aiger
from compiler.formats.circuits.bench import parse_bench
from compiler.formats.circuits.blif import parse_blif
from compiler.formats.circuits.eqn import parse_eqn
from compiler.formats.circuits.library_cells import cell_functions
from compiler.formats.circuits.pla import parse_pla
from compiler.formats.circuits.verilog import parse_verilog
from compiler.formats.circuits.yosys_json import parse_yosys_json

SLOW = pytest.mark.slow
PART = 50
PARSERS = {
    "blif": parse_blif,
    "bench": parse_bench,
    "eqn": parse_eqn,
    "pla": parse_pla,
    "aag": lambda text: parse_aiger(text.encode()),
}
LATCHED = {"blif": parse_blif, "bench": parse_bench, "aag": parse_aiger}


def needs(*programs):
    missing = [name for name in programs if not shutil.which(name)]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


def parts(n, first):
    """A first part in every run, the others in the slow one."""
    return [k if k < first else pytest.param(k, marks=SLOW) for k in range(0, n, PART)]


@needs("iverilog")
@pytest.mark.parametrize("start", parts(600, PART))
def test_verilog_computes_what_icarus_says(start, tmp_path):
    cases = {seed: verilog.make(seed) for seed in range(start, start + PART)}
    expected = verilog.icarus(cases, tmp_path)
    for seed, case in cases.items():
        netlist = parse_verilog(case.text, name="case.v", top=case.top)
        assert verilog.ours(case, netlist, seed) == expected[seed], case.text


@needs("iverilog", "yosys", "berkeley-abc")
@pytest.mark.parametrize("start", parts(500, PART))
@pytest.mark.parametrize("kind", PARSERS)
def test_netlists_compute_what_other_programs_make_of_them(kind, start, tmp_path):
    cases = {seed: netlists.DIALECTS[kind](seed) for seed in range(start, start + PART)}
    expected = verilog.icarus(netlists.as_verilog(kind, cases, tmp_path), tmp_path)
    for seed, case in cases.items():
        assert verilog.ours(case, PARSERS[kind](case.text), seed) == expected[seed], case.text


@needs("iverilog", "yosys", "berkeley-abc")
@pytest.mark.parametrize("start", parts(650, 0))
@pytest.mark.parametrize("kind", latches.DIALECTS)
def test_cut_latches_are_those_of_other_programs(kind, start, tmp_path):
    made = {seed: latches.DIALECTS[kind](seed) for seed in range(start, start + PART)}
    cases = {seed: case for seed, case in made.items() if case}
    assert len(cases) > PART // 2
    expected = verilog.icarus(latches.as_verilog(kind, cases, tmp_path), tmp_path)
    for seed, case in cases.items():
        texts = [case.text.encode(), latches.binary(case.text)] if kind == "aag" else [case.text]
        for text in texts:
            netlist = LATCHED[kind](text, cut_latches=True)
            assert verilog.ours(case, netlist, seed) == expected[seed], case.text


@needs("iverilog", "berkeley-abc")
@pytest.mark.parametrize("start", parts(500, PART))
def test_cells_of_a_genlib_as_abc_maps_them(start, tmp_path):
    cases = {seed: netlists.eqn(seed) for seed in range(start, start + PART)}
    expected = verilog.icarus(netlists.as_verilog("eqn", cases, tmp_path), tmp_path)
    found = netlists.mapped(cases, tmp_path)
    cells = cell_functions(tmp_path / "cells.genlib")
    for seed, case in cases.items():
        gates, instances = found[seed]
        assert verilog.ours(case, parse_blif(gates, cells=cells), seed) == expected[seed], gates
        netlist = parse_verilog(instances, cells=cells)
        assert verilog.ours(case, netlist, seed) == expected[seed], instances


@needs("iverilog", "yosys")
@pytest.mark.parametrize("start", parts(900, 0))
def test_json_of_yosys_computes_what_icarus_says(start, tmp_path):
    cases = {seed: verilog.make(seed) for seed in range(start, start + PART)}
    # some names and instances together stop Yosys' flatten
    cases = {seed: case for seed, case in cases.items() if f"c{seed}_" not in case.text}
    expected = verilog.icarus(cases, tmp_path)
    document = json.loads(netlists.yosys_json(cases, tmp_path))
    for seed, original in cases.items():
        netlist = parse_yosys_json(document, top=original.top)
        case = netlists.as_json_names(original)
        bits = [bit for net in (*case.inputs, *case.outputs) for bit in net.bits()]
        if len(set(bits)) < len(bits):
            continue  # a port [0:0] that is now called as a bit of another
        assert verilog.ours(case, netlist, seed) == expected[seed], case.text


def test_another_operator_would_be_noticed():
    """The comparison can fail: an operator changed in the text changes some answer of most circuits."""
    changed = 0
    for seed in range(100):
        case = verilog.make(seed)
        other = case.text.replace(" & ", " | ").replace("xor", "or").replace("~(", "(")
        one, two = (parse_verilog(t, top=case.top) for t in (case.text, other))
        changed += verilog.ours(case, one, seed) != verilog.ours(case, two, seed)
    assert changed >= 20


CHANGES = {
    "blif": (r"^([01-]+ )?([01])$", lambda m: f"{m[1] or ''}{1 - int(m[2])}"),
    "bench": (r"\b(AND|OR)\(", r"N\1("),
    "eqn": (r"^(\w+ = )([^;]*\*[^;]*);", r"\1!(\2);"),
    "pla": (r"^([01-]+)(\s.*)1$", r"\1\g<2>0"),
    "aag": (r"^(\d+) (\d+) (\d+)$", lambda m: f"{m[1]} {int(m[2]) ^ 1} {m[3]}"),
}


@pytest.mark.parametrize("kind", PARSERS)
def test_another_gate_would_be_noticed(kind):
    changed = 0
    for seed in range(30):
        case = netlists.DIALECTS[kind](seed)
        other = re.sub(*CHANGES[kind], case.text, flags=re.MULTILINE)
        one, two = (verilog.ours(case, PARSERS[kind](text), seed) for text in (case.text, other))
        changed += one != two
    assert changed >= 8
