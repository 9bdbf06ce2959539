"""The Ising model: its energy, its signs, its rules, its way to p-bits and back."""

import math
from dataclasses import replace

import numpy as np
import pytest
from toys.ising import all_states, random_model, slow_energy

from compiler.api import compile, to_netlist
from compiler.errors import NetlistError, UnsupportedError
from compiler.families.clamp import clamp_spins
from compiler.families.ising import IsingModel, anneal_range, from_edges, lower_ising
from compiler.families.ising_graphs import boltzmann_machine, grid_ebm, grid_graph, hopfield_memory
from compiler.families.ising_summary import ising_summary
from compiler.families.quadratic import from_quadratic, to_quadratic
from compiler.families.store import load_model, save_model
from compiler.formats.ising.files import to_ising
from compiler.ir.container import load, save
from compiler.ir.goals import Boltzmann, Circuit, Formula, MaxCut
from compiler.ir.kinds import dump, equal, parse, verify
from compiler.ir.langevin import CellKind, CouplingKind, Couplings
from compiler.ir.problem import Problem
from compiler.ir.problem_parts import problem_parts
from compiler.ir.symmetry import is_gradient

RNG = np.random.default_rng(5)


def same(a: IsingModel, b: IsingModel) -> bool:
    return all(np.array_equal(getattr(a, k), getattr(b, k)) for k in ("h", "row", "col", "J")) and (
        (a.kT, a.labels, dict(a.meta), _problem(a)) == (b.kT, b.labels, dict(b.meta), _problem(b))
    )


def _problem(model: IsingModel):
    facts, arrays = problem_parts(model.problem)
    return facts, {name: array.tolist() for name, array in arrays.items()}


# --- energy and signs ------------------------------------------------------------------------


def test_energy_is_its_definition():
    model = random_model(RNG)
    states = all_states(model.n)
    want = [slow_energy(model, s) for s in states]
    np.testing.assert_allclose(model.energy(states), want, atol=1e-12)
    assert model.energy(states[3]) == pytest.approx(want[3])
    assert model.energy(states.reshape(4, -1, model.n)).shape == (4, 16)
    assert model.degree().sum() == 2 * model.n_couplings


def test_invertible_and_of_the_literature():
    """J_AB = -1, J_AC = J_BC = 2, h = (1, 1, -2): valid states at -3, the others at 1, 1, 1, 9."""
    model = from_edges([1, 1, -2], [0, 0, 1], [1, 2, 2], [-1, 2, 2])
    states = all_states(3)
    valid = (states[:, 2] > 0) == ((states[:, 0] > 0) & (states[:, 1] > 0))
    energy = model.energy(states)
    assert energy[valid].tolist() == [-3] * 4
    assert sorted(energy[~valid].tolist()) == [1, 1, 1, 9]


def test_dimod_signs_and_qubo_of_the_reference():
    """dimod SPIN h = (1, -1), J = 2, offset 0.5 is the QUBO diag(-2, -6), 8, offset 2.5."""
    model = from_quadratic([1, -1], [0], [1], [2], offset=0.5)
    assert (model.h.tolist(), model.J.tolist(), model.offset) == ([-1, 1], [-2], 0.5)
    q = to_quadratic(model, "binary")
    assert (q.linear.tolist(), q.quadratic.tolist(), q.offset) == ([-2, -6], [8], 2.5)
    back = from_quadratic(q.linear, q.row, q.col, q.quadratic, offset=q.offset, vartype="binary")
    np.testing.assert_allclose(back.energy(all_states(2)), model.energy(all_states(2)))


@pytest.mark.parametrize("vartype", ["spin", "binary"])
def test_quadratic_models_keep_every_energy(vartype):
    states = all_states(5)
    v = states if vartype == "spin" else (states + 1) // 2
    a, b = RNG.normal(size=5), RNG.normal(size=8)
    i, j = RNG.integers(0, 5, (2, 8))  # repeats, both directions, own pairs
    model = from_quadratic(a, i, j, b, offset=0.7, vartype=vartype)
    want = 0.7 + v @ a + (v[:, i] * v[:, j]) @ b
    np.testing.assert_allclose(model.energy(states), want, atol=1e-12)
    for wanted in ("spin", "binary"):
        q = to_quadratic(model, wanted)
        w = states if wanted == "spin" else (states + 1) // 2
        got = q.offset + w @ q.linear + (w[:, q.row] * w[:, q.col]) @ q.quadratic
        np.testing.assert_allclose(got, want, atol=1e-12)


