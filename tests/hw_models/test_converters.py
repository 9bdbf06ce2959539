"""Converters: exact levels, offsets and noise, and the joules of a conversion."""

import math
from dataclasses import replace

import numpy as np
import pytest

from hw_models.converters import ROUNDING, Converter, input_lines, output_lines
from hw_models.errors import HardwareError
from hw_models.presets import DEVICES, chosen_device
from hw_models.source import Quantity, Source

ADC: Converter = DEVICES.get("rc-1fF").output_converter


def changed(**figures):
    return replace(
        ADC, **{k: Quantity(v, getattr(ADC, k).unit, Source("assumed", "a test")) for k, v in figures.items()}
    )


def silent(bits):
    """No offset and next to no noise."""
    return changed(bits=bits, noise=1e-12, offset=0.0)


def test_levels_by_hand():
    lines = output_lines(silent(2), (-1.0, 2.0), 0, np.arange(1))
    values = np.array([-9.0, -1.0, -0.51, -0.49, 0.49, 0.51, 1.49, 1.51, 2.0, 7.0])[:, None]
    wanted = [-1, -1, -1, 0, 0, 1, 1, 2, 2, 2]
    for got in (lines.rounded(values), lines.read(values, np.zeros((10, 1)))):
        assert got.ravel().tolist() == wanted
    assert (lines.lo, lines.hi, lines.step, lines.levels) == (-1.0, 2.0, 1.0, 4)
    assert lines.clipped(values) == pytest.approx(0.2)  # -9 and 7
    assert lines.clipped(np.array([-1.4, 2.4])) == 0  # within half a step: rounded, not clipped


@pytest.mark.parametrize("bits", [1, 3, 8, 16])
def test_a_ramp_has_every_level_once_and_never_falls(bits):
    lines = output_lines(silent(bits), (-0.3, 0.7), 0, np.arange(1))
    got = lines.rounded(np.linspace(-1, 1, 300_001))
    assert (np.diff(got) >= 0).all()
    assert np.unique(got).size == 2**bits
    inside = np.linspace(-0.3, 0.7, 9999)
    assert np.abs(lines.rounded(inside) - inside).max() <= 0.5 * lines.step * (1 + 1e-9)


def test_a_dac_is_off_behind_its_levels_and_an_adc_before_them():
    c = changed(bits=4, noise=0.2, offset=0.5)
    cells = np.arange(50)
    u, z = np.full((1, 50), 0.31), np.full((1, 50), 1.0)
    dac, adc = input_lines(c, (0, 1), 3, cells), output_lines(c, (0, 1), 3, cells)
    assert np.allclose(dac.driven(u, z), dac.rounded(u) + dac.offset + 0.2 / 15)
    assert np.unique(np.rint(adc.read(u, z) * 15) - adc.read(u, z) * 15).size and np.allclose(
        adc.read(u, z) * 15, np.rint(adc.read(u, z) * 15)
    )
    assert not np.allclose(dac.driven(u, z) * 15, np.rint(dac.driven(u, z) * 15))


def test_offsets_belong_to_a_device_and_a_line():
    c = changed(offset=0.5)
    a = input_lines(c, (0, 1), 7, np.arange(1000)).offset
    assert (a == input_lines(c, (0, 1), 7, np.arange(1000)).offset).all()
    # a line keeps its own, whichever lines are asked for beside it
    assert (a[[900, 3]] == input_lines(c, (0, 1), 7, np.array([900, 3])).offset).all()
    assert (a != input_lines(c, (0, 1), 8, np.arange(1000)).offset).all()
    assert (a != output_lines(c, (0, 1), 7, np.arange(1000)).offset).all()
    # 1000 normals: the standard deviation is off by 1 / sqrt(2000) rms, four of these are 9 %
    assert a.std() == pytest.approx(0.5 / 255, rel=4 / math.sqrt(2000))


def test_noise_has_its_variance():
    """Through an ADC of 12 bits noise of 3 steps is still a continuum (Sheppard: 1 / 12 comes on top)."""
    n, sigma = 20_000, 3.0
    z = np.random.default_rng(5).standard_normal((n, 1))
    lines = output_lines(changed(bits=12, noise=sigma, offset=0.0), (0, 1), 0, np.arange(1))
    got = (lines.read(np.full((n, 1), 0.5), z) / lines.step).var()
    tolerance = 4 * math.sqrt(2 / n)  # of a normal's sample variance
    wanted = sigma**2 + 1 / 12
    assert got == pytest.approx(wanted, rel=tolerance)
    # the twin that forgets that noise is in steps: half of it
    twin = output_lines(changed(bits=12, noise=sigma / 2, offset=0.0), (0, 1), 0, np.arange(1))
    broken = (twin.read(np.full((n, 1), 0.5), z) / twin.step).var()
    assert abs(broken - wanted) > 10 * tolerance * wanted


