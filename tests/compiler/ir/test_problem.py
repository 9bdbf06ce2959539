"""Problems of netlists and what passes did: rules, text, files, and files of version 1."""

import copy
import pickle
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toys.ising import all_states, random_model

from compiler.errors import FormatError, NetlistError
from compiler.families.clamp import clamp_named, clamp_spins
from compiler.families.ising import from_edges, lower_ising
from compiler.families.ising_summary import ising_summary
from compiler.families.store import load_model, save_model
from compiler.formats.ising.dimacs import from_clauses, parse_dimacs, write_dimacs
from compiler.formats.ising.files import to_ising
from compiler.formats.ising.rudy import parse_rudy
from compiler.ir.container import load, save
from compiler.ir.facts import Facts
from compiler.ir.goals import Boltzmann, Circuit, Formula, Grid, MaxCut, Polynomial
from compiler.ir.kinds import difference, dump, equal, parse, verify
from compiler.ir.lowered import Embedded, Logical, Lowered, Placement, Wells
from compiler.ir.problem import Problem
from compiler.ir.problem_parts import pack_names, unpack_names
from compiler.passes.langevin import limit_degree, quantize_couplings, select_cells
from compiler.passes.spins.model import decode, logical_netlist
from compiler.passes.spins.scale import gauge
from compiler.passes.units import change_units
from hw_models.targets import TARGETS

GOLDEN = Path(__file__).parent / "golden"
RNG = np.random.default_rng(3)


def ids(*values):
    return np.array(values, np.int32)


GOALS = {
    "ising": Problem(offset=-0.0, names=("a b", "", "é\n", "\ud800")),
    "cut": Problem(MaxCut(ids(0, 0, 2), ids(1, 2, 3), np.array([1.0, 1.0, -0.25])), 2.5),
    "polynomial": Problem(Polynomial.of(3, [[0], [0, 1, 2], [2, 1]], [1e300, -0.5, 0.1]), 0.25, "spin"),
    "formula": Problem(Formula.of(3, [[1, -2], [], [3, 2, -1]]), 1e-300, "binary", tuple("wxyz")),
    "circuit": Problem(Circuit(ids(0, 1), ids(3), 0.5), names=("a", "b", "#2", "c")),
    "grid": Problem(Boltzmann(2, Grid(ids(3, 1, 0, 2), (2, 2))), vartype="binary"),
    "held": Problem(
        MaxCut(ids(0, 4), ids(1, 5), np.ones(2)),
        spin=ids(0, -1, 1, 2, -1, 3),
        held=np.array([0, -1, 1, 0, 1, 0], np.int8),
    ),
}
WHOLE = Lowered(
    Logical(np.array([0.5, -1.0]), ids(0), ids(1), np.array([2.0])),
    Placement("king(3, 3)", ids(0, 1, 4, 5)),
    Embedded(np.array([0, 1, 4]), ids(2, 0, 1, 3), 1.5),
    np.array([1, -1, -1, 1], np.int8),
    Wells(4.0, 4.0, 1.0, 0.1, 0.09, 5.0, True),
    0.25,
    2.0,
)


def meaning(name):
    netlist = lower_ising(random_model(RNG, 4, 5))
    return netlist.with_(problem=GOALS[name])


# --- text and files ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOALS)
def test_problems_go_through_text_and_container(name, tmp_path):
    netlist = meaning(name)
    verify(netlist)
    text = dump(netlist)
    assert f"\nproblem {netlist.problem.goal.kind}\n" in text
    assert dump(parse(text)) == text and equal(parse(text), netlist)
    save(netlist, tmp_path / "n.tnl")
    again = load(tmp_path / "n.tnl")
    assert equal(again, netlist) and again.problem.names == netlist.problem.names
    save(again, tmp_path / "m.tnl")
    assert (tmp_path / "m.tnl").read_bytes() == (tmp_path / "n.tnl").read_bytes()
    assert difference(netlist, netlist.with_(problem=None)) == "problem"
    assert (
        difference(netlist, netlist.with_(problem=replace(netlist.problem, offset=9.0))) == "problem.offset"
    )


def test_what_passes_did_goes_through_text_and_container(tmp_path):
    netlist = lower_ising(random_model(RNG, 4, 5)).with_(problem=None, lowered=WHOLE)
    verify(netlist)
    text = dump(netlist)
    assert "\nwells\n" in text and "\nenergy_scale 0.25\n" in text and "\n  chain 0..1 3\n" in text
    assert dump(parse(text)) == text and equal(parse(text), netlist)
    save(netlist, tmp_path / "n.tnl")
    assert equal(load(tmp_path / "n.tnl"), netlist)
    other = netlist.with_(lowered=WHOLE.with_(gauge=-WHOLE.gauge))
    assert difference(netlist, other) == "lowered.gauge"


