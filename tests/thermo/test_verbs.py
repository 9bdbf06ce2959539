"""Every verb takes every kind of netlist: it answers, or one error names the way."""

import inspect

import numpy as np
import pytest
from toys.gates import random_circuit

import thermo.energy
import thermo.evaluate
import thermo.simulate
from compiler.errors import ThermocError, UnsupportedError
from compiler.families.ising import from_edges, lower_ising
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import ClassSums
from compiler.ir.gates import GateNetlist as Gates
from compiler.ir.langevin import (
    Cells,
    CouplingKind,
    Couplings,
    Encoder,
    LangevinNetlist,
    Phase,
    ReadOut,
    Role,
)
from compiler.passes.gates.cell_mapping import map_cells
from compiler.passes.gates.lut_map import map_luts
from hw_models.cell_presets import CELL_LIBRARIES
from thermo.data import Dataset
from thermo.simulate.gates.run import simulate_gates
from thermo.simulate.langevin.run import simulate_langevin
from thermo.simulate.run import DYNAMICS
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.temper import temper

N_IN, CLASSES = 3, 2


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(40, N_IN)).astype(np.float32)
    y = (x.sum(axis=1) > 1.5).astype(np.int64)
    return Dataset("toy", x, y, x, y, x, y, CLASSES)


def quadratic(inputs=N_IN, decision="argmax"):
    """Inputs that pull two coupled quadratic cells."""
    n = inputs + CLASSES
    w = np.zeros((n, n))
    w[inputs:, :inputs] = np.random.default_rng(1).normal(size=(CLASSES, inputs))
    w[inputs, inputs + 1] = w[inputs + 1, inputs] = 0.3
    roles = [Role.INPUT] * inputs + [Role.OUTPUT] * CLASSES
    return LangevinNetlist(
        Cells.make(n, j2=1.0, role=roles),
        (Couplings.from_dense(CouplingKind.LINEAR, w),),
        0.5,
        1.0,
        (Phase("relax", 0.5),),
        readout=ReadOut(np.arange(inputs, n, dtype=np.int32), "relax", decision=decision),
        encoder=Encoder(np.array([0.0]), np.array([1.0])) if inputs else None,
        dt=0.05,
    )


def circuit():
    rng = np.random.default_rng(2)
    gates = random_circuit(rng, N_IN, 9)
    last = np.arange(gates.n_nets - 4, gates.n_nets, dtype=np.int32)
    return Gates(
        gates.input_names,
        gates.op,
        gates.a,
        gates.b,
        gates.output_names,
        gates.outputs,
        class_sums=ClassSums(last, np.array([0, 2, 4]), 1.0),
        encoder=Thermometer(N_IN, np.arange(N_IN, dtype=np.int32), np.full(N_IN, 0.5)),
    )


def p_bits():
    model = from_edges(np.zeros(6), np.arange(6), (np.arange(6) + 1) % 6, np.ones(6))
    return lower_ising(model, sweeps=30)


NETLISTS = {
    "langevin": quadratic,
    "exact": quadratic,
    "p-bits": p_bits,
    "gates": circuit,
    "cells": lambda: map_cells(circuit(), CELL_LIBRARIES.get("nangate45")),
    "tables": lambda: map_luts(circuit(), 4),
    "model": lambda: from_edges(np.zeros(2), [0], [1], [1.0]),
}
OPTIONS = {"exact": {"method": "exact"}}
WAYS = {  # cells that refuse, and what their text must name
    ("simulate", "model"): "compile",
    ("evaluate", "model"): "compile",
    ("evaluate", "p-bits"): "simulate them without data",
    ("estimate", "model"): "compiler.compile",
}


def call(verb, kind, dataset):
    netlist, options = NETLISTS[kind](), OPTIONS.get(kind, {})
    if verb == "evaluate":
        return thermo.evaluate.evaluate(netlist, dataset, **options)
    if verb == "estimate":
        return thermo.energy.estimate(netlist, None if kind == "p-bits" else dataset, baselines=())
    data = None if kind == "p-bits" else dataset.x_test
    return thermo.simulate.simulate(netlist, data, **options)


@pytest.mark.parametrize("kind", NETLISTS)
@pytest.mark.parametrize("verb", ["simulate", "evaluate", "estimate"])
def test_every_verb_answers_or_names_the_way(verb, kind, dataset, tmp_path):
    way = WAYS.get((verb, kind))
    if way is not None:
        with pytest.raises(ThermocError, match=way):
            call(verb, kind, dataset)
        return
    found = call(verb, kind, dataset)
    if verb == "estimate":
        told = found.to_dict()
        assert told["latency_s"] > 0
        assert told["energy_J"]["total"] > 0
        return
    if verb == "evaluate":
        evaluation, found = found
        assert 0.0 <= evaluation.accuracy <= 1.0
        assert evaluation.n_samples == 40
        assert found.predictions().shape == (40,)
    assert found.seconds > 0
    assert found.heat is None or found.heat.shape == (40, 1)
    assert found.answers().shape == ((8, 6) if kind == "p-bits" else (40, CLASSES))
    with np.load(found.save(tmp_path / "result")) as file:
        assert file.files


def test_a_wrong_way_would_be_seen(dataset):
    with pytest.raises(AssertionError), pytest.raises(ThermocError, match="no such text"):
        call("simulate", "model", dataset)


