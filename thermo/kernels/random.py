"""Standard normal numbers that belong to an identity: (seed, stream, trajectory, step, cell).

Generator: Threefry4x32 with 13 rounds (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
easy as 1, 2, 3", SC'11, section 4.2), one round more than the 12 for which the authors report that
every test of TestU01's BigCrush is passed. There is no state: a number is a function of

    key     (seed low, seed high, stream, 0)
    counter (trajectory low, trajectory high, step, cell // 4)

so results do not depend on threads, on tiles or on how a batch is split. Each block of four words
makes four normals, for cells 4 b to 4 b + 3, by two Box-Muller pairs (Box and Muller 1958). The
uniforms have 32 bits; the largest |normal| is sqrt(66 ln 2) = 6.76. All arithmetic is float32
with explicit fused multiply-adds, so that vectorised loops and their remainders give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic as _numba_intrinsic

from thermo.kernels.jit import njit

ROUNDS = 13
PARITY = 0x1BD11BDA
ROTATIONS = ((10, 26), (11, 21), (13, 27), (23, 5), (6, 20), (17, 11), (25, 10), (18, 20))

# Different uses of one seed draw from different streams.
STREAM_NOISE = 0
STREAM_TRAINING = 1
STREAM_INITIAL = 2
STREAM_PAIRS = 6

# log(1 + f) = f - f^2/2 + f^3 P(f) on [sqrt(1/2) - 1, sqrt(2) - 1]; sin, cos on [-pi/4, pi/4].
# Interpolated at Chebyshev nodes; each leaves less than 1e-7 of relative error.
_LOG = (
    0.33333330728190674,
    -0.2500030642256985,
    0.20001045094160583,
    -0.16641281463103838,
    0.14214495923957196,
    -0.12998183763704788,
    0.12622319849146574,
    -0.07902743772052453,
)
_SIN = (-0.1666666466231438, 0.008332748270629844, -0.00019587890880439445)
_COS = (0.04166666465950222, -0.001388830303589568, 2.4547942085290652e-05)
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7 = (np.float32(c) for c in _LOG)
_S0, _S1, _S2 = (np.float32(c) for c in _SIN)
_C0, _C1, _C2 = (np.float32(c) for c in _COS)

_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_MINUS_TWO = np.float32(-2.0)
_U32 = np.float32(2.0**-32)
_LN2 = np.float32(np.log(2.0))
_ANGLE = np.float32(np.pi / 2.0**33)
_SQRT_HALF_BITS = np.int32(0x3F3504F3)
_MANTISSA = np.int32(0x007FFFFF)
_SIGN = np.uint32(0x80000000)
_TWO = np.uint32(2)
_BIT0 = np.uint32(1)
_BIT30 = np.uint32(30)


def intrinsic(function: Callable[..., Any]) -> Any:
    """`numba.extending.intrinsic`, untyped: callers leave the typing context out."""
    return _numba_intrinsic(function)


# Numba widens 32-bit integers to 64 bits, which would halve the SIMD width: say what is meant.
@intrinsic
def add_words(typingctx, a, b):  # type: ignore[no-untyped-def]
    """a + b modulo 2^32."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.add(args[0], args[1])

    return types.uint32(types.uint32, types.uint32), codegen


@intrinsic
def _xor(typingctx, a, b):  # type: ignore[no-untyped-def]
    """Bitwise a xor b."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.xor(args[0], args[1])

    return types.uint32(types.uint32, types.uint32), codegen


@intrinsic
def _rotl(typingctx, a, r):  # type: ignore[no-untyped-def]
    """a rotated left by r bits."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        word = ir.IntType(32)
        fshl = builder.module.declare_intrinsic("llvm.fshl", [word], ir.FunctionType(word, [word] * 3))
        return builder.call(fshl, [args[0], args[0], args[1]])

    return types.uint32(types.uint32, types.uint32), codegen


@intrinsic
def _as_int(typingctx, a):  # type: ignore[no-untyped-def]
    """The bits of a float32 as an int32."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.bitcast(args[0], ir.IntType(32))

    return types.int32(types.float32), codegen


@intrinsic
def _as_float(typingctx, a):  # type: ignore[no-untyped-def]
    """The float32 with the bits of an int32."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), codegen


@intrinsic
def _iadd(typingctx, a, b):  # type: ignore[no-untyped-def]
    """a + b, wrapping, as int32."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.add(args[0], args[1])

    return types.int32(types.int32, types.int32), codegen


@intrinsic
def _exponent(typingctx, a):  # type: ignore[no-untyped-def]
    """a >> 23, arithmetically, as int32."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.ashr(args[0], ir.Constant(ir.IntType(32), 23))

    return types.int32(types.int32), codegen


