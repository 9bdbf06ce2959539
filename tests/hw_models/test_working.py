"""Chips with holes: what is read, what is left, what is refused."""

import json

import numpy as np
import pytest

from hw_models.errors import HardwareError
from hw_models.targets import TARGETS, with_holes
from hw_models.topologies import Topology
from hw_models.working import WorkingGraph, nodes_and_wires, without


def wires_of(graph):
    return {tuple(w) for w in graph.ids[graph.edges].tolist()}


@pytest.mark.parametrize("kind, parameters", [("chimera", (3, 3, 4)), ("pegasus", (3,)), ("zephyr", (2, 4))])
def test_what_is_missing_is_gone_and_nothing_else(kind, parameters):
    topology = Topology(kind, parameters)
    whole = topology.graph()
    dead = whole.ids[[3, 17]].tolist()
    cut = next(w for w in sorted(wires_of(whole)) if not set(w) & set(dead))
    chip = without(topology, dead, [cut[::-1]])
    left = chip.graph()
    assert left.ids.tolist() == [v for v in whole.ids.tolist() if v not in dead]
    assert wires_of(left) == {w for w in wires_of(whole) if not set(w) & set(dead)} - {cut}
    again = without(chip, [], [])
    assert again.name == chip.name
    assert without(topology, dead, []).name != chip.name


def test_files_of_both_kinds_and_objects_say_the_same(tmp_path):
    text = tmp_path / "holes.txt"
    text.write_text("# measured on Monday\n17\n17 23   # weak\n4,5\n\n")
    wanted = ([17], [(17, 23), (4, 5)])
    assert nodes_and_wires(text) == wanted
    for names in (("nodes", "edges"), ("nodelist", "edgelist"), ("qubits", "couplers")):
        file = tmp_path / "holes.json"
        file.write_text(json.dumps(dict(zip(names, ([17], [[17, 23], [4, 5]]), strict=True))))
        assert nodes_and_wires(file) == wanted
    linked = {"nodes": [{"id": 17}], "links": [{"source": 17, "target": 23}, {"source": 4, "target": 5}]}
    assert nodes_and_wires(linked) == wanted
    nx = pytest.importorskip("networkx")
    assert nodes_and_wires(nx.path_graph(3)) == ([0, 1, 2], [(0, 1), (1, 2)])


def test_a_working_graph_is_of_its_target(tmp_path):
    target = TARGETS.get("chimera-2")
    whole = target.topology.graph()
    chip = with_holes(
        target, working_graph=(whole.ids[1:].tolist(), [w for w in wires_of(whole) if 0 not in w])
    )
    assert chip.max_coupling == target.max_coupling
    assert chip.name == "chimera-2 with holes"
    assert chip.topology.name == without(target.topology, [0], []).name
    free = with_holes(TARGETS.get("ideal"), working_graph=([5, 9], [(5, 9)]))
    assert free.topology.graph().ids.tolist() == [5, 9]
    assert with_holes(target) is target


def test_what_cannot_be_is_refused(tmp_path):
    target = TARGETS.get("chimera-2")
    for working, missing, words in (
        (None, ([99], []), "node 99 cannot be missing"),
        (None, ([], [(0, 1)]), r"wire \(0, 1\) cannot be missing"),
        (([0, 99], []), None, "has node 99, which chimera"),
        (([0, 1], [(0, 1)]), None, r"has the wire \(0, 1\)"),
        (([], []), None, "no nodes in the working graph"),
        (([3], [(3, 3)]), None, "with itself"),
        (5, None, "whole numbers"),
    ):
        with pytest.raises(HardwareError, match=words):
            with_holes(target, working_graph=working, missing=missing)
    with pytest.raises(HardwareError, match="--working-graph"):
        with_holes(TARGETS.get("ideal"), missing=([1], []))
    bad = tmp_path / "bad.txt"
    bad.write_text("1\n2 x\n")
    with pytest.raises(HardwareError, match="line 2"):
        nodes_and_wires(bad)
    bad.write_text('{"spins": [1]}')
    with pytest.raises(HardwareError, match="names neither"):
        nodes_and_wires(bad)
    with pytest.raises(HardwareError, match="cannot be read"):
        nodes_and_wires(tmp_path / "none")
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(HardwareError, match=r"empty\.txt: no nodes"):
        with_holes(target, working_graph=tmp_path / "empty.txt")


def test_the_graph_is_shared_and_cannot_be_changed():
    chip = WorkingGraph.of([], [(1, 2)])
    with pytest.raises(ValueError):
        chip.graph().edges[0, 0] = 5
    assert chip.graph().edges.dtype == np.int32
