import re
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from toys.compiler import gradient_toy, netlists, toy, with_cells, with_couplings

from compiler.errors import NetlistError
from compiler.ir.kinds import verify
from compiler.ir.langevin import Cells, CouplingKind, Couplings, Encoder, Group, LangevinNetlist, Phase, Role

T = toy()
W = T.couplings[0]


def set_at(array, k, value):
    changed = np.array(array)
    changed[k] = value
    return changed


def phase(**changes):
    return T.with_(schedule=(T.schedule[0], replace(T.schedule[1], **changes)))


def known(*numbers, dtype=np.int32):
    return T.with_(cells=replace(T.cells, identity=np.array(numbers, dtype)))


def readout(**changes):
    return T.with_(readout=replace(T.readout, **changes))


def noise(matrix):
    return T.with_(noise=np.asarray(matrix, dtype=float))


SKEW = np.eye(7)
SKEW[2, 3] = 0.5
INDEFINITE = np.eye(7)
INDEFINITE[4, 4] = -1e-3
TIED = T.couplings[1]

BAD = {
    # cells
    "dtype": (T.with_(cells=replace(T.cells, j2=T.cells.j2.astype(np.float32))), "column j2 must"),
    "code dtype": (T.with_(cells=replace(T.cells, role=T.cells.role.astype(int))), "column role"),
    "nan j3": (with_cells(T, j3=(3, np.nan)), "cell 3: j3 is nan; it must be a finite number"),
    "inf h": (with_cells(T, h=(4, np.inf)), "cell 4: h is inf"),
    "nan lo": (with_cells(T, lo=(4, np.nan)), "cell 4: lo is nan"),
    "code": (with_cells(T, activation=(2, 6)), "cell 2: activation has the code 6; codes are 0 id"),
    "negative code": (with_cells(T, kind=(2, -1)), "cell 2: kind has the code -1"),
    "interval": (with_cells(T, lo=(2, 1.0), hi=(2, 0.5)), "cell 2: interval [1, 0.5] is empty"),
    "start": (with_cells(T, lo=(2, 0.5)), "cell 2: start x0 = 0.1 lies outside its interval"),
    "mass": (with_cells(T, order=(2, 1), mass=(2, 0.0)), "cell 2: mass is 0; an underdamped"),
    "friction": (with_cells(T, order=(2, 1), friction=(2, -1.0)), "cell 2: friction is -1"),
    "p-bit": (with_cells(T, order=(2, 1), kind=(2, 2)), "cell 2: a p-bit cannot be underdamped"),
    # couplings
    "two groups": (T.with_(couplings=(W, W)), "two groups of linear couplings"),
    "indptr dtype": (with_couplings(T, indptr=W.indptr.astype(np.int32)), "indptr must be an array"),
    "indices dtype": (with_couplings(T, indices=W.indices.astype(np.int64)), "indices must be"),
    "weight dtype": (with_couplings(T, weight=W.weight.astype(np.float16)), "weight must be"),
    "indptr length": (with_couplings(T, indptr=W.indptr[:-1]), "indptr has 7 values; 7 cells need 8"),
    "indptr start": (with_couplings(T, indptr=W.indptr + 1), "indptr runs from 1 to 9"),
    "indptr end": (with_couplings(T, indptr=set_at(W.indptr, 7, 9)), "indptr runs from 0 to 9"),
    "indptr falls": (
        with_couplings(T, indptr=np.array([0, 0, 0, 3, 2, 5, 7, 8])),
        "indptr falls from 3 to 2 at cell 3",
    ),
    "nan weight": (
        with_couplings(T, weight=set_at(W.weight, 3, np.nan)),
        "linear couplings: coupling (4, 1) has the weight nan; weights must be finite",
    ),
    "nan parameter": (
        T.with_(couplings=(W, replace(TIED, weight=np.array([np.nan, 1.0])))),
        "resistive couplings: parameter 0 has the weight nan",
    ),
    "no such cell": (
        with_couplings(T, indices=set_at(W.indices, 4, 7)),
        "coupling (4, 7) names a cell that does not exist; cells are 0 to 6",
    ),
    "negative cell": (with_couplings(T, indices=set_at(W.indices, 4, -1)), "coupling (4, -1) names"),
    "twice": (with_couplings(T, indices=set_at(W.indices, 1, 0)), "coupling (2, 0) is given twice"),
    "order": (
        with_couplings(T, indices=set_at(W.indices, slice(0, 2), [3, 0])),
        "coupling (2, 0) is out of order",
    ),
    "itself": (with_couplings(T, indices=set_at(W.indices, 2, 3)), "cell 3 couples to itself"),
    "driven input": (
        with_couplings(T, indptr=np.array([0, 0, 2, 2, 3, 5, 7, 8])),
        "input cell 1 is frozen but driven by 2 coupling(s)",
    ),
    "tie dtype": (T.with_(couplings=(W, replace(TIED, tie=TIED.tie.astype(int)))), "tie must be"),
    "tie range": (
        T.with_(couplings=(W, replace(TIED, tie=set_at(TIED.tie, 1, 2)))),
        "coupling (5, 6) has the tie 2; there are 2 parameters",
    ),
    # scalars
    "kT": (T.with_(kT=-0.1), "kT must be a finite number of at least 0, got -0.1"),
    "kT nan": (T.with_(kT=float("nan")), "kT must be"),
    "kT text": (T.with_(kT="1"), "kT must be"),
    "mobility": (T.with_(mobility=0.0), "mobility must be a finite number above 0, got 0.0"),
    "dt": (T.with_(dt=0.0), "dt must be a finite number above 0"),
    "dt inf": (T.with_(dt=float("inf")), "dt must be a finite number above 0"),
    # groups and schedule
    "group name": (T.with_(groups=(Group("", 0, 1),)), "cell group must have a name"),
    "group twice": (T.with_(groups=(T.groups[0],) * 2), "two cell groups are called 'input'"),
    "group range": (T.with_(groups=(Group("g", 3, 8),)), "cell group 'g' is [3, 8)"),
    "phase twice": (T.with_(schedule=(T.schedule[1],) * 2), "two phases are called 'relax'"),
    "duration": (phase(duration=0.0), "phase 'relax': duration must be a finite number above 0"),
    "input scale": (phase(input_scale=np.inf), "phase 'relax': input_scale must be a finite"),
    "ramp": (phase(coupling_scale=(0.0, np.nan)), "coupling_scale must be a finite number, got nan"),
    "ramp pair": (phase(coupling_scale=1.0), "coupling_scale must be a pair"),
    "kT ramp": (phase(kT=(1.0, -1.0)), "phase 'relax': kT runs from 1 to -1"),
    "stiffness": (phase(stiffness=-1.0), "stiffness must be a finite number of at least 0"),
    "nudge": (phase(nudge=np.nan), "nudge must be a finite number"),
    "clamp": (phase(clamped=("no",)), "clamps the cell group 'no', which does not exist"),
    # read-out
    "read dtype": (readout(cells=np.array([5, 6])), "read-out: cells must be an array of int32"),
    "read nothing": (readout(cells=np.zeros(0, np.int32)), "no cell is read"),
    "read far": (readout(cells=np.array([5, 7], np.int32)), "cell 7 does not exist"),
    "read phase": (readout(phase="x"), "phase 'x' is not in the schedule; phases are settle, relax"),
    "window": (readout(window=0.51), "window 0.51 is longer than its phase 'relax' (0.5)"),
    "window < 0": (readout(window=-1.0), "window must be a finite number of at least 0"),
    "decision": (readout(decision="vote"), "decision must be argmax or value, got 'vote'"),
    "scale dtype": (readout(scale=np.ones((3, 2), np.float32)), "scale must be an array of float64"),
    "scale shape": (readout(scale=np.ones((3, 3))), "scale has shape (3, 3)"),
    "offset dtype": (readout(offset=np.ones((3, 1))), "offset must be an array of float64 with 1"),
    "offset size": (readout(offset=np.ones(2)), "offset has 2 values; there are 3 answers"),
    "offset nan": (readout(offset=np.array([0, np.nan, 0])), "offset has a value that is not finite"),
    "labels": (readout(labels=("a",)), "1 labels for 3 answers"),
    "label type": (readout(labels=(1, 2, 3)), "labels must be strings"),
    "identity dtype": (known(*range(7), dtype=int), "cell column identity must be an array of int32"),
    "identity sign": (known(-1, *range(6)), "cell 0: identity is -1"),
    "identity twice": (known(0, 1, 2, 3, 4, 1, 6), "cell 5: identity 1 is another cell's, too"),
    # encoder, noise, meta
    "encoder dtype": (T.with_(encoder=Encoder(np.ones(1, int), np.ones(1))), "encoder: shift must"),
    "encoder size": (T.with_(encoder=Encoder(np.ones(3), np.ones(1))), "shift has 3 values; give 1"),
    "encoder nan": (
        T.with_(encoder=Encoder(np.ones(1), np.array([1, np.nan]))),
        "encoder: scale of input 1 is nan",
    ),
    "noise dtype": (T.with_(noise=np.eye(7, dtype=np.float32)), "noise matrix must be an array"),
    "noise shape": (noise(np.eye(6)), "noise matrix has shape (6, 6); 7 cells need (7, 7)"),
    "noise nan": (noise(np.eye(7) * np.nan), "noise matrix has a value that is not finite"),
    "noise skew": (noise(SKEW), "noise matrix is not symmetric: (2, 3) is 0.5, (3, 2) is 0"),
    "noise sign": (noise(INDEFINITE), "noise matrix has the eigenvalue -0.001"),
    "meta": (T.with_(meta={"x": np.float32(1)}), "meta must be JSON-able"),
    "meta nan": (T.with_(meta={"x": float("nan")}), "meta must be JSON-able"),
}


