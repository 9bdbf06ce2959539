"""How the couplings of an array of cells are made: noise, load, range, current and area of each.

On cells of resistance R (hw_models.rc) a coupling W_ij is a conductance G_ij = W_ij / (2 J2 R). Own
noise of a cell is a current of power spectral density 4 k_B T / R; a coupling adds noise 4 k_B T |G|,
so that the noise power of cell i, in units of its own, is

    1 + excess_i,   excess_i = noise sum_j |W_ij| / (2 J2)

A coupling that conducts makes the well of its cell stiffer by |W_ij|, and one that saturates shows
R tanh(x / R) of a state x. J2 is the one that sets the device's units (hw_models.device.Units).
A constant force h is a current source of I = |h| v_0 / (2 J2 R), v_0 the voltage of a unit of x, whose noise
is 4 k_B T s I: in units of the cell's own s |h| v_0 / (2 J2), whatever the schedule does.
Derived in docs/physics.md#couplings-as-circuits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from hw_models.constants import ROOM, thermal_voltage
from hw_models.frozen import Frozen
from hw_models.registry import Registry
from hw_models.source import Quantity, Source, check_figures, chosen, figures_of

SILENT = Quantity(0.0, "1/V", Source("assumed", "biases without noise of their own"))


@dataclass(frozen=True, slots=True)
class CouplingTechnology:
    """What a coupling is made of.

    noise : power spectral density of its current noise over 4 k_B T |G|, 1
    bias : its bias current over |G|, A/S = V
    supply : V that the bias current is drawn from
    source_noise : power spectral density of a current source's noise over 4 k_B T I, 1/V, of biases
    area : m2 a coupling, without what stores its weight and without its capacitor
    linear_range : V beyond which it saturates, as range tanh(v / range); None: linear
    clocking : J a coupling for each time R C of a cell (switches), None: not clocked
    density : F/m2 of the capacitors that couplings are, None: they are none
    period : clock periods in a time R C, of couplings whose capacitors are switched
    loads : whether it conducts, so that its cell's well is stiffer by |W|
    mutual : whether one element couples both ways: W_ij = W_ji, and its noise current leaves one cell
        and enters the other
    reactive : whether it is an energy of charges and not a conductance
    """

    UNITS: ClassVar[Mapping[str, str]] = Frozen(
        {
            "noise": "1",
            "bias": "A/S",
            "supply": "V",
            "area": "m2",
            "source_noise": "1/V",
            "linear_range": "V",
            "clocking": "J",
            "density": "F/m2",
            "period": "1",
        }
    )

    name: str
    summary: str
    noise: Quantity
    bias: Quantity
    supply: Quantity
    area: Quantity
    source_noise: Quantity = SILENT
    linear_range: Quantity | None = None
    clocking: Quantity | None = None
    density: Quantity | None = None
    period: Quantity | None = None
    loads: bool = False
    mutual: bool = False
    reactive: bool = False

    def __post_init__(self) -> None:
        check_figures(self, ("linear_range", "density", "period"))

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def describe(self) -> dict[str, Any]:
        """Summary, what it does to its cells and every figure with its source."""
        return {
            "name": self.name,
            "summary": self.summary,
            "loads": self.loads,
            "mutual": self.mutual,
            "reactive": self.reactive,
            "figures": {k: f.describe() for k, f in self.figures().items()},
        }

    @property
    def ideal(self) -> bool:
        """Whether its cells obey the ideal equation: no noise, no load and no range of its own."""
        return not (self.noise.value or self.loads or self.linear_range is not None)


class Burden(NamedTuple):
    """What couplings do to the cells that they drive.

    excess : (n,) noise power that they add, over the cell's own; load : (n,) stiffness that they add
    reach : largest state that they show, as reach tanh(x / reach); infinite where they are linear
    source : noise power over the cell's own that a bias of 1 adds
    mutual : whether one element couples two cells both ways, and what it brings to them is shared
    """

    excess: Any
    load: Any
    reach: float
    source: float
    mutual: bool = False


def burden(technology: CouplingTechnology, magnitudes: Any, *, j2: float, voltage: float) -> Burden:
    """Noise, load and range of couplings whose |W| sum to `magnitudes` (n,) at each driven cell.

    j2 : the J2 of the device's units; voltage : V of one unit of x (Units.voltage)

    Linear in the magnitudes, so that couplings scaled by a phase's s, and inputs that are off, count
    s and 0 times. The magnitudes may be arrays of any library, traced ones too.
    """
    reach = math.inf if technology.linear_range is None else technology.linear_range.value / voltage
    return Burden(
        excess=magnitudes * (technology.noise.value / (2.0 * j2)),
        load=magnitudes * (1.0 if technology.loads else 0.0),
        reach=reach,
        source=technology.source_noise.value * voltage / (2.0 * j2),
        mutual=technology.mutual,
    )


class CouplingCost(NamedTuple):
    """current : A of bias; power : W, bias and clocked switches, while they are on; area : m2"""

    current: float
    power: float
    area: float


def coupling_cost(
    technology: CouplingTechnology, *, conductance: float, count: int, rc: float
) -> CouplingCost:
    """What `count` couplings of sum |G| = `conductance` (S) draw and take, on cells of R C = `rc` (s).

        current = bias conductance
        power   = supply current + count clocking / rc
        area    = count area + capacitors / density

    Capacitors of couplings: |G| rc where they are reactive (|W| / 2 J2 of a cell's own), |G| over the
    clock's rate, period / rc, where they are switched.
    """
    current = technology.bias.value * conductance
    power = technology.supply.value * current
    area = count * technology.area.value
    if technology.clocking is not None:
        power += count * technology.clocking.value / rc
    if technology.density is not None:
        periods = 1.0 if technology.period is None else technology.period.value
        area += conductance * rc / periods / technology.density.value
    return CouplingCost(current, power, area)


def _figure(value: float, unit: str, kind: str, ref: str) -> Quantity:
    return Quantity(value, unit, Source(kind, ref))


_V_T = thermal_voltage(ROOM)
_SLOPE = 1.3  # n of a transistor in weak inversion
_OVERDRIVE = 0.2  # V
_LOOP_GAIN = 10.0
_RAIL = _figure(1 / 0.8, "1/V", "derived", "a resistor from a rail of 0.8 V: 4 k_B T I / V")

_NONE = _figure(0.0, "1", "exact", "the ideal equation")
_JOHNSON = _figure(1.0, "1", "derived", "Nyquist: 4 k_B T G of a conductance G")
_SUPPLY = chosen(0.8, "V", "supply of small digital circuits", 0.1)
_NO_SUPPLY = _figure(0.0, "V", "derived", "passive")
_NO_BIAS = _figure(0.0, "A/S", "derived", "passive")
_PLATES = _figure(2e-3, "F/m2", "memory", "metal-insulator-metal, 2 fF per square micrometre")

IDEAL = CouplingTechnology(
    name="ideal",
    summary="the ideal equation: forces without noise, load, range, current or area",
    noise=_NONE,
    bias=_figure(0.0, "A/S", "exact", "the ideal equation"),
    supply=_figure(0.0, "V", "exact", "the ideal equation"),
    area=_figure(0.0, "m2", "exact", "the ideal equation"),
    source_noise=_figure(0.0, "1/V", "exact", "the ideal equation"),
)

_RESISTOR = CouplingTechnology(
    name="resistor",
    summary="a resistor between two cells, to the inverted one where W < 0: noise, load, both ways",
    noise=_JOHNSON,
    bias=_NO_BIAS,
    supply=_NO_SUPPLY,
    area=_figure(1e-12, "m2", "assumed", "a megohm of high-resistance film, or a via of it"),
    source_noise=_RAIL,
    loads=True,
    mutual=True,
)

_WEAK = CouplingTechnology(
    name="weak-inversion",
    summary="a transconductor in weak inversion: shot noise n/2, least current, range 2 n V_T",
    noise=_figure(_SLOPE / 2, "1", "derived", "shot noise 2 q I of I = G n V_T, n = 1.3; one transistor"),
    bias=_figure(_SLOPE * _V_T, "A/S", "derived", "I = G n V_T, n = 1.3; one transistor"),
    supply=_SUPPLY,
    area=_figure(1e-12, "m2", "assumed", "a few small transistors"),
    source_noise=_figure(0.5 / _V_T, "1/V", "derived", "shot noise 2 q I of a transistor in weak inversion"),
    linear_range=_figure(2 * _SLOPE * _V_T, "V", "derived", "differential pair: tanh(v / 2 n V_T), n = 1.3"),
)

_STRONG = CouplingTechnology(
    name="strong-inversion",
    summary="a transconductor in strong inversion: noise 2/3, more current, range of its overdrive",
    noise=_figure(2 / 3, "1", "memory", "channel noise 4 k_B T gamma g_m, gamma = 2/3; one transistor"),
    bias=_figure(_OVERDRIVE / 2, "A/S", "derived", "I = G V_ov / 2, overdrive 0.2 V assumed"),
    supply=_SUPPLY,
    area=_figure(2e-12, "m2", "assumed", "a few longer transistors"),
    source_noise=_figure(
        2 / 3 * 2 / _OVERDRIVE, "1/V", "memory", "4 k_B T gamma g_m, g_m = 2 I / V_ov, gamma = 2/3, 0.2 V"
    ),
    linear_range=_figure(_OVERDRIVE, "V", "derived", "a pair saturates near its overdrive, 0.2 V assumed"),
)

_SWITCHED = CouplingTechnology(
    name="switched-capacitor",
    summary="a capacitor switched between two cells: noise and load of its resistor, a clocked switch",
    noise=_figure(1.0, "1", "derived", "k_B T / C a sample: as the resistor 1 / (f C)"),
    bias=_NO_BIAS,
    supply=_NO_SUPPLY,
    area=_figure(1e-12, "m2", "assumed", "four small switches"),
    source_noise=_RAIL,
    clocking=_figure(
        10 * 2 * 1e-15 * 0.8**2, "J", "assumed", "two switches of 1 fF at 0.8 V, ten periods in a time R C"
    ),
    density=_PLATES,
    period=_figure(10.0, "1", "assumed", "ten clock periods in a time R C of a cell"),
    loads=True,
    mutual=True,
)

_CAPACITIVE = CouplingTechnology(
    name="capacitive",
    summary="a capacitor between two cells: an energy, without noise; needs 2 J2 - W positive definite",
    noise=_figure(0.0, "1", "derived", "a capacitor is reactive"),
    bias=_NO_BIAS,
    supply=_NO_SUPPLY,
    area=_figure(0.0, "m2", "derived", "its plates alone"),
    source_noise=_figure(0.0, "1/V", "derived", "a bias is a charge"),
    density=_PLATES,
    mutual=True,
    reactive=True,
)

_CROSSBAR = CouplingTechnology(
    name="crossbar",
    summary="conductances into a virtual ground: their noise and an amplifier's, no load, no range",
    noise=_figure(
        1 + 2 / 3 / _LOOP_GAIN,
        "1",
        "derived",
        "4 k_B T G and, as 2/3 of g_m, an amplifier of g_m = 10 sum G (assumed)",
    ),
    bias=_figure(
        _LOOP_GAIN * _SLOPE * _V_T, "A/S", "derived", "amplifier of g_m = 10 sum G, weakly inverted"
    ),
    supply=_SUPPLY,
    area=_figure(5e-14, "m2", "memory", "one transistor and a resistive cell, 40 nm"),
    source_noise=_RAIL,
)

COUPLING_TECHNOLOGIES: Registry[CouplingTechnology] = Registry(
    "coupling technology",
    [(t.name, t) for t in (IDEAL, _RESISTOR, _WEAK, _STRONG, _SWITCHED, _CAPACITIVE, _CROSSBAR)],
)