def test_models_keep_their_problem_in_files(tmp_path):
    for name, problem in GOALS.items():
        if name == "ising":
            problem = replace(problem, names=tuple("abcd"))  # JSON of a model's file is UTF-8
        model = replace(random_model(RNG, 4, 5), problem=problem)
        save_model(model, tmp_path / "m.safetensors")
        again = load_model(tmp_path / "m.safetensors")
        assert equal(lower_ising(again), lower_ising(model))


def test_a_limit_cuts_problems_short():
    netlist = lower_ising(from_clauses(40, [[k + 1, k + 2, -k - 3] for k in range(30)]))
    text = dump(netlist, limit=3)
    assert "  clause 3 4 -5\n  clause ...27\n" in text and '  names "1" "2" "3" ...67\n' in text
    with pytest.raises(FormatError, match="leaves values out"):
        parse(text[: text.index("\ncouplings")] + text[text.index("\nphase") :])


def test_bad_texts_of_problems():
    text = dump(meaning("cut"))
    for old, new, message in (
        ("problem max-cut", "problem tsp", "problem kind must be one of"),
        ("  vartype spin\n", "", "needs a line `vartype`"),
        ("  row ", "  raw ", "'raw' is unknown or given twice"),
        ("  col 1..3", "  col 1..2 9", "names a node that does not exist"),
        ("  col 1..3", "  col 1..9999999999", "are no ids of cells, spins or nets"),
        ("  offset 2.5", "  offset nan", "offset is nan"),
    ):
        assert old in text
        with pytest.raises(FormatError, match=message):
            parse(text.replace(old, new, 1))


def test_names_as_bytes():
    for names in ((), ("",), ("a", "", "ß"), tuple(map(str, range(1000)))):
        assert unpack_names(*pack_names(names)) == names
    content, ends = pack_names(("ab", "c"))
    for bad in (ends[::-1], ends - 3, ends + 1):
        with pytest.raises(ValueError):
            unpack_names(content, bad)


# --- rules ---------------------------------------------------------------------------------------

BAD = {
    "row": (Problem(MaxCut(np.zeros(1), ids(1), np.ones(1))), "row and col must be int32"),
    "edge": (Problem(MaxCut(ids(0), ids(4), np.ones(1))), "nodes are 0 to 3"),
    "spin": (Problem(spin=ids(0, 1, 2, 2)), "must name each of the 4 spins once"),
    "taken": (Problem(spin=ids(0, 1, 2, 3, -1)), "taken out must be held at -1 or"),
    "held": (Problem(held=np.array([2, 0, 0, 0], np.int8)), "held must be 4 int8 values"),
    "names": (Problem(names=("a",)), "1 names for 4 spins"),
    "gap": (Problem(Circuit(ids(), ids(), 0.0)), "gap must be a finite number above 0"),
    "output": (Problem(Circuit(ids(), ids(7))), "an output of the circuit names a variable"),
    "grid": (Problem(Boltzmann(1, Grid(ids(0, 0, 1, 2), (2, 2)))), "a place of its own in 2 x 2"),
    "clause": (Problem(Formula(2, np.array([0, 2]), ids(1, 3))), r"clause \[1, 3\] must be of literals"),
    "member": (Problem(Polynomial.of(2, [[0, 2]], [1.0])), "names a variable that does not exist"),
    "twice": (Problem(Polynomial.of(2, [[0, 1], [1, 1]], [1.0, 1.0])), "a product names a variable twice"),
    "weight": (Problem(Polynomial.of(2, [[0, 1]], [np.nan])), "1 finite float64 numbers"),
    "ends": (Problem(Formula(2, np.array([0, 3]), ids(1, 2))), "rise from 0 to its 2 literals"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_problems(name):
    problem, message = BAD[name]
    with pytest.raises(NetlistError, match=message):
        verify(lower_ising(random_model(RNG, 4, 5)).with_(problem=problem))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy_scale": 0.0}, "energy_scale must be a finite number above 0"),
        ({"gauge": np.array([1, 0, 1, 1], np.int8)}, "gauge must be 4 int8 values"),
        ({"placement": Placement("x", ids(0, 1, 1, 2))}, "does not give each of the 4 cells a node"),
        ({"embedded": Embedded(np.array([0, 1, 4]), ids(0, 0, 1, 3), 1.0)}, "hold each of the 4 cells once"),
        ({"embedded": Embedded(np.array([0, 0, 4]), ids(0, 1, 2, 3), 1.0)}, "must have a cell each"),
        ({"logical": None}, "stand for a model, which is missing"),
        ({"logical": replace(WHOLE.logical, h=np.zeros(3))}, "h must be 2 finite float64 values"),
        ({"logical": replace(WHOLE.logical, row=ids(1))}, "pairs row < col of its spins"),
        ({"wells": replace(WHOLE.wells, sweep=-1.0)}, "wells: sweep must be above 0"),
    ],
)
def test_bad_notes(changes, message):
    netlist = lower_ising(random_model(RNG, 4, 5)).with_(problem=None)
    with pytest.raises(NetlistError, match=message):
        verify(netlist.with_(lowered=WHOLE.with_(**changes)))


