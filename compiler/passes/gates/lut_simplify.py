"""Circuits of tables made smaller: constants, idle inputs, equal tables, impossible patterns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.circuits.free_entries import filled
from compiler.circuits.possible import implications
from compiler.ir.gates import NONE
from compiler.ir.luts import LutNetlist


def clean_tables(netlist: LutNetlist) -> LutNetlist:
    """The same circuit without tables that are constant, of one input, equal to another or its complement, or
    unread.

    Tables lose inputs on which they do not depend; inverters go into the tables that read them. A root that
    is the complement of another net, or an input, has a table of one input of its own.
    """
    n = netlist.n_inputs
    literals = [2 * net for net in range(n)]  # of every net: 2 new net + complement; -2, -1: 0 and 1
    known: dict[tuple[tuple[int, ...], int], int] = {}
    rows: list[tuple[tuple[int, ...], int]] = []
    for fanins, table in zip(netlist.fanins.tolist(), netlist.table.tolist(), strict=True):
        operands = [literals[net] for net in fanins if net != NONE]
        nets, f = _least(operands, table)
        size = 1 << len(nets)
        flip = f & 1
        f ^= ((1 << size) - 1) * flip
        if f == 0:
            literals.append(-2 + flip)
        elif len(nets) == 1:  # f is 0b10, the net itself
            literals.append(2 * nets[0] + flip)
        else:
            if (nets, f) not in known:
                known[nets, f] = n + len(rows)
                rows.append((nets, f))
            literals.append(2 * known[nets, f] + flip)
    return _finished(netlist, rows, [literals[net] for net in netlist.roots.tolist()])


def _least(operands: list[int], table: int) -> tuple[tuple[int, ...], int]:
    """(nets that rise, table over them) of a table over literals."""
    nets = tuple(sorted({literal >> 1 for literal in operands if literal >= 0}))
    place = {net: i for i, net in enumerate(nets)}
    f = 0
    for p in range(1 << len(nets)):
        at = 0
        for i, literal in enumerate(operands):
            bit = literal + 2 if literal < 0 else (p >> place[literal >> 1] & 1) ^ (literal & 1)
            at |= bit << i
        f |= (table >> at & 1) << p
    for i in reversed(range(len(nets))):
        low = high = 0
        size = 1 << i
        mask = (1 << size) - 1
        for block in range(1 << (len(nets) - 1 - i)):
            low |= (f >> (2 * block * size) & mask) << (block * size)
            high |= (f >> ((2 * block + 1) * size) & mask) << (block * size)
        if low == high:
            f, nets = low, nets[:i] + nets[i + 1 :]
    return nets, f


def _finished(netlist: LutNetlist, rows: list[tuple[tuple[int, ...], int]], roots: list[int]) -> LutNetlist:
    """The rows that roots, literals, depend on; a complement that is shown alone goes into its table."""
    n = netlist.n_inputs
    read = np.zeros(n + len(rows), bool)
    for literal in roots:
        if literal >= 0:
            read[literal >> 1] = True
    inner = np.zeros(n + len(rows), bool)
    for t in reversed(range(len(rows))):
        if read[n + t]:
            read[list(rows[t][0])] = inner[list(rows[t][0])] = True
    number = np.full(read.size, NONE, np.int64)
    number[:n] = np.arange(n)
    used = np.flatnonzero(read[n:])
    number[n + used] = n + np.arange(used.size)
    made = [(tuple(number[list(rows[t][0])].tolist()), rows[t][1]) for t in used.tolist()]
    plain = {literal >> 1 for literal in roots if literal >= 0 and not literal & 1}
    shown: dict[int, int] = {}
    for literal in dict.fromkeys(roots):
        net = literal >> 1
        if literal >= 0 and not literal & 1:
            shown[literal] = int(number[net])
        elif literal >= 0 and net >= n and net not in plain and not inner[net]:
            nets, f = made[int(number[net]) - n]
            made[int(number[net]) - n] = nets, f ^ ((1 << (1 << len(nets))) - 1)
            shown[literal] = int(number[net])
        else:
            shown[literal] = n + len(made)
            made.append(((int(number[net]),), 1) if literal >= 0 else ((), literal + 2))
    fanins = np.full((len(made), netlist.k), NONE, np.int32)
    for t, (nets, _) in enumerate(made):
        fanins[t, : len(nets)] = nets
    named = netlist.n_outputs
    at = np.array([shown[literal] for literal in roots], np.int32)
    sums = netlist.class_sums
    return replace(
        netlist,
        fanins=fanins,
        table=np.array([f for _, f in made], np.uint64),
        outputs=at[:named],
        class_sums=None if sums is None else replace(sums, nets=at[named:]),
    )


def fill_impossible(netlist: LutNetlist) -> LutNetlist:
    """Entries that the encoder can never address take the values that make their tables small."""
    if netlist.encoder is None:
        return netlist
    n = netlist.n_inputs
    implied: dict[int, set[int]] = {}  # what an input implies
    for a, b in implications(netlist.encoder).tolist():
        implied.setdefault(a, set()).add(b)
    table, widths = netlist.table.copy(), netlist.widths
    for k in range(2, netlist.k + 1):
        found: list[tuple[int, list[tuple[int, int]]]] = []
        for t in np.flatnonzero(widths == k).tolist():
            nets = netlist.fanins[t, :k].tolist()
            pairs = [
                (i, j)
                for i, high in enumerate(nets)
                if high < n
                for j, low in enumerate(nets)
                if i != j and low < n and _implies(implied, high, low)
            ]
            if pairs:
                found.append((t, pairs))
        if not found:
            continue
        entry = np.arange(1 << k)
        free = np.zeros((len(found), 1 << k), bool)
        for row, (_, pairs) in enumerate(found):
            for i, j in pairs:
                free[row] |= (entry >> i & 1 == 1) & (entry >> j & 1 == 0)
        rows = np.array([t for t, _ in found])
        hard = (table[rows][:, None] >> entry.astype(np.uint64) & np.uint64(1)).astype(bool)
        powers = np.uint64(1) << entry.astype(np.uint64)
        table[rows] = (filled(hard, free) * powers).sum(axis=1, dtype=np.uint64)
    return replace(netlist, table=table)


def _implies(implied: dict[int, set[int]], a: int, b: int) -> bool:
    """Whether a implies b, through any number of inputs between them."""
    seen, open_ = {a}, [a]
    while open_:
        for other in implied.get(open_.pop(), ()):
            if other == b:
                return True
            if other not in seen:
                seen.add(other)
                open_.append(other)
    return False