@pytest.mark.parametrize("case", BAD)
def test_every_rule_names_its_offender_on_one_line(case):
    netlist, message = BAD[case]
    with pytest.raises(NetlistError, match=re.escape(message)) as caught:
        verify(netlist)
    assert "\n" not in str(caught.value)


def test_legal_netlists_pass():
    verify(T)
    verify(toy(np.float32))
    verify(gradient_toy())
    verify(noise(np.full((7, 7), 0.3)))  # singular, positive semi-definite


@given(netlists())
@settings(max_examples=50, deadline=None)
def test_generated_netlists_are_legal(netlist):
    verify(netlist)


@pytest.mark.parametrize("n", [0, 1])
def test_smallest(n):
    verify(LangevinNetlist(Cells.make(n), (), 0.0, 1.0, ()))
    verify(
        LangevinNetlist(
            Cells.make(n, role=Role.INPUT),
            (Couplings.from_coo(CouplingKind.LINEAR, n, [], [], []),),
            1.0,
            1.0,
            (Phase("p", 1.0),),
        )
    )


def test_cells_and_couplings_check_their_own_shapes():
    with pytest.raises(NetlistError, match="cell column h has shape"):
        replace(T.cells, h=np.zeros(3))
    with pytest.raises(NetlistError, match="must have one dimension"):
        replace(W, weight=np.zeros((4, 2)))
    with pytest.raises(NetlistError, match="8 indices, 7 weights do not match"):
        replace(W, weight=W.weight[1:])
    with pytest.raises(NetlistError, match=r"3 indices, 2 weights and 2 ties do not match"):
        replace(TIED, tie=TIED.tie[1:])
    with pytest.raises(NetlistError, match=r"coupling \(0, 1\) is given twice"):
        Couplings.from_coo(CouplingKind.LINEAR, 2, [0, 0], [1, 1], [1.0, 2.0])
    with pytest.raises(NetlistError, match=r"coupling \(0, 2\) names a cell"):
        Couplings.from_coo(CouplingKind.LINEAR, 2, [0], [2], [1.0])
    with pytest.raises(NetlistError, match="no cell group 'x'; groups are input, hidden, out put"):
        T.group("x")


