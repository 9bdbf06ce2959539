"""What makes a circuit's input bits, as a circuit.

Of thermometers: comparators of data against constant thresholds; of counting encoders see counting.py.

A datum is a whole number of `bits` bits; q > T for a constant T goes from the lowest bit up,
greater = bit and greater where T has a one, bit or greater where it has none: at most a gate a bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.circuits.builder import Builder
from compiler.circuits.counting import counting_circuit, features_of
from compiler.errors import UnsupportedError
from compiler.ir.encoders import CountingEncoder, Encoder, Thermometer, selected
from compiler.ir.gates import AND, OR, GateNetlist, verify_gates

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


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """Data as the whole numbers that a counting encoder reads."""

    encoder: CountingEncoder

    @property
    def bits(self) -> int:
        return self.encoder.code_bits

    def codes(self, data: np.ndarray) -> np.ndarray:
        """Whole numbers of data."""
        return self.encoder.codes(data)


Grid = Levels | Codes


def grid_of(encoder: Encoder, data: np.ndarray) -> Grid:
    """What whole numbers the data are for this encoder; UnsupportedError as data_levels."""
    return Codes(encoder) if isinstance(encoder, CountingEncoder) else data_levels(data)


def features_read(encoder: Encoder, read: np.ndarray) -> np.ndarray:
    """Features that the input bits `read` depend on, ascending."""
    own = selected(encoder, read)
    return np.unique(own.feature) if isinstance(own, Thermometer) else features_of(own)


def encoder_circuit(encoder: Encoder, levels: Grid, read: np.ndarray, adder: str = "small") -> GateNetlist:
    """Gates for the input bits `read`, from the bits of the features that they depend on.

    levels : from grid_of; adder : of one that counts
    read : (n,) int, inputs of the netlist; output e{k} is input k. Input p{f}[b] is bit b of feature
        f, lowest first, of those features alone, in ascending order

    Raises UnsupportedError for thresholds relative to each image, which need its sorted values.
    """
    if isinstance(encoder, CountingEncoder):
        return counting_circuit(encoder, read, adder)
    assert isinstance(levels, Levels)
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


def inputs_read(netlist: GateNetlist) -> np.ndarray:
    """Inputs that a gate, an output or a class sum reads, ascending."""
    read = np.zeros(netlist.n_inputs, dtype=bool)
    for nets in (netlist.a, netlist.b, netlist.roots):
        read[nets[(nets >= 0) & (nets < netlist.n_inputs)]] = True
    return np.flatnonzero(read)


def with_encoder(netlist: GateNetlist, levels: Grid | None = None, adder: str = "small") -> GateNetlist:
    """The netlist with its input bits made of gates, from the bits of data p{feature}[bit].

    levels : of the data, from grid_of; None where the encoder says itself what whole numbers it reads
    The result has no encoder; meta["encoder"] holds the number of gates that were added.

    Raises UnsupportedError for a netlist without encoder, and as encoder_circuit.
    """
    encoder = netlist.encoder
    if encoder is None:
        raise UnsupportedError("the circuit has no encoder, so that there is none to make of gates")
    if levels is None:
        if not isinstance(encoder, CountingEncoder):
            raise UnsupportedError(
                "thresholds of real numbers become comparators once it is known what whole numbers the data "
                "are: give data"
            )
        levels = Codes(encoder)
    read = inputs_read(netlist)
    circuit = encoder_circuit(encoder, levels, read, adder)
    moved = np.full(netlist.n_nets + 1, -1, dtype=np.int64)  # the last for NONE
    moved[read] = circuit.outputs
    moved[netlist.n_inputs : -1] = circuit.n_nets + np.arange(netlist.n_gates)
    columns = {
        name: np.concatenate([getattr(circuit, name), moved[getattr(netlist, name)].astype(np.int32)])
        for name in ("a", "b")
    }
    whole = netlist.with_roots(
        moved[netlist.roots],
        input_names=circuit.input_names,
        op=np.concatenate([circuit.op, netlist.op]),
        encoder=None,
        meta={**netlist.meta, "encoder": {"gates": circuit.n_gates, "adder": adder}},
        **columns,
    )
    verify_gates(whole)
    return whole


def code_bits(levels: Grid, data: np.ndarray, features: np.ndarray) -> np.ndarray:
    """(n, len(features) bits) bool, the inputs of an encoder_circuit for data (n, n_features)."""
    codes = levels.codes(data[:, features])
    bits = codes[:, :, None] >> np.arange(levels.bits) & 1
    return bits.astype(bool).reshape(data.shape[0], -1)
