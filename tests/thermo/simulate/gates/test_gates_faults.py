"""Stuck and flipping gates: exact masks, exact laws, and broken twins that the tests catch.

alpha = 1e-4 for every statistical test; the seeds are fixed.
"""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from toys.gate_runs import circuit, patterns

from compiler.circuits.reference import net_values
from compiler.ir.gates import make_gates
from thermo.kernels.gates.faults import (
    ALMOST_ALWAYS,
    DIGITS,
    NEVER,
    OFTEN,
    RARE,
    RARELY,
    STREAM_FLIPS,
    flip_law,
)
from thermo.kernels.random import threefry4x32_numpy
from thermo.simulate.errors import SimulationError
from thermo.simulate.gates.faults import Faults
from thermo.simulate.gates.run import simulate_gates

ALPHA = 1e-4
SEED = 12345678901234567


def buffers(n: int):
    """n gates that show the one input, each by its own output: what differs are its errors."""
    outputs = {f"o{k}": 1 + k for k in range(n)}
    return make_gates(["x"], [3] * n, [0] * n, [0] * n, outputs)


def errors(p: float, gates: int, samples: int, seed: int = SEED) -> np.ndarray:
    """(samples, gates) bool: where gates that flip with probability p err."""
    bits = patterns(3, samples, 1)
    got = simulate_gates(buffers(gates), bits=bits, faults=Faults(flip=p), seed=seed)
    return got.outputs != bits.astype(bool)


# --- the masks, bit for bit ------------------------------------------------------------------


def words(seed: int, block: int, gate: int, draws: np.ndarray) -> np.ndarray:
    """(n_draws, 4) words of the generator, by its NumPy oracle."""
    key = (seed & 0xFFFFFFFF, seed >> 32, STREAM_FLIPS, 0)
    same = np.ones(draws.size, np.int64)
    counter = (same * (block & 0xFFFFFFFF), same * (block >> 32), same * gate, draws)
    return np.stack(threefry4x32_numpy(key, counter), axis=1)


def mask(p: float, seed: int, block: int, gate: int) -> np.ndarray:
    """(512,) bool errors as the module's text defines them, in plain Python."""
    mode, table = flip_law(p)
    out = np.zeros(512, dtype=bool)
    if mode == OFTEN:
        digits = [int(table[0]) >> k & 1 for k in range(DIGITS)]
        digits = digits[digits.index(1) :]
        raw = words(seed, block, gate, 1 + np.arange(4 * len(digits))).reshape(len(digits), 16)
        for digit, row in zip(digits, raw, strict=True):
            r = np.unpackbits(row.astype("<u4").view(np.uint8), bitorder="little").astype(bool)
            out = out | r if digit else out & r
        return out
    stream = words(seed, block, gate, np.arange(200)).reshape(-1)
    u = int(stream[0]) | int(stream[1]) << 32
    count = sum(u >= int(c) for c in table)
    places = (int(w) >> shift & 511 for w in stream[2:] for shift in (0, 9, 18))
    while out.sum() < count:
        out[next(places)] = True
    return ~out if mode == ALMOST_ALWAYS else out


@pytest.mark.parametrize("p", [1e-5, 1e-3, 0.02, RARE, 0.1, 0.5, 0.625, 0.97, 0.999])
def test_errors_are_the_function_of_seed_sample_and_gate(p):
    found = errors(p, 70, 1100)
    for block in range(3):
        here = found[512 * block : 512 * (block + 1)]
        for gate in range(70):
            assert (here[:, gate] == mask(p, SEED, block, gate)[: here.shape[0]]).all()


def test_ends_of_the_scale():
    assert not errors(0.0, 70, 600).any()
    assert errors(1.0, 70, 600).all()
    assert flip_law(0.0)[0] == NEVER and flip_law(1.0)[0] == ALMOST_ALWAYS
    assert (errors(1e-300, 3, 600) == 0).all()


@pytest.mark.parametrize("p", [1e-9, 1e-3, RARE, 1 - 1e-3])
def test_the_table_is_the_binomial_law_exactly(p):
    mode, table = flip_law(p)
    rate = Fraction(p) if mode == RARELY else 1 - Fraction(p)
    below, term = Fraction(0), (1 - rate) ** 512
    for j, entry in enumerate(table.tolist()):
        below += term
        assert 0 <= below * 2**64 - entry < 1
        term = term * (512 - j) * rate / ((j + 1) * (1 - rate))
    assert 1 - (below + term) < 2**-63


