"""One machine everywhere: what drove in training on device s drives in a simulation of device s.

Trained in place on device s, compiled (-O 1), written and read, simulated with the same law and
seed: the same couplings to the bit and the same answers to the digit. Each family's check is a
function of the seed that is simulated, and must fail for another device's.
"""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import expit

from compiler.api import compile as compile_model
from compiler.families.langevin import langevin_cells, lower_langevin
from compiler.families.layered import Layers
from compiler.families.resistive import conductance_unit
from compiler.families.store import load_model, save_model
from compiler.ir.container import load, save
from compiler.ir.kinds import dump, parse
from compiler.ir.langevin import Cells, CouplingKind, Couplings, Group, LangevinNetlist, Phase, ReadOut, Role
from compiler.pipelines import langevin_pipeline, run_passes
from hw_models.imperfect import Imperfections
from hw_models.laws.defects import StuckCells
from hw_models.laws.sets import LAW_SETS
from hw_models.source import chosen
from thermo.cli.main import main
from thermo.data import Dataset, load_dataset
from thermo.evaluate import evaluate
from thermo.simulate.langevin.prepare import prepare
from thermo.simulate.spins.system import SpinSystem, device_system
from thermo.training.ebm.boltzmann import BoltzmannTrainer
from thermo.training.ebm.boltzmann_config import BoltzmannConfig
from thermo.training.ebm.config import RbmConfig
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.rbm import train_rbm
from thermo.training.eqprop.config import Conv, EqpropConfig
from thermo.training.eqprop.deploy import deployed_accuracy
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.oscillator import Oscillators, oscillator_accuracy, train_oscillator
from thermo.training.eqprop.oscillator_layers import acting_of
from thermo.training.eqprop.resistive import circuit, resistive_accuracy, train_resistive
from thermo.training.eqprop.train import train_eqprop
from thermo.training.langevin.config import PathwiseConfig
from thermo.training.langevin.pathwise import PathwiseTrainer
from thermo.training.tiles import Tiles

SEED, OTHER = 5, 6
STUCK = StuckCells(off=chosen(0.01, "1", "a test"), on=chosen(0.0, "1", "a test"))
SPREAD = Imperfections(mismatch=0.2, asymmetry=0.2, bits=6, bias_mismatch=0.2)
CELLS = replace(SPREAD, bits=None, laws=(*LAW_SETS.get("sonos"), STUCK), at="1d", read=3)


@pytest.fixture(params=["spread", "cells"])
def law(request) -> Imperfections:
    """A spread of couplings, and what the cells that make them obey."""
    return SPREAD if request.param == "spread" else CELLS


@pytest.fixture(scope="module")
def data() -> Dataset:
    """A few digits of half the resolution."""
    whole = load_dataset("digits")

    def small(x: np.ndarray, n: int) -> np.ndarray:
        return np.ascontiguousarray(x[:n].reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16))

    return replace(
        whole,
        x_train=small(whole.x_train, 320),
        y_train=whole.y_train[:320],
        x_valid=small(whole.x_valid, 100),
        y_valid=whole.y_valid[:100],
        x_test=small(whole.x_test, 200),
        y_test=whole.y_test[:200],
        image_shape=(4, 4),
    )


def compiled(model, folder) -> LangevinNetlist:
    """The model and its netlist, written and read, as the command line does."""
    save_model(model, folder / "model.safetensors")
    netlist = compile_model(load_model(folder / "model.safetensors"), optimise=1)
    save(netlist, folder / "net.tnl")
    return load(folder / "net.tnl")


def joined(n: int, blocks) -> np.ndarray:
    """(n, n) float32 of blocks (cells driven, cells driving, (driven, driving) couplings)."""
    out = np.zeros((n, n), np.float32)
    for driven, driving, w in blocks:
        out[np.ix_(driven, driving)] = w
    return out


def simulated(netlist: LangevinNetlist, law: Imperfections, seed: int, kind: str) -> np.ndarray:
    """(n, n) float32 couplings of one kind that the simulator runs with."""
    found, n = prepare(netlist, law, seed), netlist.n_cells
    out = np.zeros((n, n), np.float32)
    out[np.ix_(found.cells, found.cells)] = found.matrices[kind].toarray()
    out[np.ix_(found.cells, netlist.inputs)] = found.matrices[f"{kind}_in"].toarray()
    return out


