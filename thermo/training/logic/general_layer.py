"""One layer of a logic-gate network while it is trained: parameters, moments, scratch, passes.

Work is cut into blocks of gates, so that every number is made by one task in a fixed order and
results do not depend on threads. Products of dense wiring are made block by block too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from compiler.families.logic import LogicLayer
from thermo.kernels.logic import batch as logic_batch
from thermo.kernels.logic import layers as logic_layers
from thermo.kernels.logic.lanes import LANES
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.general_values import Rates, Values
from thermo.training.logic.general_wiring import balanced_wires, initial_logits, initial_scores
from thermo.training.tiles import Tiles

BLOCK = 512  # gates, or nets, of one task
_NO_NOISE = np.zeros((0, 0), np.float32)


class GeneralLayer:
    """Trainable state of a layer; n_below nets in, n_gates out, lanes samples a batch.

    logits : (G, 4 or 16); scores : (2, G, K); wires : (2, G, K) int32, or (2, 0, 0) where dense
    """

    def __init__(
        self,
        config: LogicConfig,
        number: int,
        n_below: int,
        n_gates: int,
        lanes: int,
        rng: np.random.Generator,
    ) -> None:
        self.config, self.number = config, number
        self.n_below, self.n_gates, self.lanes = n_below, n_gates, lanes
        self.k = n_below if config.k == "all" else int(config.k)
        self.wiring = (
            logic_layers.WIRES_FIXED
            if config.wiring == "fixed"
            else logic_layers.WIRES_DENSE
            if config.k == "all"
            else logic_layers.WIRES_SPARSE
        )
        self.dense = self.wiring == logic_layers.WIRES_DENSE
        self.hard = config.forward != "soft"
        self.inverse = np.float32(1.0 / config.gumbel_temperature if config.forward == "gumbel" else 1.0)
        self.estimator = (
            logic_layers.ESTIMATE_RESTE if config.estimator == "reste" else logic_layers.ESTIMATE_SIGMOID
        )
        if self.dense:
            self.wires = np.zeros((2, 0, 0), np.int32)
        else:
            self.wires = balanced_wires(n_below, n_gates, self.k, rng)
        self.logits = initial_logits(config, n_gates, rng)
        if self.wiring == logic_layers.WIRES_FIXED:
            self.scores = np.zeros((2, n_gates, 1), np.float32)
        else:
            self.scores = initial_scores(config, n_below, n_gates, self.k, rng)
        self.m_logits, self.v_logits = np.zeros_like(self.logits), np.zeros_like(self.logits)
        self.m_scores, self.v_scores = np.zeros_like(self.scores), np.zeros_like(self.scores)
        self._scratch()

    # --- state ---------------------------------------------------------------------------------

    STATE = ("logits", "scores", "wires", "m_logits", "v_logits", "m_scores", "v_scores")

    def parameters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Copies of logits, scores and wires."""
        return self.logits.copy(), self.scores.copy(), self.wires.copy()

    def _scratch(self) -> None:
        g, lanes = self.n_gates, self.lanes
        self.soft = np.zeros((g, 4), np.float32)
        self.inner = np.zeros_like(self.logits)
        self.op = np.zeros(g, np.uint8)
        self.weights = np.ones_like(self.scores)
        self.nets = np.zeros((2, g), np.int32)
        if self.wiring == logic_layers.WIRES_FIXED:
            self.nets[:] = self.wires[:, :, 0]
        self.d_logits = np.zeros_like(self.logits)
        self.d_scores = np.zeros_like(self.scores)
        # derivatives by the gates' inputs are kept where somebody below or a product needs them
        self.keep = self.number > 0 or self.dense or not self.hard
        self.inputs = np.zeros((2 * g, lanes) if self.keep else (0, 0), np.float32)
        self.spare = [np.zeros((2, lanes), np.float32) for _ in (() if self.keep else self._blocks(g))]
        if self.hard:
            self.out = Values(np.zeros((g, lanes // LANES), np.uint64), None)
        else:
            self.out = Values(None, np.zeros((g, lanes), np.float32))
        self.below_floats = np.zeros((self.n_below, lanes) if self.dense else (0, 0), np.float32)
        if not self.dense:
            self.indptr = np.zeros(self.n_below + 1, np.int64)
            self.entry = np.zeros(self.wires.size, np.int32)
            self.coefficients = np.zeros(self.wires.size, np.float32)
            self.rewired()

    def rewired(self) -> None:
        """Take note of changed candidates."""
        if not self.dense:
            logic_layers.readers(self.wires.reshape(-1), self.n_below, self.indptr, self.entry)
            self.rows = (self.entry // self.k).astype(np.int32)

    @staticmethod
    def _blocks(n: int) -> list[tuple[int, int]]:
        return [(lo, min(n, lo + BLOCK)) for lo in range(0, n, BLOCK)]

    # --- functions and wires -------------------------------------------------------------------

    def choose(self, lo: int, hi: int, power: float, noise: tuple[np.ndarray, np.ndarray]) -> None:
        """Relaxed and hard functions and wires of gates lo .. hi."""
        inverse = np.float32(1.0) if noise[0] is _NO_NOISE else self.inverse
        logic_layers.gate_tables(
            self.logits,
            noise[0],
            inverse,
            self.estimator,
            np.float32(power),
            self.soft,
            self.inner,
            self.op,
            lo,
            hi,
        )
        if self.wiring == logic_layers.WIRES_FIXED:
            return
        for side in range(2):
            logic_layers.choose_wires(
                self.scores[side],
                _NO_NOISE if noise[1] is _NO_NOISE else noise[1][side],
                inverse,
                self.wires[side],
                self.weights[side],
                self.nets[side],
                lo,
                hi,
            )

    def _noise(self, lo: int, hi: int, step: int) -> None:
        """Gumbel noise of one step for gates lo .. hi."""
        seed, identity = self.config.seed, 2 * self.number
        size, noise = self.logits.shape[1], self.config.gumbel_noise
        logic_batch.fill_gumbel(
            self.logit_noise[lo:hi].reshape(-1), noise, seed, identity, step, lo * size, size == 4
        )
        if self.wiring == logic_layers.WIRES_FIXED:
            return
        flat = self.score_noise.reshape(-1)
        for side in range(2):
            first, last = ((side * self.n_gates + g) * self.k for g in (lo, hi))
            logic_batch.fill_gumbel(flat[first:last], noise, seed, identity + 1, step, first, False)

    # --- passes --------------------------------------------------------------------------------

    def forward(self, below: Values, tiles: Tiles, *, power: float, step: int | None) -> Values:
        """Values of the gates; step : of training, None for the network without noise."""
        noisy = step is not None and self.config.forward == "gumbel"
        if noisy and not hasattr(self, "logit_noise"):
            self.logit_noise = np.zeros_like(self.logits)
            self.score_noise = np.zeros_like(self.scores)
        noise = (self.logit_noise, self.score_noise) if noisy else (_NO_NOISE, _NO_NOISE)
        blocks = self._blocks(self.n_gates)
        if self.dense:
            self._unpack(below, tiles)

        def one(t: int) -> None:
            lo, hi = blocks[t]
            if noisy:
                assert step is not None
                self._noise(lo, hi, step)
            self.choose(lo, hi, power, noise)
            if self.hard:
                assert below.bits is not None and self.out.bits is not None
                logic_layers.forward_bits(self.op, self.nets, below.bits, self.out.bits, lo, hi)
            else:
                self._forward_soft(below, self.inputs, self.out.floats, lo, hi)

        tiles.map(one, len(blocks))
        return self.out

    def hardware(self, below: Values, tiles: Tiles) -> Values:
        """Bits of the gates as hardware has them, from bits: no noise, best wires, hard tables."""
        out = np.empty((self.n_gates, self.lanes // LANES), np.uint64)
        assert below.bits is not None
        words = below.bits

        def one(lo: int, hi: int) -> None:
            self.choose(lo, hi, 1.0, (_NO_NOISE, _NO_NOISE))
            logic_layers.forward_bits(self.op, self.nets, words, out, lo, hi)

        self._each(one, tiles)
        return Values(out, None)

    def relaxed(self, below: Values, tiles: Tiles) -> Values:
        """Expectations over gates and wires without noise, whatever the forward mode."""
        inputs = np.empty((2 * self.n_gates, self.lanes), np.float32)
        out = np.empty((self.n_gates, self.lanes), np.float32)
        if self.dense:
            self._unpack(below, tiles)

        def one(lo: int, hi: int) -> None:
            self.choose(lo, hi, 1.0, (_NO_NOISE, _NO_NOISE))
            self._forward_soft(below, inputs, out, lo, hi)

        self._each(one, tiles)
        return Values(None, out)

    def _each(self, task: Callable[[int, int], None], tiles: Tiles) -> None:
        blocks = self._blocks(self.n_gates)
        tiles.map(lambda t: task(*blocks[t]), len(blocks))

    def _forward_soft(
        self, below: Values, inputs: np.ndarray, out: np.ndarray | None, lo: int, hi: int
    ) -> None:
        if self.dense:
            for side in range(2):
                first = side * self.n_gates
                np.dot(self.weights[side, lo:hi], self.below_floats, out=inputs[first + lo : first + hi])
        logic_layers.forward_soft(
            self.soft,
            self.weights.reshape(-1),
            self._flat_wires(),
            self.dense,
            below.candidates(),
            inputs,
            out,
            lo,
            hi,
        )

    def _flat_wires(self) -> np.ndarray:
        return self.wires.reshape(-1)

    def _unpack(self, below: Values, tiles: Tiles) -> None:
        if below.floats is not None:
            self.below_floats = below.floats
            return
        blocks = self._blocks(self.n_below)

        def one(t: int) -> None:
            lo, hi = blocks[t]
            logic_batch.bits_to_floats(below.halves[lo:hi], self.below_floats[lo:hi])

        tiles.map(one, len(blocks))

    def backward(
        self,
        dy: np.ndarray,
        dy_row: np.ndarray,
        gain: np.ndarray,
        below: Values,
        tiles: Tiles,
        rates: Rates | None,
    ) -> None:
        """Gradients, and an Adam step where rates are given.

        Gate g's output has the derivative gain[g] dy[dy_row[g]].
        """
        blocks = self._blocks(self.n_gates)
        candidates = below.candidates()

        def one(t: int) -> None:
            lo, hi = blocks[t]
            logic_layers.backward_gates(
                self.hard,
                dy,
                dy_row,
                gain,
                self.soft,
                self.inner,
                self.inverse,
                self.wiring,
                self._flat_wires(),
                self.weights,
                self.nets,
                below.halves,
                candidates,
                self.inputs if self.keep else self.spare[t],
                self.keep,
                self.d_logits,
                self.d_scores,
                lo,
                hi,
            )
            if self.dense:
                for side in range(2):
                    first = side * self.n_gates
                    np.dot(
                        self.inputs[first + lo : first + hi],
                        self.below_floats.T,
                        out=self.d_scores[side, lo:hi],
                    )
                    logic_layers.softmax_gradient(
                        self.weights[side], self.d_scores[side], self.inverse, lo, hi
                    )
            if rates is not None:
                self._step(rates, lo, hi)

        tiles.map(one, len(blocks))

    def _step(self, rates: Rates, lo: int, hi: int) -> None:
        rest = rates.step, rates.beta1, rates.beta2, rates.epsilon
        logic_batch.adam(
            self.logits[lo:hi].reshape(-1),
            self.d_logits[lo:hi].reshape(-1),
            self.m_logits[lo:hi].reshape(-1),
            self.v_logits[lo:hi].reshape(-1),
            rates.logits,
            rates.decay,
            *rest,
        )
        if self.wiring == logic_layers.WIRES_FIXED:
            return
        for side in range(2):
            logic_batch.adam(
                *(
                    part[side, lo:hi].reshape(-1)
                    for part in (self.scores, self.d_scores, self.m_scores, self.v_scores)
                ),
                rates.scores,
                0.0,
                *rest,
            )

    def below_gradient(self, out: np.ndarray, tiles: Tiles) -> None:
        """Derivative of the loss by the nets below, (n_below, lanes), after `backward`."""
        blocks = self._blocks(self.n_below)
        weights = self.weights.reshape(-1)

        def one(t: int) -> None:
            lo, hi = blocks[t]
            if self.dense:
                out[lo:hi] = self.weights[0, :, lo:hi].T @ self.inputs[: self.n_gates]
                out[lo:hi] += self.weights[1, :, lo:hi].T @ self.inputs[self.n_gates :]
            else:
                logic_layers.gather(
                    out, self.inputs, self.rows, self.entry, weights, self.coefficients, self.indptr, lo, hi
                )

        tiles.map(one, len(blocks))

    # --- results -------------------------------------------------------------------------------

    def model(self, logits: np.ndarray, scores: np.ndarray, wires: np.ndarray) -> LogicLayer:
        """The layer of a LogicNetwork with these parameters."""
        if self.dense:
            every = np.arange(self.n_below, dtype=np.int32)
            wires = np.broadcast_to(every, (2, self.n_gates, self.n_below))
        table = self.config.parametrisation == "table"
        return LogicLayer(
            table=logits.copy() if table else None,
            gates=None if table else logits.copy(),
            wires_a=wires[0].copy(),
            wires_b=wires[1].copy(),
            scores_a=scores[0].copy(),
            scores_b=scores[1].copy(),
        )
