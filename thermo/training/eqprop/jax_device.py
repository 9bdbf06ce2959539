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
from hw_models.imperfect import act, bias_factors, factors, quantise_blocks
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.jax_layers import Conv, Layout
from thermo.training.eqprop.jax_rest import Parameters


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLayers:
    """One device's factors, float32, shaped as the couplings that act. w, back : of every layer, and of
    all but the first; b : (..., channels), one a unit.

    They are those of the cells that the network is lowered to, so that its netlist on the same device
    has the same couplings.
    """

    w: tuple[np.ndarray, ...]
    back: tuple[np.ndarray, ...]
    b: tuple[np.ndarray, ...]
    layout: Layout
    device: EqpropDevice

    def act(self, p: Parameters) -> Parameters:
        """What drives where p is programmed; the device's laws hold for the plain activation's weights
        and biases, in which a shifted one is built (thermo.training.eqprop.jax_convert).
        """
        sigma, bits, n = self.layout.sigma, self.device.imperfections.bits, len(self.w)
        scale, shift = np.float32(sigma.scale), np.float32(sigma.shift)
        ahead = [scale * np.asarray(a, np.float32) for a in p.w]
        behind = ahead[1:] if p.back is None else [scale * np.asarray(a, np.float32) for a in p.back]
        written = quantise_blocks(ahead[:1], bits) + quantise_blocks([*ahead[1:], *behind], bits)
        b = [scale * np.asarray(a, np.float32) + shift for a in p.b]
        biases: Any = tuple((act(v, f, np.float32) - shift) / scale for v, f in zip(b, self.b, strict=True))
        return Parameters(self._times(written[:n], self.w), biases, self._times(written[n:], self.back))

    def _times(self, written: Sequence[np.ndarray], drawn: Sequence[np.ndarray]) -> tuple[Any, ...]:
        scale = np.float32(self.layout.sigma.scale)
        return tuple(act(w, f, np.float32) / scale for w, f in zip(written, drawn, strict=True))


def draw_layers(layout: Layout, device: EqpropDevice) -> DrawnLayers:
    """The device for this network."""
    law, seed, cells = device.imperfections, device.seed, Layers(layout.sizes).cells
    w, back = [], []
    for l in range(len(layout.layers)):
        above, below = _ends(layout, cells, l)
        w.append(factors(law, seed, above, below))
        if l:
            back.append(factors(law, seed, below, above))
    b = [
        bias_factors(law, seed, c.reshape(shape))
        for c, shape in zip(cells[1:], layout.shapes[1:], strict=True)
    ]
    return DrawnLayers(tuple(w), tuple(back), tuple(b), layout, device)


def _ends(layout: Layout, cells: Sequence[np.ndarray], l: int) -> tuple[np.ndarray, np.ndarray]:
    """Cells above and below of layer l's couplings, which broadcast to the shape of those that act. A
    tap on the padding has no cell: it gets some other one's, and couples nothing.
    """
    layer = layout.layers[l]
    if not isinstance(layer, Conv):
        return cells[l + 1][None, :], cells[l][:, None]
    above, below = (cells[k].reshape(layout.shapes[k]) for k in (l + 1, l))
    height, width, _ = below.shape
    tap, (rows, columns) = np.arange(layer.kernel), above.shape[:2]
    y = np.clip(np.arange(rows)[:, None] * layer.stride + tap - layer.padding, 0, height - 1)
    x = np.clip(np.arange(columns)[:, None] * layer.stride + tap - layer.padding, 0, width - 1)
    at = below[y[:, None, :, None], x[None, :, None, :]]  # (rows, columns, k, k, in)
    return above[:, :, None, None, None, :], at[..., None]
