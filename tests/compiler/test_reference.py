import numpy as np
import pytest
from hypothesis import given, settings
from toys.compiler import gradient_toy, netlists, toy, with_cells

from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.activations import activate_rows, slope_rows
from compiler.ir.langevin import (
    Activation,
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    Group,
    LangevinNetlist,
    Order,
    Phase,
    ReadOut,
)
from compiler.ir.symmetry import antisymmetric_fraction, is_gradient, is_symmetric
from compiler.reference import encode, force, potential, read, relax, state

RNG = np.random.default_rng(11)


def numeric_jacobian(netlist, x, u, step=1e-6):
    """Central differences of the force on dynamic cells by their states."""
    n = x.size
    free = ~netlist.cells.frozen
    columns = []
    for j in range(n):
        d = np.zeros(n)
        d[j] = step
        difference = force(netlist, x + d, u) - force(netlist, x - d, u)
        columns.append(difference[free] / (2 * step))
    return np.array(columns).T


def test_force_of_every_kind_written_out():
    """Two cells and one coupling of each kind, against the formulas of the IR's text."""
    x = np.array([0.3, -0.7])
    self_force = np.array([0.1 - 2 * 0.5 * 0.3 - 3 * 0.2 * 0.09 - 4 * 0.7 * 0.027, 0.0])
    for kind, expected in (
        (CouplingKind.LINEAR, 1.5 * np.tanh(-0.7)),
        (CouplingKind.GRADIENT, (1 - np.tanh(0.3) ** 2) * 1.5 * np.tanh(-0.7)),
        (CouplingKind.RESISTIVE, 1.5 * (-0.7 - 0.3)),
        (CouplingKind.SINE, 1.5 * np.sin(-0.7 - 0.3)),
    ):
        cells = Cells.make(2, j2=[0.5, 0], j3=[0.2, 0], j4=[0.7, 0], h=[0.1, 0], activation=Activation.TANH)
        netlist = LangevinNetlist(cells, (Couplings.from_coo(kind, 2, [0], [1], [1.5]),), 1, 1, ())
        np.testing.assert_allclose(force(netlist, x), self_force + np.array([expected, 0]), rtol=1e-14)
        half = force(netlist, x, coupling_scale=0.5, stiffness=2.0)
        np.testing.assert_allclose(half, self_force + np.array([expected / 2, 0]) - 2 * x, rtol=1e-14)


def test_slope_is_the_derivative_of_show():
    x = np.linspace(-2.05, 2.05, 42)  # keeps clear of the kinks
    for code in Activation:
        codes = np.full(x.size, code)
        numeric = (activate_rows(codes, x + 1e-6) - activate_rows(codes, x - 1e-6)) / 2e-6
        np.testing.assert_allclose(slope_rows(codes, x), numeric, atol=1e-9)


def test_force_is_minus_the_gradient_of_the_potential():
    netlist = gradient_toy()
    assert is_gradient(netlist)
    x, u = RNG.normal(size=4), np.array([0.6])
    options = {"coupling_scale": 0.7, "stiffness": 0.3}
    numeric = [
        -(potential(netlist, x + d, u, **options) - potential(netlist, x - d, u, **options)) / 2e-6
        for d in np.eye(4) * 1e-6
    ]
    exact = force(netlist, x, u, **options)[1:]
    np.testing.assert_allclose(numeric, exact, rtol=1e-7, atol=1e-7)
    assert not np.allclose(np.negative(numeric), exact)  # a flipped sign would show


