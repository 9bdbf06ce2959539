"""The demo on a short setting: what it writes, and that its figures hang together."""

import io
import json
import pickle

import pytest

from compiler import load
from thermo.cli.console import plain
from thermo.data import load_dataset
from thermo.demo.apart import PartError, answer, apart, work
from thermo.demo.run import run_demo
from thermo.demo.whole import RESET
from thermo.energy.run import estimate
from thermo.training.errors import TrainingError


def test_demo_writes_a_netlist_and_a_page(tmp_path):
    done = run_demo(tmp_path / "out", epochs=2)
    assert load(done.netlists[0]).n_cells == 64 + 74
    page = done.page.read_text()
    assert "The ledger" in page and "Every assumption" in page
    assert "how it fails" in page and "nangate45" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    figures = json.loads(json.dumps(plain(done.figures), allow_nan=False))
    found = figures["langevin"]
    # what the device's couplings do to a machine that was trained without them
    assert found["ideal_couplings"] > found["trained_for_ideal_couplings"]
    assert len(found["mismatched_devices"]) == 10
    # the accuracy beside joules is that of the files' machines over the same cycles
    read = {d["name"].split(",")[0]: d["accuracy"] for d in figures["compare"]["designs"] if d["given"]}
    for name, path in zip(("Langevin machine", "relaxing network"), done.netlists[:2], strict=True):
        again = estimate(load(path), load_dataset("digits"), reset=RESET, baselines=())
        assert again.design.accuracy == read[name]
    assert figures["mlp"]["accuracy"] == figures["mlp"]["as_netlist"] > 0.9
    given = [d for d in figures["compare"]["designs"] if d["given"]]
    assert {d["name"].split(",")[0] for d in given} == {
        "Langevin machine",
        "relaxing network",
        "gate network",
        "p-bits",
    }
    assert all(d["energy_J"]["low"] <= d["energy_J"]["likely"] <= d["energy_J"]["high"] for d in given)
    assert all(
        sum(p["likely"] for p in d["places"].values()) == pytest.approx(d["energy_J"]["likely"], rel=1e-9)
        for d in given
    )
    eqprop = figures["eqprop"]
    assert len(eqprop["in_situ"]) == 5 and eqprop["accuracy"] > 0.5
    joules = dict(eqprop["training_energy_J"])
    assert joules.pop("total") == pytest.approx(sum(joules.values())) and min(joules.values()) > 0
    assert "What training costs" in page and "trained in situ" in page
    logic = figures["logic"]
    assert 0 < logic["gates"]["two_input"] < logic["gates"]["declared"]
    assert logic["proof"] == "sat"
    assert logic["accuracy_flip"]["0.0"] == logic["accuracy"] > logic["accuracy_flip"]["0.3"]
    ebm = figures["ebm"]
    # two epochs leave the machine near the independent pixels that it starts from
    assert abs(ebm["log_likelihood"] - ebm["base_rate_log_likelihood"]) < 5
    assert ebm["log_z_error"] < 1
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
    priced = [row for row in done.table.rows if row[2]]
    assert len(priced) >= 5 and all(row[3] for row in priced)


def test_a_part_in_its_own_process_tells_its_errors(tmp_path):
    options = {"seed": 0, "threads": 1, "epochs": 1}
    told = io.BytesIO()
    place = "thermo.demo.logic:logic_part"
    work(pickle.dumps(((place,), (load_dataset("cosine"), tmp_path), options)), told)
    assert isinstance(pickle.loads(told.getvalue()), TrainingError)
    with apart([place], load_dataset("digits"), tmp_path, **options) as process:
        process.kill()
        with pytest.raises(PartError, match="ended with code -9 and no result"):
            answer(process)
