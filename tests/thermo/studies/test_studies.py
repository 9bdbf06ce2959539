"""Studies: points are remembered, devices are paired, tables say what was measured."""

import json
from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import ThermocError
from compiler.families.langevin import lower_langevin
from hw_models.imperfect import Imperfections
from thermo.data import load_dataset
from thermo.studies.instances import accuracy_on_devices, paired
from thermo.studies.langevin import pareto_series, seeds_table
from thermo.studies.points import load_machine, run_points
from thermo.studies.records import Point
from thermo.training.langevin.presets import pathwise_preset


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def study(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    config = replace(pathwise_preset(digits), n_hidden=8, epochs=3)
    points = [
        Point("8 hidden, penalty 0", config),
        Point("8 hidden, penalty 0", replace(config, seed=1)),
        Point("no couplings, penalty 0", replace(config, coupled=False)),
    ]
    return points, folder, run_points(points, digits, folder)


class _Counting:
    def __init__(self):
        self.notes = []

    def start(self, total, label):
        self.total = total

    def update(self, done, note=""):
        self.notes.append((done, note))

    def stop(self):
        self.stopped = True


def test_a_second_run_reads_what_the_first_wrote(study, digits, monkeypatch):
    points, folder, first = study
    monkeypatch.setattr("thermo.studies.points.train_pathwise", None)  # would fail if called
    progress = _Counting()
    assert run_points(points, digits, folder, progress=progress) == first
    assert [done for done, _ in progress.notes] == [1, 2, 3] and progress.stopped
    assert not list(folder.glob("*.checkpoint"))


def test_another_setting_is_another_point(study, digits):
    points, _, _ = study
    keys = {p.key(digits) for p in points}
    keys.add(Point(points[0].series, replace(points[0].config, heat_penalty=1e-3)).key(digits))
    assert len(keys) == 4


def test_a_damaged_record_is_named(study, digits):
    points, folder, _ = study
    record = folder / f"{points[0].key(digits)}.json"
    text = record.read_text()
    record.write_text(text[:20])
    with pytest.raises(ThermocError, match="not a study record"):
        run_points(points[:1], digits, folder)
    record.write_text(text)


def test_tables_and_curves(study):
    _, folder, measured = study
    table = seeds_table(measured)
    assert [row[:2] for row in table.rows] == [("8 hidden, penalty 0", "2"), ("no couplings, penalty 0", "1")]
    mean = 100 * np.mean([m.accuracy for m in measured[:2]])
    assert table.rows[0][2].startswith(f"{mean:.2f} ± ")
    series = pareto_series(measured)
    assert [(s.label, s.control, len(s.heat)) for s in series] == [
        ("8 hidden", False, 2),
        ("no couplings", True, 1),
    ]
    assert load_machine(measured[0], folder).n_hidden == 8


def test_records_hold_both_time_steps(study):
    _, folder, measured = study
    record = json.loads(next(folder.glob("8_hidden*seed0*.json")).read_text())
    assert record["heat"] == measured[0].heat
    m = measured[0]
    # Halving dt changes heat by its discretisation error only, a small share of it.
    assert abs(m.halved_heat - m.heat) < 0.05 * m.heat + 8 * m.heat_sem


def test_devices_differ_and_repeat(study, digits):
    _, folder, measured = study
    netlist = lower_langevin(load_machine(measured[0], folder))
    device = Imperfections(mismatch=0.5)
    first = accuracy_on_devices(netlist, digits, device, 3, seed=7)
    assert np.array_equal(first, accuracy_on_devices(netlist, digits, device, 3, seed=7))
    assert np.ptp(first) > 0
    perfect = accuracy_on_devices(netlist, digits, Imperfections(), 2)
    assert np.ptp(perfect) == 0


def test_paired_comparison_by_hand():
    p = paired([0.90, 0.92, 0.91], [0.93, 0.94, 0.95])
    gain = np.array([0.03, 0.02, 0.04])
    assert p.gain == pytest.approx(gain.mean())
    assert p.sem == pytest.approx(gain.std(ddof=1) / np.sqrt(3))
    assert p.p == pytest.approx(0.0351, abs=5e-4)  # t = 5.196, 2 degrees of freedom
    assert paired([0.5, 0.5], [0.5, 0.5]).p == 1.0


def test_a_gain_without_spread_is_no_chance():
    assert paired([0.5, 0.25], [0.75, 0.5]).p == 0.0


def test_other_rows_under_the_same_name_are_another_point(digits):
    point = Point("x", pathwise_preset(digits))
    mine = replace(digits, name="mine")
    other = replace(mine, x_test=mine.x_test[::-1].copy())
    assert point.key(mine) == point.key(replace(mine))
    assert point.key(mine) != point.key(other)


def test_threads_are_checked_before_training(digits, tmp_path, monkeypatch):
    monkeypatch.setattr("thermo.studies.points.train_pathwise", None)  # would fail if called
    with pytest.raises(ThermocError, match="threads must be"):
        run_points([Point("x", pathwise_preset(digits))], digits, tmp_path, threads=9999)
