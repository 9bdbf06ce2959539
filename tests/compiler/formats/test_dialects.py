"""Random circuits of every dialect, as thermoc reads them and as other programs compute them."""

import shutil

import pytest
from dialects import verilog

from compiler.formats.circuits.verilog import parse_verilog

SLOW = pytest.mark.slow
PART = 50


def _parts(n, first):
    """A first part in every run, the others in the slow one."""
    return [k if k < first else pytest.param(k, marks=SLOW) for k in range(0, n, PART)]


@pytest.mark.skipif(not shutil.which("iverilog"), reason="iverilog is not installed")
@pytest.mark.parametrize("start", _parts(600, PART))
def test_verilog_computes_what_icarus_says(start, tmp_path):
    cases = {seed: verilog.make(seed) for seed in range(start, start + PART)}
    expected = verilog.icarus(cases, tmp_path)
    for seed, case in cases.items():
        netlist = parse_verilog(case.text, name="case.v", top=case.top)
        assert verilog.ours(case, netlist, seed) == expected[seed], case.text


def test_another_operator_would_be_noticed():
    """The comparison can fail: an operator changed in the text changes some answer of most circuits."""
    changed = 0
    for seed in range(30):
        case = verilog.make(seed)
        other = case.text.replace(" & ", " | ").replace("xor", "or").replace("~(", "(")
        one, two = (parse_verilog(t, top=case.top) for t in (case.text, other))
        changed += verilog.ours(case, one, seed) != verilog.ours(case, two, seed)
    assert changed >= 8
