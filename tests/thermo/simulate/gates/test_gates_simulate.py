"""simulate_gates equals the reference bit for bit, whatever the path, batch and threads."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.gate_runs import circuit, digest, patterns
from toys.gates import every_op

from compiler.circuits.evaluate import encode_bits
from compiler.circuits.reference import class_counts, net_values, output_values
from compiler.errors import UnsupportedError
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import ClassSums, GateNetlist, make_gates
from thermo.simulate.errors import SimulationError
from thermo.simulate.gates import program as gates_program
from thermo.simulate.gates.faults import Faults
from thermo.simulate.gates.program import prepare_gates
from thermo.simulate.gates.run import simulate_gates

SIZES = (1, 63, 64, 65, 511, 513)


def values(netlist: GateNetlist, bits: np.ndarray) -> np.ndarray:
    """(n_samples, n_nets) by the reference."""
    return np.array([net_values(netlist, row) for row in bits.tolist()]).reshape(bits.shape[0], -1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    n_inputs=st.sampled_from([1, 2, 6, 64, 65, 130]),
    n_gates=st.sampled_from([0, 1, 5, 40]),
    n_outputs=st.sampled_from([0, 1, 5, 70]),
    counted=st.sampled_from([0, 1, 15, 17, 60]),
    n=st.sampled_from(SIZES),
)
def test_every_path_equals_the_reference(seed, n_inputs, n_gates, n_outputs, counted, n):
    netlist = circuit(seed, n_inputs, n_gates, n_outputs, counted)
    bits = patterns(seed, n, n_inputs)
    truth = values(netlist, bits)
    sums = netlist.class_sums
    counts = [truth[:, sums.nets[i:j]].sum(axis=1) for i, j in pairwise(sums.indptr)]
    changed = (truth[1:] != truth[:-1]).sum(axis=0)
    for options in ({}, {"toggles": True}, {"faults": Faults()}, {"faults": Faults(), "toggles": True}):
        got = simulate_gates(netlist, bits=bits, **options)
        assert got.n_samples == n
        assert got.class_sums.dtype == np.int32 and (got.class_sums == np.transpose(counts)).all()
        if n_outputs:
            assert got.outputs.dtype == bool and (got.outputs == truth[:, netlist.outputs]).all()
        else:
            assert got.outputs is None
        if "toggles" in options:
            assert (got.toggles == changed[n_inputs:]).all()
            assert (got.input_toggles == changed[:n_inputs]).all()
        else:
            assert got.toggles is None and got.input_toggles is None


def test_the_oracle_in_words():
    """The test above reads nets off the reference; outputs and counts have words of their own."""
    netlist, bits = circuit(3, 6, 40, 5, 17), patterns(3, 20, 6)
    got = simulate_gates(netlist, bits=bits)
    assert got.outputs.tolist() == [output_values(netlist, row) for row in bits.tolist()]
    assert got.class_sums.tolist() == [class_counts(netlist, row) for row in bits.tolist()]


def test_every_op_alone():
    netlist = every_op()
    bits = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=bool)
    got = simulate_gates(netlist, bits=bits)
    for op in range(16):
        assert got.outputs[:, op].tolist() == [bool(op >> (3 - row) & 1) for row in range(4)]


@pytest.mark.parametrize("counted", [3, 800, 40_000])
def test_class_sums_of_any_size(counted):
    """Counters of one bit to sixteen, all gates of the class alike, none, or mixed."""
    rng = np.random.default_rng(counted)
    op = rng.choice([1, 2, 4, 6, 7, 8, 9, 11, 13, 14], counted)
    op[: counted // 2] = 15  # large sums
    a, b = rng.integers(0, 70, (2, counted))
    sums = ClassSums((70 + np.arange(counted)).astype(np.int32), np.array([0, counted]))
    netlist = make_gates([f"i{k}" for k in range(70)], op, a, b, {}, class_sums=sums)
    bits = patterns(1, 100, 70)
    table = (op[:, None] >> (3 - np.arange(4))) & 1
    truth = table[np.arange(counted), 2 * bits[:, a] + bits[:, b]].sum(axis=1)
    assert (simulate_gates(netlist, bits=bits).class_sums[:, 0] == truth).all()
    assert (simulate_gates(netlist, bits=bits, faults=Faults()).class_sums[:, 0] == truth).all()


@pytest.mark.parametrize("faults", [None, Faults(0.01, 0.05), Faults(0.3)])
@pytest.mark.parametrize("n", [1, 512, 2500])
def test_threads_and_batch_change_nothing(n, faults):
    netlist, bits = circuit(5, 20, 200, 9, 60), patterns(5, n, 20)
    whole = simulate_gates(netlist, bits=bits, toggles=True, faults=faults, threads=1)
    for batch in (1, 512, 1300):
        for threads in (1, None):
            part = simulate_gates(
                netlist, bits=bits, toggles=True, faults=faults, threads=threads, batch=batch
            )
            for name in ("class_sums", "outputs", "toggles", "input_toggles"):
                assert (getattr(part, name) == getattr(whole, name)).all(), name
    changed = (whole.outputs[1:] != whole.outputs[:-1]).sum(axis=0)
    shown = netlist.outputs - 20
    assert (np.concatenate([whole.toggles, whole.input_toggles])[shown] == changed).all()


def test_no_samples_and_no_gates():
    netlist = make_gates(["x"], [], [], [], {"y": 0})
    assert simulate_gates(netlist, bits=np.zeros((0, 1), bool)).outputs.shape == (0, 1)
    assert simulate_gates(netlist, bits=[[True]]).outputs.tolist() == [[True]]
    nothing = make_gates([], [], [], [], {})
    got = simulate_gates(nothing, bits=np.zeros((3, 0), bool), toggles=True)
    assert got.outputs is None and got.class_sums is None and got.toggles.size == 0
    constant = make_gates([], [15], [0], [0], {"one": 0})
    assert simulate_gates(constant, bits=np.zeros((3, 0), bool)).outputs.all()


def test_bits_of_any_layout():
    netlist, bits = circuit(7, 70, 100, 9, 60), patterns(7, 600, 70)
    truth = simulate_gates(netlist, bits=bits).class_sums
    for other in (bits.astype(bool), bits.astype(np.int64) * -3, np.asfortranarray(bits), 255 * bits):
        assert (simulate_gates(netlist, bits=other).class_sums == truth).all()
    wide = np.zeros((600, 140), np.uint8)
    wide[:, ::2] = bits
    assert (simulate_gates(netlist, bits=wide[:, ::2]).class_sums == truth).all()


@pytest.mark.parametrize("scope", ["absolute", "image"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.uint8])
def test_data_are_encoded_as_the_ir_says(scope, dtype):
    """Values on both sides of float32's rounding of each threshold, and on it."""
    rng = np.random.default_rng(2)
    base = circuit(11, 12, 60, 5, 17)
    levels = rng.uniform(0.1, 0.9, 12)
    data = rng.uniform(size=(700, 4))
    data[:12, :] = levels[:, None]
    data[12:24] = np.nextafter(levels.astype(np.float32), np.float32(2))[:, None]
    data[24:36] = np.nextafter(levels.astype(np.float32), np.float32(-2))[:, None]
    data = (255 * data).astype(dtype) if dtype == np.uint8 else data.astype(dtype)
    bounds = 255 * levels if dtype == np.uint8 and scope == "absolute" else levels
    encoder = Thermometer(4, rng.integers(0, 4, 12).astype(np.int32), bounds, scope)
    netlist = make_gates(
        base.input_names,
        base.op,
        base.a,
        base.b,
        dict(zip(base.output_names, base.outputs.tolist(), strict=True)),
        class_sums=base.class_sums,
        encoder=encoder,
    )
    got = simulate_gates(netlist, data, toggles=True)
    truth = simulate_gates(netlist, bits=encode_bits(netlist, data), toggles=True)
    for name in ("class_sums", "outputs", "toggles", "input_toggles"):
        assert (getattr(got, name) == getattr(truth, name)).all()


