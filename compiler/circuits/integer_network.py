"""IntegerNetwork: a classifier of whole numbers, as digital hardware computes it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from compiler.errors import NetlistError


@dataclass(frozen=True, slots=True, eq=False)
class IntegerNetwork:
    """Whole numbers in, class out; h_0 = x, and layer l = 1 ... L is

        s_l = W_l h_(l-1) + b_l        h_l = min(max(s_l >> shift_l, 0), 2^bits_l - 1),  l < L

    with the arithmetic shift (floor of a division by 2^shift_l). The class is the largest of s_L, of
    equal ones the first.

    top : inputs are 0 to top
    weights : L arrays (n_l, n_(l-1)); biases : L arrays (n_l,), both int64
    shifts, bits : of the L - 1 hidden layers

    Raises NetlistError for sizes that do not fit each other and numbers out of range.
    """

    top: int
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    shifts: tuple[int, ...] = ()
    bits: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.weights)
        if n == 0:
            raise NetlistError("integer network: there are no layers; give at least one weight matrix")
        if not (len(self.biases) == n and len(self.shifts) == len(self.bits) == n - 1):
            raise NetlistError(
                f"integer network: {n} weight matrices need as many biases and {n - 1} shifts and bits, got "
                f"{len(self.biases)}, {len(self.shifts)} and {len(self.bits)}"
            )
        if self.top < 1:
            raise NetlistError(f"integer network: the largest input must be >= 1, got {self.top}")
        for k, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            if w.ndim != 2 or min(w.shape) == 0 or w.dtype != np.int64 or b.dtype != np.int64:
                raise NetlistError(
                    f"integer network: layer {k} needs (n_out, n_in) int64 weights and int64 biases, got "
                    f"{w.dtype} of shape {w.shape} and {b.dtype}"
                )
            if b.shape != (w.shape[0],):
                raise NetlistError(
                    f"integer network: biases of layer {k} must have shape ({w.shape[0]},), got {b.shape}"
                )
        for k, (below, above) in enumerate(pairwise(self.weights)):
            if above.shape[1] != below.shape[0]:
                raise NetlistError(
                    f"integer network: layer {k + 1} takes {above.shape[1]} values, layer {k} makes "
                    f"{below.shape[0]}"
                )
        if any(shift < 0 for shift in self.shifts) or any(bits < 1 for bits in self.bits):
            raise NetlistError(
                f"integer network: shifts must be >= 0 and bits >= 1, got {self.shifts} and {self.bits}"
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Cells in each layer, inputs first."""
        return (self.weights[0].shape[1], *(w.shape[0] for w in self.weights))

    @property
    def input_bits(self) -> int:
        """Bits of one input."""
        return self.top.bit_length()

    @property
    def macs(self) -> int:
        """Products of one answer, those with weight 0 too."""
        return sum(w.size for w in self.weights)

    def sums(self, x: np.ndarray) -> np.ndarray:
        """(n, n_classes) int64 sums s_L of inputs x (n, n_inputs), whole numbers from 0 to top."""
        # float64 holds these sums exactly, and multiplies matrices much faster than int64
        h = np.asarray(x, dtype=np.float64)
        for k, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            s = h @ w.T.astype(np.float64) + b
            if k == len(self.weights) - 1:
                return s.astype(np.int64)
            h = np.clip(np.floor(s / 2.0 ** self.shifts[k]), 0, 2 ** self.bits[k] - 1)
        raise AssertionError("a network has layers")

    def predictions(self, x: np.ndarray) -> np.ndarray:
        """(n,) class of inputs x (n, n_inputs)."""
        return self.sums(x).argmax(axis=1)

    def input_patterns(self, x: np.ndarray) -> np.ndarray:
        """(n, n_inputs * input_bits) bool: inputs x as the hard-wired circuit takes them.

        Raises NetlistError for inputs that are not whole numbers from 0 to top.
        """
        whole = np.asarray(x).astype(np.int64)
        if whole.size and (not np.array_equal(whole, x) or whole.min() < 0 or whole.max() > self.top):
            raise NetlistError(f"integer network: inputs must be whole numbers from 0 to {self.top}")
        bits = whole[:, :, None] >> np.arange(self.input_bits) & 1
        return bits.reshape(whole.shape[0], -1).astype(bool)