def test_from_coo_keeps_ties_with_their_couplings():
    rows, cols, ties = [3, 1, 2], [0, 2, 1], [0, 2, 1]
    weight = np.array([10.0, 20.0, 30.0])
    c = Couplings.from_coo(CouplingKind.LINEAR, 4, rows, cols, weight, tie=ties)
    assert {(int(r), int(i)): v for r, i, v in zip(c.rows, c.indices, c.values, strict=True)} == {
        (3, 0): 10.0,
        (1, 2): 30.0,
        (2, 1): 20.0,
    }


def test_a_million_couplings_verify_quickly():
    n = 125_000
    rows = np.repeat(np.arange(n), 8)
    cols = (rows + np.tile(np.arange(1, 9) ** 2, n)) % n
    c = Couplings.from_coo(CouplingKind.LINEAR, n, rows, cols, np.ones(rows.size, np.float32))
    netlist = LangevinNetlist(Cells.make(n, j2=1.0), (c,), 1.0, 1.0, ())
    start = time.perf_counter()
    verify(netlist)
    assert time.perf_counter() - start < 0.5


def first(kind=CouplingKind.LINEAR, **changes):
    """Two cells whose first and only coupling, cell or value is the offender."""
    parts = {
        "cells": Cells.make(2, j2=1.0),
        "couplings": (Couplings(kind, *(np.array(v) for v in ([0, 1, 1], [1], [0.5]))),),
        "kT": 1.0,
        "mobility": 1.0,
        "schedule": (),
    }
    couplings = replace(parts["couplings"][0], indices=np.array([1], np.int32))
    return LangevinNetlist(**{**parts, "couplings": (couplings,), **changes})


