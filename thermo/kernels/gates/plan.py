"""Loops that turn the columns of a GateNetlist into a gate program."""

from __future__ import annotations

import numpy as np

from compiler.ir.gates import READS_A, READS_B
from thermo.kernels.jit import njit

ZERO, ONE = -1, -2  # operands that are constants

_READS_A, _READS_B = READS_A.astype(np.uint8), READS_B.astype(np.uint8)


@njit(cache=True)
def resolve(op, a, b, n_inputs, shown, node, inverted, kind, x, y):  # type: ignore[no-untyped-def]
    """What each net is: a constant, an input, or a gate that must be evaluated; inverted or not.

    shown : (n_nets,) bool, nets whose own value is wanted, not its complement
    node, inverted : (n_nets,), on return net n is node[n], complemented where inverted[n]; node is
        ZERO for a constant, whose value inverted[n] is
    kind, x, y : (n_gates,), on return the gate to evaluate, one of 1, 2, 6, 8 unless shown, and the
        nets it reads; kind 0 where nothing needs be evaluated
    """
    for n in range(n_inputs):
        node[n] = n
        inverted[n] = 0
    for k in range(op.shape[0]):
        table = op[k]
        p, q, flip_p, flip_q = ZERO, ZERO, 0, 0
        if _READS_A[table]:
            p, flip_p = node[a[k]], inverted[a[k]]
        if _READS_B[table]:
            q, flip_q = node[b[k]], inverted[b[k]]
        p0, p1 = flip_p, flip_p if p == ZERO else 1 - flip_p
        q0, q1 = flip_q, flip_q if q == ZERO else 1 - flip_q
        f00 = (table >> (3 - 2 * p0 - q0)) & 1
        f01 = (table >> (3 - 2 * p0 - q1)) & 1
        f10 = (table >> (3 - 2 * p1 - q0)) & 1
        f11 = (table >> (3 - 2 * p1 - q1)) & 1
        if p == q and p != ZERO:
            f01, f10 = f00, f11
        on_p = f00 != f10 or f01 != f11
        on_q = f00 != f01 or f10 != f11
        net = n_inputs + k
        kind[k] = 0
        if on_p and on_q:
            new = 8 * f00 + 4 * f01 + 2 * f10 + f11
            inverted[net] = 0
            if not shown[net] and new not in (1, 2, 4, 6, 8):
                new = 15 - new
                inverted[net] = 1
            if new == 4 or new == 13:
                new = 2 if new == 4 else 11
                p, q = q, p
            node[net] = net
            kind[k], x[k], y[k] = new, p, q
        else:
            node[net] = p if on_p else q if on_q else ZERO
            inverted[net] = f00


@njit(cache=True)
def mark_live(kind, x, y, n_inputs, live):  # type: ignore[no-untyped-def]
    """Extend live, (n_nets,) bool, to every net that a live gate reads."""
    for k in range(kind.shape[0] - 1, -1, -1):
        if kind[k] and live[n_inputs + k]:
            live[x[k]] = True
            live[y[k]] = True


@njit(cache=True)
def find_levels(x, y, out, level):  # type: ignore[no-untyped-def]
    """level[out[i]] = 1 + that of the deepest operand, for gates in topological order."""
    for i in range(out.shape[0]):
        deepest = 0
        for operand in (x[i], y[i]):
            if operand >= 0 and level[operand] > deepest:
                deepest = level[operand]
        level[out[i]] = deepest + 1


@njit(cache=True)
def assign_rows(x, y, out, readers, kept, row, next_row, reuse):  # type: ignore[no-untyped-def]
    """Give every written node a row; a row is free again once its last reader has run.

    x, y, out : operands and result of each instruction, in order; a negative out writes no row
    readers : (n_nodes,) instructions that still read each node, used up
    kept : (n_nodes,) bool, rows that are read after the last instruction
    row : (n_nodes,), inputs' on entry, -1 elsewhere
    Returns the number of rows in use, those before next_row included.
    """
    first = next_row
    spare = np.empty(out.shape[0] + 1, np.int64)
    n_spare = 0
    for i in range(out.shape[0]):
        for operand in (x[i], y[i]):
            if operand >= 0:
                readers[operand] -= 1
                free = readers[operand] == 0 and not kept[operand] and row[operand] >= first
                if free and reuse:
                    spare[n_spare] = row[operand]
                    n_spare += 1
        if out[i] >= 0:
            if n_spare:
                n_spare -= 1
                row[out[i]] = spare[n_spare]
            else:
                row[out[i]] = next_row
                next_row += 1
    return next_row
