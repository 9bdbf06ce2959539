"""Converters between numbers and volts: what they do to a value, and what a conversion costs.

A converter has 2^bits levels, end points included, over its range, so that one step (LSB) is
range / (2^bits - 1). Its levels are off by a noise, drawn for every conversion, and by an offset, drawn
for every line of every device. Both are given in steps.

Energy of a conversion (derived, but for Walden's figure), volts V_fs at full scale, N bits, step
q = V_fs / (2^N - 1), noise of `noise` steps rms:

    walden = w 2^N                                    R. H. Walden, IEEE JSAC 17, 539 (1999)
    floor  = 8 kT SNR,  SNR = (V_fs^2 / 8) / (q^2 / 12 + (noise q)^2)
                        of a sampled circuit that swings from rail to rail (B. Murmann, CICC 2008)
    buffer = V_DD C (n V_T ln 2^N + V_fs),  C = max(line, kT / (noise q)^2),  V_T = kT / e
    energy = max(walden, floor) max(1, rate / corner) + buffer

Walden's figure and the floor do not know the signal's volts: they are of a converter whose input fills
its supply. The buffer makes up for that, a preamplifier before an ADC or the driver behind a DAC. A
voltage that is held, or sampled, on C carries the noise kT / C, so noise q asks for C = kT / (noise q)^2.
A class-A transconductor g that settles C to half a step in the time T has g = C ln(2^N) / T, and in weak
inversion draws g n V_T: over T that is the energy above, whatever T is. The second term is the charge of
a full swing. A driver that is never sampled but averaged by a cell over a time t costs the same up to the
logarithm: its noise 2 kT / (g t) must be (noise q)^2, and g n V_T V_DD t is 2 V_DD n V_T kT / (noise q)^2.

With the noise of the rounding itself, 1 / sqrt(12) steps, 8 bits over 6 v0 at 0.8 V and n = 1 take
1.2 pJ and 11 pF at v0 = 2.9 mV (1 fF) and 1.2 nJ and 11 nF at 91 uV (1 pF): signals a thousand times
weaker in power, a thousand times the energy. `slope` n = 1.3 makes it 1.6 pJ.

Left out: the buffer's own input capacitance, g / (2 pi f_T), which loads the cell that it reads (5 fF for
11 pF in 20 ns at 100 GHz, more than a cell of 1 fF), and its noise beyond kT / C.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from hw_models.constants import ROOM, thermal_energy, thermal_voltage
from hw_models.errors import HardwareError
from hw_models.frozen import Frozen
from hw_models.normals import make_key, standard_normals
from hw_models.source import Quantity, check_figures, chosen, figures_of

MAX_BITS = 24
ROUNDING = 1.0 / math.sqrt(12.0)
"""Standard deviation in steps of a value rounded to the nearest level."""

_INPUT, _OUTPUT = 16, 17  # streams, beside those of hw_models.imperfect


@dataclass(frozen=True, slots=True)
class Converter:
    """One kind of converter, a DAC at inputs or an ADC at outputs.

    bits : resolution; noise : steps rms, one draw a conversion; offset : steps rms, one draw a line
    walden : J a level (figure of merit); corner : Hz, conversions a second above which energy rises
    cycle : s a bit; a conversion takes bits of them
    wire : F of the line, for every column that it crosses; supply : V; slope : n of weak inversion
    stated : J a conversion as its makers state it, in place of the law; None: the law

    Raises HardwareError for a figure out of its range.
    """

    UNITS: ClassVar[Mapping[str, str]] = Frozen(
        {
            "bits": "bit",
            "noise": "step",
            "offset": "step",
            "walden": "J/level",
            "corner": "Hz",
            "cycle": "s/bit",
            "wire": "F/column",
            "supply": "V",
            "slope": "V/V",
            "stated": "J",
        }
    )

    name: str
    bits: Quantity
    noise: Quantity
    offset: Quantity
    walden: Quantity
    corner: Quantity
    cycle: Quantity
    wire: Quantity
    supply: Quantity
    slope: Quantity
    stated: Quantity | None = None

    def __post_init__(self) -> None:
        check_figures(self, ("noise", "corner", "supply", "slope"))
        n = self.bits.value
        if n != int(n) or not 1 <= n <= MAX_BITS:
            raise HardwareError(f"{self.name}: bits must be a whole number from 1 to {MAX_BITS}, got {n:g}")

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    @property
    def levels(self) -> int:
        """2^bits"""
        return int(2 ** int(self.bits.value))

    @property
    def time(self) -> float:
        """s, of one conversion."""
        return self.bits.value * self.cycle.value

    def step(self, full_scale: float) -> float:
        """One step of a range, in its unit."""
        return full_scale / (self.levels - 1)

    def capacitance(self, volts: float, *, columns: int = 1, ambient: float = ROOM) -> float:
        """F that is driven or sampled: the line, or what the noise asks for."""
        noise = self.noise.value * self.step(volts)
        return max(columns * self.wire.value, thermal_energy(ambient) / noise**2)

    def energy(
        self, volts: float, *, columns: int = 1, rate: float | None = None, ambient: float = ROOM
    ) -> float:
        """J of one conversion of a signal of `volts` at full scale, see the module's text.

        columns : how many a line crosses; ambient : K
        rate : conversions a second, None: fewer than the corner

        Raises HardwareError unless volts is above 0.
        """
        if not (volts > 0 and math.isfinite(volts)):
            raise HardwareError(f"{self.name}: a signal must have more than 0 V at full scale, got {volts:g}")
        if self.stated is not None:
            return self.stated.value
        kT, full = thermal_energy(ambient), self.levels - 1
        snr = (full**2 / 8.0) / (ROUNDING**2 + self.noise.value**2)
        speed = 1.0 if rate is None else max(1.0, rate / self.corner.value)
        core = max(self.walden.value * self.levels, 8.0 * kT * snr) * speed
        settling = self.slope.value * thermal_voltage(ambient) * math.log(self.levels)
        c = self.capacitance(volts, columns=columns, ambient=ambient)
        return core + self.supply.value * c * (settling + volts)

    def with_bits(self, bits: int) -> Converter:
        """The same converter of another resolution, its noise and offset the same in steps.

        Raises HardwareError for a resolution that there is not.
        """
        return replace(self, bits=chosen(bits, "bit", "as asked for"))


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """The converters of one device's lines over their range, as arrays.

    lo, step : end of the range and step, in the unit of the values; levels : their number
    noise : standard deviation of a conversion, in the unit of the values
    offset : (n_lines,) what each line is off by, in the unit of the values
    """

    lo: float
    step: float
    levels: int
    noise: float
    offset: np.ndarray

    @property
    def hi(self) -> float:
        return self.lo + (self.levels - 1) * self.step

    def rounded(self, values: np.ndarray) -> np.ndarray:
        """The nearest levels, the outermost ones beyond the range; float64."""
        code = np.rint((values - self.lo) / self.step)
        return np.asarray(self.lo + self.step * np.clip(code, 0, self.levels - 1))

    def driven(self, values: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """What DACs make of numbers (..., n_lines): a level, off by the line's offset and by noise.

        normals : of the same shape, independent standard normals
        """
        return self.rounded(values) + (self.offset + self.noise * normals)

    def read(self, values: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """What ADCs make of states (..., n_lines), the level nearest to state, offset and noise."""
        return self.rounded(values + (self.offset + self.noise * normals))

    def clipped(self, values: np.ndarray) -> float:
        """Share of the values beyond the range by more than half a step, which rounding would not mend."""
        half = 0.5 * self.step
        return float(np.mean((values < self.lo - half) | (values > self.hi + half)))


def input_lines(converter: Converter, span: tuple[float, float], seed: int, cells: Any) -> Lines:
    """DACs of device `seed` that drive these input cells over `span` (lo, hi), in units of x."""
    return _lines(converter, span, seed, cells, _INPUT)


def output_lines(converter: Converter, span: tuple[float, float], seed: int, cells: Any) -> Lines:
    """ADCs of device `seed` that read these cells over `span` (lo, hi), in units of x."""
    return _lines(converter, span, seed, cells, _OUTPUT)


def _lines(converter: Converter, span: tuple[float, float], seed: int, cells: Any, stream: int) -> Lines:
    lo, hi = float(span[0]), float(span[1])
    if not (math.isfinite(lo) and math.isfinite(hi) and lo < hi):
        raise HardwareError(f"{converter.name}: a range must rise from lo to hi, got {lo:g} to {hi:g}")
    if seed < 0:
        raise HardwareError(f"device seed must be a whole number >= 0, got {seed}")
    step = converter.step(hi - lo)
    # the number 0 beside a line's is kept free for a second draw of the same line
    xi = standard_normals(make_key(seed, stream), np.asarray(cells), 0)
    return Lines(lo, step, converter.levels, converter.noise.value * step, converter.offset.value * step * xi)


IDEAL = "ideal"
"""In place of a number of bits: converters that are exact and free."""


def with_resolution(converter: Converter | None, bits: int | str | None, what: str) -> Converter | None:
    """A converter of other bits; "ideal" is none, None leaves it as it is.

    what : "input_bits" or "output_bits", for messages

    Raises HardwareError for a resolution that there is not, or of converters that are ideal already.
    """
    if bits is None:
        return converter
    if bits == IDEAL:
        return None
    number = int(bits) if isinstance(bits, str) and bits.isdecimal() else bits
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_BITS:
        flag = f"--{what.replace('_', '-')}"
        raise HardwareError(
            f"{what} must be a whole number from 1 to {MAX_BITS} or {IDEAL!r}, got {bits!r}: give {flag} 8"
        )
    if converter is None:
        raise HardwareError(
            f"{what} = {number}, but the device's converters are ideal: choose a device that has them"
        )
    return converter.with_bits(number)
