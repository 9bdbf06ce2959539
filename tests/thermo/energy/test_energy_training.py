"""Joules of a training: heat is that of the netlist, counts are those of the trainer."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from compiler.families.hopfield import HopfieldNetwork, lower_hopfield, relax
from compiler.families.resistive import lower_resistive
from hw_models.digital import NODE_7NM, NODE_45NM
from hw_models.errors import HardwareError
from hw_models.presets import DEVICES
from hw_models.source import Quantity, Source
from hw_models.weights import WEIGHT_MEMORIES, WeightMemory
from thermo.data import load_dataset
from thermo.energy.digital_training import digital_training
from thermo.energy.eqprop_effort import baselines_of, effort_of, energy_of, resistive_energy_of
from thermo.energy.training import RelaxationCost, TrainingEffort, measured_relaxation, training_energy
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.presets import eqprop_preset, resistive_preset
from thermo.training.eqprop.resistive import train_resistive
from thermo.training.eqprop.train import train_eqprop

DEVICE, MEMORY = DEVICES.get("rc-1fF"), WEIGHT_MEMORIES.get("sram-8bit")


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def network(seed=3):
    rng = np.random.default_rng(seed)
    weights = tuple(0.5 * rng.normal(0.1, 1, s) / np.sqrt(s[1]) for s in ((6, 5), (3, 6)))
    return HopfieldNetwork(weights, (rng.normal(0.3, 0.1, 6), rng.normal(0.2, 0.1, 3)))


def energy(net, u, states):
    """E of Scellier and Bengio on the box, (n,)."""
    below = [u, *states]
    e = sum(0.5 * (s**2).sum(1) - s @ b for s, b in zip(states, net.biases, strict=True))
    return e - sum(((below[l] @ w.T) * below[l + 1]).sum(1) for l, w in enumerate(net.weights))


def test_heat_of_a_relaxation_is_the_energy_it_falls_by():
    """From u = 0, E = 0, to rest; and with the nudge on, from there on. Euler steps of dt = 1/4 on
    a curvature of order 1 dissipate what the energy falls by but for O(dt): 15 %.
    """
    net = network()
    rng = np.random.default_rng(4)
    x, y, beta = rng.uniform(0, 1, (40, 5)), np.eye(3)[rng.integers(0, 3, 40)], 0.5
    free = relax(net, x)
    # a nudge is a spring: rest of the network with outputs' weights and biases over 1 + beta
    pushed = [s.copy() for s in free]
    for _ in range(300):
        z = pushed[0] @ net.weights[1].T + net.biases[1]
        pushed[1] = np.clip((z + beta * y) / (1 + beta), 0, 1)
        pushed[0] = np.clip(x @ net.weights[0].T + net.biases[0] + pushed[1] @ net.weights[1], 0, 1)
    cost = [0.5 * ((s[-1] - y) ** 2).sum(1) for s in (free, pushed)]
    fall = -energy(net, x, free)
    nudged = energy(net, x, free) + beta * cost[0] - energy(net, x, pushed) - beta * cost[1]
    got = measured_relaxation(lower_hopfield(net, duration=40.0), x, y, (beta,))
    assert got.free == pytest.approx(fall.mean(), rel=0.02)
    assert got.nudged == pytest.approx(nudged.mean(), rel=0.05)
    assert got.free > 3 * got.nudged > 0
    plain = measured_relaxation(lower_hopfield(net, duration=40.0), x, y, ())
    assert plain.nudged == plain.free and "taken as free" in plain.how
    none = measured_relaxation(lower_hopfield(net, duration=40.0), x, y, None)
    assert none.nudged == none.time_nudged == 0 and none.free == plain.free


def test_every_term_by_hand():
    effort = TrainingEffort(
        presentations=10, free=20, nudged=40, reads=500, products=3000, writes=700, sweeps=0, updates=2
    )
    cost = RelaxationCost(2.0, 0.5, 30.0, 10.0, "by hand")
    got = training_energy(effort, cost, DEVICE, MEMORY, sizes=(8, 5, 3))
    j = got.joules()
    unit, time = 1e-15 * 0.1**2, 1e6 * 1e-15  # C V^2, RC
    seconds = (20 * 30 + 40 * 10) * time
    # 0.1 V at full scale is so much that Walden's 10 fJ a level is nearly all of it
    dac = DEVICE.input_converter.energy(0.1, columns=5)
    adc = DEVICE.output_converter.energy(0.1)
    assert 2.56e-12 < adc <= dac < 1.05 * 2.56e-12
    wanted = {
        "relaxation": (20 * 2.0 + 40 * 0.5) * unit,
        "input_drive": 10 * 8 * dac,
        "nudge_drive": 40 * 3 * dac,
        "state_read": 500 * adc,
        "arithmetic": 3000 * 0.23e-12,
        "weight_write": 700 * 1.25e-12,
        "clocking": 60 * 8 * 0.64e-15,
        "idle": 8 * DEVICE.static_power.value * (seconds + 70 * 20e-9),
    }
    assert set(j) == {*wanted, "total"}
    for name, value in wanted.items():
        assert j[name] == pytest.approx(value, rel=1e-9), name
    assert j["total"] == pytest.approx(sum(wanted.values()))
    assert got.seconds == pytest.approx(seconds)
    kinds = {t.name: t.kind for t in got.terms}
    assert kinds["relaxation"] == "assumed" and kinds["weight_write"] == "derived"
    assert kinds["arithmetic"] == "second-hand"
    assert got.to_dict()["J_per_presentation"] == pytest.approx(j["total"] / 10)
    # what the unit of energy is made of is the device's to say
    assert got.terms[0].how == "by hand; unit of energy from the device's capacitance and swing"
    warm = training_energy(effort, cost, DEVICE, MEMORY, sizes=(8, 5, 3), kT=1.0)
    assert warm.terms[0].how.endswith("the device's ambient")
    currents = training_energy(effort, replace(cost, current=4.0), DEVICE, MEMORY, sizes=(8, 5, 3)).joules()
    assert currents["current"] == pytest.approx(4.0 * seconds / time * unit)
    assert "relaxation" not in currents


@pytest.mark.parametrize(
    ("changes", "free", "nudged", "reads", "writes"),
    [
        ({}, 1, 2, 2 * 34, 1),
        ({"estimator": "positive"}, 1, 1, 2 * 34, 1),
        ({"rule": "field"}, 1, 2, 3 * 34, 1),
        ({"estimator": "spsa", "directions": 3}, 6, 0, 6 * 10, 7),
        ({"estimator": "weight-perturbation", "directions": 3}, 4, 0, 4 * 10, 4),
        ({"estimator": "node-perturbation", "directions": 3}, 7, 0, 7 * 10 + 24, 1),
        ({"device": EqpropDevice(replicas=2)}, 2, 4, 4 * 34, 2),
    ],
)
def test_counts_of_a_training(digits, changes, free, nudged, reads, writes):
    settings = replace(eqprop_preset(digits), hidden=(24,), epochs=2, **changes)
    trained = train_eqprop(digits, settings, threads=1)
    got = effort_of(trained, digits)
    updates = 2 * (digits.x_train.shape[0] // 32)
    couplings = 64 * 24 + 240 + (240 if "rule" in changes else 0)
    images = updates * 32
    assert (got.presentations, got.updates) == (images, updates)
    assert (got.free, got.nudged) == (free * images, nudged * images)
    assert got.reads == reads * images and got.writes == writes * updates * couplings
    found = energy_of(trained, digits, lower_hopfield(trained.model), DEVICE, MEMORY)
    dac = DEVICE.input_converter.energy(DEVICE.swing.value, columns=24)
    assert found.joules()["nudge_drive"] == pytest.approx(nudged * images * 10 * dac, rel=1e-9, abs=0)
    assert all(t.joules >= 0 for t in found.terms) and found.total > 0


def test_a_resistive_network_pays_for_its_currents(digits):
    settings, gain = resistive_preset(digits)
    trained = train_resistive(digits, replace(settings, hidden=(12,), epochs=1), gain=gain, threads=1)
    net = trained.model
    found = resistive_energy_of(trained, digits, lower_resistive(net), DEVICE, MEMORY)
    x = digits.x_valid[:64].astype(float)
    v = net.voltages(x)
    layers = [np.hstack([x, -x]) * gain, *v]
    power = sum(
        (g * (layers[l + 1][:, :, None] - layers[l][:, None, :]) ** 2).sum(axis=(1, 2)).mean()
        for l, g in enumerate(net.conductances)
    )
    per_ohm = 1e-6 / 2.0 ** np.ceil(np.log2(max(load.max() for load in net.loads())))  # the netlist's 1
    wanted = power * per_ohm * 0.1**2 * found.seconds
    assert found.joules()["current"] == pytest.approx(wanted, rel=1e-6)


def test_memories_have_sources_and_refuse_nonsense():
    for name in WEIGHT_MEMORIES.names():
        figure = WEIGHT_MEMORIES.get(name).describe()["figures"]["write"]
        assert figure["value"] > 0 and figure["ref"]
    with pytest.raises(HardwareError, match="choose one of sram-8bit"):
        WEIGHT_MEMORIES.get("wax")
    with pytest.raises(HardwareError, match="write must be >= 0"):
        WeightMemory("x", "", Quantity(-1.0, "J", Source("assumed", "x")))


def test_back_propagation_by_hand():
    """A 4-3-2 network, ten images in batches of five: 18 couplings, 12 of them behind the inputs."""
    shown = {"presentations": 10.0, "updates": 2.0}
    got = digital_training(18, 12, **shown)
    macs = 10 * (18 + 6 + 18) + 2 * 18
    assert got.macs == macs and got.arithmetic == pytest.approx(macs * 0.23e-12, rel=1e-9, abs=0)
    bits = 10 * ((18 + 6) * 8 + 2 * 18 * 16) + 2 * 18 * (8 + 8 + 16)
    word = NODE_45NM.sram_fixed.value + NODE_45NM.sram_slope.value * (18 * 3) ** 0.5
    assert got.memory == pytest.approx(bits / 64 * word, rel=1e-9, abs=0)
    assert got.total == got.arithmetic + got.memory and got.kind == "second-hand"
    fp32 = digital_training(18, 12, precision="fp32", **shown)
    assert fp32.arithmetic == pytest.approx(macs * 4.6e-12, rel=1e-9, abs=0)
    later = digital_training(18, 12, node=NODE_7NM, **shown)
    assert later.arithmetic < got.arithmetic and later.kind == "memory"


def test_the_baseline_is_of_the_network_that_was_trained():
    network = SimpleNamespace(weights=(np.zeros((3, 4)), np.zeros((2, 3))), backward=None)
    effort = TrainingEffort(10, 20, 40, 500, 3000, 700, 0, 2)
    int8, fp32 = baselines_of(network, effort)
    assert int8 == digital_training(18, 12, presentations=10, updates=2) and fp32.precision == "fp32"
