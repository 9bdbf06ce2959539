"""A netlist as one differentiable function of its couplings, its biases and its inputs, for training loops.

Noise and device are arguments: a loop that draws both anew at every step trains for what no device has in
common. Gradients are those of the discretised run (pathwise; noise is additive, so that they are exact).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import CellKind, CouplingKind, Couplings, LangevinNetlist
from hw_models.imperfect import Imperfections, bias_factors, factors
from thermo.simulate.langevin.jax_runner import langevin_function
from thermo.simulate.langevin.plan import make_plan
from thermo.simulate.langevin.prepare import prepare


class Layer(NamedTuple):
    """What is trained, or what a device makes of it: an array for each group of the netlist's couplings,
    as its `values` (nnz,), and h (n_cells,) biases.
    """

    couplings: tuple[Any, ...]
    h: Any


class SimulatedFunction:
    """function(parameters, data (N, n_inputs), key, device=None) -> answers (N, n_answers), in JAX: pure,
    to be jitted and differentiated by parameters and data.

    netlist : of overdamped cells, with couplings of any kind but resistors
    non_ideal : mismatch, asymmetry and bias_mismatch of the devices that `device` draws
    kT, dt : None: the netlist's own; method : "euler" or "heun"

    parameters : Layer, of the netlist; couplings of both directions are parameters of their own

    Raises UnsupportedError for netlists and imperfections that are not differentiated here.
    """

    def __init__(
        self,
        netlist: LangevinNetlist,
        *,
        non_ideal: Imperfections | None = None,
        kT: float | None = None,
        dt: float | None = None,
        method: str = "euler",
    ) -> None:
        law = non_ideal or Imperfections()
        if law.bits is not None or law.laws:
            raise UnsupportedError(
                "a simulated layer draws mismatch, asymmetry and bias_mismatch; bits and laws of cells are "
                "trained for by thermo.train_pathwise and thermo.train_eqprop"
            )
        if any(len(g) and g.kind == CouplingKind.RESISTIVE for g in netlist.couplings):
            raise UnsupportedError(
                "a simulated layer has no resistive couplings; train those by train_resistive"
            )
        if np.any(netlist.cells.kind == CellKind.PHASE):
            raise UnsupportedError("a simulated layer has no phase cells; train those by train_oscillator")
        self.netlist, self.law = netlist, law
        plan = make_plan(netlist, kT=kT, dt=dt, observe=None, trajectory_every=None)
        self._prepared = prepare(netlist)
        self._own, self._run = langevin_function(self._prepared, plan, method=method)
        self.parameters = Layer(
            tuple(jnp.asarray(g.values, jnp.float32) for g in netlist.couplings),
            jnp.asarray(netlist.cells.h, jnp.float32),
        )
        self._places = [_places(self._prepared, self._own, netlist, g) for g in netlist.couplings]

    def device(self, seed: int) -> Layer:
        """Factors of device `seed`, the one that `simulate(..., device_seed=seed)` runs on."""
        c = self.netlist.cells
        known = c.known_as
        drawn = (
            factors(self.law, seed, known[g.rows], known[g.indices]).astype(np.float32)
            for g in self.netlist.couplings
        )
        return Layer(tuple(drawn), np.asarray(bias_factors(self.law, seed, known), np.float32))

    def __call__(self, parameters: Layer, data: Any, key: Any, device: Layer | None = None) -> jax.Array:
        acting = parameters if device is None else jax.tree.map(lambda p, f: p * f, parameters, device)
        p = self._prepared
        own = {name: jnp.zeros_like(value) for name, value in self._own.items() if name in p.matrices}
        for places, values in zip(self._places, acting.couplings, strict=True):
            for name, at, which in places:
                own[name] = own[name].at[at].add(values[which])
        own = {**self._own, **own, "h": acting.h[p.cells]}
        u = jnp.asarray(data, jnp.float32)
        if self.netlist.encoder is not None:
            encoder = self.netlist.encoder
            u = (u - encoder.shift.astype(np.float32)) * encoder.scale.astype(np.float32)
        x0 = jnp.broadcast_to(jnp.asarray(p.x0, jnp.float32), (u.shape[0], p.n))
        read = self._run(own, u, x0, key, jnp.arange(u.shape[0], dtype=jnp.uint32)).outputs[-1]
        readout = self.netlist.readout
        if readout is None or readout.scale is None:
            return read
        offset = 0.0 if readout.offset is None else readout.offset.astype(np.float32)
        return read @ readout.scale.T.astype(np.float32) + offset

    def netlist_of(self, parameters: Layer) -> LangevinNetlist:
        """The netlist with these couplings and biases, each coupling with a value of its own."""
        from dataclasses import replace

        couplings = tuple(
            replace(g, weight=np.asarray(values, np.asarray(g.values).dtype), tie=None)
            for g, values in zip(self.netlist.couplings, parameters.couplings, strict=True)
        )
        h = np.asarray(parameters.h, self.netlist.cells.h.dtype)
        return self.netlist.with_(couplings=couplings, cells=replace(self.netlist.cells, h=h))


def _places(
    prepared: Any, own: dict[str, Any], netlist: LangevinNetlist, group: Couplings
) -> list[tuple[str, Any, np.ndarray]]:
    """[(name of a matrix, where in it, which couplings)] of a group: among cells, and from the inputs."""
    kind = CouplingKind(group.kind)
    stem = "w" if kind == CouplingKind.LINEAR else kind.name.lower()
    place = np.empty(netlist.n_cells, np.int64)
    place[prepared.cells] = np.arange(prepared.n)
    place[netlist.inputs] = np.arange(netlist.inputs.size)
    out = []
    for name, which in (
        (stem, np.flatnonzero(~netlist.cells.frozen[group.indices])),
        (f"{stem}_in", np.flatnonzero(netlist.cells.frozen[group.indices])),
    ):
        if not which.size or name not in own:
            continue
        rows, cols = place[group.rows[which]], place[group.indices[which]]
        if own[name].ndim == 2:
            out.append((name, (rows, cols), which))
            continue
        matrix = prepared.matrices[name]
        width = matrix.shape[1]
        held = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * width + matrix.indices
        order = np.argsort(held)
        out.append((name, order[np.searchsorted(held[order], rows * width + cols)], which))
    return out
