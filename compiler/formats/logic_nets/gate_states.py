"""Which logic-gate layout are these arrays in?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from compiler.formats.logic_nets import compactlogic, difflogic, lilogic, tapeout, torchlogix
from compiler.formats.options import Options
from compiler.ir.gates import GateNetlist


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout. matches : (entries, options) -> bool; read : (entries, options, file's name)
    uses : names of the options that it takes
    """

    name: str
    uses: tuple[str, ...]
    matches: Callable[[Mapping[str, Any], Options], bool]
    read: Callable[[Mapping[str, Any], Options, str], GateNetlist]


LAYOUTS = tuple(
    Layout(module.NAME, module.USES, module.matches, module.read)
    for module in (tapeout, lilogic, compactlogic, torchlogix, difflogic)
)


def gate_layout(state: Mapping[str, Any], options: Options) -> Layout | None:
    """The layout of a state dict's entries, None if they are no logic-gate network."""
    return next((layout for layout in LAYOUTS if layout.matches(state, options)), None)
