"""thermoc train logic, and what the other commands make of its model."""

import json

import numpy as np
import pytest

from compiler.families.store import load_model
from thermo.cli.main import main


def call(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, capsys.readouterr()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("logic") / "digits.safetensors"
    assert main(["train", "logic", "--gates", "400", "--epochs", "6", "-o", str(path)]) == 0
    return path


def test_trained_circuit_is_what_was_reported(capsys, model, tmp_path):
    network = load_model(model)
    assert network.n_gates == 400 and network.meta["data"] == "digits"
    net = tmp_path / "net.tnl"
    assert call(capsys, "compile", model, "-o", net)[0] == 0
    code, printed = call(capsys, "simulate", net, "--data", "digits", "--json")
    result = json.loads(printed.out)
    assert code == 0 and result["accuracy"] == network.meta["test"] > 0.8
    assert result["n_samples"] == 359
    code, printed = call(capsys, "show", net)
    assert code == 0 and "gates" in printed.out
    assert not model.with_name(model.name + ".checkpoint").exists()


def test_json_has_both_accuracies_and_every_setting(capsys, tmp_path):
    code, printed = call(
        capsys,
        "train",
        "logic",
        "--gates",
        "100",
        "--epochs",
        "2",
        "-k",
        "4",
        "--tau",
        "adaptive",
        "--threshold",
        "0.3",
        "--threshold",
        "0.6",
        "--seed",
        "3",
        "--json",
        "-o",
        tmp_path / "m.safetensors",
    )
    result = json.loads(printed.out)
    assert code == 0 and result["split"] == "test" and result["n_samples"] == 359
    config = result["config"]
    assert (config["k"], config["tau"], config["seed"]) == (4, "adaptive", 3)
    assert config["thresholds"] == [0.3, 0.6] and config["refresh"] == 0
    assert np.isclose(result["soft_hard_gap"], result["soft_accuracy"] - result["valid_accuracy"])
    assert result["gates"]["declared"] == 100


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (
            ("--wiring", "tree", "--gates", "500,300"),
            "--gates must be each 2 times as wide as the next with wiring tree and 2 inputs, as 600,300 are",
        ),
        (("--wiring", "residual"), "--gates must be at least two widths with wiring residual"),
        (
            ("--freeze", "0.5"),
            "--freeze must be 1 with one layer, which learns to the end; set --gates to several widths",
        ),
    ],
)
def test_higher_layers_that_do_not_fit_are_refused_by_flag(capsys, tmp_path, flags, told):
    code, printed = call(capsys, "train", "logic", *flags, "-o", tmp_path / "m.safetensors")
    assert code == 2 and told in " ".join(printed.err.split())


def test_trees_and_fixed_layers_are_trained_and_compiled(capsys, tmp_path):
    path, net = tmp_path / "m.safetensors", tmp_path / "net.tnl"
    kind = ("--wiring", "tree", "--inputs", "3", "--gates", "90,30", "--freeze", "0.5")
    code, printed = call(capsys, "train", "logic", *kind, "--epochs", "2", "--json", "-o", path)
    config = json.loads(printed.out)["config"]
    assert code == 0 and (config["wiring"], config["freeze"], config["layers"]) == ("tree", 0.5, [90, 30])
    assert call(capsys, "compile", path, "-o", net)[0] == 0


def test_layers_and_modes_reach_the_general_trainer(capsys, tmp_path):
    path = tmp_path / "m.safetensors"
    code, printed = call(
        capsys,
        "train",
        "logic",
        "--gates",
        "60",
        "--gates",
        "40",
        "--forward",
        "soft",
        "--parametrisation",
        "gates",
        "--epochs",
        "2",
        "-o",
        path,
    )
    assert code == 0 and "60, 40" in printed.out
    layers = load_model(path).layers
    assert [layer.n_gates for layer in layers] == [60, 40] and layers[0].gates is not None


