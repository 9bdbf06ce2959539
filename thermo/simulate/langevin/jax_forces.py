"""Force and potential of a prepared netlist as pure, differentiable JAX functions.

Arrays are (trajectories, cells); equations: docs/physics.md#couplings. What a netlist does not
have, no couplings of a kind, no phase cells, no nudge, is left out of the traced function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from compiler.ir.langevin import Activation
from thermo.simulate.langevin.arguments import is_dense
from thermo.simulate.langevin.prepare import Prepared
from thermo.simulate.langevin.wiring import Wiring

Params = dict[str, jax.Array]


class JaxDrive(NamedTuple):
    """Products of the couplings from the inputs with phi(u), phi(u), sin u and cos u, or 0."""

    linear: Any
    gradient: Any
    sine: Any
    cosine: Any


class JaxSetting(NamedTuple):
    """What may change at fixed x: coupling scale, well, nudge, force of the inputs, targets."""

    s: Any
    kappa: Any
    beta: float
    drive: JaxDrive
    targets: Any


def activate(codes: np.ndarray, x: jax.Array) -> jax.Array:
    """phi(x) of (..., n) states with activation codes (n,)."""
    out = x
    for code in np.unique(codes):
        match Activation(int(code)):
            case Activation.IDENTITY:
                continue
            case Activation.CLIP:
                y = jnp.clip(x, 0.0, 1.0)
            case Activation.SIGMOID:
                y = jax.nn.sigmoid(x)
            case Activation.TANH:
                y = jnp.tanh(x)
            case Activation.RELU:
                y = jax.nn.relu(x)
            case Activation.COSINE:
                y = jnp.cos(x)
        out = y if np.all(codes == code) else jnp.where(codes == code, y, out)
    return out


def slope(codes: np.ndarray, x: jax.Array) -> jax.Array:
    """phi'(x) of (..., n) states with activation codes (n,); 0 at a kink."""
    out = jnp.ones_like(x)
    for code in np.unique(codes):
        match Activation(int(code)):
            case Activation.IDENTITY:
                continue
            case Activation.CLIP:
                y = ((x > 0.0) & (x < 1.0)).astype(x.dtype)
            case Activation.SIGMOID:
                y = jax.nn.sigmoid(x) * (1.0 - jax.nn.sigmoid(x))
            case Activation.TANH:
                y = 1.0 - jnp.tanh(x) ** 2
            case Activation.RELU:
                y = (x > 0.0).astype(x.dtype)
            case Activation.COSINE:
                y = -jnp.sin(x)
        out = jnp.where(codes == code, y, out)
    return out


def mixing(wiring: Wiring | None, dtype: Any) -> tuple[int, Callable[[jax.Array], jax.Array] | None]:
    """(m, function) from normals (N, m) of elements between two cells to what they put into each (N, n), over
    a cell's own spread; (0, None) where no element is one.
    """
    if wiring is None or wiring.shared is None:
        return 0, None
    if isinstance(wiring.shared, np.ndarray):
        factor = jnp.asarray(wiring.shared.T, dtype)
        return factor.shape[0], lambda z: jnp.matmul(z, factor, precision="highest")
    n, elements = wiring.shared.shape
    ends = wiring.shared.tocoo()

    def put(z: jax.Array) -> jax.Array:
        values = (z[:, ends.col] * jnp.asarray(ends.data, dtype)).T
        return jax.ops.segment_sum(values, ends.row, n).T

    return elements, put