@intrinsic
def _iand(typingctx, a, b):  # type: ignore[no-untyped-def]
    """Bitwise a and b, as int32."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.and_(args[0], args[1])

    return types.int32(types.int32, types.int32), codegen


@intrinsic
def _signed(typingctx, a):  # type: ignore[no-untyped-def]
    """A uint32 read as int32 and rounded to float32."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.sitofp(args[0], ir.FloatType())

    return types.float32(types.uint32), codegen


@intrinsic
def _unsigned(typingctx, a):  # type: ignore[no-untyped-def]
    """A uint32 rounded to float32."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.uitofp(args[0], ir.FloatType())

    return types.float32(types.uint32), codegen


@intrinsic
def flip(typingctx, x, word):  # type: ignore[no-untyped-def]
    """x with its sign flipped when bit 1 of `word` is set."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        i32 = ir.IntType(32)
        sign = builder.and_(builder.shl(args[1], ir.Constant(i32, 30)), ir.Constant(i32, 0x80000000))
        return builder.bitcast(builder.xor(builder.bitcast(args[0], i32), sign), ir.FloatType())

    return types.float32(types.float32, types.uint32), codegen


@intrinsic
def pick(typingctx, word, a, b):  # type: ignore[no-untyped-def]
    """a where bit 0 of `word` is set, else b."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.select(builder.trunc(args[0], ir.IntType(1)), args[1], args[2])

    return types.float32(types.uint32, types.float32, types.float32), codegen


@intrinsic
def fma(typingctx, a, b, c):  # type: ignore[no-untyped-def]
    """a b + c in float32, rounded once."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.fma(*args)

    return types.float32(types.float32, types.float32, types.float32), codegen


@intrinsic
def magnitude(typingctx, a):  # type: ignore[no-untyped-def]
    """The bits of |a| as int32: ordered as |a| is, with infinity and then NaN above all numbers."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        word = ir.IntType(32)
        return builder.and_(builder.bitcast(args[0], word), ir.Constant(word, 0x7FFFFFFF))

    return types.int32(types.float32), codegen


@intrinsic
def _sqrt(typingctx, a):  # type: ignore[no-untyped-def]
    """Square root in float32, correctly rounded."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        f32 = ir.FloatType()
        root = builder.module.declare_intrinsic("llvm.sqrt", [f32], ir.FunctionType(f32, [f32]))
        return builder.call(root, args)

    return types.float32(types.float32), codegen


@njit(cache=True, nogil=True, forceinline=True)
def _double_round(x0, x1, x2, x3, ra, rb, rc, rd):  # type: ignore[no-untyped-def]
    """An even and an odd round with their rotations."""
    x0 = add_words(x0, x1)
    x1 = _xor(_rotl(x1, np.uint32(ra)), x0)
    x2 = add_words(x2, x3)
    x3 = _xor(_rotl(x3, np.uint32(rb)), x2)
    x0 = add_words(x0, x3)
    x3 = _xor(_rotl(x3, np.uint32(rc)), x0)
    x2 = add_words(x2, x1)
    x1 = _xor(_rotl(x1, np.uint32(rd)), x2)
    return x0, x1, x2, x3


@njit(cache=True, nogil=True, forceinline=True)
def _threefry13(k0, k1, k2, k3, x0, x1, x2, x3):  # type: ignore[no-untyped-def]
    """Threefry4x32-13 of counter (x0..x3) under key (k0..k3), all uint32."""
    k4 = _xor(_xor(_xor(k0, k1), _xor(k2, k3)), np.uint32(PARITY))
    x0 = add_words(x0, k0)
    x1 = add_words(x1, k1)
    x2 = add_words(x2, k2)
    x3 = add_words(x3, k3)
    x0, x1, x2, x3 = _double_round(x0, x1, x2, x3, 10, 26, 11, 21)
    x0, x1, x2, x3 = _double_round(x0, x1, x2, x3, 13, 27, 23, 5)
    x0 = add_words(x0, k1)
    x1 = add_words(x1, k2)
    x2 = add_words(x2, k3)
    x3 = add_words(x3, add_words(k4, np.uint32(1)))
    x0, x1, x2, x3 = _double_round(x0, x1, x2, x3, 6, 20, 17, 11)
    x0, x1, x2, x3 = _double_round(x0, x1, x2, x3, 25, 10, 18, 20)
    x0 = add_words(x0, k2)
    x1 = add_words(x1, k3)
    x2 = add_words(x2, k4)
    x3 = add_words(x3, add_words(k0, np.uint32(2)))
    x0, x1, x2, x3 = _double_round(x0, x1, x2, x3, 10, 26, 11, 21)
    x0, x1, x2, x3 = _double_round(x0, x1, x2, x3, 13, 27, 23, 5)
    x0 = add_words(x0, k3)
    x1 = add_words(x1, k4)
    x2 = add_words(x2, k0)
    x3 = add_words(x3, add_words(k1, np.uint32(3)))
    x0 = add_words(x0, x1)
    x1 = _xor(_rotl(x1, np.uint32(6)), x0)
    x2 = add_words(x2, x3)
    x3 = _xor(_rotl(x3, np.uint32(20)), x2)
    return x0, x1, x2, x3


