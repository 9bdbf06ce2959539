"""Two baths: heat flows from the hot one to the cold one, and entropy is produced."""

import json

import numpy as np
import pytest
from scipy import stats

from compiler import save
from compiler.errors import UnsupportedError
from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase
from thermo.cli.main import main
from thermo.simulate import simulate
from thermo.simulate.langevin.baths import bath_heat, baths_of

Z = stats.norm.isf(1e-4 / 2)
RUN = (Phase("run", 1.0),)
K, W, HOT, COLD, TIME, RUNS = 2.0, 1.2, 3.0, 0.5, 1.0, 4000


def pair(noise=(HOT, COLD), kT=1.0, phases=RUN):
    """Two cells k x^2 / 2 - w x1 x2 / 2 each, in a bath each, mobility 1."""
    couplings = (Couplings.from_coo(CouplingKind.LINEAR, 2, [0, 1], [1, 0], [W, W]),)
    matrix = None if noise is None else np.diag(np.array(noise, float))
    return LangevinNetlist(Cells.make(2, j2=K / 2), couplings, kT, 1.0, phases, dt=2e-3, noise=matrix)


def at_rest(rng):
    """(RUNS, 2) states of the steady state: A S + S A = 2 D."""
    a = np.array([[K, -W], [-W, K]])
    both = np.kron(a, np.eye(2)) + np.kron(np.eye(2), a)
    s = np.linalg.solve(both, 2 * np.diag([HOT, COLD]).ravel()).reshape(2, 2)
    return rng.multivariate_normal(np.zeros(2), s, size=RUNS)


def test_heat_flows_from_the_hot_bath_to_the_cold_one():
    """In the steady state dQ/dt into the cold bath is mobility w^2 (T_hot - T_cold) / 2k, out of the hot one
    as much; production is that flow times the difference of 1 / T."""
    x0 = at_rest(np.random.default_rng(3))
    found = bath_heat(pair(), runs=RUNS, seed=1, x0=x0[None])
    assert found.temperatures.tolist() == [COLD, HOT] and found.cells.tolist() == [1, 1]
    flow = W**2 * (HOT - COLD) / (2 * K) * TIME
    for b, want in enumerate((flow, -flow)):
        q = found.heat[b].ravel()
        assert abs(q.mean() - want) < Z * q.std() / np.sqrt(RUNS)
        assert abs(q.mean() + want) > Z * q.std() / np.sqrt(RUNS)  # nor the other way
    produced = found.entropy.sum(axis=0).ravel()
    want = flow * (1 / COLD - 1 / HOT)
    assert want > 0 and abs(produced.mean() - want) < Z * produced.std() / np.sqrt(RUNS)
    # one temperature for both, the mean, would say that nothing is produced
    one = found.heat.sum(axis=0).ravel() / (0.5 * (HOT + COLD))
    assert abs(one.mean() - want) > Z * one.std() / np.sqrt(RUNS)


def test_one_bath_takes_what_the_simulator_says():
    phases = (Phase("warm", 0.2), Phase("cool", 0.2, kT=(1.0, 0.4), coupling_scale=(1.0, 0.5)))
    net = pair(None, phases=phases)
    found = bath_heat(net, runs=50, seed=2)
    plain = simulate(net, None, runs=50, seed=2, heat_method="stratonovich")
    np.testing.assert_allclose(found.heat[0], plain.heat, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.entropy[0], plain.entropy, rtol=0.02, atol=0.05)


def test_what_has_no_baths_is_refused():
    shared = pair().with_(noise=np.array([[1.0, 0.3], [0.3, 1.0]]))
    with pytest.raises(UnsupportedError, match="cells 0 and 1 share noise"):
        baths_of(shared)
    with pytest.raises(UnsupportedError, match="nudges"):
        bath_heat(pair(phases=(Phase("run", 0.1, nudge=0.5),)))
    cold = bath_heat(pair((1.0, 0.0), phases=(Phase("run", 0.1),)), runs=2)
    assert np.isnan(cold.entropy[0]).all() and np.isfinite(cold.entropy[1]).all()


def test_the_command(tmp_path, capsys):
    save(pair(), tmp_path / "two.tnl")
    assert main(["simulate", str(tmp_path / "two.tnl"), "--runs", "50", "--baths"]) == 0
    out = capsys.readouterr().out
    assert "heat into the bath at 0.5 kT" in out and "entropy given to all baths" in out
    assert main(["simulate", str(tmp_path / "two.tnl"), "--runs", "50", "--baths", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["baths"]
    assert [b["temperature"] for b in told["each"]] == [0.5, 3.0] and told["entropy_kB"]["sem"] > 0
