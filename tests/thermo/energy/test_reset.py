"""The reset is found by least work at the same accuracy, on validation data alone."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase, ReadOut, Role
from thermo.data import Dataset
from thermo.energy.cycle import Reset, measure_cycle
from thermo.energy.reset import STIFFNESSES, ResetWish, find_reset
from thermo.simulate import simulate


def memory(j2, force=6.0, relax=0.5):
    """One read cell, driven by +-force; with j2 < 0 a double well that remembers, with j2 > 0 one well."""
    cells = Cells.make(
        3,
        j2=[0.0, j2, 5.0],
        j4=[0.0, 1.0 if j2 < 0 else 0.0, 0.0],
        role=[Role.INPUT, Role.OUTPUT, Role.OUTPUT],
    )
    return LangevinNetlist(
        cells=cells,
        couplings=(Couplings.from_coo(CouplingKind.LINEAR, 3, [1], [0], [force]),),
        kT=1.0,
        mobility=1.0,
        schedule=(Phase("relax", relax),),
        readout=ReadOut(np.array([1, 2], np.int32), "relax"),
        dt=0.01,
    )


def signs(n=100):
    x = np.where(np.arange(n) % 2, 1.0, -1.0).astype(np.float32)[:, None]
    y = (x[:, 0] < 0).astype(np.int64)
    few = x[:1], y[:1]
    return Dataset("signs", *few, x, y, *few, n_classes=2)


def test_a_machine_that_remembers_needs_a_stiffer_well():
    found = find_reset(memory(-6.0), signs(), ResetWish(couplings=True), seed=1)
    assert found.kept and found.reset.stiffness > 0
    least = found.fresh - found.loss - 0.004  # and a standard error of two accuracies, 4000 decisions each
    assert found.chosen.quality >= least
    soft = [t for t in found.trials if t.quality < least]
    assert soft, "some reset leaves a trace"
    assert found.chosen.work <= min(t.work for t in found.trials if t.quality >= found.fresh - found.loss)
    stiffest = measure_cycle(memory(-6.0), signs().x_valid, Reset(300.0, 0.25), runs=40, seed=1)
    assert found.chosen.work < 0.9 * stiffest.work.mean()


def test_a_machine_that_forgets_by_itself_needs_none():
    found = find_reset(memory(4.0, relax=1.0), signs(), ResetWish(couplings=True), seed=1)
    assert found.reset.stiffness == 0.0 and found.kept


def test_what_is_fixed_is_not_searched():
    net = memory(-6.0)
    fixed = find_reset(net, signs(), ResetWish(stiffness=30.0, couplings=True), seed=1)
    assert {t.reset.stiffness for t in fixed.trials} == {30.0} and len(fixed.trials) == 3
    timed = find_reset(net, signs(), ResetWish(duration=0.1, couplings=True), seed=1)
    assert {t.reset.duration for t in timed.trials} == {0.1} and len(timed.trials) <= 4
    both = find_reset(net, signs(), ResetWish(0.0, 0.01, True), seed=1)
    assert not both.kept and both.reset == Reset(0.0, 0.01)  # the only one, and told to be too soft
    assert set(STIFFNESSES) >= {t.reset.stiffness for t in timed.trials}


def test_the_answer_before_is_another_sample_s():
    """With the trace of its own answer a machine without any reset would seem to read as well as ever."""
    net, x = memory(-6.0), signs().x_valid
    y = (x[:, 0] < 0).astype(int)
    got = measure_cycle(net, x, Reset(0.0, 0.01), runs=40, seed=1)
    fresh = simulate(net, x, runs=40, seed=1)
    right = [np.mean(np.argmax(r.run_answers(), axis=2) == y[:, None]) for r in (got.result, fresh)]
    assert right[0] < right[1] - 0.1


def test_couplings_are_tried_on_and_off():
    """Of two cells that hold each other in place; whatever does less work is chosen."""
    net = memory(1.0)
    cells = replace(net.cells, j4=np.array([0.0, 1.0, 1.0]), j2=np.array([0.0, 1.0, 1.0]))
    held = Couplings.from_coo(CouplingKind.LINEAR, 3, [1, 1, 2], [0, 2, 1], [6.0, -8.0, -8.0])
    net = net.with_(cells=cells, couplings=(held,))
    both = find_reset(net, signs(), seed=1)
    assert both.kept and {t.reset.couplings for t in both.trials} == {True, False}
    off = find_reset(net, signs(), ResetWish(couplings=False), seed=1)
    assert not off.reset.couplings and both.chosen.work <= off.chosen.work


@pytest.mark.parametrize("runs", [1, 3])
def test_answers_of_single_runs_average_to_the_answers(runs):
    found = simulate(memory(4.0), signs(6).x_valid, runs=runs, seed=2)
    np.testing.assert_allclose(found.run_answers().mean(axis=1), found.answers())