class JaxForces:
    """The forces of a prepared netlist; `params` holds its parameters, for every method."""

    def __init__(self, prepared: Prepared, cost: str = "squared") -> None:
        p = self.prepared = prepared
        self.cost = cost
        self.dtype = jnp.zeros(()).dtype
        self.angles = bool(p.angle.any())
        self.reach = np.inf if p.wiring is None else p.wiring.reach
        columns = ("c1", "c2", "c3", "h", *(("field", "second") if self.angles else ()))
        self.params = {k: jnp.asarray(getattr(p, k), self.dtype) for k in columns}
        self.dense: dict[str, bool] = {}
        self.matrices = p.matrices
        for name, matrix in self.matrices.items():
            if matrix.nnz == 0 and name not in ("w", "w_in"):
                continue
            driven = name.endswith("_in")
            full = matrix.nnz >= 0.5 * p.n * max(p.n_inputs, 1) if driven else is_dense(matrix)
            self.dense[name] = full
            self.params[name] = jnp.asarray(matrix.toarray() if full else matrix.data, self.dtype)

    def _product(self, name: str, params: Params, shown: jax.Array) -> Any:
        """(N, n) product of one coupling matrix with what the driving cells show, 0 if empty."""
        if name not in self.dense or self.matrices[name].shape[1] == 0:
            return 0.0
        matrix = self.matrices[name]
        values = params[name]
        if self.dense[name]:
            return jnp.matmul(shown, values.T, precision="highest")
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        parts = (shown[:, matrix.indices] * values).T
        return jax.ops.segment_sum(parts, rows, matrix.shape[0], indices_are_sorted=True).T

    def _within_reach(self, shown: jax.Array) -> jax.Array:
        """What the device's couplings show of phi."""
        return self.reach * jnp.tanh(shown / self.reach) if np.isfinite(self.reach) else shown

    def drive(self, params: Params, u: jax.Array, scale: float = 1.0) -> JaxDrive:
        """Forces of encoded inputs u (N, n_in) at an input scale."""
        shown = scale * self._within_reach(activate(self.prepared.input_activation, u))
        return JaxDrive(
            self._product("w_in", params, shown),
            self._product("gradient_in", params, shown),
            self._product("sine_in", params, scale * jnp.sin(u)),
            self._product("sine_in", params, scale * jnp.cos(u)),
        )

    def force(self, params: Params, x: jax.Array, at: JaxSetting) -> jax.Array:
        """(N, n) force on every dynamic cell."""
        p, drive = self.prepared, at.drive
        shown = self._within_reach(activate(p.activation, x))
        coupled = self._product("w", params, shown) + drive.linear
        if "gradient" in self.dense or "gradient_in" in self.dense:
            inner = self._product("gradient", params, shown) + drive.gradient
            coupled += slope(p.activation, x) * inner
        if "sine" in self.dense or "sine_in" in self.dense:
            sine, cosine = jnp.sin(x), jnp.cos(x)
            coupled += cosine * (self._product("sine", params, sine) + drive.sine)
            coupled -= sine * (self._product("sine", params, cosine) + drive.cosine)
        own = params["h"] - x * (params["c1"] + x * (params["c2"] + x * params["c3"]))
        well = x
        if self.angles:
            own -= params["field"] * jnp.sin(x) + params["second"] * jnp.sin(2 * x)
            well = jnp.where(p.angle, jnp.sin(x), x)
        out = own - at.kappa * well + at.s * coupled
        if at.beta:
            # the derivative of the cost is written out: a gradient of a gradient costs more
            out = out.at[:, p.outputs].add(-at.beta * self._slope_of_cost(x, at.targets))
        return out

    def _outputs(self, x: jax.Array) -> tuple[jax.Array, np.ndarray, np.ndarray]:
        """States and codes of the output cells, and which are nudged as angles."""
        p = self.prepared
        codes = p.activation[p.outputs]
        return x[:, p.outputs], codes, p.angle[p.outputs] & (codes == Activation.IDENTITY)

    def _slope_of_cost(self, x: jax.Array, y: jax.Array) -> jax.Array:
        """(N, n_out) dC/dx of the output cells."""
        out, codes, bare = self._outputs(x)
        shown = activate(codes, out)
        if self.cost == "cross-entropy":
            mass = y.sum(axis=1, keepdims=True)
            return slope(codes, out) * (mass * jax.nn.softmax(shown, axis=1) - y)
        return jnp.where(bare, jnp.sin(out - y), slope(codes, out) * (shown - y))

    def nudge_cost(self, x: jax.Array, y: jax.Array) -> jax.Array:
        """(N,) C of what the output cells show."""
        out, codes, bare = self._outputs(x)
        shown = activate(codes, out)
        if self.cost == "cross-entropy":
            return -jnp.sum(y * jax.nn.log_softmax(shown, axis=1), axis=1)
        return jnp.sum(jnp.where(bare, 1 - jnp.cos(out - y), 0.5 * (shown - y) ** 2), axis=1)

    def coupling_energy(self, params: Params, x: jax.Array, drive: JaxDrive) -> jax.Array:
        """(N,) energy of all couplings at scale 1; only where the force is a gradient."""
        shown = activate(self.prepared.activation, x)
        sine, cosine = jnp.sin(x), jnp.cos(x)
        energy = x * (0.5 * self._product("w", params, shown) + drive.linear)
        energy += shown * (0.5 * self._product("gradient", params, shown) + drive.gradient)
        energy += sine * (0.5 * self._product("sine", params, sine) + drive.sine)
        energy += cosine * (0.5 * self._product("sine", params, cosine) + drive.cosine)
        return -jnp.sum(energy, axis=1)

    def potential(self, params: Params, x: jax.Array, at: JaxSetting) -> jax.Array:
        """(N,) V(x); only where the force is a gradient."""
        c1, c2, c3, h = (params[k] for k in ("c1", "c2", "c3", "h"))
        own = x * (x * (c1 / 2 + x * (c2 / 3 + x * c3 / 4)) - h)
        well = 0.5 * x * x
        if self.angles:
            own += params["second"] * jnp.sin(x) ** 2 - params["field"] * jnp.cos(x)
            well = jnp.where(self.prepared.angle, 1 - jnp.cos(x), well)
        v = (own + at.kappa * well).sum(axis=1)
        v += at.s * self.coupling_energy(params, x, at.drive)
        return v + at.beta * self.nudge_cost(x, at.targets) if at.beta else v
