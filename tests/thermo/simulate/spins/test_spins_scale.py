"""Coefficients of any size: one result, one meaning."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from toys.ising import random_model
from toys.spins import ring

from compiler.families.clamp import clamp_spins
from compiler.families.ising import anneal_range, from_edges, lower_ising, ramp_phases
from compiler.ir.goals import Ising
from thermo.diagnostics import report_mean
from thermo.report.spins import spin_report
from thermo.simulate.run import simulate
from thermo.simulate.spins.dynamics import ladder_of
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.temper import temper

RNG = np.random.default_rng(14)
MODEL = random_model(RNG, 30, 90, offset=0.0)
SIZES = [-996, -140, 140, 990]  # powers of two; float32 ends at 2^127 and 2^-126


def times(model, power, offset=0.0):
    problem = replace(model.problem, offset=offset)
    return replace(
        model,
        h=np.ldexp(model.h, power),
        J=np.ldexp(model.J, power),
        kT=math.ldexp(1.0, power),
        problem=problem,
    )


@pytest.mark.parametrize("method", ["cells", "chains", "lanes"])
@pytest.mark.parametrize("power", SIZES)
def test_a_unit_of_any_size_changes_no_bit(method, power):
    one, other = (
        simulate_spins(lower_ising(m, sweeps=60), chains=9, seed=3, method=method)
        for m in (MODEL, times(MODEL, power))
    )
    np.testing.assert_array_equal(one.states, other.states)
    np.testing.assert_array_equal(np.ldexp(one.best_energies, power), other.best_energies)


@pytest.mark.parametrize("power", SIZES)
def test_samples_ladders_and_reports_of_any_size(power):
    nets = [lower_ising(m, sweeps=400, sample=True) for m in (MODEL, times(MODEL, power))]
    one, other = (simulate(net, seed=1, chains=8, looks=50) for net in nets)
    np.testing.assert_array_equal(one.means, other.means)
    means = [spin_report(n, r, {})[1]["mean_energy"] for n, r in zip(nets, (one, other), strict=True)]
    assert means[1]["mean"] == pytest.approx(math.ldexp(means[0]["mean"], power), rel=1e-12)
    assert means[1]["ess"] == pytest.approx(means[0]["ess"]) and means[0]["ess"] > 0
    ladders = [ladder_of(net, 4) for net in nets]
    np.testing.assert_allclose(np.ldexp(ladders[0], power), ladders[1])
    runs = [temper(n, ladder=kT, sweeps=40, seed=4, tune=20) for n, kT in zip(nets, ladders, strict=True)]
    np.testing.assert_allclose(np.ldexp(runs[0].energy, power), runs[1].energy, rtol=1e-6)


def test_an_offset_changes_no_target_and_no_digit():
    """1e12 beside couplings of 1: a tolerance relative to the whole would stop every chain at once."""
    plain = lower_ising(replace(ring(30), problem=replace(ring(30).problem, goal=Ising())), sweeps=2000)
    moved = plain.with_(problem=replace(plain.problem, offset=1e12))
    one = simulate_spins(plain, chains=4, target=-30.0, seed=2)
    other = simulate_spins(moved, chains=4, target=1e12 - 30.0, seed=2)
    np.testing.assert_array_equal(one.hit, other.hit)
    assert (one.hit > 0).all()
    rows = dict(spin_report(moved, other, {})[0])
    assert float(rows["least energy"]) == 1e12 - 30


def test_a_mean_far_from_zero_shows_its_error():
    x = RNG.normal(size=(8, 400))
    near, far = report_mean(x), report_mean(x + 2.0**40)
    assert far.sem == pytest.approx(near.sem, rel=1e-3) and far.ess == pytest.approx(near.ess, rel=1e-2)
    told = float(far.text().split(" ±")[0])
    assert abs(told - 2.0**40 - near.mean) < near.sem
    assert report_mean(np.ldexp(x, 990)).sem == pytest.approx(math.ldexp(near.sem, 990))


def test_spins_that_cannot_turn_leave_the_ramp():
    """A field of a billion, a chain that hangs on it, and a clamp by a field: the rest is what it was."""
    hot, cold = anneal_range(MODEL)
    n = MODEL.n
    h = np.concatenate([MODEL.h, [1e9, 0.0]])
    row, col = np.append(MODEL.row, n), np.append(MODEL.col, n + 1)
    more = from_edges(h, row, col, np.append(MODEL.J, 1e8))
    assert anneal_range(more) == (hot, cold)
    linked = from_edges(h, np.append(row, 0), np.append(col, n), np.append(np.append(MODEL.J, 1e8), 0.25))
    acted = from_edges(MODEL.h + 0.25 * (np.arange(n) == 0), MODEL.row, MODEL.col, MODEL.J)
    assert anneal_range(linked) == anneal_range(acted) != (hot, cold)
    free = clamp_spins(MODEL, {3: 1})
    assert anneal_range(clamp_spins(MODEL, {3: 1}, fields=True)) == pytest.approx(anneal_range(free))


def two_rings(big):
    """Two frustrated triangles' chains, couplings 1 and `big`, not coupled to each other."""
    one = random_model(np.random.default_rng(3), 16, 40, offset=0.0)
    return from_edges(
        np.concatenate([one.h, big * one.h]),
        np.concatenate([one.row, one.row + 16]),
        np.concatenate([one.col, one.col + 16]),
        np.concatenate([one.J, big * one.J]),
    )


def test_a_wide_range_has_a_geometric_ramp_to_zero():
    model = two_rings(1e5)
    hot, cold = anneal_range(model)
    assert cold < 1e-4 * hot
    phases = lower_ising(model, sweeps=1000).schedule
    assert sum(p.duration for p in phases) == 1000 and phases[0].kT[0] == hot and phases[-1].kT[1] == 0
    assert all(a.kT[1] == b.kT[0] for a, b in pairwise(phases))
    assert all(p.kT[1] > 0.3 * p.kT[0] for p in phases[:-1])
    assert [p.name for p in lower_ising(MODEL).schedule] == ["anneal"]
    assert len(ramp_phases(1, 1e9, 1.0)) == 1 and len(ramp_phases(3, 1e9, 1.0)) == 3
    result = simulate_spins(lower_ising(model, sweeps=4000), chains=8, seed=1, method="chains")
    # the failing twin: one linear ramp never comes to where the small couplings act
    linear = lower_ising(model, sweeps=4000, kT=(hot, cold))
    other = simulate_spins(linear, chains=8, seed=1, method="chains")
    small = [
        from_edges(model.h[:16], model.row[:40], model.col[:40], model.J[:40]).energy(r.best_states[:, :16])
        for r in (result, other)
    ]
    assert np.median(small[0]) < np.median(small[1])
    assert result.best_energy <= other.best_energy
