"""Counts before and after optimisation, by name."""

import json

import numpy as np
from toys.gates import random_circuit
from toys.heads import counting

from compiler.counting import gate_counts, synthesis_counts
from compiler.passes.gates.heads import lower_head
from compiler.pipelines import simplify


def test_a_head_alone():
    """A popcount of 15 bits and the choice between 8 and 7 of them, of nothing but inputs."""
    netlist = counting((8, 7))
    counts = synthesis_counts(netlist)
    assert counts["declared"] == counts["live"] == counts["two_input"] == 0
    assert counts["optimised"]["without_head"] == {"gates": 0, "depth": 0}
    for adder, size in counts["head"].items():
        assert size == counts["optimised"]["with_head"][adder]["gates"]
        whole = simplify(lower_head(netlist, sums=False, adder=adder), 1)
        assert size == gate_counts(whole)["gates"]["two_input"] > 15
    assert counts["luts"] == {k: {"tables": 0, "depth": 0} for k in ("4", "6")}
    json.dumps(counts)


def test_definitions_fall():
    netlist = random_circuit(np.random.default_rng(5), 8, 120, sums=True)
    counts = synthesis_counts(netlist)
    whole = gate_counts(netlist)["gates"]
    assert (counts["declared"], counts["live"]) == (120, whole["live"])
    small = counts["optimised"]["without_head"]["gates"]
    assert 120 >= counts["live"] >= counts["two_input"] >= small > 0
    assert counts["luts"]["6"]["tables"] <= counts["luts"]["4"]["tables"] <= small
    assert small == gate_counts(simplify(netlist, 2))["gates"]["two_input"]


def test_a_circuit_without_classes_has_no_head():
    counts = synthesis_counts(random_circuit(np.random.default_rng(5)), level=1)
    assert "head" not in counts and "with_head" not in counts["optimised"]