def test_p_bits_decide_nothing_and_say_where_to_look():
    with pytest.raises(ThermocError, match="best_state"):
        thermo.simulate.simulate(p_bits()).predictions()


@pytest.mark.parametrize("kind", ["cells", "tables"])
def test_cells_and_tables_answer_as_the_gates_they_were_mapped_from(kind, dataset):
    gates, mapped = (thermo.simulate.simulate(NETLISTS[k](), dataset.x_test) for k in ("gates", kind))
    assert np.array_equal(gates.class_sums, mapped.class_sums)
    assert gates.class_sums.any()


def test_exact_transitions_agree_with_small_steps(dataset):
    """Means over 4000 runs differ by less than 5 standard errors; of twice kT they would not."""
    net = quadratic()
    exact, euler, warm = (
        thermo.simulate.simulate(net, dataset.x_test[:2], runs=4000, seed=s, **options)
        for s, options in enumerate(({"method": "exact"}, {"dt": 0.005}, {"method": "exact", "kT": 1.0}))
    )
    assert (exact.method, exact.n_steps, exact.heat, exact.kT) == ("exact", 1, None, 0.5)
    a, b, c = (r.outputs[0].astype(float) for r in (exact, euler, warm))
    error = np.sqrt((a.var(axis=1) + b.var(axis=1)) / 4000)
    assert (abs(a.mean(axis=1) - b.mean(axis=1)) < 5 * error).all()
    ratio = a.var(axis=1) / b.var(axis=1)  # of two sample variances: spread sqrt(4 / 4000)
    assert (abs(ratio - 1) < 5 * np.sqrt(4 / 4000)).all()
    assert (c.var(axis=1) / b.var(axis=1) > 1 + 5 * np.sqrt(4 / 4000)).all()


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("gates", {"kT": 1.0}, "kT does not apply to a circuit of gates, only to p-bits and"),
        ("langevin", {"toggles": True}, "toggles does not apply to an analog netlist, only to a circuit"),
        ("p-bits", {"dt": 0.1}, "dt does not apply to p-bits, only to an analog netlist"),
        ("exact", {"heat": False}, "heat does not apply to exact transitions, only to an analog"),
        (
            "gates",
            {"nonsense": 1},
            "nonsense does not apply to a circuit of gates, nor to a network on tiles or p-bits",
        ),
    ],
)
def test_options_of_other_kinds_are_refused(kind, options, message, dataset):
    with pytest.raises(UnsupportedError, match=message):
        thermo.simulate.simulate(NETLISTS[kind](), dataset.x_test, **OPTIONS.get(kind, {}), **options)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("gates", {"device": "rc-1fF"}, "device does not apply to a circuit of gates, only to a Langevin"),
        ("p-bits", {"split": "valid"}, "split does not apply to p-bits, only to a Langevin machine and a"),
        ("langevin", {"libraries": ["nangate45"]}, "libraries does not apply to a Langevin machine"),
    ],
)
def test_estimates_refuse_what_is_of_other_kinds(kind, options, message):
    with pytest.raises(UnsupportedError, match=message):
        thermo.energy.estimate(NETLISTS[kind](), baselines=(), **options)


def test_p_bits_are_estimated_without_data(dataset):
    with pytest.raises(UnsupportedError, match="a data set does not apply to p-bits"):
        thermo.energy.estimate(p_bits(), dataset)


def test_an_estimate_runs_its_split_once(monkeypatch, dataset):
    """As simulated, the two strokes of two cycles, each with dt halved, and one run of the idle machine."""
    from thermo.energy import cycle, inference
    from thermo.simulate.langevin import run

    asked = []

    def counted(netlist, data=None, **options):
        asked.append(None if data is None else len(data))
        return simulate_langevin(netlist, data, **options)

    for module in (run, cycle, inference):
        monkeypatch.setattr(module, "simulate_langevin", counted)
    found = thermo.energy.estimate(quadratic(), dataset, baselines=(), reset=cycle.Reset(10.0, 0.1))
    assert asked == [40] * 10 + [None]
    assert found.evaluation.n_samples == 40


def test_what_a_dynamics_declares_is_what_its_run_takes():
    takes = {d.name: set(d.takes) for d in DYNAMICS}

    def of(run):
        return set(inspect.signature(run).parameters) - {"netlist", "circuit", "data"}

    assert takes["langevin"] == of(simulate_langevin)
    assert takes["gates"] == of(simulate_gates)
    beside = {"tempering", "hot", "device", "at"}  # the last two become its imperfections
    assert takes["spins"] == of(simulate_spins) | (of(temper) - {"sets"}) | beside


def test_the_package_is_the_verb(dataset):
    import thermo.simulate.langevin.run as module  # importing rooms must not hide the verb

    assert module.simulate_langevin is simulate_langevin
    assert thermo.simulate(quadratic(), dataset.x_test).outputs.shape == (1, 40, 1, CLASSES)
    assert thermo.evaluate(quadratic(), dataset)[0].n_samples == 40


def test_tempering_is_an_option():
    found = thermo.simulate(p_bits(), tempering=3, kT=0.5, hot=2.0, sweeps=20)
    assert found.kT[[0, -1]].tolist() == [0.5, 2.0]
    given = thermo.simulate(p_bits(), ladder=[0.5, 1.0, 2.0], sweeps=20, tune=0, chains=2)
    assert given.kT.tolist() == [0.5, 1.0, 2.0]
    assert given.best_states.shape == (2, 6)
