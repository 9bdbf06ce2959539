"""The .npz files of taped-out logic-gate networks: `gate_types`, `connections.A`, `connections.B`.

Source: pth_to_npz.py and npz_to_verilog.py of github.com/rejunity/ws0-lgn-fxnist. All three are
(layers, width of the widest layer); narrower layers are filled up with zeros, which are legal gates
as well, so that the widths of such a file must be given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.errors import FormatError, UnsupportedError
from compiler.formats.logic_nets.stack import GateLayer, stack_layers, whole_numbers
from compiler.formats.options import STACK, Options
from compiler.ir.gates import GateNetlist

NAME = "taped-out network"
USES = (*STACK, "widths")
KEYS = ("gate_types", "connections.A", "connections.B")
_IGNORED = ("input", "output", "inputs")


def matches(state: Mapping[str, Any], options: Options) -> bool:
    """Whether there are gate types."""
    return KEYS[0] in state


def read(state: Mapping[str, Any], options: Options, origin: str) -> GateNetlist:
    """The netlist of the layers.

    Raises UnsupportedError for layers that may be filled up, without options.widths; FormatError
    for missing or differing arrays.
    """
    missing = [key for key in KEYS if key not in state]
    if missing:
        raise FormatError(f"{origin}: lacks the array {missing[0]!r}")
    if unknown := [key for key in state if key not in (*KEYS, *_IGNORED)]:
        raise UnsupportedError(f"{origin}: array {unknown[0]!r} is not known")
    op, a, b = (whole_numbers(state[key], key, origin) for key in KEYS)
    if op.ndim != 2 or not op.shape == a.shape == b.shape or op.size == 0:
        raise FormatError(
            f"{origin}: {', '.join(KEYS)} must be (layers, width), all three, got {op.shape}, "
            f"{a.shape} and {b.shape}"
        )
    layers = []
    for k, width in enumerate(_widths(op, a, b, options, origin)):
        layers.append(GateLayer(f"row {k}", op[k, :width], a[k, :width], b[k, :width]))
    return stack_layers(layers, options, origin=origin, meta={"source": NAME})


def _widths(op: np.ndarray, a: np.ndarray, b: np.ndarray, options: Options, origin: str) -> tuple[int, ...]:
    used = [int(np.max(np.flatnonzero(row), initial=-1)) + 1 for row in op | a | b]
    n_layers, widest = op.shape
    if not options.widths:
        if min(used) < widest:
            k = int(np.argmin(used))
            raise UnsupportedError(
                f"{origin}: layer {k} ends in {widest - used[k]} zero gates on net 0, which may be "
                f"there or fill up a narrower layer; give --widths, "
                f"{','.join(map(str, used))} if all of them fill up"
            )
        return (widest,) * n_layers
    if len(options.widths) != n_layers:
        raise UnsupportedError(f"{origin}: has {n_layers} layers, --widths gives {len(options.widths)}")
    for k, width in enumerate(options.widths):
        if not max(used[k], 1) <= width <= widest:
            raise UnsupportedError(
                f"{origin}: layer {k} has at least {max(used[k], 1)} and at most {widest} gates, "
                f"--widths says {width}"
            )
    return options.widths
