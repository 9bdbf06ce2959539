"""Contracts across rooms: facts in `meta` change no number; what holds numbers pickles and copies."""

import copy
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import numpy as np
import pytest
from scipy import sparse
from toys.families import CLASSES, INPUTS, META, models
from toys.gates import random_circuit

from compiler.api import compile
from compiler.counting import counts
from compiler.errors import ThermocError
from compiler.families.clamp import clamp_named
from compiler.families.ising_summary import ising_summary
from compiler.families.registry import HOMES
from compiler.families.store import load_model, save_model
from compiler.families.tiled import on_tiles
from compiler.formats.circuits.export import FORMATS as CIRCUITS
from compiler.formats.export import export
from compiler.formats.ising.dimacs import parse_dimacs
from compiler.formats.ising.invertible import invertible
from compiler.formats.ising.rudy import parse_rudy
from compiler.formats.ising.write import FORMATS as ISING
from compiler.ir.encoders import Thermometer
from compiler.ir.facts import Facts
from compiler.ir.gates import ClassSums
from compiler.ir.kinds import KINDS, difference, equal, kind_of
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.tiles import Layout
from compiler.passes.gates.cell_mapping import map_cells
from compiler.passes.gates.lut_map import map_luts
from compiler.passes.spins.model import decode
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.targets import TARGETS
from thermo.data import DataError, Dataset
from thermo.energy import estimate
from thermo.evaluate import evaluate
from thermo.simulate import simulate
from thermo.studies.eqprop_temperature import run_temperature

CUT = "5 6\n1 2 1\n2 3 1\n3 4 1\n4 5 1\n1 5 1\n1 3 1\n"
WALL = {"seconds", "run_seconds", "meta"}  # time of the wall; facts themselves
HARDWARE = ["embed", "rescale", "quantize"]


def dataset():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(12, INPUTS)).astype(np.float32)
    y = np.arange(12) % CLASSES
    return Dataset("toy", x, y, x, y, x, y, CLASSES)


def circuit():
    gates = random_circuit(np.random.default_rng(2), INPUTS, 12)
    last = np.arange(gates.n_nets - 6, gates.n_nets, dtype=np.int32)
    return replace(
        gates,
        name="skew",
        class_sums=ClassSums(last, np.array([0, 2, 4, 6]), 1.0),
        encoder=Thermometer(INPUTS, np.arange(INPUTS, dtype=np.int32), np.full(INPUTS, 0.5)),
        meta=META,
    )


def plain_circuit():
    return replace(random_circuit(np.random.default_rng(2), INPUTS, 12), name="skew", meta=META)


def netlists():
    """One of every kind and family, and Ising problems of every kind on hardware; all have facts."""
    made = {name: compile(model) for name, model in models().items()}
    cut = clamp_named(parse_rudy(CUT), {"2": -1})
    formula = parse_dimacs("p cnf 3 3\n1 -2 3 0\n-1 2 3 0\n-3 -1 2 0\n")
    gates = invertible(plain_circuit(), clamp={})
    made |= {
        "cut": compile(cut, sweeps=40),
        "cut on hardware": compile(cut, sweeps=40, target=TARGETS.get("king-4"), mend=HARDWARE),
        "formula on hardware": compile(formula, sweeps=40, target=TARGETS.get("king-5"), mend=HARDWARE),
        "formula on wells": compile(formula, sweeps=3, target=TARGETS.get("double-well")),
        "circuit as spins": compile(gates, sweeps=40),
        "gates": circuit(),
        "plain gates": plain_circuit(),
        "tables": map_luts(circuit(), 4),
        "tiles": on_tiles(models()["feedforward"], Layout()),
        "cells": map_cells(circuit(), CELL_LIBRARIES.get("nangate45")),
    }
    return {
        name: replace(n, meta={**n.meta, **META, "name": "no"}) if hasattr(n, "meta") else n
        for name, n in made.items()
    }


def differs(a, b, at="", skip=frozenset(WALL)):
    """Where two results differ by a bit, or None."""
    if is_dataclass(a) and not isinstance(a, type):
        if type(a) is not type(b):
            return at or "type"
        names = [f.name for f in fields(a) if f.name not in skip]
        return next((d for n in names if (d := differs(getattr(a, n), getattr(b, n), f"{at}.{n}"))), None)
    if isinstance(a, np.ndarray):
        same = a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        return None if same else at
    if sparse.issparse(a):
        return differs(a.toarray(), b.toarray(), at)
    if isinstance(a, Mapping):
        if set(a) != set(b):
            return at
        return next((d for k in a if k not in skip and (d := differs(a[k], b[k], f"{at}[{k}]"))), None)
    if isinstance(a, tuple | list):
        if len(a) != len(b):
            return at
        return next(
            (d for k, (x, y) in enumerate(zip(a, b, strict=True)) if (d := differs(x, y, f"{at}[{k}]"))), None
        )
    if isinstance(a, float) and a != a and b != b:
        return None
    return None if a == b or (callable(a) and repr(a) == repr(b)) else at


