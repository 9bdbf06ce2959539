"""Fewest bits: a toy whose answer follows from its levels, and what is reported of it."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import ThermocError
from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase, ReadOut, Role
from hw_models.device import Device
from hw_models.presets import DEVICES, chosen_device
from hw_models.source import Quantity, Source
from thermo.data import Dataset
from thermo.energy.fewest_bits import Loss, _loss, fewest_bits
from thermo.energy.inference import estimate_langevin
from thermo.energy.run import estimate
from thermo.evaluate import evaluate
from thermo.report.estimate import estimate_tables

SIGNALS = 8  # values 0 to 7; every decision is the parity of one


def parity_machine():
    """Two outputs, each driven by an input: x rests at u, as J2 = 1/2, W = 1 and kT = 0."""
    w = np.zeros((4, 4))
    w[2, 0] = w[3, 1] = 1.0
    return LangevinNetlist(
        cells=Cells.make(4, j2=0.5, role=[Role.INPUT] * 2 + [Role.OUTPUT] * 2),
        couplings=(Couplings.from_dense(CouplingKind.LINEAR, w),),
        kT=0.0,
        mobility=1.0,
        schedule=(Phase("relax", 30.0),),
        readout=ReadOut(np.array([2, 3], np.int32), "relax", labels=("0", "1")),
        dt=0.1,
    )


def neighbours():
    """Pairs of values one apart, the class being the larger one: told apart by steps of one or less."""
    low = np.arange(SIGNALS - 1, dtype=np.float32)
    x = np.concatenate([np.stack([low, low + 1], 1), np.stack([low + 1, low], 1)])
    y = np.repeat([1, 0], SIGNALS - 1)
    return Dataset("pairs", x, y, x, y, x, y, n_classes=2, labels=("0", "1"))


def quiet(device: Device):
    """Converters of next to no noise and no offset."""
    source = Source("assumed", "a test")
    sides = {
        side: replace(
            getattr(device, side), noise=Quantity(1e-6, "step", source), offset=Quantity(0.0, "step", source)
        )
        for side in ("input_converter", "output_converter")
    }
    return replace(device, **sides)


def options(**changes):
    return {"runs": 1, "seed": 0, "input_range": (0.0, 7.0), "output_range": (0.0, 7.0)} | changes


def bits_price(there):
    """The sum of all bits."""
    return there.input_converter.bits.value + there.output_converter.bits.value


def test_values_one_apart_want_steps_of_one():
    """8 levels over 0 to 7 are 3 bits, exactly; 2 bits make some neighbours alike, which argmax loses."""
    device = quiet(chosen_device("rc-1fF", "ideal"))
    got = fewest_bits(parity_machine(), neighbours(), device, bits_price, options=options())
    assert (got.input_bits, got.output_bits) == (3, 3)
    assert (got.ideal, got.loss, got.own_loss) == (1.0, Loss(0.0, 0.0), Loss(0.0, 0.0))
    assert (got.own_input_bits, got.own_output_bits, got.samples) == (8, 8, 14)
    # a tolerance of half of the decisions is content with less
    lax = fewest_bits(parity_machine(), neighbours(), device, bits_price, tolerance=0.3, options=options())
    assert lax.input_bits + lax.output_bits < 6 and 0 < lax.loss.mean <= 0.3
    # what is dear is spared: where an input bit costs ten, values are told apart by noise of none else
    with pytest.raises(ThermocError, match="no converters of up to 8 bits keep the accuracy"):
        far = options(output_range=(0.0, 1e5))
        fewest_bits(parity_machine(), neighbours(), device, bits_price, options=far)


def test_a_pair_of_resolutions_is_the_simulation_of_that_device():
    """States read by ADCs afterwards are those that a run on the device reads."""
    net, data = parity_machine().with_(kT=0.02), neighbours()
    own = DEVICES.get("rc-1fF")
    got = fewest_bits(net, data, own, bits_price, tolerance=1.0, options=options())
    assert (got.input_bits, got.output_bits) == (1, 1)
    rights = []
    for d in range(got.draws):
        run = options(seed=d, device_seed=d, heat=False)
        pair = [
            evaluate(net, data, "valid", device=chosen_device(own, input_bits=i, output_bits=o), **run)[
                0
            ].accuracy
            for i, o in (("ideal", "ideal"), (1, 1), (8, 8))
        ]
        rights.append(pair)
    ideal, one, eight = np.mean(rights, axis=0)
    assert got.ideal == pytest.approx(ideal)
    assert got.loss.mean == pytest.approx(ideal - one)
    assert got.own_loss.mean == pytest.approx(ideal - eight)
    assert got.loss.mean > 0.1


def test_the_error_of_a_loss():
    """Independent decisions of loss rate p: sqrt(p (1 - p) / n), counted at most twice in the variance."""
    rng = np.random.default_rng(2)
    errors = [_loss((rng.random((20, 100)) < 0.1).astype(float)).sem for _ in range(200)]
    exact = np.sqrt(0.1 * 0.9 / 2000)
    assert np.mean(errors) == pytest.approx(np.sqrt(2) * exact, rel=0.05)
    # where draws are alike and samples differ, it is the samples' error, whatever the number of draws
    alike = np.tile(np.arange(100) < 10, (20, 1)).astype(float)
    assert _loss(alike).sem == pytest.approx(np.sqrt(0.09 / 99), rel=1e-9)


def test_an_estimate_with_the_fewest_bits():
    own = quiet(chosen_device("rc-1fF", "ideal"))
    got = estimate_langevin(parity_machine(), neighbours(), own, (), fewest_bits=True)
    found = got.fewest_bits
    assert (got.device.input_converter.bits.value, got.device.output_converter.bits.value) == (
        found.input_bits,
        found.output_bits,
    )
    assert [c.bits for c in got.conversions] == [found.input_bits, found.output_bits]
    before, after = got.asked.price(own), got.energy
    assert after.total < before.total and after.seconds < before.seconds
    told = got.to_dict()
    assert told["fewest_bits"]["energy_before_J"]["total"] == before.total
    table = estimate_tables(got)[1]
    assert table.rows[0][:3] == ("its own", "8", "8") and table.rows[1][0] == "fewest"
    assert "14 validation samples" in table.caption
    assert "undecided" not in table.caption
    unsure = replace(got, fewest_bits=replace(found, loss=Loss(0.0, 2 * found.tolerance)))
    assert "undecided, as the error is above what may be lost" in estimate_tables(unsure)[1].caption
    assert "fewest_bits" not in estimate_langevin(parity_machine(), neighbours(), own, ()).to_dict()


def test_where_there_is_nothing_to_find():
    with pytest.raises(ThermocError, match="ideal converters, which have no bits to be found"):
        estimate(
            parity_machine(),
            neighbours(),
            device="rc-1fF",
            input_bits="ideal",
            fewest_bits=True,
            baselines=(),
        )
