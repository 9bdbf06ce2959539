"""Problem files of many tools: what each says, and what a user must say where it does not."""

import gzip
import itertools
import struct
import tarfile

import networkx as nx
import numpy as np
import pytest
from toys.ising import all_states

from compiler.errors import FormatError, UnsupportedError
from compiler.formats.detect import Options, read_model_or_netlist
from compiler.formats.ising.dimacs import from_clauses, parse_wcnf, write_dimacs
from compiler.formats.ising.edge_files import parse_col, parse_metis
from compiler.formats.ising.graph import from_graph
from compiler.formats.ising.matrix_market import parse_matrix_market
from compiler.formats.ising.ommx import parse_ommx
from compiler.formats.ising.qubo import parse_qubo
from compiler.formats.ising.rudy import parse_rudy
from compiler.ir.container import load, save
from compiler.ir.goals import Formula, MaxCut

BITS = np.array(list(itertools.product((0, 1), repeat=3)), dtype=float)
SPINS = 2 * BITS - 1
Q = np.array([[1.0, -6.0, 0.5], [0.0, 3.0, -2.0], [0.0, 0.0, -1.0]])
DIAGONAL = "# n and terms\n3 6\n1 1 1\n1 2 -6\n1 3 0.5\n2 2 3\n2 3 -2\n3 3 -1\n"


def forms(matrix, x):
    """(k,) x' matrix x."""
    return np.einsum("ki,ij,kj->k", x, matrix, x)


# --- n m, i j q ------------------------------------------------------------------------------------


def test_terms_with_a_diagonal_are_what_the_user_says():
    np.testing.assert_allclose(parse_rudy(DIAGONAL, "qubo").energy(SPINS), forms(Q, BITS))
    off = Q - np.diag(np.diag(Q))
    whole = np.diag(np.diag(Q)) + off + off.T  # MQLib's matrix: each pair written once, counted twice
    np.testing.assert_allclose(parse_rudy(DIAGONAL, "qubo-max").energy(SPINS), -forms(whole, BITS))
    ising = -(SPINS @ np.diag(Q)) - forms(off, SPINS)
    np.testing.assert_allclose(parse_rudy(DIAGONAL, "ising").energy(SPINS), ising)
    with pytest.raises(FormatError, match=r"line 3: joins node 1 to itself.*--as qubo, qubo-max or ising"):
        parse_rudy(DIAGONAL)
    with pytest.raises(FormatError, match="joins node 1 to itself, which no cut can separate"):
        parse_rudy(DIAGONAL, "max-cut")
    assert parse_rudy(DIAGONAL, "qubo").names == ("1", "2", "3")
    zero = "3 6\n" + "".join(f"{i} {j} {Q[i, j]}\n" for i in range(3) for j in range(i, 3))
    counted = parse_rudy(zero, "qubo")
    np.testing.assert_allclose(counted.energy(SPINS), forms(Q, BITS))
    assert counted.names == ()
    with pytest.raises(FormatError, match="count from 0 or from 1"):
        parse_rudy("2 2\n0 1 1\n1 2 1\n", "qubo")


def test_a_list_without_a_header_is_what_the_user_says(tmp_path):
    text = "0 1 2\n1 2 -1\n"
    for ending, as_, goal in ((".txt", None, None), (".coo", None, "ising"), (".txt", "max-cut", "max-cut")):
        path = tmp_path / f"list{ending}"
        path.write_text(text)
        if goal is None:
            with pytest.raises(FormatError, match="--as qubo, ising or max-cut"):
                read_model_or_netlist(path)
        else:
            assert read_model_or_netlist(path, Options(as_=as_)).problem.goal.kind == goal
    assert parse_qubo(text, "ising").J.tolist() == [2, -1]
    spin = "# vartype=SPIN\n" + text
    (tmp_path / "spin.txt").write_text(spin)
    assert read_model_or_netlist(tmp_path / "spin.txt").J.tolist() == [-2, 1]  # dimod's plus signs
    with pytest.raises(FormatError, match="says vartype=SPIN"):
        parse_qubo(spin, "max-cut")


# --- MatrixMarket ----------------------------------------------------------------------------------

HEAD = "%%MatrixMarket matrix coordinate {} {}\n% a comment\n"
SYMMETRIC = HEAD.format("real", "symmetric") + "3 3 4\n1 1 5\n2 1 -6\n3 2 -1\n3 3 1\n"
WHOLE = np.array([[5.0, -6.0, 0.0], [-6.0, 0.0, -1.0], [0.0, -1.0, 1.0]])


