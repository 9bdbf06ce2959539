"""Runs that end at a time, on a clock that the test turns."""

import numpy as np
import pytest
from toys.spins import ring

from compiler.families.ising import lower_ising
from thermo.simulate.spins import clock as module
from thermo.simulate.spins import method
from thermo.simulate.spins.clock import Clock, slices
from thermo.simulate.spins.plan import SpinPhase
from thermo.simulate.spins.run import simulate_spins


class Time:
    """A clock and a machine: a sweep takes `cost` at each moment."""

    def __init__(self, cost):
        self.now, self.cost = 5.0, cost

    def perf_counter(self):
        return self.now

    def sweep(self, n):
        for _ in range(n):
            self.now += self.cost(self.now - 5.0)


def phases(*sweeps):
    return tuple(
        SpinPhase(str(k), n, (2.0, 0.5), (1.0, 1.0), np.zeros(3, bool)) for k, n in enumerate(sweeps)
    )


@pytest.mark.parametrize(
    "cost",
    [
        lambda t: 1e-4,
        lambda t: 1e-4 if t < 0.5 else 4e-4,  # another program begins
        lambda t: 4e-4 if t < 0.7 else 1e-4,
        lambda t: 1e-4 * (1.0 + 3.0 * (int(t * 40) % 2)),
        lambda t: 9e-3,
    ],
)
def test_the_time_is_kept_and_the_ramp_is_whole(cost, monkeypatch):
    time = Time(cost)
    monkeypatch.setattr(module, "time", time)
    plan = phases(200, 1000)
    clock = Clock(1.0)
    shares = [[], []]
    for part in clock.slices(plan):
        shares[part.phase].append((part.start, part.stop, time.now - 5.0))
        time.sweep(part.sweeps)
    assert time.now - 5.0 == pytest.approx(1.0, abs=0.02)
    for number, first, length in ((0, 0.0, 1 / 6), (1, 1 / 6, 5 / 6)):
        starts, stops, at = np.array(shares[number]).T
        assert starts[0] == 0 and (starts[1:] == stops[:-1]).all() and stops[-1] > 0.95
        # the ramp is where the clock is
        assert np.abs(first + starts * length - at).max() < 0.02


def test_slices_of_sweeps_change_no_temperature():
    plan = phases(7, 100)
    one, many = (
        np.concatenate([plan[s.phase].ramps(s.shares)[0] for s in slices(plan, most)]) for most in (999, 3)
    )
    np.testing.assert_array_equal(one, many)
    assert one.size == 107 and one[0] == 2.0 - 1.5 * 0.5 / 7


def test_looks_of_a_timed_run():
    from thermo.simulate.spins.run import simulate_spins

    net = lower_ising(ring(100), sweeps=4000, sample=True)
    result = simulate_spins(net, chains=4, seconds=0.2, looks=20, keep_samples=True)
    assert result.samples.shape[1] == result.observed_at.size and 10 <= result.observed_at.size <= 20


def test_small_systems_descend_again_and_are_repeated(monkeypatch):
    net = lower_ising(ring(40), sweeps=10)
    monkeypatch.setattr(method, "ROUND", 1e9)
    assert simulate_spins(net, chains=2, seconds=0.05, seed=1, method="chains").phases == ("anneal",)
    monkeypatch.setattr(method, "ROUND", 25_000)
    result = simulate_spins(net, chains=2, seconds=0.5, seed=1, method="chains")
    assert result.phases == ("anneal",) * 5  # 0.5 s of SPEED updates are 5 rounds of 40 x 25,000 sweeps
    run_at_all = np.unique(result.clock[:, 0])  # a machine that stalls for a tenth of a second leaves one out
    assert run_at_all.size > 1
    for k in run_at_all:
        assert result.clock[result.clock[:, 0] == k, 2][0] == 0.0  # each begins hot
    monkeypatch.undo()
    again = simulate_spins(net, chains=2, clock=result.clock, seed=1, method="chains")
    np.testing.assert_array_equal(again.states, result.states)
    np.testing.assert_array_equal(again.best_states, result.best_states)
    assert again.phases == result.phases
    assert method._rounds(1, 1, 1e9, None) == method.MOST_ROUNDS and method._rounds(40, 1, 1e9, None) == 1
