"""What makes a circuit's input bits, as a circuit: comparators of data against constant thresholds.

A datum is a whole number of `bits` bits; q > T for a constant T goes from the lowest bit up,
greater = bit and greater where T has a one, bit or greater where it has none: at most a gate a bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.circuits.builder import Builder
from compiler.errors import UnsupportedError
from compiler.ir.gates import AND, OR, GateNetlist, Thermometer

MOST_BITS = 12
GRID = 1e-3  # of a step, how far data may lie beside the grid (float32 of n / 255 does)


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Data on an even grid: value[k] is the number code[k], of `bits` bits."""

    value: np.ndarray
    code: np.ndarray
    bits: int

    def codes(self, data: np.ndarray) -> np.ndarray:
        """Whole numbers of data whose values are all among ours."""
        return self.code[np.searchsorted(self.value, data)]


def data_levels(data: np.ndarray) -> Levels:
    """The grid that data lie on, from least to largest value, in steps of their least difference.

    Raises UnsupportedError for data on no even grid of at most 2^MOST_BITS levels.
    """
    value = np.unique(data)
    steps = np.diff(value.astype(np.float64))
    if not steps.size:
        return Levels(value, np.zeros(value.size, np.int64), 1)
    place = (value - value[0]) / steps.min()
    code = np.rint(place).astype(np.int64)
    bits = int(code[-1]).bit_length()
    if np.abs(place - code).max() > GRID or bits > MOST_BITS:
        raise UnsupportedError(
            f"the data's {value.size:,} values lie on no even grid of at most {1 << MOST_BITS:,} levels, so "
            "that no comparators of whole numbers make the input bits"
        )
    return Levels(value, code, bits)


def encoder_circuit(encoder: Thermometer, levels: Levels, read: np.ndarray) -> GateNetlist:
    """Comparators for the input bits `read`, from the bits of the features that they depend on.

    read : (n,) int, inputs of the netlist; output e{k} is input k. Input p{f}[b] is bit b of feature
        f, lowest first, of those features alone, in ascending order

    Raises UnsupportedError for thresholds relative to each image, which need its sorted values.
    """
    if encoder.scope != "absolute":
        raise UnsupportedError(
            f"thresholds of scope {encoder.scope!r} depend on all of a sample's values: no gates make them"
        )
    features = np.unique(encoder.feature[read])
    names = [f"p{f}[{b}]" for f in features.tolist() for b in range(levels.bits)]
    builder = Builder(names)
    first = {f: k * levels.bits for k, f in enumerate(features.tolist())}
    made: dict[tuple[int, int], int] = {}
    outputs = {}
    for k in read.tolist():
        feature = int(encoder.feature[k])
        below = levels.value <= encoder.threshold[k]
        bound = int(levels.code[below][-1]) if below.any() else -1
        if (feature, bound) not in made:
            made[feature, bound] = _above(builder, first[feature], levels.bits, bound)
        outputs[f"e{k}"] = made[feature, bound]
    return builder.netlist(outputs)


def _above(builder: Builder, first: int, bits: int, bound: int) -> int:
    """Net of: the number in nets first, first + 1, ... is above `bound`."""
    if bound < 0:
        return builder.constant(1)
    greater = None  # literal, None: never yet
    for b in range(bits):
        bit = 2 * (first + b)
        if bound >> b & 1:
            greater = None if greater is None else 2 * builder.gate(AND, bit, greater)
        else:
            greater = bit if greater is None else 2 * builder.gate(OR, bit, greater)
    return builder.constant(0) if greater is None else builder.copy(greater)


def code_bits(levels: Levels, data: np.ndarray, features: np.ndarray) -> np.ndarray:
    """(n, len(features) bits) bool, the inputs of an encoder_circuit for data (n, n_features)."""
    codes = levels.codes(data[:, features])
    bits = codes[:, :, None] >> np.arange(levels.bits) & 1
    return bits.astype(bool).reshape(data.shape[0], -1)
