"""Published figures: what follows from their own parts, and what does not."""

import json

import pytest

from thermo.cli.main import main
from thermo.data import load_dataset
from thermo.studies.published import array_figures, chain_figures, classifier_figures, machine_figures


def by_name(figures):
    return {f.name: f for f in figures}


def test_the_array_follows_from_its_nodes_and_not_from_its_times():
    found = by_name(array_figures())
    whole = found["a reconstruction"]
    assert whole.ours == pytest.approx(269_568 * (1.692e-12 + 23 * 7.09e-15), rel=1e-9, abs=0)
    assert whole.ratio == pytest.approx(1.0, abs=0.01)  # two figures are published: 0.495 to 0.505
    assert 20.4 < found["sweeps of a reconstruction"].ours < 25.6
    assert found["a reconstruction, 7.5 ms of sweeps"].ratio > 1000
    assert found["a reconstruction, one sweep a frame"].ratio == pytest.approx(1.147, abs=0.005)


def test_the_chain_s_retellings_disagree():
    found = by_name(chain_figures())
    assert 0.5 < found["a layer (v2)"].ratio < 2 and 0.5 < found["a layer (other retelling)"].ratio < 2
    assert found["a layer (v2)"].published != found["a layer (other retelling)"].published
    assert "disagree by 22 %" in found["sweeps that make 1.6 nJ of 2 fJ a cell"].how


def test_a_classifier_and_a_machine_of_another_data_set():
    """The two that train, on digits: figures of the right kind, of no published machine."""
    digits = load_dataset("digits")
    found = by_name(classifier_figures(digits, epochs=20))
    settled, hazards = found["a decision, settled toggles"].ours, found["a decision, with glitches"].ours
    assert 0 < settled < hazards < 1e-9 and 0.7 < found["accuracy"].ours < 1
    machine = by_name(machine_figures(digits))
    one, two = machine["top-1, one trajectory"].ours, machine["top-2, one trajectory"].ours
    assert 0.5 < one < two <= 1 and machine["heat of an inference"].ours > 0


def test_the_command(tmp_path, capsys):
    out = ["-o", str(tmp_path / "s"), "--data", "digits"]
    assert main(["study", "published", *out, "--only", "array", "--only", "chain", "--json"]) == 0
    assert {f["part"] for f in json.loads(capsys.readouterr().out)["figures"]} == {"array", "chain"}
    assert main(["study", "published", *out, "--only", "nothing"]) == 2
    assert "choose of array, chain, classifier, machine" in capsys.readouterr().err