def samples(netlist):
    """What `simulate` takes of a data set; None of p-bits, linear systems and bare circuits."""
    bare = getattr(netlist, "encoder", True) is None and not isinstance(netlist, LangevinNetlist)
    if bare or (isinstance(netlist, LangevinNetlist) and not netlist.inputs.size):
        return None
    return dataset().x_test


def run(netlist):
    bare = getattr(netlist, "op", None) is not None and netlist.encoder is None
    return simulate(netlist, samples(netlist), seed=3, **({"bits": dataset().x_test > 0.5} if bare else {}))


def told(netlist, folder):
    """Everything that a netlist says: {what: result, or the text of the refusal}."""
    data, found = dataset(), {}
    lowered = isinstance(netlist, LangevinNetlist)

    def ask(what, f):
        try:
            found[what] = f()
        except ThermocError as error:
            found[what] = str(error)

    ask("simulate", lambda: run(netlist))
    ask("evaluate", lambda: evaluate(netlist, data)[0])
    ask(
        "estimate",
        lambda: estimate(netlist, None if samples(netlist) is None else data, baselines=()).to_dict(),
    )
    ask("counts", lambda: counts(netlist))
    if lowered:
        found["summary"] = ising_summary(netlist)
        states = np.where(np.random.default_rng(5).random((6, netlist.n_cells)) < 0.5, -1.0, 1.0)
        if netlist.problem is not None and netlist.problem.goal.kind != "boltzmann":
            ask("decode", lambda: [(d.states, d.energies, d.broken) for d in [decode(netlist, states)]])
    for format_ in (*CIRCUITS, *ISING):
        path = folder / "out"
        ask(format_, lambda f=format_, p=path: (export(netlist, f, p), p.read_bytes())[1])
    return found


@pytest.mark.parametrize("name", list(netlists()))
def test_emptied_meta_changes_no_number(name, tmp_path):
    netlist = netlists()[name]
    if not hasattr(netlist, "meta"):
        pytest.skip("circuits of library cells have no facts")
    bare = replace(netlist, meta={})
    assert difference(netlist, bare) == "meta"
    whole, without = told(netlist, tmp_path), told(bare, tmp_path)
    answered = [what for what, found in whole.items() if not isinstance(found, str)]
    assert {"simulate", "counts"} <= {*answered, "simulate"}
    for what, found in whole.items():
        assert differs(found, without[what], what) is None, what
    if name in ("cut on hardware", "formula on hardware", "formula on wells", "circuit as spins"):
        assert "decode" in answered


def test_the_comparison_sees_a_bit():
    netlist = netlists()["cut"]
    other = netlist.with_(problem=replace(netlist.problem, offset=netlist.problem.offset + 1e-15))
    a, b = (simulate(n, seed=3) for n in (netlist, other))
    assert differs(a, b) is not None and differs(a, simulate(netlist, seed=3)) is None


@pytest.mark.parametrize("name", HOMES)
def test_emptied_meta_of_a_model_changes_no_number(name, tmp_path):
    model = models()[name]
    bare = replace(model, meta={})
    one, other = compile(model), compile(bare)
    assert difference(replace(one, meta={}), replace(other, meta={})) is None
    save_model(bare, tmp_path / "m.safetensors")
    assert differs(load_model(tmp_path / "m.safetensors"), bare) is None


# --- pickle and copies ---------------------------------------------------------------------------


def copies(thing):
    yield pickle.loads(pickle.dumps(thing))
    yield copy.deepcopy(thing)


@pytest.mark.parametrize("name", HOMES)
def test_models_pickle_and_copy(name):
    model = models()[name]
    for again in copies(model):
        assert differs(again, model, skip=frozenset()) is None and type(again.meta) is Facts
        with pytest.raises(FrozenInstanceError):
            again.meta = {}
        with pytest.raises(TypeError):
            again.meta["x"] = 1


@pytest.mark.parametrize("name", list(netlists()))
def test_netlists_and_their_results_pickle_and_copy(name):
    netlist = netlists()[name]
    assert {kind_of(n).name for n in netlists().values()} == set(KINDS)
    for again in copies(netlist):
        assert equal(again, netlist)
    data = dataset()
    results = []
    for make in (
        lambda: run(netlist),
        lambda: evaluate(netlist, data),
        lambda: estimate(netlist, None if samples(netlist) is None else data, baselines=()),
    ):
        try:
            results.append(make())
        except ThermocError:
            continue
    assert results or name == "tables"
    for result in results:
        for again in copies(result):
            assert differs(again, result, skip=frozenset()) is None


def test_meta_is_copied_and_closed():
    given = {"source": "me"}
    netlist = netlists()["cut"].with_(meta=given)
    given["source"] = "you"
    assert netlist.meta["source"] == "me" and isinstance(netlist.meta, Facts)


def test_a_study_without_facts_refuses_rather_than_guess(tmp_path):
    save_model(models()["hopfield"], tmp_path / "m.safetensors")
    with pytest.raises(DataError, match="name one with --data"):
        run_temperature(tmp_path, model=tmp_path / "m.safetensors")
