import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.compiler import machine, mlp, netlists, toy, with_cells

import compiler
from compiler import compile, to_netlist
from compiler.counting import counts
from compiler.errors import NetlistError, TargetError, UnsupportedError
from compiler.families.langevin import lower_langevin
from compiler.families.store import save_model
from compiler.ir import symmetry
from compiler.ir.kinds import difference, dump, equal, verify
from compiler.ir.langevin import (
    Activation,
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    Group,
    LangevinNetlist,
    Phase,
    ReadOut,
)
from compiler.ir.symmetry import is_gradient
from compiler.passes.langevin import (
    drop_silent_inputs,
    drop_zero_couplings,
    limit_degree,
    prune,
    quantize_couplings,
    select_cells,
    sweep_unread,
    symmetrize,
)
from compiler.passes.legalize import MENDS, legalize, violations
from compiler.passes.units import change_units, largest_coupling, rescale
from compiler.pipelines import PassError, langevin_pipeline, run_passes
from compiler.reference import encode, force, potential, read, relax
from hw_models.targets import TARGETS, Target

RNG = np.random.default_rng(21)
DATA = np.array([0.4, 0.9])
TOY = toy()


def matrix(netlist):
    (group,) = (c for c in netlist.couplings if c.kind == CouplingKind.LINEAR)
    return symmetry.matrix(group).toarray()


# --- exact passes --------------------------------------------------------------------------------


@pytest.mark.parametrize("pass_", [drop_zero_couplings, drop_silent_inputs, lambda n: rescale(n, 2)])
@given(netlist=netlists(), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_exact_passes_keep_the_velocity_of_every_cell(pass_, netlist, seed):
    rng = np.random.default_rng(seed)
    again = pass_(netlist)
    verify(again)
    x = rng.normal(size=int((~netlist.cells.frozen).sum()))
    data = rng.normal(size=netlist.inputs.size)
    before = netlist.mobility * force(netlist, x, encode(netlist, data))
    after = again.mobility * force(again, x, encode(again, data))
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9 * np.abs(before).max(initial=0))
    assert again.mobility * again.kT == pytest.approx(netlist.mobility * netlist.kT)


def test_drop_zero_couplings():
    weight = np.array(TOY.couplings[0].weight)
    weight[[0, 7]] = 0
    netlist = TOY.with_(
        couplings=(
            replace(TOY.couplings[0], weight=weight),
            replace(TOY.couplings[1], weight=np.array([0.0, 0.8])),
            Couplings.from_coo(CouplingKind.SINE, 7, [2], [3], [0.0]),
        )
    )
    again = drop_zero_couplings(netlist)
    assert [len(c) for c in again.couplings] == [6, 1]
    assert again.couplings[1].values.tolist() == [0.8]
    np.testing.assert_array_equal(matrix(again), matrix(netlist))
    assert again.couplings[0].indices.dtype == np.int32
    assert drop_zero_couplings(TOY).couplings[0] is TOY.couplings[0]


def test_rescale_is_exact_to_the_last_bit():
    netlist = to_netlist(machine(x0=np.linspace(-0.5, 0.5, 6)))
    netlist = netlist.with_(schedule=(Phase("relax", 0.2, stiffness=0.3, kT=(1.0, 0.5)),), dt=0.01)
    limit = 0.1 * largest_coupling(netlist)
    again = rescale(netlist, limit)
    verify(again)
    assert limit / 2 < largest_coupling(again) <= limit
    data = [0.3, 0.7, -0.2]
    x, y = (relax(n, data, method="euler") for n in (netlist, again))
    np.testing.assert_array_equal(x, y)
    # noise: mobility kT is the same, also through the ramp
    for a, b in ((netlist.kT, again.kT), *zip(netlist.schedule[0].kT, again.schedule[0].kT, strict=True)):
        assert netlist.mobility * a == again.mobility * b
    assert again.kT / netlist.kT == again.lowered.energy_scale
    assert rescale(netlist, 1e9) is netlist
    twice = rescale(again, limit / 8)
    assert twice.lowered.energy_scale == twice.kT / netlist.kT