@given(netlists())
@settings(max_examples=60, deadline=None)
def test_is_gradient_agrees_with_finite_differences(netlist):
    """Where the Jacobian of the force at random points is asymmetric there is no gradient."""
    rng = np.random.default_rng(0)
    netlist = netlist.with_(
        cells=Cells.make(netlist.n_cells, activation=netlist.cells.activation, role=netlist.cells.role)
    )
    largest = max([1.0, *(float(np.abs(c.weight).max(initial=0)) for c in netlist.couplings)])
    n_free = int((~netlist.cells.frozen).sum())
    asymmetry = 0.0
    for _ in range(5):
        u = rng.normal(size=netlist.inputs.size)
        jacobian = numeric_jacobian(netlist, 1.3 * rng.normal(size=n_free) + 0.2, u)
        asymmetry = max(asymmetry, float(np.abs(jacobian - jacobian.T).max(initial=0)))
    if asymmetry > 1e-5 * largest:
        assert not is_gradient(netlist)
    if is_gradient(netlist):
        assert asymmetry < 1e-5 * largest


@pytest.mark.parametrize("group", range(4))
def test_one_changed_coupling_ends_the_gradient(group):
    """The broken twin: each kind's symmetry is looked at."""
    netlist = gradient_toy()
    couplings = list(netlist.couplings)
    c = couplings[group]
    k = int(np.flatnonzero(~netlist.cells.frozen[c.indices])[0])
    weight = np.array(c.weight)
    weight[k] *= 1.1
    couplings[group] = Couplings(c.kind, c.indptr, c.indices, weight)
    broken = netlist.with_(couplings=tuple(couplings))
    assert not is_gradient(broken)
    assert is_gradient(broken, rtol=0.2)
    jacobian = numeric_jacobian(broken, RNG.normal(size=4), np.array([0.6]))
    assert np.abs(jacobian - jacobian.T).max() > 1e-3
    with pytest.raises(NetlistError, match="has no potential"):
        potential(broken, np.zeros(4), np.zeros(1))


def test_couplings_from_inputs_never_matter_for_the_gradient():
    netlist = gradient_toy()
    weight = np.array(netlist.couplings[0].weight)
    k = int(np.flatnonzero(netlist.couplings[0].indices == 0)[0])
    weight[k] = 17.0
    c = netlist.couplings[0]
    changed = (Couplings(c.kind, c.indptr, c.indices, weight), *netlist.couplings[1:])
    assert is_gradient(netlist.with_(couplings=changed))


def test_a_symmetric_linear_pair_of_tanh_cells_is_no_gradient():
    cells = Cells.make(2, j2=1.0, activation=Activation.TANH)
    pair = Couplings.from_coo(CouplingKind.LINEAR, 2, [0, 1], [1, 0], [0.5, 0.5])
    netlist = LangevinNetlist(cells, (pair,), 1.0, 1.0, ())
    assert is_symmetric(pair)
    assert not is_gradient(netlist)
    assert is_gradient(netlist.with_(cells=Cells.make(2, j2=1.0)))


def test_symmetry_of_a_linear_and_a_resistive_part_adds_up():
    def couple(kind, a, b):
        return Couplings.from_coo(kind, 2, [0, 1], [1, 0], [a, b])

    parts = (couple(CouplingKind.LINEAR, 2.0, 1.0), couple(CouplingKind.RESISTIVE, 1.0, 2.0))
    netlist = LangevinNetlist(Cells.make(2, j2=1.0), parts, 1.0, 1.0, ())
    assert is_gradient(netlist)
    x = np.array([0.4, -1.1])
    jacobian = numeric_jacobian(netlist, x, ())
    np.testing.assert_allclose(jacobian, jacobian.T, atol=1e-8)
    numeric = [-(potential(netlist, x + d) - potential(netlist, x - d)) / 2e-6 for d in np.eye(2) * 1e-6]
    np.testing.assert_allclose(numeric, force(netlist, x), atol=1e-8)


def test_gradient_couplings_between_an_identity_and_a_tanh_cell():
    cells = Cells.make(2, j2=1.0, activation=[Activation.IDENTITY, Activation.TANH])
    for a, b in ((0.7, 0.7), (0.7, -0.7), (0.7, 0.0)):
        pair = Couplings.from_coo(CouplingKind.GRADIENT, 2, [0, 1], [1, 0], [a, b])
        assert is_gradient(LangevinNetlist(cells, (pair,), 1.0, 1.0, ())) == (a == b)


