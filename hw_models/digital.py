"""Energy of digital arithmetic and of the memories that weights are kept in, per node.

45 nm, 0.9 V: M. Horowitz, "Computing's energy problem", ISSCC 2014. 7 nm: N. P. Jouppi et al., "Ten
lessons from three generations shaped Google's TPUv4i", ISCA 2021.

Laws. A product of p and q bits costs p q / 64 of an 8-bit one, a sum of p bits p / 8 of an 8-bit one; a
multiply-add is both, its sum as wide as its activation unless its width is given. Reading 64 bits from
a memory of n bytes costs a + b sqrt(n), fitted to the tabulated points: bit and word lines grow as the
side of the array; below the smallest memory tabulated this extrapolates. Narrow sums and free control
favour the digital side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hw_models.errors import HardwareError
from hw_models.registry import Registry
from hw_models.source import Quantity, Source, check_figures, figures_of

_PJ = 1e-12
_HOROWITZ = "M. Horowitz, Computing's energy problem, ISSCC 2014, 45 nm 0.9 V"
_QUOTED = "quoted in gist V0XNIHILI/2b6fa61edd4c06d9ffce5551065124c1"
_JOUPPI = "N. P. Jouppi et al., Ten lessons from three generations, ISCA 2021, 7 nm"
READ = "J / 64 bit"


def _figure(pJ: float, unit: str, kind: str, ref: str, locator: str = "") -> Quantity:
    return Quantity(pJ * _PJ, unit, Source(kind, ref, locator))


def fit_memory(points: tuple[tuple[int, Quantity], ...]) -> tuple[Quantity, Quantity]:
    """a and b of a + b sqrt(bytes), the J of a 64-bit read, with least relative squares.

    points : (capacity in bytes, energy of a 64-bit read), two or more. Both come out as weak as the
        weakest point.
    """
    size = np.array([n for n, _ in points], dtype=float)
    joules = np.array([figure.value for _, figure in points])
    columns = np.stack([np.ones_like(size), np.sqrt(size)], axis=1) / joules[:, None]
    (a, b), *_ = np.linalg.lstsq(columns, np.ones_like(size), rcond=None)
    sources = {figure.source.kind: figure.source for _, figure in points}
    kind = next(k for k in ("memory", "second-hand", "paper") if k in sources)
    source = Source(kind, sources[kind].ref, f"a + b sqrt(bytes) fitted to {len(points)} memories")
    return Quantity(float(a), READ, source), Quantity(float(b), f"{READ} / sqrt(byte)", source)


@dataclass(frozen=True, slots=True)
class DigitalNode:
    """Arithmetic and memory of one generation of manufacture, at its usual voltage.

    add, multiply : of 8-bit whole numbers; fp32 : a multiply-add
    sram_fixed, sram_slope : a and b of a 64-bit read of SRAM; off_chip : a 64-bit read of DRAM
    register_leakage, sram_leakage : of a bit that is kept; register_area, sram_area : of a bit
    """

    name: str
    summary: str
    voltage: Quantity
    add: Quantity
    multiply: Quantity
    fp32: Quantity
    sram_fixed: Quantity
    sram_slope: Quantity
    off_chip: Quantity
    register_leakage: Quantity
    register_area: Quantity
    sram_leakage: Quantity
    sram_area: Quantity

    def __post_init__(self) -> None:
        check_figures(self, positive=("voltage", "add", "multiply", "fp32"))

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def describe(self) -> dict[str, object]:
        """Summary and every figure with its source, for `thermoc presets`."""
        return {
            "name": self.name,
            "summary": self.summary,
            "figures": {name: figure.describe() for name, figure in self.figures().items()},
        }


SRAM_45NM = (
    (8 * 1024, _figure(10, READ, "paper", _HOROWITZ)),
    (32 * 1024, _figure(20, READ, "second-hand", _HOROWITZ, _QUOTED)),
    (1024 * 1024, _figure(100, READ, "second-hand", _HOROWITZ, _QUOTED)),
)
SRAM_7NM = (
    (8 * 1024, _figure(7.5, READ, "memory", _JOUPPI)),
    (32 * 1024, _figure(8.5, READ, "memory", _JOUPPI)),
    (1024 * 1024, _figure(14, READ, "memory", _JOUPPI)),
)
"""(capacity in bytes, energy of a 64-bit read) as tabulated, smallest first."""

_FIXED_45NM, _SLOPE_45NM = fit_memory(SRAM_45NM)
_FIXED_7NM, _SLOPE_7NM = fit_memory(SRAM_7NM)
_DFF = Source("code", "NangateOpenCellLibrary_typical.lib (2011)", "DFF_X1")
_DFFHQN = Source(
    "code", "asap7sc7p5t_SEQ_RVT_TT_nldm_220123.lib (OpenROAD-flow-scripts)", "DFFHQNx1_ASAP7_75t_R"
)
_LEAK = Source("assumed", "a six-transistor cell of low leakage at room temperature")

NODE_45NM = DigitalNode(
    name="45 nm",
    summary="arithmetic and memories at 45 nm, 0.9 V",
    voltage=Quantity(0.9, "V", Source("paper", _HOROWITZ)),
    add=_figure(0.03, "J", "second-hand", _HOROWITZ, _QUOTED),
    multiply=_figure(0.2, "J", "second-hand", _HOROWITZ, _QUOTED),
    fp32=_figure(4.6, "J", "paper", _HOROWITZ, "fp32 multiply 3.7 + add 0.9 pJ"),
    sram_fixed=_FIXED_45NM,
    sram_slope=_SLOPE_45NM,
    off_chip=_figure(1300, READ, "second-hand", _HOROWITZ, "the lower end of 1300 to 2600 pJ"),
    register_leakage=Quantity(79.11e-9, "W / bit", _DFF),
    register_area=Quantity(4.522e-12, "m2 / bit", _DFF),
    sram_leakage=Quantity(50e-12, "W / bit", _LEAK),
    sram_area=Quantity(0.4e-12, "m2 / bit", Source("memory", "six-transistor cells of 45 nm processes")),
)

NODE_7NM = DigitalNode(
    name="7 nm",
    summary="arithmetic and memories at 7 nm",
    voltage=Quantity(0.7, "V", Source("assumed", "the open 7 nm library's voltage; the source gives none")),
    add=_figure(0.007, "J", "memory", _JOUPPI),
    multiply=_figure(0.07, "J", "memory", _JOUPPI),
    fp32=_figure(1.69, "J", "memory", _JOUPPI, "fp32 multiply 1.31 + add 0.38 pJ"),
    sram_fixed=_FIXED_7NM,
    sram_slope=_SLOPE_7NM,
    off_chip=_figure(350, READ, "memory", _JOUPPI, "stacked memory, the middle of 250 to 450 pJ"),
    register_leakage=Quantity(0.2297e-9, "W / bit", _DFFHQN),
    register_area=Quantity(0.2916e-12, "m2 / bit", _DFFHQN),
    sram_leakage=Quantity(20e-12, "W / bit", _LEAK),
    sram_area=Quantity(0.027e-12, "m2 / bit", Source("memory", "six-transistor cells of 7 nm processes")),
)

DIGITAL_NODES = Registry("digital node", [(node.name, node) for node in (NODE_45NM, NODE_7NM)])

INT8_MAC = _figure(0.23, "J", "second-hand", _HOROWITZ, "int8 multiply 0.2 + add 0.03 pJ")
"""45 nm, as DigitalNode's law gives it."""

