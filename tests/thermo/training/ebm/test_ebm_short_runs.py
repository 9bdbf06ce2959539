"""Machines trained on their own short runs: laws of cells, gradients, netlists, images and their heat."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from compiler.ir.kinds import verify
from thermo.cli.main import main
from thermo.data import load_dataset
from thermo.energy.generation import image_heat
from thermo.simulate import simulate
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.short_run_netlist import CHOICE, Choice, lower_short_runs
from thermo.training.ebm.short_runs import (
    CellLaw,
    ShortRunConfig,
    ShortRunMachine,
    ShortRunTrainer,
    as_cells,
    train_short_runs,
)

SMALL = ShortRunConfig(hidden=16, gain=4.0, sweeps=4, time=1.0, epochs=2, batch=64, learning_rate=5e-3)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def machine_of(weights, visible, hidden, config=SMALL):
    d, m = weights.shape
    none = np.zeros((d, 0), np.float32), np.zeros((m, 0), np.float32)
    return ShortRunMachine(*(np.float32(a) for a in (weights, visible, hidden)), *none, config)


def test_a_cells_law_is_the_integral():
    law = CellLaw.of(0.1, 1.0, 1.0)
    x = np.linspace(-3, 3, 20001)
    for force in (-5.0, 0.3, 4.0):
        p = np.exp(-(x**2 + x**4 - force * x) / 0.1)
        p /= p.sum()
        mean = p @ x
        states, means = law.draw(
            np.full((1, 2), np.float32(force)), np.zeros(1, np.float32), np.array([[0.0, 1.0]], np.float32)
        )
        assert means[0, 0] == pytest.approx(mean, abs=2e-4)
        assert states[0, 1] - states[0, 0] == pytest.approx(np.sqrt(p @ (x - mean) ** 2), abs=2e-4)
        assert law.at(force) == pytest.approx(mean, abs=2e-4)
    assert law.force_for(np.array([law.at(1.5)])) == pytest.approx([1.5], abs=1e-2)


def test_a_step_in_time_keeps_the_law_and_relaxes_as_the_cell_does():
    rest, step = CellLaw.of(0.1, 1.0, 1.0), CellLaw.of(0.1, 1.0, 1.0, 0.2)
    assert np.allclose(step.spread**2 / (1 - step.kept**2), rest.spread**2, rtol=1e-4)
    # a stiff cell's fluctuations are small: the rate is U'' where it rests, 2 + 12 x^2
    x = rest.at(20.0)
    kept = np.interp(20.0, np.linspace(-64, 64, step.kept.size), step.kept)
    assert -np.log(kept) / 0.2 == pytest.approx(2 + 12 * x**2, rel=0.02)
    force, none = np.full((1, 1), np.float32(1.0)), np.zeros((1, 1), np.float32)
    moved, means = step.draw(force, np.zeros(1, np.float32), none, none + np.float32(0.1))
    share = (moved - means) / (np.float32(0.1) - means)
    assert share[0, 0] == pytest.approx(
        np.interp(1.0, np.linspace(-64, 64, step.kept.size), step.kept), abs=1e-5
    )


def test_runs_in_time_come_last(digits):
    trainer = ShortRunTrainer(digits, replace(SMALL, epochs=4, in_time=0.25))
    seen = []
    for trainer.epoch in range(4):
        seen.append(trainer.in_time)
    assert seen == [False, False, False, True]
    with pytest.raises(EbmError, match="at most 1"):
        replace(SMALL, time=1.0, step=2.0)


def test_training_brings_pairs_of_pixels_to_the_datas(digits):
    """Covariances of what runs draw come nearer to the data; with the gradient turned they do not."""
    config = replace(SMALL, epochs=10)
    data = as_cells(digits.x_train[:600], config)
    other = ~np.eye(64, dtype=bool)

    def off(machine):
        drawn = simulate(lower_short_runs(machine, time=2.0, dt=0.02), runs=600, seed=3).run_answers()[0]
        wanted = np.cov(data.T)[other]
        return np.linalg.norm(np.cov(drawn.clip(0, 1).T)[other] - wanted) / np.linalg.norm(wanted)

    turned = ShortRunTrainer(digits, config)
    for adam in turned.adams:
        adam.change = lambda *a, _change=adam.change, **k: -_change(*a, **k)
    turned.run_epoch(None)
    start = ShortRunTrainer(digits, config).model()
    assert off(train_short_runs(digits, config).model) < 0.7 * off(start)
    assert off(turned.model()) > 0.9 * off(start)


def test_a_training_is_a_function_of_its_seed_and_goes_on(digits, tmp_path):
    config = replace(SMALL, clamped=0.5, batches=3)
    whole = train_short_runs(digits, config).model
    file = tmp_path / "checkpoint"
    trainer = ShortRunTrainer(digits, config)
    assert trainer.clamped(np.arange(64)).shape == (10, 64)
    train_short_runs(digits, config, checkpoint=file)
    assert np.array_equal(train_short_runs(digits, config, checkpoint=file).model.weights, whole.weights)
    assert np.abs(whole.class_hidden).max() > 0
    assert not np.array_equal(train_short_runs(digits, replace(config, seed=1)).model.weights, whole.weights)


def test_the_netlist_is_the_machine():
    """Two cells that drive each other end in the law exp(-V / kT); without W they would not."""
    w, b, c = np.array([[1.5]]), np.array([0.3]), np.array([-0.2])
    net = lower_short_runs(machine_of(w, b, c), time=6.0)
    verify(net)
    run = simulate(net, runs=4000, seed=1, keep_final=True)
    v, h = run.final[0].T
    x = np.linspace(-2, 2, 401)
    energy = (x**2 + x**4)[:, None] + (x**2 + x**4) - 0.3 * x[:, None] + 0.2 * x - 1.5 * np.outer(x, x)
    p = np.exp((energy.min() - energy) / 0.1)
    p /= p.sum()
    mean, second = p.sum(axis=1) @ x, x @ p @ x
    error = np.sqrt((p.sum(axis=1) @ x**2 - mean**2) / 4000)
    assert abs(v.mean() - mean) < 4 * error
    assert abs((v * h).mean() - second) < 4 * np.std(v * h) / np.sqrt(4000)
    assert abs(second) > 20 * np.std(v * h) / np.sqrt(4000)  # which no machine without W would show
    # images are 1/2 + x / (2 rest), and the heat of a fixed V is the fall of V
    image = run.run_answers()[0, :, 0]
    assert image == pytest.approx(0.5 + v / (2 * CellLaw.of(0.1, 1.0, 1.0).at(4.0)), abs=1e-5)
    heat = image_heat(net, run.heat_by_phase[-1].ravel(), run.final[0])
    drive = (-0.3 * v + 0.2 * h - 1.5 * v * h).mean() / 0.1  # what switching off takes away again
    assert heat.cycle == pytest.approx(-drive, abs=4 * heat.cycle_sem + 0.05)


def test_layers_that_move_in_turn_end_in_the_same_law():
    """Turns are the sweeps of training: the same mean product, one layer held at a time."""
    config = replace(SMALL, sweeps=6)
    net = lower_short_runs(
        machine_of(np.array([[1.5]]), np.array([0.3]), np.array([-0.2]), config), turns=True
    )
    assert [phase.clamped for phase in net.schedule] == [(), *(("visible",), ("hidden",)) * 6]
    run = simulate(net, runs=3000, seed=1, keep_final=True)
    at_once = simulate(
        lower_short_runs(machine_of(np.array([[1.5]]), np.array([0.3]), np.array([-0.2])), time=6.0),
        runs=3000,
        seed=2,
        keep_final=True,
    )
    a, b = (np.prod(r.final[0], axis=1) for r in (run, at_once))
    assert abs(a.mean() - b.mean()) < 4 * np.hypot(a.std(), b.std()) / np.sqrt(3000)


def test_a_clamped_class_drives_what_it_was_trained_to():
    none = np.zeros((2, 1), np.float32)
    classes = np.array([[2.0, -2.0], [-2.0, 2.0]], np.float32)
    machine = replace(
        machine_of(none, np.zeros(2), np.zeros(1)),
        class_visible=classes,
        class_hidden=np.zeros((1, 2), np.float32),
    )
    net = lower_short_runs(machine, time=2.0, classes="clamped")
    means = simulate(net, np.eye(2, dtype=np.float32), runs=200, seed=0).answers()
    assert np.array_equal(means > 0.5, [[True, False], [False, True]])
    with pytest.raises(EbmError, match="without classes"):
        lower_short_runs(machine_of(none, np.zeros(2), np.zeros(1)), time=1.0, classes="clamped")


def chosen_classes(machine, runs=2000, twist=0.0):
    """States (runs, 3 + classes) after a run whose class cells choose; twist : force on the first of them."""
    net = lower_short_runs(machine, time=1.0, dt=0.01, classes="chosen")
    verify(net)
    first = net.group("class").start
    h = np.zeros(net.n_cells)
    h[first] = twist
    net = replace(net, cells=replace(net.cells, h=h))
    return simulate(net, runs=runs, seed=4, keep_final=True).final[0]


def test_class_cells_choose_one_class_each_equally_often():
    """The bath chooses: one cell up, the others down, and pixels follow; a force on one cell is seen."""
    k, runs = 10, 2000
    own = np.float32(np.linspace(-3, 3, k))[None]
    machine = replace(
        machine_of(np.zeros((1, 1)), np.zeros(1), np.zeros(1)),
        class_visible=own,
        class_hidden=np.zeros((1, k), np.float32),
    )
    choice = Choice.of(k, 1.0, 1.0)
    states = chosen_classes(machine)
    shown = (states[:, 2:] - choice.down) / (choice.up - choice.down)
    one = (shown > 0.5).sum(axis=1) == 1
    assert one.mean() > 0.97
    assert shown[one].max(axis=1).mean() == pytest.approx(1.0, abs=0.05)  # wells at +-1, a fluctuation of 0.1
    law = CellLaw.of(0.1, 1.0, 1.0)
    wanted = np.array([law.at(float(f)) for f in own[0]])
    seen = shown[one].argmax(axis=1)
    for c in (0, k - 1):  # three times the spread of the force that nine cells' noise makes, over 2 J2
        assert states[one, 0][seen == c].mean() == pytest.approx(wanted[c], abs=0.1)

    def apart(states):
        counts = np.bincount(states[:, 2:].argmax(axis=1), minlength=k)
        return ((counts - runs / k) ** 2).sum() / (runs / k)

    assert apart(states) < 27.9  # the chi-square of 9 degrees at p = 0.001
    assert apart(chosen_classes(machine, twist=0.1)) > 27.9


def test_a_class_is_chosen_among_those_that_there_are():
    with pytest.raises(EbmError, match="nothing to choose"):
        Choice.of(1, 1.0, 1.0)
    for n in (2, 10, 26):
        choice = Choice.of(n, 1.0, 1.0)
        x = np.r_[choice.up, np.full(n - 1, choice.down)]
        force = choice.force + choice.inhibition * (x.sum() - x) - 2 * x - 4 * x**3
        assert force == pytest.approx(0.0, abs=1e-9)
        assert choice.down < -0.7 < 0.7 < choice.up
    bare = machine_of(np.zeros((2, 1)), np.zeros(2), np.zeros(1))
    with pytest.raises(EbmError, match="must be one of off, clamped, chosen"):
        lower_short_runs(bare, classes="free")
    assert CHOICE > 0


@pytest.mark.slow
def test_images_from_the_command_line(tmp_path, capsys):
    line = (
        f"study images -o {tmp_path}/s --hidden 8 --epochs 1 --batches 4 --sweeps 2 --samples 20 --time 0.5"
    )
    assert main([*line.split(), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["images"]) >= {
        "drawn",
        "drawn by class",
        "class chosen",
        "test images",
        "pixels one by one",
    }
    assert found["images"]["test images"]["frechet"] < found["images"]["drawn"]["frechet"]
    assert found["energy_J"]["drawn"]["total"] > found["energy_J"]["drawn"]["physics"] > 0
    made = {path.name for path in (tmp_path / "s").iterdir()}
    assert made >= {
        "drawn.tnl",
        "drawn-by-class.tnl",
        "class-chosen.tnl",
        "reader.safetensors",
        "images.png",
        "images.txt",
    }
    line = f"quality {tmp_path}/s/drawn.tnl --reader {tmp_path}/s/reader.safetensors -n 20"
    assert main(line.split()) == 0
    assert "heat of generation" in capsys.readouterr().out


@pytest.mark.parametrize("given", ["--dt -1", "--dt nan", "--dt 2 --time 1", "--time 0"])
def test_study_images_refuses_times_before_it_trains(tmp_path, capsys, given):
    assert main(f"study images -o {tmp_path} {given}".split()) == 2
    told = capsys.readouterr().err
    assert f"{given.split()[0]} must be a number > 0" in told
    assert not any(tmp_path.iterdir())
