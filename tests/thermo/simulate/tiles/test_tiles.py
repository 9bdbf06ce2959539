"""Networks on tiles: ideal they are the network; devices are the one law's; converters and wires act."""

from dataclasses import replace

import numpy as np
import pytest
from toys.trained import digits, digits_cnn, digits_mlp

import compiler
from compiler.errors import UnsupportedError
from compiler.families.tiled import network_of, on_tiles
from compiler.ir.tiles import Layout
from hw_models.crossbar import crossbar_target
from hw_models.errors import HardwareError
from hw_models.imperfect import Imperfections, compensation, factors, written
from hw_models.ir_drop import Wires
from hw_models.laws.sets import LAW_SETS
from hw_models.presets import CROSSBARS
from thermo.data import DataError
from thermo.evaluate import evaluate
from thermo.simulate import simulate
from thermo.simulate.errors import SimulationError
from thermo.simulate.tiles.written import Wiring, written_layers

EXACT = {"device": "tile-ideal", "input_bits": "ideal", "output_bits": "ideal", "ir_drop": "none"}


def model(name):
    return digits_mlp() if name == "mlp" else digits_cnn()


def quiet():
    """tile-ideal without heat: a read of 1e9 s."""
    device = CROSSBARS.get("tile-ideal")
    return replace(device, read_time=replace(device.read_time, value=1e9, low=None, high=None))


@pytest.mark.parametrize("name", ["mlp", "cnn"])
@pytest.mark.parametrize("unrolled", [False, True])
def test_ideal_tiles_decide_as_the_network(name, unrolled):
    data = digits()
    x = data.x_test[:256]  # ranges are found on these: nothing clips
    wanted = model(name).answers(x)
    for layout in (Layout(), Layout(16, 8), Layout(64, 64, 3, 8)):
        netlist = on_tiles(model(name), layout, unrolled=unrolled)
        exact = simulate(netlist, x)
        sliced = layout.slices > 1  # to 24 bits
        np.testing.assert_allclose(exact.answers(), wanted, atol=1e-5 if sliced else 1e-12)
        assert np.array_equal(exact.predictions(), wanted.argmax(axis=1))
        # enough bits, no wires
        fine = {"device": quiet(), "ir_drop": "none", "input_bits": 24, "output_bits": 24}
        converted = simulate(netlist, x, **fine)
        assert np.array_equal(converted.predictions(), wanted.argmax(axis=1))
    coarse = simulate(netlist, x, **{**fine, "output_bits": 2})
    assert not np.array_equal(coarse.predictions(), wanted.argmax(axis=1))
    assert np.mean(wanted.argmax(axis=1) == data.y_test[:256]) > 0.85


LAW = Imperfections(mismatch=0.1, asymmetry=0.1, bits=6, laws=LAW_SETS.get("pcm"), at=3600.0)


@pytest.mark.parametrize("laws", [(), LAW_SETS.get("pcm"), LAW_SETS.get("reram-hfo2")])
def test_devices_are_those_of_the_one_law(laws):
    """The difference of a pair, scaled, is the coupling that every other simulator of the law finds."""
    mlp, law = digits_mlp(), replace(LAW, laws=laws)
    netlist = on_tiles(mlp, Layout(16, 16))
    for seed in (3, 4):
        layers = written_layers(netlist, law, seed)
        starts = np.cumsum([0, *mlp.sizes])
        for k, (layer, w) in enumerate(zip(layers, mlp.weights, strict=True)):
            driven = (starts[k + 1] + np.arange(w.shape[0]))[:, None]
            driving = starts[k] + np.arange(w.shape[1])
            theirs = written([w], [(driven, driving)], law, seed)[0] * factors(law, seed, driven, driving)
            ours = layer.gain * layer.effective[0, 0]
            # compensation of drift: theirs sums couplings before mismatch, ours as they are read
            scale = float((ours * theirs).sum() / (theirs**2).sum())
            assert scale == pytest.approx(1, abs=0.02)
            if laws != LAW_SETS.get("pcm"):
                assert scale == pytest.approx(1, abs=1e-6)
            np.testing.assert_allclose(ours, scale * theirs, atol=2e-6)
    other = layers[0].gain * layers[0].effective[0, 0]
    assert np.abs(written_layers(netlist, law, 3)[0].effective[0, 0] * layers[0].gain - other).max() > 1e-2
    assert compensation(replace(law, laws=()), [], [], 0) == 1.0


