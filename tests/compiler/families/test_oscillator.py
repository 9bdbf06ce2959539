"""Oscillator networks: model, file, netlist."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from compiler.api import compile
from compiler.errors import FormatError, NetlistError
from compiler.families.oscillator import OscillatorNetwork, lower_oscillator, relax, stable_step
from compiler.families.store import load_model, save_model
from compiler.ir.kinds import verify
from compiler.ir.langevin import Activation, CellKind, CouplingKind, Role
from compiler.ir.symmetry import is_gradient
from compiler.reference import force, potential

SIZES = (5, 7, 6, 3)
KINDS = ("phase", "field")
DATA = np.random.default_rng(0).uniform(0, 1, (20, 5))


def network(inputs="phase", *, locking=True, seed=3, **changes):
    """Skewed couplings; locking of both signs."""
    rng = np.random.default_rng(seed)
    pairs = list(pairwise(SIZES))
    weights = tuple(rng.normal(0.3, 0.8, (o, i)) for i, o in pairs)
    fields = tuple(rng.normal(0.2, 0.4, o) for _, o in pairs)
    changes.setdefault("start", 0.0 if inputs == "phase" else np.pi / 2)
    if locking:
        changes["locking"] = tuple(rng.normal(0.0, 0.4, o) for _, o in pairs)
    return OscillatorNetwork(
        weights, fields, inputs=inputs, input_shift=np.array([0.1]), input_scale=np.array([1.9]), **changes
    )


def wrapped(a):
    return np.angle(np.exp(1j * a))


@pytest.mark.parametrize(("inputs", "locking"), [("phase", False), ("phase", True), ("field", True)])
def test_rest_is_a_minimum_of_the_energy(inputs, locking):
    """Fields alone leave spins at 0 and pi, where nothing turns them: those need locking."""
    net = network(inputs, locking=locking)
    phases = relax(net, DATA, tolerance=1e-13, sweeps=100_000)
    rest = net.energy(DATA, phases)
    rng = np.random.default_rng(1)
    for _ in range(20):
        near = [p + 1e-3 * rng.standard_normal(p.shape) for p in phases]
        assert (net.energy(DATA, near) > rest).all()
    spread = np.concatenate([p.ravel() for p in phases])
    assert np.abs(np.sin(spread)).mean() > 0.2  # not all at the poles, where nothing responds


@pytest.mark.parametrize("beta", [0.0, 0.7, -0.7])
@pytest.mark.parametrize("inputs", KINDS)
def test_every_sweep_lowers_the_nudged_energy(inputs, beta):
    net = network(inputs)
    targets = np.random.default_rng(2).uniform(0, 2, (20, 3))
    phases = [np.full((20, n), 1.0) for n in SIZES[1:]]
    last, fell = None, 0.0
    for _ in range(8):
        total = net.energy(DATA, phases) + beta * (1 - np.cos(phases[-1] - targets)).sum(axis=1)
        if last is not None:
            assert (total <= last + 1e-12).all()
            fell += float((last - total).sum())
        last = total
        phases = one_sweep(net, phases, targets, beta)
    assert fell > 1


def one_sweep(net, phases, targets, beta):
    """Large tolerance: one sweep counts as rest."""
    return relax(net, DATA, targets=targets, beta=beta, start=phases, sweeps=1, tolerance=10.0)


@pytest.mark.parametrize("locking", [False, True])
@pytest.mark.parametrize("inputs", KINDS)
def test_file_round_trip(tmp_path, inputs, locking):
    net = network(inputs, locking=locking, labels=("a", "b", "c"), meta={"seed": 3}, start=0.3, dt=0.125)
    save_model(net, tmp_path / "a.safetensors")
    again = load_model(tmp_path / "a.safetensors")
    assert isinstance(again, OscillatorNetwork)
    for name in ("inputs", "start", "relax_time", "dt", "labels", "meta"):
        assert getattr(again, name) == getattr(net, name)
    assert (again.locking is None) == (not locking)
    np.testing.assert_array_equal(again.answers(DATA), net.answers(DATA))


def test_a_file_without_its_fields_is_named(tmp_path, monkeypatch):
    from safetensors.numpy import save

    monkeypatch.setattr(
        "compiler.families.store.to_bytes",
        lambda tensors, metadata: save(
            {k: v for k, v in tensors.items() if k != "layers.1.field"}, metadata=metadata
        ),
    )
    save_model(network(), tmp_path / "a.safetensors")
    with pytest.raises(FormatError, match=r"lacks 'layers.1.field'"):
        load_model(tmp_path / "a.safetensors")


def cells(net, k, phases):
    """State of all cells for sample k."""
    u = (DATA[k] - net.input_shift) * net.input_scale
    return np.concatenate([u, *(p[k] for p in phases)])


@pytest.mark.parametrize("inputs", KINDS)
def test_energy_and_rest_of_the_netlist_are_the_networks(inputs):
    net = network(inputs)
    netlist = lower_oscillator(net)
    verify(netlist)
    assert is_gradient(netlist) and netlist.kT == 0
    assert [g.name for g in netlist.groups] == ["input", "layer1", "layer2", "output"]
    kinds = {c.kind for c in netlist.couplings}
    assert kinds == {CouplingKind.SINE} | ({CouplingKind.GRADIENT} if inputs == "field" else set())
    rng = np.random.default_rng(5)
    phases = [rng.uniform(-3, 3, (20, n)) for n in SIZES[1:]]
    energies = net.energy(DATA, phases)
    # up to the constant of S sin^2 = S / 2 - S / 2 cos 2 phi
    constant = 0.5 * sum(s.sum() for s in net.locking)
    for k in range(3):
        got = potential(netlist, cells(net, k, phases))
        assert got - constant == pytest.approx(energies[k], abs=1e-10)
    rest = relax(net, DATA[:2], tolerance=1e-13, sweeps=100_000)
    for k in range(2):
        f = force(netlist, cells(net, k, rest))[5:]
        np.testing.assert_allclose(f, 0, atol=1e-9)


def test_the_cells_are_phases_that_show_cosines():
    net = network(labels=("a", "b", "c"), start=0.4)
    netlist = lower_oscillator(net, duration=3.0)
    dynamic = netlist.cells.role != Role.INPUT
    assert (netlist.cells.kind == CellKind.PHASE).all()
    assert (netlist.cells.activation[dynamic] == Activation.COSINE).all()
    assert netlist.readout.shown and netlist.readout.decision == "argmax"
    assert (netlist.cells.x0[dynamic] == 0.4).all()
    np.testing.assert_array_equal(netlist.readout.scale, -np.eye(3))  # 1 - cos phi
    np.testing.assert_array_equal(netlist.readout.offset, 1)
    nudged = lower_oscillator(network(), duration=3.0, nudge=-0.2)
    assert [(p.name, p.nudge) for p in nudged.schedule] == [("free", 0.0), ("nudged", -0.2)]
    assert nudged.cells.activation[-1] == Activation.IDENTITY  # cost 1 - cos(phi - target)
    assert nudged.readout.decision == "value" and nudged.readout.phase == "free"
    with pytest.raises(NetlistError, match="duration must be"):
        lower_oscillator(network(), duration=0.0)
    with pytest.raises(NetlistError, match="nudge must be"):
        lower_oscillator(network(), nudge=np.inf)


@pytest.mark.parametrize("inputs", KINDS)
def test_the_step_is_half_of_what_the_stiffest_state_allows(inputs):
    net = network(inputs)
    netlist = lower_oscillator(net)
    step = stable_step(net)
    rng = np.random.default_rng(6)
    worst = 0.0
    for _ in range(20):
        phases = [rng.uniform(-3, 3, (20, n)) for n in SIZES[1:]]
        x = cells(net, 0, phases)
        columns = []
        for i in range(5, x.size):
            ahead, behind = x.copy(), x.copy()
            ahead[i] += 1e-5
            behind[i] -= 1e-5
            slope = force(netlist, ahead) - force(netlist, behind)
            columns.append(slope[5:] / 2e-5)
        worst = max(worst, float(np.abs(np.linalg.eigvalsh(np.array(columns))).max()))
    assert worst * step <= 1.0
    assert step == netlist.dt and step == 2.0 ** round(np.log2(step))


def test_compile_takes_it():
    assert compile(network()).meta["source"] == "oscillator"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": ()}, "at least one layer"),
        ({"fields": (np.zeros(7), np.zeros(6))}, "a field for each"),
        ({"fields": (np.zeros(7), np.zeros(6), np.zeros(4))}, "fields 2 must have shape"),
        ({"fields": (np.zeros(7), np.zeros(6), np.full(3, np.nan))}, "not finite"),
        ({"locking": (np.zeros(7),)}, "locking must have shapes"),
        ({"inputs": "spin"}, "inputs must be phase or field"),
        ({"input_scale": np.ones(4)}, "input_scale must be 1 or 5"),
        ({"start": np.inf}, "start must be finite"),
        ({"relax_time": 0.0}, "relax_time must be"),
        ({"dt": -1.0}, "dt must be"),
        ({"labels": ("a",)}, "1 labels for 3 outputs"),
        ({"weights": (np.zeros((7, 5)), np.zeros((6, 8)), np.zeros((3, 6)))}, "weights 1 couple 8"),
        ({"weights": (np.zeros((7, 5)), np.zeros(6), np.zeros((3, 6)))}, "weights 1 must be"),
    ],
)
def test_what_is_no_network_is_named(change, message):
    with pytest.raises(NetlistError, match=message):
        replace(network(), **change)


def test_a_network_that_does_not_settle_is_named():
    with pytest.raises(NetlistError, match="still moves"):
        network().answers(DATA, sweeps=2)


def test_a_spin_without_a_field_stays():
    net = OscillatorNetwork((np.zeros((2, 3)),), (np.zeros(2),), start=0.7)
    (phases,) = relax(net, np.ones((4, 3)))
    np.testing.assert_allclose(phases, 0.7)