def test_edges_in_any_order_add_up():
    model = from_edges([0, 0, 0], [2, 0, 1, 0], [0, 2, 0, 2], [1.0, 0.5, -1.0, 0.25])
    assert (model.row.tolist(), model.col.tolist()) == ([0, 0], [1, 2])
    assert model.J.tolist() == [-1.0, 1.75]
    lone = from_edges([0.5], [], [], [])
    assert lone.n_couplings == 0 and lone.energy([[1], [-1]]).tolist() == [-0.5, 0.5]


# --- rules -----------------------------------------------------------------------------------


def meaning(model, goal):
    return replace(model, problem=replace(model.problem, goal=goal))


def raw(**changes):
    parts = {
        "h": np.zeros(3),
        "row": np.array([0, 1], np.int32),
        "col": np.array([1, 2], np.int32),
        "J": np.ones(2),
    }
    told = {k: changes.pop(k) for k in ("goal", "offset", "vartype", "names") if k in changes}
    return lambda: IsingModel(**(parts | changes), problem=Problem(**told))


def edges(*arguments, **facts):
    return lambda: from_edges(*arguments, **facts)


BAD = {
    "no spins": (edges([], [], [], []), "h has shape (0,)"),
    "matrix of fields": (edges(np.zeros((2, 2)), [], [], []), "h has shape (2, 2)"),
    "field": (edges([0, math.nan], [], [], []), "spin 1 has the field nan"),
    "named": (edges([0, math.inf], [], [], [], names=("a", "b")), "spin 'b' has the field inf"),
    "coupling": (edges([0, 0], [0], [1], [math.nan]), "coupling (0, 1) has the weight nan"),
    "self": (edges([0, 0], [1], [1], [1]), "spin 1 couples to itself"),
    "unknown": (edges([0, 0], [0], [2], [1]), "names a spin that does not exist; spins are 0 to 1"),
    "negative": (edges([0, 0], [-1], [1], [1]), "(-1, 1) names a spin that does not exist"),
    "huge": (edges([0, 0], [0], [1 << 40], [1]), "names a spin that does not exist"),
    "lengths": (edges([0, 0], [0], [1, 1], [1]), "col has shape (2,) and row (1,)"),
    "twice": (
        raw(row=np.array([0, 0], np.int32), col=np.array([1, 1], np.int32)),
        "coupling (0, 1) is given twice",
    ),
    "order": (
        raw(row=np.array([1, 0], np.int32), col=np.array([2, 1], np.int32)),
        "coupling (0, 1) is out of order",
    ),
    "lower": (raw(row=np.array([1, 1], np.int32), col=np.array([0, 2], np.int32)), "(1, 0) is out"),
    "real rows": (raw(row=np.array([0.0, 1.0])), "row must be an array of integer numbers"),
    "whole J": (raw(J=np.array([1, 2])), "J must be an array of floating numbers"),
    "kT 0": (raw(kT=0.0), "kT is 0; a temperature must be above 0"),
    "kT nan": (raw(kT=math.nan), "kT is nan"),
    "offset": (raw(offset=math.inf), "offset is inf"),
    "vartype": (raw(vartype="qubit"), "vartype must be spin or binary, got 'qubit'"),
    "names": (raw(names=("a",)), "1 names for 3 spins"),
    "same names": (raw(names=("a", "b", "a")), "two spins are called 'a'"),
    "problem": (raw(goal="tsp"), "problem kind must be one of"),
    "visible": (raw(goal=Boltzmann(4)), "from 1 to 3, got 4"),
    "weight": (
        raw(goal=MaxCut(*np.array([[0], [2]], np.int32), np.array([math.nan]))),
        "edge 0 of the graph",
    ),
    "variables": (raw(goal=Formula.of(9, [])), "9 variables need"),
    "clause": (raw(goal=Formula.of(2, [[1], [3]])), "clause [3] must be of literals 1 to 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_models_are_named(name):
    build, message = BAD[name]
    with pytest.raises(NetlistError) as caught:
        build()
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_states_of_another_size():
    with pytest.raises(NetlistError, match="must have 6 spins in their last axis"):
        random_model(RNG).energy(np.ones((2, 5)))


# --- to p-bits and back ----------------------------------------------------------------------


def test_p_bits_round_trip_through_text_container_and_store(tmp_path):
    facts = {
        "names": tuple("abcdef"),
        "vartype": "binary",
        "kT": 0.3,
        "goal": Boltzmann(4),
        "meta": {"source": "test"},
    }
    model = random_model(RNG, **facts)
    netlist = lower_ising(model)
    verify(netlist)
    assert equal(parse(dump(netlist)), netlist)
    save(netlist, tmp_path / "n.tnl")
    assert equal(load(tmp_path / "n.tnl"), netlist)
    assert same(to_ising(load(tmp_path / "n.tnl")), model)
    save_model(model, tmp_path / "m.safetensors")
    assert same(load_model(tmp_path / "m.safetensors"), model)
    assert equal(to_netlist(tmp_path / "m.safetensors"), netlist)


def test_the_forces_of_the_netlist_are_those_of_the_energy():
    """The force on a p-bit, h + sum W s, is half the energy that its flip costs."""
    model = random_model(RNG)
    netlist = lower_ising(model)
    (c,) = netlist.couplings
    assert (netlist.cells.kind == CellKind.PBIT).all() and is_gradient(netlist)
    for s in all_states(model.n)[::7].astype(float):
        for i in range(model.n):
            row = slice(c.indptr[i], c.indptr[i + 1])
            force = netlist.cells.h[i] + c.weight[row] @ s[c.indices[row]]
            flipped = s.copy()
            flipped[i] = -s[i]
            assert model.energy(flipped) - model.energy(s) == pytest.approx(2 * s[i] * force)


def test_schedules():
    model = random_model(RNG)
    (anneal,) = lower_ising(model, sweeps=70, kT=(3, 0.5)).schedule
    assert (anneal.name, anneal.duration, anneal.kT) == ("anneal", 70.0, (3.0, 0.5))
    netlist = lower_ising(model, sample=True, sweeps=50)
    assert [(p.name, p.duration, p.kT) for p in netlist.schedule] == [
        ("burn-in", 200.0, None),
        ("sample", 50.0, None),
    ]
    assert netlist.readout.phase == "sample" and netlist.dt == 1.0
    machine = meaning(model, Boltzmann(2))
    netlist = lower_ising(machine)
    assert netlist.schedule[-1].name == "sample"
    assert [(g.name, g.start, g.stop) for g in netlist.groups] == [("visible", 0, 2), ("hidden", 2, 6)]
    assert lower_ising(machine, sample=False).schedule[0].name == "anneal"
    assert ising_summary(netlist)["phase_sample"] == "1,000 sweeps, kT 1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sweeps": 0}, "sweeps must be a whole number of at least 1, got 0"),
        ({"sweeps": 2.5}, "got 2.5"),
        ({"kT": (0.1, 1)}, "hot >= cold >= 0"),
        ({"kT": (math.nan, 1)}, "hot >= cold >= 0"),
        ({"kT": (1, -1)}, "hot >= cold >= 0"),
        ({"kT": (1, 0.1), "sample": True}, "a sampling run has one temperature"),
    ],
)
def test_bad_schedules(arguments, message):
    with pytest.raises(UnsupportedError, match=message):
        lower_ising(random_model(RNG), **arguments)


