"""One imperfect device for layered networks in JAX: every unrolled coupling is an element of its own.

A convolution's taps share a programmed parameter, and each place has its own coupling, which the
device makes of it: acting kernels are (height, width, k, k, in, out), by place of the layer above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.families.layered import Layers
from hw_models.imperfect import Ends, act, bias_factors, factors, written
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.jax_layers import Conv, Layout
from thermo.training.eqprop.jax_rest import Parameters


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLayers:
    """One device's factors, float32, shaped as the couplings that act. w, back : of every layer, and of
    all but the first; b : (..., channels), one a unit; ends : cells of each layer's couplings.

    They are those of the cells that the network is lowered to, so that its netlist on the same device
    has the same couplings.
    """

    w: tuple[np.ndarray, ...]
    back: tuple[np.ndarray, ...]
    b: tuple[np.ndarray, ...]
    ends: tuple[Ends, ...]
    layout: Layout
    device: EqpropDevice

    def act(self, p: Parameters) -> Parameters:
        """What drives where p is programmed; the device's laws hold for the plain activation's weights
        and biases, in which a shifted one is built (thermo.training.eqprop.jax_convert).
        """
        sigma, law, seed, n = self.layout.sigma, self.device.imperfections, self.device.seed, len(self.w)
        scale, shift = np.float32(sigma.scale), np.float32(sigma.shift)
        ahead = [scale * np.asarray(a, np.float32) for a in p.w]
        behind = ahead[1:] if p.back is None else [scale * np.asarray(a, np.float32) for a in p.back]
        if law.laws:  # every place of a kernel has elements of its own
            ahead = [self._unrolled(l, a) for l, a in enumerate(ahead)]
            behind = [self._unrolled(l + 1, a) for l, a in enumerate(behind)]
        backwards = [(below, above) for above, below in self.ends[1:]]
        made = written(ahead[:1], self.ends[:1], law, seed)
        made += written([*ahead[1:], *behind], [*self.ends[1:], *backwards], law, seed)
        b = [scale * np.asarray(a, np.float32) + shift for a in p.b]
        biases: Any = tuple((act(v, f, np.float32) - shift) / scale for v, f in zip(b, self.b, strict=True))
        return Parameters(self._times(made[:n], self.w), biases, self._times(made[n:], self.back))

    def _unrolled(self, l: int, w: np.ndarray) -> np.ndarray:
        """Layer l's weights at every place, 0 on the padding."""
        return np.where(_joined(self.layout, l), w, np.float32(0))

    def _times(self, made: Sequence[np.ndarray], drawn: Sequence[np.ndarray]) -> tuple[Any, ...]:
        scale = np.float32(self.layout.sigma.scale)
        return tuple(act(w, f, np.float32) / scale for w, f in zip(made, drawn, strict=True))


def draw_layers(layout: Layout, device: EqpropDevice) -> DrawnLayers:
    """The device for this network."""
    law, seed, cells = device.imperfections, device.seed, Layers(layout.sizes).cells
    w, back = [], []
    ends = tuple(_ends(layout, cells, l) for l in range(len(layout.layers)))
    for l, (above, below) in enumerate(ends):
        w.append(factors(law, seed, above, below))
        if l:
            back.append(factors(law, seed, below, above))
    b = [
        bias_factors(law, seed, c.reshape(shape))
        for c, shape in zip(cells[1:], layout.shapes[1:], strict=True)
    ]
    return DrawnLayers(tuple(w), tuple(back), tuple(b), ends, layout, device)


def _ends(layout: Layout, cells: Sequence[np.ndarray], l: int) -> tuple[np.ndarray, np.ndarray]:
    """Cells above and below of layer l's couplings, which broadcast to the shape of those that act. A
    tap on the padding has no cell: it gets some other one's, and couples nothing.
    """
    layer = layout.layers[l]
    if not isinstance(layer, Conv):
        return cells[l + 1][None, :], cells[l][:, None]
    above, below = (cells[k].reshape(layout.shapes[k]) for k in (l + 1, l))
    height, width, _ = below.shape
    rows, columns = _taps(layer, above.shape[:2])
    y, x = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    at = below[y[:, None, :, None], x[None, :, None, :]]  # (rows, columns, k, k, in)
    return above[:, :, None, None, None, :], at[..., None]


def _taps(layer: Conv, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(rows, k) and (columns, k) below of each place's taps, outside of the layer on the padding."""
    tap = np.arange(layer.kernel)
    rows, columns = (np.arange(n)[:, None] * layer.stride + tap - layer.padding for n in shape)
    return rows, columns


def _joined(layout: Layout, l: int) -> np.ndarray:
    """Which of layer l's couplings there are, to be broadcast: not those on the padding."""
    layer = layout.layers[l]
    if not isinstance(layer, Conv):
        return np.ones((1, 1), bool)
    height, width = layout.shapes[l][:2]
    rows, columns = _taps(layer, layout.shapes[l + 1][:2])
    y, x = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    return (y[:, None, :, None] & x[None, :, None, :])[..., None, None]
