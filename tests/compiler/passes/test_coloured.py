"""Noise of a bandwidth: stationary variances and the spectrum against the formulas."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.kinds import verify
from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase, ReadOut, Role
from compiler.passes.coloured import colour_noise
from hw_models.imperfect import Imperfections
from thermo.simulate import simulate
from thermo.simulate.errors import SimulationError
from thermo.simulate.langevin.run import simulate_langevin

KT, MOBILITY = 0.5, 2.0


def cell(k: float, duration: float = 6.0, **changes) -> LangevinNetlist:
    """One harmonic cell of curvature k, driven from an input by no coupling."""
    net = LangevinNetlist(
        cells=Cells.make(1, j2=k / 2, role=[Role.OUTPUT]),
        couplings=(),
        kT=KT,
        mobility=MOBILITY,
        schedule=(Phase("run", duration),),
        readout=ReadOut(np.array([0], np.int32), "run", decision="value"),
        dt=0.01,
    )
    return net.with_(**changes)


@pytest.mark.parametrize("bandwidth", [2.0, 8.0])
def test_a_harmonic_cell_has_the_variance_of_coloured_noise(bandwidth):
    k, runs = 1.5, 20_000
    net = colour_noise(cell(k), bandwidth)
    verify(net)
    x = simulate_langevin(net, runs=runs, seed=1, heat=False).outputs[-1][0, :, 0]
    same = simulate(cell(k), runs=runs, seed=1, noise_bandwidth=bandwidth).outputs[-1][0, :, 0]
    np.testing.assert_array_equal(same, x)
    wanted = KT / (k * (1 + MOBILITY * k / bandwidth))
    # sum x^2 over the variance is chi-square; Heun's own error at this step is below 1e-3
    z = (np.mean(x**2) / wanted - 1) / np.sqrt(2 / runs)
    assert abs(z) < 4.4
    white = KT / k
    assert abs((np.mean(x**2) / white - 1) / np.sqrt(2 / runs)) > 20


def test_the_noise_is_white_far_below_its_bandwidth():
    k, runs = 1.0, 10_000
    net = colour_noise(cell(k, duration=4.0, dt=0.002), 200.0)
    x = simulate_langevin(net, runs=runs, seed=2, heat=False).outputs[-1][0, :, 0]
    assert abs(np.mean(x**2) / (KT / k) - 1) < 4.4 * np.sqrt(2 / runs) + 0.012


def test_what_has_no_bandwidth_is_refused():
    for bad in (0.0, -1.0, np.inf):
        with pytest.raises(NetlistError, match="bandwidth must be a number above 0"):
            colour_noise(cell(1.0), bad)
    ramped = cell(1.0, schedule=(Phase("run", 1.0, coupling_scale=(0.0, 1.0)),))
    with pytest.raises(UnsupportedError, match="phase 'run' scales couplings"):
        colour_noise(ramped, 1.0)
    with pytest.raises(UnsupportedError, match="noise matrix"):
        colour_noise(colour_noise(cell(1.0), 1.0), 1.0)


def test_no_device_has_the_filters():
    for there in ({"device": "rc-1fF"}, {"non_ideal": Imperfections(bits=4)}):
        with pytest.raises(SimulationError, match="cells and couplings that no device has"):
            simulate(cell(1.0), noise_bandwidth=1.0, **there)


def test_couplings_and_numbers_of_cells_stay():
    w = Couplings.from_coo(CouplingKind.LINEAR, 2, [1], [0], [0.7])
    net = LangevinNetlist(
        cells=Cells.make(2, j2=0.5, role=[Role.INPUT, Role.OUTPUT], identity=[4, 9]),
        couplings=(w,),
        kT=KT,
        mobility=MOBILITY,
        schedule=(Phase("run", 1.0),),
    )
    made = colour_noise(net, 3.0)
    assert made.cells.identity.tolist() == [4, 9, 10] and made.n_cells == 3
    verify(made)
    (linear,) = made.couplings
    assert linear.rows.tolist() == [1, 1] and linear.indices.tolist() == [0, 2]
    np.testing.assert_array_equal(linear.values, [*w.values, 3.0 / MOBILITY])
    assert replace(made, noise=None).cells.j2[2] == 3.0 / MOBILITY / 2
