"""kT ramps: heat in energy units, entropy as the integral of dQ / kT; nothing says nan."""

import json

import numpy as np
import pytest
from scipy import stats
from toys.simulate import toy, toy_data

from compiler import save
from compiler.ir.langevin import Cells, LangevinNetlist, Phase
from hw_models.presets import DEVICES
from thermo.cli.main import main
from thermo.data import Dataset
from thermo.energy.cycle import Reset, measure_cycle
from thermo.energy.inference import estimate_langevin
from thermo.report.estimate import estimate_tables
from thermo.report.text import text_table
from thermo.simulate import simulate
from thermo.simulate.langevin.entropy import slices
from thermo.simulate.langevin.plan import make_plan

Z = stats.norm.isf(1e-4 / 2)
RUNS = 20_000
PHASES = (Phase("warm", 1.0), Phase("cool", 1.0, kT=(1.0, 0.1)), Phase("rest", 0.5, kT=(0.1, 0.1)))


def well(phases=PHASES, dt=0.01):
    """One cell in the well x^2."""
    return LangevinNetlist(Cells.make(1, j2=1.0), (), 1.0, 1.0, phases, dt=dt)


def expected(net):
    """Mean heat and entropy of every phase of `well`, from the variances of Euler-Maruyama's own steps."""
    v, heat, entropy = 0.0, [], []
    for phase in net.schedule:
        n, (a, b) = round(phase.duration / net.dt), phase.kT or (net.kT, net.kT)
        q = s = 0.0
        for k in range(n):
            kT = a + (b - a) * (k + 0.5) / n
            new = (1 - 2 * net.dt) ** 2 * v + 2 * kT * net.dt
            q, s, v = q + v - new, s + (v - new) / kT, new
        heat.append(q)
        entropy.append(s)
    return heat, entropy


@pytest.mark.parametrize("backend", ["numba", "numpy", "jax"])
def test_entropy_of_a_ramp_is_the_integral_of_dq_over_kt(backend):
    found = simulate(well(), None, runs=RUNS, seed=3, backend=backend)
    heat, entropy = expected(well())
    assert np.isnan(found.kT)
    for p, (q, s) in enumerate(zip(heat, entropy, strict=True)):
        for values, want in ((found.heat_by_phase[p], q), (found.entropy_by_phase[p], s)):
            assert abs(values.mean() - want) < Z * values.std() / np.sqrt(RUNS)
    # heat over the first kT of the ramp, or over its mean, is another number
    cool = found.entropy_by_phase[1]
    for wrong in (1.0, 0.55):
        assert abs(found.heat_by_phase[1].mean() / wrong - cool.mean()) > Z * cool.std() / np.sqrt(RUNS)
    np.testing.assert_allclose(found.entropy, found.entropy_by_phase.sum(axis=0))


def test_at_one_temperature_entropy_is_heat_over_kt():
    found = simulate(toy(schedule=(Phase("relax", 0.2),)), toy_data(), runs=2, seed=1)
    np.testing.assert_allclose(found.entropy, found.heat / found.kT)


def test_slices_change_nothing_else():
    """The same run whole, as many phases with the ramp's own ends, has the same states and heat."""
    net = well((Phase("cool", 1.0, kT=(1.0, 0.2), coupling_scale=(0.0, 1.0)),))
    plan = make_plan(net, kT=None, dt=None, observe=None, trajectory_every=None)
    cut, first = slices(plan)
    assert first.tolist() == [0] and cut.total == plan.total and len(cut.names) == 32
    assert cut.kT[0, 0] == 1.0 and cut.kT[-1, 1] == 0.2 and cut.scale[-1, 1] == 1.0
    np.testing.assert_array_equal(cut.kT[1:, 0], cut.kT[:-1, 1])
    few = make_plan(well(dt=0.5), kT=None, dt=None, observe=None, trajectory_every=None)
    assert slices(few)[1].tolist() == [0, 1, 3]  # of one phase as many slices as it has steps
    whole = simulate(net, None, runs=50, seed=2, heat=False, keep_final=True)
    parts = simulate(net, None, runs=50, seed=2, keep_final=True)
    np.testing.assert_allclose(parts.final, whole.final, rtol=1e-5, atol=1e-6)
    x = parts.final[0, :, 0].astype(float)
    np.testing.assert_allclose(parts.heat[0], -(x**2), rtol=1e-5, atol=1e-6)


def test_a_bath_at_zero_takes_no_finite_entropy():
    for ends in ((1.0, 0.0), (0.0, 1.0)):
        found = simulate(well((Phase("ramp", 1.0, kT=ends),)), None, runs=4)
        assert found.entropy is None and np.isfinite(found.heat).all()
    assert simulate(well((Phase("run", 1.0),)), None, runs=4, kT=0.0).entropy is None


def test_the_cycle_of_a_ramp():
    """Entropy given to the bath in a steady cycle is produced, and at least 0; first law in energy units."""
    net = toy(schedule=(Phase("relax", 0.2, kT=(1.0, 0.5)),), x0=0.0)
    got = measure_cycle(net, toy_data(1), Reset(5.0, 0.3), runs=4000, seed=1)
    assert np.isnan(got.kT) and np.isfinite(got.work).all()
    np.testing.assert_allclose(got.work - got.heat, got.stored, atol=1e-9)
    assert got.entropy.mean() > Z * got.entropy.std() / np.sqrt(got.entropy.size)


@pytest.mark.parametrize("ends", [(1.0, 0.2), (1.0, 0.0), (0.0, 1.0)])
def test_nothing_says_nan(ends, tmp_path, capsys):
    net = toy(schedule=(Phase("relax", 0.2, kT=ends),))
    save(net, tmp_path / "ramp.tnl")
    path = str(tmp_path / "ramp.tnl")
    for more in ([], ["--device", "rc-1fF", "--couplings", "ideal"]):
        args = ["simulate", path, "--runs", "20", *more]
        assert main(args) == 0
        out = capsys.readouterr().out
        assert "nan" not in out.lower() and "energy units" in out
        assert ("k_B" in out) == (min(ends) > 0)
        assert main([*args, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["kT"] is None and told["heat_kT"] is None and np.isfinite(told["heat"]["mean"])
        assert (told["entropy_kB"] is None) == (min(ends) == 0)
    x = np.random.default_rng(0).random((40, 5)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.int64)
    data = Dataset("toy", x, y, x, y, x, y, n_classes=2, labels=("0", "1"))
    found = estimate_langevin(net, data, DEVICES.get("rc-1fF"), (), reset=Reset(20.0, 0.1))
    text = "".join(text_table(t) for t in estimate_tables(found)) + json.dumps(found.to_dict())
    assert "nan" not in text.lower() and np.isfinite(found.energy.total)
    assert (found.cycle is not None) and found.to_dict()["cycle_kT"] is None
