"""Accuracy and heat of a netlist on a data set: labels are matched, misfits are named."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.families.hopfield import HopfieldNetwork, lower_hopfield
from compiler.families.langevin import LangevinMachine, lower_langevin
from hw_models.presets import DEVICES, chosen_device
from thermo.data import DataError, Dataset
from thermo.energy.inference import estimate_langevin
from thermo.evaluate import check_fit, evaluate, targets_of

K, DRIVE, T_F, DT = 4.0, 3.0, 0.5, 0.005


def machine(*, head="classification", labels=(), kT=0.0, n_out=3):
    """As many harmonic cells as inputs, each driven by its own: the largest input wins."""
    zero, one = np.zeros(n_out), np.ones(n_out)
    return LangevinMachine(
        w_in=DRIVE * np.eye(n_out),
        coupling=np.zeros((n_out, n_out)),
        bias=zero,
        j2=K / 2 * one,
        j3=zero,
        j4=zero,
        x0=zero,
        n_out=n_out,
        input_shift=np.zeros(1),
        input_scale=np.ones(1),
        readout_scale=one,
        readout_offset=zero,
        kT=kT,
        t_f=T_F,
        dt=DT,
        head=head,
        labels=labels,
    )


def classes(labels=(), n=60, n_in=3, n_classes=3):
    x = np.random.default_rng(0).random((n, n_in)).astype(np.float32)
    y = np.argmax(x[:, :n_classes], axis=1)
    return Dataset("toy", x, y, x, y, x, y, n_classes=n_classes, labels=labels)


def numbers(n_values=3, n=50):
    x = np.random.default_rng(1).random((n, 3)).astype(np.float32)
    y = x[:, :n_values] if n_values > 1 else x[:, 0]
    return Dataset("toy", x, y, x, y, x, y, n_classes=0)


def test_the_largest_input_wins():
    got, result = evaluate(lower_langevin(machine()), classes(), "valid")
    assert (got.split, got.n_samples, got.runs) == ("valid", 60, 1)
    assert got.accuracy == 1.0 and got.accuracy_sem == 0.0
    assert got.rmse is None and got.heat_kT is None
    assert result.outputs.shape == (1, 60, 1, 3)


def test_answers_are_matched_by_label_not_by_position():
    """The machine's labels name the classes in another order than the data set."""
    data = classes(labels=("a", "b", "c"))
    as_named = replace(data, y_test=np.array([2, 0, 1])[data.y_test])
    netlist = lower_langevin(machine(labels=("c", "a", "b"), kT=0.001))
    assert evaluate(netlist, as_named)[0].accuracy > 0.9
    assert evaluate(netlist, data)[0].accuracy < 0.1
    # the read-out of the cycle is scored in the same way
    told = estimate_langevin(netlist, as_named, chosen_device("rc-1fF", "ideal"), ())
    assert told.cycle.accuracy > 0.9
    other_names = lower_langevin(machine(labels=("x", "y", "z")))
    assert evaluate(other_names, data)[0].accuracy == 1.0


def test_accuracy_and_heat_carry_their_standard_errors():
    netlist = lower_langevin(machine(kT=0.2))
    got, result = evaluate(netlist, classes(), runs=2, seed=3)
    assert 0.3 < got.accuracy < 1
    assert got.accuracy == np.mean(result.predictions() == classes().y_test)
    assert got.accuracy_sem == pytest.approx(np.sqrt(got.accuracy * (1 - got.accuracy) / 60))
    per_inference = result.heat.sum(axis=1) / 0.2
    assert got.heat_kT.mean == pytest.approx(per_inference.mean())
    assert got.heat_kT.sem == pytest.approx(per_inference.std(ddof=1) / np.sqrt(60))


def test_error_of_a_regression_against_the_closed_form():
    """At kT = 0 the answer is DRIVE / K (1 - (1 - K dt)^n) x after n Euler steps."""
    gain = DRIVE / K * (1 - (1 - K * DT) ** round(T_F / DT))
    data = numbers()
    got, _ = evaluate(lower_langevin(machine(head="regression")), data)
    assert got.accuracy is None and got.accuracy_sem is None
    want = np.sqrt(np.mean(((gain - 1) * data.x_test) ** 2))
    assert got.rmse == pytest.approx(want, rel=1e-5)


