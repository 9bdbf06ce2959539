"""And-gates for a function of up to six inputs that come at different times, kernels only.

Three shapes are tried: the balanced sum of products of the function and of its complement (A. Mishchenko,
R. Brayton, S. Jang and V. Kravets, Delay optimization using SOP balancing, ICCAD 2011), and the cofactors
by the latest input, balanced so, between which that input chooses last.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from compiler.jit import njit
from compiler.passes.gates.covers import CUBES, INPUTS, Covers, find_cover, no_covers, restricted

GATES = 2 * CUBES * INPUTS + 8  # of a plan, at most
LATE = 1 << 28  # level of what has no plan


class Plan(NamedTuple):
    """Gates under way: literals are 2 signal + complement, signals the six inputs and then the gates.

    gate : (GATES, 2) operands of and-gates; level : (INPUTS + GATES,) by signal, of the inputs as given
    size : [number of gates]; buffer : literals of a tree; frames, terms : scratch; covers : sums known
    """

    gate: np.ndarray
    level: np.ndarray
    size: np.ndarray
    buffer: np.ndarray
    terms: np.ndarray
    frames: np.ndarray
    covers: Covers


def no_plan() -> Plan:
    """Room for a plan."""
    return Plan(
        gate=np.zeros((GATES, 2), dtype=np.int64),
        level=np.zeros(INPUTS + GATES, dtype=np.int64),
        size=np.zeros(1, dtype=np.int64),
        buffer=np.zeros(CUBES + INPUTS, dtype=np.int64),
        terms=np.zeros(CUBES, dtype=np.int64),
        frames=np.zeros((INPUTS + 1, 6), dtype=np.int64),
        covers=no_covers(),
    )


@njit(widen=True, cache=True)
def _and(plan, p, q):  # pragma: no cover - compiled
    """The literal of an and-gate; one there is already serves again."""
    if p > q:
        p, q = q, p
    n = plan.size[0]
    for g in range(n):
        if plan.gate[g, 0] == p and plan.gate[g, 1] == q:
            return 2 * (INPUTS + g)
    plan.gate[n, 0], plan.gate[n, 1] = p, q
    plan.level[INPUTS + n] = 1 + max(plan.level[p >> 1], plan.level[q >> 1])
    plan.size[0] = n + 1
    return 2 * (INPUTS + n)


@njit(widen=True, cache=True)
def _tree(plan, items, n):  # pragma: no cover - compiled
    """The and of n > 0 literals, the earliest joined first."""
    while n > 1:
        for k in range(2):  # the two earliest to the front
            first = k
            for i in range(k + 1, n):
                a, b = plan.level[items[i] >> 1], plan.level[items[first] >> 1]
                if a < b or (a == b and items[i] < items[first]):
                    first = i
            items[k], items[first] = items[first], items[k]
        joined = _and(plan, items[0], items[1])
        items[0] = joined
        items[1] = items[n - 1]
        n -= 1
    return items[0]


@njit(widen=True, cache=True)
def _balanced(plan, at):  # pragma: no cover - compiled
    """The literal of a sum of products that is known and no constant."""
    first, count = plan.covers.first[at], plan.covers.number[at]
    for k in range(count):
        cube = plan.covers.pool[first + k]
        n = 0
        for i in range(INPUTS):
            if (cube >> i) & 1:
                plan.buffer[n] = 2 * i
                n += 1
            elif (cube >> (INPUTS + i)) & 1:
                plan.buffer[n] = 2 * i + 1
                n += 1
        plan.terms[k] = _tree(plan, plan.buffer, n) ^ 1
    return _tree(plan, plan.terms, count) ^ 1


@njit(widen=True, cache=True)
def _covered(plan, lower, upper):  # pragma: no cover - compiled
    """The literal of a function between the bounds, by its products or its complement's, as is earlier;
    -1 if there are too many of both. No constant lies between the bounds."""
    start = plan.size[0]
    one = find_cover(plan.covers, lower, upper, plan.frames)
    if plan.covers.number[one] < 0:
        other = find_cover(plan.covers, ~upper, ~lower, plan.frames)
        if plan.covers.number[other] < 0:
            return -1
        return _balanced(plan, other) ^ 1
    found = _balanced(plan, one)
    late, gates = plan.level[found >> 1], plan.size[0]
    plan.size[0] = start
    other = find_cover(plan.covers, ~upper, ~lower, plan.frames)
    if plan.covers.number[other] >= 0:
        turned = _balanced(plan, other) ^ 1
        level = plan.level[turned >> 1]
        if level < late or (level == late and plan.size[0] < gates):
            return turned
        plan.size[0] = start
        # the table of sums may have been emptied in between
        one = find_cover(plan.covers, lower, upper, plan.frames)
    return _balanced(plan, one)


@njit(widen=True, cache=True)
def _chosen_last(plan, table, i):  # pragma: no cover - compiled
    """The function's literal where input i is read at the end; -1 if there is no such plan."""
    zero, one = restricted(table, i, 0), restricted(table, i, 1)
    x = 2 * i
    if one & ~zero == 0:  # falls with it
        zero, one = one, zero
        x ^= 1
    if zero == 0:
        rest = _covered(plan, one, one)
        return _and(plan, x, rest) if rest >= 0 else -1
    if one == -1:
        rest = _covered(plan, zero, zero)
        return _and(plan, x ^ 1, rest ^ 1) ^ 1 if rest >= 0 else -1
    low = _covered(plan, zero, zero)
    if low < 0:
        return -1
    if zero & ~one == 0:
        high = _covered(plan, one & ~zero, one)
        if high < 0:
            return -1
        return _and(plan, low ^ 1, _and(plan, x, high) ^ 1) ^ 1
    high = low ^ 1
    if one != ~zero:
        high = _covered(plan, one, one)
        if high < 0:
            return -1
    return _and(plan, _and(plan, x, high) ^ 1, _and(plan, x ^ 1, low) ^ 1) ^ 1


@njit(widen=True, cache=True)
def make_plan(plan, table, inputs):  # pragma: no cover - compiled
    """The top literal of the earliest plan, of few gates among equals, or -1; the inputs' levels are given.

    table : depends on all of the first `inputs` > 0
    """
    plan.size[0] = 0
    if inputs == 1:
        return 0 if table & 1 == 0 else 1
    found = _covered(plan, table, table)
    if inputs == 2:
        return found
    late, gates = LATE, 0
    if found >= 0:
        late, gates = plan.level[found >> 1], plan.size[0]
    last = 0
    for i in range(1, inputs):
        if plan.level[i] > plan.level[last]:
            last = i
    plan.size[0] = 0
    other = _chosen_last(plan, table, last)
    if other >= 0:
        level = plan.level[other >> 1]
        if level < late or (level == late and plan.size[0] < gates):
            return other
    if found < 0:
        return -1
    plan.size[0] = 0
    return _covered(plan, table, table)
