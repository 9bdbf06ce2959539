"""The demo on a short setting: what it writes, and that its figures hang together."""

import io
import json
import pickle

import pytest

from compiler import load
from thermo.cli.console import plain
from thermo.data import load_dataset
from thermo.demo import run_demo
from thermo.demo.apart import PartError, answer, logic_apart, work
from thermo.training.result import TrainingError


def test_demo_writes_a_netlist_and_a_page(tmp_path):
    done = run_demo(tmp_path / "out", epochs=2)
    assert load(done.netlists[0]).n_cells == 64 + 74
    page = done.page.read_text()
    assert page.count("<svg") == 4 and "Accuracy against heat" in page
    assert "how it fails" in page and "nangate45" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    figures = json.loads(json.dumps(plain(done.figures), allow_nan=False))
    energy = figures["langevin"]["energy_J"]
    assert energy["total"] > energy["physics"] > 0
    assert len(figures["langevin_mismatched_devices"]) == 10
    assert figures["mlp"]["accuracy"] == figures["mlp"]["as_netlist"] > 0.9
    logic = figures["logic"]
    assert logic["gates"]["two_input_optimised"] < logic["gates"]["declared"]
    assert logic["proof"] == "sat" and logic["energy_J"]["total"] > 0
    assert logic["accuracy_flip"]["0.0"] == logic["accuracy"] > logic["accuracy_flip"]["0.3"]
    assert sorted(p.name for p in done.page.parent.iterdir()) == [
        "gates.safetensors",
        "gates.tnl",
        "machine.safetensors",
        "machine.tnl",
        "report.html",
    ]
    assert "one run" in done.table.rows[2][0]


def test_a_part_in_its_own_process_tells_its_errors(tmp_path):
    options = {"seed": 0, "threads": 1, "epochs": 1}
    told = io.BytesIO()
    work(io.BytesIO(pickle.dumps(((load_dataset("cosine"), tmp_path), options))), told)
    assert isinstance(pickle.loads(told.getvalue()), TrainingError)
    with logic_apart(load_dataset("digits"), tmp_path, **options) as process:
        process.kill()
        with pytest.raises(PartError, match="ended with code -9 and no result"):
            answer(process)
