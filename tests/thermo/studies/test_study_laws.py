"""The laws hold on small machines, and what breaks one is found out."""

import json
from functools import partial

import numpy as np
import pytest

from thermo.cli.main import main
from thermo.studies import laws


def test_the_command(tmp_path, capsys):
    assert main(["study", "laws", "-o", str(tmp_path / "s"), "--runs", "20000", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["right"] and len(found["laws"]) == 8
    assert [law["verdict"] for law in found["laws"]].count("fails, as it must") == 1
    assert "every law is as it must be" in (tmp_path / "s" / "laws.txt").read_text()


def test_a_machine_that_is_ten_per_cent_too_hot_is_found_out(monkeypatch, tmp_path):
    """Starts are drawn at kT 1 and the bath is hotter: Jarzynski's equality does not hold."""
    hot = partial(laws.simulate_langevin, kT=1.1)
    monkeypatch.setattr(laws, "simulate_langevin", hot)
    found = laws.measure(tmp_path, runs=100_000, seed=1)
    broken = {(f.machine.split(",")[0], f.law) for f in found if f.verdict == "BROKEN"}
    assert ("one skewed quartic cell", "Jarzynski") in broken
    assert "NOT as they must be" in laws.laws_table(found).caption


def test_densities_come_to_rest_where_they_must():
    v = laws.single(laws.GRID)
    still = laws.evolved(laws.normal(v), [(v, 1.0, 1.0, 0.1)])
    np.testing.assert_allclose(still, laws.normal(v), atol=1e-9)
    moved = laws.evolved(laws.normal(v), [(v - 2 * laws.GRID, 1.0, 1.0, 3.0)])
    np.testing.assert_allclose(moved, laws.normal(v - 2 * laws.GRID), atol=1e-4)
    d = laws.GRID[1] - laws.GRID[0]
    # Ornstein-Uhlenbeck: variance 1 + (1/4 - 1) exp(-2 t) in the well x^2 / 2 from a narrower start
    wide = laws.evolved(laws.normal(2 * laws.GRID**2), [(laws.GRID**2 / 2, 1.0, 1.0, 0.3)])
    assert (wide * laws.GRID**2).sum() * d == pytest.approx(1 - 0.75 * np.exp(-0.6), rel=1e-3)


def test_a_verdict():
    law = partial(laws.Law, "m", "l", error=0.1, expected=1.0)
    assert law(found=1.2).verdict == "holds" and law(found=1.5).verdict == "BROKEN"
    assert law(found=1.2, must="fail").verdict == "NOT NOTICED" and law(found=9.0, must="fail").right