@pytest.mark.parametrize(("energy", "length"), [(0.3, 1.0), (1.0, 2.5), (0.7, 0.4)])
def test_change_units_maps_trajectories(energy, length):
    netlist = with_cells(TOY, activation=(slice(None), 0))
    again = change_units(netlist, energy=energy, length=length)
    verify(again)
    x, y = (relax(n, DATA, method="euler") for n in (netlist, again))
    np.testing.assert_allclose(y * length, x, rtol=1e-12)
    np.testing.assert_allclose(read(again, y), read(netlist, x), rtol=1e-12)
    assert np.abs(y - x).max() > 1e-3 or length == 1.0
    # displacement by noise, 2 mobility kT, is in units of length^2
    noise = again.mobility * again.kT * length**2
    assert noise == pytest.approx(netlist.mobility * netlist.kT)


def test_change_units_scales_potential_and_noise_matrix():
    netlist = lower_langevin(machine())
    w = symmetrize(netlist)
    again = change_units(w, energy=0.3, length=2.0)
    x, u = RNG.normal(size=6), np.array([0.1, -0.4, 0.2])
    assert potential(again, x / 2.0, u / 2.0) == pytest.approx(0.3 * potential(w, x, u))
    noisy = change_units(w.with_(noise=np.eye(9)), energy=0.3, length=2.0)
    assert noisy.noise[0, 0] * noisy.kT * 4.0 == pytest.approx(w.kT)
    assert noisy.lowered.length_scale == 2.0


def test_change_units_keeps_underdamped_motion():
    """m x'' = f(x) - friction x', written for y = x / a."""
    netlist = LangevinNetlist(
        Cells.make(1, j2=0.5, j4=0.2, h=0.3, mass=1.7, friction=0.6, order=1), (), 1, 1, ()
    )
    again = change_units(netlist, energy=0.3, length=2.0)
    x, v = np.array([0.8]), -0.4
    a = (force(netlist, x) - 0.6 * v) / 1.7
    b = (force(again, x / 2) - again.cells.friction * v / 2) / again.cells.mass
    np.testing.assert_allclose(2 * b, a, rtol=1e-12)
    # velocity noise per unit of mass: friction kT / m^2 in units of length^2
    ratio = again.cells.friction * again.kT / again.cells.mass**2 * 4
    np.testing.assert_allclose(ratio, 0.6 / 1.7**2, rtol=1e-12)


def test_change_units_refusals():
    plain = with_cells(TOY, activation=(slice(None), 0))
    for bad, message in (
        (TOY, "nonlinear phi"),
        (with_cells(plain, kind=(2, CellKind.PBIT)), "p-bits"),
        (plain.with_(schedule=(Phase("p", 1.0, nudge=0.5),), readout=None), "nudges"),
        (
            plain.with_(couplings=(Couplings.from_coo(CouplingKind.SINE, 7, [2], [3], [1.0]),)),
            "sine couplings",
        ),
    ):
        with pytest.raises(UnsupportedError, match=message):
            change_units(bad, length=2.0)
        verify(change_units(bad, energy=2.0))
    with pytest.raises(NetlistError, match="energy and length must be above 0"):
        change_units(TOY, energy=0.0)
    with pytest.raises(NetlistError, match="rescale: limit must be"):
        rescale(TOY, 0.0)


def test_drop_silent_inputs():
    encoder = replace(TOY.encoder, scale=np.array([0.0, 2.0]))
    netlist = TOY.with_(encoder=encoder)
    again = drop_silent_inputs(netlist)
    assert again.couplings[0].indices.tolist() == [3, 2, 1, 5, 2, 4, 4]
    assert len(again.couplings[1]) == 3  # a resistor to an input at 0 still pulls
    x = RNG.normal(size=5)
    u = encode(netlist, DATA)
    np.testing.assert_array_equal(force(again, x, u), force(netlist, x, u))
    shown = with_cells(netlist, activation=(0, Activation.SIGMOID))  # shows 1/2 at 0
    assert equal(drop_silent_inputs(shown), shown)
    assert drop_silent_inputs(TOY.with_(encoder=None)).n_couplings == TOY.n_couplings


def chain():
    """Input 0 -> 1 -> 2 (read); 3 is driven by 2 only; 4 drives 1; 5 stands alone."""
    return LangevinNetlist(
        Cells.make(6, j2=[0, 1, 2, 3, 4, 5], h=[0, 1, 2, 3, 4, 5], role=[1, 0, 2, 0, 0, 0]),
        (
            Couplings.from_coo(CouplingKind.LINEAR, 6, [1, 2, 3, 1], [0, 1, 2, 4], [0.1, 0.2, 0.3, 0.4]),
            Couplings.from_coo(CouplingKind.RESISTIVE, 6, [5], [3], [1.0]),
        ),
        0.0,
        1.0,
        (Phase("p", 1.0),),
        readout=ReadOut(np.array([2], np.int32), "p"),
    )


