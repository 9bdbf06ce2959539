"""The frontier: what is counted, what is recounted, what no other beats, and that a study resumes."""

import csv
import json

import numpy as np
import pytest

from compiler.counting import gate_counts
from compiler.errors import UnsupportedError
from compiler.families.logic import lower_logic
from compiler.ir.gates import ClassSums, make_gates
from compiler.passes.gates.heads import lower_head
from hw_models.published_networks import NETWORKS, OPERATIONS, PublishedNetwork
from hw_models.source import Quantity, Source
from thermo.cli.main import main
from thermo.data import load_dataset
from thermo.studies.frontier import frontier_points, numbers
from thermo.studies.frontier_figure import frontier_figure
from thermo.studies.frontier_points import FrontierRow, counted, on_front, published_rows
from thermo.studies.frontier_table import frontier_table
from thermo.studies.recount import Count, head_gates, recounted
from thermo.training.logic import logic_preset, train_logic


def published(who, size):
    return next(n for n in NETWORKS if n.who == who and n.size.value == size)


def test_a_published_layer_is_recounted_by_hand():
    """8,000 gates, ten classes of 800: ten popcounts of 800 bits and nine comparisons of ten-bit words."""
    found = recounted(published("LILogicNet", 8000))
    assert found["declared"] == Count(8000)
    assert found["core"] == Count(8000, "≤")
    assert found["with_head"] == Count(8000 + head_gates(8000, 10), "≤")
    # 4.5 gates a bit, less what the words' own bits save; a comparison and a choice of 10 bits: 58 gates
    assert 4.4 * 8000 < head_gates(8000, 10) < 4.5 * 8000 + 9 * 60
    assert "with_encoder_and_head" not in found  # how many thresholds is not told
    whole = recounted(published("difflogic", 384_000))
    assert whole["with_encoder_and_head"].value - whole["with_head"].value == 7 * 784


def test_the_head_of_a_recount_is_the_head_of_our_circuits():
    sums = ClassSums(np.arange(36, dtype=np.int32), np.arange(0, 37, 12), 1.0, ("a", "b", "c"))
    netlist = make_gates([f"x{k}" for k in range(36)], [], [], [], {}, class_sums=sums)
    made = lower_head(netlist, sums=False, merge=False)
    assert head_gates(36, 3) == gate_counts(made)["gates"]["two_input"]


def test_what_was_counted_otherwise_is_compared_under_nothing_else():
    assert set(recounted(published("convolutional", 147e3))) == {"with_head"}
    assert recounted(published("CompactLogic", 251e3)) == {}
    rows = published_rows("mnist", 10)
    best = max(range(len(rows)), key=lambda k: rows[k].accuracy)
    assert rows[best].network.startswith("CompactLogic") and rows[best].stated == OPERATIONS
    assert best not in on_front(rows, "with_head")
    about = next(k for k, row in enumerate(rows) if row.network.startswith("BitLogic"))
    assert rows[about].counts["core"].firm == "≈" and about not in on_front(rows, "core")
    assert OPERATIONS in frontier_table(rows, "none").rows[best][-1]
    drawn = frontier_figure(rows, "mnist").axes
    names = [[text.get_text() for text in panel.texts] for panel in drawn]
    assert [k for k, panel in enumerate(names) if "CompactLogic" in panel] == [len(drawn) - 1]


@pytest.mark.parametrize("placed", [True, False])
def test_names_of_published_networks_cover_no_point(monkeypatch, placed):
    """Left where they are first written, they do."""
    if not placed:
        monkeypatch.setattr("thermo.studies.frontier_figure.apart", lambda names: None)
    rows = published_rows("mnist", 10)
    panel = frontier_figure(rows, "mnist").axes[0]
    here = [(row.counts["core"].value, 100 - 100 * row.accuracy) for row in rows if "core" in row.counts]
    points = panel.transData.transform(here)
    boxes = [text.get_window_extent() for text in panel.texts]
    covered = sum(int(box.contains(*point)) for box in boxes for point in points)
    met = sum(box.overlaps(other) for k, box in enumerate(boxes) for other in boxes[:k])
    assert len(boxes) == 6 and (covered + met == 0) == placed