# --- answers come from the state and the problem -------------------------------------------------


def test_cuts_and_clauses_are_counted():
    cut = parse_rudy("4 4\n1 2 3\n2 3 -1\n3 4 2.5\n1 4 1\n").problem.goal
    states = all_states(4)
    edges = [(0, 1, 3.0), (1, 2, -1.0), (2, 3, 2.5), (0, 3, 1.0)]
    want = [sum(w for i, j, w in edges if s[i] != s[j]) for s in states]
    np.testing.assert_allclose(cut.cut(states), want)
    clauses = [[1, -2], [2, 3, -1], [], [4], [-4, -4]]
    formula = Formula.of(4, clauses)
    true = [sum(any((s[abs(v) - 1] > 0) == (v > 0) for v in c) for c in clauses) for s in states]
    assert formula.satisfied(states).tolist() == true and formula.clauses == clauses


@pytest.mark.parametrize("fields", [False, True])
def test_clamped_variables_stay_in_the_problem(fields):
    text = "5 6\n" + "".join(f"{i} {j} 1\n" for i, j in ((1, 2), (2, 3), (3, 4), (4, 5), (1, 5), (1, 3)))
    free = parse_rudy(text)
    model = clamp_spins(free, {1: 1}, fields=fields)
    model = clamp_spins(model, {0: 1}, fields=fields)
    assert model.names == (free.names if fields else ("3", "4", "5"))
    states = all_states(5)[24:]  # the first two are +1
    spins = states if fields else states[:, 2:]
    np.testing.assert_allclose(model.energy(spins), free.energy(states))
    values = model.problem.variables(spins)
    assert np.array_equal(values, states)
    assert np.array_equal(model.problem.goal.cut(values), free.problem.goal.cut(states))
    assert ising_summary(lower_ising(model))["clamped"] == "1=1, 2=1"
    again = to_ising(lower_ising(model))
    assert again.names == model.names and again.problem.held.tolist() == [1, 1, 0, 0, 0]


def test_a_ramp_is_of_the_free_spins():
    model = random_model(RNG)
    ramps = [lower_ising(clamp_spins(model, {2: -1}, fields=f)).schedule[0].kT for f in (False, True)]
    assert ramps[0] == pytest.approx(ramps[1])
    strong = replace(clamp_spins(model, {2: -1}, fields=True), problem=model.problem)
    # without the note, too: the field outweighs all couplings
    assert lower_ising(strong).schedule[0].kT == pytest.approx(ramps[0])


def test_a_formula_is_written_with_its_clamps():
    model = clamp_named(parse_dimacs("p cnf 3 1\n1 2 3 0\n"), {"2": 0})
    assert model.n == 3  # one auxiliary spin
    assert write_dimacs(model) == "p cnf 3 2\n1 2 3 0\n-2 0\n"


def test_passes_that_change_energies_keep_the_model():
    model = random_model(RNG, 6, 12, offset=3.0)
    netlist, states = lower_ising(model), all_states(6)
    for changed in (
        quantize_couplings(netlist, 3),
        limit_degree(netlist, 2),
        change_units(netlist, energy=0.3),
        change_units(quantize_couplings(netlist, 3), energy=4.0),
        quantize_couplings(change_units(netlist, energy=0.3), 3),
        gauge(change_units(netlist, energy=0.3), np.ones(6)),
    ):
        verify(changed)
        np.testing.assert_allclose(decode(changed, states).energies, model.energy(states), atol=1e-12)
        assert logical_netlist(changed).kT == pytest.approx(netlist.kT)
        assert logical_netlist(changed).schedule[0].kT == pytest.approx(netlist.schedule[0].kT)


def test_spins_of_a_problem_are_not_swept_away():
    netlist = lower_ising(random_model(RNG))
    with pytest.raises(NetlistError, match="cell 2 is a spin of the problem"):
        select_cells(netlist, np.arange(6) != 2)


# --- files of version 1 --------------------------------------------------------------------------


