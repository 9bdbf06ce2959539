"""AIGER, binary and ascii. The format's source: compiler.formats.circuits.aiger."""

from __future__ import annotations

from compiler.errors import UnsupportedError
from compiler.formats.circuits.names import refuse_class_sums
from compiler.ir.gates import READS_A, READS_B, GateNetlist


def to_and_inverter(netlist: GateNetlist) -> tuple[list[tuple[int, int]], list[int]]:
    """(and-gates, literal of every net): AIGER literals, inputs first, then the gates in order.

    An xor takes three gates, any other two-input op one; equal and trivial gates are not repeated.
    """
    ands: list[tuple[int, int]] = []
    known: dict[tuple[int, int], int] = {}

    def conjunction(x: int, y: int) -> int:
        x, y = max(x, y), min(x, y)
        if y == 0 or x == y ^ 1:
            return 0
        if y == 1 or x == y:
            return x
        if (x, y) not in known:
            ands.append((x, y))
            known[x, y] = 2 * (netlist.n_inputs + len(ands))
        return known[x, y]

    literals = [2 * (k + 1) for k in range(netlist.n_inputs)]
    columns = (netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist())
    for op, a, b in zip(*columns, strict=True):
        if not READS_A[op] and not READS_B[op]:
            literals.append(int(op == 15))
        elif not READS_B[op]:
            literals.append(literals[a] ^ (op == 12))
        elif not READS_A[op]:
            literals.append(literals[b] ^ (op == 10))
        elif op in (6, 9):
            x, y = literals[a], literals[b]
            either = conjunction(conjunction(x, y) ^ 1, conjunction(x ^ 1, y ^ 1) ^ 1)
            literals.append(either ^ (op == 9))
        else:
            table = [op >> 3 & 1, op >> 2 & 1, op >> 1 & 1, op & 1]
            lone = int(sum(table) == 1)
            row = table.index(lone)  # the one row that differs
            found = conjunction(literals[a] ^ (row < 2), literals[b] ^ (row % 2 == 0))
            literals.append(found ^ (lone == 0))
    return ands, literals


def write_aiger(netlist: GateNetlist, *, binary: bool = True) -> bytes:
    """The netlist as .aig (binary) or .aag bytes, with the symbols of all ports.

    Raises UnsupportedError for class sums and for names with a line break.
    """
    refuse_class_sums(netlist, "AIGER")
    for name in (*netlist.input_names, *netlist.output_names):
        if "\n" in name or "\r" in name or not _is_latin(name):
            raise UnsupportedError(f"AIGER cannot hold the name {name!r}; rename the port")
    ands, literals = to_and_inverter(netlist)
    n, m, o = netlist.n_inputs, len(ands), netlist.n_outputs
    parts = [f"{'aig' if binary else 'aag'} {n + m} {n} 0 {o} {m}\n".encode()]
    if not binary:
        parts += [f"{2 * (k + 1)}\n".encode() for k in range(n)]
    parts += [f"{literals[net]}\n".encode() for net in netlist.outputs.tolist()]
    for k, (x, y) in enumerate(ands):
        left = 2 * (n + 1 + k)
        if binary:
            parts += [_delta(left - x), _delta(x - y)]
        else:
            parts.append(f"{left} {x} {y}\n".encode())
    for letter, names in (("i", netlist.input_names), ("o", netlist.output_names)):
        parts += [f"{letter}{k} {name}\n".encode("latin-1") for k, name in enumerate(names)]
    return b"".join(parts)


def _delta(value: int) -> bytes:
    """Seven bits a byte, the low ones first."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def _is_latin(name: str) -> bool:
    try:
        name.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True
