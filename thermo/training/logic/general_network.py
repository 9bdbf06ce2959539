"""A whole logic-gate network in training: one step, and its answers as hardware and relaxed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.families.logic import LogicNetwork
from compiler.ir.encoders import Encoder
from thermo.kernels.logic import batch as logic_batch
from thermo.kernels.logic.lanes import LANES
from thermo.training.errors import TrainingError
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.general_layer import GeneralLayer
from thermo.training.logic.general_values import Rates, Values
from thermo.training.logic.temperature import divisor, follow
from thermo.training.tiles import Tiles

_INIT, _DROPOUT = 0, 3  # tags of the generators that are not counter-based
Snapshot = tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]


class GeneralNetwork:
    """Layers, head and temperature.

    A batch comes as `words`, (n_inputs, lanes / 64) uint64: sample l is bit l % 64 of word l // 64,
    and bits beyond the last sample are 0.
    spread : running standard deviation of the class sums, 0 before the first step
    """

    def __init__(
        self,
        config: LogicConfig,
        n_inputs: int,
        n_classes: int,
        batch: int,
        candidates: tuple[int, ...] | None = None,
    ) -> None:
        """candidates : of an input of each layer, all nets below where there are as many; None: config.k"""
        if config.layers[-1] % n_classes:
            raise TrainingError(
                f"training: the last of layers must be a multiple of the {n_classes} classes, got "
                f"{config.layers[-1]}"
            )
        self.config, self.n_classes, self.batch = config, n_classes, batch
        self.n_inputs = n_inputs
        self.lanes = -(-batch // LANES) * LANES
        rng = np.random.default_rng([config.seed, _INIT])
        widths = (n_inputs, *config.layers)
        each = [config] * len(config.layers)
        if candidates is not None:
            every = ["all" if k == below else k for k, below in zip(candidates, widths, strict=False)]
            each = [replace(config, k=k) for k in every]
        self.layers = [
            GeneralLayer(each[number], number, widths[number], width, self.lanes, rng)
            for number, width in enumerate(config.layers)
        ]
        self.derivatives = [np.zeros((width, self.lanes), np.float32) for width in config.layers[:-1]]
        self.rows = [np.arange(width, dtype=np.int32) for width in config.layers]
        self.block = config.layers[-1] // n_classes
        self.head_rows = self.rows[-1] // np.int32(self.block)
        self.ones = [np.ones(width, np.float32) for width in config.layers]
        self.sums = np.zeros((n_classes, self.lanes), np.float32)
        self.delta = np.zeros((n_classes, self.lanes), np.float32)
        self.spread = 0.0

    # --- one step ------------------------------------------------------------------------------

    def step(
        self,
        words: np.ndarray,
        labels: np.ndarray,
        targets: np.ndarray,
        step: int,
        tiles: Tiles,
        *,
        power: float = 1.0,
        rates: Rates | None = None,
    ) -> tuple[float, int]:
        """Forward and backward for a batch: sum of losses and number right.

        labels : (at most batch,); targets : (at most batch, n_classes) float32, what the probabilities should
            be: derivatives are of the cross entropy of these, the losses of the labels
        step : from 0, names the noise and the dropout of this batch
        power : present order of the ReSTE estimator; rates : None leaves the parameters alone
        """
        values = [Values(words, None)]
        for layer in self.layers:
            values.append(layer.forward(values[-1], tiles, power=power, step=step))
        gain = self.gain(step)
        logic_batch.class_sums(values[-1].candidates(), self.rows[-1], gain, self.sums)
        self.follow(self.sums[:, : labels.size])
        loss, right = logic_batch.cross_entropy(self.sums, labels, targets, np.float32(self.tau), self.delta)
        dy, dy_row = self.delta, self.head_rows
        for number in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[number]
            layer.backward(dy, dy_row, gain, values[number], tiles, rates)
            if number:
                dy, dy_row = self.derivatives[number - 1], self.rows[number - 1]
                gain = self.ones[number - 1]
                layer.below_gradient(dy, tiles)
        return loss, right

    def gain(self, step: int) -> np.ndarray:
        """What each gate of the last layer counts for in this step."""
        share = self.config.dropout
        if share == 0:
            return self.ones[-1]
        rng = np.random.default_rng([self.config.seed, _DROPOUT, step])
        kept = rng.random(self.config.layers[-1]) >= share
        return kept.astype(np.float32) / np.float32(1.0 - share)

    # --- temperature ---------------------------------------------------------------------------

    def follow(self, sums: np.ndarray) -> None:
        """Take the sums of a batch, (n_classes, batch), into the running spread."""
        if self.config.tau != "adaptive":
            return
        self.spread = follow(self.spread, float(sums.astype(np.float64).std()))

    @property
    def tau(self) -> float:
        """What class sums are divided by, see LogicConfig.tau."""
        return divisor(self.config, self.block, self.spread)

    # --- answers -------------------------------------------------------------------------------

    def class_sums(self, words: np.ndarray, tiles: Tiles, *, relaxed: bool) -> np.ndarray:
        """(n_classes, lanes) float32 sums of the last layer's blocks, without noise.

        relaxed : expectations over gates and wires instead of what hardware does
        """
        below = Values(words, None)
        for layer in self.layers:
            below = (layer.relaxed if relaxed else layer.hardware)(below, tiles)
        sums = np.zeros_like(self.sums)
        logic_batch.class_sums(below.candidates(), self.rows[-1], self.ones[-1], sums)
        return sums

    # --- results -------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Copies of logits, scores and wires of every layer."""
        return tuple(layer.parameters() for layer in self.layers)

    def model(self, encoder: Encoder, tau: float, snapshot: Snapshot, **facts: object) -> LogicNetwork:
        """The network with these parameters."""
        layers = tuple(
            layer.model(*parameters) for layer, parameters in zip(self.layers, snapshot, strict=True)
        )
        return LogicNetwork(layers, encoder, self.n_classes, tau, **facts)  # type: ignore[arg-type]
