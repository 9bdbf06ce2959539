"""Converters act: on data behind the encoder, and on the read-out before the decision."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import ThermocError
from hw_models.converters import input_lines, output_lines
from hw_models.presets import chosen_device
from hw_models.source import Quantity, Source
from tests.toys.simulate import toy, toy_data
from thermo.data import Dataset
from thermo.evaluate import evaluate
from thermo.kernels.langevin.lines import STREAM_INPUTS, STREAM_READ, line_normals
from thermo.kernels.random import normals_numpy
from thermo.simulate.langevin.calibrate import CALIBRATION
from thermo.simulate.langevin.conversion import input_range, output_range
from thermo.simulate.langevin.prepare import encode
from thermo.simulate.run import simulate

NET, X = toy(), toy_data()
RANGES = {"input_range": (-1.0, 1.5), "output_range": (-2.0, 2.0)}


def device(noise=0.3, offset=0.5, **bits):
    """rc-1fF with ideal couplings and converters of this noise and offset, in steps."""
    base, source = chosen_device("rc-1fF", "ideal"), Source("assumed", "a test")
    sides = {
        side: replace(
            getattr(base, side),
            noise=Quantity(noise, "step", source),
            offset=Quantity(offset, "step", source),
            bits=Quantity(bits.get(side, 4), "bit", source),
        )
        for side in ("input_converter", "output_converter")
    }
    return replace(base, **sides)


def silent(**bits):
    return device(noise=1e-9, offset=0.0, **bits)


@pytest.mark.parametrize("backend", ["numba", "numpy", "jax"])
def test_inputs_are_levels_of_the_encoded_data(backend):
    """Data put on the levels beforehand, on the ideal machine, are the same run."""
    lines = input_lines(silent().input_converter, (-1.0, 1.5), 0, np.arange(5))
    rounded = lines.rounded(encode(NET, X)) / 0.8 + 0.1  # the toy's encoder, backwards
    options = dict(kT=0.5, seed=3, runs=2, backend=backend)
    got = simulate(NET, X, device=silent(), output_bits="ideal", input_range=(-1.0, 1.5), **options)
    wanted = simulate(NET, rounded, **options)
    assert np.allclose(got.outputs, wanted.outputs, atol=1e-6)
    assert np.abs(got.outputs - simulate(NET, X, **options).outputs).max() > 0.01


def test_what_is_read_are_levels_of_the_states():
    plain = simulate(NET, X, seed=3, runs=2, observe=[0.1, 0.2])
    got = simulate(
        NET, X, seed=3, runs=2, observe=[0.1, 0.2], device=silent(), input_bits="ideal", output_range=(-2, 2)
    )
    lines = output_lines(silent().output_converter, (-2, 2), 0, np.arange(2))
    assert np.allclose(got.outputs, lines.rounded(plain.outputs), atol=1e-6)
    assert np.array_equal(got.heat, plain.heat)  # the read-out leaves the run alone
    assert np.unique(got.outputs).size <= 16


def test_offsets_are_a_device_s_and_noise_a_run_s():
    quiet, options = device(noise=1e-9), dict(kT=0.0, **RANGES)

    def run(**changes):
        return simulate(NET, X, **{"device": quiet, **options, **changes}).outputs

    assert np.array_equal(run(device_seed=4), run(device_seed=4, seed=9))
    assert not np.array_equal(run(device_seed=4), run(device_seed=5))
    noisy = device(offset=0.0)
    assert np.array_equal(run(device=noisy), run(device=noisy, device_seed=7))
    assert not np.array_equal(run(device=noisy), run(device=noisy, seed=9))
    # inputs are converted once for all runs of a sample, the read-out after each
    both = run(device=noisy, runs=3)[0]
    inputs_only = run(device=noisy, runs=3, output_bits="ideal")[0]
    assert np.ptp(inputs_only, axis=1).max() < 1e-6
    assert np.ptp(both, axis=1).max() > 0.1


def test_a_batch_may_be_split():
    whole = simulate(NET, X, runs=2, device=device(), seed=1, **RANGES)
    part = simulate(NET, X[4:], runs=2, device=device(), seed=1, first_trajectory=8, **RANGES)
    assert np.array_equal(whole.outputs[:, 4:], part.outputs)


def test_normals_of_lines_are_those_of_the_generator():
    out = np.empty((3, 6), np.float32)
    line_normals(out, np.uint64(11), np.uint64(100), 5, 7, STREAM_READ)
    wanted = normals_numpy(11, np.array([100, 105, 110]), 7, 6, STREAM_READ).T
    assert np.allclose(out, wanted, atol=2e-6)
    line_normals(out, np.uint64(11), np.uint64(100), 5, 7, STREAM_INPUTS)
    assert not np.allclose(out, wanted, atol=0.1)


def test_a_result_tells_what_clipped():
    got = simulate(NET, X, device=silent(), seed=3, input_range=(-0.5, 0.5), output_range=(-9, 9))
    first, last = got.conversions
    u, half = encode(NET, X), 0.5 / 15
    assert (first.side, first.bits, first.lo, first.hi, first.given) == ("input", 4, -0.5, 0.5, True)
    assert first.clipped == pytest.approx(np.mean(np.abs(u) > 0.5 + half)) and first.clipped > 0.1
    assert (last.side, last.clipped) == ("output", 0.0)
    own = simulate(NET, X, device=silent(), seed=3)
    assert own.conversions[0].lo == u.min() and not own.conversions[0].given
    assert simulate(NET, X, seed=3).conversions == ()
    assert simulate(NET, device=device(), seed=3).conversions[0].side == "output"  # no data, nothing to drive


def test_evaluate_finds_ranges_on_the_training_split():
    rng = np.random.default_rng(0)
    data = [rng.normal(0, s, (n, 5)).astype(np.float32) for s, n in ((1.0, 300), (1.0, 10), (5.0, 40))]
    labels = [rng.integers(0, 2, x.shape[0]) for x in data]
    columns = [v for pair in zip(data, labels, strict=True) for v in pair]
    dataset = Dataset("toy", *columns, n_classes=2, labels=("0", "1"))
    _, got = evaluate(NET, dataset, device=silent(), seed=2)
    first, last = got.conversions
    assert (first.lo, first.hi) == input_range(encode(NET, data[0]))
    assert first.given and first.clipped > 0.2  # test data are five times as wide
    run = simulate(
        NET,
        data[0][:CALIBRATION],
        device=silent(),
        output_bits="ideal",
        seed=2,
        input_range=(first.lo, first.hi),
    )
    # other noise: a 0.5 % quantile of 512 normals is off by 0.2 standard deviations rms, which are 0.5
    assert (last.lo, last.hi) == pytest.approx(output_range(run.outputs), abs=3 * 0.2 * 0.5)
    _, told = evaluate(NET, dataset, device=silent(), seed=2, **RANGES)
    assert (told.conversions[1].lo, told.conversions[1].hi) == RANGES["output_range"]


def test_ranges_of_values():
    assert input_range(np.array([0.2, -0.5, 3.0])) == (-0.5, 3.0)
    assert input_range(np.full(4, 0.25)) == (-0.25, 0.75)
    lo, hi = output_range(np.arange(1001.0))
    assert (lo, hi) == pytest.approx((5.0, 995.0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(input_bits=4), "input_bits = 4 is the resolution of a device's converters: give a device"),
        (dict(device="rc-1fF", output_bits=0), "output_bits must be a whole number from 1 to 24 or 'ideal'"),
        (dict(device="tpu"), "no device 'tpu'; choose one of"),
        (dict(device="rc-1fF", input_range=(1.0, 1.0)), "range must rise from lo to hi"),
    ],
)
def test_what_is_asked_for_is_checked(options, message):
    with pytest.raises(ThermocError, match=message):
        simulate(NET, X, **options)
