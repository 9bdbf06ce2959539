"""The price of tiles: by hand, what moves it, and its place in a comparison."""

from dataclasses import replace

import numpy as np
import pytest
from toys.trained import digits, digits_cnn, digits_mlp

from compiler.families.tiled import on_tiles
from compiler.ir.tiles import Layout
from hw_models.crossbar import read_seconds
from hw_models.imperfect import Imperfections
from hw_models.presets import CROSSBARS, chosen_crossbar
from thermo.cli.keys import expected
from thermo.energy import estimate
from thermo.energy.compare import compare
from thermo.energy.ledger import bill
from thermo.simulate.tiles.written import written_layers


def small():
    data = digits()
    return replace(data, x_test=data.x_test[:60], y_test=data.y_test[:60])


def test_physics_is_what_the_devices_dissipate():
    """V^2 G t summed over devices, by hand of the first layer's inputs and weights."""
    netlist, data = on_tiles(digits_mlp(), Layout(64, 64)), small()
    found = estimate(netlist, data, baselines=(), device="tile-ideal", input_bits="ideal", ir_drop="none")
    u = netlist.network.encoded(data.x_test).reshape(60, -1)
    seen = netlist.network.encoded(data.x_train[:256])
    full = max(-min(seen.min(), 0.0), seen.max())
    g = np.abs(digits_mlp().weights[0]).astype(float)
    g = 25e-6 * g / g.max()
    joules = 0.2**2 / full**2 * 100e-9 * (u**2 @ g.sum(axis=0)).mean()
    per = 0.2**2 * 25e-6 * 100e-9
    assert per * found.asked.activity[0] == pytest.approx(joules, rel=1e-6)
    assert found.energy.joules["physics"] == pytest.approx(per * sum(found.asked.activity), rel=1e-12)


def test_places_by_hand():
    netlist = on_tiles(digits_cnn(), Layout(16, 16, 2, 4))
    found = estimate(netlist, small(), baselines=(), device="pcm-tile", at="1h", ir_drop="fast")
    device, c = CROSSBARS.get("pcm-tile"), found.counts
    adc = device.output_converter
    each = adc.energy(0.8, ambient=300.0)
    assert found.energy.joules["output converters"] == pytest.approx(c["output_conversions"] * each)
    held = 100e-9 + adc.time * 4.5
    assert found.energy.joules["couplings"] == pytest.approx(c["output_conversions"] * 20e-6 * held)
    assert found.energy.seconds == pytest.approx((64 + 4 + 1) * read_seconds(device))
    # values made: 8 8 6, 4 4 6, 2 2 8, 10; activations of the convolutions, comparisons of 2 x 2 windows
    assert found.asked.values == 384 + 96 + 32 + 10
    assert found.asked.steps == c["sums"] + 384 + 32 + 4 * 96
    halved = estimate(
        netlist, small(), baselines=(), device="pcm-tile", at="1h", ir_drop="fast", output_bits=4
    )
    assert halved.energy.joules["output converters"] < found.energy.joules["output converters"]


def test_unrolled_tiles_are_faster_and_larger_at_the_same_conversions():
    runs = [
        estimate(on_tiles(digits_cnn(), Layout(64, 64), unrolled), small(), baselines=(), ir_drop="none")
        for unrolled in (False, True)
    ]
    shared, own = (r.energy for r in runs)
    assert own.seconds < shared.seconds / 10 and own.area_m2 > shared.area_m2
    for place in ("input converters", "output converters", "controller"):
        assert own.joules[place] == pytest.approx(shared.joules[place], rel=1e-12)


def test_figures_move_the_bill_and_compare_takes_tiles():
    data = small()
    netlist = on_tiles(digits_mlp(), Layout(64, 64))
    found = estimate(netlist, data, baselines=(), ir_drop="none")
    design = found.design
    drawn = bill(design)
    assert drawn.total.low < drawn.total.likely < drawn.total.high
    likely = design.likely
    name = f"{design.name.split(', ')[1]} voltage"
    twice = design.price({**likely, name: 2 * likely[name]}, None)
    assert twice.joules["physics"] == pytest.approx(4 * design.price(likely, None).joules["physics"])
    table = compare({"a": netlist}, data, devices=["tile-ideal", "pcm-tile"], digital=(), ir_drop="none")
    assert [row.design.name for row in table.rows] == ["a, tile-ideal", "a, pcm-tile"]
    stored = compare({"a": netlist}, data, digital=(), weights="sram", accuracy=0.5, ir_drop="none")
    assert not stored.rows and "tiles, pcm-tile" not in stored.left_out and stored.left_out


def test_json_has_what_the_page_says():
    found = estimate(on_tiles(digits_mlp(), Layout(64, 64)), small(), baselines=(), ir_drop="none").to_dict()
    always, known = expected("estimate, a network on tiles")
    assert always - {"manifest"} <= set(found) <= known
    assert found["device"]["name"] == "pcm-tile"
    assert found["energy_J"]["total"] == pytest.approx(
        sum(v for k, v in found["energy_J"].items() if k != "total")
    )


def test_a_files_device_is_used(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('kind = "tile"\nname = "mine"\nsummary = "mine"\nlike = "pcm-tile"\n')
    assert chosen_crossbar(path, wire=3.0).row.value == 3.0
    assert chosen_crossbar(str(path)).imperfections == CROSSBARS.get("pcm-tile").imperfections
    layer = written_layers(on_tiles(digits_mlp(), Layout()), Imperfections(), 0)[0]
    assert layer.load.shape == (1, 1, 64)