def scored(netlist: LangevinNetlist, data: Dataset, law: Imperfections, seed: int) -> float | None:
    """Share of right decisions of the test split on this device."""
    return evaluate(netlist, data, "test", non_ideal=law, device_seed=seed, threads=1)[0].accuracy


SMALL = {"epochs": 8, "batch": 16, "tile": 16, "sweeps_free": 60, "sweeps_nudged": 30}


def one(law: Imperfections) -> dict:
    return {"hidden": (16,), "device": EqpropDevice(law, seed=SEED)}


def test_hopfield(data, tmp_path, law):
    for rule, hidden in (("energy", (16,)), ("field", (16,)), ("field", (12, 8))):
        rates = (0.1, *(0.02,) * len(hidden))
        config = EqpropConfig(
            **SMALL,
            hidden=hidden,
            rates=rates,
            rule=rule,
            init_gain=0.5,
            tolerance=1e-3,
            device=EqpropDevice(law, seed=SEED),
        )
        trained = train_eqprop(data, config, threads=1)
        netlist = compiled(trained.model, tmp_path)
        cells, acting = Layers(trained.model.sizes).cells, trained.acting
        blocks = [(cells[l + 1], cells[l], w) for l, w in enumerate(acting.forward)]
        blocks += [(cells[l], cells[l + 1], w.T) for l, w in enumerate(acting.back) if l]
        drove, accuracy = joined(netlist.n_cells, blocks), deployed_accuracy(acting, data, threads=1)
        np.testing.assert_array_equal(simulated(netlist, law, SEED, "w"), drove)
        h = prepare(netlist, law, SEED).h.astype(np.float32)
        np.testing.assert_array_equal(h, np.concatenate(acting.bias))
        # another device, another machine
        assert not np.array_equal(simulated(netlist, law, OTHER, "w"), drove)
        if len(hidden) == 1:  # deeper ones may come to another rest by layers than by cells
            assert scored(netlist, data, law, SEED) == accuracy
            assert scored(netlist, data, law, OTHER) != accuracy


@pytest.mark.parametrize(
    ("hidden", "rule", "activation"),
    [
        ((Conv(4, 2), Conv(6, 2, 1, 1)), "energy", "hard-sigmoid"),
        ((Conv(4, 3, 1, 1),), "field", "shifted-sigmoid"),
        ((12,), "energy", "hard-sigmoid"),
    ],
)
def test_convolutional_by_jax(data, tmp_path, hidden, rule, activation, law):
    pytest.importorskip("jax")
    from thermo.training.eqprop.jax_layers import down, up
    from thermo.training.eqprop.jax_train import layers_accuracy

    config = EqpropConfig(
        engine="jax",
        hidden=hidden,
        rule=rule,
        activation=activation,
        rates=(0.1,),
        init_gain=0.5,
        epochs=6,
        batch=16,
        tolerance=1e-3,
        device=EqpropDevice(law, seed=SEED),
    )
    trained = train_eqprop(data, config)
    layout, acting = trained.layout, trained.acting
    netlist, cells = compiled(trained.model, tmp_path), Layers(layout.sizes).cells
    scale, shift = np.float32(layout.sigma.scale), np.float32(layout.sigma.shift)
    blocks = []
    for l, (layer, shapes) in enumerate(zip(layout.layers, pairwise(layout.shapes), strict=True)):
        below, above = (np.eye(np.prod(s), dtype=np.float32).reshape(-1, *s) for s in shapes)
        forward = np.asarray(up(layer, scale * acting.w[l], below)).reshape(below.shape[0], -1).T
        blocks.append((cells[l + 1], cells[l], forward))
        if l:
            back = np.asarray(down(layer, scale * acting.back[l - 1], above, shapes[0]))
            blocks.append((cells[l], cells[l + 1], back.reshape(above.shape[0], -1).T))
    drove = joined(netlist.n_cells, blocks)
    assert np.count_nonzero(drove) > trained.model.n_inputs * 4
    np.testing.assert_array_equal(simulated(netlist, law, SEED, "w"), drove)
    biases = np.concatenate([np.ravel(scale * np.asarray(b) + shift) for b in acting.b])
    np.testing.assert_allclose(prepare(netlist, law, SEED).h, biases, atol=1e-6)
    accuracy = layers_accuracy(trained, data)
    assert scored(netlist, data, law, SEED) == accuracy
    assert not np.array_equal(simulated(netlist, law, OTHER, "w"), drove)
    assert scored(netlist, data, law, OTHER) != accuracy


