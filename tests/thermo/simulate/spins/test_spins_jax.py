"""The JAX backend of p-bits: the law and the words of the kernels, on any number of devices."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from toys.spin_twin import exact_law, lattice_pairs, random_pairs, total_variation, tv_law, twin_sweep

from compiler.families.ising import from_edges, lower_ising
from compiler.ir.langevin import Group, Phase
from hw_models.imperfect import Imperfections
from thermo.simulate import simulate
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.jax_chains import JaxChains
from thermo.simulate.spins.jax_sweeps import sweep_dense, sweep_steps
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import SpinSystem
from thermo.simulate.spins.temper import temper

ALPHA = 1e-6
Z = stats.norm.isf(ALPHA / 2)
kT = 0.9


def glass(n, seed=0):
    """All pairs coupled, by +-1."""
    row, col = np.triu_indices(n, 1)
    return from_edges(np.zeros(n), row, col, np.random.default_rng(seed).choice([-1.0, 1.0], row.size))


def strays(p, states) -> float:
    """Distance from the law of independent draws, in allowed strays: at most 1 if they are."""
    mean, allowed = tv_law(p, states.shape[0], ALPHA)
    return abs(total_variation(p, states) - mean) / allowed


@pytest.mark.parametrize(("n", "share"), [(40, 0.2), (150, 0.02), (30, 0.9)])
def test_sweeps_follow_the_twin(n, share):
    """Held cells, a temperature for each chain, scaled couplings, a seed and chains beyond 32 bits."""
    system = SpinSystem.from_pairs(*random_pairs(n, share, n, whole=True))
    frozen = np.arange(n) % 7 == 0
    system = system.with_frozen(frozen)
    states = system.random_states(5, seed=3)
    each = np.array([0.0, 0.5, 1.0, 3.0, 9.0])
    seed, first = 2**40 + 5, 2**32 - 2
    engine = JaxChains(system, states, seed, first)
    engine.sweep(each[None, :], 3, 7, 0.5)
    want = states
    for k in range(3):
        rows = [
            twin_sweep(system, want[c : c + 1], max(T, 1e-9), seed, 7 + k, first + c, scale=0.5)
            for c, T in enumerate(each)
        ]
        # where a choice is closer than rounding, both are right
        assert all((margin > 1e-6).all() for _, margin in rows)
        want = np.concatenate([r[0] for r in rows])
    np.testing.assert_array_equal(engine.states(), want)
    np.testing.assert_array_equal(want[:, frozen], states[:, frozen])
    np.testing.assert_allclose(engine.energies, system.energy(want), rtol=1e-6)


def test_the_law_is_boltzmanns():
    system = SpinSystem.from_pairs(*random_pairs(8, 0.6, 8))
    engine = JaxChains(system, system.random_states(10_000, seed=1), 2)
    engine.sweep(kT, 60, 0)
    assert strays(exact_law(system, kT), engine.states()) < 1
    engine.sweep(2 * kT, 60, 60)  # half of every field: another law
    assert strays(exact_law(system, kT), engine.states()) > 3


def test_all_to_all_has_the_law_and_the_states_of_its_kernel():
    net = lower_ising(glass(70), sweeps=150)  # sums of +-1 are exact
    ours, theirs = (
        simulate_spins(net, chains=3, seed=4, method="dense", backend=b) for b in ("jax", "numba")
    )
    np.testing.assert_array_equal(ours.states, theirs.states)
    np.testing.assert_allclose(ours.energy, theirs.energy)
    assert (ours.method, ours.backend, ours.flips) == ("dense", "jax", None)
    other = simulate_spins(net, chains=3, seed=5, method="dense", backend="jax")
    assert (other.states != ours.states).any()


def test_real_valued_all_to_all_keeps_its_sums():
    """After changes of 200 sweeps, sums differ from those made anew by rounding only."""
    n = 100
    row, col = np.triu_indices(n, 1)
    model = from_edges(np.linspace(-1, 1, n), row, col, np.random.default_rng(0).normal(size=row.size))
    result = simulate_spins(lower_ising(model, sweeps=200), chains=2, seed=1, backend="jax")
    assert result.method == "dense"
    np.testing.assert_allclose(result.energy, model.energy(result.states), rtol=1e-9)
    assert result.best_energy < -0.6 * n**1.5  # the glass's least is about -0.7632 n^1.5; at random 0


def test_phases_clamps_offsets_and_looks_are_those_of_the_kernels():
    model = from_edges(*random_pairs(24, 0.3, 3, whole=True), offset=2.5)
    phases = (
        Phase("ramp", 9.0, kT=(6.0, 1.0), coupling_scale=(0.5, 1.0), clamped=("a",)),
        Phase("hold", 300.0, kT=(3.0, 3.0)),
    )
    net = lower_ising(model).with_(
        groups=(Group("a", 0, 4), Group("b", 4, 24)), schedule=phases, readout=None
    )
    ours, theirs = (
        simulate_spins(net, chains=5, seed=8, method="lanes", observe_every=100, keep_samples=True, backend=b)
        for b in ("jax", "numba")
    )
    for name in ("states", "samples", "means", "best_states", "observed_at"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    np.testing.assert_allclose(ours.observed_energy, theirs.observed_energy)
    np.testing.assert_allclose(ours.energy, model.energy(ours.states))
    assert ours.updates == theirs.updates


def test_a_device_is_the_same_device():
    """Couplings of an imperfect device, which are directed: the states of the kernels, up to rounding."""
    net = lower_ising(from_edges(*random_pairs(24, 0.3, 3)))
    off = Imperfections(mismatch=0.3, asymmetry=0.2, bits=5, bias_mismatch=0.2)
    options = {"chains": 40, "kT": 1.0, "sweeps": 20, "seed": 2, "method": "lanes", "device_seed": 6}
    theirs = simulate_spins(net, non_ideal=off, **options)
    ours = simulate_spins(net, non_ideal=off, backend="jax", **options)
    ideal = simulate_spins(net, backend="jax", **options)
    assert (ours.states != theirs.states).mean() < 0.01  # a choice within 1e-7 of the brink in 19,200
    assert (ours.states != ideal.states).mean() > 0.05


def test_ladders_exchange_as_those_of_the_kernels():
    net = lower_ising(from_edges(*random_pairs(20, 0.3, 5, whole=True), offset=1.5))
    options = {"ladder": np.geomspace(0.5, 6.0, 5), "sweeps": 60, "sets": 2, "seed": 3, "method": "lanes"}
    ours, theirs = (temper(net, tune=20, keep_samples="cold", backend=b, **options) for b in ("jax", "numba"))
    np.testing.assert_array_equal(ours.samples, theirs.samples)
    np.testing.assert_allclose(ours.energy, theirs.energy)
    np.testing.assert_array_equal(ours.round_trips, theirs.round_trips)
    assert ours.backend == "jax"


def test_nothing_is_compiled_for_other_weights_temperatures_seeds_and_lengths():
    row, col = lattice_pairs(8, 8)
    before = None
    for k in range(4):
        rng = np.random.default_rng(k)
        system = SpinSystem.from_pairs(rng.normal(size=64), row, col, rng.normal(size=row.size))
        engine = JaxChains(system.with_frozen(rng.random(64) < 0.2), system.random_states(6, seed=k), k, k)
        engine.sweep(rng.random((3 + k, 6)), 3 + k, k, rng.random(3 + k))
        before = sweep_steps._cache_size() if before is None else before
    assert sweep_steps._cache_size() == before
    before = None
    for k in range(2):
        simulate_spins(lower_ising(glass(64, k), sweeps=10 + k), chains=2, seed=k, backend="jax")
        before = sweep_dense._cache_size() if before is None else before
    assert sweep_dense._cache_size() == before


TWO = """
import jax, numpy as np, sys
from compiler.families.ising import from_edges, lower_ising
from thermo.simulate.spins.jax_chains import JaxChains
from thermo.simulate.spins.jax_sweeps import sweep_steps
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import SpinSystem
assert len(jax.devices()) == 2
rng = np.random.default_rng(0)
row, col = np.triu_indices(40, 1)
some = rng.random(row.size) < 0.2
row, col, J = row[some], col[some], rng.normal(size=some.sum())
system = SpinSystem.from_pairs(rng.normal(size=40), row, col, J)
states = system.random_states(7, seed=1)
found = []
for devices in (jax.devices(), jax.devices()[:1], jax.devices()[1:]):
    engine = JaxChains(system, states, 5, 2, devices)
    engine.sweep(np.linspace(0.5, 3.0, 7)[None, :], 300, 0)
    assert len(engine._spin.sharding.device_set) == len(devices)
    found.append((engine.states(), engine.energies))