def test_a_regression_is_estimated_without_a_baseline():
    got = estimate_langevin(
        lower_langevin(machine(head="regression", kT=0.01)), numbers(), DEVICES.get("rc-1fF"), ()
    )
    told = got.to_dict()
    assert told["accuracy"] is None and told["rmse"] > 0
    assert told["answer_bits"] is None and told["digital_baseline_J"] is None
    assert got.cycle.accuracy is None and got.cycle.work.mean > 0


def test_one_sample_has_no_spread():
    data = classes(n=1)
    heat = evaluate(lower_langevin(machine(kT=0.1)), data)[0].heat_kT
    assert heat.std == 0.0 and heat.sem == 0.0


@pytest.mark.parametrize(
    ("netlist", "data", "rule"),
    [
        (machine(), classes(n_in=4), "has 4 values a sample; the netlist has 3 input cells"),
        (machine(), classes(n_classes=2), "gives 3 answers, data set toy has 2 classes"),
        (machine(head="regression"), classes(), "answers with numbers, data set toy asks for cl"),
        (machine(), numbers(), "answers with classes, data set toy asks for numbers"),
        (machine(head="regression"), numbers(2), "gives 3 answers, data set toy has 2 values a"),
        (machine(head="regression"), numbers(1), "gives 3 answers, data set toy has 1 values a"),
    ],
)
def test_misfits_are_named(netlist, data, rule):
    with pytest.raises(DataError, match=rule):
        evaluate(lower_langevin(netlist), data)


def test_a_netlist_without_read_out_is_named():
    with pytest.raises(DataError, match="no read-out"):
        check_fit(lower_langevin(machine()).with_(readout=None), classes())


def test_an_unknown_split_is_named():
    with pytest.raises(DataError, match="split must be train, valid or test, got 'all'"):
        evaluate(lower_langevin(machine()), classes(), "all")


def nudged_network(labels=()):
    """Inputs 0 to 2 drive hard-sigmoid outputs, and a nudge follows; the nudged phase is read."""
    network = HopfieldNetwork(
        (np.eye(3) + 0.1 * np.arange(9).reshape(3, 3) / 8,), (np.array([0.1, -0.1, 0.05]),), labels=labels
    )
    netlist = lower_hopfield(network, nudge=0.5)
    return netlist.with_(readout=replace(netlist.readout, phase="nudged"))


def test_a_nudge_pulls_towards_the_truth():
    data = classes()
    netlist = nudged_network()
    got, result = evaluate(netlist, data, "test")
    y = np.eye(3)[data.y_test]
    free = np.clip(
        data.x_test @ (np.eye(3) + 0.1 * np.arange(9).reshape(3, 3) / 8).T + [0.1, -0.1, 0.05], -9, 9
    )
    np.testing.assert_allclose(result.answers(), np.clip((free + 0.5 * y) / 1.5, 0, 1), atol=1e-3)
    assert got.accuracy == 1.0
    other, _ = evaluate(netlist, data, "test", targets=np.zeros((60, 3)))
    assert other.accuracy < 1.0  # given targets are taken


def test_targets_follow_the_labels():
    data = classes(labels=("a", "b", "c"))
    netlist = nudged_network(labels=("b", "c", "a"))
    got = targets_of(netlist, data, np.array([0, 1, 2, 2]))
    assert got.argmax(axis=1).tolist() == [2, 0, 1, 1] and (got.sum(axis=1) == 1).all()
    turned = netlist.with_(readout=replace(netlist.readout, cells=netlist.readout.cells[::-1]))
    got = targets_of(turned, data, np.array([0, 1, 2, 2]))
    assert got.argmax(axis=1).tolist() == [0, 2, 1, 1]
    few = replace(netlist.readout, cells=netlist.readout.cells[:2], labels=("b", "c"))
    with pytest.raises(DataError, match="not one for one its answers"):
        targets_of(netlist.with_(readout=few), data, np.array([0]))
