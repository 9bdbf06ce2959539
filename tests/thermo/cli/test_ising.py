"""The command line with Ising problems: compile, show, export, and one line for bad input."""

import json
import shutil
import subprocess

import networkx as nx
import numpy as np
import pytest

from compiler import load
from compiler.circuits.arithmetic import multiplier
from compiler.families.ising import from_edges
from compiler.families.mlp import MLP
from compiler.families.store import save_model
from compiler.formats.circuits.export import export_circuit
from compiler.formats.ising.files import to_ising
from compiler.formats.ising.rudy import read_rudy
from compiler.ir.gates import ClassSums, make_gates
from thermo.cli.main import main

RUDY = "5 5\n1 2 1\n2 3 -2\n3 4 1\n4 5 3\n5 1 1\n"
CNF = "p cnf 3 3\n1 -2 3 0\n2 3 0\n-1 0\n"


def _json(capsys, *arguments):
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def _fails(capsys, *arguments):
    assert main([*map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == "" and len(lines) == 1 and lines[0].startswith("error: "), err
    return lines[0]


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


# --- the whole way ---------------------------------------------------------------------------


def test_max_cut_goes_in_and_comes_out(capsys, write, tmp_path):
    net, again = tmp_path / "cut.tnl", tmp_path / "again.txt"
    result = _json(capsys, "compile", write("g.txt", RUDY), "-o", net)
    assert result["counts"]["cells"]["total"] == 5 and result["counts"]["couplings"]["linear"] == 10
    assert result["problem"]["problem"] == "max-cut"
    assert result["problem"]["total_weight"] == 4
    assert "5,000 sweeps" in result["problem"]["phase_anneal"]
    shown = _json(capsys, "show", net)
    assert shown["problem"] == result["problem"] and "kind pbit*5" in shown["text"]
    exported = _json(capsys, "export", net, "--format", "rudy", "-o", again)
    assert (exported["spins"], exported["couplings"]) == (5, 5)
    assert sorted(again.read_text().splitlines()) == sorted(
        "1 5 1" if line == "5 1 1" else line for line in RUDY.splitlines()
    )


def test_formula_through_all_formats(capsys, write, tmp_path):
    net = tmp_path / "sat.tnl"
    result = _json(capsys, "compile", write("f.cnf", CNF), "-o", net, "--sweeps", 300)
    assert result["problem"]["clauses"] == 3 and result["problem"]["auxiliary_spins"] == 1
    assert "300 sweeps" in result["problem"]["phase_anneal"]
    _json(capsys, "export", net, "--format", "dimacs", "-o", tmp_path / "f2.cnf")
    assert (tmp_path / "f2.cnf").read_text() == CNF
    model = to_ising(load(net))
    for format_, ending in (("bqm", "json"), ("coo", "coo")):
        out = tmp_path / f"f.{ending}"
        exported = _json(capsys, "export", net, "--format", format_, "-o", out)
        _json(capsys, "compile", out, "-o", tmp_path / "back.tnl")
        back = to_ising(load(tmp_path / "back.tnl"))
        np.testing.assert_allclose(back.J, model.J)
        dropped = exported.get("offset_dropped", 0.0)
        states = np.array([[1, -1, 1, 1], [-1, -1, 1, -1]])
        np.testing.assert_allclose(back.energy(states) + dropped, model.energy(states))
    assert exported["offset_dropped"] != 0


def test_dropped_offsets_are_told(capsys, write, tmp_path):
    assert main(["compile", str(write("q.coo", "0 1 2\n")), "-o", str(tmp_path / "q.tnl")]) == 0
    assert "hold no offset" in capsys.readouterr().err
    out = str(tmp_path / "x.coo")
    assert main(["export", str(write("g.txt", RUDY)), "--format", "coo", "-o", out]) == 0
    assert "add 4 to every energy" in capsys.readouterr().err


def test_a_multiplier_backwards(capsys, tmp_path):
    export_circuit(multiplier(4, 4), "verilog", tmp_path / "m.v")
    out = tmp_path / "f.tnl"
    result = _json(
        capsys,
        "compile",
        tmp_path / "m.v",
        "--as",
        "ising",
        "--clamp",
        "p=143",
        "--clamp",
        "a[0]=0b1",
        "-o",
        out,
        "--anneal",
        "2,0.1",
    )
    assert result["problem"]["clamped"] == "a[0]=1, p=143"
    assert result["problem"]["phase_anneal"] == "20,000 sweeps, kT 2 to 0.1"
    assert load(out).n_cells == 48 - 9
    assert main(["show", str(out), "--limit", "3"]) == 0
    text = capsys.readouterr().out
    assert "clamped" in text and "  names " in text and max(map(len, text.splitlines())) < 1200


def test_a_multiplier_of_yosys_backwards(capsys, tmp_path):
    """A plain `p = a * b`, mapped by yosys: the adders are found whatever gates it chose."""
    if shutil.which("yosys") is None:
        pytest.skip("needs yosys")
    (tmp_path / "m.v").write_text(
        "module m(input [2:0] a, input [2:0] b, output [5:0] p); assign p = a * b; endmodule\n"
    )
    script = "read_verilog m.v; synth -flatten; abc -g simple; write_blif m.blif"
    subprocess.run(["yosys", "-q", "-p", script], cwd=tmp_path, check=True, capture_output=True)
    out = tmp_path / "f.tnl"
    result = _json(capsys, "compile", tmp_path / "m.blif", "--as", "ising", "--clamp", "p=35", "-o", out)
    assert result["problem"]["clamped"] == "p=35"
    found = _json(capsys, "simulate", out, "--chains", 4)
    assert found["words"]["p"] == 35 and {found["words"]["a"], found["words"]["b"]} == {5, 7}
    assert found["consistent"] and found["energy"] == pytest.approx(0)


def test_boltzmann_machines_are_sampled_at_their_temperature(capsys, tmp_path):
    np.savez(tmp_path / "m.npz", biases=np.ones(3), edges=[[0, 1]], weights=[0.5], beta=2.0)
    result = _json(capsys, "compile", tmp_path / "m.npz", "-o", tmp_path / "m.tnl")
    assert result["problem"]["phase_sample"] == "1,000 sweeps, kT 0.5"
    result = _json(capsys, "compile", tmp_path / "m.npz", "-o", tmp_path / "m.tnl", "--kT", 3, "--sweeps", 7)
    assert result["problem"]["phase_sample"] == "7 sweeps, kT 3"
    result = _json(capsys, "compile", tmp_path / "m.npz", "-o", tmp_path / "m.tnl", "--optimise")
    assert "phase_anneal" in result["problem"]


def test_variables_held_by_name(capsys, write, tmp_path):
    net = tmp_path / "cut.tnl"
    _json(capsys, "compile", write("g.txt", RUDY), "-o", net, "--clamp", "2=-1", "--clamp", "5=1")
    held, free = to_ising(load(net)), read_rudy(tmp_path / "g.txt")
    states = np.array([[1, -1, 1, -1, 1], [-1, -1, 1, 1, 1], [1, -1, -1, -1, 1]])
    assert held.names == ("1", "3", "4")
    np.testing.assert_allclose(held.energy(states[:, [0, 2, 3]]), free.energy(states))
    found = _json(capsys, "simulate", net)["variables"]
    assert list(found) == list("12345") and (found["2"], found["5"]) == (-1, 1)


def test_graph_files_and_models(capsys, tmp_path):
    graph = nx.Graph([("a", "b", {"weight": 2.0}), ("b", "c", {"weight": -1.0})])
    nx.write_graphml(graph, tmp_path / "g.graphml")
    result = _json(capsys, "compile", tmp_path / "g.graphml", "-o", tmp_path / "g.tnl")
    assert result["problem"]["problem"] == "max-cut"
    result = _json(capsys, "compile", tmp_path / "g.graphml", "--as", "ising", "-o", tmp_path / "g.tnl")
    assert result["problem"]["problem"] == "ising"
    assert to_ising(load(tmp_path / "g.tnl")).J.tolist() == [2, -1]
    save_model(to_ising(load(tmp_path / "g.tnl")), tmp_path / "m.safetensors")
    result = _json(capsys, "compile", tmp_path / "m.safetensors", "-o", tmp_path / "g2.tnl")
    assert (tmp_path / "g2.tnl").read_bytes() == (tmp_path / "g.tnl").read_bytes()


# --- bad input: one line, exit code 2 ---------------------------------------------------------

BAD_FILES = [
    ("g.txt", "", "is empty"),
    ("g.txt", "nodes edges\n", "the number of nodes must be a whole number"),
    ("g.txt", "hello world of graphs\n", "a rudy file begins with"),
    ("g.txt", "2 1\n1 2 nan\n", "the weight must be a finite number, got 'nan'"),
    ("g.txt", "2 1\n1 1 1\n", "joins node 1 to itself"),
    ("g.txt", "2 1\n1 3 1\n", "names node 3"),
    ("g.txt", "3 2\n1 2 1\n2 1 1\n", "is in line 2 already"),
    ("g.txt", "3 3\n1 2 1\n", "header promises 3"),
    ("g.txt", "3 0\n", "the number of edges must be a whole number of at least 1"),
    ("f.cnf", "p cnf 2\n", "the header is one line"),
    ("f.cnf", "p cnf 2 1\n1 3 0\n", "names variable 3"),
    ("f.cnf", "p cnf 2 2\n1 2 0\n", "promises 2"),
    ("f.cnf", "what\n", "comes before the header"),
    ("f.wcnf", "p wcnf 2 1 5\n5 1 2\n", "a clause is a line 'weight literals 0'"),
    ("q.txt", "0 1 2\n", "--as qubo, ising or max-cut"),
    ("q.txt", "2 2\n1 1 2\n1 2 3\n", "--as qubo, qubo-max or ising"),
    ("q.coo", "0 0 nan\n", "the bias must be a finite number, got 'nan'"),
    ("q.coo", "a b c\n", "a variable must be a whole number"),
    ("q.coo", "# vartype=ODD\n0 0 1\n", "vartype is BINARY or SPIN"),
    ("q.qubo", "p qubo 0 1 1 9\n0 0 1\n", "promises 1 and 9"),
    ("b.json", '{"type": "BinaryQuadraticModel"}', "is a BQM of schema None"),
    ("b.json", '{"nodes": [], "edges": []}', "0 nodes and no edges"),
    (
        "b.json",
        '{"nodes": [{"id": 1}], "links": [{"source": 1, "target": 2}]}',
        "ends at 2, which is no node",
    ),
    ("b.json", '{"nodes": [{"id": 1}], "links": [{"source": 1, "target": 1}]}', "joins node 1 to itself"),
    ("b.json", '{"nodes": [', "is no whole JSON"),
    ("g.gml", "graph [ node [", "is no GML that networkx reads"),
    ("g.gml", "graph [\n  directed 1\n  node [ id 0 label 0 ]\n]", "is directed"),
    ("g.graphml", "<graphml><graph>", "is no GraphML that networkx reads"),
    ("g.graphml", "<html></html>", "is no GraphML"),
    ("b.bqm", "DIMODBQM", "is no whole BQM file"),
    ("b.bqm", "DIMODBQM" + "x" * 40, "is a BQM file of version 120.120"),
]


@pytest.mark.parametrize(
    ("name", "text", "message"), BAD_FILES, ids=[f"{n}: {m}"[:50] for n, _, m in BAD_FILES]
)
def test_bad_files_give_one_line(capsys, write, tmp_path, name, text, message):
    line = _fails(capsys, "compile", write(name, text), "-o", tmp_path / "x.tnl")
    assert message in line and name in line
    assert not (tmp_path / "x.tnl").exists()


BAD_ARRAYS = [
    ({"J": np.array([[0, np.nan], [np.nan, 0]])}, "coupling (0, 1) has the weight nan"),
    ({"J": np.eye(3)}, "spin 0 couples to itself"),
    ({"J": np.zeros((2, 2)), "kT": np.array(-1.0)}, "kT is -1; a temperature must be above 0"),
    ({"J": np.zeros((0, 0))}, "at least one spin"),
    ({"J": np.ones(1), "h": np.zeros(2), "edges": np.array([[0, 5]])}, "spins are 0 to 1"),
    ({"biases": np.ones(2), "edges": np.array([[0, 1]]), "weights": np.ones(2)}, "one value a"),
    ({"biases": np.ones(2), "edges": np.array([[0, 1]]), "weights": np.ones(1), "beta": 0.0}, "beta is 0"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD_ARRAYS, ids=[m for _, m in BAD_ARRAYS])
def test_bad_arrays_give_one_line(capsys, tmp_path, arrays, message):
    np.savez(tmp_path / "m.npz", **arrays)
    line = _fails(capsys, "compile", tmp_path / "m.npz", "-o", tmp_path / "x.tnl")
    assert message in line and "m.npz" in line


def circuit(tmp_path):
    export_circuit(multiplier(2, 2), "blif", tmp_path / "m.blif")
    return tmp_path / "m.blif"


BAD_OPTIONS = [
    ("circuit", ["--as", "ising", "--clamp", "q=1"], "no input or output is called so"),
    ("circuit", ["--as", "ising", "--clamp", "p=16"], "it holds 0 to 15"),
    ("circuit", ["--as", "ising", "--clamp", "p"], "--clamp takes name=value"),
    ("circuit", ["--as", "ising", "--clamp", "p=x"], "--clamp takes name=value"),
    ("circuit", ["--as", "ising", "--clamp", "p=6", "--clamp", "p=7"], "is given twice"),
    ("circuit", ["--as", "ising", "--clamp", "p=6", "--clamp", "p[0]=1"], "clamped to 0 and to 1"),
    ("circuit", ["--clamp", "p=6"], "--as ising makes one of a circuit"),
    ("mlp", ["--clamp", "p=6"], "--clamp does not apply to a model of cells, only to an Ising"),
    ("circuit", ["--as", "ising", "--clamp", "p=-1"], "clamp p=-1: the word has 4 bits"),
    ("circuit", ["--as", "max-cut"], "--as max-cut has no meaning for it"),
    ("circuit", ["--as", "tsp"], "--as must be gates, ising, max-cut, qubo or qubo-max"),
    ("circuit", ["--sweeps", "5"], "--sweeps does not apply to a"),
    ("circuit", ["--as", "ising", "--target", "rc-array"], "pbit"),
    ("rudy", ["--clamp", "x=1"], "clamp 'x': no spin is called so; there are 1, 2, 3, 4, 5"),
    ("rudy", ["--clamp", "2=0"], "clamp 2=0: a spin variable is -1 or 1"),
    ("rudy", ["--field", "h"], "--field is for GraphML, GML and node-link files"),
    ("rudy", ["--anneal", "1"], "--anneal takes two numbers"),
    ("rudy", ["--anneal", "1,x"], "--anneal takes two numbers"),
    ("rudy", ["--anneal", "1,2"], "hot >= cold"),
    ("rudy", ["--anneal", "2,1", "--sample"], "a sampling run has one temperature"),
    ("rudy", ["--kT", "0"], "kT is 0; a temperature must be above 0"),
    ("rudy", ["--kT", "nan"], "kT is nan"),
    ("rudy", ["--tolerance", "0.1"], "--tolerance does not apply to an Ising model"),
    ("rudy", ["--classes", "3"], "--classes has no meaning"),
    ("rudy", ["--activation", "tanh"], "--activation has no meaning for an Ising model"),
    ("mlp", ["--sweeps", "5"], "--sweeps does not apply to a"),
    ("mlp", ["--kT", "5"], "--kT does not apply to a"),
    ("mlp", ["--anneal", "5,1"], "--anneal does not apply to a"),
    ("mlp", ["--as", "ising"], "--as ising has no meaning for it (MLP)"),
    ("sums", ["--as", "ising"], "has class sums"),
]


@pytest.mark.parametrize(
    ("kind", "options", "message"), BAD_OPTIONS, ids=[" ".join([k, *o]) for k, o, _ in BAD_OPTIONS]
)
def test_bad_options_give_one_line(capsys, write, tmp_path, kind, options, message):
    if kind == "circuit":
        source = circuit(tmp_path)
    elif kind == "rudy":
        source = write("g.txt", RUDY)
    elif kind == "sums":
        from compiler import save

        sums = ClassSums(np.array([0, 1], np.int32), np.array([0, 1, 2]))
        source = tmp_path / "sums.tnl"
        save(make_gates(["a", "b"], [], [], [], {}, class_sums=sums), source)
    else:
        source = tmp_path / "m.safetensors"
        save_model(
            MLP((np.eye(2),), (np.zeros(2),), ("identity",), np.zeros(1), np.ones(1), "regression"), source
        )
    assert message in _fails(capsys, "compile", source, "-o", tmp_path / "x.tnl", *options)


def test_bad_exports_give_one_line(capsys, write, tmp_path):
    out = tmp_path / "x"
    rudy = write("g.txt", RUDY)
    cases = [
        ([rudy, "--format", "dimacs"], "the problem is max-cut"),
        ([circuit(tmp_path), "--format", "rudy"], "a GateNetlist is no Ising model"),
        ([rudy, "--format", "rudy", "--luts", "4"], "--luts does not apply to an Ising model"),
        (
            [rudy, "--format", "verilog"],
            "verilog takes a circuit of gates or a circuit of tables, got a Langevin netlist",
        ),
        ([rudy, "--format", "mps"], "--format 'mps' is unknown; choices are verilog,"),
    ]
    named = tmp_path / "named.safetensors"
    save_model(from_edges([1.0, 0], [0], [1], [1.0], names=("a", "b")), named)
    cases += [
        ([named, "--format", "rudy"], "spin 'a' has the field 1"),
        ([named, "--format", "coo"], "spin 'a' has a name"),
    ]
    for arguments, message in cases:
        assert message in _fails(capsys, "export", *arguments, "-o", out)
        assert not out.exists()
