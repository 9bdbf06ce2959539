"""thermo.dimod: dimod's own tests of samplers, and what ours promise beyond them."""

import json
import unittest

import numpy as np
import pytest

from benchmarks.penalty_problems import assignment
from compiler.errors import TargetError
from compiler.formats.ising.bqm import write_bqm

dimod = pytest.importorskip("dimod")
testing = pytest.importorskip("dimod.testing")

from thermo.dimod import ThermoEmbedding, ThermoHardware, ThermoSampler  # noqa: E402

CHIP = ThermoHardware("chimera-2")


def on_chip():
    return ThermoEmbedding(CHIP)


@testing.load_sampler_bqm_tests(ThermoSampler)
@testing.load_sampler_bqm_tests(on_chip)
class TestDimodsOwn(unittest.TestCase):
    def test_interfaces(self):
        for sampler in (ThermoSampler(), CHIP, on_chip()):
            testing.assert_sampler_api(sampler)
        testing.assert_structured_api(CHIP)
        testing.assert_composite_api(on_chip())


def glass(n=20, seed=2, vartype="SPIN"):
    return dimod.generators.gnm_random_bqm(n, 3 * n, vartype, random_state=seed)


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_the_ground_state_and_its_energy(vartype):
    bqm = glass(14, vartype=vartype)
    best = dimod.ExactSolver().sample(bqm).first.energy
    found = ThermoSampler().sample(bqm, num_reads=5, seed=1)
    assert found.first.energy == pytest.approx(best) and len(found) == 5
    testing.assert_sampleset_energies(found, bqm)
    assert set(found.info["timing"]) == {"preprocessing_ns", "sampling_ns", "postprocessing_ns"}
    assert min(found.info["timing"].values()) > 0


def test_reads_are_functions_of_the_seed():
    bqm, sampler = glass(40), ThermoSampler()
    options = {"num_sweeps": 3, "num_reads": 4}
    one, two = (sampler.sample(bqm, seed=5, **options) for _ in range(2))
    np.testing.assert_array_equal(one.record.sample, two.record.sample)
    more = sampler.sample(bqm, seed=5, num_sweeps=3, num_reads=7, threads=1)
    np.testing.assert_array_equal(one.record.sample, more.record.sample[:4])
    drawn = sampler.sample(bqm, **options)
    again = sampler.sample(bqm, seed=drawn.info["seed"], **options)
    np.testing.assert_array_equal(drawn.record.sample, again.record.sample)
    assert (drawn.record.sample != sampler.sample(bqm, **options).record.sample).any()


def test_labels_of_any_type_and_the_order_of_variables():
    bqm = dimod.BQM({}, {(("x", 1), 3.5): 1.0, (3.5, "b"): 1.0, ("b", frozenset({2})): -1.0}, "SPIN")
    found = ThermoSampler().sample(bqm, seed=0)
    assert set(found.variables) == set(bqm.variables)
    assert found.first.energy == bqm.energy(found.first.sample) == -3.0


def test_temperatures_times_and_starts():
    bqm, sampler = glass(200), ThermoSampler()
    cold = sampler.sample(bqm, num_sweeps=1, beta_range=(1e6, 1e6), seed=1, initial_states=np.ones((1, 200)))
    hot = sampler.sample(bqm, num_sweeps=1, beta_range=(1e-6, 1e-6), seed=1)
    assert cold.first.energy < hot.first.energy - 50
    assert cold.info["beta_range"] == pytest.approx((1e6, 1e6)) and cold.info["method"] == "chains"
    timed = sampler.sample(bqm, time_limit=0.2, seed=1)
    assert len(timed) == 2 and timed.info["num_sweeps"] > 100
    assert timed.info["timing"]["sampling_ns"] < 2e9
    # a start at a ground state is never left behind; the generator fills up what is missing
    best = timed.first.sample
    kept = sampler.sample(bqm, num_sweeps=1, num_reads=3, initial_states=best, seed=4)
    assert len(kept) == 3 and kept.first.energy == timed.first.energy
    assert kept.record.energy[1] > kept.record.energy[0]
    other = bqm.change_vartype("BINARY", inplace=False)
    same = sampler.sample(other, num_sweeps=1, initial_states=best, seed=4)  # of the other vartype
    assert same.first.energy == pytest.approx(timed.first.energy)
    with pytest.raises(ValueError, match="initial states"):
        sampler.sample(bqm, num_reads=3, initial_states=best, initial_states_generator="none")


