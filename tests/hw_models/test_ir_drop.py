"""Wires of a crossbar tile: the solver against Kirchhoff by hand and ngspice, the fast law against it."""

import numpy as np
import pytest
from toys.spice import needs_ngspice

from hw_models.errors import HardwareError
from hw_models.ir_drop import Wires, approximate, transfer

ON = 25e-6  # S, of a phase-change device


def tile(n=64, seed=0, columns=None):
    return ON * np.random.default_rng(seed).uniform(size=(n, columns or n))


def relative(found, wanted):
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def test_one_device_is_in_series_with_its_wires():
    g = np.array([[ON]])
    wires = Wires(row=2.0, column=3.0, driver=100.0, sense=50.0)
    series = 1 / (1 / ON + 155.0)
    assert transfer(g, wires)[0, 0] == pytest.approx(series, rel=1e-12)
    assert approximate(g, wires)[0, 0] == pytest.approx(series, rel=1e-12)


def test_a_ladder_by_hand():
    """Two devices on one row of wire r: V - u1 = r (i1 + i2), u1 - u2 = r i2, i = G u."""
    g, r = np.array([[2e-3, 1e-3]]), 100.0
    u = np.linalg.solve([[1 + r * (g[0, 0]), r * g[0, 1]], [-1.0, 1 + r * g[0, 1]]], [1.0, 0.0])
    np.testing.assert_allclose(transfer(g, Wires(row=r))[0], g[0] * u, rtol=1e-12)


@pytest.mark.parametrize(
    "wires", [Wires(driver=80.0), Wires(sense=80.0), Wires(row=1.0), Wires(column=1.0), Wires(1.0, 2.0, 5.0)]
)
def test_wires_left_out_are_the_limit_of_small_ones(wires):
    # 12 segments at most of 1e-4 ohm carry the current of 35 devices: 1e-6 of what flows without them
    g = tile(7, columns=5)
    small = Wires(*(getattr(wires, k) or 1e-4 for k in ("row", "column", "driver", "sense")))
    assert relative(transfer(g, wires), transfer(g, small)) < 1.1e-6
    assert relative(transfer(g, Wires(row=50.0)), transfer(g, small)) > 1e-4


def test_reciprocity():
    """Driving the columns and reading the rows finds the same network: turn the tile round."""
    g, wires = tile(6, columns=9), Wires(3.0, 5.0, 40.0, 20.0)
    turned = transfer(np.ascontiguousarray(g.T[::-1, ::-1]), Wires(5.0, 3.0, 20.0, 40.0))
    np.testing.assert_allclose(turned[::-1, ::-1].T, transfer(g, wires), rtol=1e-10)


def test_no_wires_change_nothing():
    g = tile(5)
    np.testing.assert_array_equal(transfer(g, Wires()), g)
    np.testing.assert_array_equal(approximate(g, Wires()), g)


def test_error_of_the_fast_law_is_of_second_order():
    """Ten times the resistance, a hundred times the error (less a third for orders beyond it)."""
    g = tile()
    drops, errors = [], []
    for r in (0.02, 0.2):
        wires = Wires(r, r)
        exact = transfer(g, wires)
        drops.append(relative(exact.sum(axis=0), g.sum(axis=0)))
        errors.append(relative(approximate(g, wires).sum(axis=0), exact.sum(axis=0)))
    assert drops[1] / drops[0] == pytest.approx(10, rel=0.1)
    assert 67 < errors[1] / errors[0] < 134
    # and of an output it stays below a fifth of the drop squared, which the zeroth order (no wires) is not
    assert errors[1] < 0.2 * drops[1] ** 2 < drops[1]


def test_fast_law_on_a_tile_of_64_with_an_ohm_a_segment():
    g, v = tile(), np.random.default_rng(1).uniform(0, 0.2, (20, 64))
    exact, wires = transfer(g, Wires(1.0, 1.0)), Wires(1.0, 1.0)
    full = np.abs(v @ g).max()
    drop, error = (np.abs(v @ t - v @ exact).max() / full for t in (g, approximate(g, wires)))
    assert 0.03 < drop < 0.06 and error < 3e-4


@needs_ngspice
def test_ngspice_agrees_on_a_tile_of_64():
    from thermo.ngspice.tiles import tile_currents

    g, v = tile(), np.random.default_rng(1).uniform(-0.2, 0.2, 64)
    g[3, :10] = 0.0
    for wires in (Wires(1.0, 1.5, 50.0, 20.0), Wires(row=1.0)):
        spice = tile_currents(g, v, wires)
        assert relative(v @ transfer(g, wires), spice) < 1e-8
        # other wires are another tile
        assert relative(v @ g, spice) > 1e-3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Wires(row=-1.0), "resistance of a tile's row must be >= 0 ohm, got -1"),
        (lambda: Wires(sense=np.nan), "tile's sense"),
        (lambda: transfer(np.ones(3), Wires()), r"must be \(rows, columns\), got shape \(3,\)"),
        (lambda: transfer(np.array([[1.0, -2.0]]), Wires()), r"conductance \[0, 1\] .* got -2"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(HardwareError, match=message):
        make()
