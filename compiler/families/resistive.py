"""ResistiveNetwork: conductances and diodes that solve for a minimum of dissipated power."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.layered import Layers, in_order, numbered
from compiler.families.registry import Family, common_fields
from compiler.html import fields_html
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.langevin import Cells, CouplingKind, Encoder, LangevinNetlist, Phase, ReadOut


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
    meta: Mapping[str, Any] = field(default_factory=Facts)

    _repr_html_ = fields_html

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

    def __repr__(self) -> str:
        return f"ResistiveNetwork({'-'.join(map(str, self.sizes))}, gain {self.gain:g})"

    def __post_init__(self) -> None:
        freeze_meta(self)
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


def parts(model: ResistiveNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    facts = {"n_layers": len(model.conductances), "gain": float(model.gain)}
    return facts, numbered("conductance", model.conductances)


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> ResistiveNetwork:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    return ResistiveNetwork(
        conductances=in_order(arrays, "conductance", range(int(document["n_layers"]))),
        gain=float(document["gain"]),
        **common_fields(document),
    )


RELAX_TIME = 60.0  # of the slowest node's own charging time


def conductance_unit(network: ResistiveNetwork) -> float:
    """The conductance that is 1 in the netlist: a power of two, at least the largest load."""
    return 2.0 ** math.ceil(math.log2(max(float(load.max()) for load in network.loads())))


def lower_resistive(network: ResistiveNetwork) -> LangevinNetlist:
    """Nodes as cells, diodes as intervals, `resistive` couplings between the layers.

    The two sources of an input sit in one frozen cell u = gain x: through g+ and g- they drive
    (g+ - g-) u, a `linear` coupling, and load the node with g+ + g-, its J2. Conductances are
    divided by a power of two, so that the fastest node has a rate from 1/2 to 1 and every
    conductance keeps all its digits; kT = 0.
    """
    g, loads, limits = network.conductances, network.loads(), network.limits()
    n_in, layers = network.n_inputs, Layers(network.sizes)
    n, starts = layers.n, layers.starts
    scale = 1.0 / conductance_unit(network)
    j2, low, high = np.zeros(n), np.full(n, -np.inf), np.full(n, np.inf)
    first = slice(int(starts[1]), int(starts[2]))
    j2[first] = 0.5 * scale * g[0].sum(axis=1, dtype=np.float64)
    for l, (a, b) in enumerate(limits, 1):
        low[starts[l] : starts[l + 1]], high[starts[l] : starts[l + 1]] = a, b
    drive = (g[0][:, :n_in].astype(float) - g[0][:, n_in:]) * scale
    couplings = [layers.couplings(CouplingKind.LINEAR, [(1, 0, drive)])]
    joined = [(l, a.astype(float) * scale) for l, a in enumerate(g[1:], 1)]
    if joined:
        both = [block for l, a in joined for block in ((l + 1, l, a), (l, l + 1, a.T))]
        couplings.append(layers.couplings(CouplingKind.RESISTIVE, both))
    slowest = scale * min(float(load.min()) for load in loads)
    dt = 0.5
    steps = math.ceil(RELAX_TIME / slowest / dt)
    return LangevinNetlist(
        cells=Cells.make(n, j2=j2, lo=low, hi=high, role=layers.roles),
        couplings=tuple(couplings),
        kT=0.0,
        mobility=1.0,
        schedule=(Phase("free", steps * dt),),
        groups=layers.groups,
        readout=ReadOut(cells=layers.outputs, phase="free", labels=network.labels),
        encoder=Encoder(np.zeros(1), np.full(1, float(network.gain))),
        dt=dt,
        meta={**network.meta, "source": "resistive", "sizes": list(network.sizes)},
    )


FAMILY = Family("resistive", ResistiveNetwork, "a resistive network", parts, build, lower_resistive)