def test_sweep_unread_removes_what_nobody_reads():
    netlist = chain().with_(noise=np.diag(np.arange(6.0)))
    again = sweep_unread(netlist)
    verify(again)
    assert again.cells.j2.tolist() == [0, 1, 2, 4]
    assert again.readout.cells.tolist() == [2]
    assert len(again.couplings) == 1
    assert np.diag(again.noise).tolist() == [0, 1, 2, 4]
    before, after = (relax(n.with_(noise=None), [0.7])[n.readout.cells] for n in (netlist, again))
    np.testing.assert_allclose(after, before, rtol=1e-9)
    assert sweep_unread(netlist.with_(readout=None)).n_cells == 6
    assert equal(sweep_unread(again), again)


def test_sweep_unread_moves_the_groups():
    groups = (Group("a", 0, 3), Group("b", 3, 4), Group("c", 3, 6))
    again = sweep_unread(chain().with_(groups=groups))
    assert again.groups == (Group("a", 0, 3), Group("b", 3, 3), Group("c", 3, 4))


def test_select_cells_refuses_to_lose_inputs_and_answers():
    keep = np.ones(6, bool)
    keep[2] = False
    with pytest.raises(NetlistError, match="read-out cell 2 would be lost"):
        select_cells(chain(), keep)
    keep[[0, 2]] = [False, True]
    with pytest.raises(NetlistError, match="input cell 0 would be lost"):
        select_cells(chain(), keep)


@given(netlists())
@settings(max_examples=40, deadline=None)
def test_every_pipeline_keeps_netlists_legal(netlist):
    for level in (0, 1, 2):
        again, records = run_passes(netlist, langevin_pipeline(level))
        verify(again)
        assert len(records) == len(langevin_pipeline(level))


# --- passes that change the dynamics -------------------------------------------------------------


def test_quantize_couplings():
    netlist = lower_langevin(machine())
    w = netlist.couplings[0].weight
    top = float(np.abs(w).max())
    for bits in (2, 4, 8):
        q = quantize_couplings(netlist, bits).couplings[0].weight
        step = top / (2 ** (bits - 1) - 1)
        assert np.abs(q - w).max() <= step / 2 * (1 + 1e-6)
        np.testing.assert_allclose(q / step, np.rint(q / step), atol=1e-5)
        assert len(np.unique(np.rint(q / step))) <= 2**bits - 1
        assert np.abs(q).max() == np.float32(top)
        assert q.dtype == np.float32
    limited = quantize_couplings(netlist, 8, 0.5).couplings[0].weight
    assert np.abs(limited).max() == 0.5
    np.testing.assert_array_equal(np.sign(limited[np.abs(w) > 0.1]), np.sign(w[np.abs(w) > 0.1]))
    zero = Couplings.from_coo(CouplingKind.LINEAR, 2, [0], [1], [0.0])
    netlist = LangevinNetlist(Cells.make(2), (zero,), 1, 1, ())
    assert quantize_couplings(netlist, 4).couplings[0].weight.tolist() == [0.0]
    for bits in (1, 25):
        with pytest.raises(NetlistError, match="bits must lie in 2 to 24"):
            quantize_couplings(netlist, bits)
    with pytest.raises(NetlistError, match="limit must be a finite number above 0"):
        quantize_couplings(netlist, 4, -1.0)


def test_symmetrize():
    again = symmetrize(TOY)
    verify(again)
    w, s = matrix(TOY), matrix(again)
    free = np.arange(2, 7)
    expected = (w[np.ix_(free, free)] + w[np.ix_(free, free)].T) / 2
    np.testing.assert_allclose(s[np.ix_(free, free)], expected, rtol=1e-15)
    np.testing.assert_array_equal(s[:, :2], w[:, :2])
    assert (s[:2] == 0).all()
    assert not is_gradient(TOY)
    m = lower_langevin(machine())
    assert not is_gradient(m) and is_gradient(symmetrize(m))
    assert symmetrize(m).couplings[0].weight.dtype == np.float32
    assert is_gradient(symmetrize(symmetrize(m)))