PRECISIONS: Mapping[str, float] = {
    "fp32": 32.0,
    "int8": 8.0,
    "int4": 4.0,
    "powers": 4.0,
    "ternary": 1.6,
    "binary": 1.0,
}
"""Bits that a weight takes where it is kept. powers : 0 and +-1, 2, 4, 8, whose products are shifts;
ternary : -1, 0, 1, of which five fit in a byte."""

STORAGES = ("wired", "registers", "sram", "off-chip")
"""Where parameters are kept: in the wiring, in registers beside what they multiply, in an SRAM or in
DRAM that is read once an answer."""


@dataclass(frozen=True, slots=True)
class StorageCost:
    """What parameters cost an answer: J of reading them, W of keeping them, m2 of the chip."""

    read: float
    leakage: float
    area: float


def storage_cost(values: Mapping[str, float], storage: str, bits: float) -> StorageCost:
    """What `bits` bits of parameters cost that are all used once an answer.

    values : of a DigitalNode's figures, by their names. Registers stand where they are used: no
        reads. DRAM is a chip of its own, of which only the reads count.

    Raises HardwareError for an unknown storage.
    """
    if storage not in STORAGES:
        raise HardwareError(f"storage {storage!r} is unknown; choose one of {', '.join(STORAGES)}")
    if storage == "wired" or bits <= 0:
        return StorageCost(0.0, 0.0, 0.0)
    if storage == "registers":
        return StorageCost(0.0, bits * values["register_leakage"], bits * values["register_area"])
    if storage == "off-chip":
        return StorageCost(bits / 64 * values["off_chip"], 0.0, 0.0)
    each = values["sram_fixed"] + values["sram_slope"] * (bits / 8) ** 0.5
    return StorageCost(bits / 64 * each, bits * values["sram_leakage"], bits * values["sram_area"])


def mac_energy(
    values: Mapping[str, float], precision: str, activation_bits: float = 8, sum_bits: float | None = None
) -> float:
    """J of one multiply-add of a weight and an activation; powers, ternary and binary ones only add.

    values : of a DigitalNode's figures, by their names
    sum_bits : width of the sum; None: as wide as the activation

    Raises HardwareError for an unknown precision.
    """
    if precision not in PRECISIONS:
        raise HardwareError(f"precision {precision!r} is unknown; choose one of {', '.join(PRECISIONS)}")
    if precision == "fp32":
        return values["fp32"]
    add = values["add"] * (activation_bits if sum_bits is None else sum_bits) / 8
    if precision in ("int8", "int4"):
        return add + values["multiply"] * PRECISIONS[precision] * activation_bits / 64
    return add


@dataclass(frozen=True, slots=True)
class DigitalEnergy:
    """Joules of one inference: arithmetic alone, and reading every weight once beside it."""

    macs: int
    arithmetic: float
    weight_memory: float

    @property
    def total(self) -> float:
        return self.arithmetic + self.weight_memory


def network_energy(
    layer_sizes: tuple[int, ...],
    precision: str = "int8",
    *,
    node: DigitalNode = NODE_45NM,
    storage: str = "sram",
    activation_bits: float = 8,
) -> DigitalEnergy:
    """One forward pass of a dense network, batch of one, every weight read once.

    layer_sizes : cells of every layer, inputs first; precision : of PRECISIONS; storage : of STORAGES
    Activations' memory, control and leakage are not counted, which favours the digital side.

    Raises HardwareError for another precision or storage and fewer than two layers.
    """
    if len(layer_sizes) < 2 or min(layer_sizes) < 1:
        raise HardwareError(
            f"digital design: layer sizes must be two or more numbers >= 1, got {layer_sizes}"
        )
    values = {name: figure.value for name, figure in node.figures().items()}
    macs = sum(a * b for a, b in pairwise(layer_sizes))
    each = mac_energy(values, precision, activation_bits)
    kept = storage_cost(values, storage, macs * PRECISIONS[precision])
    return DigitalEnergy(macs, macs * each, kept.read)
