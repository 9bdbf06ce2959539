"""Coupled RLC cells: matrices, units, and the thermal state of their netlists."""

import numpy as np
import pytest
from scipy.stats import norm

from compiler.errors import NetlistError
from compiler.families.rlc import lower_rlc
from compiler.ir.kinds import verify
from hw_models.errors import HardwareError
from hw_models.presets import RLC_UNITS
from hw_models.rlc import RLCArray
from hw_models.source import with_values
from thermo.simulate import simulate
from thermo.simulate.gaussian.exact import stationary, transition

ALPHA = 1e-4
PAIRS = np.array([[0.0, 0.4, 0.1], [0.4, 0.0, 0.25], [0.1, 0.25, 0.0]])


def array(wiring, **changes):
    """Three unlike cells, every pair coupled; quality factors near 4 and near 2."""
    values = dict(
        resistance=[4e2, 5e2, 3e2] if wiring == "nodes" else [60.0, 45.0, 50.0],
        inductance=np.array([1.0, 1.3, 0.8]) * 1e-5,
        capacitance=np.array([1.0, 1.2, 0.7]) * 1e-9,
        coupling=PAIRS * 1e-9 * (1 if wiring == "nodes" else 8),
        wiring=wiring,
    )
    return RLCArray.make(3, **(values | changes))


def test_maxwell_matrix_and_elastance_are_the_circuits_energies():
    """1/2 v^T C v is the energy of all capacitors; 1/2 q^T S q that of loops sharing them."""
    a, v = array("nodes"), np.array([0.3, -1.1, 0.7])
    own = 0.5 * np.sum(a.capacitance * v**2)
    pairs = 0.5 * sum(a.coupling[i, j] * (v[i] - v[j]) ** 2 for i in range(3) for j in range(i))
    assert 0.5 * v @ a.maxwell() @ v == pytest.approx(own + pairs, rel=1e-12)
    a = array("loops")
    own = 0.5 * np.sum(v**2 / a.capacitance)
    pairs = 0.5 * sum((v[i] - v[j]) ** 2 / a.coupling[i, j] for i in range(3) for j in range(i))
    assert 0.5 * v @ a.elastance() @ v == pytest.approx(own + pairs, rel=1e-12)


def test_units_of_a_bare_cell():
    units = RLCArray.make(1, resistance=50.0, inductance=1e-5, capacitance=1e-9).units()
    assert units.time == pytest.approx(1e-7)
    assert units.resistance == pytest.approx(100.0) and units.inductance == pytest.approx(1e-5)
    assert units.voltage == pytest.approx(np.sqrt(1.380649e-23 * 300 / 1e-9))
    assert units.charge * units.voltage == pytest.approx(units.energy)
    assert array("nodes").quality()[0] == pytest.approx(4.0)


@pytest.mark.parametrize("wiring", ["nodes", "loops"])
def test_thermal_state_is_equipartition(wiring):
    """cov(v) = kT C^-1, cov(flux) = kT L; cov(q) = kT S^-1, cov(i) = kT / L."""
    a = array(wiring)
    netlist = lower_rlc(a)
    verify(netlist)
    mean, covariance = stationary(netlist)
    unit = a.units()
    inductance = a.inductance / unit.inductance
    if wiring == "nodes":
        first, second = np.diag(inductance), np.linalg.inv(a.maxwell() / unit.capacitance)
    else:
        first, second = np.linalg.inv(a.elastance() * unit.capacitance), np.diag(1 / inductance)
    np.testing.assert_allclose(covariance[:3, :3], first, atol=1e-10)
    np.testing.assert_allclose(covariance[3:, 3:], second, atol=1e-10)
    np.testing.assert_allclose(covariance[:3, 3:], 0.0, atol=1e-10)
    assert not mean.any()


@pytest.mark.parametrize(("wiring", "method"), [("nodes", "heun"), ("loops", "baoab")])
def test_simulated_array_has_the_exact_covariance(wiring, method):
    """At the end of a run from rest, against the exact transition; Heun's own error at this step is
    far below the noise (omega dt < 0.05), BAOAB's positions have none."""
    runs = 20_000
    netlist = lower_rlc(array(wiring), duration=12.0)
    step = transition(netlist, netlist.schedule[0].duration)
    part = slice(3, 6) if wiring == "nodes" else slice(0, 3)
    want = step.covariance[part, part]
    done = simulate(netlist, runs=runs, method=method, heat=False)
    x = done.outputs[-1, 0].astype(float)
    sem = np.sqrt((np.outer(np.diag(want), np.diag(want)) + want**2) / runs)
    pick = np.triu_indices(3)
    limit = norm.isf(ALPHA / 2 / 6)
    assert np.abs((x.T @ x / runs - want) / sem)[pick].max() < limit
    # cells without their couplings would not pass
    bare = lower_rlc(array(wiring, coupling=np.zeros((3, 3))), duration=12.0)
    broken = transition(bare, 12.0).covariance[part, part]
    assert np.abs((x.T @ x / runs - broken) / sem)[pick].max() > limit


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(resistance=[1.0, 0.0, 1.0]), "resistance of cell 1 must be > 0 ohm"),
        (dict(inductance=np.nan), "inductance of cell 0"),
        (dict(coupling=-1e-9), "finite and >= 0"),
        (dict(coupling=np.triu(PAIRS)), "symmetric with a diagonal of 0"),
        (dict(coupling=np.zeros((2, 2))), "coupling has shape"),
        (dict(ambient=0.0), "ambient must be > 0 K"),
        (dict(wiring="rings"), "wiring must be nodes or loops"),
    ],
)
def test_bad_arrays_are_refused(changes, message):
    with pytest.raises(HardwareError, match=message) as caught:
        array(**({"wiring": "nodes"} | changes))
    assert "\n" not in str(caught.value)


def test_bad_durations_are_refused():
    with pytest.raises(NetlistError, match="duration must be"):
        lower_rlc(array("loops"), duration=0.0)


def test_an_array_of_a_unit():
    unit = RLC_UNITS.get("rlc-board")
    made, by_hand = (
        unit.array(3, 1.0),
        RLCArray.make(3, resistance=500.0, inductance=1e-5, capacitance=1e-9, coupling=3e-10),
    )
    np.testing.assert_array_equal(made.maxwell(), by_hand.maxwell())
    assert made.units() == by_hand.units()
    assert with_values(unit, {"resistance": 50.0}).array(1).resistance == 50
    with pytest.raises(HardwareError, match="couplings must be shares, 0 to 1"):
        unit.array(2, 1.5)
    with pytest.raises(HardwareError, match="rlc-board: inductance must be > 0 H"):
        with_values(unit, {"inductance": 0.0})