def test_penalties_of_any_size():
    for penalty in (1e2, 1e6):
        model, least = assignment(6, penalty)
        bqm = dimod.BinaryQuadraticModel.from_serializable(json.loads(write_bqm(model)))
        found = ThermoSampler().sample(bqm, num_reads=2, seed=1, num_sweeps=300)
        assert least <= found.first.energy + 1e-6 <= 1.05 * least and found.info["method"] == "moves"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_reads": 0}, "num_reads must be a whole number of at least 1"),
        ({"num_sweeps": 1.5}, "num_sweeps must be a whole number"),
        ({"time_limit": 0.0}, "time_limit must be seconds above 0"),
        ({"time_limit": 1.0, "num_sweeps": 5}, "num_sweeps or time_limit"),
        ({"beta_range": (2.0, 1.0)}, "0 < hot <= cold"),
        ({"beta_range": (0.0, 1.0)}, "0 < hot <= cold"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        ThermoSampler().sample(glass(), **options)


def test_unknown_options_are_warned_of():
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning, match="annealing_time"):
        ThermoSampler().sample(glass(5), annealing_time=20)


def test_hardware_takes_what_fits_its_wires():
    nodes, (a, b) = CHIP.nodelist, CHIP.edgelist[0]
    found = CHIP.sample_ising({a: 0.5}, {(a, b): 1.0}, num_reads=3, seed=1, return_embedding=True)
    assert found.first.sample == {a: -1, b: 1}
    assert found.info["embedding_context"]["embedding"] == {a: (a,), b: (b,)}
    apart = next(v for v in nodes if v not in CHIP.adjacency[a] and v != a)
    with pytest.raises(dimod.exceptions.BinaryQuadraticModelStructureError):
        CHIP.sample_ising({}, {(a, apart): 1.0})
    with pytest.raises(TargetError, match="wired without limits"):
        ThermoHardware("ideal")


def test_chains_on_hardware():
    bqm = dimod.BQM(
        {v: 0.25 for v in "abcdef"}, {(u, v): 1.0 for u in "abcdef" for v in "abcdef" if u < v}, "SPIN"
    )
    best = dimod.ExactSolver().sample(bqm).first.energy
    found = on_chip().sample(bqm, num_reads=20, seed=3, return_embedding=True)
    assert found.first.energy == best
    testing.assert_sampleset_energies(found, bqm)
    context = found.info["embedding_context"]
    chains = context["embedding"]
    assert set(chains) == set("abcdef") and max(map(len, chains.values())) > 1
    assert len({n for c in chains.values() for n in c}) == sum(map(len, chains.values()))
    for u, v in bqm.quadratic:  # every coupling has a wire
        assert any(q in CHIP.adjacency[p] for p in chains[u] for q in chains[v])
    assert ((found.record.chain_break_fraction >= 0) & (found.record.chain_break_fraction <= 1)).all()
    given = on_chip().sample(bqm, seed=3, embedding=chains, chain_strength=3.0, return_embedding=True)
    assert given.info["embedding_context"]["embedding"] == {v: tuple(sorted(c)) for v, c in chains.items()}
    assert given.info["embedding_context"]["chain_strength"] == 3.0
    weak = on_chip().sample(bqm, num_reads=20, seed=3, embedding=chains, chain_strength=1e-3)
    assert weak.record.chain_break_fraction.mean() > found.record.chain_break_fraction.mean()
    with pytest.raises(ValueError, match="no chain for variable"):
        on_chip().sample(bqm, embedding={"a": (0,)})