def test_ramp_follows_the_unit_of_energy():
    model = random_model(RNG)
    hot, cold = anneal_range(model)
    assert hot > cold > 0
    scaled = replace(model, h=8 * model.h, J=8 * model.J)
    assert anneal_range(scaled) == pytest.approx((8 * hot, 8 * cold))
    gapped = meaning(model, Circuit(np.zeros(0, np.int32), np.zeros(0, np.int32), 2.0))
    assert anneal_range(gapped) == (0.9, 0.7)
    formula = meaning(model, Formula.of(6, [[1]]))
    assert anneal_range(formula) == (0.3, 0.25)
    assert lower_ising(formula).schedule[0].duration == 20000
    free = from_edges([0.0, 0.0], [], [], [], kT=0.7)
    assert anneal_range(free) == (0.7, 0.7)
    verify(lower_ising(free))


def test_what_is_no_ising_model():
    netlist = lower_ising(random_model(RNG))
    with pytest.raises(UnsupportedError, match="cell 0 is continuous"):
        to_ising(netlist.with_(cells=replace(netlist.cells, kind=netlist.cells.kind * 0)))
    with pytest.raises(UnsupportedError, match="cell 0 is an input"):
        to_ising(netlist.with_(cells=replace(netlist.cells, role=netlist.cells.role + 1)))
    lopsided = Couplings.from_coo(CouplingKind.LINEAR, 6, [0], [1], [1.0])
    with pytest.raises(UnsupportedError, match=r"coupling \(0, 1\) is 1 but \(1, 0\) is 0"):
        to_ising(netlist.with_(couplings=(lopsided,)))
    with pytest.raises(UnsupportedError, match="tolerance: an Ising model takes sweeps"):
        compile(random_model(RNG), tolerance=0.1)