def test_tolerance_of_symmetry_is_relative():
    for scale in (1e-3, 1.0, 1e3):
        weights = np.array([1.0, 1.02]) * scale
        pair = Couplings.from_coo(CouplingKind.LINEAR, 2, [0, 1], [1, 0], weights)
        assert is_symmetric(pair, rtol=0.021)
        assert not is_symmetric(pair, rtol=0.018)


def test_a_resistor_to_an_input_at_the_same_height_holds_no_energy():
    netlist = LangevinNetlist(
        Cells.make(2, role=[2, 1]),
        (Couplings.from_coo(CouplingKind.RESISTIVE, 2, [0], [1], [1.5]),),
        1.0,
        1.0,
        (),
    )
    assert potential(netlist, [0.4], [0.4]) == pytest.approx(0, abs=1e-15)
    assert potential(netlist, [0.4], [1.0]) == pytest.approx(1.5 * 0.36 / 2)


def test_antisymmetric_fraction():
    def fraction(a, b):
        return antisymmetric_fraction(Couplings.from_coo(CouplingKind.LINEAR, 3, [0, 1], [1, 0], [a, b]))

    assert fraction(2.0, 2.0) == 0
    assert fraction(2.0, -2.0) == pytest.approx(1)
    assert fraction(2.0, 0.0) == pytest.approx(np.sqrt(0.5))
    assert antisymmetric_fraction(Couplings.from_coo(CouplingKind.LINEAR, 3, [], [], [])) == 0


def test_relax_solves_the_harmonic_cell():
    """dx = mu (h + W u - 2 J2 x) dt has a closed form, through both phases."""
    netlist = LangevinNetlist(
        Cells.make(2, j2=[0.75, 0], h=[0.3, 0], x0=[0.9, 0], role=[2, 1]),
        (Couplings.from_coo(CouplingKind.LINEAR, 2, [0], [1], [-1.5]),),
        0.0,
        2.0,
        (Phase("off", 0.4, input_scale=0.0), Phase("on", 0.7)),
        readout=ReadOut(np.array([0], np.int32), "on", scale=np.array([[3.0]]), offset=np.ones(1)),
        dt=1e-4,
    )

    def step(x, drive, t):
        end = drive / 1.5
        return end + (x - end) * np.exp(-2.0 * 1.5 * t)

    exact = step(step(0.9, 0.3, 0.4), 0.3 - 1.5 * 0.8, 0.7)
    x = relax(netlist, [0.8])
    assert x[0] == pytest.approx(exact, rel=1e-9)
    assert x[1] == 0.8
    assert relax(netlist, [0.8], method="euler")[0] == pytest.approx(exact, abs=2e-4)
    assert read(netlist, x) == pytest.approx([3 * exact + 1])


def test_relax_ramps_couplings_and_keeps_intervals():
    netlist = LangevinNetlist(
        Cells.make(2, role=[2, 1], hi=[0.5, np.inf]),
        (Couplings.from_coo(CouplingKind.LINEAR, 2, [0], [1], [1.0]),),
        0.0,
        1.0,
        (Phase("ramp", 1.0, coupling_scale=(0.0, 0.8)),),
        dt=1e-3,
    )
    free = netlist.with_(cells=Cells.make(2, role=[2, 1]))
    assert relax(free, [1.0])[0] == pytest.approx(0.4)  # the integral of the ramp
    assert relax(netlist, [2.0], method="euler")[0] == 0.5


