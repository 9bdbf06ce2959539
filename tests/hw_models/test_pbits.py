"""Joules of p-bits, term by term, and their presets."""

from dataclasses import replace

import pytest

from hw_models.errors import HardwareError
from hw_models.pbits import pbit_energy
from hw_models.presets import PBITS
from hw_models.source import Quantity, Source


def figure(value, unit="J"):
    return Quantity(value, unit, Source("assumed", "a test"))


UNITS = replace(
    PBITS.get("pbit-cmos"),
    name="units",
    rng_energy=figure(1.0),
    bias_energy=figure(10.0),
    clock_energy=figure(100.0),
    cycle_energy=figure(7.0),
    static_power=figure(0.25, "W"),
    pitch=figure(2.0, "m"),
    wire_capacitance=figure(3.0, "F/m"),
    signal_voltage=figure(4.0, "V"),
    write_energy=figure(1e3),
    read_energy=figure(1e4),
    update_time=figure(0.5, "s"),
)


def test_terms_are_their_formulas():
    found = pbit_energy(UNITS, updates=2, inputs=3, wire=5, activity=0.5, cell_seconds=8, written=7, read=11)
    assert found.describe() == {
        "rng": 2.0,
        "bias": 30.0,
        "clock": 200.0,
        "neighbour": 5 * 2 * 0.5 * 3 * 16 * 0.5,
        "cycle": 14.0,
        "static": 2.0,
        "write": 7e3,
        "read": 11e4,
        "total": 2 + 30 + 200 + 120 + 14 + 2 + 7e3 + 11e4,
    }


def test_every_preset_figure_has_a_source():
    for name in PBITS.names():
        described = PBITS.get(name).describe()
        assert len(described["figures"]) == 12
        assert all(f["kind"] and f["ref"] for f in described["figures"].values())
    cmos = PBITS.get("pbit-cmos")
    assert cmos.rng_energy.value == pytest.approx(350e-18)
    assert cmos.rng_energy.source.kind == "second-hand"


def test_bad_figures_are_named():
    with pytest.raises(HardwareError, match="updates must be a number >= 0"):
        pbit_energy(UNITS, updates=-1, inputs=0, wire=0)
    with pytest.raises(HardwareError, match="activity must be from 0 to 1"):
        pbit_energy(UNITS, updates=1, inputs=0, wire=0, activity=1.5)
    with pytest.raises(HardwareError, match="rng_energy or cycle_energy must be > 0"):
        replace(UNITS, rng_energy=figure(0.0), cycle_energy=figure(0.0))
    with pytest.raises(HardwareError, match="no p-bit device 'x'"):
        PBITS.get("x")