def test_a_kept_checkpoint_is_gone_on_from(capsys, tmp_path):
    kept, path = tmp_path / "kept", tmp_path / "m.safetensors"
    arguments = ("train", "logic", "--gates", "50", "--epochs", "2", "--checkpoint", kept, "-o", path)
    assert call(capsys, *arguments)[0] == 0 and kept.exists()
    first = path.read_bytes()
    code, printed = call(capsys, *arguments)
    assert code == 0 and "resuming from" in printed.err
    assert path.read_bytes() == first


@pytest.mark.parametrize("verb", ["logic", "eqprop", "langevin", "ebm"])
def test_a_checkpoint_is_not_the_model(capsys, tmp_path, verb):
    out = tmp_path / "m.safetensors"
    for kept in (out, tmp_path / ".." / tmp_path.name / "m.safetensors", tmp_path / "m.safetensors.json"):
        code, printed = call(capsys, "train", verb, "--checkpoint", kept, "-o", out)
        assert code == 2 and printed.err.count("\n") == 1
        assert f"--checkpoint {kept}: is a file that the model is written to" in printed.err
    assert not any(tmp_path.iterdir())


def test_bits_that_gates_read_are_counted(capsys, tmp_path):
    _, printed = call(capsys, "train", "logic", "--gates", "10", "--epochs", "1", "-o", tmp_path / "m.st")
    row = next(line for line in printed.out.splitlines() if "read of those offered" in line)
    read, offered = (int(word) for word in row.split("offered")[1].split() if word.isdecimal())
    assert 0 < read <= 20 and offered == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gates", "33"], "multiple of the 10 classes, got 33"),
        (["-k", "few"], "--candidates must be a whole number below 10^9 or"),
        (["-k", "²"], "--candidates must be a whole number below 10^9 or"),
        (["-k", "9" * 5000], "--candidates must be a whole number below 10^9 or"),
        (["--stride", "2"], "--stride must be left at 1 with encoder thermometer, which ignores it"),
        (["--patch-size", "2"], "--patch-size must be left at 3 without shared tables; or set --patches"),
        (["--encoder", "counts", "--threshold", "0.3"], "--threshold must be left out with encoder counts"),
        (["--learning-rate", "1e300"], "--learning-rate must be from 1e-30 to 100"),
        (["--tau", "large"], "tau must be a number > 0"),
        (["--forward", "hard"], "forward must be one of straight-through, soft, gumbel"),
        (["--data", "cosine"], "has values, not classes"),
        (["--backend", "tpu"], "backend must be numba or jax"),
    ],
)
def test_bad_requests_get_one_line(capsys, tmp_path, arguments, message):
    code, printed = call(capsys, "train", "logic", *arguments, "-o", tmp_path / "m.safetensors")
    assert code == 2 and message in printed.err and printed.err.count("\n") == 1


def test_study_of_sizes_resumes(capsys, tmp_path, monkeypatch):
    folder = tmp_path / "study"
    arguments = (
        "study",
        "logic",
        "--data",
        "digits",
        "--gates",
        "50",
        "--gates",
        "100",
        "--epochs",
        "2",
        "--seeds",
        "2",
        "-o",
        folder,
        "--json",
    )
    code, printed = call(capsys, *arguments)
    points = json.loads(printed.out)["points"]
    assert code == 0 and [(p["gates"], p["seed"]) for p in points] == [(50, 0), (50, 1), (100, 0), (100, 1)]
    network = load_model(folder / points[3]["model"])
    assert network.n_gates == 100 and points[3]["live"] <= 100
    table = (folder / "logic.txt").read_text()
    assert "test accuracy %" in table and len(table.splitlines()) == 4
    assert (folder / "logic.png").stat().st_size > 1000

    def never(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr("thermo.studies.logic.train_logic", never)
    assert json.loads(call(capsys, *arguments)[1].out)["points"] == points
    next(folder.glob("50*seed0*.json")).write_text("{}")
    code, printed = call(capsys, *arguments)
    assert code == 2 and "not a study record" in printed.err