@pytest.mark.parametrize("cost", ["squared", "cross-entropy"])
def test_force_of_nudged_phase_cells_is_minus_the_gradient_of_the_potential(cost):
    """A spin, an angle and a tanh cell, all outputs; the angle only with the squared cost."""
    angle = Activation.COSINE if cost == "cross-entropy" else Activation.IDENTITY
    cells = Cells.make(
        3,
        j2=[0.7, 0.4, 0.5],
        j4=[0, 0, 0.3],
        h=[0.3, -0.8, 0.2],
        role=2,
        kind=[1, 1, 0],
        activation=[Activation.COSINE, angle, Activation.TANH],
    )
    sine = Couplings.from_coo(CouplingKind.SINE, 3, [0, 1], [1, 0], [1.3, 1.3])
    netlist = LangevinNetlist(cells, (sine,), 1.0, 1.0, ())
    x = np.array([0.4, 2.1, -0.6])
    options = {"stiffness": 0.9, "nudge": 0.6, "targets": [0.2, 0.5, 0.4], "cost": cost}
    numeric = [
        -(potential(netlist, x + d, **options) - potential(netlist, x - d, **options)) / 2e-6
        for d in np.eye(3) * 1e-6
    ]
    np.testing.assert_allclose(force(netlist, x, **options), numeric, atol=1e-8)
    away = options | {"nudge": -0.6}
    assert not np.allclose(force(netlist, x, **away), numeric, atol=1e-2)
    turned = x + np.array([2 * np.pi, -2 * np.pi, 0.0])
    np.testing.assert_allclose(force(netlist, turned, **options), numeric, atol=1e-8)


def test_relax_clamps_and_nudges():
    """Cell 1 follows the clamped cell 0 and is pulled at: rest at (W x_0 + beta y) / (1 + beta)."""
    netlist = LangevinNetlist(
        Cells.make(2, j2=0.5, h=[2.0, 0.0], x0=[0.8, 0.0], role=[0, 2]),
        (Couplings.from_coo(CouplingKind.LINEAR, 2, [1], [0], [1.5]),),
        0.0,
        1.0,
        (Phase("held", 30.0, clamped=("first",)), Phase("up", 30.0, nudge=0.5, clamped=("first",))),
        groups=(Group("first", 0, 1),),
        dt=0.1,
    )
    for method in ("ivp", "euler"):
        x = relax(netlist, targets=[3.0], method=method)
        assert x == pytest.approx([0.8, (1.5 * 0.8 + 0.5 * 3.0) / 1.5], abs=1e-6)
    with pytest.raises(NetlistError, match="2 targets for 1 output cells"):
        relax(netlist, targets=[3.0, 1.0])


def test_an_angle_has_no_cubic_energy():
    netlist = LangevinNetlist(Cells.make(2, kind=1, j3=[0, 0.5]), (), 1.0, 1.0, ())
    with pytest.raises(NetlistError, match=r"phase cell 1 has j3 = 0\.5"):
        force(netlist, np.zeros(2))


def test_refusals():
    netlist = toy()
    for bad, message in (
        (with_cells(netlist, kind=(2, CellKind.PBIT)), "p-bits"),
        (with_cells(netlist, order=(2, Order.UNDERDAMPED)), "underdamped"),
        (netlist.with_(noise=np.eye(7)), "noise matrix"),
        (with_cells(netlist, hi=(2, 4.0)), "intervals"),
    ):
        with pytest.raises(UnsupportedError, match=message):
            relax(bad, [0.0, 0.0])
    with pytest.raises(UnsupportedError, match="method must be ivp or euler, got 'rk'"):
        relax(netlist, [0.0, 0.0], method="rk")
    with pytest.raises(NetlistError, match="data has 3 values; the netlist has 2 input cells"):
        relax(netlist, [0.0, 0.0, 0.0])
    with pytest.raises(NetlistError, match="has no read-out"):
        read(netlist.with_(readout=None), np.zeros(7))
    runaway = LangevinNetlist(Cells.make(1, j4=-1.0, x0=2.0), (), 0.0, 1.0, (Phase("p", 9.0),))
    with np.errstate(all="ignore"), pytest.raises(NetlistError, match="cannot be integrated"):
        relax(runaway)


def test_state_and_encoder():
    netlist = toy()
    np.testing.assert_allclose(encode(netlist, [0.5, 0.5]), [0.8, 0.6])
    full = state(netlist, np.arange(5.0), [7.0, 8.0])
    np.testing.assert_array_equal(full, [7, 8, 0, 1, 2, 3, 4])
    np.testing.assert_array_equal(state(netlist, full), full)
