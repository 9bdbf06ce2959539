"""Training through converters: the machine that is trained is the one that is simulated."""

import numpy as np
import pytest

from compiler.families.langevin import lower_langevin
from hw_models.converters import Lines, input_lines, output_lines
from hw_models.presets import DEVICES, chosen_device
from thermo.data import Dataset
from thermo.evaluate import evaluate
from thermo.kernels.langevin.lines import (
    STREAM_INPUTS,
    STREAM_READ,
    Line,
    drive_lines,
    line_normals,
    read_lines,
)
from thermo.training.errors import TrainingError
from thermo.training.langevin.config import PathwiseConfig
from thermo.training.langevin.gradient import Layout, loss_and_gradient
from thermo.training.langevin.pathwise import PathwiseTrainer
from thermo.training.langevin.quick import VALID_TRAJECTORY
from thermo.training.tiles import Tiles

N_IN, N_OUT, N = 5, 2, 4


def line(lines: Lines) -> Line:
    return Line(lines.lo, lines.step, float(lines.levels - 1), lines.noise, lines.offset)


def sides(bits=3):
    device = chosen_device("rc-1fF", input_bits=bits, output_bits=bits)
    dacs = input_lines(device.input_converter, (-1.0, 1.0), 2, np.arange(N_IN))
    adcs = output_lines(device.output_converter, (-0.5, 0.5), 2, np.arange(N_OUT))
    return dacs, adcs


def data(rows=40, seed=0):
    rng = np.random.default_rng(seed)
    parts = []
    for n in (rows, 30, 30):
        x = rng.normal(size=(n, N_IN)).astype(np.float32)
        parts += [x, (x[:, 0] > x[:, 1]).astype(np.int64)]
    return Dataset("toy", *parts, n_classes=2, labels=("0", "1"))


def test_kernels_have_the_law_of_the_arrays():
    dacs, adcs = sides()
    u = np.random.default_rng(1).normal(size=(7, N_IN))
    z, got = np.empty(u.shape, np.float32), u.copy()
    line_normals(z, np.uint64(3), np.uint64(90), 1, 0, STREAM_INPUTS)
    drive_lines(got, line(dacs), np.uint64(3), np.uint64(90))
    assert np.allclose(got, dacs.driven(u, z), atol=1e-12)
    x, read = np.random.default_rng(2).normal(size=(N_OUT, 7)), np.empty((N_OUT, 7))
    z = np.empty((7, N_OUT), np.float32)
    line_normals(z, np.uint64(3), np.uint64(90), 1, 20, STREAM_READ)
    read_lines(x, line(adcs), np.uint64(3), np.uint64(90), 20, read)
    assert np.allclose(read.T, adcs.read(x.T, z), atol=1e-12)


def test_gradients_are_those_at_the_levels():
    """Through DACs: the gradient of the ideal machine on what they make of the data. Through ADCs: the
    derivative of the loss by what is read, passed on as that of the states."""
    layout, rng = (N, N_IN, N_OUT), np.random.default_rng(4)
    theta = 0.5 * rng.normal(size=Layout(*layout).size)
    cells, x0 = np.repeat([[1.0], [0.0], [1.0]], N, axis=1), np.zeros(N)
    x, y = rng.normal(size=(6, N_IN)), rng.integers(0, 2, 6)
    dacs, adcs = sides()
    run = dict(n_steps=20, dt=0.01, seed=3, trajectory=90)

    def gradient(rows, **changes):
        loss, g, _ = loss_and_gradient(theta, layout, cells, x0, rows, y, **run, **changes)
        return loss, g

    driven = x.copy()
    drive_lines(driven, line(dacs), np.uint64(3), np.uint64(90))
    got, wanted = gradient(x, dacs=line(dacs)), gradient(driven)
    assert got[0] == pytest.approx(wanted[0], rel=1e-12) and np.allclose(got[1], wanted[1], atol=1e-12)
    assert abs(got[0] - gradient(x)[0]) > 1e-3
    # the loss is that of the levels read: of two outputs only their difference, whole steps, matters
    loss, g = gradient(x, adcs=line(adcs))
    assert np.isfinite(loss) and np.abs(g).max() > 0 and abs(loss - gradient(x)[0]) > 1e-4
    fine = line(sides(20)[1])._replace(lo=-8.0, step=16.0 / (2**20 - 1), offset=np.zeros(N_OUT), noise=0.0)
    near = gradient(x, adcs=fine)
    assert near[0] == pytest.approx(gradient(x)[0], abs=1e-4)
    assert np.allclose(near[1], gradient(x)[1], atol=1e-4)


@pytest.mark.parametrize("bits", [2, 4])
def test_what_is_validated_is_what_is_simulated(bits):
    """At kT = 0 all that is random are converters, offsets of device 4 and noise of the same ids: alike."""
    dataset = data()
    device = chosen_device("rc-1fF", "ideal", input_bits=bits, output_bits=bits)
    config = PathwiseConfig(
        n_hidden=3,
        kT=0.0,
        epochs=1,
        batch=20,
        device=device,
        device_seed=4,
        seed=6,
        dt_schedule=((0.0, 0.02),),
    )
    trainer = PathwiseTrainer(dataset, config, None)
    with Tiles(1) as tiles:
        trainer.run_epoch(tiles)
        score, _ = trainer.validate(tiles)
        acting = trainer._read_range(trainer.machine(trainer.theta), tiles)
    found, result = evaluate(
        lower_langevin(trainer.machine(trainer.theta)),
        dataset,
        "valid",
        device=device,
        device_seed=4,
        seed=6,
        first_trajectory=VALID_TRAJECTORY,
        dt=config.dt_evaluate,
    )
    assert score == found.accuracy
    first, last = result.conversions
    assert (first.lo, first.hi) == pytest.approx(trainer.converting.span, rel=1e-6)
    assert (last.lo, last.hi) == pytest.approx(acting, rel=1e-4)
    assert first.bits == last.bits == bits
    # another device has other offsets, and reads otherwise
    _, other = evaluate(
        lower_langevin(trainer.machine(trainer.theta)), dataset, "valid", device=device, device_seed=5, seed=6
    )
    assert not np.array_equal(other.outputs, result.outputs)


def test_settings_of_converters_are_checked():
    with pytest.raises(TrainingError, match="output_bits = 4 is the resolution of a device's converters"):
        PathwiseTrainer(data(), PathwiseConfig(output_bits=4), None)
    ideal = dict(device="rc-1fF", couplings="ideal", input_bits="ideal", output_bits="ideal")
    with pytest.raises(TrainingError, match="there are no imperfections"):
        PathwiseTrainer(data(), PathwiseConfig(device_seed=1, **ideal), None)
    assert PathwiseTrainer(data(), PathwiseConfig(**ideal), None).converting is None
    assert DEVICES.get("rc-1fF").input_converter is not None