@njit(cache=True, nogil=True, forceinline=True)
def sin_cos_eighth(t):  # type: ignore[no-untyped-def]
    """(sin t, cos t) in float32, for |t| up to an eighth of the circle."""
    z = t * t
    s = fma(_S2, z, _S1)
    s = fma(s, z, _S0)
    s = fma(s, z * t, t)
    c = fma(_C2, z, _C1)
    c = fma(c, z, _C0)
    c = fma(c, z, -_HALF)
    c = fma(c, z, _ONE)
    return s, c


@njit(cache=True, nogil=True, forceinline=True)
def _box_muller(w1, w2):  # type: ignore[no-untyped-def]
    """Two independent standard normals from two uniform words."""
    u = fma(_unsigned(w1), _U32, _HALF * _U32)
    # u = 2^e m with m in [sqrt(1/2), sqrt(2))
    shifted = _iadd(_as_int(u), np.int32(-_SQRT_HALF_BITS))
    e = np.float32(_exponent(shifted))
    f = _as_float(_iadd(_iand(shifted, _MANTISSA), _SQRT_HALF_BITS)) - _ONE
    p = fma(_L7, f, _L6)
    p = fma(p, f, _L5)
    p = fma(p, f, _L4)
    p = fma(p, f, _L3)
    p = fma(p, f, _L2)
    p = fma(p, f, _L1)
    p = fma(p, f, _L0)
    p = fma(p, f, -_HALF)
    p = fma(p, f * f, f)
    # u can round to 1 and no further, where f = e = 0 and the radius is 0
    r = flip(_sqrt(_MINUS_TWO * fma(e, _LN2, p)), w2)
    # angle: an eighth of the circle either side of an axis; bit 0 chooses the axis, bit 1 its sign
    t = _signed(w2) * _ANGLE
    # sin_cos_eighth written out, in the order of instructions that was found fastest
    z = t * t
    s = fma(_S2, z, _S1)
    s = fma(s, z, _S0)
    s = fma(s, z * t, t)
    c = fma(_C2, z, _C1)
    c = fma(c, z, _C0)
    c = fma(c, z, -_HALF)
    c = fma(c, z, _ONE)
    return r * pick(w2, s, c), r * pick(w2, c, s)


@njit(cache=True, nogil=True, forceinline=True)
def _normal4(k0, k1, k2, c0, c1, c2, c3):  # type: ignore[no-untyped-def]
    """The four normals of one block."""
    w0, w1, w2, w3 = _threefry13(k0, k1, k2, np.uint32(0), c0, c1, c2, c3)
    a, b = _box_muller(w0, w1)
    c, d = _box_muller(w2, w3)
    return a, b, c, d


@njit(cache=True, nogil=True, forceinline=True)
def _carry(hi, lo, lo0):  # type: ignore[no-untyped-def]
    """The high word of a 64-bit sum whose low word went from lo0 to lo."""
    return add_words(hi, np.uint32(lo < lo0))


@njit(cache=True, nogil=True, forceinline=True)
def fill_block(r0, r1, r2, r3, seed, traj0, step, block, stream):  # type: ignore[no-untyped-def]
    """Normals of cells 4 block to 4 block + 3 into four rows of one tile of trajectories."""
    k0 = np.uint32(np.uint64(seed) & np.uint64(0xFFFFFFFF))
    k1 = np.uint32(np.uint64(seed) >> np.uint64(32))
    k2 = np.uint32(stream)
    lo0 = np.uint32(np.uint64(traj0) & np.uint64(0xFFFFFFFF))
    hi0 = np.uint32(np.uint64(traj0) >> np.uint64(32))
    for l in range(r0.shape[0]):
        lo = add_words(lo0, np.uint32(l))
        r0[l], r1[l], r2[l], r3[l] = _normal4(
            k0, k1, k2, lo, _carry(hi0, lo, lo0), np.uint32(step), np.uint32(block)
        )