# --- clamping --------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [False, True])
def test_clamped_spins_keep_the_energies_of_the_rest(fields):
    model = random_model(RNG)
    clamped = clamp_spins(model, {1: -1, 4: 1}, fields=fields)
    states = all_states(model.n)
    obey = states[(states[:, 1] == -1) & (states[:, 4] == 1)]
    left = obey if fields else np.delete(obey, [1, 4], axis=1)
    np.testing.assert_allclose(clamped.energy(left), model.energy(obey), atol=1e-12)
    if fields:  # breaking a clamp never pays
        energy = clamped.energy(states)
        mended = states.copy()
        mended[:, 1], mended[:, 4] = -1, 1
        assert (energy >= clamped.energy(mended) - 1e-12).all()
        assert energy[(states != mended).any(1)].min() > energy.min() + 1


def test_bad_clamps():
    model = random_model(RNG)
    with pytest.raises(NetlistError, match="spin 6 does not exist"):
        clamp_spins(model, {6: 1})
    with pytest.raises(NetlistError, match="held at -1 or \\+1, got 0"):
        clamp_spins(model, {0: 0})
    with pytest.raises(NetlistError, match="nothing is left to sample"):
        clamp_spins(model, dict.fromkeys(range(6), 1))


def test_long_lists_are_cut_for_printing():
    model = random_model(RNG, names=tuple("abcdef"), vartype="binary")
    assert "\n  names a b ...4\n" in dump(lower_ising(model), limit=2)


# --- constructions ---------------------------------------------------------------------------


def test_boltzmann_machine_is_its_matrix():
    J = np.array([[0, 1, 0], [1, 0, -0.5], [0, -0.5, 0]])
    b = np.array([0.1, -0.2, 0.3])
    model = boltzmann_machine(J, b, visible=2, kT=0.5)
    states = all_states(3).astype(float)
    want = -states @ b - np.einsum("si,ij,sj->s", states, J, states) / 2
    np.testing.assert_allclose(model.energy(states), want)
    assert (model.n_visible, model.kT) == (2, 0.5)
    for wrong, message in (
        (J + np.eye(3), "couples to itself"),
        (np.triu(J), "make it symmetric"),
        (J[:2], "must be"),
    ):
        with pytest.raises(NetlistError, match=message):
            boltzmann_machine(wrong)


def test_hopfield_memory_keeps_its_patterns():
    """Every stored pattern is a local minimum, and a corrupted one descends to it."""
    patterns = np.random.default_rng(0).choice([-1, 1], (4, 120))
    model = hopfield_memory(patterns)
    weights = np.zeros((120, 120))
    weights[model.row, model.col] = model.J
    weights += weights.T
    assert (np.sign(patterns @ weights) == patterns).all()
    start = patterns[2].copy()
    start[:20] *= -1
    for _ in range(10):
        start = np.sign(weights @ start)
    assert (start == patterns[2]).all()
    orthogonal = np.array([[1, 1, 1, 1], [1, -1, 1, -1]])
    np.testing.assert_allclose(hopfield_memory(orthogonal).energy(orthogonal), -(4 - 2) / 2)
    with pytest.raises(NetlistError, match="of -1 and \\+1"):
        hopfield_memory([[0, 1]])


@pytest.mark.parametrize(("rule", "degree"), [("square", 4), ("g8", 8), ("g12", 12), ("G16", 16)])
def test_grids_are_bipartite_with_their_degree(rule, degree):
    edges, colour = grid_graph(40, rule)
    assert (colour[edges[:, 0]] != colour[edges[:, 1]]).all()
    assert np.bincount(edges.ravel()).max() == degree
    middle = 20 * 40 + 20  # far from the border: all neighbours are there
    assert (edges == middle).sum() == degree
    assert len(np.unique(edges, axis=0)) == len(edges)


def test_grid_rule_of_the_paper_by_hand():
    """(4, 1) joins (r, c) to (r + 4, c + 1), (r - 1, c + 4), (r - 4, c - 1), (r + 1, c - 4)."""
    edges, _ = grid_graph(9, [(4, 1)])
    here = 4 * 9 + 4
    ends = edges[(edges == here).any(1)].sum(1) - here
    assert sorted(ends.tolist()) == sorted([8 * 9 + 5, 3 * 9 + 8, 0 * 9 + 3, 5 * 9 + 0])
    model = grid_ebm(9, [(4, 1)], bias=0.5, weight=-1.0, visible=30)
    assert model.n_couplings == len(edges) and model.n_visible == 30
    verify(lower_ising(model))


def test_bad_grids():
    with pytest.raises(NetlistError, match="rule 'g9' is unknown"):
        grid_graph(5, "g9")
    with pytest.raises(NetlistError, match=r"offset \(1, 1\) joins nodes of one colour"):
        grid_graph(5, [(0, 1), (1, 1)])
    with pytest.raises(NetlistError, match="side must be at least 2"):
        grid_graph(1)
