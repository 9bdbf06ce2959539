"""Best circuits of two-input gates for the 222 classes of functions of four inputs.

    python -m compiler.passes.gates.npn_generate > compiler/passes/gates/npn_tables.py

Chains of gates are enumerated by depth-first search, as in D. E. Knuth, The Art of Computer
Programming 4A, 7.1.2, with every function taken as normal (0 where all inputs are 0), so that five
gates (three and-like, or, xor) stand for the ten. With a cost of 1 for every gate the search is
exhaustive: the counts are exact (at most 7 gates). With xor as three and-gates (the cost in an
and-inverter graph) it covers all chains of at most 7 steps and cost 9; the dozen classes that need
more get their best circuit of the other kind.
"""

from __future__ import annotations

import sys

import numba
import numpy as np

from compiler.passes.gates.npn import canonical_table

STEPS = 7  # longest chain
KEPT = 4  # circuits stored a class; load time adds those that the class's symmetries make of them
SYMBOLS = "&><|^"  # a and b, a and not b, not a and b, a or b, a xor b
VARIABLES = (0xAAAA, 0xCCCC, 0xF0F0, 0xFF00)


@numba.njit(cache=True)
def _apply(op, x, y):  # pragma: no cover - compiled
    if op == 0:
        return x & y
    if op == 1:
        return x & ~y
    if op == 2:
        return ~x & y
    if op == 3:
        return x | y
    return x ^ y


@numba.njit(
    "void(i8, i8, i8, i8, i8, i8[:], i8[:], i8[:, :], i8, i4[:], i8[:], i8[:], i8[:, :, :, :], i8[:, :])",
    cache=True,
)
def _search(
    n,
    budget,
    last_pair,
    last_op,
    steps_left,
    signals,
    used,
    chain,
    xor_cost,
    class_of,
    cost,
    kept,
    found,
    marks,
):  # pragma: no cover - compiled
    """Extend the chain signals[:n] (the first four are the inputs) by gates of total cost budget.

    last_pair, last_op : of the latest gate; a later gate that does not read it must come after it
    """
    unused = 0
    for i in range(4, n):
        if used[i] == 0:
            unused += 1
    for j in range(1, n):
        for i in range(j):
            pair = j * 16 + i
            newest = j == n - 1 and n > 4
            if not newest and n > 4 and pair < last_pair:
                continue
            left = unused
            if i >= 4 and used[i] == 0:
                left -= 1
            if j >= 4 and used[j] == 0:
                left -= 1
            for op in range(5):
                price = xor_cost if op == 4 else 1
                if price > budget:
                    continue
                if not newest and n > 4 and pair == last_pair and op <= last_op:
                    continue
                rest = budget - price
                # each further gate joins two signals that nothing reads yet, at best
                if left + 1 - min(rest, steps_left - 1) > 1:
                    continue
                value = _apply(op, signals[i], signals[j]) & 0xFFFF
                if value == 0:
                    continue
                known = False
                for k in range(n):
                    if signals[k] == value:
                        known = True
                        break
                if known:
                    continue
                chain[n, 0], chain[n, 1], chain[n, 2] = op, i, j
                if rest == 0:
                    c = class_of[value]
                    if c >= 0 and cost[c] >= 0 and cost[c] <= 99:
                        continue
                    if c >= 0 and (cost[c] == -1 or cost[c] == 100 + marks[0, 0]):
                        cost[c] = 100 + marks[0, 0]
                        if kept[c] < found.shape[1]:
                            # different mixes of gates and depths first: a small signature
                            slot = kept[c]
                            for k in range(4, n + 1):
                                for m in range(3):
                                    found[c, slot, k, m] = chain[k, m]
                            found[c, slot, 0, 0] = n + 1
                            kept[c] += 1
                    continue
                if steps_left == 1:
                    continue
                signals[n] = value
                used[n] = 0
                used[i] += 1
                used[j] += 1
                _search(
                    n + 1,
                    rest,
                    pair,
                    op,
                    steps_left - 1,
                    signals,
                    used,
                    chain,
                    xor_cost,
                    class_of,
                    cost,
                    kept,
                    found,
                    marks,
                )
                used[i] -= 1
                used[j] -= 1


def search(xor_cost: int, dearest: int, most: int = 2000) -> list[tuple[int, int, list[str]]]:
    """(representative, cost, circuits) of every class; a circuit is a string of `symbol x y`.

    dearest : the cost at which the search ends; most : circuits of a class that are compared
    """
    representative, _ = canonical_table()
    reps = np.unique(representative)
    # only representatives themselves are looked for: every chain of a class's member is a chain of
    # its representative after a change of inputs, and the search visits that one, too
    class_of = np.full(1 << 16, -1, dtype=np.int32)
    class_of[reps] = np.arange(reps.size)
    cost = np.full(reps.size, -1, dtype=np.int64)
    kept = np.zeros(reps.size, dtype=np.int64)
    found = np.zeros((reps.size, most, 4 + STEPS, 3), dtype=np.int64)
    for rep, c in zip(reps.tolist(), range(reps.size), strict=True):
        if rep == 0 or rep in VARIABLES:
            cost[c] = 0
    signals = np.zeros(4 + STEPS + 1, dtype=np.int64)
    signals[:4] = VARIABLES
    marks = np.zeros((1, 1), dtype=np.int64)
    budget = 0
    while (cost == -1).any() and budget < dearest:
        budget += 1
        marks[0, 0] = budget
        used = np.zeros(4 + STEPS + 1, dtype=np.int64)
        chain = np.zeros((4 + STEPS, 3), dtype=np.int64)
        _search(4, budget, -1, -1, STEPS, signals, used, chain, xor_cost, class_of, cost, kept, found, marks)
        done = cost == 100 + budget
        cost[done] = budget
        sys.stderr.write(f"cost {budget}: {int(done.sum())} classes\n")
    return [(int(rep), int(cost[c]), _varied(found[c, : kept[c]])) for c, rep in enumerate(reps.tolist())]


def _varied(chains: np.ndarray) -> list[str]:
    """KEPT of the chains: each differs most from those before in depth and kinds of gates."""
    chosen: list[str] = []
    seen: set[tuple] = set()
    texts = []
    for chain in chains:
        size = int(chain[0, 0])
        depth = [0] * 4
        text = ""
        for k in range(4, size):
            op, i, j = chain[k].tolist()
            depth.append(1 + max(depth[i], depth[j]))
            text += SYMBOLS[op] + chr(97 + i) + chr(97 + j)
        texts.append((depth[-1], sum(depth), text))
    for depth_, total, text in sorted(texts):
        key = (depth_, total, "".join(sorted(text[::3])))
        if key not in seen:
            seen.add(key)
            chosen.append(text)
    return chosen[:KEPT]


def main() -> None:
    """Print the module npn_tables."""
    write = sys.stdout.write
    write('"""Made by compiler.passes.gates.npn_generate, which says what this is; do not edit."""\n\n')
    gates = search(1, 7)
    ands = search(3, 9)
    for name, table in (("GATES", gates), ("ANDS", ands)):
        write(f'{name} = """\n')
        for (rep, price, circuits), (_, _, other) in zip(table, gates, strict=True):
            if price < 0:
                prices = [2 * circuit.count("^") + len(circuit) // 3 for circuit in other]
                price = min(prices)
                circuits = [c for c, p in zip(other, prices, strict=True) if p == price]
            write(f"{rep:04x} {price} {' '.join(circuits)}".rstrip() + "\n")
        write('"""\n')


if __name__ == "__main__":
    main()