def test_often_is_rounded_to_32_digits():
    for p in (0.1, 1 / 3, 0.9):
        assert abs(flip_law(p)[1][0] / 2**32 - p) <= 2**-33


# --- their law --------------------------------------------------------------------------------


def rate_z(found: np.ndarray, p: float) -> float:
    return (found.sum() - found.size * p) / np.sqrt(found.size * p * (1 - p))


def spread_p(found: np.ndarray, p: float, axis: int) -> float:
    """p-value of the spread of the sums along `axis`, two-sided.

    Sums of m independent errors have variance m p (1 - p); over k of them the index of dispersion
    has the mean 1 and, from the fourth moment of the binomial law, the variance
    (2 + (1 - 6 p (1 - p)) / (m p (1 - p))) / k.
    """
    sums = found.sum(axis=axis)
    m, q = found.shape[axis], p * (1 - p)
    index = np.mean((sums - m * p) ** 2) / (m * q)
    sd = np.sqrt((2 + (1 - 6 * q) / (m * q)) / sums.size)
    return 2 * stats.norm.sf(abs(index - 1) / sd)


CASES = [(0.001, 2000, 16384), (0.02, 500, 8192), (0.1, 500, 4096), (0.3, 500, 2048)]


@pytest.mark.parametrize(("p", "gates", "samples"), CASES)
def test_rate_and_independence(p, gates, samples):
    """The rate, and the spread of the sums over gates and over samples: correlation widens it."""
    z = stats.norm.isf(ALPHA / 2)
    found = errors(p, gates, samples)
    assert abs(rate_z(found, p)) < z
    for axis in (0, 1):
        assert spread_p(found, p, axis) > ALPHA
    # neighbours in a word, in a row, and from block to block
    for lag in (1, 64, 512):
        pairs = (found[lag:] & found[:-lag]).sum()
        n = (samples - lag) * gates
        # overlapping pairs: variance n p^2 (1 - p^2) + 2 n p^3 (1 - p), to first order
        sd = np.sqrt(n * p**2 * (1 - p**2) + 2 * n * p**3 * (1 - p))
        assert abs(pairs - n * p**2) < z * sd


