"""Twelve networks that users bring: the machine at kT = 0 decides as they do on a thousand samples."""

import importlib.util

import numpy as np
import pytest

import compiler
from benchmarks.networks import NETWORKS, compared, refused, seeded
from compiler.errors import UnsupportedError
from thermo import simulate

pytest.importorskip("torch", reason="torch is not installed; it comes with thermoc[interop]")
LARGE = "ResNet-8, 32 x 32 x 3"
NEEDS = {"Keras functional, .keras": "keras", "Keras-like .onnx": "onnx"}


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != LARGE])
def test_it_decides_as_the_original(name, tmp_path):
    needed = NEEDS.get(name, "torch")
    if importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
    brought = seeded(NETWORKS[name], 1000, tmp_path)
    row = compared(brought)
    if row["error"] is None:
        # of random weights a few answers may be nearer to each other than single precision tells
        assert row["agree"] >= 999
        theirs = brought.y if brought.y.ndim == 1 else brought.y.argmax(axis=1)
        assert np.bincount(theirs.astype(int)).max() < 700, "a network that decides one thing shows nothing"
    else:
        assert row["error"] < 1e-5 and np.ptp(brought.y, axis=0).max() > 0.5


def test_a_residual_network_step_by_step(tmp_path):
    """Few samples at each step, whose states are the rest's."""
    brought = seeded(NETWORKS[LARGE], 24, tmp_path)
    row = compared(brought)
    assert row["agree"] == 24 and row["cells"] > 50_000 and row["couplings"] > 100 * row["parameters"]
    netlist = compiler.compile(brought.source, options=brought.options)
    length = netlist.schedule[0].duration
    run = simulate(netlist, brought.x[:1], dt=length / round(length / 0.9), heat=False)
    rest = simulate(netlist, brought.x[:1], method="rest")
    np.testing.assert_allclose(run.answers(), rest.answers(), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_a_residual_network_decides_as_the_original(tmp_path):
    row = compared(seeded(NETWORKS[LARGE], 1000, tmp_path))
    assert row["agree"] >= 999


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("transformer", r"1\.layers\.0\.self_attn: MultiheadAttention is attention, which multiplies values"),
        ("GELU", "1: GELU has a curve that no cell shows"),
        ("LayerNorm", "1: LayerNorm divides by its own inputs' spread, which no cell does"),
        ("softmax inside", "1: Softmax is supported only at the end of a classifier"),
        ("LSTM", "lstm: LSTM has a state from step to step"),
    ],
)
def test_what_cannot_be_lowered_is_named(name, message):
    module, batch = refused()[name]
    with pytest.raises(UnsupportedError, match=message):
        compiler.compile(module, example_inputs=batch)
