"""Ising models from and to the files of others: rudy, DIMACS, QUBO, dimod, graphs, arrays."""

import gzip
import itertools
import json

import networkx as nx
import numpy as np
import pytest
from toys.ising import all_states, data_folder, random_model, violated_clauses

from compiler.api import compile, to_netlist
from compiler.errors import FormatError, NetlistError, ThermocError, UnsupportedError
from compiler.families.ising import lower_ising
from compiler.formats.detect import Options, read_model_or_netlist
from compiler.formats.ising.arrays import from_arrays
from compiler.formats.ising.bqm import from_bqm, parse_bqm, write_bqm
from compiler.formats.ising.dimacs import from_clauses, parse_dimacs, write_dimacs
from compiler.formats.ising.files import read_ising
from compiler.formats.ising.graph import from_graph, parse_node_link
from compiler.formats.ising.qubo import parse_qubo, parse_qubo_json, write_coo
from compiler.formats.ising.rudy import parse_rudy, write_rudy
from compiler.formats.ising.write import export_ising
from compiler.formats.networks.thrml import from_thrml, from_thrml_arrays

RNG = np.random.default_rng(11)


def violated(clauses, states):
    return np.array([violated_clauses(clauses, s) for s in states])


# --- rudy ------------------------------------------------------------------------------------

RUDY = "4 4\n1 2 3\n2 3 -1\n4 3 2.5\n1 4\n"


def test_cut_of_every_partition():
    model = parse_rudy(RUDY)
    edges = [(0, 1, 3), (1, 2, -1), (2, 3, 2.5), (0, 3, 1)]
    goal = model.problem.goal
    for s in all_states(4):
        cut = sum(w for i, j, w in edges if s[i] != s[j])
        assert goal.cut(s[None]) == pytest.approx(cut)
        assert (goal.total_weight - (model.energy(s) - model.offset)) / 2 == pytest.approx(cut)
    assert model.J.tolist() == [-3, -1, 1, -2.5]


def test_rudy_comes_back():
    again = parse_rudy(write_rudy(parse_rudy(RUDY)))
    for name in ("h", "row", "col", "J"):
        np.testing.assert_array_equal(getattr(again, name), getattr(parse_rudy(RUDY), name))
    with pytest.raises(UnsupportedError, match="spin 0 has the field"):
        write_rudy(random_model(RNG))
    with pytest.raises(UnsupportedError, match="nothing to cut"):
        write_rudy(parse_qubo("# vartype=SPIN\n0 0 0\n"))


BAD_RUDY = {
    "": "line 1: a rudy file begins with",
    "4": "line 1: a rudy file begins with",
    "a b\n": "line 1: the number of nodes must be a whole number of at least 1, got 'a'",
    "0 3\n": "line 1: the number of nodes",
    "9999999999 3\n": "line 1: the number of nodes must be at most 67108864, got '9999999999'",
    "3 0\n": "line 1: the number of edges",
    "3 1\n1 2 x\n": "line 2: the weight must be a finite number, got 'x'",
    "3 1\n1 2 nan\n": "line 2: the weight must be a finite number, got 'nan'",
    "3 1\n1 4 1\n": "line 2: names node 4; the header has nodes 1 to 3",
    "3 1\n0 1 1\n": "line 2: a node must be a whole number of at least 1, got '0'",
    "3 1\n2 2 1\n": "line 2: joins node 2 to itself",
    "3 2\n1 2 1\n\n2 1 4\n": "line 4: edge (2, 1) is in line 2 already",
    "3 2\n1 2 1\n": "has 1 edges but its header promises 2",
    "3 1\n1 2 1\n2 3 1\n": "has 2 edges but its header promises 1",
    "3 1\n1\n": "line 2: an edge is two nodes and a weight, got '1'",
}


@pytest.mark.parametrize("text", BAD_RUDY)
def test_bad_rudy(text):
    with pytest.raises(FormatError) as caught:
        parse_rudy(text, name="g.txt")
    assert BAD_RUDY[text] in str(caught.value) and str(caught.value).startswith("g.txt")


# --- DIMACS ----------------------------------------------------------------------------------


