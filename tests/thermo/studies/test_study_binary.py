"""thermoc study binary: circuits of what was trained decide the same."""

import json

import numpy as np
import pytest

from compiler.circuits.evaluate import encode_bits, evaluate
from compiler.ir.container import load
from thermo.cli.main import main
from thermo.data import load_dataset


def test_study_binary_resumes_and_its_circuits_decide_the_same(tmp_path, capsys, monkeypatch):
    out = tmp_path / "s"
    arguments = ["study", "binary", "--data", "digits", "--hidden", "6", "--epochs", "3", "--seeds", "3"]
    arguments += ["--estimator", "clip", "--estimator", "reste", "-o", str(out), "--json"]
    assert main(arguments) == 0
    points = json.loads(capsys.readouterr().out)["points"]
    assert [m["agrees"] for m in points] == [1.0, None, None, 1.0, None, None]
    assert points[0]["gates"] > 500
    assert "p, as clip" in (out / "binary.txt").read_text()
    # the kept circuit reads the data itself
    digits = load_dataset("digits")
    circuit = load(next(out.glob("clip*.tnl")))
    bits = evaluate(circuit, encode_bits(circuit, digits.x_test))
    decided = (bits << np.arange(bits.shape[1])).sum(axis=1)
    assert np.mean(decided == digits.y_test) == pytest.approx(points[0]["accuracy"])

    monkeypatch.setattr("thermo.studies.binary.IntegerTrainer", None)
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["points"] == points


def test_study_binary_names_what_it_does_not_know(tmp_path, capsys):
    arguments = ["study", "binary", "--data", "digits", "-o", str(tmp_path / "s")]
    assert main([*arguments, "--estimator", "sigmoid"]) == 2
    assert "estimator must be one of clip, polynomial, tanh, reste" in capsys.readouterr().err