def test_slices_and_copies_have_devices_of_their_own():
    law = Imperfections(mismatch=0.1)
    sliced = written_layers(on_tiles(digits_mlp(), Layout(slices=2, slice_bits=3)), law, 0)[0]
    ideal = written_layers(on_tiles(digits_mlp(), Layout(slices=2, slice_bits=3)), Imperfections(), 0)[0]
    draws = [
        sliced.effective[0, k] / np.where(ideal.effective[0, k] == 0, np.nan, ideal.effective[0, k])
        for k in (0, 1)
    ]
    both = np.isfinite(draws[0]) & np.isfinite(draws[1])
    assert both.sum() > 200 and abs(np.corrcoef(draws[0][both], draws[1][both])[0, 1]) < 4 / np.sqrt(
        both.sum()
    )
    unrolled = written_layers(on_tiles(digits_cnn(), Layout(), unrolled=True), law, 0)[0].effective
    assert unrolled.shape[0] == 64 and len(np.unique(unrolled[:, 0, 0, 0])) == 64


def test_wires_act_tile_by_tile():
    """By hand: a tile's matrix is what hw_models.ir_drop says of its interleaved pairs."""
    from hw_models.ir_drop import transfer

    netlist, wires = on_tiles(digits_mlp(), Layout(16, 8)), Wires(2.0, 3.0, 50.0, 20.0)
    plain = written_layers(netlist, Imperfections(), 0)[0].effective[0, 0]
    seen = written_layers(netlist, Imperfections(), 0, Wiring(wires, 25e-6))[0].effective[0, 0]
    part = plain[4:8, 16:32].T
    pairs = np.stack([np.maximum(part, 0), np.maximum(-part, 0)], axis=2).reshape(16, 8)
    t = transfer(25e-6 * pairs, wires) / 25e-6
    np.testing.assert_allclose(seen[4:8, 16:32], (t[:, 0::2] - t[:, 1::2]).T, rtol=1e-12)
    assert np.abs(seen - plain).max() > 1e-3
    fast = written_layers(netlist, Imperfections(), 0, Wiring(wires, 25e-6, "fast"))[0].effective[0, 0]
    assert np.abs(fast - seen).max() < 0.01 * np.abs(seen - plain).max()


def test_larger_tiles_lose_more_to_their_wires():
    data = digits()
    errors = []
    for size in (16, 64):
        netlist = on_tiles(digits_mlp(), Layout(size, size))
        exact = simulate(netlist, data.x_test[:100], **EXACT, seed=1).answers()
        worn = simulate(
            netlist, data.x_test[:100], **{**EXACT, "ir_drop": "exact"}, wire=10.0, seed=1
        ).answers()
        errors.append(np.abs(worn - exact).max())
    assert errors[1] > 1.5 * errors[0]


def test_heat_of_a_read_is_that_of_its_conductances():
    """Deviation of a column's current, many reads: sqrt(4 kT G (1 + amplifier) / (2 t))."""
    device = CROSSBARS.get("tile-ideal")
    netlist = on_tiles(digits_mlp(), Layout())
    row = np.repeat(digits().x_test[:1], 4000, axis=0)
    made = written_layers(netlist, Imperfections(), 0)[0]
    run = simulate(netlist, row, **EXACT, seed=2)
    u = netlist.network.encoded(row[:1]).ravel()
    full = max(abs(min(u.min(), 0)), max(u.max(), 0))
    on, volts = device.conductance.value, device.voltage.value
    column = device.noise(on * made.column_load[0, 0, 0]) * full / (volts * on)
    # of the hidden layer; of the outputs add what it shows times their weights
    w = digits_mlp().weights
    h = made.gain * (made.effective[0, 0] @ u) + digits_mlp().biases[0]
    second = written_layers(netlist, Imperfections(), 0)[1]
    top = np.maximum(h, 0).max()
    own = second.gain * device.noise(on * second.column_load[0, 0, 0]) * top / (volts * on)
    expected = np.sqrt(((w[1] * (h > 0)) ** 2) @ (made.gain * column) ** 2 + own**2)
    measured = run.answers().std(axis=0)
    # 4000 draws tell a deviation to 1.1 %: five of these; near a ReLU's kink the noise is less than linear
    np.testing.assert_allclose(measured, expected, rtol=0.06)
    again = simulate(netlist, row[:100], **EXACT, seed=2, batch=7).answers()
    np.testing.assert_array_equal(again, simulate(netlist, row[:100], **EXACT, seed=2).answers())