def test_decisions():
    netlist = make_gates(
        ["a", "b"],
        [3, 5, 6],
        [0, -1, 0],
        [-1, 1, 1],
        {},
        class_sums=ClassSums(np.array([2, 3, 4, 4], np.int32), np.array([0, 1, 2, 4]), 4.0),
    )
    got = simulate_gates(netlist, bits=[[0, 0], [1, 1], [0, 1], [1, 0]])
    assert got.class_sums.tolist() == [[0, 0, 0], [1, 1, 0], [0, 1, 2], [1, 0, 2]]
    assert got.predictions().tolist() == [0, 0, 2, 2]
    assert got.scores()[2].tolist() == [0.0, 0.25, 0.5]


def test_a_prepared_program_is_the_same():
    netlist, bits = circuit(5, 20, 200, 9, 60), patterns(5, 700, 20)
    truth = simulate_gates(netlist, bits=bits, toggles=True)
    program = prepare_gates(netlist)
    assert program.evaluated < netlist.n_gates
    assert (simulate_gates(program, bits=bits).class_sums == truth.class_sums).all()
    with pytest.raises(SimulationError, match="every_gate=True"):
        simulate_gates(program, bits=bits, toggles=True)
    every = prepare_gates(netlist, every_gate=True)
    assert (simulate_gates(every, bits=bits, toggles=True).toggles == truth.toggles).all()