def test_energy_of_the_sheet():
    """Shared hardware notes, section 2: 8 bits over 6 v0, at n = 1: 1.2 pJ, 1.2 nJ, 11 pF."""
    for name, joules, farad in (("rc-1fF", 1.243e-12, 10.84e-12), ("rc-1pF", 1.243e-9, 10.84e-9)):
        volts = 6 * DEVICES.get(name).units(kT=1.0, mobility=1.0, j2=1.0).voltage
        c = changed(slope=1.0, walden=0.0)
        assert c.capacitance(volts) == pytest.approx(farad, rel=1e-3)
        # 8 kT SNR is 3 fJ for either; the charge of a full swing is V_fs / (V_T ln 256) more
        kT, settling = 4.142e-21, 0.025852 * math.log(256)
        floor = 8 * kT * 255**2 / 8 / (2 / 12)
        assert floor < 2e-15
        assert c.energy(volts) - floor == pytest.approx(joules * (1 + volts / settling), rel=1e-3)
        assert ADC.energy(volts) == pytest.approx(
            2.56e-12 + 0.8 * c.capacitance(volts) * (1.3 * settling + volts), rel=1e-3
        )


def test_energy_by_resolution_rate_and_volts():
    small, large = 1e-4, 1.0
    # where the buffer rules, energy rises as (2^N - 1)^2 ln 2^N and falls as 1 / volts^2
    c = changed(walden=0.0)
    ratio = c.with_bits(8).energy(small) / c.with_bits(4).energy(small)
    assert ratio == pytest.approx((255 / 15) ** 2 * 2, rel=0.01)
    assert c.energy(small) / c.energy(10 * small) == pytest.approx(100, rel=0.02)
    # where it does not, Walden's figure rules: doubling with every bit, whatever the volts
    assert ADC.with_bits(9).energy(large) / ADC.energy(large) == pytest.approx(2, rel=0.01)
    assert ADC.with_bits(4).energy(large, columns=1) == pytest.approx(0.16e-12, rel=0.01)
    # above the corner energy rises with the rate; a slow conversion costs no less
    assert ADC.energy(large, rate=1e9) / ADC.energy(large, rate=1e8) == pytest.approx(10, rel=0.01)
    assert ADC.energy(large, rate=1.0) == ADC.energy(large)
    # more noise than rounding's own saves joules, and the hot device asks for more
    assert changed(noise=2 * ROUNDING).energy(small) < 0.3 * ADC.energy(small)
    assert c.energy(small, ambient=400) / c.energy(small) == pytest.approx((4 / 3) ** 2, rel=0.01)


def test_a_line_of_64_columns():
    """38 fF, and they count where the noise does not ask for more."""
    assert ADC.capacitance(1.0, columns=64) == pytest.approx(38.4e-15)
    assert ADC.capacitance(17e-3, columns=64) == ADC.capacitance(17e-3) > 1e-12


def test_what_is_stated_stands():
    unit = DEVICES.get("rc-sampling-unit").output_converter
    assert unit.energy(1e-3) == unit.energy(1.0) == 1.692e-12
    assert unit.time == ADC.time == pytest.approx(20e-9)


def test_other_bits():
    got = chosen_device("rc-1fF", input_bits=3, output_bits="ideal")
    assert (got.input_converter.levels, got.output_converter) == (8, None)
    assert got.input_converter.time == pytest.approx(7.5e-9)
    assert "output converter bits" not in got.figures() and got.figures()["input converter bits"].value == 3
    own = DEVICES.get("rc-1fF")
    assert chosen_device(own) is own
    assert chosen_device(own, input_bits="3").input_converter == got.input_converter
    with pytest.raises(HardwareError, match="output_bits = 4, but the device's converters are ideal"):
        chosen_device(got, output_bits=4)
    for bad in (0, 25, "x", "-3", True, 2.0):
        with pytest.raises(HardwareError, match="input_bits must be a whole number from 1 to 24 or 'ideal'"):
            chosen_device(own, input_bits=bad)


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        (dict(bits=0), "bits must be a whole number from 1 to 24, got 0"),
        (dict(bits=2.5), "whole number"),
        (dict(bits=25), "1 to 24"),
        (dict(noise=0.0), "noise must be > 0"),
        (dict(offset=-1.0), "offset must be >= 0"),
        (dict(supply=0.0), "supply must be > 0"),
        (dict(walden=math.nan), "walden must be"),
    ],
)
def test_figures_are_checked(figures, message):
    with pytest.raises(HardwareError, match=message):
        changed(**figures)


def test_ranges_and_volts_are_checked():
    for span in ((1.0, 1.0), (2.0, 1.0), (0.0, math.inf)):
        with pytest.raises(HardwareError, match="range must rise from lo to hi"):
            input_lines(ADC, span, 0, np.arange(2))
    with pytest.raises(HardwareError, match="device seed"):
        input_lines(ADC, (0, 1), -1, np.arange(2))
    for volts in (0.0, -1.0, math.nan):
        with pytest.raises(HardwareError, match="more than 0 V"):
            ADC.energy(volts)