def test_drift_is_made_up_for():
    """A year: without compensation the outputs shrink, with it their sum of sizes stays."""
    netlist, x = on_tiles(digits_mlp(), Layout()), digits().x_train[:200]
    sizes = {}
    for device in ("pcm-tile", "pcm-tile-drifting"):
        for at in ("25s", "1y"):
            layer = written_layers(netlist, replace(CROSSBARS.get(device).imperfections, at=at), 0)[0]
            sizes[device, at] = layer.gain * np.abs(layer.effective).sum()
    shrunk = sizes["pcm-tile-drifting", "1y"] / sizes["pcm-tile-drifting", "25s"]
    assert 0.3 < shrunk < 0.7
    assert sizes["pcm-tile", "1y"] / sizes["pcm-tile", "25s"] == pytest.approx(1, abs=0.02)
    assert not np.array_equal(
        simulate(netlist, x, device="pcm-tile", at="1h").answers(),
        simulate(netlist, x, device="pcm-tile", at="1d").answers(),
    )


def test_ranges_of_a_device_in_its_youth_are_too_wide_when_it_has_drifted():
    """Currents of a year-old device take half of the range; its levels are as many fewer."""
    netlist, x = on_tiles(digits_mlp(), Layout()), digits().x_train[:200]
    common = {"device": "pcm-tile-drifting", "at": "1y", "output_bits": 5, "ir_drop": "none"}
    spans = []
    for at in (None, "25s"):
        layer = simulate(netlist, x, **common, ranges_at=at).conversions[1]
        spans.append(layer.hi - layer.lo)
    assert 1.5 < spans[1] / spans[0] < 3
    same = [simulate(netlist, x, **common, ranges_at=at).answers() for at in (None, "1y", "25s")]
    np.testing.assert_array_equal(same[0], same[1])
    assert not np.array_equal(same[0], same[2])


def test_scaled_inputs_change_nothing_but_rounding():
    netlist, x = on_tiles(digits_cnn(), Layout()), digits().x_test[:200]
    exact = simulate(netlist, x).answers()
    np.testing.assert_allclose(simulate(netlist, x, scale_inputs=True).answers(), exact, atol=1e-12)
    # a small sample among large ones keeps its levels
    mixed = np.concatenate([x[:1] / 64, x[1:]])
    errors = []
    for scaled in (False, True):
        run = simulate(
            netlist, mixed, device=quiet(), input_bits=4, output_bits=24, ir_drop="none", scale_inputs=scaled
        )
        biases = simulate(netlist, mixed).answers()
        errors.append(np.abs(run.answers()[0] - biases[0]).max())
    assert errors[1] < errors[0] / 3


def test_labels_are_followed():
    """Classes that the network names in another order are told by their names."""
    data, cnn = digits(), digits_cnn()
    turned = np.arange(10)[::-1]
    network = network_of(cnn)
    *front, last = network.layers
    dense = replace(last, weight=last.weight[turned], bias=last.bias[turned])
    other = replace(network, layers=(*front, dense), labels=tuple(np.array(data.labels)[turned]))
    both = [evaluate(on_tiles(n, Layout()), data)[0].accuracy for n in (network, other)]
    assert both[0] == both[1] > 0.85
    silent = replace(other, labels=())
    assert evaluate(on_tiles(silent, Layout()), data)[0].accuracy < 0.3


def test_compile_lays_out():
    netlist = compiler.compile(digits_mlp(), target=crossbar_target("crossbar-32x16"), slices=2, slice_bits=4)
    assert netlist.layout == Layout(32, 16, 2, 4)
    assert compiler.compile(netlist, target=crossbar_target("crossbar-8")).layout == Layout(8, 8)
    assert crossbar_target("king-4") is None
    with pytest.raises(HardwareError, match="as in crossbar-64 or crossbar-128x64"):
        crossbar_target("crossbar-1")


NETLIST = on_tiles(digits_mlp(), Layout(16, 16))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: simulate(NETLIST), SimulationError, "give data"),
        (lambda x: simulate(NETLIST, x[:, :3]), SimulationError, r"\(n_samples, 64\)"),
        (lambda x: simulate(NETLIST, x * np.nan), SimulationError, "finite numbers"),
        (lambda x: simulate(NETLIST, x, wire=2.0), SimulationError, "belong to a device"),
        (lambda x: simulate(NETLIST, x, device="rc-1fF"), HardwareError, "no crossbar device 'rc-1fF'"),
        (lambda x: simulate(NETLIST, x, device="pcm-tile", wire=-1.0), HardwareError, ">= 0 ohm, got -1"),
        (
            lambda x: simulate(NETLIST, x, device="pcm-tile", ir_drop="slow"),
            SimulationError,
            "--ir-drop fast",
        ),
        (lambda x: simulate(NETLIST, x, device="tile-ideal", at="1h"), HardwareError, "no laws"),
        (lambda x: simulate(NETLIST, x, runs=3), UnsupportedError, "does not apply to a network on tiles"),
        (lambda x: evaluate(NETLIST, replace(digits(), n_classes=9)), DataError, "has 9 classes"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call(digits().x_test[:5])