def test_progress_is_told():
    told = []

    class Listener:
        def start(self, total, label):
            told.append(total)

        def update(self, done, note=""):
            told.append(done)

        def stop(self):
            told.append("stop")

    netlist = circuit(5, 20, 20, 1, 6)
    simulate_gates(netlist, bits=patterns(0, 1100, 20), batch=512, progress=Listener())
    assert told == [1100, 512, 1024, 1100, "stop"]


def test_bad_input_is_named(monkeypatch):
    netlist = make_gates(
        ["a", "b"],
        [6],
        [0],
        [1],
        {"y": 2},
        name="half",
        encoder=Thermometer(3, np.array([0, 2], np.int32), np.array([0.5, 0.5])),
    )
    bits, data = np.zeros((4, 2), bool), np.zeros((4, 3))
    data[2, 1] = np.nan
    infinite = np.array([[np.inf, 0, -np.inf]])
    assert simulate_gates(netlist, infinite).outputs.tolist() == [[True]]
    bare = make_gates(["a", "b"], [6], [0], [1], {"y": 2})
    for words, arguments, options in (
        (
            r"circuit 'half' \(2 inputs, 1 gates\) takes 2 inputs a sample: bits must have shape "
            r"\(n_samples, 2\), got \(4, 3\)",
            (netlist,),
            {"bits": np.zeros((4, 3), bool)},
        ),
        (r"takes 3 features a sample.*got \(4, 2\)", (netlist, data[:, :2]), {}),
        (r"half.*feature 1 of sample 2 is NaN, one of 1", (netlist, data), {}),
        ("no encoder", (bare, data), {}),
        ("either data or bits", (netlist, data), {"bits": bits}),
        ("either data or bits", (netlist,), {}),
        ("bool or whole numbers, got float64", (netlist,), {"bits": bits * 1.0}),
        ("data must be numbers", (netlist, np.array([["x"] * 3])), {}),
        ("batch must be at least 1", (netlist,), {"bits": bits, "batch": 0}),
        ("seed must be from 0", (netlist,), {"bits": bits, "seed": -1}),
        ("threads must be from 1", (netlist,), {"bits": bits, "threads": 10**6}),
    ):
        with pytest.raises(SimulationError, match=words):
            simulate_gates(*arguments, **options)
    got = simulate_gates(netlist, bits=bits)
    for ask in (got.predictions, got.scores):
        with pytest.raises(SimulationError, match="no class sums"):
            ask()
    for module in ("gates.program", "gates.faults"):
        monkeypatch.setattr(f"thermo.simulate.{module}.ROWS_MOST", 60)
    for options in ({}, {"faults": Faults()}):
        with pytest.raises(UnsupportedError, match="rows at a time, at most 60"):
            simulate_gates(netlist, bits=bits, **options)


def test_rows_are_used_again():
    """A chain of a thousand gates needs two rows, a row each only where all are watched."""
    n = 1000
    netlist = make_gates(["x", "y"], [6] * n, [0, *range(2, n + 1)], [1] * n, {"z": n + 1})
    fixed = gates_program.FIRST_INPUT + gates_program.input_rows(netlist)
    assert prepare_gates(netlist).n_rows <= fixed + 2
    assert prepare_gates(netlist, every_gate=True).n_rows == fixed + n


PORTABLE = """
import json, sys
import numpy as np
sys.path[:0] = {paths!r}
from toys.gate_runs import digest
print(json.dumps(digest()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("features", ["", "+sse4.2,+popcnt,+avx,+avx2"])
def test_the_same_bits_without_wide_vectors(features, tmp_path):
    """The kernels compiled for a plain x86-64, and for one with AVX2, give what this CPU gives."""
    if os.uname().machine != "x86_64":
        pytest.skip("the features named here are those of x86-64")
    here = Path(__file__).parent
    paths = [str(here), str(here.parents[2]), str(here.parents[3])]
    done = subprocess.run(
        [sys.executable, "-c", PORTABLE.format(paths=paths)],
        env={
            **os.environ,
            "NUMBA_CPU_NAME": "x86-64",
            "NUMBA_CPU_FEATURES": features,
            "NUMBA_CACHE_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == digest()
