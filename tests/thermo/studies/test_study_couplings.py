"""The study of couplings: what it trains for it simulates and prices, and what is there it reads."""

from dataclasses import replace

import pytest

from thermo.data import load_dataset
from thermo.energy.ledger import Design, Price
from thermo.studies import couplings as study

ONLY = {"technologies": ["weak-inversion", "crossbar"], "penalties": [1e-3], "hidden": 8, "epochs": 2}


@pytest.fixture(scope="module")
def digits():
    data = load_dataset("digits")
    return replace(data, x_test=data.x_test[:60], y_test=data.y_test[:60])


def other(accuracy):
    price = Price({"physics": 2e-12}, 1e-9)
    return Design(
        "a circuit", "gates", accuracy, 0.01, 60, "test", "7 nm", 0.7, {}, lambda values, rate: price
    )


def test_points_are_measured_once_and_stand_beside_designs(digits, tmp_path, monkeypatch):
    asked = []

    def digital_designs(dataset, split, accuracy, progress):
        asked.append((split, accuracy))
        return (other(0.9),)

    monkeypatch.setattr(study, "digital_designs", digital_designs)
    found = study.run_couplings(tmp_path, dataset=digits, **ONLY)
    points = found.result["points"]
    assert [p["technology"] for p in points] == ONLY["technologies"]
    assert asked == [("test", max(p["accuracy"] for p in points))]
    for p in points:
        low, likely, high = p["total"]
        assert 0 < low <= likely <= high
        assert sum(ends[1] for ends in p["joules"].values()) == pytest.approx(likely)
        assert 0 <= p["accuracy"] <= 1 and p["strength"] > 0
        assert (p["input_bits"], p["output_bits"]) == (8, 8) and p["reset"]["duration"] > 0
        assert (tmp_path / p["model"]).exists()
    assert points[0]["kT"] != points[1]["kT"]  # voltages fit the couplings
    (table,) = found.tables
    beside = ["a circuit"] if min(p["accuracy"] for p in points) - 0.02 < 0.9 else []
    assert [row[0] for row in table.rows] == [*ONLY["technologies"], *beside]
    assert found.result["references"][0]["total"][1] == 2e-12
    labels = [text.get_text() for text in found.figures["couplings"].legends[0].get_texts()]
    assert labels[:2] == [f"Langevin cells, {name}" for name in ONLY["technologies"]]
    assert ("gates, 7 nm" in labels) == (min(p["accuracy"] for p in points) - 0.02 < 0.9)

    monkeypatch.setattr(study, "train_pathwise", None)  # would fail if called
    assert study.run_couplings(tmp_path, dataset=digits, **ONLY).result == found.result
