"""The imperfect machine that a network is trained on: drawn once from a seed, then fixed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from compiler.families.layered import Layers
from hw_models.converters import Converter
from hw_models.couplings import burden
from hw_models.device import Device
from hw_models.imperfect import Ends, Imperfections, act, bias_factors, factors, written
from thermo.gradients.errors import EqpropError
from thermo.kernels.eqprop.layers import quantise_states


@dataclass(frozen=True, slots=True)
class EqpropDevice:
    """A machine to train on; the default is a perfect one.

    imperfections : what its couplings and biases are off by, for as long as it exists; with bits,
        the programming circuit keeps the finer value it adds updates to
    state_noise : standard deviation of noise on every unit at each of its updates, states in [0, 1]
    read_noise, read_bits : of the states that updates are computed from
    replicas : copies of the machine with the same couplings and noise of their own; updates and
        answers are means over them
    replica_coupling : k >= 0, of each unit to the mean of its copies, in units of its own curvature
    flipped : share of couplings whose update has the wrong polarity (as in curl descent)
    input_converter, output_converter : of data, and of outputs that are read; None: ideal
    reach : of couplings, which are given reach tanh(u / reach) of a unit or input u; inf: linear ones
    seed : which device; simulations call it device_seed
    """

    imperfections: Imperfections = field(default_factory=Imperfections)
    state_noise: float = 0.0
    read_noise: float = 0.0
    read_bits: int | None = None
    flipped: float = 0.0
    replicas: int = 1
    replica_coupling: float = 0.0
    reach: float = math.inf
    input_converter: Converter | None = None
    output_converter: Converter | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.imperfections, Imperfections):
            raise EqpropError(
                f"device: imperfections must be hw_models.imperfect.Imperfections, got {self.imperfections!r}"
            )
        for name in ("state_noise", "read_noise", "replica_coupling"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise EqpropError(f"device: {name} must be a number >= 0, got {value!r}")
        bits = self.read_bits
        if bits is not None and (not isinstance(bits, int) or not 2 <= bits <= 24):
            raise EqpropError(f"device: read_bits must be a whole number from 2 to 24 or none, got {bits!r}")
        if not isinstance(self.replicas, int) or self.replicas < 1:
            raise EqpropError(f"device: replicas must be a whole number >= 1, got {self.replicas!r}")
        if self.replica_coupling and self.replicas == 1:
            raise EqpropError(
                f"device: replica_coupling {self.replica_coupling:g} needs replicas of 2 or more"
            )
        if not self.reach > 0:
            raise EqpropError(f"device: reach must be a number > 0, or inf, got {self.reach!r}")
        if not 0 <= self.flipped <= 1:
            raise EqpropError(f"device: flipped must be a share from 0 to 1, got {self.flipped!r}")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise EqpropError(f"device: seed must be a whole number >= 0, got {self.seed!r}")

    @property
    def converts(self) -> bool:
        """Whether there are converters that are not ideal."""
        return bool(self.input_converter or self.output_converter)

    @property
    def read_step(self) -> float:
        """Width of a level of the read-out of [0, 1]; 0 is exact."""
        return 0.0 if self.read_bits is None else 1.0 / (2**self.read_bits - 1)


def reach_on(hardware: Device) -> float:
    """The `reach` of a hard-sigmoid network on this device: at kT = 0 a unit of 1 is its swing, and of
    what couplings do to cells their range alone is left (noise has no part in a state at rest).

    Raises EqpropError for couplings that load cells: S_i would be part of the energy.
    """
    couplings = hardware.couplings
    if couplings.loads:
        raise EqpropError(
            f"training: {couplings.name} couplings load the units they drive, which this trainer does not "
            "learn with; --network resistive is that machine, or take weak-inversion or crossbar"
        )
    units = hardware.units(kT=0.0, mobility=1.0, j2=0.5)  # as hopfield networks are lowered
    return burden(couplings, 0.0, j2=0.5, voltage=units.voltage).reach


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One device's factors. forward, back : (n_(l+1), n_l) of each layer's couplings, both ways; the
    first layer has no way back. bias : (n_l,). polarity : +-1 of every update, or None. ends : cells of
    each layer's couplings.

    float32; those of the cells that the network is lowered to, so that its netlist on the same
    device has the same couplings.
    """

    forward: tuple[np.ndarray, ...]
    back: tuple[np.ndarray, ...]
    bias: tuple[np.ndarray, ...]
    polarity: tuple[np.ndarray, ...] | None
    ends: tuple[Ends, ...]
    device: EqpropDevice

    def written(
        self, forward: Sequence[np.ndarray], back: Sequence[np.ndarray]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Weights as the device stores them: those from inputs and all others are two arrays."""
        law, seed, n = self.device.imperfections, self.device.seed, len(forward)
        first = written(forward[:1], self.ends[:1], law, seed)
        ends = [*self.ends[1:], *((below, above) for above, below in self.ends[1:])]
        rest = written([*forward[1:], *back[1:]], ends, law, seed)
        return first + rest[: n - 1], first + rest[n - 1 :]

    def act(
        self, forward: Sequence[np.ndarray], back: Sequence[np.ndarray], bias: Sequence[np.ndarray]
    ) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """The couplings and biases that drive, from the programmed ones."""
        ahead, behind = self.written(forward, back)
        up = tuple(act(w, f, np.float32) for w, f in zip(ahead, self.forward, strict=True))
        down = [act(w, f, np.float32) for w, f in zip(behind[1:], self.back[1:], strict=True)]
        return up, (up[0], *down), tuple(b * f for b, f in zip(bias, self.bias, strict=True))


def draw(device: EqpropDevice, sizes: Sequence[int]) -> Drawn:
    """The device for a network of these layers, inputs first; a function of (device, sizes)."""
    law, seed, cells = device.imperfections, device.seed, Layers(tuple(sizes)).cells
    forward, back, polarity = [], [], []
    ends = tuple((above[:, None], below[None, :]) for below, above in pairwise(cells))
    flips = np.random.default_rng([seed, 37])
    for l, (below, above) in enumerate(pairwise(cells)):
        forward.append(factors(law, seed, *ends[l]))
        back.append(factors(law, seed, below[None, :], above[:, None]) if l else forward[0])
        flip = flips.random(forward[l].shape, np.float32) < device.flipped
        polarity.append(np.where(flip, np.float32(-1), np.float32(1)))
    return Drawn(
        tuple(forward),
        tuple(back),
        tuple(bias_factors(law, seed, above) for above in cells[1:]),
        tuple(polarity) if device.flipped else None,
        ends,
        device,
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
