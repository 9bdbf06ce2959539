"""What couplings are made of, by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from hw_models.couplings import COUPLING_TECHNOLOGIES, burden, coupling_cost
from hw_models.errors import HardwareError
from hw_models.presets import DEVICES, chosen_device
from hw_models.source import Quantity

SUMS = np.array([0.0, 3.0, 407.0])


@pytest.mark.parametrize(
    "name, noise, loads",
    [
        ("ideal", 0, False),
        ("resistor", 1, True),
        ("weak-inversion", 0.65, False),
        ("strong-inversion", 2 / 3, False),
        ("switched-capacitor", 1, True),
        ("capacitive", 0, False),
        ("crossbar", 1 + 1 / 15, False),
    ],
)
def test_noise_and_load_of_every_technology(name, noise, loads):
    """excess = noise sum |W| / (2 J2), load = sum |W| of what conducts."""
    found = burden(COUPLING_TECHNOLOGIES.get(name), SUMS, j2=0.5, voltage=1e-3)
    np.testing.assert_allclose(found.excess, noise * SUMS / 1.0, rtol=1e-12)
    np.testing.assert_allclose(found.load, SUMS if loads else 0 * SUMS)


def test_the_demo_s_cells_have_133_and_205_times_their_own_noise():
    weak = burden(COUPLING_TECHNOLOGIES.get("weak-inversion"), 407.0, j2=1.0, voltage=2.88e-3)
    johnson = burden(COUPLING_TECHNOLOGIES.get("resistor"), 407.0, j2=1.0, voltage=2.88e-3)
    assert 1 + weak.excess == pytest.approx(133, abs=0.5)
    assert 1 + johnson.excess == pytest.approx(204.5, abs=0.5)
    assert weak.reach == pytest.approx(2 * 1.3 * 25.85e-3 / 2.88e-3, rel=1e-3)
    assert johnson.reach == math.inf


def test_current_power_and_area():
    """15.1 mS in weak inversion: 0.51 mA, 0.41 mW at 0.8 V."""
    cost = coupling_cost(
        COUPLING_TECHNOLOGIES.get("weak-inversion"), conductance=15.1e-3, count=10138, rc=1e-9
    )
    assert cost.current == pytest.approx(0.507e-3, rel=2e-3)
    assert cost.power == pytest.approx(0.406e-3, rel=2e-3)
    assert cost.area == pytest.approx(10138e-12)


def test_a_capacitive_coupling_of_w_31_takes_fifteen_cells():
    technology = COUPLING_TECHNOLOGIES.get("capacitive")
    g = 31 / (2 * 1.0 * 1e6)
    cost = coupling_cost(technology, conductance=g, count=1, rc=1e-9)
    assert cost.area * technology.density.value == pytest.approx(15.5e-15)


def test_switches_are_clocked_and_their_capacitors_small():
    technology = COUPLING_TECHNOLOGIES.get("switched-capacitor")
    cost = coupling_cost(technology, conductance=1e-6, count=3, rc=1e-9)
    assert cost.power == pytest.approx(3 * 10 * 2 * 1e-15 * 0.64 / 1e-9)
    assert cost.area == pytest.approx(3e-12 + 1e-6 * 1e-9 / 10 / 2e-3)


def test_a_device_takes_other_couplings_and_shows_their_figures():
    device = DEVICES.get("rc-1fF")
    assert device.couplings.name == "weak-inversion"
    other = chosen_device("rc-1fF", "crossbar")
    assert other.couplings.name == "crossbar" and other.capacitance == device.capacitance
    assert other.figures()["couplings noise"] == other.couplings.noise
    assert chosen_device(other) is other
    with pytest.raises(HardwareError, match="no coupling technology 'glue'; choose one of ideal, resistor"):
        chosen_device("rc-1fF", "glue")


def test_figures_are_checked():
    weak = COUPLING_TECHNOLOGIES.get("weak-inversion")
    with pytest.raises(HardwareError, match="linear_range must be > 0 V, got 0"):
        replace(weak, linear_range=Quantity(0.0, "V", weak.noise.source))
