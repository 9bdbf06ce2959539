"""Exchanges inside the kernel are those outside."""

import numpy as np
import pytest
from toys.ising import random_model
from toys.spins import ring

from compiler.families.ising import lower_ising
from thermo.diagnostics import report_mean
from thermo.simulate.spins.temper import temper

LADDER = np.geomspace(0.4, 3.0, 5)


@pytest.mark.parametrize("options", [{}, {"swap_every": 3, "observe_every": 6}, {"tune": 40, "burn_in": 30}])
def test_ladders_inside_and_outside_are_the_same(options):
    """Sums of whole numbers are exact, so every bit: with states kept, exchanges are made outside."""
    net = lower_ising(ring(40), sample=True)
    options = {"ladder": LADDER, "sweeps": 1200, "sets": 3, "seed": 5, **options}
    inside = temper(net, method="chains", **options)
    for other in (
        temper(net, method="chains", keep_samples="cold", **options),
        temper(net, method="lanes", **options),
        temper(net, method="chains", threads=1, **options),
    ):
        for name in ("kT", "energy", "observed_at", "acceptance", "round_trips", "best_energies"):
            np.testing.assert_array_equal(getattr(inside, name), getattr(other, name))
    assert inside.round_trips.sum() > 0 and inside.samples is None
    assert inside.energy.shape == (3, 5, 1200 // options.get("observe_every", 1))


def test_energies_of_real_numbers_stay_true():
    model = random_model(np.random.default_rng(2), 40, 120)
    net = lower_ising(model, sample=True)
    inside = temper(net, ladder=LADDER, sweeps=3000, sets=2, seed=1, method="chains", observe_every=10)
    outside = temper(
        net,
        ladder=LADDER,
        sweeps=3000,
        sets=2,
        seed=1,
        method="chains",
        observe_every=10,
        keep_samples="cold",
    )
    np.testing.assert_allclose(inside.best_energies, model.energy(inside.best_states))
    seen = outside.energy[:, 0]
    np.testing.assert_allclose(model.energy(outside.samples), seen, atol=1e-4)
    # float32 sums are made anew at other sweeps, so chains part at some tie: the law is one
    for k in range(LADDER.size):
        a, b = (report_mean(r.energy[:, k]) for r in (inside, outside))
        assert abs(a.mean - b.mean) < 4 * np.hypot(a.sem, b.sem)