@njit(cache=True, nogil=True)
def fill_normals(out, seed, traj0, step, stream=STREAM_NOISE):  # type: ignore[no-untyped-def]
    """Fill out[i, l] with the normal of (seed, stream, trajectory traj0 + l, step, cell i).

    out : (n_cells, tile) float32, C order; fastest where tile is a multiple of 16
    """
    n, tile = out.shape
    for b in range(n // 4):
        i = 4 * b
        fill_block(out[i], out[i + 1], out[i + 2], out[i + 3], seed, traj0, step, b, stream)
    rest = n % 4
    if rest:
        b = n // 4
        extra = np.empty((4, tile), np.float32)
        fill_block(extra[0], extra[1], extra[2], extra[3], seed, traj0, step, b, stream)
        for j in range(rest):
            for l in range(tile):
                out[4 * b + j, l] = extra[j, l]


@njit(cache=True, nogil=True)
def fill_normals_cells(out, seed, trajectory, step, cell0, stream=STREAM_NOISE):  # type: ignore[no-untyped-def]
    """Fill out[i] with the normal of cell cell0 + i in one trajectory; SIMD over cells.

    out : (4 m,) float32; cell0 must be a multiple of 4
    """
    k0 = np.uint32(np.uint64(seed) & np.uint64(0xFFFFFFFF))
    k1 = np.uint32(np.uint64(seed) >> np.uint64(32))
    k2 = np.uint32(stream)
    lo = np.uint32(np.uint64(trajectory) & np.uint64(0xFFFFFFFF))
    hi = np.uint32(np.uint64(trajectory) >> np.uint64(32))
    first = np.uint32(cell0 // 4)
    for b in range(out.shape[0] // 4):
        out[4 * b], out[4 * b + 1], out[4 * b + 2], out[4 * b + 3] = _normal4(
            k0, k1, k2, lo, hi, np.uint32(step), add_words(first, np.uint32(b))
        )


def threefry4x32_numpy(
    key: tuple[int, int, int, int],
    counter: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    rounds: int = ROUNDS,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Threefry4x32 of uint32 counters (any shape) under one key: the oracle of the kernels."""
    mask = np.uint64(0xFFFFFFFF)
    ks = [*key, key[0] ^ key[1] ^ key[2] ^ key[3] ^ PARITY]
    x = [np.asarray(c, dtype=np.uint64) for c in counter]

    def inject(group: int) -> None:
        for i in range(4):
            extra = group if i == 3 else 0
            x[i] = (x[i] + np.uint64(ks[(i + group) % 5] + extra)) & mask

    inject(0)
    for r in range(rounds):
        a, b = ROTATIONS[r % 8]
        for p, q, turn in ((0, 1, a), (2, 3, b)) if r % 2 == 0 else ((0, 3, a), (2, 1, b)):
            x[p] = (x[p] + x[q]) & mask
            x[q] = ((x[q] << np.uint64(turn)) | (x[q] >> np.uint64(32 - turn))) & mask
            x[q] = x[q] ^ x[p]
        if r % 4 == 3:
            inject((r + 1) // 4)
    return x[0], x[1], x[2], x[3]


def normals_numpy(
    seed: int, trajectories: np.ndarray, step: int, n_cells: int, stream: int = STREAM_NOISE
) -> np.ndarray:
    """The normals of `fill_normals` from NumPy in float64: the test oracle.

    trajectories : (n,) ids; returns (n_cells, n) float64
    """
    ids = np.asarray(trajectories, dtype=np.uint64)
    blocks = np.arange(-(-n_cells // 4), dtype=np.uint64)[:, None]
    shape = (blocks.shape[0], ids.shape[0])
    counter = (
        np.broadcast_to(ids & np.uint64(0xFFFFFFFF), shape),
        np.broadcast_to(ids >> np.uint64(32), shape),
        np.full(shape, step, dtype=np.uint64),
        np.broadcast_to(blocks, shape),
    )
    key = (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF, stream, 0)
    words = threefry4x32_numpy(key, counter)
    out = np.empty((shape[0], 4, shape[1]))
    for pair in (0, 2):
        u = (words[pair].astype(np.float64) + 0.5) * 2.0**-32
        w2 = words[pair + 1]
        angle = w2.astype(np.uint32).view(np.int32).astype(np.float64) * (np.pi / 2.0**33)
        r = np.sqrt(-2.0 * np.log(u)) * np.where(w2 & np.uint64(2), -1.0, 1.0)
        swap = (w2 & np.uint64(1)).astype(bool)
        out[:, pair] = r * np.where(swap, np.sin(angle), np.cos(angle))
        out[:, pair + 1] = r * np.where(swap, np.cos(angle), np.sin(angle))
    return out.reshape(-1, shape[1])[:n_cells]
