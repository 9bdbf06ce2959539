"""Double wells in place of p-bits: Kramers' law, the finite barrier's floor, the way back."""

import numpy as np
import pytest
from scipy.integrate import simpson
from scipy.linalg import eigh_tridiagonal
from toys.spins import all_states, boltzmann, netlist_of, tv

from compiler.api import compile
from compiler.errors import TargetError, UnsupportedError
from compiler.families.ising import from_edges, lower_ising
from compiler.ir.kinds import verify
from compiler.passes.legalize import MendOptions, violations
from compiler.passes.spins.double_well import (
    barrier_for_rate,
    double_wells,
    escape_rate,
    kramers_rate,
    reference_kT,
    sign_marginal,
    well_moments,
)
from compiler.passes.spins.model import decode, logical_model
from compiler.reference import potential
from hw_models.targets import TARGETS


def slowest_rate(a, kT, mobility):
    """Half the smallest nonzero eigenvalue of the Fokker-Planck operator, on a grid (independent).

    Symmetrised with exp(U / 2 kT): hops between neighbours at mobility kT / dx^2 exp(-dU / 2 kT).
    """
    x = np.linspace(-2.6, 2.6, 4001)
    u = a * (x**2 - 1) ** 2 / kT
    hop = mobility * kT / (x[1] - x[0]) ** 2
    up, down = hop * np.exp(-np.diff(u) / 2), hop * np.exp(np.diff(u) / 2)
    diagonal = np.zeros(x.size)
    diagonal[:-1] += up
    diagonal[1:] += down
    values = eigh_tridiagonal(
        diagonal, -np.sqrt(up * down), eigvals_only=True, select="i", select_range=(0, 1)
    )
    return values[1] / 2


@pytest.mark.parametrize(("a", "kT", "mobility"), [(4.0, 1.0, 1.0), (3.0, 0.5, 2.0), (12.0, 1.5, 0.3)])
def test_escape_rates(a, kT, mobility):
    exact = escape_rate(a, kT, mobility)
    # a passage from one bottom to the other is an escape up to terms like exp(-a / kT)
    assert exact == pytest.approx(slowest_rate(a, kT, mobility), rel=4 * np.exp(-a / kT) + 1e-3)
    assert 1.0 < kramers_rate(a, kT, mobility) / exact < 1.0 + 0.75 * kT / a


def test_kramers_error_falls_with_the_barrier_as_stated():
    over = [kramers_rate(b, 1.0) / escape_rate(b, 1.0) - 1 for b in (3.0, 5.0, 8.0, 12.0, 20.0)]
    assert over[:3] == pytest.approx([0.19, 0.11, 0.06], abs=0.005)
    assert (np.diff(over) < 0).all()
    # the next order: a constant over a
    assert over[-1] * 20 == pytest.approx(over[-2] * 12, rel=0.1)


def test_the_barrier_of_a_rate():
    for barrier in (2.0, 2.5, 7.0, 29.0):
        rate = kramers_rate(barrier * 0.4, 0.4, 3.0)
        assert barrier_for_rate(rate, 0.4, 3.0) == pytest.approx(barrier * 0.4)
    for rate in (0.0, -1.0, float("nan"), 0.4, 1e-13):
        with pytest.raises(UnsupportedError, match="needs a barrier outside 2 to 30 kT"):
            barrier_for_rate(rate, 1.0)


def test_moments_of_a_well():
    mean, variance = well_moments(400.0, 1.0)
    # x = 1 + y: U = 4 a y^2 + 4 a y^3: variance kT / 8a, mean 1 - 3 kT / 16a
    assert variance == pytest.approx(1 / 3200, rel=0.01)
    assert mean - 1 == pytest.approx(-3 / 6400, rel=0.02)


def test_the_energy_is_the_wells_plus_isings():
    netlist = netlist_of(4, density=1.0, seed=1)
    wells = double_wells(netlist, barrier=5.0, compensate=False)
    verify(wells)
    a = wells.lowered.wells.barrier
    assert a == 5.0 * netlist.kT
    for x in np.random.default_rng(0).uniform(-1.5, 1.5, (5, 4)):
        h, edges, J = logical_model(netlist)
        want = np.sum(a * (x**2 - 1) ** 2 - a) - h @ x - J @ (x[edges[:, 0]] * x[edges[:, 1]])
        assert potential(wells, x) == pytest.approx(want)


def lower_back(wells):
    """The wells' own h and J on p-bits, as they are."""
    return wells.with_(cells=type(wells.cells).make(wells.n_cells, kind=2, h=wells.cells.h))


