"""The demo on a short setting: what it writes, and that its figures hang together."""

import io
import json
import pickle

import pytest

from compiler import load
from thermo.cli.console import plain
from thermo.data import load_dataset
from thermo.demo import run_demo
from thermo.demo.apart import PartError, answer, apart, work
from thermo.training.errors import TrainingError


def test_demo_writes_a_netlist_and_a_page(tmp_path):
    done = run_demo(tmp_path / "out", epochs=2)
    assert load(done.netlists[0]).n_cells == 64 + 74
    page = done.page.read_text()
    assert page.count("<svg") == 6 and "Accuracy against heat" in page
    assert "how it fails" in page and "nangate45" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    figures = json.loads(json.dumps(plain(done.figures), allow_nan=False))
    energy = figures["langevin"]["energy_J"]
    assert energy["total"] > energy["physics"] > 0
    assert len(figures["langevin_mismatched_devices"]) == 10
    assert figures["mlp"]["accuracy"] == figures["mlp"]["as_netlist"] > 0.9
    eqprop = figures["eqprop"]
    assert len(eqprop["in_situ"]) == 5 and eqprop["accuracy"] > 0.5
    joules = dict(eqprop["training_energy_J"])
    assert joules.pop("total") == pytest.approx(sum(joules.values())) and min(joules.values()) > 0
    assert "What training costs" in page and "trained in situ" in page
    logic = figures["logic"]
    assert logic["gates"]["two_input_optimised"] < logic["gates"]["declared"]
    assert logic["proof"] == "sat" and logic["energy_J"]["total"] > 0
    assert logic["accuracy_flip"]["0.0"] == logic["accuracy"] > logic["accuracy_flip"]["0.3"]
    ebm = figures["ebm"]
    # two epochs leave the machine near the independent pixels that it starts from
    assert abs(ebm["log_likelihood"] - ebm["base_rate_log_likelihood"]) < 5
    assert ebm["log_z_error"] < 1 and ebm["per_sample"]["energy_J"]["total"] > 0
    assert "p-bits that generate" in page
    assert sorted(p.name for p in done.page.parent.iterdir()) == [
        "eqprop.safetensors",
        "eqprop.tnl",
        "gates.safetensors",
        "gates.tnl",
        "machine.safetensors",
        "machine.tnl",
        "pbits.safetensors",
        "pbits.tnl",
        "report.html",
    ]
    assert "one run" in done.table.rows[2][0]


def test_a_part_in_its_own_process_tells_its_errors(tmp_path):
    options = {"seed": 0, "threads": 1, "epochs": 1}
    told = io.BytesIO()
    place = "thermo.demo.logic:logic_part"
    work(io.BytesIO(pickle.dumps((place, (load_dataset("cosine"), tmp_path), options))), told)
    assert isinstance(pickle.loads(told.getvalue()), TrainingError)
    with apart(place, load_dataset("digits"), tmp_path, **options) as process:
        process.kill()
        with pytest.raises(PartError, match="ended with code -9 and no result"):
            answer(process)