@pytest.mark.parametrize(("p", "gates", "samples"), CASES)
def test_broken_twins_fail(p, gates, samples):
    """A rate 10 % off; errors shared by samples, by gates, by blocks; a seed that does nothing."""
    z = stats.norm.isf(ALPHA / 2)
    assert abs(rate_z(errors(1.1 * p, gates, samples), p)) > z
    true = errors(p, gates, samples)
    by_two = np.repeat(true[: samples // 2], 2, axis=0)
    assert spread_p(by_two, p, 0) < ALPHA
    shared = np.repeat(true[:, : gates // 2], 2, axis=1)
    assert spread_p(shared, p, 1) < ALPHA
    n = (samples - 512) * gates
    again = np.tile(true[:512], (samples // 512, 1))
    pairs = (again[512:] & again[:-512]).sum()
    assert abs(pairs - n * p**2) > z * np.sqrt(n * p**2)
    assert (errors(p, gates, 512, seed=SEED + 1) != true[:512]).any()


@pytest.mark.parametrize("p", [0.005, 0.2])
def test_places_within_a_block_are_equally_likely(p):
    """Chi-squared over the 512 places; a twin that never errs in the last word fails."""
    found = errors(p, 400, 64 * 512).reshape(64, 512, 400).sum(axis=(0, 2))
    expected = 64 * 400 * p
    chi = ((found - expected) ** 2).sum() / (expected * (1 - p))
    assert ALPHA / 2 < stats.chi2.sf(chi, 512) < 1 - ALPHA / 2
    found[448:] = 0
    assert stats.chi2.sf(((found - expected) ** 2).sum() / (expected * (1 - p)), 512) < ALPHA


# --- what they do in a circuit ----------------------------------------------------------------


def test_flips_travel_through_the_circuit():
    """Errors drawn as defined, put into the reference gate by gate, give the same outputs."""
    netlist, bits = circuit(5, 20, 60, 9, 30), patterns(5, 530, 20)
    p = 0.01
    got = simulate_gates(netlist, bits=bits, faults=Faults(flip=p), seed=SEED, toggles=True)
    flips = np.array([[mask(p, SEED, block, g) for g in range(60)] for block in range(2)])
    values = []
    for s, row in enumerate(bits.tolist()):
        nets = list(row)
        for g, (op, a, b) in enumerate(zip(netlist.op, netlist.a, netlist.b, strict=True)):
            x, y = (0 if net < 0 else nets[net] for net in (a, b))
            nets.append((int(op) >> (3 - 2 * x - y) & 1) ^ int(flips[s // 512, g, s % 512]))
        values.append(nets)
    truth = np.array(values)
    assert (got.outputs == truth[:, netlist.outputs]).all()
    assert (got.toggles == (truth[1:] != truth[:-1]).sum(axis=0)[20:]).all()
    sums = netlist.class_sums
    assert (got.class_sums[:, 2] == truth[:, sums.nets[sums.indptr[2] :]].sum(axis=1)).all()


def test_stuck_nets():
    netlist, bits = circuit(5, 20, 60, 30, 30), patterns(5, 100, 20)
    at = {3: 1, 25: 0, 40: 1, 79: 0}
    got = simulate_gates(netlist, bits=bits, faults=Faults(stuck_at=list(at.items())), toggles=True)
    columns = (netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist())
    for s, row in enumerate(bits.tolist()):
        nets = [at.get(k, v) for k, v in enumerate(row)]
        for op, a, b in zip(*columns, strict=True):
            x, y = (0 if net < 0 else nets[net] for net in (a, b))
            nets.append(at.get(len(nets), op >> (3 - 2 * x - y) & 1))
        assert got.outputs[s].tolist() == [bool(nets[k]) for k in netlist.outputs]
    assert got.input_toggles[3] == 0 and not got.toggles[[5, 20, 59]].any()
    assert got.input_toggles[4] > 0
    right = [net_values(netlist, row) for row in bits.tolist()]
    assert (got.outputs != np.array(right)[:, netlist.outputs]).any()


def test_a_stuck_gate_does_not_flip():
    faults = Faults(flip=1.0, stuck_at=[(1, 0), (2, 1)])
    got = simulate_gates(buffers(3), bits=patterns(1, 600, 1), faults=faults)
    assert not got.outputs[:, 0].any() and got.outputs[:, 1].all()


def test_a_share_of_stuck_gates():
    """The share and the values are fair; the stuck of a small share are among a larger one's."""
    netlist = buffers(100_000)
    z = stats.norm.isf(ALPHA / 2)
    small, large, twin = (Faults(stuck_at=s).stuck_values(netlist, SEED)[1:] for s in (0.01, 0.1, 0.11))
    assert (large[small >= 0] == small[small >= 0]).all()
    for share, values in ((0.01, small), (0.1, large)):
        assert abs(rate_z(values >= 0, share)) < z
        assert abs(rate_z(values[values >= 0], 0.5)) < z
    assert abs(rate_z(twin >= 0, 0.1)) > z
    assert (Faults(stuck_at=1.0).stuck_values(netlist, 0)[1:] >= 0).all()
    assert (Faults(stuck_at=0.1).stuck_values(netlist, SEED + 1)[1:] != large).any()
    bits = patterns(1, 3, 1)
    got = simulate_gates(netlist, bits=bits, faults=Faults(stuck_at=0.1), seed=SEED)
    truth = np.where(large >= 0, large, bits)
    assert (got.outputs == truth).all()


@pytest.mark.parametrize(
    ("words", "make"),
    [
        ("flip must be from 0 to 1, got 1.5", lambda n: Faults(flip=1.5)),
        ("flip must be from 0 to 1, got nan", lambda n: Faults(flip=float("nan"))),
        ("stuck_at must be from 0 to 1, got -0.1", lambda n: Faults(stuck_at=-0.1)),
        ("nets 0 to 3", lambda n: Faults(stuck_at=[(4, 0)]).stuck_values(n, 0)),
        ("net 1 cannot be stuck at 2", lambda n: Faults(stuck_at=[(1, 2)]).stuck_values(n, 0)),
        ("net 1 at 0 and at 1", lambda n: Faults(stuck_at=[(1, 0), (1, 1)]).stuck_values(n, 0)),
        ("give a share from 0 to 1 or pairs", lambda n: Faults(stuck_at=[3]).stuck_values(n, 0)),
    ],
)
def test_bad_faults_are_named(words, make):
    with pytest.raises(SimulationError, match=words):
        make(buffers(3))
