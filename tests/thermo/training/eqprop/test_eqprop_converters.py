"""Converters of a device act while a network learns by relaxing, as they do in a simulation of it."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.api import compile as compile_model
from hw_models.presets import chosen_device
from hw_models.source import with_values
from thermo.cli.main import main
from thermo.data import Dataset, load_dataset
from thermo.evaluate import evaluate
from thermo.gradients.errors import EqpropError
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.deploy import deployed_accuracy
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.oscillator import Oscillators, OscillatorTrainer
from thermo.training.eqprop.resistive import resistive_accuracy, train_resistive
from thermo.training.eqprop.train import train_eqprop
from thermo.training.eqprop.trainer import HopfieldTrainer
from thermo.training.tiles import Tiles

SEED = 7


@pytest.fixture(scope="module")
def data() -> Dataset:
    """A few digits of half the resolution."""
    whole = load_dataset("digits")

    def small(x, n):
        return np.ascontiguousarray(x[:n].reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16))

    kept = {"x_train": small(whole.x_train, 320), "y_train": whole.y_train[:320], "image_shape": (4, 4)}
    for part, n in (("valid", 100), ("test", 200)):
        kept[f"x_{part}"], kept[f"y_{part}"] = (
            small(getattr(whole, f"x_{part}"), n),
            getattr(whole, f"y_{part}")[:n],
        )
    return replace(whole, **kept)


def hardware(bits_in=3, bits_out=4, noise=1e-9, **figures):
    """rc-1fF with crossbar couplings, which at kT = 0 have neither noise nor range."""
    device = chosen_device("rc-1fF", "crossbar", input_bits=bits_in, output_bits=bits_out)
    return with_values(device, {f"{s} converter noise": noise for s in ("input", "output")} | figures)


def on(device, **more):
    return EqpropDevice(
        input_converter=device.input_converter, output_converter=device.output_converter, seed=SEED, **more
    )


SMALL = {"epochs": 6, "batch": 16, "tile": 16, "hidden": (16,), "init_gain": 0.5}
RELAX = {"sweeps_free": 60, "sweeps_nudged": 30, "tolerance": 1e-3}


def test_what_is_trained_is_what_is_simulated(data):
    """Offsets of every line and levels of both sides: the same decisions; another device's are others."""
    device = hardware()
    config = EqpropConfig(**SMALL, **RELAX, rates=(0.1, 0.02), device=on(device))
    trained = train_eqprop(data, config, threads=1)
    accuracy = deployed_accuracy(trained.acting, data, config.device, threads=1)
    netlist = compile_model(trained.model)

    def simulated(seed, device=device):
        return evaluate(netlist, data, "test", device=device, device_seed=seed, kT=0.0)[0].accuracy

    assert simulated(SEED) == pytest.approx(accuracy, abs=0.01)  # two of 200 between two levels
    assert deployed_accuracy(trained.acting, data, None, threads=1) != accuracy
    coarse = hardware(1, 1)
    rough = deployed_accuracy(trained.acting, data, on(coarse), threads=1)
    assert rough < accuracy - 0.1
    assert simulated(SEED, coarse) == pytest.approx(rough, abs=0.02)


def test_resistive_networks_have_converters_too(data):
    device = hardware()
    config = EqpropConfig(
        **SMALL | {"init_gain": 0.5},
        sweeps_free=60,
        sweeps_nudged=30,
        tolerance=2e-3,
        rates=(3e-3, 0.1),
        beta=0.2,
        device=on(device),
    )
    model = train_resistive(data, config, gain=20.0, threads=1).model
    accuracy = resistive_accuracy(model, data, threads=1, device=config.device)
    coarse = resistive_accuracy(model, data, threads=1, device=on(hardware(1, 1)))
    assert accuracy > 0.5 and coarse < accuracy - 0.1


def test_learning_sees_levels_with_each_line_s_offset_and_noise(data):
    """Over many updates what drives is the nearest level off by the line's offset, in the mean."""
    device = hardware(3, 4, noise=0.2)
    config = EqpropConfig(**SMALL, **RELAX, rates=(0.1, 0.02), device=on(device))
    with Tiles(1) as tiles:
        trainer = HopfieldTrainer(data, config, tiles)
        rows = np.arange(16)
        seen = []
        for trainer.step in range(200):
            trainer.load(rows, np.empty((16, 0), np.float32))
            seen.append(trainer.u0.copy())
    lines = trainer.conversion.inputs
    wanted = lines.rounded(data.x_train[rows].astype(float)) + lines.offset
    found, spread = np.mean(seen, axis=0), lines.noise / np.sqrt(200)
    assert np.abs(found - wanted).max() < 5 * spread
    assert np.abs(found - data.x_train[rows]).max() > 10 * spread
    assert np.std(seen, axis=0).mean() == pytest.approx(lines.noise, rel=0.05)


def test_costs_are_those_of_what_is_read(data):
    """Without nudges a chip learns from costs of read outputs: levels of the read-out."""
    config = EqpropConfig(**SMALL, **RELAX, rates=(0.1, 0.02), estimator="spsa", device=on(hardware(3, 2)))
    with Tiles(1) as tiles:
        trainer = HopfieldTrainer(data, config, tiles)
        trainer.conversion = trainer.calibrated(trainer.acting())
        trainer.load(np.arange(16), np.empty((16, 0), np.float32))
        trainer.free_phase(trainer.acting(), slice(0, 16), 0)
        read = trainer.answers(trainer.free[-1], slice(0, 16), 0)
        lines = trainer.conversion.outputs
        assert np.unique(np.rint((read - lines.lo) / lines.step)).size <= 4
        cost, _ = trainer.judge(trainer.free[-1], slice(0, 16), 0)
        assert cost == pytest.approx(0.5 * np.square(read - trainer.target).sum(), rel=1e-6)
        assert np.abs(read - trainer.free[-1]).max() > 0.01


def test_phases_are_no_voltages(data):
    config = EqpropConfig(hidden=(4,), curvature=np.inf, device=on(hardware()))
    with pytest.raises(EqpropError, match=r"converters of voltages read no phases.*--read-bits"):
        OscillatorTrainer(data, config, Oscillators())


def test_bits_are_a_device_s(tmp_path, capsys):
    out = tmp_path / "m.safetensors"
    assert main(["train", "eqprop", "--data", "digits", "--input-bits", "4", "-o", str(out)]) == 2
    assert "--input-bits 4 is of a device's converters: add --device" in " ".join(
        capsys.readouterr().err.split()
    )
