"""ConvHopfieldNetwork: convolutional and dense layers that relax together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.checks import (
    HEADS,
    check_choice,
    check_encoder,
    check_finite,
    check_labels,
    check_positive,
)
from compiler.families.hopfield import HopfieldNetwork
from compiler.families.layered import (
    ACTIVATIONS,
    CHUNK,
    Layers,
    encoder_arrays,
    in_order,
    numbered,
    relax_layers,
    relaxing_netlist,
    step_for,
)
from compiler.families.registry import Family, common_fields
from compiler.families.skips import skip_geometries
from compiler.html import fields_html
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.langevin import CouplingKind, Couplings, LangevinNetlist

if TYPE_CHECKING:
    from scipy import sparse

UNROLLED = 50_000_000  # entries of the dense matrices that `unrolled` will make at most


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """Couplings that share parameters: coupling k drives `row[k]` by `col[k]` with the value
    parameters[tie[k]]. Units are numbered within their layers.
    """

    row: np.ndarray
    col: np.ndarray
    tie: np.ndarray
    shape: tuple[int, int]

    def matrix(self, parameters: np.ndarray) -> sparse.csr_array:
        """(n_driven, n_driving) float64."""
        from scipy import sparse

        values = np.asarray(parameters, np.float64).ravel()[self.tie]
        return sparse.csr_array(sparse.coo_array((values, (self.row, self.col)), shape=self.shape))


@dataclass(frozen=True, slots=True, eq=False)
class ConvHopfieldNetwork:
    """Layer 0 (an image, frozen), convolutional layers, then dense ones, the last of them the
    outputs; each drives its neighbours both ways.

    E = 1/2 sum u^2 - sum_l u_l . (w_l * u_(l-1)) - b . u on the box for the hard sigmoid, the
    prototypical form of `HopfieldNetwork` for sigmoid and tanh (Ernoult et al. 2019, arXiv
    1905.13633; Laborieux et al. 2021, arXiv 2006.03824, whose max-pooling is replaced by strides).
    The way back of w * u is the transposed convolution. Units of an image layer are numbered row by
    row, channels innermost, as the data are.

    A residual network also has couplings across a layer, - sum_l u_l . (s_l * u_(l-2)) over its convolutional
    layers, by the convolutions of `skips.skip_geometry` (Elayedam and Srinivasan 2025, arXiv 2509.26003,
    Hopfield-ResNet, and its code: 1 x 1 kernels across blocks of two layers).

    input_shape : (height, width, channels)
    kernels : C >= 1 arrays (height, width, channels_in, channels_out)
    strides, paddings : C whole numbers; padding zeros on all four sides
    weights : D >= 1 arrays (n_out, n_in); the first takes all units of the last image layer
    biases : C + D arrays: (channels_out,) of a convolution, shared by all places, then (n_out,)
    backward_kernels : C - 1 arrays shaped as kernels[1:], whose transposed convolution drives the
        layer below; None: the kernels themselves
    backward : D arrays (n_in, n_out); None: the transposes. Both are given or neither
    skips : of a residual network C - 1 kernels, into layers 2, 3, ..., C from two below; else none
    backward_skips : C - 2 kernels shaped as skips[1:], given where there are skips and backward_kernels
    Others as in HopfieldNetwork.
    """

    input_shape: tuple[int, int, int]
    kernels: tuple[np.ndarray, ...]
    strides: tuple[int, ...]
    paddings: tuple[int, ...]
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activation: str = "hard-sigmoid"
    backward_kernels: tuple[np.ndarray, ...] | None = None
    backward: tuple[np.ndarray, ...] | None = None
    skips: tuple[np.ndarray, ...] = ()
    backward_skips: tuple[np.ndarray, ...] | None = None
    input_shift: np.ndarray = field(default_factory=lambda: np.zeros(1))
    input_scale: np.ndarray = field(default_factory=lambda: np.ones(1))
    head: str = "classification"
    relax_time: float = 30.0
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=Facts)

    _repr_html_ = fields_html

    @property
    def shapes(self) -> tuple[tuple[int, int, int], ...]:
        """(height, width, channels) of the input and of each convolutional layer."""
        return image_shapes(self.input_shape, [k.shape for k in self.kernels], self.strides, self.paddings)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units in each layer, inputs first."""
        return (*(math.prod(s) for s in self.shapes), *(w.shape[0] for w in self.weights))

    @property
    def n_inputs(self) -> int:
        return math.prod(self.input_shape)

    @property
    def n_outputs(self) -> int:
        return self.weights[-1].shape[0]

    @property
    def n_parameters(self) -> int:
        """Weights, a shared one once, a symmetric pair once; biases not counted."""
        some = (*self.kernels, *self.weights, *self.skips, *(self.backward_kernels or ()))
        return sum(a.size for a in (*some, *(self.backward or ()), *(self.backward_skips or ())))

    def __repr__(self) -> str:
        return f"ConvHopfieldNetwork({'-'.join(map(str, self.sizes))}, {self.activation})"

    def __post_init__(self) -> None:
        freeze_meta(self)
        n, d = len(self.kernels), len(self.weights)
        if n == 0 or d == 0:
            raise NetlistError(
                f"convolutional network: {n} kernels and {d} dense layers; give at least one of "
                "each (a network without kernels is a HopfieldNetwork)"
            )
        if len(self.strides) != n or len(self.paddings) != n or len(self.biases) != n + d:
            raise NetlistError(
                f"convolutional network: {n} kernels and {d} dense layers need {n} strides, {n} "
                f"paddings and {n + d} biases, got {len(self.strides)}, {len(self.paddings)} and "
                f"{len(self.biases)}"
            )
        for k, kernel in enumerate(self.kernels):
            if kernel.ndim != 4 or min(kernel.shape) == 0:
                raise NetlistError(
                    f"convolutional network: kernel {k} must be (height, width, channels_in, "
                    f"channels_out), got shape {kernel.shape}"
                )
        sizes = self.shapes  # refuses what does not fit
        wide = [s[2] for s in sizes[1:]]
        below = math.prod(sizes[-1])
        for k, w in enumerate(self.weights):
            if w.ndim != 2 or w.shape[1] != below or w.shape[0] == 0:
                raise NetlistError(
                    f"convolutional network: weights {k} must be (n_out, {below}), the layer "
                    f"below having {below} units, got shape {w.shape}"
                )
            below = w.shape[0]
            wide.append(below)
        for k, (b, m) in enumerate(zip(self.biases, wide, strict=True)):
            if b.shape != (m,):
                raise NetlistError(f"convolutional network: bias {k} must have shape ({m},), got {b.shape}")
        self._check_backward()
        self._check_skips()
        what = "convolutional network"
        back = (*(self.backward_kernels or ()), *(self.backward or ()), *(self.backward_skips or ()))
        ahead = (*self.kernels, *self.weights, *self.skips)
        check_finite(what, (*ahead, *self.biases, *back), "a weight or bias")
        check_choice(what, "activation", self.activation, ACTIVATIONS)
        check_encoder(what, self)
        check_choice(what, "head", self.head, HEADS)
        check_positive(what, "relax_time", self.relax_time)
        check_labels(what, self)

    def _check_backward(self) -> None:
        if (self.backward is None) != (self.backward_kernels is None):
            raise NetlistError(
                "convolutional network: backward_kernels and backward must both be given or both "
                "be None (symmetric)"
            )
        if self.backward is None or self.backward_kernels is None:
            return
        shapes = [a.shape for a in (*self.backward_kernels, *self.backward)]
        wanted = [k.shape for k in self.kernels[1:]] + [w.shape[::-1] for w in self.weights]
        if shapes != wanted:
            raise NetlistError(
                f"convolutional network: backward kernels and weights must have shapes {wanted}, "
                f"got {shapes}; None stands for the symmetric network"
            )

    def _check_skips(self) -> None:
        geometries = self.skip_geometries if self.skips or self.backward_skips else []
        shapes = [
            (g[0], g[0], self.kernels[k].shape[2], self.kernels[k + 1].shape[3])
            for k, g in enumerate(geometries)
        ]
        got = [a.shape for a in self.skips]
        if got != shapes:
            raise NetlistError(
                f"convolutional network: skips must have shapes {shapes}, one from each layer to the second "
                f"above it, got {got}; leave skips out for a network without them"
            )
        turned = self.backward_kernels is not None and bool(self.skips)
        wanted, found = shapes[1:] if turned else [], [a.shape for a in self.backward_skips or ()]
        if (self.backward_skips is not None) != turned or found != wanted:
            raise NetlistError(
                f"convolutional network: backward skips must have shapes {wanted}, got {found}; they are "
                "given where there are skips and backward kernels, and nowhere else"
            )

    @property
    def skip_geometries(self) -> list[tuple[int, int, int]]:
        """(kernel, stride, padding) of the couplings across each layer, if there are any."""
        if any(k.shape[0] != k.shape[1] for k in self.kernels):
            raise NetlistError("convolutional network: skips are of square kernels; leave skips out")
        some = zip([k.shape[0] for k in self.kernels], self.strides, self.paddings, strict=True)
        return skip_geometries(list(some))

    def shared(self) -> tuple[Shared, ...]:
        """The couplings into each layer from the one below, parameters in the order of the
        kernel's or the weights' own array.
        """
        shapes = self.shapes
        out = [
            convolution(shapes[l], kernel.shape, self.strides[l], self.paddings[l])
            for l, kernel in enumerate(self.kernels)
        ]
        for w in self.weights:
            row, col = np.divmod(np.arange(w.size), w.shape[1])
            out.append(Shared(row, col, np.arange(w.size), (w.shape[0], w.shape[1])))
        return tuple(out)

    def shared_skips(self) -> tuple[Shared, ...]:
        """The couplings into layers 2, 3, ... from two below, parameters in the order of `skips`."""
        if not self.skips:
            return ()
        some = zip(self.shapes, self.skips, self.skip_geometries, strict=False)
        return tuple(convolution(shape, kernel.shape, g[1], g[2]) for shape, kernel, g in some)

    def operators(self) -> tuple[list[sparse.csr_array], list[sparse.csr_array]]:
        """(forward, feedback): L sparse matrices (n_(l+1), n_l), and L - 1 matrices (n_l, n_(l+1))
        that drive layer l >= 1 by layer l + 1.
        """
        from scipy import sparse

        shared = self.shared()
        forward = [s.matrix(p) for s, p in zip(shared, (*self.kernels, *self.weights), strict=True)]
        if self.backward is None or self.backward_kernels is None:
            return forward, [sparse.csr_array(f.T) for f in forward[1:]]
        back = (*self.backward_kernels, *(b.T for b in self.backward))
        return forward, [sparse.csr_array(s.matrix(p).T) for s, p in zip(shared[1:], back, strict=True)]

    def skip_operators(self) -> tuple[list[sparse.csr_array], list[sparse.csr_array]]:
        """(forward, feedback): of skips, (n_(l+2), n_l) from layer l = 0 on, and (n_l, n_(l+2)) from 1 on."""
        from scipy import sparse

        shared = self.shared_skips()
        forward = [s.matrix(p) for s, p in zip(shared, self.skips, strict=True)]
        if self.backward_skips is None:
            return forward, [sparse.csr_array(f.T) for f in forward[1:]]
        turned = zip(shared[1:], self.backward_skips, strict=True)
        return forward, [sparse.csr_array(s.matrix(p).T) for s, p in turned]

    def unit_biases(self) -> list[np.ndarray]:
        """The bias of every unit, layer by layer."""
        sizes = self.sizes[1:]
        return [np.tile(b, n // b.size) for b, n in zip(self.biases, sizes, strict=True)]

    def unrolled(self) -> HopfieldNetwork:
        """The same network without shared parameters, as dense matrices.

        Raises NetlistError where these would have more than 50 million entries, or for a residual network.
        """
        if self.skips:
            raise NetlistError(
                "convolutional network: dense layers have no couplings across a layer; use operators() and "
                "skip_operators(), which are sparse"
            )
        sizes = self.sizes
        entries = sum(a * b for a, b in zip(sizes[1:], sizes[:-1], strict=True))
        if entries > UNROLLED:
            raise NetlistError(
                f"convolutional network: dense matrices of {'-'.join(map(str, sizes))} units have "
                f"{entries:,} entries, at most {UNROLLED:,}; use operators(), which are sparse"
            )
        forward, back = self.operators()
        return HopfieldNetwork(
            weights=tuple(w.toarray() for w in forward),
            biases=tuple(self.unit_biases()),
            activation=self.activation,
            backward=None if self.backward is None else tuple(b.toarray() for b in back),
            input_shift=self.input_shift,
            input_scale=self.input_scale,
            head=self.head,
            relax_time=self.relax_time,
            labels=self.labels,
            meta=self.meta,
        )

    def answers(self, data: Any, *, sweeps: int = 2000, tolerance: float = 1e-7) -> np.ndarray:
        """(n, n_outputs) float64 outputs at rest for raw data (n, n_inputs), see
        `layered.relax_layers`.
        """
        rows = np.asarray(data, dtype=np.float64)
        rows = rows.reshape(rows.shape[0], -1)
        forward, back = self.operators()
        biases, skips = self.unit_biases(), self.skip_operators()
        out = np.empty((rows.shape[0], self.n_outputs))
        for k in range(0, rows.shape[0], CHUNK):
            u = (rows[k : k + CHUNK] - self.input_shift) * self.input_scale
            out[k : k + CHUNK] = relax_layers(
                forward, back, biases, self.activation, u, sweeps=sweeps, tolerance=tolerance, skips=skips
            )[-1]
        return out

    def predictions(self, data: Any) -> np.ndarray:
        """(n,) index of the largest output."""
        return np.argmax(self.answers(data), axis=1)


def image_shapes(
    input_shape: tuple[int, ...], kernels: Any, strides: tuple[int, ...], paddings: tuple[int, ...]
) -> tuple[tuple[int, int, int], ...]:
    """(height, width, channels) of the input and of the layer that each kernel shape makes.

    Raises NetlistError for a stride, padding or kernel that does not fit its layer.
    """
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise NetlistError(
            f"convolutional network: input_shape must be (height, width, channels), got {input_shape}"
        )
    out = [(int(input_shape[0]), int(input_shape[1]), int(input_shape[2]))]
    for k, (kernel, stride, padding) in enumerate(zip(kernels, strides, paddings, strict=True)):
        height, width, channels = out[-1]
        if stride < 1 or padding < 0 or padding >= min(kernel[:2]):
            raise NetlistError(
                f"convolutional network: layer {k + 1} has stride {stride} and padding {padding}; "
                f"a stride is at least 1, a padding at least 0 and below the kernel's "
                f"{min(kernel[:2])}"
            )
        if kernel[2] != channels:
            raise NetlistError(
                f"convolutional network: kernel {k} takes {kernel[2]} channels, the layer below "
                f"has {channels}"
            )
        rows = (height + 2 * padding - kernel[0]) // stride + 1
        columns = (width + 2 * padding - kernel[1]) // stride + 1
        if height + 2 * padding < kernel[0] or width + 2 * padding < kernel[1]:
            raise NetlistError(
                f"convolutional network: kernel {k} of {kernel[0]} x {kernel[1]} is larger than "
                f"its layer, {height} x {width} with padding {padding}; use fewer layers, smaller "
                "kernels or strides"
            )
        out.append((rows, columns, int(kernel[3])))
    return tuple(out)


def convolution(shape: tuple[int, int, int], kernel: tuple[int, ...], stride: int, padding: int) -> Shared:
    """Couplings of a convolution (cross-correlation, as everywhere in machine learning) over an
    image of `shape`: one for each output unit and tap that falls inside the image.
    """
    height, width, channels = shape
    kh, kw, _, out = kernel
    rows = (height + 2 * padding - kh) // stride + 1
    columns = (width + 2 * padding - kw) // stride + 1
    oy, ox, ky, kx, ci, co = np.meshgrid(
        *(np.arange(m) for m in (rows, columns, kh, kw, channels, out)), indexing="ij"
    )
    y, x = oy * stride + ky - padding, ox * stride + kx - padding
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    row = ((oy * columns + ox) * out + co)[inside]
    col = ((y * width + x) * channels + ci)[inside]
    tie = (((ky * kw + kx) * channels + ci) * out + co)[inside]
    return Shared(row, col, tie, (rows * columns * out, height * width * channels))


def parts(model: ConvHopfieldNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    weights = (*model.kernels, *model.weights)
    arrays = encoder_arrays(model)
    arrays |= numbered("weight", weights) | numbered("bias", model.biases)
    arrays |= numbered("backward", (*(model.backward_kernels or ()), *(model.backward or ())), 1)
    arrays |= numbered("skip", model.skips, 1) | numbered("backward_skip", model.backward_skips or (), 2)
    facts = {
        "input_shape": list(model.input_shape),
        "n_convolutions": len(model.kernels),
        "n_layers": len(weights),
        "strides": list(model.strides),
        "paddings": list(model.paddings),
        "activation": model.activation,
        "symmetric": model.backward is None,
        "head": model.head,
        "relax_time": float(model.relax_time),
    }
    if model.skips:
        facts["residual"] = True
    return facts, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> ConvHopfieldNetwork:
    """The network; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    n, c = int(document["n_layers"]), int(document["n_convolutions"])
    height, width, channels = (int(v) for v in document["input_shape"])
    weights = in_order(arrays, "weight", range(n))
    back = None if document["symmetric"] else in_order(arrays, "backward", range(1, n))
    residual = bool(document.get("residual", False))
    return ConvHopfieldNetwork(
        input_shape=(height, width, channels),
        kernels=weights[:c],
        strides=tuple(int(v) for v in document["strides"]),
        paddings=tuple(int(v) for v in document["paddings"]),
        weights=weights[c:],
        biases=in_order(arrays, "bias", range(n)),
        activation=document["activation"],
        backward_kernels=None if back is None else back[: c - 1],
        backward=None if back is None else back[c - 1 :],
        skips=in_order(arrays, "skip", range(1, c)) if residual else (),
        backward_skips=None
        if back is None or not residual
        else in_order(arrays, "backward_skip", range(2, c)),
        input_shift=arrays["input_shift"],
        input_scale=arrays["input_scale"],
        head=document["head"],
        relax_time=float(document["relax_time"]),
        **common_fields(document),
    )


def lower_conv_hopfield(
    network: ConvHopfieldNetwork, *, duration: float | None = None, nudge: float | None = None
) -> LangevinNetlist:
    """The network as a netlist that relaxes to its rest state at kT = 0, as `lower_hopfield` does.

    All couplings are one `linear` group whose `tie` names the parameter of each: a kernel's tap is
    one parameter at every place, and both ways of a symmetric pair are one. Parameters are the
    kernels, the weights, the skips, then the backward ones of these where there are some.

    Raises NetlistError for a duration or nudge that is not usable.
    """
    starts = Layers(network.sizes).starts
    paths = _paths(network)
    parameters = [np.asarray(p.ahead, np.float64).ravel() for p in paths]
    first = np.concatenate([[0], np.cumsum([p.size for p in parameters])])
    rows, cols, ties = [], [], []
    for k, path in enumerate(paths):
        s, low, high = path.shared, starts[path.below], starts[path.above]
        rows.append(high + s.row)
        cols.append(low + s.col)
        ties.append(first[k] + s.tie)
        if not path.below:  # no way back to the inputs
            continue
        origin = first[k]
        if path.back is not None:
            origin = sum(p.size for p in parameters)
            parameters.append(np.asarray(path.back, np.float64).ravel())
        rows.append(low + s.col)
        cols.append(high + s.row)
        ties.append(origin + s.tie)
    couplings = Couplings.from_coo(
        CouplingKind.LINEAR,
        int(starts[-1]),
        np.concatenate(rows),
        np.concatenate(cols),
        np.concatenate(parameters),
        tie=np.concatenate(ties),
    )
    return relaxing_netlist(
        network,
        couplings,
        network.unit_biases(),
        conv_step(network),
        duration,
        nudge,
        {
            "source": "conv-hopfield",
            "sizes": list(network.sizes),
            "shapes": [list(s) for s in network.shapes],
        },
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """Couplings between layers `below` and `above`: parameters `ahead` up, `back` down (None: the same)."""

    below: int
    above: int
    shared: Shared
    ahead: np.ndarray
    back: np.ndarray | None


def _paths(network: ConvHopfieldNetwork) -> list[_Path]:
    """From each layer to the next, then those across a layer."""
    weights = (*network.kernels, *network.weights)
    back: list[np.ndarray | None] = [None] * len(weights)
    if network.backward is not None and network.backward_kernels is not None:
        back = [None, *network.backward_kernels, *(b.T for b in network.backward)]
    across: list[np.ndarray | None] = [None] * len(network.skips)
    if network.backward_skips is not None:
        across = [None, *network.backward_skips]
    steps = zip(network.shared(), weights, back, strict=True)
    skips = zip(network.shared_skips(), network.skips, across, strict=True)
    return [
        *(_Path(l, l + 1, s, w, b) for l, (s, w, b) in enumerate(steps)),
        *(_Path(l, l + 2, s, w, b) for l, (s, w, b) in enumerate(skips)),
    ]


def conv_step(network: ConvHopfieldNetwork) -> float:
    """`stable_step` of a convolutional network; couplings across layers add their norms."""
    forward, back = network.operators()
    up = max(largest_singular_value(f) for f in forward[1:])
    down = max(largest_singular_value(b) for b in back)
    over, under = network.skip_operators()
    up += max((largest_singular_value(f) for f in over[1:]), default=0.0)
    down += max((largest_singular_value(b) for b in under), default=0.0)
    return step_for(network.activation, up, down, len(forward))


def largest_singular_value(matrix: sparse.csr_array) -> float:
    """The spectral norm, to 1e-6."""
    from scipy.sparse.linalg import svds

    if min(matrix.shape) < 3:
        return float(np.linalg.norm(matrix.toarray(), 2))
    start = np.random.default_rng(0).standard_normal(min(matrix.shape))  # the same in every run
    return float(svds(matrix, k=1, tol=1e-6, v0=start, return_singular_vectors=False)[0])


FAMILY = Family(
    "conv-hopfield", ConvHopfieldNetwork, "a convolutional network", parts, build, lower_conv_hopfield
)