def test_matrix_market():
    np.testing.assert_allclose(parse_matrix_market(SYMMETRIC, "qubo").energy(SPINS), forms(WHOLE, BITS))
    np.testing.assert_allclose(parse_matrix_market(SYMMETRIC, "qubo-max").energy(SPINS), -forms(WHOLE, BITS))
    model = parse_matrix_market(SYMMETRIC, "ising")
    assert model.h.tolist() == [5, 0, 1] and model.J.tolist() == [-6, -1]
    general = HEAD.format("integer", "general") + "3 3 3\n1 2 4\n2 1 3\n3 3 1\n"
    M = np.array([[0.0, 4, 0], [3, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(parse_matrix_market(general, "qubo").energy(SPINS), forms(M, BITS))
    np.testing.assert_allclose(parse_matrix_market(general, "qubo-max").energy(SPINS), -forms(M, BITS))
    both = HEAD.format("real", "general") + "2 2 2\n1 2 4\n2 1 4\n"
    assert parse_matrix_market(both, "max-cut").J.tolist() == [-4]
    dense = "%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3\n"
    assert parse_matrix_market(dense, "ising").h.tolist() == [1, 3]
    pattern = HEAD.format("pattern", "symmetric") + "3 3 2\n2 1\n3 2\n"
    graph = parse_matrix_market(pattern)
    assert isinstance(graph.problem.goal, MaxCut) and graph.problem.goal.total_weight == 2
    assert graph.names == ("1", "2", "3")


@pytest.mark.parametrize(
    ("text", "as_", "message"),
    [
        (SYMMETRIC, None, "--as qubo, ising or max-cut"),
        (SYMMETRIC, "max-cut", "joins node 1 to itself"),
        (HEAD.format("complex", "general") + "1 1 0\n", "qubo", "complex general"),
        (HEAD.format("real", "skew-symmetric") + "2 2 1\n2 1 1\n", "qubo", "skew-symmetric"),
        (HEAD.format("real", "general") + "2 3 1\n1 1 1\n", "qubo", "2 x 3"),
        (
            HEAD.format("real", "general") + "2 2 2\n1 2 4\n2 1 3\n",
            "ising",
            "neither symmetric nor a triangle",
        ),
        (HEAD.format("real", "general") + "2 2 1\n1 2 nan\n", "qubo", "finite"),
        (HEAD.format("real", "general") + "2 2 4\n1 2 1\n", "qubo", "is no MatrixMarket text"),
        (HEAD.format("real", "general") + "2 2 1\n1 2 99H9", "qubo", "line 4: '99H9' is no number"),
        (HEAD.format("real", "general") + "2 2 0\n", "qubo", "no entries"),
    ],
)
def test_bad_matrices(text, as_, message):
    with pytest.raises(FormatError, match=message):
        parse_matrix_market(text, as_, name="m.mtx")


# --- graphs of other tools -------------------------------------------------------------------------


def test_dimacs_graphs():
    text = "c a square, one edge both ways\np edge 4 4\ne 1 2\ne 2 1\ne 2 3\ne 3 4\ne 1 4\n"
    model = parse_col(text)
    assert model.n == 4 and model.J.tolist() == [-1] * 4 and model.names == ("1", "2", "3", "4")
    assert parse_col("p col 3 1\nn 1 2\ne 1 3 2.5\n", "ising").J.tolist() == [2.5]
    assert parse_col("p edge 2 2\ne 1 2\ne 2 1\n").J.tolist() == [-1]  # the header counts both ways
    for bad, message in (
        ("e 1 2\n", "before the header"),
        ("p edge 3 2\ne 1 2\n", "promises 2"),
        ("p edge 2 1\ne 1 3\n", "names node 3"),
        ("p edge 2 1\ne 1 1\n", "to itself"),
        ("p edge 2 1\nq 1 2\n", "is no line of this format"),
        ("p edge 2 2\ne 1 2 1\ne 2 1 3\n", "another weight"),
    ):
        with pytest.raises(FormatError, match=message):
            parse_col(bad)


def test_metis_graphs():
    """The manual's example, its weighted form, and a node without neighbours."""
    plain = "% comment\n7 11\n5 3 2\n1 3 4\n5 4 2 1\n2 3 6 7\n1 3 6\n5 4 7\n6 4\n"
    model = parse_metis(plain)
    assert model.n == 7 and model.n_couplings == 11 and set(model.J) == {-1}
    weighted = "3 2 011 2\n1 9 2 5\n2 8 1 5 3 -1\n3 7 2 -1\n"
    assert parse_metis(weighted).J.tolist() == [-5, 1]
    assert parse_metis("4 1 1\n2 7\n1 7\n\n\n", "ising").J.tolist() == [7]
    for bad, message in (
        ("2 1\n2\n\n", "both ends must"),
        ("2 1\n1 2\n1\n", "to itself"),
        ("2 2\n2\n1\n", "promises 2"),
        ("2 1 1\n2\n1 1\n", "come in pairs"),
        ("3 1\n2\n1\n", "promises 3 nodes"),
        ("2 1\n3\n1\n", "at most 2"),
        ("2 1 7\n2\n1\n", "three digits"),
    ):
        with pytest.raises(FormatError, match=message):
            parse_metis(bad)


def test_attributes_are_named_and_graphs_may_be_qubos(tmp_path):
    graph = nx.Graph()
    graph.add_node("a", bias=2.0)
    graph.add_node("b")
    graph.add_edge("a", "b", cost=-3.0)
    nx.write_graphml(graph, tmp_path / "g.graphml")
    nx.write_gml(graph, tmp_path / "g.gml")
    for name in ("g.graphml", "g.gml"):
        options = Options(as_="qubo", weight="cost", field="bias")
        model = read_model_or_netlist(tmp_path / name, options)
        bits = (all_states(2) + 1) / 2
        np.testing.assert_allclose(model.energy(all_states(2)), 2 * bits[:, 0] - 3 * bits[:, 0] * bits[:, 1])
        with pytest.raises(FormatError, match="say which it is"):
            read_model_or_netlist(tmp_path / name)
        with pytest.raises(FormatError, match=r"no node has the attribute 'size'; their numbers are bias"):
            read_model_or_netlist(tmp_path / name, Options(as_="ising", weight="cost", field="size"))
    assert from_graph(graph, "ising", weight="cost", field="bias").h.tolist() == [2, 0]
    (tmp_path / "t.txt").write_text("2 1\n1 2 1\n")
    with pytest.raises(UnsupportedError, match="--field is for GraphML"):
        read_model_or_netlist(tmp_path / "t.txt", Options(field="h"))


# --- weighted clauses ------------------------------------------------------------------------------

OLD = "c old\np wcnf 3 4 10\n10 1 2 0\n3 -1 0\n4.5 -2 3 0\n12 -3 0\n"
NEW = "c new\nh 1 2 0\n3 -1 0\n4.5 -2 3 0\nh -3 0\n"


@pytest.mark.parametrize("text", [OLD, NEW])
def test_weighted_clauses(text, tmp_path):
    model = parse_wcnf(text)
    clauses, weights = [[1, 2], [-1], [-2, 3], [-3]], [8.5, 3, 4.5, 8.5]
    goal = model.problem.goal
    assert goal.clauses == clauses and goal.weights.tolist() == weights and goal.top == 8.5
    states = all_states(model.n)
    cost = [
        sum(
            w
            for c, w in zip(clauses, weights, strict=True)
            if not any((s[abs(v) - 1] > 0) == (v > 0) for v in c)
        )
        for s in states
    ]
    np.testing.assert_allclose(model.energy(states), cost)
    np.testing.assert_allclose(goal.cost(states), cost)
    assert min(cost) == 3  # 1 true, 2 false: both musts hold
    # kept through the file of a netlist
    from compiler.families.ising import lower_ising

    net = lower_ising(model, sweeps=10)
    save(net, tmp_path / "n.tnl")
    again = load(tmp_path / "n.tnl").problem.goal
    np.testing.assert_array_equal(again.weights, goal.weights)
    assert again.top == goal.top
    with pytest.raises(UnsupportedError, match="weights"):
        write_dimacs(model)


def test_weights_of_long_clauses_and_empty_ones():
    clauses = [[1, 2, 3, -4], [-1, -2, -3], [4], [2, -2]]
    model = from_clauses(4, clauses, weights=[2.5, 7.0, 0.5, 100.0])
    goal: Formula = model.problem.goal
    rest = model.n - 4
    for s in all_states(4):
        each = np.concatenate([np.tile(s, (2**rest, 1)), all_states(rest)], axis=1)
        assert model.energy(each).min() == pytest.approx(goal.cost(each)[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p wcnf 2 2 5\n1 1 0\n", "promises 2"),
        ("p wcnf 2 1 5\n1 3 0\n", "names variable 3"),
        ("p wcnf 2 1 5\n-1 1 0\n", "at least 0"),
        ("1 1 2\n", "a clause is a line"),
        ("p cnf 2 1\n1 0\n", "the header is one line 'p wcnf"),
        ("0 1 0\n", "no clause with a weight"),
        ("2 x 0\n", "is no literal"),
    ],
)
def test_bad_weighted_clauses(text, message):
    with pytest.raises(FormatError, match=message):
        parse_wcnf(text)


# --- OMMX ------------------------------------------------------------------------------------------

# made by ommx 2.9.3: binary x[3], x[5], x[8]; maximise 2 x3 - x5 + 3 x3 x8 + 1.5
OMMX = bytes.fromhex(
    "1215080310011a0911000000000000f03f2201782a01031215080510011a0911000000000000f03f2201782a01051215080810011a09"
    "11000000000000f03f2201782a01081a371a350a01031201081a08000000000000084022230a0b080511000000000000f0bf0a0b0803"
    "11000000000000004011000000000000f83f28023a00"
)


def test_ommx(tmp_path):
    model = parse_ommx(OMMX)
    a, b, c = BITS.T
    np.testing.assert_allclose(model.energy(SPINS), -(2 * a - b + 3 * a * c + 1.5))
    assert model.names == ("x[3]", "x[5]", "x[8]") and model.vartype == "binary"
    for damaged in (OMMX[:-30], b"\x07\x07", OMMX + b"\xff"):
        with pytest.raises(FormatError, match="no OMMX instance"):
            parse_ommx(damaged, name="x.ommx")
    with pytest.raises(FormatError, match="1 constraints"):
        parse_ommx(OMMX + bytes([0x22, 0]))
    with pytest.raises(FormatError, match="variable 3 is not binary"):
        parse_ommx(OMMX.replace(b"\x08\x03\x10\x01", b"\x08\x03\x10\x02"))
    (tmp_path / "raw.ommx").write_bytes(OMMX)
    assert read_model_or_netlist(tmp_path / "raw.ommx").n == 3


def test_ommx_products_of_three():
    """Maximise 3 x3 x5 - 2 x3 x5 x8, the instance's objective replaced."""
    two = b"\x0a\x0d\x0a\x02\x03\x05\x11" + struct.pack("<d", 3.0)
    three = b"\x0a\x0e\x0a\x03\x03\x05\x08\x11" + struct.pack("<d", -2.0)
    polynomial = two + three
    function = b"\x22" + bytes([len(polynomial)]) + polynomial
    at = OMMX.index(b"\x1a\x37")
    model = parse_ommx(OMMX[:at] + b"\x1a" + bytes([len(function)]) + function + OMMX[at + 2 + 0x37 :])
    a, b, c = BITS.T
    assert model.names == ("x[3]", "x[5]", "x[8]", "auxiliary 1")
    states = np.concatenate([np.insert(SPINS, 3, w, axis=1) for w in (-1, 1)])
    least = model.energy(states).reshape(2, -1).min(axis=0)
    np.testing.assert_allclose(least, -(3 * a * b - 2 * a * b * c), atol=1e-12)


def test_ommx_archives(tmp_path):
    import json

    media = "application/org.ommx.v1.instance"
    blobs = {"aa": OMMX, "bb": json.dumps({"layers": [{"mediaType": media, "digest": "sha256:aa"}]}).encode()}
    index = json.dumps({"manifests": [{"digest": "sha256:bb"}]}).encode()
    path = tmp_path / "a.ommx"

    def write(entries):
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
            for name, data in entries.items():
                (tmp_path / "part").write_bytes(data)
                archive.add(tmp_path / "part", name)

    named = {f"blobs/sha256/{k}": v for k, v in blobs.items()}
    write(named | {"index.json": index})
    assert read_model_or_netlist(path).names == ("x[3]", "x[5]", "x[8]")
    write(named)
    with pytest.raises(FormatError, match="no OMMX archive"):
        read_model_or_netlist(path)


# --- told apart ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "as_", "kind"),
    [
        ("g.txt", "2 1\n1 2 3\n", None, "max-cut"),
        ("g", "2 1\n1 2 3\n", None, "max-cut"),
        ("g.col", "p edge 2 1\ne 1 2\n", None, "max-cut"),
        ("g.clq", "c x\np col 2 1\ne 1 2\n", "qubo", "ising"),
        ("g.graph", "2 1\n2\n1\n", None, "max-cut"),
        ("g.metis", "2 1 1\n2 5\n1 5\n", "ising", "ising"),
        ("m.mtx", SYMMETRIC, "qubo", "ising"),
        ("w.wcnf", OLD, None, "sat"),
        ("w.wcnf", NEW, None, "sat"),
        ("w.wcnf", "1 2 0\n", None, "sat"),
        ("w.cnf", OLD, None, "sat"),
        ("f.cnf", "p cnf 2 1\n1 2 0\n", None, "sat"),
        ("q.txt", DIAGONAL, "qubo-max", "ising"),
    ],
)
def test_files_are_told_by_content_and_ending(name, text, as_, kind, tmp_path):
    (tmp_path / name).write_text(text)
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    one, two = (read_model_or_netlist(p, Options(as_=as_)) for p in (tmp_path / name, packed))
    assert one.problem.goal.kind == kind
    np.testing.assert_array_equal(one.energy(all_states(one.n)), two.energy(all_states(one.n)))