def test_a_point_is_on_the_front_if_none_is_better_and_smaller():
    def row(size, accuracy, firm="="):
        return FrontierRow("", True, accuracy, {"core": Count(size, firm)})

    rows = [row(10, 0.8), row(20, 0.9), row(30, 0.85), row(20, 0.9), row(5, 0.95, "≈"), row(40, 0.91, "≤")]
    assert on_front(rows, "core") == [0, 1, 3, 5]
    assert on_front(rows, "with_head") == []


def test_every_published_size_has_a_source_and_a_data_set_of_ours():
    for network in NETWORKS:
        assert isinstance(network, PublishedNetwork) and isinstance(network.size, Quantity)
        assert network.accuracy.source.kind in ("paper", "second-hand") and network.size.source.ref
    with pytest.raises(Exception, match="source kind"):
        Source("rumour", "someone")


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.mark.parametrize("inputs", [2, 3])
def test_each_definition_counts_more_of_the_machine(digits, inputs):
    from compiler.families.tables import lower_tables

    model = train_logic(digits, logic_preset(digits, layers=(40,), inputs=inputs, epochs=1)).model
    found = counted(lower_logic(model) if inputs == 2 else lower_tables(model), digits)
    assert 0 < found["core"] < found["with_head"] < found["with_encoder_and_head"]
    assert found["lut6_with_head"] <= found["lut4_with_head"] <= found["with_head"]
    assert found["live"] <= 40 and 0 < found["bits"] <= 40 * inputs


def test_the_study_resumes_and_writes_table_csv_and_figure(capsys, tmp_path, monkeypatch):
    folder = tmp_path / "f"
    arguments = ["study", "frontier", "--gates", "20,40", "--inputs", "2", "--inputs", "3", "--seeds", "1"]
    arguments += ["--epochs", "1", "--priced", "400", "-o", str(folder), "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(p["inputs"], p["declared"]) for p in found["points"]] == [(2, 20), (2, 40), (3, 20), (3, 40)]
    small, *_, large = found["points"]
    assert 0 < small["answer"]["7 nm"]["joules"] < small["answer"]["45 nm"]["joules"] < 1e-9
    assert large["answer"] == {} and "more than --priced 400" in large["unpriced"]
    with (folder / "frontier.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [float(line["core"]) for line in lines] == [p["core"] for p in found["points"]]
    assert (folder / "frontier.png").stat().st_size > 10_000
    assert "20 tables of 3" in (folder / "frontier.txt").read_text()

    def never(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr("thermo.studies.frontier.train_logic", never)
    assert main(arguments) == 0 and json.loads(capsys.readouterr().out)["rows"] == found["rows"]


def test_a_point_is_measured_once_however_often_it_is_named(digits):
    once = frontier_points(digits, [20], [2], [None], 2)
    assert len(once) == 2
    assert frontier_points(digits, [20], [2, 2], [None, "thermometer", "thermometer"], 2) == once


def test_pixel_bits_are_of_encoders_that_read_them(digits):
    points = frontier_points(digits, [20], [2], ["thermometer", "counts"], 1, pixel_bits=4)
    assert [p.config.config.pixel_bits for p in points] == [8, 4]
    assert "thermometer 1" in points[0].series and "counts of 4 bits" in points[1].series


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--gates", "25"], "--gates 25"),
        (["--gates", "few"], "--gates: whole"),
        (["--inputs", "7"], "2 to 6"),
        (["--pixel-bits", "4"], "thermometers read whole pixels"),
    ],
)
def test_bad_requests_get_one_line(capsys, tmp_path, given, told):
    assert main(["study", "frontier", *given, "-o", str(tmp_path / "none")]) == 2
    printed = capsys.readouterr().err
    assert told in printed and printed.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_numbers_of_a_flag():
    assert numbers("--gates", ["500,2000", "500"], 1) == [500, 2000] and numbers("--gates", None, 1) == []
    for text in ("²", "9" * 5000, ""):
        with pytest.raises(UnsupportedError, match="--gates: whole numbers from 1"):
            numbers("--gates", [text], 1)