def test_old_formula_on_hardware():
    netlist = load(GOLDEN / "formula_v1.tnl")
    assert netlist.problem.goal.clauses == [[1, -2, 3], [-1, 2, 3], [-3, -1, 2]]
    assert set(netlist.meta) == {"source"} and netlist.lowered.placement.topology == "king(4, 4)"
    states = np.where(np.random.default_rng(0).random((4, netlist.n_cells)) < 0.5, -1, 1)
    found = decode(netlist, states)
    assert found.energies.tolist() == [2.0, 1.0, 1.0, 1.0]  # what 0.1.0 said
    assert found.states.shape == (4, 6) and found.states[3].tolist() == [-1, 1, -1, 1, -1, -1]


def test_old_circuit_on_wells():
    netlist = load(GOLDEN / "circuit_v1.tnl")
    problem = netlist.problem
    assert problem.names == ("a", "b", "c", "s") and problem.spin.tolist() == [0, 1, 2, -1]
    assert netlist.lowered.wells.barrier_kT == 4.0
    found = decode(netlist, [[0.9, -0.2, -0.3]])
    words = problem.goal.words(problem.names, problem.variables(found.states[0]))
    assert words == {"a": 1, "b": 0, "s": 1, "c": 0} and found.energies.tolist() == [0.0]


def test_old_cut_and_grid():
    states = all_states(3)
    for name in ("cut_v1.tnl", "cut_units_v1.tnl"):
        netlist = load(GOLDEN / name)
        goal = netlist.problem.goal
        assert (goal.row.tolist(), goal.col.tolist(), goal.weight.tolist()) == (
            [0, 0, 1],
            [1, 2, 2],
            [2.5, 4, -1],
        )
        energy = decode(netlist, states).energies
        np.testing.assert_allclose((goal.total_weight - energy) / 2, goal.cut(states))
    assert netlist.lowered.energy_scale == 0.25
    for model in (to_ising(load(GOLDEN / "grid_v1.tnl")), load_model(GOLDEN / "grid_v1.safetensors")):
        assert (model.n_visible, model.vartype, dict(model.meta)["data"]) == (2, "binary", "digits")
        assert model.grid.place.tolist() == [2, 0, 1, 3] and model.grid.shape == (2, 2)
        assert "place" not in model.meta and "shape" not in model.meta
    assert load_model(GOLDEN / "cut_v1.safetensors").problem.goal.cut(states).max() == 6.5


def test_old_texts_are_converted():
    meta = {"ising": {"offset": 1.5, "vartype": "binary", "problem": {"kind": "ising"}}, "note": 1}
    text = dump(lower_ising(from_edges([1.0, 2.0], [0], [1], [3.0])).with_(problem=None, meta=meta))
    assert text.startswith("langevin 2\n") and equal(parse(text), parse(dump(parse(text))))
    netlist = parse(text.replace("langevin 2", "langevin 1"))
    assert netlist.problem.offset == 1.5 and dict(netlist.meta) == {"note": 1}
    assert parse(text).problem is None  # of this version it is a fact for people
    with pytest.raises(FormatError, match="malformed notes"):
        parse(text.replace("langevin 2", "langevin 1").replace('"kind": "ising"', '"kind": "tsp"'))


# --- facts ---------------------------------------------------------------------------------------


def test_facts_are_read_only_and_pickle():
    given = {"a": [1, 2]}
    facts = Facts(given)
    given["b"] = 2
    assert facts == {"a": [1, 2]} and len(facts) == 1 and "b" not in facts
    with pytest.raises(TypeError):
        facts["c"] = 1
    with pytest.raises(AttributeError, match="read-only"):
        facts._items = {}
    for again in (pickle.loads(pickle.dumps(facts)), copy.deepcopy(facts)):
        assert type(again) is Facts and again == facts


# --- size ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_million_spins_on_wells_are_saved_and_loaded(tmp_path):
    from compiler.api import compile

    side = 1000
    cell = np.arange(side * side).reshape(side, side)
    ends = [
        np.concatenate([cell[:, :-1].ravel(), cell[:-1].ravel()]),
        np.concatenate([cell[:, 1:].ravel(), cell[1:].ravel()]),
    ]
    weight = RNG.choice([-1.0, 1.0], ends[0].size)
    names = tuple(f"spin {k}" for k in range(side * side))
    model = from_edges(np.zeros(side * side), *ends, weight, names=names, offset=2.0)
    began = time.perf_counter()
    wells = compile(model, target=TARGETS.get("double-well"))
    made = time.perf_counter()
    save(wells, tmp_path / "m.tnl")
    saved = time.perf_counter()
    again = load(tmp_path / "m.tnl")
    loaded = time.perf_counter()
    seconds = {"compile": made - began, "save": saved - made, "load": loaded - saved}
    assert equal(again, wells) and again.lowered.logical.h.size == side * side
    assert (tmp_path / "m.tnl").stat().st_size < 400e6
    assert seconds["save"] < 60 and seconds["load"] < 60, seconds
