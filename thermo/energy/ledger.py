"""One bill for every family: the price of an answer by place, as an interval, like for like.

A design is what was measured once (accuracy, activity counts) and a price: a pure function of the
figures that it rests on. A figure is uncertain between its low and high value, log-triangularly with
the peak at its likely one; a bill draws all figures and prices each draw. A figure's draws are a
function of its name alone, so that a figure which two designs share moves in both at once and their
ratio does not count it twice. Intervals hold the middle 90 % of draws.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hw_models.errors import HardwareError
from hw_models.frozen import Frozen
from hw_models.interval import Interval
from hw_models.source import Quantity

PLACES = (
    "physics",
    "couplings",
    "input converters",
    "output converters",
    "weights",
    "clock",
    "leakage",
    "encoder",
    "head",
    "controller",
)
"""Where an answer's joules go. physics : what the elements that decide dissipate (cells that relax,
gates that switch, p-bits that flip, multipliers); couplings : the currents and bias between them;
weights : reading and holding parameters that are not wired; clock : clock, registers and switches;
leakage : static power for as long as an answer lasts; encoder, head : making input bits, deciding;
controller : sequencing, addresses, activations. docs/energy.md has the definitions."""

DRAWS = 400
MIDDLE = (5.0, 95.0)  # per cent


@dataclass(frozen=True, slots=True)
class Price:
    """What one answer costs: J by place (those left out are 0), s, m2 (None: not known).

    Raises HardwareError for a place that is not in PLACES.
    """

    joules: Mapping[str, float]
    seconds: float
    area_m2: float | None = None

    def __post_init__(self) -> None:
        for place in self.joules:
            if place not in PLACES:
                raise HardwareError(f"a bill has no place {place!r}; its places are {', '.join(PLACES)}")

    @property
    def total(self) -> float:
        """J of all places."""
        return float(sum(self.joules.values()))


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a design would have to store if it were not wired: `number` values of `bits` bits."""

    number: int
    bits: float


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A machine that answers, with all that its price rests on.

    name : netlist and hardware; family : of models; node : of manufacture, "45 nm"; voltage : V
    accuracy, accuracy_sem, n_samples, split : as measured; None where it decides nothing
    figures : by names that are the same wherever the same figure is used ("rc-1fF capacitance")
    price : (values of those figures, answers a second or None for back to back) -> Price; pure and
        fast, all simulation is done before. At a rate below 1 / seconds static power is drawn
        until the next answer is due, see `occupied`
    parameters : None where the design is its own wiring (gates); its price then holds only wired.
        A price counts no reads of parameters: thermo.energy.storage adds them
    right : (n_samples,) share of runs that decided rightly, for paired comparisons
    """

    name: str
    family: str
    accuracy: float | None
    accuracy_sem: float | None
    n_samples: int
    split: str
    node: str
    voltage: float | None
    figures: Mapping[str, Quantity]
    price: Callable[[Mapping[str, float], float | None], Price]
    parameters: Parameters | None = None
    right: np.ndarray | None = None

    @property
    def likely(self) -> dict[str, float]:
        """The likely value of every figure."""
        return {name: figure.value for name, figure in self.figures.items()}


def occupied(seconds: float, rate: float | None) -> float:
    """s that static power is drawn for one answer: until the next is due, at least its own time.

    Machines that are too slow for the rate stand beside each other, each busy all the time.
    """
    return seconds if rate is None else max(seconds, 1.0 / rate)


def named(prefix: str, figures: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """The figures of a device under names that tell whose they are: "rc-1fF capacitance"."""
    return {f"{prefix} {name}": figure for name, figure in figures.items()}


def values_of(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    """The reverse for drawn values: those of one device by the device's own names."""
    start = f"{prefix} "
    return {name[len(start) :]: value for name, value in values.items() if name.startswith(start)}


def draw(name: str, between: Interval, n: int = DRAWS, seed: int = 0) -> np.ndarray:
    """(n,) draws of a figure: log-triangular from low to high, peak at likely.

    The k-th draw is a function of (seed, name, n, k); one falls in each n-th of the distribution.
    Linear in place of logarithmic where low is not above 0.
    """
    if between.low == between.high:
        return np.full(n, between.likely)
    digest = hashlib.blake2b(f"{seed} {name}".encode(), digest_size=16).digest()
    rng = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
    order = np.argsort(np.argsort(rng.random(n)))
    share = (order + rng.random(n)) / n
    if between.low > 0:
        ends = np.log([between.low, between.likely, between.high])
        return np.exp(_triangular(share, *ends))
    return _triangular(share, between.low, between.likely, between.high)


