"""Targets: what a piece of hardware can hold. Lowering ends when a netlist is legal for one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from hw_models.errors import HardwareError
from hw_models.registry import Registry
from hw_models.source import Source


@dataclass(frozen=True, slots=True)
class Target:
    """What is legal. None means no limit.

    cell_kinds, coupling_kinds, activations : lower-case names of the IR's codes
    max_coupling : largest |W| in the netlist's force units; bits : resolution of a coupling
    max_degree : couplings into one dynamic cell; symmetric : W_ij must equal W_ji
    max_cells : dynamic cells

    Raises HardwareError for a limit that no hardware can have.
    """

    name: str
    summary: str
    source: Source
    cell_kinds: frozenset[str] = frozenset({"continuous"})
    coupling_kinds: frozenset[str] = frozenset({"linear"})
    activations: frozenset[str] = frozenset({"identity"})
    max_coupling: float | None = None
    bits: int | None = None
    max_degree: int | None = None
    max_cells: int | None = None
    symmetric: bool = False

    def __post_init__(self) -> None:
        if self.max_coupling is not None and not 0 < self.max_coupling < math.inf:
            raise HardwareError(
                f"target {self.name}: max_coupling must be a finite number > 0 or None, "
                f"got {self.max_coupling}"
            )
        for name, least in (("bits", 2), ("max_degree", 1), ("max_cells", 1)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < least):
                raise HardwareError(
                    f"target {self.name}: {name} must be a whole number >= {least} or None, "
                    f"got {value}"
                )

    def describe(self) -> dict[str, Any]:
        """Summary and limits for `thermoc presets`."""
        limits = {
            "max_coupling": (self.max_coupling, "force"),
            "bits": (self.bits, "bit"),
            "max_degree": (self.max_degree, "couplings"),
            "max_cells": (self.max_cells, "cells"),
        }
        return {
            "name": self.name,
            "summary": self.summary,
            "cell_kinds": sorted(self.cell_kinds),
            "coupling_kinds": sorted(self.coupling_kinds),
            "activations": sorted(self.activations),
            "symmetric": self.symmetric,
            "figures": {
                k: {"value": v, "unit": u, "kind": self.source.kind, "ref": self.source.ref}
                for k, (v, u) in limits.items()
                if v is not None
            },
        }


_IDEAL = Target(
    name="ideal",
    summary="every cell, coupling and activation of the IR, no limits",
    source=Source("exact", "the IR itself"),
    cell_kinds=frozenset({"continuous", "phase", "pbit"}),
    coupling_kinds=frozenset({"linear", "gradient", "resistive", "sine"}),
    activations=frozenset({"identity", "clip", "sigmoid", "tanh", "relu", "cosine"}),
)

_RC_ARRAY = Target(
    name="rc-array",
    summary="quartic RC cells on a full crossbar, 8-bit couplings up to 32, up to 1,100 cells",
    source=Source("assumed", "a plausible array, no published chip"),
    max_coupling=32.0,
    bits=8,
    max_cells=1100,
)

TARGETS = Registry("target", [(t.name, t) for t in (_IDEAL, _RC_ARRAY)])