def test_resistive(data, tmp_path, law):
    config = EqpropConfig(**SMALL, **one(law), rates=(3e-3, 0.1), init_gain=0.5, beta=0.2, tolerance=2e-3)
    model = train_resistive(data, config, gain=20.0, threads=1).model
    netlist, acting = compiled(model, tmp_path), circuit(model, EqpropDevice(law, seed=SEED))
    unit, cells = conductance_unit(model), Layers(model.sizes).cells
    gain = float(netlist.encoder.scale[0])

    def drives(seed: int) -> list[np.ndarray]:
        found = prepare(netlist, law, seed)
        w = unit * found.w.toarray()
        first = (unit * gain * found.w_in.toarray()).astype(np.float32)
        hidden, out = cells[1] - cells[1][0], cells[2] - cells[1][0]
        loads = unit * found.c1 - np.diag(w)
        up, down = w[np.ix_(out, hidden)], w[np.ix_(hidden, out)].T
        return [first[hidden], up.astype(np.float32), down.astype(np.float32), loads]

    first, up, down, loads = drives(SEED)
    np.testing.assert_array_equal(first, acting.w)
    np.testing.assert_array_equal(up, acting.g[1])
    np.testing.assert_array_equal(down, acting.g[1])  # one resistor both ways
    np.testing.assert_allclose(loads, np.concatenate(acting.load), rtol=1e-6)
    accuracy = resistive_accuracy(model, data, threads=1, device=EqpropDevice(law, seed=SEED))
    assert scored(netlist, data, law, SEED) == accuracy
    other = drives(OTHER)
    assert not any(np.array_equal(a, b) for a, b in zip(other, (acting.w, acting.g[1]), strict=False))
    assert scored(netlist, data, law, OTHER) != accuracy