def test_an_offender_at_index_0_is_found():
    verify(first())
    one = first().couplings[0]
    for bad, message in (
        (first(cells=Cells.make(2, j2=[np.nan, 1.0])), "cell 0: j2"),
        (first(cells=Cells.make(2, kind=[3, 0])), "cell 0: kind"),
        (first(cells=Cells.make(2, lo=[1.0, 0.0], hi=[0.0, 1.0])), "cell 0: interval"),
        (first(cells=Cells.make(2, lo=[1.0, 0.0])), "cell 0: start"),
        (first(cells=Cells.make(2, order=[1, 0], mass=0.0)), "cell 0: mass"),
        (first(cells=Cells.make(2, order=[1, 0], kind=[2, 0])), "cell 0: a p-bit"),
        (first(cells=Cells.make(2, role=[1, 0])), "input cell 0 is frozen"),
        (first(couplings=(replace(one, weight=np.array([np.nan])),)), "coupling (0, 1) has the w"),
        (first(couplings=(replace(one, indices=np.array([2], np.int32)),)), "coupling (0, 2)"),
        (first(couplings=(replace(one, indices=np.array([0], np.int32)),)), "cell 0 couples to"),
        (first(couplings=(replace(one, tie=np.array([1], np.int32)),)), "has the tie 1"),
        (first(couplings=(replace(one, indptr=np.array([0, -1, 1])),)), "indptr falls from 0"),
        (first(encoder=Encoder(np.array([np.inf]), np.ones(1))), "shift of input 0 is inf"),
        (first(noise=np.array([[1.0, 0.2], [0.3, 1.0]])), "noise matrix is not symmetric: (0, 1)"),
    ):
        with pytest.raises(NetlistError, match=re.escape(message)):
            verify(bad)


def test_states_at_the_ends_of_their_interval_are_legal():
    verify(first(cells=Cells.make(2, lo=[0.5, -0.5], hi=[0.5, -0.5], x0=[0.5, -0.5])))
    window = replace(T.readout, window=T.schedule[1].duration)
    verify(T.with_(readout=window))