for states, energies in found[1:]:
    np.testing.assert_array_equal(states, found[0][0])
    np.testing.assert_array_equal(energies, found[0][1])
one = JaxChains(system, system.random_states(4, seed=1), 5, 2, jax.devices())
text = sweep_steps.lower(one._spin, one._graph, jax.device_put(np.ones((256, 4), np.float32), one._by_chain),
    np.ones(256, np.float32), np.int32(3), one._identity, np.uint32(0)).compile().as_text()
assert not any(word in text for word in ("all-gather", "all-reduce", "all-to-all", "collective-permute"))
row, col = np.triu_indices(70, 1)
net = lower_ising(from_edges(np.zeros(70), row, col, rng.choice([-1.0, 1.0], row.size)), sweeps=100)
np.save(sys.argv[1], simulate_spins(net, chains=3, seed=4, backend="jax").states)
"""


def test_two_devices_share_the_chains_and_change_no_bit(tmp_path):
    """Two devices that the processor plays: the same states and energies, nothing sent between them."""
    root = Path(__file__).resolve().parents[4]
    environment = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(root),
    }
    done = subprocess.run(
        [sys.executable, "-c", TWO, str(tmp_path / "two.npy")],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rng = np.random.default_rng(0)
    row, col = np.triu_indices(40, 1)
    rng.normal(size=(rng.random(row.size) < 0.2).sum())
    rng.normal(size=40)
    row, col = np.triu_indices(70, 1)
    net = lower_ising(from_edges(np.zeros(70), row, col, rng.choice([-1.0, 1.0], row.size)), sweeps=100)
    here = simulate_spins(net, chains=3, seed=4, backend="jax")
    np.testing.assert_array_equal(np.load(tmp_path / "two.npy"), here.states)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "cupy"}, "backend must be numba or jax"),
        ({"backend": "jax", "threads": 1}, "threads = 1 are for backend 'numba'"),
        ({"backend": "jax", "method": "packed"}, "method 'packed' has no JAX backend"),
        ({"backend": "jax", "target": -3.0}, "use method 'chains'"),
        ({"backend": "jax", "tempering": 3, "method": "chains"}, "method 'chains' has no JAX backend"),
    ],
)
def test_what_it_does_not_do_is_refused(options, message):
    net = lower_ising(from_edges(*random_pairs(12, 0.5, 3)), sweeps=20)
    with pytest.raises(SimulationError, match=message):
        simulate(net, **options)
