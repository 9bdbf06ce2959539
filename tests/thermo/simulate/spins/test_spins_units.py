"""One unit of energy in all that is given and told: the model's, whatever the netlist's."""

from dataclasses import replace

import numpy as np
import pytest
from toys.ising import all_states, random_model

from compiler.api import compile
from compiler.families.clamp import clamp_named
from compiler.families.ising import lower_ising
from compiler.families.ising_summary import ising_summary
from compiler.passes.legalize import MendOptions
from compiler.passes.spins.model import decode
from compiler.passes.units import change_units, rescale
from hw_models.targets import TARGETS
from thermo.simulate import simulate
from thermo.simulate.spins.dynamics import ladder_of
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.temper import temper

RNG = np.random.default_rng(8)
MODEL = random_model(RNG, 8, 16, offset=3.0)
WHOLE = compile(MODEL, sample=True, sweeps=400)


def same(a, b):
    for name in ("states", "energy", "best_states", "best_energies", "observed_energy", "means"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("method", ["chains", "lanes"])
def test_a_netlist_in_other_units_runs_and_tells_the_same(method):
    """A power of two is exact: every bit of the result."""
    other = change_units(WHOLE, energy=2.0**-9)
    for options in ({}, {"kT": 2.0}, {"kT": 0.5, "sweeps": 100}):
        options |= {"chains": 4, "seed": 5, "looks": 10, "method": method}
        one, two = (simulate_spins(net, **options) for net in (WHOLE, other))
        same(one, two)
        assert one.kT == two.kT == options.get("kT", MODEL.kT)
    assert MODEL.energy(one.states) == pytest.approx(one.energy)


def test_a_target_is_an_energy_of_the_model():
    other = change_units(WHOLE, energy=2.0**-20)
    least = float(MODEL.energy(all_states(8)).min())
    hits = [simulate_spins(n, chains=4, target=least, seed=2, sweeps=2000).hit for n in (WHOLE, other)]
    np.testing.assert_array_equal(*hits)
    assert (hits[0] >= 0).all()


def test_ladders_are_of_the_model():
    other = change_units(WHOLE, energy=0.25)
    np.testing.assert_array_equal(ladder_of(WHOLE, 4, 0.5, 3.0), ladder_of(other, 4, 0.5, 3.0))
    np.testing.assert_allclose(ladder_of(WHOLE, 4), ladder_of(other, 4))
    runs = [temper(n, ladder=[0.5, 1.0, 2.0], sweeps=60, seed=4, tune=20) for n in (WHOLE, other)]
    for name in ("kT", "energy", "best_energies", "acceptance"):
        np.testing.assert_array_equal(getattr(runs[0], name), getattr(runs[1], name))


def test_a_netlist_fitted_to_hardware_samples_at_the_models_temperature():
    """Its couplings are rounded to 8 bits, and its unit is no power of two."""
    hardware = compile(
        MODEL, sample=True, sweeps=400, target=TARGETS.get("complete-8"), mend=["rescale", "quantize"]
    )
    assert abs(np.log2(hardware.lowered.energy_scale) % 1) > 1e-3
    assert ising_summary(hardware)["phase_sample"] == ising_summary(WHOLE)["phase_sample"]
    options = {"chains": 400, "seed": 5, "sweeps": 300, "keep_samples": True, "looks": 4}
    for kT in (1.0, 2.0):
        p = np.exp(-MODEL.energy(all_states(8)) / kT)
        exact = float(p @ MODEL.energy(all_states(8)) / p.sum())
        found = []
        for net in (WHOLE, hardware):
            run = simulate_spins(net, kT=kT, **options)
            energies = decode(net, run.samples[:, -1]).energies
            found.append((energies.mean() - exact) / (energies.std(ddof=1) / 20))
            assert run.kT == kT
        assert np.abs(found).max() < 4  # 400 independent chains; rounding moves the mean by less
        # a run at kT in the netlist's own unit is far off
        wrong = simulate_spins(hardware, kT=kT / hardware.lowered.energy_scale, **options)
        energies = decode(hardware, wrong.samples[:, -1]).energies
        assert abs(energies.mean() - exact) > 8 * energies.std(ddof=1) / 20


def test_wells_in_other_units_run_the_same():
    wells = compile(
        random_model(RNG, 4, 5),
        sweeps=5,
        sample=True,
        target=TARGETS.get("double-well"),
        how=MendOptions(barrier=2.0),
    )
    other = rescale(wells, 0.01)
    assert other.lowered.energy_scale < 0.1
    for kT in (None, 0.5):
        one, two = (simulate(n, runs=3, seed=7, kT=kT) for n in (wells, other))
        np.testing.assert_array_equal(one.outputs, two.outputs)
        np.testing.assert_allclose(one.heat, two.heat, rtol=1e-6)
        assert one.kT == two.kT


def test_clamped_problems_scale_with_their_unit():
    small = replace(
        MODEL, h=MODEL.h * 2.0**-20, J=MODEL.J * 2.0**-20, problem=replace(MODEL.problem, offset=0.0)
    )
    large = replace(MODEL, problem=replace(MODEL.problem, offset=0.0))
    runs = [
        simulate_spins(lower_ising(clamp_named(m, {"3": -1}), sweeps=200), chains=4, seed=1)
        for m in (small, large)
    ]
    np.testing.assert_array_equal(runs[0].states, runs[1].states)
    np.testing.assert_array_equal(runs[0].best_energies * 2.0**20, runs[1].best_energies)
