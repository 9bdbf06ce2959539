"""Measured cells: the table comes back from what the law draws, in mean and spread, and over time."""

import numpy as np
import pytest

from hw_models.cells_csv import read_cells, write_cells
from hw_models.errors import HardwareError
from hw_models.imperfect import Imperfections
from hw_models.laws.law import PLUS, conductances
from hw_models.laws.measured import Measured
from hw_models.source import Source, with_values

HERE = Source("measured", "made up")
N = 20_000


def cells(asked, law, at=None, seed=3):
    """What N cells have, that are all asked for one conductance, over the on conductance."""
    n = np.arange(N)
    return conductances((law,), np.full(N, asked), n, n + N, PLUS, seed, at)


def table(**columns):
    return tuple((name, tuple(map(float, values))) for name, values in columns.items())


def bins(targets, means, spreads):
    """Two cells a target with exactly this mean and standard deviation."""
    d = np.array(spreads) / np.sqrt(2)
    return table(
        target=np.repeat(targets, 2), measured=np.ravel([np.array(means) - d, np.array(means) + d], "F")
    )


@pytest.fixture
def law():
    return Measured(bins([0.0, 1e-5, 2e-5], [1e-6, 1.1e-5, 1.9e-5], [1e-7, 4e-7, 8e-7]), HERE)


@pytest.mark.parametrize(
    ("asked", "mean", "spread"),
    [(0.5, 1.1e-5, 4e-7), (1.0, 1.9e-5, 8e-7), (0.75, 1.5e-5, 6e-7), (0.25, 6e-6, 2.5e-7)],
)
def test_mean_and_spread_are_those_measured_and_interpolated_between(law, asked, mean, spread):
    assert law.on.value == 2e-5
    g = cells(asked, law) * law.on.value
    # five standard errors of a mean and of a standard deviation
    assert abs(g.mean() - mean) < 5 * spread / np.sqrt(N)
    assert abs(g.std() / spread - 1) < 5 / np.sqrt(2 * N)
    twin = cells(asked, with_values(law, {"scale": 1.2})) * law.on.value
    assert not abs(twin.std() / spread - 1) < 5 / np.sqrt(2 * N)


def test_cells_are_spread_about_their_target_in_bins_of_a_scatter():
    rng = np.random.default_rng(1)
    target = rng.uniform(1e-6, 2e-5, 2000)
    law = Measured(table(target=target, measured=target * 0.95 + rng.normal(0, 3e-7, 2000)), HERE)
    assert law.curve.centres.size == 100
    g = cells(0.5, law) * law.on.value
    asked = 0.5 * law.on.value
    # of a bin of 20 cells: five standard errors of its mean and standard deviation
    assert abs(g.mean() - 0.95 * asked) < 5 * 3e-7 / np.sqrt(20)
    assert abs(g.std() / 3e-7 - 1) < 5 / np.sqrt(38)


def test_a_cell_keeps_its_place_over_time_and_times_are_interpolated():
    one, two = np.array([1.0, 1.2]) * 1e-5, np.array([0.7, 0.9]) * 1e-5
    columns = table(target=[1e-5] * 4, measured=[*one, *two], time=[60, 60, 6000, 6000])
    law = Measured(columns, HERE)
    now, later, between = cells(1.0, law), cells(1.0, law, 6000.0), cells(1.0, law, 600.0)
    np.testing.assert_array_equal(cells(1.0, law, 60.0), now)
    np.testing.assert_array_equal(np.argsort(now), np.argsort(later))
    x = np.log1p(600 / 60) - np.log(2), np.log1p(100) - np.log(2)
    np.testing.assert_allclose(between, now + (later - now) * x[0] / x[1], rtol=1e-12)
    with pytest.raises(HardwareError, match=r"measured up to 6000 s after programming, but at is 3\.6e"):
        cells(1.0, law, 3.6e6)


def test_pulses_make_levels():
    columns = table(pulses=[0, 0, 1, 1, 2, 2], measured=[1e-6, 1e-6, 5e-6, 5e-6, 1e-5, 1e-5])
    law = Measured(columns, HERE)
    assert law.on.value == 1e-5 and law.pulsed
    for asked, got in ((0.0, 0.1), (0.25, 0.1), (0.35, 0.5), (0.7, 0.5), (0.8, 1.0)):
        np.testing.assert_allclose(cells(asked, law), got, rtol=1e-12)


def test_it_comes_back_from_its_dict_and_acts_alike(law):
    made = Imperfections(laws=(law,))
    again = Imperfections.from_dict(made.to_dict())
    np.testing.assert_array_equal(cells(0.5, again.laws[0]), cells(0.5, law))


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (table(target=[1, 1], seen=[1, 1]), "columns must be target, measured"),
        (table(target=[1, 1], measured=[1]), "of one length"),
        (table(target=[1, -1], measured=[1, 1]), "target must be >= 0, got -1 in row 2"),
        (table(target=[1], measured=[1]), "a spread needs two cells or more, got 1"),
        (table(target=[], measured=[]), "a spread needs two cells or more, got 0"),
        (table(target=[0, 0], measured=[1, 1]), "on must be > 0 S"),
        (table(target=[1, 1, 1], measured=[1, 1, 1], time=[0, 9, 9]), "got 1 at target 1"),
    ],
)
def test_tables_that_are_no_law(columns, told):
    with pytest.raises(HardwareError, match=told):
        Measured(columns, HERE)


def test_csv_in_any_unit_and_back(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text("\ufefftarget_uS, measured_nS ,time_min\n5,5200,1\n\n6,6100,2\n", encoding="utf-8")
    columns = read_cells(path)
    assert columns == table(target=[5e-6, 6e-6], measured=[5.2e-6, 6.1e-6], time=[60, 120])
    write_cells(tmp_path / "b.csv", columns)
    assert read_cells(tmp_path / "b.csv") == columns


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("target_uS,measured_uS\n1,2\n3,many\n", r"c\.csv, line 3: measured must be a number, got 'many'"),
        ("target_uS,measured_uS\n1,-2\n", r"line 2: measured must be a number >= 0, got -2"),
        ("target_uS,measured_uS\n1,nan\n", r"line 2: measured must be a number >= 0, got nan"),
        ("target_uS,measured_uS\n1\n", r"line 2: 1 values for 2 columns"),
        ("target,measured_uS\n1,2\n", r"line 1: column 'target' has no unit; write target_uS"),
        ("target_uF,measured_uS\n1,2\n", r"line 1: column 'target_uF': unit 'uF' is not one of \"S\""),
        ("pulses_s,measured_uS\n1,2\n", r"column 'pulses_s' is a number, without a unit; write pulses"),
        ("aim_uS,measured_uS\n1,2\n", r"column 'aim_uS' is not known"),
        ("target_uS,target_nS\n1,2\n", r"a column is there twice"),
        ("\n\n", r"empty; it needs a header"),
    ],
)
def test_bad_csv_names_file_line_and_value(text, told, tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(HardwareError, match=told):
        read_cells(path)


def test_no_csv(tmp_path):
    with pytest.raises(HardwareError, match="no such file"):
        read_cells(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(HardwareError, match="measured cells are a CSV file"):
        read_cells(tmp_path / "b.csv")
