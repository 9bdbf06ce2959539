"""Classes of four-input functions, and the stored circuits: each is what it says, and how small."""

import numpy as np
import pytest

from compiler.passes.gates.npn import PERMUTATIONS, canonical_table, moves
from compiler.passes.gates.npn_generate import search
from compiler.passes.gates.npn_library import OBJECTIVES, library
from compiler.passes.gates.xag import AND_NODE

VARIABLES = (0xAAAA, 0xCCCC, 0xF0F0, 0xFF00)


def computed(sizes, gates, tops, k):
    """Truth table of stored circuit k."""
    values = [0, *VARIABLES]

    def of(literal):
        return values[literal >> 1] ^ (0xFFFF if literal & 1 else 0)

    for kind, p, q in gates[k, : sizes[k]].tolist():
        values.append(of(p) & of(q) if kind == AND_NODE else of(p) ^ of(q))
    return of(int(tops[k]))


def test_there_are_222_classes():
    representative, how = canonical_table()
    assert np.unique(representative).size == 222
    assert (representative % 2 == 0).all()  # 0 where all inputs are 0
    weights = 1 << np.arange(16)
    rng = np.random.default_rng(0)
    for table in [*range(300), *rng.integers(0, 1 << 16, 700).tolist()]:
        rep = int(representative[table])
        image = int(((rep >> np.arange(16) & 1)[moves()[how[table] >> 1]] * weights).sum())
        assert image ^ (0xFFFF * int(how[table] & 1)) == table
    # a move changes inputs as it says
    perm, flips = PERMUTATIONS[7], 5
    for x in range(16):
        y = sum(((x >> perm[i] & 1) ^ (flips >> i & 1)) << i for i in range(4))
        assert moves()[16 * 7 + flips][x] == y


@pytest.mark.parametrize("objective", sorted(OBJECTIVES))
def test_every_circuit_computes_its_class(objective):
    lib = library(objective)
    reps = np.unique(canonical_table()[0])
    assert lib.first.size == 223 and (np.diff(lib.first) > 0).all()
    for c, rep in enumerate(reps.tolist()):
        for k in range(lib.first[c], lib.first[c + 1]):
            assert computed(lib.sizes, lib.gates, lib.tops, k) == rep
            # sharing inside an xor can make a circuit of and-gates smaller than its price
            assert lib.sizes[k] <= lib.cost[c] if objective == "ands" else lib.sizes[k] == lib.cost[c]


def test_gate_counts_are_the_known_ones():
    """Classes by the number of gates needed: Knuth, TAOCP 4A, 7.1.2, Table 1."""
    counts = np.bincount(library("gates").cost)
    assert counts.tolist() == [2, 2, 5, 20, 34, 75, 72, 12]
    # in and-gates: x ^ y ^ z ^ w three times three, and nothing less than in gates of any kind
    ands = library("ands").cost
    representative = canonical_table()[0]
    parity = np.flatnonzero(np.unique(representative) == representative[0x6996])[0]
    assert ands[parity] == 9
    assert (ands >= library("gates").cost).all()


def test_the_generator_finds_what_is_stored():
    """Up to four gates, which takes no time; all seven take minutes."""
    stored = library("gates")
    for c, (_, cost, circuits) in enumerate(search(1, 4)):
        assert cost == (stored.cost[c] if stored.cost[c] <= 4 else -1)
        assert bool(circuits) == (cost > 0)
        assert all(len(text) == 3 * cost for text in circuits)
