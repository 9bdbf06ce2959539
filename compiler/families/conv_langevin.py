"""ConvLangevinMachine: a Langevin machine whose first cells share the taps of a convolution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.checks import check_encoder, check_finite, check_labels, check_positive
from compiler.families.conv_hopfield import Shared, convolution, image_shapes
from compiler.families.layered import Layers, encoder_of
from compiler.families.registry import Family, common_fields
from compiler.html import fields_html
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase, ReadOut


@dataclass(frozen=True, slots=True, eq=False)
class ConvLangevinMachine:
    """A front of cells, one a place and channel, and back cells: hidden ones, then the outputs.

    dx = mobility (-2 J2 x - 3 J3 x^2 - 4 J4 x^3 + drive) dt + sqrt(2 mobility kT) dW, all from x = 0. A front
    cell is driven by taps * its patch of u = (data - input_shift) * input_scale, by its channel's bias and,
    through `across`, by all back cells, which it drives by the same couplings; back cells are coupled with
    each other, too. Everything else is as in LangevinMachine (Whitelam, arXiv 2509.15324).

    input_shape : (height, width, channels)
    taps : (kernel, kernel, channels_in, channels), shared by all places
    stride, padding : of places, zeros outside; front_bias : (channels,)
    across : (n_back, n_front), places row by row, channels innermost
    coupling : (n_back, n_back), symmetric, zero diagonal; bias : (n_back,)
    j2, j3, j4 : self-energy of every cell; n_out : the last back cells, of which the largest decides
    """

    input_shape: tuple[int, int, int]
    taps: np.ndarray
    stride: int
    padding: int
    front_bias: np.ndarray
    across: np.ndarray
    coupling: np.ndarray
    bias: np.ndarray
    n_out: int
    input_shift: np.ndarray
    input_scale: np.ndarray
    j2: float = 1.0
    j3: float = 0.0
    j4: float = 1.0
    kT: float = 1.0
    mobility: float = 1.0
    t_f: float = 0.2
    dt: float = 1e-3
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=Facts)

    _repr_html_ = fields_html

    @property
    def front_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the front."""
        return image_shapes(self.input_shape, [self.taps.shape], (self.stride,), (self.padding,))[1]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs, front cells, hidden back cells, outputs."""
        return (self.n_inputs, math.prod(self.front_shape), self.across.shape[0] - self.n_out, self.n_out)

    @property
    def n_inputs(self) -> int:
        return math.prod(self.input_shape)

    @property
    def n_outputs(self) -> int:
        return self.n_out

    @property
    def n_parameters(self) -> int:
        """Taps once, a symmetric pair once; biases not counted."""
        back = self.coupling.shape[0]
        return self.taps.size + self.across.size + back * (back - 1) // 2

    def __repr__(self) -> str:
        return f"ConvLangevinMachine({'-'.join(map(str, self.sizes))}, kT {self.kT:g}, t_f {self.t_f:g})"

    def __post_init__(self) -> None:
        freeze_meta(self)
        what = "convolutional Langevin machine"
        if self.taps.ndim != 4:
            raise NetlistError(
                f"{what}: taps must be (kernel, kernel, channels_in, channels), got {self.taps.shape}"
            )
        front, back = math.prod(self.front_shape), self.bias.shape[0]
        wanted = {
            "front_bias": (self.taps.shape[3],),
            "across": (back, front),
            "coupling": (back, back),
            "bias": (back,),
        }
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise NetlistError(f"{what}: {name} must have shape {shape}, got {getattr(self, name).shape}")
        if not 1 <= self.n_out <= back:
            raise NetlistError(f"{what}: n_out must be 1 to {back}, the back cells, got {self.n_out}")
        if np.any(np.diagonal(self.coupling)) or not np.array_equal(self.coupling, self.coupling.T):
            raise NetlistError(f"{what}: coupling must be symmetric, its diagonal 0")
        check_finite(
            what, (self.taps, self.front_bias, self.across, self.coupling, self.bias), "a coupling or bias"
        )
        check_encoder(what, self)
        check_labels(what, self)
        for name in ("kT", "mobility", "t_f", "dt"):
            check_positive(what, name, getattr(self, name))

    def shared(self) -> Shared:
        """The couplings from inputs to front cells, parameters in the order of `taps`."""
        return convolution(self.input_shape, self.taps.shape, self.stride, self.padding)


ARRAYS = ("taps", "front_bias", "across", "coupling", "bias", "input_shift", "input_scale")
FACTS = ("stride", "padding", "n_out", "j2", "j3", "j4", "kT", "mobility", "t_f", "dt")


def parts(model: ConvLangevinMachine) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    facts = {name: getattr(model, name) for name in FACTS}
    return facts | {"input_shape": list(model.input_shape)}, {name: getattr(model, name) for name in ARRAYS}


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> ConvLangevinMachine:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    height, width, channels = (int(v) for v in document["input_shape"])
    given: dict[str, Any] = {name: arrays[name] for name in ARRAYS} | {name: document[name] for name in FACTS}
    return ConvLangevinMachine(input_shape=(height, width, channels), **given, **common_fields(document))


def lower_conv_langevin(machine: ConvLangevinMachine) -> LangevinNetlist:
    """Cells are the inputs (frozen), the front, the hidden ones, the outputs; one phase `relax`, read at its
    end.

    All couplings are one `linear` group whose `tie` names the parameter of each: a tap is one at every place,
    both ways of a pair are one. Parameters are taps, `across`, then the upper half of `coupling`; zeros stay.
    """
    layers = Layers(machine.sizes)
    starts, shared = layers.starts, machine.shared()
    back, front = machine.across.shape
    row, col = np.divmod(np.arange(back * front), front)
    first = machine.taps.size + np.arange(back * front)
    i, j = np.triu_indices(back, 1)
    second = machine.taps.size + back * front + np.arange(i.size)
    a, b = int(starts[1]), int(starts[2])  # first cells of the front and of the back
    couplings = Couplings.from_coo(
        CouplingKind.LINEAR,
        layers.n,
        np.concatenate([a + shared.row, b + row, a + col, b + i, b + j]),
        np.concatenate([shared.col, a + col, b + row, b + j, b + i]),
        np.concatenate([machine.taps.ravel(), machine.across.ravel(), machine.coupling[i, j]]).astype(
            np.float64
        ),
        tie=np.concatenate([shared.tie, first, first, second, second]),
    )
    places = front // machine.front_bias.size
    dynamic = np.concatenate([np.zeros(a), np.ones(front + back)])
    bias = np.concatenate([np.zeros(a), np.tile(machine.front_bias, places), machine.bias])
    return LangevinNetlist(
        cells=Cells.make(
            layers.n,
            j2=machine.j2 * dynamic,
            j3=machine.j3 * dynamic,
            j4=machine.j4 * dynamic,
            h=bias,
            role=layers.roles,
        ),
        couplings=(couplings,),
        kT=float(machine.kT),
        mobility=float(machine.mobility),
        schedule=(Phase("relax", float(machine.t_f)),),
        groups=layers.groups,
        readout=ReadOut(cells=layers.outputs, phase="relax", labels=tuple(machine.labels)),
        encoder=encoder_of(machine),
        dt=float(machine.dt),
        meta={
            **machine.meta,
            "source": "conv-langevin",
            "sizes": list(machine.sizes),
            "front": list(machine.front_shape),
        },
    )


FAMILY = Family(
    "conv-langevin",
    ConvLangevinMachine,
    "a convolutional Langevin machine",
    parts,
    build,
    lower_conv_langevin,
)
