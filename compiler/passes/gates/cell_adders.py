"""Cells with two outputs, a sum and a carry, where a circuit has both of the same operands.

A cut of three nets whose function is their exclusive or, and one of the same nets whose function is
their majority, some operands perhaps complemented, are a full adder; of two nets, with an and in place
of the majority, a half adder. The circuit is cut open there: what adders show become inputs, what they
read outputs, the rest is mapped as ever, and the adders are put back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from compiler.ir.cells import CellNetlist, verify_cells
from compiler.ir.gates import AND, BUF, NONE, NOT, OR, READS_A, READS_B, XOR, GateNetlist, make_gates
from compiler.passes.gates.cell_cuts import FULL, LEAVES, Subject
from hw_models.cells import CellLibrary


@dataclass(frozen=True, slots=True)
class AdderCell:
    """A library's adder of `width` operands: places of its outputs in library.cells.

    flipped_sum, flipped_carry : whether the pins show complements
    """

    width: int
    sum: int
    carry: int
    flipped_sum: bool
    flipped_carry: bool
    area: float


@dataclass(frozen=True, slots=True)
class Adder:
    """One in a circuit. total, carry : its nets; leaves : the operands, those in `negated` (a bit
    each) read complemented; flipped_total, flipped_carry : whether the nets show complements of the
    sum and carry of what is read
    """

    leaves: tuple[int, ...]
    total: int
    carry: int
    negated: int
    flipped_total: bool
    flipped_carry: bool


def adder_cells(library: CellLibrary) -> dict[int, AdderCell]:
    """The smallest full (3) and half (2) adder of a library, by their number of operands."""
    macros: dict[str, list[int]] = {}
    for index, cell in enumerate(library.cells):
        if cell.macro:
            macros.setdefault(cell.macro, []).append(index)
    found: dict[int, AdderCell] = {}
    for pair in macros.values():
        if len(pair) != 2:
            continue
        width = library.cells[pair[0]].n_inputs
        if width not in (2, 3):
            continue
        kinds = [_kind(library, index, width) for index in pair]
        if {kind for kind, _ in kinds} != {"sum", "carry"}:
            continue
        s, c = (0, 1) if kinds[0][0] == "sum" else (1, 0)
        area = library.cells[pair[0]].area
        if width not in found or area < found[width].area:
            found[width] = AdderCell(width, pair[s], pair[c], kinds[s][1], kinds[c][1], area)
    return found


def _kind(library: CellLibrary, index: int, width: int) -> tuple[str, bool]:
    """ "sum" or "carry", and whether the output is complemented; ("", False) for anything else."""
    cell = library.cells[index]
    values = [cell.value(row) for row in range(1 << width)]
    for name, function in (("sum", _sum), ("carry", _carry)):
        wanted = [function(row, width) for row in range(1 << width)]
        if values in (wanted, [1 - v for v in wanted]):
            return name, values != wanted
    return "", False


def _sum(row: int, width: int) -> int:
    return row.bit_count() & 1


def _carry(row: int, width: int) -> int:
    return int(row.bit_count() >= 2)


def _table(function, width: int, negated: int) -> int:  # type: ignore[no-untyped-def]
    """16-bit table as in compiler.passes.gates.cell_cuts."""
    mask = (1 << width) - 1
    return sum(function((m ^ negated) & mask, width) << m for m in range(1 << LEAVES))


def find_adders(subject: Subject, widths: Iterable[int]) -> tuple[Adder, ...]:
    """Sums and carries of the same operands, full adders first; no net is part of two."""
    taken: set[int] = set()
    adders: list[Adder] = []
    for width in sorted(widths, reverse=True):
        odd_table = _table(_sum, width, 0)
        by_carry = {}
        for negated in range(1 << width):
            if width == 3 and negated.bit_count() > 1:
                continue  # the complement of a majority is that of all operands complemented
            table = _table(_carry, width, negated)
            by_carry[table], by_carry[table ^ FULL] = (negated, False), (negated, True)
        totals, carries = _nets_with(subject, width, {odd_table: 0, odd_table ^ FULL: 1}, by_carry)
        for leaves, sums in totals.items():
            for total, inverted in sums:
                carry = next((c for c in carries.get(leaves, ()) if c[0] not in taken), None)
                if total in taken or carry is None:
                    continue
                net, (negated, flipped) = carry
                odd = negated.bit_count() & 1
                adders.append(Adder(leaves, total, net, negated, bool(inverted ^ odd), flipped))
                taken |= {total, net}
                break
    return tuple(adders)


def _nets_with(subject: Subject, width: int, *kinds: dict) -> list[dict]:  # type: ignore[type-arg]
    """For each kind of tables {leaves: [(net, what the table is)]}, of cuts of that width with one of them;
    without leaves that only one kind has.
    """
    used = (np.arange(subject.size.shape[1]) < subject.count[:, None]) & (subject.size == width)
    net, place = np.nonzero(used)
    leaves, table = subject.leaves[net, place, :width], subject.table[net, place]
    keys = leaves.astype(np.int64) @ (np.int64(subject.count.size) ** np.arange(width))  # one a set of leaves
    hits = []
    for tables in kinds:
        wanted = np.zeros(FULL + 1, dtype=bool)
        wanted[list(tables)] = True
        hits.append(wanted[table])
    common = np.ones(keys.size, dtype=bool)
    for hit in hits:
        common &= np.isin(keys, keys[hit])
    found: list[dict[tuple[int, ...], list]] = []  # type: ignore[type-arg]
    for tables, hit in zip(kinds, hits, strict=True):
        own: dict[tuple[int, ...], list] = {}  # type: ignore[type-arg]
        kept = hit & common
        columns = (column[kept].tolist() for column in (net, leaves, table))
        for at, cut, function in zip(*columns, strict=True):
            own.setdefault(tuple(cut), []).append((at, tables[function]))
        found.append(own)
    return found


def choose_phases(
    adders: Sequence[Adder], cells: Mapping[int, AdderCell], n_inputs: int
) -> tuple[Adder, ...]:
    """The same adders, full ones reading all operands complemented where that saves inverters.

    A full adder of complements shows the complements of sum and carry. So where a library's pins show
    complements, rows of adders read in turn what is there and its complement.
    """
    phase: dict[int, bool] = dict.fromkeys(range(n_inputs), False)  # which of each net needs no inverter
    chosen = []
    for adder in sorted(adders, key=lambda a: min(a.total, a.carry)):
        dual = replace(
            adder,
            negated=adder.negated ^ 7,
            flipped_total=not adder.flipped_total,
            flipped_carry=not adder.flipped_carry,
        )
        if len(adder.leaves) == 3 and _inverters(dual, phase) < _inverters(adder, phase):
            adder = dual
        cell = cells[len(adder.leaves)]
        phase[adder.total] = adder.flipped_total ^ cell.flipped_sum
        phase[adder.carry] = adder.flipped_carry ^ cell.flipped_carry
        chosen.append(adder)
    return tuple(chosen)


def _inverters(adder: Adder, phase: Mapping[int, bool]) -> int:
    """Operands that are read in the phase that is not there; other gates can show both."""
    return sum(
        phase.get(leaf, bool(adder.negated >> i & 1)) != bool(adder.negated >> i & 1)
        for i, leaf in enumerate(adder.leaves)
    )


def cut_open(netlist: GateNetlist, adders: Sequence[Adder], cells: dict[int, AdderCell]) -> GateNetlist:
    """The circuit without its adders: inputs s0, c0, s1, ... are the pins of their outputs, and
    outputs what their operands read, after the circuit's own roots.
    """
    n, extra = netlist.n_inputs, 2 * len(adders)
    shift = np.concatenate([np.arange(n), n + extra + np.arange(netlist.n_gates)]).astype(np.int64)
    op, a, b = (column.astype(np.int64) for column in (netlist.op, netlist.a, netlist.b))
    a, b = np.where(a >= 0, shift[a], NONE), np.where(b >= 0, shift[b], NONE)
    for j, adder in enumerate(adders):
        cell = cells[len(adder.leaves)]
        ends = (
            (adder.total, adder.flipped_total ^ cell.flipped_sum),
            (adder.carry, adder.flipped_carry ^ cell.flipped_carry),
        )
        for side, (net, flipped) in enumerate(ends):
            op[net - n], a[net - n], b[net - n] = NOT if flipped else BUF, n + 2 * j + side, NONE
    ops, first = op.tolist(), n + extra
    firsts, seconds = a.tolist(), b.tolist()
    outputs = {f"r{k}": int(shift[net]) for k, net in enumerate(netlist.roots.tolist())}
    for j, adder in enumerate(adders):
        for i, leaf in enumerate(adder.leaves):
            net = int(shift[leaf])
            if adder.negated >> i & 1:
                ops.append(NOT)
                firsts.append(net)
                seconds.append(NONE)
                net = first + len(ops) - 1
            outputs[f"a{j}.{i}"] = net
    names = [f"i{k}" for k in range(n)] + [f"{x}{j}" for j in range(len(adders)) for x in "sc"]
    return make_gates(names, ops, firsts, seconds, outputs)


def put_back(
    rest: CellNetlist, netlist: GateNetlist, adders: Sequence[Adder], cells: dict[int, AdderCell]
) -> CellNetlist:
    """The mapped rest of cut_open(netlist, ...) with its adders.

    Its subject is what was mapped, with an adder's gates in place of each.
    """
    n, n_roots = netlist.n_inputs, netlist.roots.size
    widths = [len(adder.leaves) for adder in adders]
    ends = (n_roots + np.concatenate([[0], np.cumsum(widths)])).tolist()
    operands = [(start, stop) for start, stop in pairwise(ends)]
    subject, net_of = _joined_gates(rest, netlist, operands)
    library = rest.library
    inputs = rest.n_inputs
    reads = [rest.pins(k).tolist() for k in range(rest.n_cells)]
    reads += [rest.roots[start:stop].tolist() for start, stop in operands]
    makes = [[inputs + k] for k in range(rest.n_cells)]
    makes += [[n + 2 * j, n + 2 * j + 1] for j in range(len(adders))]
    place = {net: net for net in range(n)}
    cell: list[int] = []
    fanin: list[int] = []
    indptr = [0]
    origin: list[int] = []
    inverted: list[bool] = []
    instance: list[int] = []
    for number, item in enumerate(_in_order(n, reads, makes)):
        nets = [place[net] for net in reads[item]]
        if item < rest.n_cells:
            outs = [(int(rest.cell[item]), int(net_of[rest.origin[item]]), bool(rest.inverted[item]))]
        else:
            j = item - rest.n_cells
            adder = cells[widths[j]]
            outs = [
                (adder.sum, int(net_of[n + 2 * j]), False),
                (adder.carry, int(net_of[n + 2 * j + 1]), False),
            ]
        for net, (which, shown, flipped) in zip(makes[item], outs, strict=True):
            place[net] = n + len(cell)
            cell.append(which)
            fanin += nets
            indptr.append(len(fanin))
            origin.append(shown)
            inverted.append(flipped)
            instance.append(number)
    roots = [place[net] if net >= 0 else net for net in rest.roots[:n_roots].tolist()]
    whole = CellNetlist(
        library=library,
        input_names=netlist.input_names,
        output_names=netlist.output_names,
        cell=np.array(cell, dtype=np.int32),
        indptr=np.array(indptr, dtype=np.int64),
        fanin=np.array(fanin, dtype=np.int32),
        roots=np.array(roots, dtype=np.int32),
        subject=subject,
        origin=np.array(origin, dtype=np.int32),
        inverted=np.array(inverted, dtype=bool),
        instance=np.array(instance, dtype=np.int32),
    )
    verify_cells(whole)
    return whole


def _joined_gates(
    rest: CellNetlist, netlist: GateNetlist, operands: Sequence[tuple[int, int]]
) -> tuple[GateNetlist, np.ndarray]:
    """The mapped circuit's gates with the adders' among them, and where each of its nets is now.

    The pins of adders that show complements are complements here, too.
    """
    part, n, library = rest.subject, netlist.n_inputs, rest.library
    kinds = adder_cells(library)
    inputs, n_gates = part.n_inputs, part.n_gates
    shown = part.roots.tolist()
    read_a, read_b = READS_A[part.op], READS_B[part.op]
    reads = [
        [int(net) for net, read in ((part.a[k], read_a[k]), (part.b[k], read_b[k])) if read]
        for k in range(n_gates)
    ]
    reads += [shown[start:stop] for start, stop in operands]
    makes = [[inputs + k] for k in range(n_gates)]
    makes += [[n + 2 * j, n + 2 * j + 1] for j in range(len(operands))]
    net_of = np.full(part.n_nets, -1, dtype=np.int64)
    net_of[:n] = np.arange(n)
    op: list[int] = []
    first: list[int] = []
    second: list[int] = []

    def add(gate: int, x: int, y: int = NONE) -> int:
        op.append(gate)
        first.append(x)
        second.append(y)
        return n + len(op) - 1

    for item in _in_order(n, reads, makes):
        if item < n_gates:
            x, y = (int(net_of[net]) if net >= 0 else NONE for net in (part.a[item], part.b[item]))
            net_of[inputs + item] = add(int(part.op[item]), x, y)
            continue
        nets = [int(net_of[net]) for net in reads[item]]
        half, both = add(XOR, nets[0], nets[1]), add(AND, nets[0], nets[1])
        if len(nets) == 3:
            late = add(AND, half, nets[2])
            half, both = add(XOR, half, nets[2]), add(OR, both, late)
        kind = kinds[len(nets)]
        for net, made, flipped in zip(
            makes[item], (half, both), (kind.flipped_sum, kind.flipped_carry), strict=True
        ):
            net_of[net] = add(NOT, made) if flipped else made
    roots = net_of[part.roots[: netlist.roots.size]]
    joined = replace(
        netlist,
        op=np.array(op, dtype=np.uint8),
        a=np.array(first, dtype=np.int32),
        b=np.array(second, dtype=np.int32),
    )
    return joined.with_roots(roots), net_of


def _in_order(n_inputs: int, reads: Sequence[Sequence[int]], makes: Sequence[Sequence[int]]) -> list[int]:
    """Items so that each comes after those that make what it reads; nets below n_inputs are there."""
    maker = {net: item for item, nets in enumerate(makes) for net in nets}
    waits = [len({maker[net] for net in nets if net in maker}) for nets in reads]
    readers: dict[int, list[int]] = {}
    for item, nets in enumerate(reads):
        for other in {maker[net] for net in nets if net in maker}:
            readers.setdefault(other, []).append(item)
    ready = [item for item, number in enumerate(waits) if number == 0]
    order = []
    while ready:
        item = ready.pop()
        order.append(item)
        for reader in readers.get(item, ()):
            waits[reader] -= 1
            if waits[reader] == 0:
                ready.append(reader)
    assert len(order) == len(reads), "adders of a circuit without loops have an order"
    return order