@pytest.mark.parametrize("inputs", ["phase", "field"])
def test_oscillator(data, tmp_path, inputs, law):
    config = EqpropConfig(**SMALL, **one(law), rates=(0.02, 0.01), beta=0.5, curvature=np.inf)
    kind = Oscillators()
    if inputs == "field":
        kind = Oscillators(inputs="field", locking=(-0.5, -0.3), shift=0.2, scale=1.5, hold=0.5)
    model = train_oscillator(data, config, kind, threads=1).model
    netlist, acting = compiled(model, tmp_path), acting_of(model, EqpropDevice(law, seed=SEED))
    cells = Layers(model.sizes).cells
    first = [(cells[1], cells[0], acting.forward[0])]
    rest = [(cells[2], cells[1], acting.forward[1]), (cells[1], cells[2], acting.back[1].T)]

    def drives(seed: int) -> list[np.ndarray]:
        found = [simulated(netlist, law, seed, kind) for kind in ("gradient", "sine")]
        return [*found, prepare(netlist, law, seed).field.astype(np.float32)]

    gradient, sine = ([], first + rest) if inputs == "phase" else (first, rest)
    drove = [joined(netlist.n_cells, gradient), joined(netlist.n_cells, sine)]
    drove.append(np.concatenate([f[0] for f in acting.field]))
    for a, b in zip(drives(SEED), drove, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not any(np.array_equal(a, b) for a, b in zip(drives(OTHER)[1:], drove[1:], strict=True))
    if law.laws:  # so few are right that one which rests elsewhere by layers than by cells tells
        return
    accuracy = oscillator_accuracy(model, data, device=EqpropDevice(law, seed=SEED), threads=1)
    assert scored(netlist, data, law, SEED) == accuracy
    assert scored(netlist, data, law, OTHER) != accuracy


def test_langevin(data, tmp_path, law):
    config = PathwiseConfig(n_hidden=12, epochs=3, batch=64, tile=32, non_ideal=law, device_seed=SEED)
    trainer = PathwiseTrainer(data, config, None)
    with Tiles(1) as tiles:
        trainer.run_epoch(tiles)
    (w, j, b), _, _ = trainer.effective()
    model = trainer.machine(trainer.theta)
    netlist = compiled(model, tmp_path)
    inputs, dynamic = langevin_cells(model.n_cells, model.n_inputs)
    drove = joined(netlist.n_cells, [(dynamic, inputs, w), (dynamic, dynamic, j)])
    np.testing.assert_array_equal(simulated(netlist, law, SEED, "w"), drove)
    np.testing.assert_array_equal(prepare(netlist, law, SEED).h.astype(np.float32), b)
    assert not np.array_equal(simulated(netlist, law, OTHER, "w"), drove)
    # the machine that drove, lowered, on a perfect device
    acting = lower_langevin(replace(model, w_in=w, coupling=j, bias=b))
    perfect = evaluate(acting, data, "test", seed=3, threads=1)[0].accuracy
    run = {"seed": 3, "threads": 1, "non_ideal": law}
    assert evaluate(netlist, data, "test", device_seed=SEED, **run)[0].accuracy == perfect
    if not law.laws:  # by chance the other device decides as many right then
        assert evaluate(netlist, data, "test", device_seed=OTHER, **run)[0].accuracy != perfect


def test_rbm(data, tmp_path, law):
    config = RbmConfig(n_hidden=6, epochs=2, batch=32, evaluate_every=2, non_ideal=law, device_seed=SEED)
    trained = train_rbm(data, config, threads=1)
    model = trained.model
    layers = trained.device.act(model.w, model.b_visible, model.b_hidden, trained.base)
    netlist = compiled(model, tmp_path)
    v, h = Layers((16, 6)).cells
    drove = joined(netlist.n_cells, [(h, v, layers.up.T / 4), (v, h, layers.down / 4)])
    x = np.random.default_rng(1).integers(0, 2, netlist.n_cells)

    def drives(seed: int) -> tuple[np.ndarray, np.ndarray]:
        system = device_system(netlist, law, seed)
        w = np.zeros((netlist.n_cells,) * 2)
        w[system.driven, system.driving] = system.weights
        return w.astype(np.float32), expit(2 * (system.h + w @ (2 * x - 1)))

    w, p = drives(SEED)
    np.testing.assert_array_equal(w, drove)
    conditional = np.concatenate([expit(layers.down @ x[h] + layers.b), expit(x[v] @ layers.up + layers.c)])
    np.testing.assert_allclose(p, conditional, atol=1e-6)
    w, p = drives(OTHER)
    assert not np.array_equal(w, drove) and np.abs(p - conditional).max() > 1e-3


BOLTZMANN = BoltzmannConfig(
    rule="g8",
    side=5,
    steps=2,
    sweeps=3,
    clamped_sweeps=3,
    epochs=2,
    batch=32,
    non_ideal=SPREAD,
    device_seed=SEED,
)


@pytest.mark.parametrize("bits", [None, 6])
def test_grid(data, tmp_path, bits, law):
    law = replace(law, bits=bits)
    trainer = BoltzmannTrainer(data, replace(BOLTZMANN, non_ideal=law), conditional=False)
    with Tiles(1) as tiles:
        trainer.run_epoch(tiles)
    sampler, model = trainer.samplers[0], trainer.model()
    sampler.set(trainer.h[0], trainer.J[0])
    here, netlist = sampler.system, compiled(model, tmp_path)

    def dense(system: SpinSystem) -> np.ndarray:
        w = np.zeros((netlist.n_cells,) * 2)
        w[system.driven, system.driving] = system.weights
        return w

    there, other = device_system(netlist, law, SEED), device_system(netlist, law, OTHER)
    np.testing.assert_array_equal(there.h, here.h)
    np.testing.assert_array_equal(dense(there), dense(here))
    assert not np.array_equal(dense(other), dense(here))
    if bits is None:  # what is rounded to 0 is no coupling of a netlist: cells may get other colours
        start = sampler.random(50, 3, 0)
        drawn = sampler.sweep(start, 7, seed=4, step=0)
        np.testing.assert_array_equal(there.sweep(start, netlist.kT, 7, 4, 0), drawn)
        assert not np.array_equal(other.sweep(start, netlist.kT, 7, 4, 0), drawn)


def test_denoising_chain(data, tmp_path, law):
    if law.laws:  # a sampler has a part of the array, and no reference of all of it
        with pytest.raises(EbmError, match="law compensation scales a whole array"):
            BoltzmannTrainer(data, replace(BOLTZMANN, non_ideal=law), conditional=True)
        law = replace(law, laws=law.laws[:-1])
    trainer = BoltzmannTrainer(data, replace(BOLTZMANN, non_ideal=law), conditional=True)
    with Tiles(1) as tiles:
        trainer.run_epoch(tiles)
    model = trainer.model()
    netlist = compiled(model, tmp_path)
    n, nv = model.n, model.n_visible
    levels = np.random.default_rng(2).choice([-1, 1], (9, nv)).astype(np.int8)

    def same(seed: int) -> list[bool]:
        system = device_system(netlist, law, seed)
        w = np.zeros((netlist.n_cells,) * 2)
        w[system.driven, system.driving] = system.weights
        out = []
        for t, sampler in enumerate(trainer.samplers):
            sampler.set(trainer.h[t], trainer.J[t], trainer.range)
            here, s = model.blocks[t], sampler.system
            above = model.blocks[t + 1][:nv]
            out.append(np.array_equal(w[here[s.driven], here[s.driving]], s.weights))
            fields = system.h[here] + np.pad(levels * w[here[:nv], above], ((0, 0), (0, n - nv)))
            out.append(np.array_equal(fields, sampler.fields(levels, float(trainer.w[t]))))
        return out

    assert all(same(SEED)) and not any(same(OTHER))


def test_a_pass_that_drops_cells_keeps_the_device(law):
    rng = np.random.default_rng(0)
    w = rng.normal(size=(9, 9)) * (rng.random((9, 9)) < 0.4)
    np.fill_diagonal(w, 0.0)
    w[:3] = 0.0  # inputs
    w[:, 4] = 0.0  # drives none
    whole = LangevinNetlist(
        cells=Cells.make(9, j2=0.5, h=1.0, role=[Role.INPUT] * 3 + [Role.DYNAMIC] * 3 + [Role.OUTPUT] * 3),
        couplings=(Couplings.from_dense(CouplingKind.LINEAR, w),),
        kT=1.0,
        mobility=1.0,
        schedule=(Phase("run", 1.0),),
        groups=(Group("out", 6, 9),),
        readout=ReadOut(np.arange(6, 9, dtype=np.int32), "run"),
    )
    swept, _ = run_passes(whole, langevin_pipeline(2))
    kept = swept.cells.known_as
    assert kept.size < 9 and kept[-1] == 8
    # a smaller array has levels and a reference of its own
    law = replace(law, bits=None, laws=law.laws[:-1])
    before = simulated(whole, law, SEED, "w")[np.ix_(kept, kept)]
    np.testing.assert_array_equal(simulated(swept, law, SEED, "w"), before)
    h = prepare(whole, law, SEED).h[kept[kept > 2] - 3]
    np.testing.assert_array_equal(prepare(swept, law, SEED).h, h)
    renumbered = swept.with_(cells=replace(swept.cells, identity=None))  # what a pass must not do
    assert not np.array_equal(simulated(renumbered, law, SEED, "w"), before)
    assert parse(dump(swept)).cells.identity.tolist() == kept.tolist()


@pytest.mark.parametrize(
    ("arguments", "bits"),
    [
        (["eqprop", "--hidden", "12", "--epochs", "3"], "--weight-bits"),
        (["eqprop", "--network", "resistive", "--hidden", "12", "--epochs", "6"], "--weight-bits"),
        (["eqprop", "--network", "convolutional", "--channels", "4", "--epochs", "1"], "--weight-bits"),
        (["langevin", "--hidden", "8", "--epochs", "1"], "--bits"),
    ],
)
def test_the_command_lines_tell_one_accuracy(tmp_path, capsys, arguments, bits):
    model, net = str(tmp_path / "m.safetensors"), str(tmp_path / "n.tnl")
    there = ["--mismatch", "0.2", "--asymmetry", "0.2", "--bias-mismatch", "0.1", "--device-seed", str(SEED)]
    run = ["--json"]

    def told(*words: str) -> dict:
        assert main([*words]) == 0
        return json.loads(capsys.readouterr().out)

    trained = told("train", *arguments, "--data", "digits", "-o", model, *there, bits, "6", *run)
    assert main(["compile", model, "-O", "1", "-o", net]) == 0
    capsys.readouterr()
    found = told("simulate", net, "--data", "digits", *there, "--bits", "6", *run)
    assert found["accuracy"] == trained["accuracy"]
    there[-1] = str(OTHER)
    other = told("simulate", net, "--data", "digits", *there, "--bits", "6", *run)
    assert other["accuracy"] != trained["accuracy"]
