"""The estimate of one inference: joules by hand, the digital baseline, and what JSON says."""

import json
from dataclasses import replace

import numpy as np
import pytest
from toys.simulate import toy

from compiler.families.conv_hopfield import ConvHopfieldNetwork, lower_conv_hopfield
from compiler.families.mlp import MLP
from compiler.ir.langevin import Phase
from hw_models.constants import landauer, thermal_energy
from hw_models.digital import NODE_45NM, network_energy
from hw_models.errors import HardwareError
from hw_models.presets import DEVICES, chosen_device
from thermo.cli.console import plain
from thermo.data import Dataset, load_dataset
from thermo.energy.baselines import Baseline, cheapest, forward, forward_int8, measure_baselines
from thermo.energy.cycle import Reset
from thermo.energy.inference import estimate_langevin, n_parameters, summarise
from thermo.energy.ledger import bill
from thermo.energy.storage import stored
from thermo.report.estimate import estimate_tables
from thermo.report.text import text_table

DEVICE = DEVICES.get("rc-1fF")


RESET = Reset(100.0, 0.1)


def two_classes(n=40, n_in=5, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.random((n, n_in)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.int64)
    return Dataset("toy", x, y, x, y, x, y, n_classes=2, labels=("0", "1"))


def baseline(name, accuracy, sizes):
    return Baseline(name, sizes, accuracy, accuracy, network_energy(sizes))


BASELINES = (
    baseline("linear, int8", 0.0, (5, 2)),
    baseline("5-4-2 int8", 1.0, (5, 4, 2)),
    baseline("5-8-2 int8", 1.0, (5, 8, 2)),
)


def machine(**changes):
    return replace(toy(schedule=(Phase("relax", 0.2),)), **changes)


def test_couplings_of_one_parameter_are_counted_once():
    rng = np.random.default_rng(0)
    kernels = tuple(rng.standard_normal(shape) for shape in ((3, 3, 1, 2), (2, 2, 2, 3)))
    network = ConvHopfieldNetwork(
        input_shape=(6, 6, 1),
        kernels=kernels,
        strides=(1, 2),
        paddings=(0, 0),
        weights=(rng.standard_normal((2, 12)),),
        biases=tuple(np.ones(n) for n in (2, 3, 2)),
    )
    netlist = lower_conv_hopfield(network)
    (group,) = netlist.couplings
    cells = 32 + 12 + 2
    assert n_parameters(netlist) == network.n_parameters + cells == 18 + 24 + 24 + cells
    own = netlist.with_(couplings=(replace(group, weight=group.values, tie=None),))  # each by itself
    ways = 16 * 18 + 4 * 24 + 24
    assert n_parameters(own) == ways + cells


def test_joules_of_one_inference_add_up():
    runs = 2
    got = estimate_langevin(machine(), two_classes(), DEVICE, BASELINES, runs=runs, seed=1, reset=RESET)
    # J2 = kT = mobility = 1: E0 = k_B T, t0 = 2 R C = 2 ns
    assert got.units.energy == pytest.approx(thermal_energy())
    assert got.cycle is not None
    one_run = (0.2 + 0.1) * 2e-9
    assert got.latency_s == pytest.approx(runs * one_run + 3 * 20e-9)
    joules = got.energy.joules
    assert joules["physics"] == pytest.approx(got.cycle.work.mean * thermal_energy())
    # J2 = 1 and 1 fF: v0 = sqrt(2 k_B T / C)
    v0 = np.sqrt(2 * thermal_energy() / 1e-15)
    inputs, outputs = v0 * got.asked.input_span, v0 * got.asked.output_span
    assert got.asked.input_span == pytest.approx(0.8 * np.ptp(two_classes().x_train))  # the toy's encoder
    dac, adc = DEVICE.input_converter, DEVICE.output_converter
    assert joules["input converters"] == pytest.approx(5 * dac.energy(inputs, columns=9))
    assert joules["output converters"] == pytest.approx(2 * runs * adc.energy(outputs))
    assert joules["clock"] == pytest.approx(9 * 2 * runs * 0.64e-15)
    assert joules["leakage"] == pytest.approx(9 * DEVICE.static_power.value * got.latency_s)
    assert got.energy.total == sum(joules.values())
    heat = got.evaluation.heat_kT
    assert heat.sem == pytest.approx(heat.std / np.sqrt(40))
    assert got.heat_above_idle == pytest.approx(heat.mean - runs * got.idle_heat_kT.mean)


def test_the_design_is_the_estimate_and_its_figures_move_it():
    got = estimate_langevin(machine(), two_classes(), DEVICE, (), seed=1, reset=RESET)
    design = got.design
    assert design.price(design.likely, None) == got.energy
    assert (design.accuracy, design.n_samples) == (got.cycle.accuracy, 40)
    assert design.right.mean() == got.cycle.accuracy
    # a tenth of the resistance: the run takes a tenth of its time, the converters the same
    faster = design.price({**design.likely, "rc-1fF resistance": 1e5}, None)
    assert got.energy.seconds - faster.seconds == pytest.approx(0.9 * 0.3 * 2e-9)
    # a machine that answers once a microsecond draws its static power all the time
    slow = design.price(design.likely, 1e6)
    assert slow.joules["leakage"] == pytest.approx(9 * DEVICE.static_power.value * 1e-6)
    assert {k: v for k, v in slow.joules.items() if k != "leakage"} == {
        k: v for k, v in got.energy.joules.items() if k != "leakage"
    }
    between = bill(design).total
    assert between.low < got.energy.total < between.high


@pytest.mark.slow
def test_couplings_are_priced_while_they_are_on():
    """Current n V_T sum |W| / (2 J2 R), at 0.8 V while cells relax and are reset, or for the whole answer."""
    net = machine()
    got = estimate_langevin(net, two_classes(), DEVICE, (), seed=1)
    strength = sum(np.abs(group.values).sum() for group in net.couplings)
    power = 0.8 * 1.3 * 25.852e-3 * strength / 2 * 1e-6
    assert got.energy.joules["couplings"] == pytest.approx(power * 0.3 * 2e-9, rel=1e-4)
    assert got.energy.area_m2 == pytest.approx(net.n_couplings * 1e-12)
    facts = got.to_dict()["couplings"]
    assert facts["technology"] == "weak-inversion" and not facts["ideal"]
    always = estimate_langevin(net, two_classes(), DEVICE, (), seed=1, always_on=True)
    assert always.energy.joules["couplings"] == pytest.approx(power * always.latency_s, rel=1e-4)
    assert facts["always_on_J"] == pytest.approx(always.energy.joules["couplings"])
    # the range leaves no potential: the price of the cycle is its heat
    assert got.cycle.work_on is None and got.cycle.work.mean == pytest.approx(
        got.cycle.heat_relax.mean + got.cycle.heat_reset.mean
    )


def test_ideal_couplings_are_told_first():
    ideal = chosen_device(DEVICE, "ideal")
    got = estimate_langevin(machine(), two_classes(), ideal, (), seed=1)
    assert got.energy.joules["couplings"] == 0 and got.cycle.work_on is not None
    assert next(iter(got.to_dict())) == "couplings" and got.to_dict()["couplings"]["ideal"]
    first = text_table(estimate_tables(got)[0]).splitlines()[0]
    assert first.startswith("Ideal couplings: no noise, load, range or price")
    noisy = text_table(estimate_tables(estimate_langevin(machine(), two_classes(), DEVICE, ()))[0])
    assert "deal" not in noisy and "weak-inversion" in noisy


def test_json_has_the_keys_that_others_rely_on():
    got = estimate_langevin(machine(), two_classes(), DEVICE, BASELINES, seed=1, reset=RESET)
    told = json.loads(json.dumps(plain(got.to_dict()), allow_nan=False))
    assert set(told["heat_kT"]) == {"mean", "std", "sem"}
    assert told["energy_J"]["total"] == pytest.approx(
        sum(v for k, v in told["energy_J"].items() if k != "total")
    )
    assert told["landauer_J"] == landauer()
    assert told["answer_bits"] == 1.0
    assert told["halved_dt"]["heat_kT"]["mean"] == got.halved.heat_kT.mean
    assert got.halved.heat_kT != got.evaluation.heat_kT
    # 5-4-2: 28 multiply-adds, 28 bytes
    assert got.cheapest.name == "5-4-2 int8"
    digital = network_energy((5, 4, 2)).total
    assert told["digital_baseline_J"] == pytest.approx(digital)
    assert list(told["advantage"]) == ["wired", "registers", "sram", "off-chip"]
    ours = got.energy.total
    assert told["advantage"]["wired"]["likely"] == pytest.approx(28 * 0.23e-12 / ours)
    # both read their weights: 28 bytes against those of nine cells
    sram = stored(got.design, "sram", NODE_45NM)
    held = stored(got.cheapest.design(40, "test"), "sram", NODE_45NM)
    want = held.price(held.likely, None).total / sram.price(sram.likely, None).total
    assert told["advantage"]["sram"]["likely"] == pytest.approx(want)
    assert sram.price(sram.likely, None).total > ours


def test_no_ratio_without_a_baseline_or_with_absorbed_heat():
    got = estimate_langevin(machine(), two_classes(), DEVICE, BASELINES[:1], seed=1, reset=RESET)
    assert got.evaluation.accuracy > 0
    assert got.cheapest is None
    assert got.to_dict()["digital_baseline_J"] is None
    assert got.advantage == {}
    absorbing = replace(got, cheapest=BASELINES[1], asked=replace(got.asked, physics=-1e12))
    assert absorbing.energy.total < 0
    assert "wired" not in absorbing.advantage


def test_an_asymmetric_machine_is_charged_its_heat():
    skew = replace(toy(symmetric=False, schedule=(Phase("relax", 0.2),)))
    got = estimate_langevin(skew, two_classes(), DEVICE, (), seed=1)
    assert got.cycle is None
    assert got.energy.joules["physics"] == pytest.approx(got.evaluation.heat_kT.mean * thermal_energy())
    assert got.latency_s == pytest.approx(0.2 * 2e-9 + 2 * 20e-9)


def test_a_cold_machine_is_charged_in_the_device_s_units():
    got = estimate_langevin(machine(kT=0.0), two_classes(), DEVICE, (), seed=1)
    assert got.evaluation.heat.mean == pytest.approx(got.evaluation.heat_kT.mean * got.units.kT)
    assert got.idle_heat_kT is None
    assert got.units.voltage == 0.1
    # E0 = C v0^2 / (2 J2) = 5 aJ
    assert got.units.energy == pytest.approx(5e-18)
    assert got.energy.joules["physics"] > 0
    # ideal couplings are the netlist's own equation, which is at kT = 0
    ideal = estimate_langevin(machine(kT=0.0), two_classes(), chosen_device(DEVICE, "ideal"), (), seed=1)
    assert ideal.to_dict()["heat_kT"] is None and ideal.evaluation.heat.mean > 0


def test_a_device_must_hold_the_cells():
    flat = machine()
    flat = flat.with_(cells=replace(flat.cells, j2=np.zeros(flat.n_cells)))
    with pytest.raises(HardwareError, match="needs J2 > 0"):
        estimate_langevin(flat, two_classes(), DEVICE, (), reset=Reset(10.0, 0.1))


def test_summary_is_over_samples_of_summed_runs():
    heat = summarise(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert heat.mean == 7.0  # of 3, 7, 11
    assert heat.std == 4.0
    assert heat.sem == pytest.approx(4 / np.sqrt(3))
    assert summarise(np.array([[2.0]])).sem == 0.0


def test_the_cheapest_design_is_of_at_least_the_same_accuracy():
    designs = (
        baseline("a", 0.90, (784, 10)),
        baseline("b", 0.96, (784, 32, 10)),
        baseline("c", 0.96, (784, 16, 10)),
    )
    assert cheapest(designs, 0.90).name == "a"
    assert cheapest(designs, 0.905).name == "c"
    assert cheapest(designs, 0.97) is None
    assert cheapest(designs, None) is None


def test_int8_forward_by_hand():
    network = MLP(
        weights=(np.array([[1.0, -0.5], [0.3, 0.2]]), np.array([[2.0, 1.0]])),
        biases=(np.array([0.1, 0.0]), np.array([-0.25])),
        activations=("relu", "identity"),
        input_shift=np.array([0.5]),
        input_scale=np.array([2.0]),
    )
    x = np.array([[1.0, 0.75], [0.0, 1.0]], dtype=np.float32)
    # inputs (1, .5) and (-1, 1); hidden (.85, .4) and (0, 0); outputs 1.85 and -.25
    np.testing.assert_allclose(forward(network, x), [[1.85], [-0.25]], rtol=1e-6)

    def rounded(value, top):
        return np.clip(np.round(value * 127 / top), -127, 127) * top / 127

    a = rounded(np.array([1.0, 0.5]), 1.0)
    w1, w2 = rounded(network.weights[0], 1.0), rounded(network.weights[1], 2.0)
    h = w1 @ a + network.biases[0]
    want = w2 @ rounded(h, h.max()) - 0.25
    got = forward_int8(network, x, x)
    np.testing.assert_allclose(got[0], want, rtol=1e-5)
    assert got[0] != pytest.approx(1.85, rel=1e-6)
    # data beyond the calibration saturate
    np.testing.assert_allclose(
        forward_int8(network, np.array([[9.0, 0.75]], np.float32), x), got[:1], rtol=1e-5
    )


def test_baselines_of_the_digits_grow_until_one_suffices():
    digits = load_dataset("digits")
    found = measure_baselines(digits, stop_at=0.95, widths=(0, 4, 32, 64))
    assert found[0].name == "linear, int8"
    assert found[0].sizes == (64, 10)
    assert found[0].energy == network_energy((64, 10))
    assert found[0].accuracy > 0.92  # trained too little, it would flatter the machine
    assert all(b.accuracy < 0.95 for b in found[:-1])
    assert found[-1].accuracy >= 0.95
    for b in found:
        assert abs(b.accuracy - b.float_accuracy) < 0.02
    assert measure_baselines(digits, stop_at=0.5, widths=(0, 4)) == found[:1]


def test_baselines_that_never_suffice_are_all_returned():
    told = []

    class Told:
        def start(self, total, label):
            told.append((total, label))

        def update(self, done, note=""):
            told.append((done, note))

        def stop(self):
            told.append("stop")

    found = measure_baselines(two_classes(4000), stop_at=1.1, widths=(0, 2), progress=Told())
    assert [b.sizes for b in found] == [(5, 2), (5, 2, 2)]
    assert told[0] == (2, "digital baselines")
    assert told[-1] == "stop"
    assert cheapest(found, 1.1) is None


def test_labels_are_matched_by_name_in_every_accuracy():
    """Classes named in the other order turn every decision round, in the cycle too."""
    data = two_classes(400)
    plain_order, turned = (
        machine().with_(readout=replace(machine().readout, labels=labels))
        for labels in (("0", "1"), ("1", "0"))
    )
    a, b = (estimate_langevin(n, data, DEVICE, (), seed=1, reset=RESET) for n in (plain_order, turned))
    for left, right in ((a.evaluation, b.evaluation), (a.halved, b.halved), (a.cycle, b.cycle)):
        assert left.accuracy + right.accuracy == pytest.approx(1.0)
    assert a.energy == b.energy
    assert (a.right != b.right).all()
