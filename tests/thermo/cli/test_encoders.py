"""Encoders on the command line: trained, shown, exported with the pixels' digits as inputs, counted whole."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from compiler import save
from compiler.circuits.encoder import grid_of
from compiler.circuits.encoder_builder import EncoderBuilder
from compiler.counting import gate_counts, whole_counts
from compiler.errors import NetlistError
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import ClassSums, make_gates
from thermo.cli.main import main
from thermo.data import load_dataset
from thermo.energy.gate_samples import dataset_samples
from thermo.energy.gates import estimate_gates

needs_iverilog = pytest.mark.skipif(shutil.which("iverilog") is None, reason="iverilog is not installed")


def digits_counter():
    """Ten classes, each of which counts eight local bits and windows of the 8x8 digits (values 0 to 16)."""
    rng = np.random.default_rng(0)
    builder = EncoderBuilder(64, 16)
    above = [builder.above(builder.sum({f: 1, f + 1: -1}), int(rng.integers(-4, 5))) for f in range(63)]
    for k in range(40):
        window = builder.count(rng.choice(above, 9, replace=False).tolist())
        builder.bit(window, 3)
        builder.bit(above[k])
    encoder = builder.build()
    ops, a, b = rng.choice([1, 6, 7, 14], 80), rng.integers(0, 80, 80), rng.integers(0, 80, 80)
    sums = ClassSums(np.arange(80, 160, dtype=np.int32), np.arange(11, dtype=np.int64) * 8)
    names = [f"x{k}" for k in range(80)]
    return make_gates(names, ops, a, b, {}, class_sums=sums, encoder=encoder)


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.tnl"
    save(digits_counter(), path)
    return path


def printed(capsys, *arguments):
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@needs_iverilog
def test_verilog_with_encoder_decides_on_the_pixels_digits(capsys, net, tmp_path):
    verilog, bench = tmp_path / "net.v", tmp_path / "tb.v"
    told = printed(
        capsys,
        *("export", net, "--format", "verilog", "--encoder", "gates", "-o", verilog),
        *("--testbench", bench, "--data", "digits", "--samples", 60),
    )
    assert "p0[4]" in verilog.read_text() or "p1[4]" in verilog.read_text()
    assert told["counts"]["inputs"] % 5 == 0
    subprocess.run(["iverilog", "-g2012", "-o", tmp_path / "sim", verilog, bench], check=True)
    said = subprocess.run(["vvp", tmp_path / "sim"], capture_output=True, text=True, check=True).stdout
    assert "PASS" in said and "60" in said


def test_export_names_what_is_missing(capsys, net, tmp_path):
    plain = make_gates(["a", "b"], [6], [0], [1], {"y": 2})
    save(plain, tmp_path / "plain.tnl")
    thresholds = Thermometer(64, np.zeros(2, np.int32), np.array([0.2, 0.4]))
    save(make_gates(["a", "b"], [6], [0], [1], {"y": 2}, encoder=thresholds), tmp_path / "warm.tnl")
    for name, encoder, message in (
        ("plain", "gates", "no encoder"),
        ("warm", "gates", "give data"),
        ("plain", "cells", "bits or gates"),
    ):
        arguments = "--format", "blif", "--encoder", encoder, "-o", str(tmp_path / "o")
        assert main(["export", str(tmp_path / f"{name}.tnl"), *arguments]) == 2
        assert message in " ".join(capsys.readouterr().err.split())
    out = tmp_path / "warm.blif"
    arguments = "--format", "blif", "--encoder", "gates", "--data", "digits", "-o", str(out)
    assert main(["export", str(tmp_path / "warm.tnl"), *arguments]) == 0
    assert "p0[0]" in out.read_text()


def test_core_and_whole_stand_side_by_side(capsys, net):
    netlist = digits_counter()
    counted = whole_counts(netlist)
    assert list(counted) == ["core", "with_head", "with_encoder_and_head"]
    assert counted["core"] < counted["with_head"] < counted["with_encoder_and_head"]
    assert printed(capsys, "show", net)["counts"]["two_input_gates"] == counted
    dataset = load_dataset("digits")
    got = estimate_gates(netlist, dataset_samples(netlist, dataset, "test"), ())
    whole = got.gates["two_input_with_encoder_and_head"]
    assert got.gates["two_input_with_head"] < whole
    assert got.gates["lut6_with_head"] < got.gates["lut6_with_encoder_and_head"] < whole
    thermometer = Thermometer(64, np.arange(64, dtype=np.int32), np.full(64, 0.5))
    warm = make_gates(
        [f"x{k}" for k in range(64)],
        [6] * 10,
        range(10),
        range(10, 20),
        {},
        encoder=thermometer,
        class_sums=ClassSums(np.arange(64, 74, dtype=np.int32), np.arange(11, dtype=np.int64)),
    )
    assert "with_encoder_and_head" not in whole_counts(warm)  # unknown what whole numbers the data are
    grid = grid_of(thermometer, dataset.x_train)
    assert whole_counts(warm, grid)["with_encoder_and_head"] > whole_counts(warm)["with_head"]
    assert gate_counts(warm)["gates"]["two_input"] == whole_counts(warm)["core"]


def test_builder_makes_what_is_asked_for_twice_once():
    builder = EncoderBuilder(4)
    once = builder.above(builder.sum({0: 1, 1: -1}), 7)
    assert builder.above(builder.sum({1: -1, 0: 1}), 7) == once
    window = builder.count([once, builder.above(2, 3)])
    assert builder.count([builder.above(2, 3), once]) == window < 0
    assert builder.bit(once) == 0 and builder.bit(window, 2) == 1
    encoder = builder.build()
    assert (encoder.n_sums, encoder.n_comparisons, encoder.n_counts) == (2, 2, 2)
    data = np.array([[20, 4, 9, 0], [10, 4, 9, 0], [20, 4, 3, 0]]) / 255
    assert encoder.bits(data).tolist() == [[True, True], [False, False], [True, False]]
    with pytest.raises(NetlistError, match="a sum of nothing"):
        builder.sum({0: 0})
    builder.bit(window, 3)
    with pytest.raises(NetlistError, match="input 2 asks for 3 ones or more of 2"):
        builder.build()


def test_shared_tables_are_trained_told_and_compiled(capsys, tmp_path):
    model, out = tmp_path / "shared.safetensors", tmp_path / "shared.tnl"
    setting = "--encoder", "patches", "--patches", "4", "--patch-size", "2", "--patch-epochs", "1"
    size = "--gates", "100", "--epochs", "2"
    told = printed(capsys, "train", "logic", *size, *setting, "-o", model)
    shared = told["shared_tables"]
    assert shared["tables"] <= 4 and shared["places"] <= 4 * 9
    assert shared["gates_once"] < shared["gates_unrolled"] < told["two_input_gates"]["with_encoder_and_head"]
    assert main(["compile", str(model), "-o", str(out)]) == 0
    capsys.readouterr()
    assert printed(capsys, "show", out)["counts"]["shared_tables"] == shared
    assert printed(capsys, "simulate", out, "--data", "digits")["accuracy"] == told["accuracy"]
