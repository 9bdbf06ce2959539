"""Training with gradients by JAX: the same start, data, schedule and results as GeneralTrainer."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from thermo.data import Dataset
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.general import GeneralTrainer
from thermo.training.logic.general_values import Rates
from thermo.training.logic.jax_path import Head, Parameters, draw_noise, loss_function
from thermo.training.logic.patches import Bank
from thermo.training.tiles import Tiles


class JaxTrainer(GeneralTrainer):
    """Steps are compiled by JAX for its default device; the rest is GeneralTrainer's.

    During an epoch parameters live on the device. Without noise, steps differ from those of numba
    kernels by rounding only; Gumbel noise comes from JAX keys and so has other values.
    """

    def __init__(
        self,
        dataset: Dataset,
        config: LogicConfig,
        bank: Bank | None = None,
        teacher: np.ndarray | None = None,
    ) -> None:
        super().__init__(dataset, config, bank, teacher)
        self.adam = optax.scale_by_adam(config.beta1, config.beta2, config.epsilon)
        self.key = jax.random.key(config.seed)
        self._compiled: Any = None

    def one_pass(self, tiles: Tiles) -> tuple[float, float]:
        self._pushed = False
        try:
            return super().one_pass(tiles)
        finally:
            self._pull()

    def _collect(self, logits: str, scores: str) -> Parameters:
        fixed = self.config.wiring == "fixed"
        return [
            {
                "logits": jnp.array(getattr(layer, logits)),
                **({} if fixed else {"scores": jnp.array(getattr(layer, scores))}),
            }
            for layer in self.network.layers
        ]

    def _push(self) -> None:
        """Parameters and moments to the device; candidates may have been refreshed."""
        self.parameters = self._collect("logits", "scores")
        self.moments = optax.ScaleByAdamState(
            count=jnp.asarray(self.step, jnp.int32),
            mu=self._collect("m_logits", "m_scores"),
            nu=self._collect("v_logits", "v_scores"),
        )
        self.wires = [None if layer.dense else jnp.asarray(layer.wires) for layer in self.network.layers]
        self._pushed = True

    def _pull(self) -> None:
        if not self._pushed:
            return
        held = zip(self.network.layers, self.parameters, self.moments.mu, self.moments.nu, strict=True)
        for layer, *trees in held:
            for prefix, tree in zip(("", "m_", "v_"), trees, strict=True):
                for name, array in tree.items():
                    getattr(layer, prefix + name)[:] = np.asarray(array)

    def _descend(
        self, labels: np.ndarray, targets: np.ndarray, rates: Rates, power: float, tiles: Tiles
    ) -> tuple[float, int]:
        if not self._pushed:
            self._push()
        if self._compiled is None:
            self._compiled = jax.jit(partial(_step, self.config, self.network.n_classes, self.adam))
        head = Head(self.spread, power, jnp.asarray(self.network.gain(self.step)))
        self.parameters, self.moments, loss, right, spread = self._compiled(
            self.parameters,
            self.moments,
            self.wires,
            jnp.asarray(self.bytes[:, : labels.size].T),
            jnp.asarray(labels),
            jnp.asarray(targets),
            head,
            (rates.logits, rates.scores, rates.decay),
            jax.random.fold_in(self.key, self.step),
        )
        if self.config.tau == "adaptive":
            self.spread = float(spread)
        return float(loss) * labels.size, int(right)


def _step(
    config: LogicConfig,
    n_classes: int,
    adam: Any,
    parameters: Parameters,
    moments: Any,
    wires: list[Any],
    bits: jax.Array,
    labels: jax.Array,
    targets: jax.Array,
    head: Head,
    rates: tuple[jax.Array, jax.Array, jax.Array],
    key: jax.Array,
) -> tuple[Any, ...]:
    """One Adam step: new parameters and moments, mean loss of the labels, number right, the sums' spread."""
    noise = draw_noise(config, parameters, key) if config.forward == "gumbel" else None
    loss = jax.value_and_grad(loss_function(config, wires, n_classes), has_aux=True)
    (_, (sums, spread, log_p)), gradient = loss(parameters, bits, targets, head, noise)
    own = jnp.take_along_axis(log_p, labels[:, None], axis=1)
    updates, moments = adam.update(gradient, moments)
    rate = {"logits": rates[0], "scores": rates[1]}
    keep: dict[str, Any] = {"logits": 1.0 - rates[0] * rates[2], "scores": 1.0}
    parameters = [
        {name: keep[name] * layer[name] - rate[name] * update[name] for name in layer}
        for layer, update in zip(parameters, updates, strict=True)
    ]
    return parameters, moments, -own.mean(), (jnp.argmax(sums, axis=1) == labels).sum(), spread