@pytest.mark.parametrize("k", range(8))
def test_a_clause_of_any_length_costs_one_where_it_is_violated(k):
    """The minimum over the auxiliary spins, at all states of seven variables."""
    for seed in range(4):
        rng = np.random.default_rng([k, seed])
        clause = [int(v) * int(rng.choice([-1, 1])) for v in rng.permutation(7)[:k] + 1]
        model = from_clauses(7, [clause])
        assert model.n == 7 + max(0, (k - 1) // 2)
        states = all_states(model.n)
        least = model.energy(states).reshape(2**7, -1).min(axis=1)
        variables = states.reshape(2**7, -1, model.n)[:, 0, :7]
        np.testing.assert_allclose(least, violated([clause], variables), atol=1e-12)


def test_energy_counts_violated_clauses_of_a_formula():
    rng = np.random.default_rng(3)
    clauses = [
        [int(v) for v in rng.choice([-1, 1], k) * (rng.permutation(5)[:k] + 1)]
        for k in (1, 2, 2, 3, 3, 3, 4, 5)
    ]
    clauses += [[1, -1, 2], [2, 2, -3], []]  # always true, a repeat, never true
    model = from_clauses(5, clauses)
    states = all_states(model.n)
    least = model.energy(states).reshape(2**5, -1).min(axis=1)
    variables = states.reshape(2**5, -1, model.n)[:, 0, :5]
    np.testing.assert_allclose(least, violated(clauses, variables), atol=1e-9)


def test_dimacs_text():
    text = "c a comment\np cnf 3  2\n1 -2\n 0 2 3 -1 0\n%\n0\n"
    model = parse_dimacs(text)
    assert model.problem.goal.clauses == [[1, -2], [2, 3, -1]]
    assert write_dimacs(model) == "p cnf 3 2\n1 -2 0\n2 3 -1 0\n"
    assert parse_dimacs("p cnf 1 1\n1").problem.goal.clauses == [[1]]  # the last 0 may lack
    with pytest.raises(UnsupportedError, match="the problem is max-cut"):
        write_dimacs(parse_rudy(RUDY))


BAD_DIMACS = {
    "": "has no header",
    "c only\n": "has no header",
    "1 2 0\n": "line 1: comes before the header",
    "p cnf 3\n": "line 1: the header is one line",
    "p wcnf 3 2 9\n": "'p cnf variables clauses', got 'p wcnf 3 2 9'",
    "p cnf x 2\n": "line 1: the number of variables must be",
    "p cnf 0 1\n": "line 1: the number of variables must be a whole number of at least 1",
    "p cnf 3 0\n": "line 1: the number of clauses",
    "p cnf 3 1\np cnf 3 1\n": "line 2: the header is one line",
    "p cnf 3 1\n1 4 0\n": "line 2: names variable 4; the header has 1 to 3",
    "p cnf 3 1\n1 x 0\n": "line 2: 'x' is no literal",
    "p cnf 3 2\n1 2 0\n": "has 1 clauses but its header promises 2",
}


@pytest.mark.parametrize("text", BAD_DIMACS)
def test_bad_dimacs(text):
    with pytest.raises(FormatError) as caught:
        parse_dimacs(text, name="f.cnf")
    assert BAD_DIMACS[text] in str(caught.value)


def test_bad_clauses():
    for variables, clauses, message in ((2, [[3]], "literal 3"), (2, [[0]], "literal 0")):
        with pytest.raises(NetlistError, match=message):
            from_clauses(variables, clauses)
    with pytest.raises(NetlistError, match="give at least one each"):
        from_clauses(0, [[1]])


# --- QUBO ------------------------------------------------------------------------------------


def test_qubo_energies():
    """x Q x of an upper triangle; labels are the file's numbers."""
    terms = {(2, 2): -1.5, (2, 5): 2.0, (5, 5): 0.25, (5, 9): -4.0}
    text = "# a comment\n" + "\n".join(f"{i} {j} {v}" for (i, j), v in terms.items())
    model = parse_qubo(text)
    assert model.names == ("2", "5", "9") and model.vartype == "binary"
    for s in all_states(3):
        x = dict(zip((2, 5, 9), (s + 1) // 2, strict=True))
        assert model.energy(s) == pytest.approx(sum(v * x[i] * x[j] for (i, j), v in terms.items()))
    # both directions of a pair add up, as in x Q x of a full matrix
    assert parse_qubo("0 1 1\n1 0 2\n").J == parse_qubo("0 1 3\n").J
    spin = parse_qubo("# vartype=SPIN\n0 0 -1\n0 1 2\n")
    assert (spin.h.tolist(), spin.J.tolist(), spin.vartype) == ([1, 0], [-2], "spin")


def test_labels_of_qubo_json_are_in_order():
    """Numbers by their size, then words; a superscript is no number."""
    model = parse_qubo_json({"10,9": 1.0, "a,²": 2.0})
    assert model.names == ("9", "10", "a", "²")


def test_qbsolv_files():
    text = "c comment\np qubo 0 4 2 1\n0 0 1.5\n3 3 -2\n0 3 1\n"
    model = parse_qubo(text)
    assert model.names == ("0", "3")
    np.testing.assert_allclose(model.energy(all_states(2)), [0, -2, 1.5, 0.5])


BAD_QUBO = {
    "": "has no terms",
    "# vartype=SPIN\n": "has no terms",
    "# vartype=DISCRETE\n0 0 1\n": "vartype is BINARY or SPIN, got 'DISCRETE'",
    "0 0 1\n0 1\n": "line 2: a term is two variables and a bias",
    "0 0 1\n0 x 1\n": "line 2: a variable must be a whole number",
    "0 -1 1\n": "line 1: a variable must be a whole number of at least 0, got '-1'",
    "0 99999999999999999999 1\n": "line 1: a variable must be at most 4611686018427387904",
    "0 0 inf\n": "line 1: the bias must be a finite number, got 'inf'",
    "p qubo 0 2 1\n0 0 1\n": "line 1: a .qubo file begins with one line",
    "p qubo 0 2 1 1\n0 0 1\n": "has 1 diagonal terms and 0 couplers but its header",
}


@pytest.mark.parametrize("text", BAD_QUBO)
def test_bad_qubo(text):
    with pytest.raises(FormatError) as caught:
        parse_qubo(text, name="q.coo")
    assert BAD_QUBO[text] in str(caught.value)


@pytest.mark.parametrize("vartype", ["spin", "binary"])
def test_coo_comes_back_but_for_its_offset(vartype):
    model = random_model(RNG, vartype=vartype, names=("3", "5", "7", "11", "13", "17"))
    again = parse_qubo(write_coo(model))
    assert again.names == model.names
    states = all_states(model.n)
    difference = model.energy(states) - again.energy(states)
    np.testing.assert_allclose(difference, difference[0], atol=1e-12)
    assert f"# the offset {difference[0]:.6f}"[:16] in write_coo(model)
    with pytest.raises(UnsupportedError, match="spin 'a' has a name"):
        write_coo(random_model(RNG, names=tuple("abcdef")))
    tiny = write_coo(parse_qubo("0 1 1e-12\n"))  # dimod's reader knows no exponents
    assert "0 1 0.000000000001" in tiny


# --- dimod, without dimod --------------------------------------------------------------------


@pytest.mark.parametrize("vartype", ["spin", "binary"])
def test_bqm_json_comes_back(vartype):
    model = random_model(RNG, vartype=vartype, names=tuple("uvwxyz"))
    again = parse_bqm(json.loads(write_bqm(model)))
    assert again.names == model.names and again.vartype == vartype
    np.testing.assert_allclose(
        again.energy(all_states(model.n)), model.energy(all_states(model.n)), atol=1e-12
    )


def bqm_document(**changes):
    document = json.loads(write_bqm(random_model(np.random.default_rng(0), n=3, m=2)))
    return {k: v for k, v in (document | changes).items() if v is not ...}


BAD_BQM = [
    ({"quadratic_head": [0, 1], "quadratic_tail": [1, 1]}, "to itself; add it to the linear bias"),
    ({"version": {"bqm_schema": "9.0.0"}}, "schema '9.0.0'"),
    ({"version": "x"}, "schema None"),
    ({"use_bytes": True}, "use_bytes True"),
    ({"offset": ...}, "lacks 'offset'"),
    ({"variable_type": "INTEGER"}, "variable_type is SPIN or BINARY, got 'INTEGER'"),
    ({"linear_biases": [1.0]}, "promises 3 variables and 2 interactions"),
    ({"linear_biases": ["x", 1, 2]}, "malformed"),
    ({"quadratic_head": [0, 0.5]}, "malformed"),
    ({"quadratic_head": [0, 9]}, "names a spin that does not exist"),
    ({"quadratic_biases": [1.0, float("nan")]}, "has the weight nan"),
    ({"variable_labels": ["a", "a", "b"]}, "two spins are called 'a'"),
    ({"offset": float("inf")}, "offset is inf"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_BQM, ids=[m for _, m in BAD_BQM])
def test_bad_bqm(changes, message):
    with pytest.raises((FormatError, NetlistError)) as caught:
        parse_bqm(bqm_document(**changes))
    assert message in str(caught.value)


def test_other_objects_are_no_bqm():
    with pytest.raises(UnsupportedError, match="a dict is no binary quadratic model"):
        from_bqm({})
    with pytest.raises(UnsupportedError, match="a list is no IsingEBM"):
        from_thrml([])


# --- graphs ----------------------------------------------------------------------------------


def toy_graph():
    graph = nx.Graph(offset=0.25)
    graph.add_node("u", h=0.5)
    graph.add_edge("u", "v", weight=2.0)
    graph.add_edge("v", "w", weight=-1.5)
    graph.add_edge("w", "u")
    return graph


def test_graphs_as_max_cut_and_as_ising():
    model = from_graph(toy_graph())
    assert (model.problem.goal.kind, model.problem.goal.total_weight) == ("max-cut", 1.5)
    assert model.names == ("u", "v", "w") and model.J.tolist() == [-2, -1, 1.5]
    model = from_graph(toy_graph(), "ising")
    assert model.J.tolist() == [2, 1, -1.5]
    assert (model.h.tolist(), model.offset) == ([0.5, 0, 0], 0.25)
    multi = nx.MultiGraph([(0, 1, {"weight": 1.0}), (1, 0, {"weight": 2.5})])
    assert from_graph(multi).J.tolist() == [-3.5] and from_graph(multi).names == ()
    assert to_netlist(toy_graph(), Options(as_="ising")).problem.offset == 0.25


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (nx.DiGraph([(0, 1)]), "is directed"),
        (nx.Graph(), "has 0 nodes and no edges"),
        (nx.Graph([("a", "a")]), "joins node 'a' to itself"),
        (nx.Graph([(0, 1, {"weight": "heavy"})]), r"edge \(0, 1\) has the weight 'heavy'"),
        (nx.Graph([(0, 1, {"weight": np.nan})]), r"has the weight nan; it must be a finite number"),
    ],
)
def test_bad_graphs(graph, message):
    with pytest.raises(NetlistError, match=message):
        from_graph(graph)


def test_bad_node_link():
    document = nx.node_link_data(toy_graph(), edges="edges")
    assert parse_node_link(document, "ising").J.tolist() == [2, 1, -1.5]
    links = {("links" if k == "edges" else k): v for k, v in document.items()}
    assert parse_node_link(links).J.tolist() == [-2, -1, 1.5]
    edge = document["edges"][0]
    for changes, message in (
        ({"directed": True}, "is directed"),
        ({"edges": [*document["edges"], edge]}, "is given twice"),
        ({"edges": [{**edge, "target": "t"}]}, "edge 0 ends at 't', which is no node"),
        ({"edges": [{"source": "u"}]}, "is no node-link graph"),
        ({"nodes": [3]}, "is no node-link graph"),
        ({"edges": []}, "no edges"),
    ):
        with pytest.raises(FormatError, match=message):
            parse_node_link(document | changes)


# --- arrays and thrml ------------------------------------------------------------------------


def test_arrays_by_their_names():
    model = random_model(RNG, kT=0.4)
    n = model.n
    dense = np.zeros((n, n))
    dense[model.row, model.col] = model.J
    facts = {"h": model.h, "offset": np.array(model.offset), "kT": np.array([0.4])}
    edges = np.stack([model.col, model.row], axis=1)
    for arrays in (
        {"row": model.row, "col": model.col, "J": model.J},
        {"edges": edges, "J": model.J},
        {"J": dense},
        {"J": dense.T},
        {"J": dense + dense.T},
    ):
        again = from_arrays(facts | arrays)
        np.testing.assert_allclose(again.energy(all_states(n)), model.energy(all_states(n)))
        assert again.kT == 0.4
    assert from_arrays({"J": dense}).h.tolist() == [0] * n


BAD_ARRAYS = [
    ({"J": np.eye(2)}, "couples to itself"),
    ({"J": np.ones((2, 3))}, "a matrix of couplings is square"),
    ({"J": np.array([[0, 1], [2, 0.0]])}, r"neither symmetric nor a triangle: \(0, 1\) is 1"),
    ({"J": np.array([[0, np.nan], [0, 0]])}, "has the weight nan"),
    ({"J": np.ones(1)}, "needs row and col, or edges"),
    ({"J": np.ones(1), "edges": np.array([[0, 1]])}, "lacks h"),
    ({"J": np.ones(1), "h": np.ones(2), "edges": np.array([0, 1])}, r"edges must have shape"),
    ({"J": np.ones(1), "h": np.ones(2), "edges": np.array([[0, 0.5]])}, "whole numbers"),
    ({"J": np.ones(2), "h": np.ones(2), "edges": np.array([[0, 1]])}, "one value a coupling"),
    ({"J": np.ones(1), "h": np.ones(2), "edges": np.array([[0, 2]])}, "does not exist"),
    ({"J": np.zeros((2, 2)), "h": np.ones(3)}, "one field a spin"),
    ({"J": np.zeros((2, 2)), "edges": np.zeros((0, 2))}, "J is a matrix, so edges"),
    ({"J": np.zeros((2, 2)), "kT": np.array(0.0)}, "kT is 0"),
    ({"J": np.zeros((2, 2)), "kT": np.ones(2)}, "kT must be one number"),
    ({"J": np.zeros((2, 2)), "bias": np.ones(2)}, "has the array 'bias'"),
    ({"J": np.array(["a"])}, "J must be numbers"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD_ARRAYS, ids=[m for _, m in BAD_ARRAYS])
def test_bad_arrays(arrays, message):
    with pytest.raises((FormatError, NetlistError), match=message):
        from_arrays(arrays)


class Ebm:
    """The attributes of thrml's IsingEBM."""

    def __init__(self, nodes, edges, biases, weights, beta):
        self.nodes, self.edges = nodes, edges
        self.biases, self.weights, self.beta = biases, weights, beta


def test_thrml_object_and_arrays():
    nodes = [object() for _ in range(3)]
    ebm = Ebm(nodes, [(nodes[2], nodes[0]), (nodes[1], nodes[2])], [0.5, -1, 0], [2.0, -3.0], 0.25)
    model = from_thrml(ebm)
    assert (model.h.tolist(), model.J.tolist(), model.kT) == ([0.5, -1, 0], [2, -3], 4.0)
    assert (model.row.tolist(), model.col.tolist()) == ([0, 1], [2, 2])
    assert lower_ising(model).schedule[-1].name == "sample"
    stray = Ebm(nodes, [(nodes[0], object())], [0, 0, 0], [1.0], 1.0)
    with pytest.raises(NetlistError, match=r"edge 0 ends at .* not among its nodes"):
        from_thrml(stray)
    with pytest.raises(NetlistError, match="beta is 0"):
        from_thrml_arrays([0.0, 0], [[0, 1]], [1.0], 0.0)
    with pytest.raises(NetlistError, match="edges must be whole numbers"):
        from_thrml_arrays([0.0, 0], [[0, 0.5]], [1.0])


# --- files, told by their content ------------------------------------------------------------


def files():
    graph = toy_graph()
    model = random_model(RNG)
    yield "cut.txt", RUDY, "max-cut"
    yield "G22", RUDY, "max-cut"
    yield "with comment.rud", "# made by hand\n\n" + RUDY, "max-cut"
    yield "f.cnf", "c x\np cnf 2 1\n1 2 0\n", "sat"
    yield "formula", "p cnf 2 1\n1 2 0\n", "sat"
    yield "q.coo", "0 0 -1\n0 1 2.5\n", "ising"
    yield "q.txt", "0 0 -1.0\n0 1 2.5\n", "ising"
    yield "q2.txt", "# vartype=BINARY\n0 0 -1\n", "ising"
    yield "q.qubo", "c\np qubo 0 2 1 0\n0 0 -1\n", "ising"
    yield "b.json", write_bqm(model), "ising"
    yield "g.json", json.dumps(nx.node_link_data(graph, edges="links")), "max-cut"
    yield "g.gml", "\n".join(nx.generate_gml(graph)), "max-cut"
    yield "g.graphml", "\n".join(nx.generate_graphml(graph)), "max-cut"
    yield "g.xml", '<?xml version="1.0"?>\n' + "\n".join(nx.generate_graphml(graph)), "max-cut"


@pytest.mark.parametrize(("name", "text", "kind"), list(files()), ids=[f[0] for f in files()])
def test_files_are_told_by_their_content(tmp_path, name, text, kind):
    path = tmp_path / name
    path.write_text(text)
    model = read_model_or_netlist(path)
    assert model.problem.goal.kind == kind
    compile(path)
    if "json" not in name:
        with gzip.open(tmp_path / "z.gz", "wt") as file:
            file.write(text.replace("\n", "\r\n"))
        packed = read_model_or_netlist(tmp_path / "z.gz")
        np.testing.assert_array_equal(packed.J, model.J)


def test_npz_files(tmp_path):
    np.savez(tmp_path / "ours.npz", h=np.zeros(2), J=np.array([[0, 1], [1, 0]]))
    np.savez(tmp_path / "thrml.npz", biases=np.zeros(2), edges=[[0, 1]], weights=[0.5], beta=2.0)
    assert read_model_or_netlist(tmp_path / "ours.npz").J.tolist() == [1.0]
    assert read_model_or_netlist(tmp_path / "thrml.npz").kT == 0.5


def test_as_has_a_meaning_for_graphs_terms_and_circuits_only(tmp_path):
    path = tmp_path / "g.gml"
    path.write_text("\n".join(nx.generate_gml(toy_graph())))
    assert read_model_or_netlist(path, Options(as_="ising")).J.tolist() == [2, 1, -1.5]
    path = tmp_path / "f.cnf"
    path.write_text("p cnf 2 1\n1 2 0\n")
    with pytest.raises(UnsupportedError, match=r"--as ising has no meaning for it \(sat\)"):
        read_model_or_netlist(path, Options(as_="ising"))
    with pytest.raises(
        UnsupportedError, match="--as must be gates, ising, max-cut, qubo or qubo-max, got 'tsp'"
    ):
        Options(as_="tsp")


def test_unknown_export():
    with pytest.raises(UnsupportedError, match="choices are rudy, bqm, coo, dimacs"):
        export_ising(parse_rudy(RUDY), "mps", "x")


def test_gset_files_are_whole():
    folder = data_folder("gset")
    for name, n, m in (("G14", 800, 4694), ("G22", 2000, 19990), ("G55", 5000, 12498)):
        model = read_model_or_netlist(folder / f"{name}.txt")
        assert (model.n, model.n_couplings, model.problem.goal.total_weight) == (n, m, float(m))


def test_every_pair_of_small_formula_is_tried():
    """All formulas of two clauses of two literals on three variables."""
    literals = [v for v in (-3, -2, -1, 1, 2, 3)]
    clauses = [list(pair) for pair in itertools.combinations(literals, 2)]
    states = all_states(3)
    for a, b in itertools.combinations(clauses, 2):
        energy = from_clauses(3, [a, b]).energy(states)
        np.testing.assert_allclose(energy, violated([a, b], states), atol=1e-12)


JUNK = (b"nan", b"-1", b"1e999", b"null", b"[]", b"0", b"9" * 20, b'"x"', b"\xff", b"\n", b" ", b"1.5")


@pytest.mark.parametrize("name", [f[0] for f in files() if "." in f[0]] + ["m.npz"])
def test_damaged_files_give_one_line_or_a_model(tmp_path, name):
    """Bytes removed, inserted and overwritten at random: never a traceback."""
    path = tmp_path / name
    if name == "m.npz":
        np.savez(path, h=np.ones(3), row=[0, 1], col=[1, 2], J=[0.5, 2.0], kT=2.0)
        whole = path.read_bytes()
    else:
        whole = next(text for n, text, _ in files() if n == name).encode()
    rng = np.random.default_rng(len(name))
    refused = 0
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(rng.integers(1, 4)):
            at, length = int(rng.integers(len(content) + 1)), int(rng.integers(0, 5))
            content[at : at + length] = JUNK[rng.integers(len(JUNK))] if rng.random() < 0.7 else b""
        path.write_bytes(bytes(content))
        try:
            to_netlist(path)
        except ThermocError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 0


def test_a_formula_without_its_header_is_no_qubo(tmp_path):
    path = tmp_path / "f.cnf"
    path.write_text("1 2 0\n")
    with pytest.raises(FormatError, match="line 1: comes before the header"):
        read_ising(path)
