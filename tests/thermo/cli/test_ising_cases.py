"""Small Ising inputs on the command line: clamps, units, and graphs with weights of other names."""

import json

import numpy as np
import pytest

from thermo.cli.main import main

CUT = "5 6\n1 2 1\n2 3 1\n3 4 1\n4 5 1\n1 5 1\n1 3 1\n"
GRAPHML = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="k" for="edge" attr.name="weight" attr.type="double"><default>1.5</default></key>
  <key id="f" for="node" attr.name="h" attr.type="double"><default>-0.25</default></key>
  <graph edgedefault="undirected">
    <node id="u"/><node id="v"><data key="f">2.0</data></node><node id="w"/>
    <edge source="u" target="v"/>
    <edge source="v" target="w"><data key="k">-4.0</data></edge>
  </graph>
</graphml>
"""
GML = """graph [
  node [ id 3 label "Ann" ] node [ id 1 label "Bob" ] node [ id 7 label "Cid" ]
  edge [ source 3 target 1 value 5 ] edge [ source 1 target 7 value 8 ]
]
"""


def told(capsys, *arguments):
    code = main([str(a) for a in (*arguments, "--json")])
    out = capsys.readouterr()
    assert code == 0, out.err
    return json.loads(out.out)


def refused(capsys, *arguments):
    assert main([str(a) for a in arguments]) == 2
    text = capsys.readouterr().err.strip().splitlines()[-1]
    assert text.startswith("error: ")
    return text


def test_a_clamped_cut_is_counted_on_the_graph(capsys, tmp_path):
    (tmp_path / "g.txt").write_text(CUT)
    free = told(capsys, "compile", tmp_path / "g.txt", "-o", tmp_path / "f.tnl")["problem"]
    made = told(
        capsys, "compile", tmp_path / "g.txt", "-o", tmp_path / "n.tnl", "--clamp", "1=1", "--clamp", "2=1"
    )
    assert made["problem"]["clamped"] == "1=1, 2=1" and made["counts"]["cells"]["total"] == 3
    hot = [p["phase_anneal"].split("kT ")[1].split()[0] for p in (free, made["problem"])]
    assert float(hot[1]) < 1.2 * float(hot[0])  # held spins do not heat the ramp
    found = told(capsys, "simulate", tmp_path / "n.tnl")
    sides = {int(k): v for k, v in found["variables"].items()}
    edges = [tuple(map(int, line.split()[:2])) for line in CUT.splitlines()[1:]]
    assert found["cut"] == 5 == sum(sides[i] != sides[j] for i, j in edges)
    assert (sides[1], sides[2]) == (1, 1)
    # on hardware, too
    chimera = ("--target", "chimera-2", "--embed", "--rescale", "--quantize")
    made = told(
        capsys,
        "compile",
        tmp_path / "g.txt",
        "-o",
        tmp_path / "h.tnl",
        "--clamp",
        "1=1",
        "--clamp",
        "2=1",
        *chimera,
    )
    assert told(capsys, "simulate", tmp_path / "h.tnl")["cut"] == 5


def test_clamps_of_small_numbers(capsys, tmp_path):
    """By symmetry the optimum is that without the clamp, whatever the unit."""
    rng = np.random.default_rng(4)
    cell = np.arange(25).reshape(5, 5)
    rows, columns = (cell[:, :-1], cell[:-1]), (cell[:, 1:], cell[1:])
    ends = [np.concatenate([part.ravel() for part in side]) for side in (rows, columns)]
    lines = [f"{i} {j} {1e-6 * rng.normal():.12f}" for i, j in np.stack(ends, axis=1)]
    (tmp_path / "s.coo").write_text("\n".join(["# vartype=SPIN", *lines]) + "\n")
    found = []
    for clamp in ((), ("--clamp", "0=1"), ("--clamp", "0=-1")):
        told(capsys, "compile", tmp_path / "s.coo", "-o", tmp_path / "n.tnl", "--sweeps", 2000, *clamp)
        found.append(told(capsys, "simulate", tmp_path / "n.tnl")["energy"])
    assert found[0] < -1e-5 and found[1:] == pytest.approx(found[:1] * 2, rel=1e-9)


def test_temperatures_and_energies_of_hardware_are_the_models(capsys, tmp_path):
    rng = np.random.default_rng(6)
    lines = [
        f"{i} {j} {rng.choice([-3, -2, -1, 1, 2, 3])}"
        for i in range(12)
        for j in range(i)
        if rng.random() < 0.5
    ]
    (tmp_path / "u.coo").write_text("\n".join(["# vartype=SPIN", *lines]) + "\n")
    mends = ("--target", "complete-12", "--rescale", "--quantize")
    mean, text = [], []
    for k, more in enumerate(((), mends)):
        net = tmp_path / f"{k}.tnl"
        text.append(told(capsys, "compile", tmp_path / "u.coo", "-o", net, *more)["problem"]["phase_anneal"])
        found = told(capsys, "simulate", net, "--kT", 2, "--chains", 64)
        assert found["kT"] == 2
        mean.append((found["mean_energy"]["mean"], found["mean_energy"]["sem"]))
        ladder = told(capsys, "simulate", net, "--tempering", 4, "--kT", 1, "--hot", 8, "--sweeps", 400)
        np.testing.assert_allclose(ladder["kT"][[0, -1][0]], 1.0)
        np.testing.assert_allclose(ladder["kT"][-1], 8.0)
    assert text[0] == text[1]
    assert abs(mean[0][0] - mean[1][0]) < 4 * np.hypot(mean[0][1], mean[1][1])


def test_weights_of_graph_files(capsys, tmp_path):
    files = {
        "g.graphml": GRAPHML,
        "g.gml": GML,
        "bare.gml": GML.replace(" value 5", "").replace(" value 8", ""),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    net = tmp_path / "n.tnl"

    def weight(name, *more):
        return told(capsys, "compile", tmp_path / name, "-o", net, *more)["problem"]["total_weight"]

    assert weight("g.graphml") == -2.5  # the default counts
    assert weight("g.gml", "--weight", "value") == 13
    assert weight("g.gml", "--weight", "none") == 2 and weight("bare.gml") == 2
    text = refused(capsys, "compile", tmp_path / "g.gml", "-o", net)
    assert "no edge has a `weight`, but they have value" in text and "--weight value" in text
    text = refused(capsys, "compile", tmp_path / "g.gml", "-o", net, "--weight", "cost")
    assert "no edge has the attribute 'cost'; their numbers are value" in text
    (tmp_path / "r.txt").write_text(CUT)
    assert "--weight is for GraphML, GML" in refused(
        capsys, "compile", tmp_path / "r.txt", "-o", net, "--weight", "w"
    )
    told(capsys, "compile", tmp_path / "g.graphml", "-o", net, "--as", "ising")
    assert "h -0.25 2.0 -0.25" in told(capsys, "show", net)["text"]  # so does the nodes' default


def test_nodes_without_labels_are_called_by_their_ids(capsys, tmp_path):
    nodes = "node [ id 4 ] node [ id 9 ] node [ id 2 ]"
    edges = "edge [ source 4 target 9 ] edge [ source 9 target 2 ]"
    bare = f"graph [ {nodes} {edges} ]"
    (tmp_path / "g.gml").write_text(bare)
    told(capsys, "compile", tmp_path / "g.gml", "-o", tmp_path / "n.tnl")
    found = told(capsys, "simulate", tmp_path / "n.tnl")
    assert list(found["variables"]) == ["4", "9", "2"] and found["cut"] == 2