def _triangular(share: np.ndarray, low: float, peak: float, high: float) -> np.ndarray:
    """Inverse of the triangular distribution's cumulative function."""
    rising = (peak - low) / (high - low)
    below = low + np.sqrt(share * (high - low) * (peak - low))
    above = high - np.sqrt((1.0 - share) * (high - low) * (high - peak))
    return np.where(share < rising, below, above)


@dataclass(frozen=True, eq=False)
class Bill:
    """A design's price at a rate, drawn n times.

    price : at the likely values; joules : (n, len(PLACES)) J; seconds : (n,)
    """

    design: Design
    rate: float | None
    price: Price
    joules: np.ndarray
    seconds: np.ndarray

    @cached_property
    def totals(self) -> np.ndarray:
        """(n,) J."""
        return np.asarray(self.joules.sum(axis=1))

    @property
    def total(self) -> Interval:
        """J an answer."""
        return middle(self.totals, self.price.total)

    @property
    def time(self) -> Interval:
        """s an answer."""
        return middle(self.seconds, self.price.seconds)

    @property
    def places(self) -> dict[str, Interval]:
        """J of every place that is not empty, in the order of PLACES."""
        found = {
            place: middle(self.joules[:, k], float(self.price.joules.get(place, 0.0)))
            for k, place in enumerate(PLACES)
        }
        return {place: between for place, between in found.items() if between.high or between.low}


def bill(design: Design, rate: float | None = None, n: int = DRAWS, seed: int = 0) -> Bill:
    """Price a design at its likely figures and at n draws of them.

    rate : answers a second; None: one after the other without a pause

    Raises HardwareError for a rate that is not above 0.
    """
    check_rate(rate)
    columns = {name: draw(name, f.interval, n, seed) for name, f in design.figures.items()}
    joules, seconds = np.zeros((n, len(PLACES))), np.zeros(n)
    for k in range(n):
        price = design.price({name: float(column[k]) for name, column in columns.items()}, rate)
        joules[k] = [price.joules.get(place, 0.0) for place in PLACES]
        seconds[k] = price.seconds
    return Bill(design, rate, design.price(design.likely, rate), joules, seconds)


def check_rate(rate: float | None) -> None:
    """Raise HardwareError for a rate that is not above 0; None is back to back."""
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        raise HardwareError(f"rate must be a finite number > 0 answers a second, got {rate}")


def ratio(one: Bill, other: Bill) -> Interval:
    """J of the one over J of the other, draw by draw: exactly 1 for a design and itself.

    Raises HardwareError where the other costs nothing.
    """
    if not (other.totals > 0).all():
        raise HardwareError(f"{other.design.name} costs nothing by its figures: there is no ratio to it")
    return middle(one.totals / other.totals, one.price.total / other.price.total)


def middle(drawn: np.ndarray, likely: float) -> Interval:
    """The middle 90 % of draws, widened to the likely value where that lies outside."""
    low, high = np.percentile(drawn, MIDDLE)
    return Interval(min(float(low), likely), likely, max(float(high), likely))


@dataclass(frozen=True, slots=True)
class Swing:
    """What one figure does to the total by itself: J at its low and at its high value."""

    figure: str
    at_low: float
    at_high: float

    @property
    def span(self) -> float:
        return abs(self.at_high - self.at_low)


def tornado(design: Design, rate: float | None = None) -> tuple[Swing, ...]:
    """The total with one figure at a time at its ends, those that move it most first."""
    likely = design.likely
    swings = []
    for name, figure in design.figures.items():
        between = figure.interval
        low, high = (design.price({**likely, name: end}, rate).total for end in (between.low, between.high))
        swings.append(Swing(name, low, high))
    return tuple(sorted((s for s in swings if s.span > 0), key=lambda s: (-s.span, s.figure)))


def rests_on(design: Design, rate: float | None = None) -> dict[str, tuple[str, ...]]:
    """The figures that move each place of the bill, those that move it most first."""
    likely = design.likely
    plain = design.price(likely, rate).joules
    moved: dict[str, list[tuple[float, str]]] = {place: [] for place in plain}
    for name, figure in design.figures.items():
        between = figure.interval
        ends = [design.price({**likely, name: end}, rate).joules for end in (between.low, between.high)]
        for place, some in moved.items():
            by = abs(ends[1].get(place, 0.0) - ends[0].get(place, 0.0))
            if by > 0:
                some.append((-by, name))
    return {place: tuple(name for _, name in sorted(some)) for place, some in moved.items()}


def all_figures(designs: Iterable[Design]) -> Mapping[str, Quantity]:
    """Every figure that some designs rest on, once each, in the order of their names."""
    found: dict[str, Quantity] = {}
    for design in designs:
        found |= design.figures
    return Frozen(dict(sorted(found.items())))
