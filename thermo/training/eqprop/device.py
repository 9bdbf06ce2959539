"""The imperfect machine that a network is trained on: drawn once from a seed, then fixed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hw_models.imperfect import quantise
from thermo.kernels.eqprop.layers import quantise_states
from thermo.training.eqprop.errors import EqpropError


@dataclass(frozen=True, slots=True)
class EqpropDevice:
    """Imperfections; the default is a perfect device. All spreads are relative, xi standard normal.

    mismatch : of every directed coupling, W_ij (1 + mismatch xi_ij), both directions drawn apart
    asymmetry : W_ij (1 + asymmetry xi_p) and W_ji (1 - asymmetry xi_p), one xi_p a pair (laws of
        hw_models.imperfect)
    bias_mismatch : of every bias
    weight_bits : resolution of written couplings, None is exact; the programming circuit keeps the
        finer value it adds updates to
    state_noise : standard deviation of noise on every unit at each of its updates, states in [0, 1]
    read_noise, read_bits : of the states that updates are computed from
    replicas : copies of the machine with the same couplings and noise of their own; updates and
        answers are means over them
    replica_coupling : k >= 0, of each unit to the mean of its copies, in units of its own curvature
    flipped : share of couplings whose update has the wrong polarity (as in curl descent)
    seed : which device
    """

    mismatch: float = 0.0
    asymmetry: float = 0.0
    bias_mismatch: float = 0.0
    weight_bits: int | None = None
    state_noise: float = 0.0
    read_noise: float = 0.0
    read_bits: int | None = None
    flipped: float = 0.0
    replicas: int = 1
    replica_coupling: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in (
            "mismatch",
            "asymmetry",
            "bias_mismatch",
            "state_noise",
            "read_noise",
            "replica_coupling",
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise EqpropError(f"device: {name} must be a number >= 0, got {value!r}")
        for name in ("weight_bits", "read_bits"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or not 2 <= value <= 24):
                raise EqpropError(
                    f"device: {name} must be a whole number from 2 to 24 or none, got {value!r}"
                )
        if not isinstance(self.replicas, int) or self.replicas < 1:
            raise EqpropError(f"device: replicas must be a whole number >= 1, got {self.replicas!r}")
        if self.replica_coupling and self.replicas == 1:
            raise EqpropError(
                f"device: replica_coupling {self.replica_coupling:g} needs replicas of 2 or more"
            )
        if not 0 <= self.flipped <= 1:
            raise EqpropError(f"device: flipped must be a share from 0 to 1, got {self.flipped!r}")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise EqpropError(f"device: seed must be a whole number >= 0, got {self.seed!r}")

    @property
    def read_step(self) -> float:
        """Width of a level of the read-out of [0, 1]; 0 is exact."""
        return 0.0 if self.read_bits is None else 1.0 / (2**self.read_bits - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One device. forward, back : factors (n_(l+1), n_l) of each layer's couplings, both ways; the
    first layer has no way back. bias : factors (n_l,). polarity : +-1 of every update, or None.
    """

    forward: tuple[np.ndarray, ...]
    back: tuple[np.ndarray, ...]
    bias: tuple[np.ndarray, ...]
    polarity: tuple[np.ndarray, ...] | None
    device: EqpropDevice

    def written(self, weights: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Weights as the device stores them."""
        return [quantise(w, self.device.weight_bits) for w in weights]

    def act(
        self, forward: Sequence[np.ndarray], back: Sequence[np.ndarray], bias: Sequence[np.ndarray]
    ) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """The couplings and biases that drive, from the programmed ones."""
        up = tuple(w * f for w, f in zip(self.written(forward), self.forward, strict=True))
        down = [w * f for w, f in zip(self.written(back[1:]), self.back[1:], strict=True)]
        return up, (up[0], *down), tuple(b * f for b, f in zip(bias, self.bias, strict=True))


def draw(device: EqpropDevice, sizes: Sequence[int]) -> Drawn:
    """The device for a network of these layers, inputs first; a function of (device, sizes)."""
    forward, back, bias, polarity = [], [], [], []
    rng = np.random.default_rng([device.seed, 31])
    flips = np.random.default_rng([device.seed, 37])
    for l, (n_in, n_out) in enumerate(pairwise(sizes)):
        shape = (n_out, n_in)
        up, down, pair = (rng.standard_normal(shape, np.float32) for _ in range(3))
        m, a = np.float32(device.mismatch), np.float32(device.asymmetry)
        forward.append((1 + m * up) * (1 + a * pair))
        back.append((1 + m * down) * (1 - a * pair) if l else forward[0])
        spread = np.float32(device.bias_mismatch)
        bias.append(1 + spread * rng.standard_normal(n_out, np.float32))
        flip = flips.random(shape, np.float32) < device.flipped
        polarity.append(np.where(flip, np.float32(-1), np.float32(1)))
    return Drawn(
        tuple(forward), tuple(back), tuple(bias), tuple(polarity) if device.flipped else None, device
    )


def read_states(states: Iterable[np.ndarray], device: EqpropDevice, rng: np.random.Generator) -> None:
    """What the device's read-out makes of these states, in place."""
    if not (device.read_noise or device.read_bits):
        return
    for s in states:
        if device.read_noise:
            s += np.float32(device.read_noise) * rng.standard_normal(s.shape, np.float32)
        if device.read_bits:
            np.clip(s, 0.0, 1.0, out=s)
            quantise_states(s, np.float32(device.read_step))