def test_prune_and_limit_degree():
    again = prune(TOY, 0.5)
    assert sorted(again.couplings[0].values) == [-3.0, -0.5, 0.7, 1.5, 2.0]
    assert again.couplings[1].values.tolist() == [0.8]
    assert prune(TOY, 100.0).couplings == ()
    assert equal(prune(TOY, 0.0), TOY)
    with pytest.raises(NetlistError, match="prune: threshold must be"):
        prune(TOY, -1.0)
    # cell 5: 0.7 from 2 and 1e-20 from 4, resistor 0.3 from 6; cell 3: 2.0 from 2, 0.8 from 0
    one = limit_degree(TOY, 1)
    verify(one)
    kept = {(int(r), int(i)) for c in one.couplings for r, i in zip(c.rows, c.indices, strict=True)}
    assert kept == {(2, 0), (3, 2), (4, 5), (5, 2), (6, 4)}
    two = limit_degree(TOY, 2)
    degree = np.sum([np.diff(c.indptr) for c in two.couplings], axis=0)
    assert degree.tolist() == [0, 0, 2, 2, 2, 2, 2]
    assert limit_degree(TOY, 0).couplings == ()
    assert limit_degree(LangevinNetlist(Cells.make(1), (), 1, 1, ()), 0).couplings == ()
    with pytest.raises(NetlistError, match="degree must be at least 0"):
        limit_degree(TOY, -1)


# --- the runner ----------------------------------------------------------------------------------


def test_the_runner_times_and_names_passes():
    _, records = run_passes(TOY, langevin_pipeline(2))
    names = [r.name for r in records]
    assert names == ["drop_zero_couplings", "drop_silent_inputs", "sweep_unread"]
    assert all(r.seconds >= 0 for r in records)

    def heat_up(netlist):
        return netlist.with_(kT=-1.0)

    with pytest.raises(PassError, match="pass heat_up broke the netlist: kT must be"):
        run_passes(TOY, (drop_zero_couplings, heat_up))
    with pytest.raises(NetlistError, match=r"^kT must be"):
        run_passes(TOY.with_(kT=-1.0), ())
    with pytest.raises(NetlistError, match="level 7 is unknown; levels are 0, 1, 2"):
        langevin_pipeline(7)


# --- targets -------------------------------------------------------------------------------------


def target(**limits):
    wide = {
        "cell_kinds": frozenset({"continuous"}),
        "coupling_kinds": frozenset({"linear", "resistive"}),
        "activations": frozenset({"identity", "tanh", "sigmoid"}),
    }
    return Target("test-chip", "", TARGETS.get("ideal").source, **{**wide, **limits})


ILLEGAL = {
    "kind": (
        with_cells(TOY, kind=(4, 1)),
        {},
        "cell 4 has the kind phase; target `test-chip` offers continuous: choose another target",
    ),
    "activation": (
        TOY,
        {"activations": frozenset({"identity", "tanh"})},
        "cell 4 has the activation sigmoid; target `test-chip` offers identity, tanh",
    ),
    "couplings": (
        TOY,
        {"coupling_kinds": frozenset({"linear"})},
        "coupling (3, 0) is resistive; target `test-chip` offers linear",
    ),
    "cells": (TOY, {"max_cells": 4}, "the netlist has 5 dynamic cells; target `test-chip` holds 4"),
    "range": (
        TOY,
        {"max_coupling": 1.0},
        "coupling (4, 5) is -3; target `test-chip` allows |W| <= 1: add --rescale",
    ),
    "bits": (
        TOY,
        {"bits": 4, "max_coupling": 7.0},
        "coupling (2, 0) is 1.5, no multiple of the step 1; target `test-chip` has 4 bits: add --quantize",
    ),
    "degree": (
        TOY,
        {"max_degree": 2},
        "cell 5 is driven by 3 couplings; target `test-chip` allows 2: add --limit-degree",
    ),
    "symmetry": (
        TOY,
        {"symmetric": True},
        "coupling (2, 3) is -0.25 but (3, 2) is 2; target `test-chip` has symmetric couplings: "
        "add --symmetrize",
    ),
}


@pytest.mark.parametrize("case", ILLEGAL)
def test_what_is_illegal_is_named_with_what_mends_it(case):
    netlist, limits, message = ILLEGAL[case]
    with pytest.raises(TargetError) as caught:
        legalize(netlist, target(**limits))
    assert str(caught.value).startswith(message)
    assert violations(netlist, target(**limits)) == (str(caught.value),)
    assert legalize(TOY, target()) is TOY
    assert legalize(TOY, target(max_cells=5, max_degree=3, max_coupling=3.0)) is TOY


