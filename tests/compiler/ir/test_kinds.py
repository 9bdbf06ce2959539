"""Every verb with every kind of netlist: it answers, or one ThermocError names the way."""

from dataclasses import replace

import numpy as np
import pytest
from toys.families import models
from toys.gates import random_circuit

import compiler
from compiler.counting import COUNTS
from compiler.errors import FormatError, TargetError, ThermocError, UnsupportedError
from compiler.families.registry import HOMES, family_named, family_of
from compiler.formats.ising.files import to_ising
from compiler.ir.kinds import KINDS, kind_of
from compiler.ir.langevin import Cells, LangevinNetlist
from compiler.pipelines import PIPELINES
from hw_models import CELL_LIBRARIES, TARGETS
from hw_models.crossbar import crossbar_target


def netlists():
    """One of every kind; p-bits beside the Langevin netlist, since more verbs take them."""
    gates = random_circuit(np.random.default_rng(3), sums=False)
    return {
        "langevin": LangevinNetlist(Cells.make(3, j2=1.0), (), 1.0, 1.0, ()),
        "p-bits": compiler.to_netlist(compiler.from_edges([0.5, 0.0], [0], [1], [1.0])),
        "gates": gates,
        "luts": compiler.map_luts(gates, 4),
        "cells": compiler.map_cells(gates, CELL_LIBRARIES.get("nangate45")),
        "tiles": compiler.on_tiles(models()["feedforward"], compiler.Layout()),
        "no netlist": 3,
    }


def roundtrip(netlist, path):
    compiler.save(netlist, path / "n.tnl")
    return compiler.load(path / "n.tnl")


VERBS = {
    "verify": lambda n, path: compiler.verify(n),
    "dump": lambda n, path: compiler.dump(n),
    "parse": lambda n, path: compiler.parse(compiler.dump(n)),
    "equal": lambda n, path: compiler.equal(n, n),
    "save, load": roundtrip,
    "counts": lambda n, path: compiler.counts(n),
    "simplify": lambda n, path: compiler.simplify(n, 1),
    "compile": lambda n, path: compiler.compile(n),
    "compile for a target": lambda n, path: compiler.compile(n, target=TARGETS.get("rc-array")),
    "compile for tiles": lambda n, path: compiler.compile(n, target=crossbar_target("crossbar-4")),
    "to_netlist": lambda n, path: compiler.to_netlist(n),
    "legalize": lambda n, path: compiler.legalize(n, TARGETS.get("ideal")),
    "export blif": lambda n, path: compiler.export(n, "blif", path / "n.blif"),
    "export verilog": lambda n, path: compiler.export(n, "verilog", path / "n.v"),
    "export bqm": lambda n, path: compiler.export(n, "bqm", path / "n.json"),
    "evaluate": lambda n, path: compiler.evaluate(n, np.zeros((1, getattr(n, "n_inputs", 1)), bool)),
    "check_equal": lambda n, path: compiler.check_equal(n, n),
    "map_luts": lambda n, path: compiler.map_luts(n),
    "map_cells": lambda n, path: compiler.map_cells(n, CELL_LIBRARIES.get("nangate45")),
    "lower_head": lambda n, path: compiler.lower_head(n),
    "invertible": lambda n, path: compiler.invertible(n),
    "to_ising": lambda n, path: to_ising(n),
    "is_gradient": lambda n, path: compiler.is_gradient(n),
}

# what every verb answers; all else must be refused
ALL = {"langevin", "p-bits", "gates", "luts", "cells", "tiles"}
ANSWERS = {
    "verify": ALL,
    "dump": ALL - {"cells"},
    "parse": ALL - {"cells"},
    "equal": ALL,
    "save, load": ALL - {"cells"},
    "counts": ALL,
    "simplify": {"langevin", "p-bits", "gates", "luts", "tiles"},
    "compile": {"langevin", "p-bits", "gates", "luts", "tiles"},
    "compile for a target": {"langevin"},
    "compile for tiles": {"tiles"},
    "to_netlist": ALL,
    "legalize": {"langevin", "p-bits"},
    "export blif": {"gates", "luts"},
    "export verilog": {"gates", "luts"},
    "export bqm": {"p-bits"},
    "evaluate": {"gates"},
    "check_equal": {"gates", "luts"},
    "map_luts": {"gates"},
    "map_cells": {"gates"},
    "lower_head": set(),  # this circuit has no class sums
    "invertible": {"gates"},
    "to_ising": {"p-bits"},
    "is_gradient": {"langevin", "p-bits"},
}
# a refusal points somewhere: an argument, a function, a format, another choice
WAYS = (
    "compile(",
    "add --double-well",
    "map_",
    "choose",
    "leave",
    "give",
    "write it",
    "keep",
    "simplify the gates",
    "simulate",
    "invertible",
    "compiler.equal",
    "itself",
    "has class sums",
    "is an Ising model",
    "no head to lower",
)


