import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.compiler import gradient_toy, netlists, small_mlp, toy, with_cells

from compiler.errors import FormatError
from compiler.families.mlp import lower_mlp
from compiler.ir.kinds import difference, dump, equal, parse
from compiler.ir.langevin import Cells, LangevinNetlist

GOLDEN = Path(__file__).parent / "golden"


@given(netlists())
@settings(max_examples=150, deadline=None)
def test_parse_gives_back_what_was_dumped(netlist):
    text = dump(netlist)
    again = parse(text)
    assert difference(again, netlist) is None
    assert dump(again) == text


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1))
def test_float32_weights_are_exact(values):
    netlist = toy(np.float32)
    first = netlist.couplings[0]
    weight = np.resize(np.array(values, dtype=np.float32), 8)
    changed = type(first)(first.kind, first.indptr, first.indices, weight)
    netlist = netlist.with_(couplings=(changed,))
    assert equal(parse(dump(netlist)), netlist)


@pytest.mark.parametrize(
    ("name", "netlist"), [("toy", toy()), ("gradient_toy", gradient_toy()), ("mlp", lower_mlp(small_mlp()))]
)
def test_golden_texts(name, netlist):
    text = (GOLDEN / f"{name}.txt").read_text()
    assert dump(netlist) == text
    assert equal(parse(text), netlist)


def test_the_same_bytes_under_any_hash_seed():
    code = "from toys.compiler import toy; from compiler import dump; print(dump(toy()), end='')"
    here = Path(__file__).parent
    texts = set()
    for seed in ("0", "1"):
        path = os.pathsep.join([str(here.parents[1]), str(here.parents[2])])
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        texts.add(subprocess.run([sys.executable, "-c", code], env=env, stdout=-1).stdout.decode())
    assert texts == {dump(toy())}


def test_a_limit_says_what_it_leaves_out():
    text = dump(toy(), limit=7)
    assert "1 couplings not shown" in text
    with pytest.raises(FormatError, match="leaves couplings out; dump it without a limit"):
        parse(text)
    assert dump(toy(), limit=8) == dump(toy())
    assert parse(dump(toy(), limit=8)).n_cells == 7
    for netlist in (toy().with_(couplings=()), toy().with_(couplings=(), noise=np.eye(7))):
        text = dump(netlist, limit=2)
        assert "j2 0.0*2 1.0*2 ...3\n" in text
        assert ("noise ...5\n" in text) == (netlist.noise is not None)
        with pytest.raises(FormatError, match="leaves values out; dump it without a limit"):
            parse(text)


def test_difference_names_what_differs():
    assert difference(toy(), toy()) is None
    assert difference(toy(), with_cells(toy(), h=(3, 7.0))) == "cells.h"
    assert difference(toy(), toy(np.float32)) == "couplings.linear.weight"
    assert difference(toy(), toy().with_(couplings=toy().couplings[:1])) == "couplings"
    assert difference(toy(), toy().with_(couplings=toy().couplings[::-1])) == "couplings"
    assert difference(toy(), toy().with_(kT=0.5)) == "kT"
    assert difference(toy(), toy().with_(encoder=None)) == "encoder"
    assert difference(toy(), toy().with_(readout=None)) == "readout"
    assert difference(toy(), toy().with_(noise=np.eye(7))) == "noise"
    assert difference(toy(), toy().with_(meta={})) == "meta"


TEXT = dump(toy())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("langevin 1", "langevin 3", "line 1: expected 'langevin 1'"),
        ("kT 0.3\n", "", "line 2: expected `kT NUMBER`"),
        ("kT 0.3", "kT warm", "line 2: 'warm' is no number"),
        ("cells 7", "cells seven", "'seven' is no whole number"),
        ("cells 7", "cell 7", "expected `cells COUNT`"),
        ("cells 7", "cells -1", "-1 cells; the count"),
        ("cells 7", "cells 8", "cell column j2 has 7 values for 8 cells"),
        ("  j3 ", "  j2 ", "'j2' is unknown or given twice"),
        ("  j3 ", "  j9 ", "'j9' is unknown or given twice"),
        ("0.0*2 ", "0.0*9999999999 ", "repeats a value too often"),
        ("0.0*2 ", "0.0*2000000000 ", "repeats a value too often"),
        ("identity*2", "step*2", "'step' is unknown; choices are identity, clip"),
        ("couplings linear", "couplings psychic", "coupling kind 'psychic' is unknown"),
        ("float64 8", "float16 8", "weights must be float32 or float64"),
        ("float64 8", "float64 9", "8 linear couplings are listed where 9 are announced"),
        ("3 <- 2: 2.0", "3 -> 2: 2.0", "expected `CELL <- CELLS"),
        ("3 <- 2: 2.0", "3 <- 2: 2.0 1.0", "2 weights for 1 couplings"),
        ("3 <- 2: 2.0", "3 <- 9: 2.0", "coupling (3, 9) names a cell that does not exist"),
        ("3 <- 2: 2.0", "3 <- 3: 2.0", "cell 3 couples to itself"),
        ("3 <- 2: 2.0", "3 <- 2: nan", "coupling (3, 2) has the weight nan"),
        ("phase settle", "stage settle", "cannot read the statement 'stage settle"),
        ("stiffness 2.5", "firmness 2.5", "phase 'settle': cannot read 'firmness'"),
        ("  shift 0.1 0.2\n", "", "an encoder needs one line `shift`"),
        ("  reads state", "  reads mind", "cannot read 'reads mind' of the read-out"),
        ("  cells 5..6\n", "  cells 5..999999999999\n", "names numbers that are no ids"),
        ("  cells 5..6\n", "  cells 5..2000000000\n", "more than 16,777,216 ids are listed"),
        ("  cells 5..6\n", "", "a read-out needs a line `cells`"),
        ("  scale 1.0 -0.5", "  scale 1.0", "rows of the read-out's scale differ"),
        ('"d\\"e"', '"d\\q"', "is no quoted name"),
        ('meta {"', "meta {", "meta is no JSON"),
        ("meta {", "meta [{", "meta is no JSON"),
        ("kT 0.3\n", "kT -0.3\n", "kT must be a finite number of at least 0"),
    ],
)
def test_bad_texts_name_the_file_and_the_line(old, new, message):
    assert old in TEXT
    with pytest.raises(FormatError) as caught:
        parse(TEXT.replace(old, new, 1), name="net.txt")
    assert message in str(caught.value)
    assert str(caught.value).startswith("net.txt")
    assert "\n" not in str(caught.value)


def test_more_bad_texts():
    for text, message in (
        ("", "line 1: expected a netlist, whose text begins with"),
        ("poem 1\n", "whose text begins with one of 'langevin', 'gates', 'luts', 'tiles'; got 'poem 1'"),
        (TEXT + "  alone 1\n", "cannot read the statement|an indented line stands alone"),
        (TEXT + "meta {}\n", "cannot read the statement"),
        (TEXT.replace("meta {", "meta 3 #"), "meta is no JSON"),
        (TEXT.split("meta")[0] + "meta 3\n", "meta must be a JSON object"),
        (TEXT + "noise 1.0 0.0\nnoise 1.0\n", "rows of the noise matrix differ"),
    ):
        with pytest.raises(FormatError, match=message):
            parse(text)


def test_no_cells():
    netlist = LangevinNetlist(Cells.make(0), (), 0.0, 1.0, ())
    assert equal(parse(dump(netlist)), netlist)