def test_frozen_inputs_may_show_anything():
    netlist = with_cells(TOY, kind=(0, CellKind.PHASE), activation=(0, Activation.CLIP))
    assert violations(netlist, target()) == ()


def test_mends_make_it_legal():
    chip = target(
        max_coupling=0.75, bits=6, max_degree=3, symmetric=True, activations=frozenset({"identity"})
    )
    source = machine()
    with pytest.raises(TargetError, match="add --rescale"):
        compile(source, target=chip)
    with pytest.raises(TargetError, match="add --quantize"):
        compile(source, target=chip, mend=["rescale"])
    netlist = compile(source, target=target(max_coupling=0.75, bits=6, symmetric=True), mend=list(MENDS))
    assert largest_coupling(netlist) <= 0.75
    assert all((c.values != 0).all() for c in netlist.couplings)
    assert is_gradient(netlist)
    only_degree = target(max_degree=3)
    netlist = compile(source, target=only_degree, mend=["limit-degree"])
    assert counts(netlist)["degree_max"] == 3


def test_mends_for_targets_without_limits_change_nothing():
    netlist = compile(machine(), target=TARGETS.get("ideal"), mend=list(MENDS))
    assert difference(netlist, to_netlist(machine())) is None


# --- the API and counts --------------------------------------------------------------------------


def test_compile_takes_what_users_have(tmp_path):
    path = tmp_path / "m.safetensors"
    save_model(machine(), path)
    expected = dump(lower_langevin(machine()))
    assert dump(compile(path)) == expected
    assert dump(compile(str(path))) == expected
    assert dump(compile(machine())) == expected
    assert dump(compile(lower_langevin(machine()))) == expected
    assert compile(mlp(), dt=0.1).dt == 0.1


def test_compile_refusals():
    for source, options, error, message in (
        (3, {}, UnsupportedError, "a int cannot be compiled"),
        (machine(), {"dt": 0.1}, UnsupportedError, "dt: a Langevin machine is lowered as it is"),
        (TOY, {"mend": ["polish"]}, TargetError, "mend 'polish' is unknown; choices are limit"),
        (TOY, {"mend": ["rescale"]}, TargetError, "mend 'rescale' needs a target"),
        (TOY, {"optimise": 3}, NetlistError, "level 3 is unknown"),
        (TOY.with_(kT=-1.0), {}, NetlistError, "kT must be"),
    ):
        with pytest.raises(error, match=message):
            compile(source, **options)


def test_counts():
    c = counts(TOY)
    assert c["cells"] == {"input": 2, "dynamic": 3, "output": 2, "total": 7}
    assert c["couplings"] == {"linear": 8, "resistive": 3, "from_inputs": 3, "total": 11}
    assert c["parameters"] == 10
    assert (c["degree_max"], c["degree_mean"]) == (3, 2.2)
    assert c["largest_coupling"] == 3.0
    assert not c["symmetric"] and not c["gradient"] and 0 < c["antisymmetric_fraction"] < 1
    assert c["duration"] == 0.6
    assert c["bytes"] == 7 * (9 * 8 + 4) + 2 * 8 * 8 + 8 * 12 + 3 * 8 + 2 * 8
    s = counts(symmetrize(lower_langevin(machine())))
    assert s["symmetric"] and s["gradient"] and s["antisymmetric_fraction"] == 0
    empty = counts(LangevinNetlist(Cells.make(0), (), 1, 1, ()))
    assert empty["cells"]["total"] == 0 and empty["degree_mean"] == 0 and empty["symmetric"]
    noisy = LangevinNetlist(Cells.make(2), (), 1, 1, (), noise=np.eye(2))
    assert counts(noisy)["bytes"] == 2 * 76 + 32


@given(netlists())
@settings(max_examples=30, deadline=None)
def test_counts_of_anything_are_json(netlist):
    json.dumps(counts(netlist))


def test_names_are_exported_lazily():
    for name in compiler.__all__:
        assert getattr(compiler, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'magic'"):
        _ = compiler.magic
    code = "import compiler, sys; print('numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], stdout=-1, check=True).stdout
    assert out.strip() == b"False"
