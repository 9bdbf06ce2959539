"""Small skewed netlists for the compiler's tests: no symmetry that could hide a sign error."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from hypothesis import strategies as st

from compiler.families.langevin import LangevinMachine
from compiler.families.mlp import MLP
from compiler.ir.langevin import (
    Activation,
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    Encoder,
    Group,
    LangevinNetlist,
    Order,
    Phase,
    ReadOut,
    Role,
)


def toy(dtype=np.float64) -> LangevinNetlist:
    """Two inputs, three hidden cells, two outputs; every column and section in use."""
    n = 7
    role = [Role.INPUT] * 2 + [Role.DYNAMIC] * 3 + [Role.OUTPUT] * 2
    linear = Couplings.from_coo(
        CouplingKind.LINEAR,
        n,
        [2, 2, 3, 4, 4, 5, 5, 6],
        [0, 3, 2, 1, 5, 2, 4, 4],
        np.array([1.5, -0.25, 2.0, 0.1, -3.0, 0.7, 1e-20, -0.5], dtype=dtype),
    )
    resistive = Couplings.from_coo(
        CouplingKind.RESISTIVE, n, [5, 6, 3], [6, 5, 0], np.array([0.3, 0.8]), tie=[0, 0, 1]
    )
    return LangevinNetlist(
        cells=Cells.make(
            n,
            j2=[0, 0, 1, 1, 0.5, 0.75, 0.5],
            j3=[0, 0, 0.1, -0.2, 0, 0, 0],
            j4=[0, 0, 1, 1, 1, 0.3, 0.4],
            h=[0, 0, 0.3, -1.1, 0.2, 0, -0.7],
            x0=[0, 0, 0.1, 0, 0, -0.2, 0],
            activation=[0, 0, 3, 0, 2, 0, 0],
            role=role,
        ),
        couplings=(linear, resistive),
        kT=0.3,
        mobility=1.25,
        schedule=(
            Phase("settle", 0.1, input_scale=0.0, stiffness=2.5),
            Phase("relax", 0.5, coupling_scale=(0.5, 1.0), kT=(0.3, 0.1)),
        ),
        groups=(Group("input", 0, 2), Group("hidden", 2, 5), Group("out put", 5, 7)),
        readout=ReadOut(
            cells=np.array([5, 6], dtype=np.int32),
            phase="relax",
            window=0.25,
            scale=np.array([[1.0, -0.5], [0.1, 2.0], [0.0, 1.0]]),
            offset=np.array([0.1, 0.0, -0.3]),
            labels=("a", "b c", 'd"e'),
        ),
        encoder=Encoder(np.array([0.1, 0.2]), np.array([2.0])),
        dt=0.01,
        meta=MappingProxyType({"name": "toy", "list": [1, 2.5, None]}),
    )


def gradient_toy() -> LangevinNetlist:
    """One input and four dynamic cells with every kind of coupling, and yet a gradient.

    Cell 1 is driven by the linear coupling of what cell 2 shows, and drives it back by a gradient
    coupling: the energy is -W x_1 phi(x_2).
    """
    n = 5

    def pair(kind, pairs, inputs=()):
        rows = [i for i, j, _ in pairs] + [j for i, j, _ in pairs] + [i for i, j, _ in inputs]
        cols = [j for i, j, _ in pairs] + [i for i, j, _ in pairs] + [j for i, j, _ in inputs]
        weights = [w for *_, w in pairs] * 2 + [w for *_, w in inputs]
        return Couplings.from_coo(kind, n, rows, cols, weights)

    linear = Couplings.from_coo(CouplingKind.LINEAR, n, [1, 1, 3, 2], [2, 3, 1, 0], [0.7, -1.1, -1.1, 0.9])
    gradient = Couplings.from_coo(CouplingKind.GRADIENT, n, [2, 2, 4, 4], [1, 4, 2, 0], [0.7, 1.3, 1.3, -0.6])
    return LangevinNetlist(
        cells=Cells.make(
            n,
            j2=[0, 0.5, 1, 0.75, 0.25],
            j3=[0, 0.1, 0, -0.1, 0.2],
            j4=[0, 1, 0.5, 1, 0.3],
            h=[0, 0.3, -0.2, 0.1, 0.7],
            activation=[
                Activation.SIGMOID,
                Activation.IDENTITY,
                Activation.TANH,
                Activation.IDENTITY,
                Activation.SIGMOID,
            ],
            role=[Role.INPUT] + [Role.DYNAMIC] * 4,
        ),
        couplings=(
            linear,
            gradient,
            pair(CouplingKind.RESISTIVE, [(1, 4, 0.4), (3, 4, 1.2)], [(1, 0, 0.35)]),
            pair(CouplingKind.SINE, [(2, 3, 0.8)], [(3, 0, -0.45)]),
        ),
        kT=1.0,
        mobility=1.0,
        schedule=(Phase("relax", 1.0),),
    )


def machine(n_in=3, n_hidden=4, n_out=2, seed=5, **changes) -> LangevinMachine:
    rng = np.random.default_rng(seed)
    n = n_hidden + n_out
    coupling = rng.normal(size=(n, n))
    np.fill_diagonal(coupling, 0.0)
    parts = dict(
        w_in=rng.normal(size=(n, n_in)).astype(np.float32),
        coupling=coupling.astype(np.float32),
        bias=rng.normal(size=n),
        j2=np.ones(n),
        j3=0.1 * rng.normal(size=n),
        j4=np.ones(n),
        x0=np.zeros(n),
        n_out=n_out,
        input_shift=np.array([0.13]),
        input_scale=np.array([0.5]),
        readout_scale=np.ones(n_out),
        readout_offset=np.zeros(n_out),
        labels=tuple("ab"[:n_out]),
    )
    return LangevinMachine(**{**parts, **changes})


def mlp(activation="tanh", sizes=(3, 5, 4, 2), seed=3, output="identity", **changes) -> MLP:
    rng = np.random.default_rng(seed)
    weights = tuple(rng.normal(size=(b, a)) / np.sqrt(a) for a, b in pairwise(sizes))
    biases = tuple(rng.normal(size=w.shape[0]) for w in weights)
    names = (activation,) * (len(weights) - 1) + (output,)
    return MLP(weights, biases, names, **changes)


def small_mlp() -> MLP:
    """Two inputs, three relu cells, one output that decides between two labels by its sign."""
    return MLP(
        (np.array([[1.5, -0.25], [2.0, 0.5], [-0.75, 1.0]]), np.array([[1.0, -2.0, 0.125]])),
        (np.array([0.5, -1.0, 0.25]), np.array([0.375])),
        ("relu", "identity"),
        output_scale=np.array([[-1.0], [1.0]]),
        labels=("no", "yes"),
    )


reals = st.floats(-1e6, 1e6, allow_nan=False)
names = st.text(min_size=1, max_size=6)


@st.composite
def netlists(draw) -> LangevinNetlist:
    """Any legal netlist of up to six cells."""
    n = draw(st.integers(0, 6))

    def column(values):
        return draw(st.lists(values, min_size=n, max_size=n))

    role = column(st.sampled_from(list(Role)))
    lo = np.array(column(st.one_of(st.just(-np.inf), st.floats(-9, 0))))
    hi = np.array(column(st.one_of(st.just(np.inf), st.floats(0, 9))))
    kind = column(st.sampled_from([CellKind.CONTINUOUS, CellKind.PHASE]))
    plain = np.array([k == CellKind.CONTINUOUS for k in kind], dtype=float)  # angles have j2 alone
    cells = Cells.make(
        n,
        j2=column(reals),
        j3=plain * column(reals),
        j4=plain * column(reals),
        h=column(reals),
        lo=lo,
        hi=hi,
        mass=column(st.floats(1e-3, 1e3)),
        friction=column(st.floats(1e-3, 1e3)),
        x0=0.0,
        activation=column(st.sampled_from(list(Activation))),
        order=column(st.sampled_from(list(Order))),
        kind=kind,
        role=role,
        identity=draw(st.none() | st.permutations(range(3, n + 3))),
    )
    couplings = []
    allowed = [(i, j) for i in range(n) for j in range(n) if i != j and role[i] != Role.INPUT]
    for kind in draw(st.sets(st.sampled_from(list(CouplingKind)))):
        pairs = draw(st.lists(st.sampled_from(allowed), unique=True)) if allowed else []
        dtype = draw(st.sampled_from([np.float32, np.float64]))
        values = st.floats(-100, 100, width=32) if dtype == np.float32 else reals
        tie = None
        size = len(pairs)
        if draw(st.booleans()):
            size = draw(st.integers(1, 3))
            tie = draw(st.lists(st.integers(0, size - 1), min_size=len(pairs), max_size=len(pairs)))
        weight = np.array(draw(st.lists(values, min_size=size, max_size=size)), dtype=dtype)
        rows, cols = [p[0] for p in pairs], [p[1] for p in pairs]
        couplings.append(Couplings.from_coo(kind, n, rows, cols, weight, tie=tie))
    group_names = draw(st.lists(names, unique=True, max_size=3))
    groups = []
    for name in group_names:
        start = draw(st.integers(0, n))
        groups.append(Group(name, start, draw(st.integers(start, n))))
    phases = [
        Phase(
            name,
            draw(st.floats(1e-3, 1e3)),
            input_scale=draw(reals),
            coupling_scale=(draw(reals), draw(reals)),
            kT=draw(st.one_of(st.none(), st.tuples(st.floats(0, 9), st.floats(0, 9)))),
            stiffness=draw(st.floats(0, 9)),
            nudge=draw(reals),
            clamped=tuple(draw(st.sets(st.sampled_from(group_names)))) if group_names else (),
        )
        for name in draw(st.lists(names, unique=True, max_size=3))
    ]
    readout = None
    if n and phases:
        ids = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=n, unique=True))
        n_answers = draw(st.integers(1, 3))
        scale = draw(st.one_of(st.none(), st.just(np.full((n_answers, len(ids)), 0.1))))
        answers = len(ids) if scale is None else n_answers
        readout = ReadOut(
            np.array(ids, dtype=np.int32),
            phases[0].name,
            window=phases[0].duration * draw(st.sampled_from([0.0, 0.5, 1.0])),
            shown=draw(st.booleans()),
            decision=draw(st.sampled_from(["argmax", "value"])),
            scale=scale,
            offset=draw(st.one_of(st.none(), st.just(np.linspace(0, 1, answers)))),
            labels=tuple(draw(st.sampled_from([[], [draw(names)] * answers]))),
        )
    n_inputs = role.count(Role.INPUT)
    encoder = None
    if draw(st.booleans()):
        size = draw(st.sampled_from([1, n_inputs]))
        encoder = Encoder(
            np.array(draw(st.lists(reals, min_size=size, max_size=size)), dtype=np.float64),
            np.array([draw(reals)]),
        )
    noise = None
    if n and draw(st.booleans()):
        a = np.arange(n * n).reshape(n, n) / 7
        noise = a @ a.T
    return LangevinNetlist(
        cells,
        tuple(couplings),
        draw(st.floats(0, 10)),
        draw(st.floats(1e-3, 10)),
        tuple(phases),
        tuple(groups),
        readout,
        encoder,
        noise,
        draw(st.floats(1e-6, 1)),
        MappingProxyType(draw(st.dictionaries(st.text(max_size=4), st.one_of(reals, names)))),
    )


def with_cells(netlist: LangevinNetlist, **columns) -> LangevinNetlist:
    """The netlist with some values of cell columns changed: name=(cell, value)."""
    changed = {}
    for name, (i, value) in columns.items():
        column = np.array(getattr(netlist.cells, name))
        column[i] = value
        changed[name] = column
    return netlist.with_(cells=replace(netlist.cells, **changed))


def with_couplings(netlist: LangevinNetlist, **columns) -> LangevinNetlist:
    """The netlist with whole columns of its first group of couplings replaced."""
    first = replace(netlist.couplings[0], **columns)
    return netlist.with_(couplings=(first, *netlist.couplings[1:]))