@pytest.mark.parametrize("kind", netlists())
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_answers_or_names_the_way(verb, kind, tmp_path):
    netlist = netlists()[kind]
    if kind in ANSWERS[verb]:
        VERBS[verb](netlist, tmp_path)
        return
    with pytest.raises(ThermocError) as caught:
        VERBS[verb](netlist, tmp_path)
    text = str(caught.value)
    assert "\n" not in text and any(way in text for way in WAYS), text


def test_answers_are_the_netlist():
    for kind, netlist in netlists().items():
        if kind in ANSWERS["parse"]:
            assert compiler.equal(compiler.parse(compiler.dump(netlist)), netlist)
    some = list(netlists().values())[:-1]
    assert all(compiler.difference(a, b) == "kind" for a in some[:1] for b in some[2:])


def test_files_keep_every_kind(tmp_path):
    for kind, netlist in netlists().items():
        if kind in ANSWERS["save, load"]:
            assert compiler.equal(roundtrip(netlist, tmp_path), netlist)


def test_tables_of_other_rooms_know_every_kind():
    assert set(COUNTS) == set(KINDS)
    assert set(PIPELINES) < set(KINDS)
    assert [kind_of(n).name for n in netlists().values() if n != 3][0::2] == ["langevin", "gates", "cells"]


def test_a_difference_is_named():
    gates, luts, cells = (netlists()[kind] for kind in ("gates", "luts", "cells"))
    assert compiler.difference(gates, replace(gates, op=gates.op ^ 1)) == "op"
    assert compiler.difference(luts, replace(luts, table=luts.table + np.uint64(1))) == "table"
    assert (
        compiler.difference(cells, replace(cells, subject=replace(cells.subject, meta={"a": 1})))
        == "subject.meta"
    )


def test_compile_tells_what_a_circuit_has_no_use_for():
    gates = netlists()["gates"]
    for given, message in (
        ({"target": TARGETS.get("rc-array")}, "has no use for target rc-array"),
        ({"target": TARGETS.get("ideal"), "mend": ["embed"]}, "has no use for mend 'embed'"),
    ):
        with pytest.raises(TargetError, match=message):
            compiler.compile(gates, **given)
    with pytest.raises(UnsupportedError, match="sweeps: a netlist is lowered already"):
        compiler.compile(gates, sweeps=3)
    with pytest.raises(UnsupportedError, match="are for circuits of gates"):
        compiler.simplify(netlists()["langevin"], 1, impossible=False)


def test_a_text_of_no_kind_is_refused():
    with pytest.raises(FormatError, match=r"poem\.txt, line 1: expected a netlist"):
        compiler.parse("roses are red\n", name="poem.txt")
    with pytest.raises(FormatError, match="line 1"):
        compiler.parse("cells 1\n")


def test_one_line_tells_a_netlist_or_model():
    shown = [repr(n) for n in netlists().values()]
    shown += [repr(netlists()["p-bits"].cells), repr(netlists()["p-bits"].couplings[0])]
    assert all("\n" not in line and "array" not in line and len(line) < 100 for line in shown)
    assert repr(netlists()["p-bits"]) == 'LangevinNetlist(2 cells, 2 couplings, kT 1, "ising")'


def test_families_are_found_by_name_and_by_model():
    for name in HOMES:
        family = family_named(name)
        assert family.name == name
        assert getattr(compiler, family.cls.__name__) is family.cls
        assert family_of(object.__new__(family.cls)) is family
    assert family_named("nonsense") is None and family_of(3) is None
    assert family_named("ising").takes == ("sweeps", "kT", "sample")
