"""ResistiveNetwork: conductances and diodes that solve for a minimum of dissipated power."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.errors import NetlistError


@dataclass(frozen=True, slots=True, eq=False)
class ResistiveNetwork:
    """Layers of nodes joined by conductances to the layers beside them; classes at the top.

    Voltages minimise 1/2 sum g_ij (v_i - v_j)^2. Each datum x drives two sources, +gain x and
    -gain x, since conductances cannot be negative. Diodes keep the first half of every hidden layer
    at or above 0 and the rest at or below; outputs have none (Kendall, Scellier and others 2020,
    arXiv 2006.01981; Scellier 2024, arXiv 2402.11674).

    conductances : L arrays (n_(l+1), n_l) >= 0; the first is (n_1, 2 n_inputs), +x sources first
    gain : volts of a source per unit of data
    """

    conductances: tuple[np.ndarray, ...]
    gain: float = 1.0
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def n_inputs(self) -> int:
        return self.conductances[0].shape[1] // 2

    @property
    def n_outputs(self) -> int:
        return self.conductances[-1].shape[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Values a sample, then nodes in each layer."""
        return (self.n_inputs, *(g.shape[0] for g in self.conductances))

    def loads(self) -> list[np.ndarray]:
        """(n_l,) all conductances at the nodes of layer l, l = 1 ... L."""
        g = self.conductances
        out = [a.sum(axis=1, dtype=np.float64) for a in g]
        for l, above in enumerate(g[1:]):
            out[l] = out[l] + above.sum(axis=0, dtype=np.float64)
        return out

    def limits(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """(low, high), (n_l,) each, of every layer's voltages."""
        out = []
        for l, g in enumerate(self.conductances):
            n = g.shape[0]
            low, high = np.full(n, -np.inf), np.full(n, np.inf)
            if l + 1 < len(self.conductances):
                low[: n // 2], high[n // 2 :] = 0.0, 0.0
            out.append((low, high))
        return out

    def __post_init__(self) -> None:
        g = self.conductances
        if not g:
            raise NetlistError("resistive network: there are no layers; give at least one")
        for k, a in enumerate(g):
            if a.ndim != 2 or min(a.shape) == 0:
                raise NetlistError(
                    f"resistive network: conductances {k} must be (n_out, n_in), got {a.shape}"
                )
            if k and a.shape[1] != g[k - 1].shape[0]:
                raise NetlistError(
                    f"resistive network: conductances {k} join {a.shape[1]} nodes but the layer "
                    f"below has {g[k - 1].shape[0]}"
                )
            if not np.isfinite(a).all() or (a < 0).any():
                raise NetlistError(
                    f"resistive network: conductances {k} must be finite and >= 0, the least is "
                    f"{np.nanmin(a):g}; take two sources of opposite sign for a negative weight"
                )
        if g[0].shape[1] % 2:
            raise NetlistError(
                f"resistive network: the first layer must join an even number of sources, +x and "
                f"-x, got {g[0].shape[1]}"
            )
        for k, load in enumerate(self.loads()):
            if not (load > 0).all():
                raise NetlistError(
                    f"resistive network: node {int(np.argmax(load <= 0))} of layer {k + 1} hangs "
                    "in the air; give it a conductance above 0"
                )
        if not (np.isfinite(self.gain) and self.gain > 0):
            raise NetlistError(f"resistive network: gain must be a number > 0, got {self.gain}")
        if self.labels and len(self.labels) != self.n_outputs:
            raise NetlistError(f"resistive network: {len(self.labels)} labels for {self.n_outputs} outputs")

    def voltages(self, data: Any, *, sweeps: int = 5000, tolerance: float = 1e-9) -> list[np.ndarray]:
        """(n, n_l) float64 voltages of layers 1 to L for raw data, by exact layer updates.

        Raises NetlistError if a node still moves by more than `tolerance` of the largest source.
        """
        x = np.asarray(data, dtype=np.float64) * self.gain
        g = [a.astype(np.float64) for a in self.conductances]
        p = x @ (g[0][:, : self.n_inputs] - g[0][:, self.n_inputs :]).T
        v = [np.zeros((x.shape[0], a.shape[0])) for a in g]
        loads, limits, top = self.loads(), self.limits(), len(g)
        bound = tolerance * max(float(np.abs(x).max(initial=0.0)), 1e-30)
        for _ in range(sweeps):
            change = 0.0
            for l in [*range(0, top, 2), *range(1, top, 2)]:
                z = p if l == 0 else v[l - 1] @ g[l].T
                if l + 1 < top:
                    z = z + v[l + 1] @ g[l + 1]
                new = np.clip(z / loads[l], *limits[l])
                change = max(change, float(np.abs(new - v[l]).max(initial=0.0)))
                v[l] = new
            if change <= bound:
                return v
        raise NetlistError(
            f"resistive network: a node still moves by {change:.2g} V after {sweeps} sweeps; raise "
            "sweeps or tolerance"
        )

    def answers(self, data: Any) -> np.ndarray:
        """(n, n_outputs) output voltages."""
        return self.voltages(data)[-1]

    def predictions(self, data: Any) -> np.ndarray:
        """(n,) index of the largest output."""
        return np.argmax(self.answers(data), axis=1)