def test_sign_marginals_by_quadrature():
    wells = double_wells(netlist_of(1, seed=2), barrier=2.0)
    p = sign_marginal(wells)
    assert p.shape == (2,) and p.sum() == pytest.approx(1.0)
    assert (p[1] > p[0]) == (wells.cells.h[0] > 0)
    wells = double_wells(netlist_of(2, density=1.0, seed=5), barrier=3.0)
    x = np.linspace(0.0, 3.0, 601)
    want = np.zeros(4)
    _, _, (J,) = logical_model(lower_back(wells))
    h, a = wells.cells.h, wells.cells.j4
    for k in range(4):  # Simpson's rule on each quadrant, from the definition of the energy
        u, v = np.meshgrid((1 if k & 1 else -1) * x, (1 if k >> 1 else -1) * x, indexing="ij")
        energy = a[0] * (u**2 - 1) ** 2 + a[1] * (v**2 - 1) ** 2 - h[0] * u - h[1] * v - J * u * v
        want[k] = simpson(simpson(np.exp(-energy / wells.kT), x=x), x=x)
    assert sign_marginal(wells) == pytest.approx(want / want.sum(), abs=1e-8)
    three = double_wells(netlist_of(3, density=1.0, seed=5))
    assert sign_marginal(three) == pytest.approx(sign_marginal(three, points=120), abs=1e-9)
    with pytest.raises(UnsupportedError, match="1 to 3 quartic cells, got 4"):
        sign_marginal(double_wells(netlist_of(4)))
    with pytest.raises(UnsupportedError, match="quartic"):
        sign_marginal(netlist_of(2))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_floor_falls_with_the_barrier_and_most_of_it_is_taken_off(seed):
    netlist = netlist_of(3, density=1.0, seed=seed)
    exact = boltzmann(netlist)
    heights = np.array([4.0, 8.0, 16.0, 30.0])
    bare, mended = (
        np.array([tv(sign_marginal(double_wells(netlist, barrier=b, compensate=c)), exact) for b in heights])
        for c in (False, True)
    )
    assert 0.005 < bare[0] < 0.05 and mended[0] < 0.0035
    assert (np.diff(bare) < 0).all() and (np.diff(mended) < 0).all()
    # first order in kT / a is left without compensation, the second with it
    slope = lambda floor: np.polyfit(np.log(heights[1:]), np.log(floor[1:]), 1)[0]  # noqa: E731
    assert slope(bare) == pytest.approx(-1.0, abs=0.2)
    assert slope(mended) < -1.6
    assert (mended < bare / 5).all()


def test_neighbours_that_are_not_coupled_keep_part_of_the_floor():
    path = lower_ising(from_edges([0.3, -0.5, 0.2], [0, 1], [1, 2], [0.8, -0.6]), sample=True)
    heights = np.array([8.0, 16.0, 30.0])
    bare, mended = (
        np.array(
            [tv(sign_marginal(double_wells(path, barrier=b, compensate=c)), boltzmann(path)) for b in heights]
        )
        for c in (False, True)
    )
    assert ((mended / bare > 0.1) & (mended / bare < 0.5)).all()
    # what is left is the coupling of cells 0 and 2 through cell 1: first order in kT / a
    assert np.polyfit(np.log(heights), np.log(mended), 1)[0] == pytest.approx(-1.0, abs=0.25)


def test_a_sweep_is_the_time_of_a_well():
    netlist = netlist_of(3)
    wells = double_wells(netlist, flip_rate=0.05)
    notes = wells.lowered.wells
    assert notes.flip_rate == pytest.approx(0.05)
    assert notes.sweep == pytest.approx(10.0, abs=wells.dt)
    for old, new in zip(netlist.schedule, wells.schedule, strict=True):
        assert new.duration == pytest.approx(old.duration * notes.sweep)
        steps = new.duration / wells.dt
        assert steps == round(steps)
    assert 8 * notes.barrier * wells.dt <= 0.05
    ramp = lower_ising(from_edges(np.zeros(2), [0], [1], [1.0]), kT=(4.0, 0.25))
    assert reference_kT(ramp) == 1.0
    assert double_wells(ramp).lowered.wells.barrier == 4.0
    frozen = lower_ising(from_edges(np.zeros(2), [0], [1], [1.0]), kT=(4.0, 0.0))
    assert reference_kT(frozen) == pytest.approx(0.4)


def test_compiled_for_a_target_of_wells_and_read_back():
    model = from_edges([0.5, -0.3, 0.0], [0, 1], [1, 2], [1.0, -2.0], offset=3.0)
    target = TARGETS.get("double-well")
    netlist = compile(model, target=target, how=MendOptions(barrier=3.0))
    assert not violations(netlist, target)
    assert netlist.lowered.wells.barrier_kT == pytest.approx(3.0)
    states = all_states(3) * np.random.default_rng(0).uniform(0.1, 1.4, (8, 3))
    found = decode(netlist, states)
    assert np.array_equal(found.states, all_states(3))
    assert np.allclose(found.energies, model.energy(all_states(3)))
    anywhere = compile(model, target=TARGETS.get("ideal"), mend=["double-well"])
    assert anywhere.lowered.wells is not None
    array = TARGETS.get("rc-array")
    with pytest.raises(
        TargetError, match="cell 0 has the kind pbit; target `rc-array` offers continuous: add --double-well"
    ):
        compile(model, target=array)
    netlist = compile(model, target=array, mend=["double-well", "rescale", "quantize"])
    assert not violations(netlist, array)
    assert np.allclose(decode(netlist, states).energies, model.energy(all_states(3)))


def test_bad_wells_are_refused():
    netlist = netlist_of(2)
    for options, message in (
        ({"barrier": 1.0}, "a barrier must be from 2 to 30 kT"),
        ({"barrier": float("nan")}, "a barrier must be from 2 to 30 kT"),
        ({"barrier": 4.0, "flip_rate": 0.1}, "give one"),
        ({"flip_rate": 5.0}, "choose one from"),
    ):
        with pytest.raises(UnsupportedError, match=message):
            double_wells(netlist, **options)
    with pytest.raises(UnsupportedError, match="give the netlist a kT above 0"):
        double_wells(netlist.with_(kT=0.0))
    with pytest.raises(UnsupportedError, match="cell 0 is continuous"):
        double_wells(double_wells(netlist))
