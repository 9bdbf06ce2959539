"""thermoc study bayes and bayes-gaps."""

import json

import numpy as np
import pytest

from thermo.cli.main import main
from thermo.data import DataError, load_dataset
from thermo.studies.bayes import foreign_images, paired, paired_table, subset, turned
from thermo.studies.bayes_gaps import gap_data, log_likelihood
from thermo.training.bayes.fit import Fitted
from thermo.training.bayes.network import Network


def _small(study, *more):
    return ["study", study, "--seeds", "3", "--epochs", "6", "--hidden", "4", *more]


def test_study_bayes_resumes(tmp_path, capsys, monkeypatch):
    arguments = _small("bayes", "--rows", "100", "-o", str(tmp_path / "s"), "--json")
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["points"]) == 15 and found["points"][0]["foreign"] is None
    assert {m["updates"] for m in found["points"]} == {6, 5}  # five members of one pass each
    assert {t["rival"] for t in found["tests"]} == {"adam", "adam-prior", "ensemble", "sgld"}
    assert found["energy"]["joules"]["total"] > found["energy"]["joules"]["weight_write"] > 0

    def stop(*_, **__):
        raise AssertionError("a point was run again")

    monkeypatch.setattr("thermo.studies.bayes.fit_bayes", stop)
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["points"] == found["points"]


@pytest.mark.slow
def test_study_bayes_gaps(tmp_path, capsys):
    assert main(_small("bayes-gaps", "-o", str(tmp_path / "s"), "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["points"]) == 15 and all(np.isfinite(m["inside"]) for m in found["points"])
    assert (tmp_path / "s" / "bayes-gaps.png").exists()


def test_paired_tests_tell_a_difference_from_none():
    class Run:
        def __init__(self, series, seed, error):
            self.series, self.seed, self.calibration_error = series, seed, error
            self.nll = self.brier = self.accuracy = 0.1 * seed

    noise = [0.001, -0.001, 0.0005, 0.0, -0.0005]
    runs = [Run(name, s, 0.02 + s * 0.01) for name in ("adam-prior", "ensemble", "sgld") for s in range(5)]
    runs += [Run("sa-sgld", s, 0.02 + s * 0.01 + noise[s]) for s in range(5)]
    runs += [Run("adam", s, 0.05 + s * 0.01) for s in range(5)]
    tests = {(t["rival"], t["score"]): t for t in paired(runs)}
    assert tests["adam", "calibration_error"]["difference"] == pytest.approx(-0.03)
    assert tests["adam", "calibration_error"]["p"] < 1e-4 and tests["sgld", "calibration_error"]["p"] > 0.5
    rows = {(r[0], r[1]): r[4] for r in paired_table(paired(runs)).rows}
    assert rows["adam", "calibration error"] == "better"
    assert rows["sgld", "calibration error"] == "not told apart at p < 0.01"


def test_rows_and_foreign_images():
    digits = load_dataset("digits")
    x, y = subset(digits, 50, 1)
    assert x.shape == (50, 64) and not np.array_equal(x, subset(digits, 50, 2)[0])
    assert np.array_equal(subset(digits, 50, 1)[1], y)
    turn = turned(x, (8, 8))
    assert np.array_equal(turn[0].reshape(8, 8), np.rot90(x[0].reshape(8, 8)))
    assert turned(x, ()) is None
    with pytest.raises(DataError, match="--foreign digits"):
        foreign_images(digits, (28, 28))
    cut = foreign_images(digits, (4, 4))
    assert np.array_equal(cut[0].reshape(4, 4), digits.x_test[0].reshape(8, 8)[2:6, 2:6])


@pytest.mark.parametrize("study", ["bayes", "binary", "generative"])
def test_more_rows_than_there_are_are_refused(tmp_path, capsys, study):
    assert main(["study", study, "--data", "digits", "--rows", "1170", "-o", str(tmp_path / "s")]) == 2
    assert "--rows 1170: data set digits has 1,169 training rows" in capsys.readouterr().err


def test_the_gap_is_one_and_its_likelihood_a_mixture():
    x, _ = gap_data(200, 0)
    between, y = gap_data(200, 0, inside=True)
    assert np.abs(x).min() > 0.35 > np.abs(between).max()
    net = Network(1, 1, 1, 0.1)
    weights = np.array([[0, 0, 0, 0.1], [0, 0, 0, -0.2]], np.float32)  # two constants
    fitted = Fitted(net, weights, np.array([0.25, 0.75]), 1, np.empty(0), 0.0, 0.0, 0.0)
    density = [np.exp(-((y[:, 0] - c) ** 2) / 0.02) / np.sqrt(2 * np.pi * 0.01) for c in (0.1, -0.2)]
    expected = np.log(0.25 * density[0] + 0.75 * density[1] + 1e-300)
    near = np.abs(y[:, 0]) < 1
    assert log_likelihood(fitted, between, y)[near] == pytest.approx(expected[near], rel=1e-4)
