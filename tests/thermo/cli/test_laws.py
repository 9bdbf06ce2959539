"""Laws on the command line: devices at a time, regimes of training, and what is refused."""

import json

import pytest

from thermo.cli.main import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A machine trained clean for a device of phase-change cells, and its netlist."""
    folder = tmp_path_factory.mktemp("laws")
    model, net = folder / "m.safetensors", folder / "n.tnl"
    train = f"train langevin --data digits --hidden 8 --epochs 1 -o {model}".split()
    assert main(train) == 0 and main(["compile", str(model), "-o", str(net)]) == 0
    return folder, net


def told(capsys, *words) -> dict:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def fails(capsys, *words) -> str:
    capsys.readouterr()
    assert main([*words]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Traceback" not in said
    return said


def test_a_device_is_simulated_and_priced_at_a_time(files, capsys):
    _, net = files
    run = ["simulate", str(net), "--data", "digits", "--device", "pcm-crossbar", "--couplings", "ideal"]
    run += ["--input-bits", "ideal", "--output-bits", "ideal"]
    outputs = [told(capsys, *run, *at)["heat_kT"]["mean"] for at in ((), ("--at", "1h"), ("--at", "3600"))]
    assert outputs[1] == outputs[2] != outputs[0]
    assert told(capsys, *run, "--at", "1h", "--read", "1")["heat_kT"]["mean"] != outputs[1]
    seeds = [told(capsys, *run, "--at", "1h", "--device-seed", k)["heat_kT"]["mean"] for k in ("1", "2")]
    assert seeds[0] != seeds[1]


@pytest.mark.parametrize("at", ["-1h", "soon", "1fortnight"])
def test_a_time_before_programming_is_one_line(files, capsys, at):
    _, net = files
    said = fails(capsys, "simulate", str(net), "--data", "digits", "--device", "pcm-crossbar", "--at", at)
    assert "at must be a time >= 0 since the device was programmed" in said and "--at 1h" in said


def test_what_says_nothing_is_one_line(files, capsys):
    folder, net = files
    said = fails(capsys, "simulate", str(net), "--data", "digits", "--at", "1h")
    assert "the device has no laws: leave --at out" in said
    said = fails(capsys, "estimate", str(net), "--device", "rc-1fF", "--at", "1h")
    assert "the device has no laws" in said
    out = str(folder / "x.safetensors")
    common = ["--data", "digits", "--epochs", "1", "-o", out]
    for kind in ("eqprop", "langevin"):
        said = fails(capsys, "train", kind, *common, "--regime", "aware")
        assert "there are no imperfections" in said
    said = fails(capsys, "train", "eqprop", *common, "--regime", "sometimes", "--mismatch", "0.1")
    assert "--regime must be one of clean, aware, in-place, got 'sometimes'" in said
    said = fails(capsys, "train", "ebm", *common, "--regime", "sometimes")
    assert "--regime must be one of clean, aware, in-place" in said
    said = fails(capsys, "train", "eqprop", *common, "--device", "pcm-crossbar", "--at", "-1h")
    assert "at must be a time >= 0" in said


@pytest.mark.parametrize("regime", ["clean", "aware", "in-place"])
def test_the_test_is_on_the_device(files, capsys, regime):
    folder, _ = files
    model, net = str(folder / f"{regime}.safetensors"), str(folder / f"{regime}.tnl")
    there = ["--mismatch", "0.3", "--device-seed", "4"]
    command = ["train", "langevin", "--data", "digits", "--hidden", "8", "--epochs", "1", "-o", model]
    found = told(capsys, *command, *there, "--regime", regime)
    assert main(["compile", model, "-O", "1", "-o", net]) == 0
    again = told(capsys, "simulate", net, "--data", "digits", *there)
    assert found["accuracy"] == again["accuracy"]
