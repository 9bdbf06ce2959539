"""Training of the tables that all places of a picture share.

Their outputs are counted over windows, and a linear classifier reads the counts, so that the derivative by a
table's output at a place is exact: the weights of the windows that hold the place. Beside them it reads the
counts of plain local bits, where gates will have these, too: tables learn what those lack. Tables and wiring
then learn as a layer of tables does (thermo/kernels/logic/tables.py): the samples of that layer are pictures
at places, a few random places a batch. The classifier is thrown away; the tables are fixed from there on.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace

import numpy as np

from thermo.data import Dataset
from thermo.kernels.gates.counting import apply_tables
from thermo.kernels.logic.above import Given, Handed
from thermo.kernels.logic.dots import CHUNK, aligned, bits_of, path_code
from thermo.kernels.logic.lookups import SHIFT
from thermo.kernels.logic.loss import loss_and_weights
from thermo.kernels.logic.tables import Rows, train_blocks
from thermo.kernels.logic.updates import AdamStep
from thermo.kernels.logic.window_head import linear_derivatives, linear_sums
from thermo.progress import Progress
from thermo.simulate.gates.encoding import halves
from thermo.training.errors import TrainingError
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.counting_source import CountingSource
from thermo.training.logic.flow import NOT_ASKED
from thermo.training.logic.images import Epoch, TrainingImages
from thermo.training.logic.layer_state import LayerState
from thermo.training.logic.patches import Bank, Patches
from thermo.training.loop import Trained, fit
from thermo.training.optimise import cosine_rate
from thermo.training.tiles import Tiles

PLACES = 16
"""Random places a batch that tables learn from."""
WINDOW = 4
"""Places along a window's side, at most; windows lie half of themselves apart."""
BATCH = 256
RATE, HEAD_RATE = 0.05, 0.01
"""Of Adam, for tables and wires, and for the classifier; both fall by a cosine."""
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
FINE = 4096
"""The classifier's sums are rounded to 1 / FINE."""
TOP = 127
"""A derivative of 1 by a class sum, and the largest one by a table's output, as int8."""
ROUGH = 8
"""Dither, in multiples of a batch."""
_NO_WEIGHTS, _NO_ENTRY = np.zeros((0, 0), np.int8), np.zeros(0, np.int32)
_NO_BYTES = np.zeros((0, 0), np.uint8)
_INIT, _STEPS = 24, 25
"""Tags of generators."""


def learn_bank(
    dataset: Dataset,
    config: LogicConfig,
    patches: Patches,
    *,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
) -> Bank:
    """config.patches tables of config.patch_inputs inputs after config.patch_epochs epochs; random ones after
    none. One thread, whole numbers but for the classifier and Adam: the same tables on every machine.

    checkpoint : file written after every epoch; if it exists, training goes on from it, and the tables are
        those of an uninterrupted one. Raises TrainingError for another training's.
    """
    trainer = BankTrainer(dataset, config, patches)
    if config.patch_epochs == 0:
        return trainer.bank()
    trained: Trained[Bank, BankEpoch] = fit(
        trainer,
        (dataset, config, "shared tables"),
        f"shared tables on {dataset.name}",
        progress=progress,
        checkpoint=checkpoint,
        threads=1,
        epochs=config.patch_epochs,
    )
    return trained.model


@dataclass(frozen=True, slots=True)
class BankEpoch:
    """Of the classifier, means over the epoch's batches; seconds : wall time"""

    epoch: int
    classifier_loss: float
    classifier_accuracy: float
    seconds: float = 0.0


class BankTrainer:
    """State of the training of a bank.

    seen : (4,) sum of losses, number right, and moments of the sums in the last epoch
    epoch : how many are done
    """

    NUMBERS = ("epoch", "step", "seconds")
    RECORD, ERROR = BankEpoch, TrainingError

    def __init__(
        self, dataset: Dataset, config: LogicConfig, patches: Patches, path: str | None = None
    ) -> None:
        self.config, self.patches, self.n_classes = config, patches, dataset.n_classes
        channel = np.full(patches.encoder.n_bits, -1, np.int32)
        self.images = TrainingImages(dataset, config, CountingSource.of(patches.encoder, channel))
        self.path, self.step = path_code(path), 0
        self.steps = config.patch_epochs * -(-dataset.y_train.size // BATCH)
        rng = np.random.default_rng([config.seed, _INIT])
        bare = replace(
            config, inputs=config.patch_inputs, wiring="learnable", k="all", refresh=0, init="normal"
        )
        self.layer = LayerState(bare, patches.n_taps, config.patches, 0, rng)
        self.side = min(WINDOW, *patches.places)
        self.starts = self._windows(patches.places)
        plain = 0 if config.encoder == "patches" else patches.shape[0]
        self.beside = self._windows(patches.shape[1:])
        numbers = (config.patches, self.starts), (plain, self.beside)
        n_counts = sum(n * down.size * across.size for n, (down, across) in numbers)
        self.n_plain, self.weight = plain, np.zeros((n_counts, self.n_classes), np.float32)
        self.bias = np.zeros(self.n_classes, np.float32)
        self.moments = [np.zeros_like(a) for a in (self.weight, self.weight, self.bias, self.bias)]
        self.seen = np.zeros(4)
        self.epoch, self.seconds, self.score = 0, 0.0, math.nan
        self.history: list[BankEpoch] = []

    @property
    def best_epoch(self) -> int:
        """The last one."""
        return self.epoch

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds."""
        names = ("weight_m", "weight_v", "bias_m", "bias_v")
        moments = dict(zip(names, self.moments, strict=True))
        return self.layer.arrays() | moments | {"weight": self.weight, "bias": self.bias}

    def restored(self) -> None:
        """To be called when arrays were filled from a checkpoint."""
        self.layer.choose()

    def run_epoch(self, tiles: Tiles) -> BankEpoch:
        self.one_pass(self.epoch, tiles)
        self.epoch += 1
        loss, right = self.seen[:2] / self.images.labels.size
        return BankEpoch(self.epoch, float(loss), float(right))

    def note(self) -> str:
        return f"loss {self.history[-1].classifier_loss:.3f}"

    def model(self) -> Bank:
        return self.bank()

    def _windows(self, places: tuple[int, ...]) -> list[np.ndarray]:
        """First rows and columns of windows over so many rows and columns."""
        return [np.arange(0, n - self.side + 1, max(self.side // 2, 1)) for n in places]

    def bank(self) -> Bank:
        """The tables as they are now."""
        layer, size = self.layer, self.patches.size
        n = layer.n_tables
        chosen = np.take_along_axis(layer.wires, layer.best[..., None], axis=3)[..., 0]
        tap = chosen.transpose(0, 2, 1).reshape(-1, layer.inputs)[:n]
        taps = np.stack([tap // size**2, tap // size % size, tap % size], axis=-1)
        return Bank(layer.table[:n] > 0, taps)

    def one_pass(self, epoch: int, tiles: Tiles) -> None:
        data, n = self.images.epoch(epoch, tiles), self.images.labels.size
        rng = np.random.default_rng([self.config.seed, _STEPS, epoch])
        self.seen[:] = 0
        for start in range(0, n, BATCH):
            self.learn(data, slice(start, min(start + BATCH, n)), rng)

    def learn(self, data: Epoch, part: slice, rng: np.random.Generator) -> None:
        """One step of Adam of tables, wires and classifier by a batch."""
        layer, (kinds, height, width), size = self.layer, self.patches.shape, self.patches.size
        n, lanes = layer.n_tables, -(-(part.stop - part.start) // CHUNK) * CHUNK
        n_bits, (rows, columns) = kinds * height * width, self.patches.places
        bits = aligned((n_bits + n * rows * columns, lanes), np.uint8)
        self.images.fill(data, part, bits[:n_bits])
        bank = self.bank()
        place = (np.arange(rows)[:, None] * width + np.arange(columns)).reshape(-1)
        first = (bank.taps[..., 0] * height + bank.taps[..., 1]) * width + bank.taps[..., 2]
        read = (place[None, :, None] + first[:, None]).reshape(-1, layer.inputs).astype(np.int32)
        which = np.repeat(np.arange(n, dtype=np.int32), place.size)
        scratch = halves(layer.inputs, lanes)
        apply_tables(bank.entries.astype(np.uint8), which, read, bits, n_bits, scratch)
        plain = bits[:n_bits].reshape(kinds, height, width, lanes)
        counts = self.counted(bits[n_bits:].reshape(n, rows, columns, lanes), self.starts)
        if self.n_plain:
            counts = np.concatenate([counts, self.counted(plain, self.beside)])
        by_counts = self._classify(counts, data.labels[part], rng)
        chosen = rng.choice(place.size, min(PLACES, place.size), replace=False)
        y, x = np.divmod(chosen, columns)
        self._step_tables(
            _cut(plain, y, x, size),
            self.by_outputs(by_counts, y, x).reshape(n, -1),
            place.size / (chosen.size * TOP * (part.stop - part.start)),
            rng,
        )

    def counted(self, outputs: np.ndarray, starts: list[np.ndarray]) -> np.ndarray:
        """(n windows, lanes) uint8 ones in each window of outputs (n, rows, columns, lanes)."""
        side, (down, across) = self.side, starts
        first = np.stack([outputs[:, y : y + side].sum(axis=1, dtype=np.uint8) for y in down], axis=1)
        both = np.stack([first[:, :, x : x + side].sum(axis=2, dtype=np.uint8) for x in across], axis=2)
        return both.reshape(-1, outputs.shape[3])

    def by_outputs(self, by_counts: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """(n, places, lanes) derivatives by the tables' outputs at these places: of the windows around."""
        down, across = self.starts
        n, lanes = self.layer.n_tables, by_counts.shape[1]
        by = by_counts[: n * down.size * across.size].reshape(n, down.size, across.size, lanes)
        found = np.zeros((by.shape[0], y.size, by.shape[3]), np.float32)
        for p, (row, column) in enumerate(zip(y.tolist(), x.tolist(), strict=True)):
            for i in np.flatnonzero((down <= row) & (row < down + self.side)).tolist():
                for j in np.flatnonzero((across <= column) & (column < across + self.side)).tolist():
                    found[:, p] += by[:, i, j]
        return found

    def _classify(self, counts: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A step of the classifier; TOP times the derivatives of the batch's loss by the counts before it."""
        lanes = counts.shape[1]
        sums = np.empty((self.n_classes, lanes), np.float32)
        linear_sums(self.weight, self.bias, counts, sums)
        by_sums = aligned((self.n_classes, lanes), np.int8)
        by_sums[:] = 0
        rough = rng.random((self.n_classes, labels.size))
        whole = np.rint(sums * np.float32(FINE)).astype(np.int32)
        sure = np.eye(self.n_classes)[labels]
        loss_and_weights(whole, labels, sure, float(FINE), float(TOP), rough, by_sums, self.seen)
        by_weight = np.empty(self.weight.shape, np.int32)
        by_counts = np.empty(counts.shape, np.float32)
        linear_derivatives(self.weight, counts, by_sums, by_weight, by_counts)
        rate = np.float32(cosine_rate(HEAD_RATE, self.step, self.steps))
        unit = np.float32(1 / (TOP * labels.size))
        scaled = by_weight * (unit / np.float32(self.side**2))
        # a count is read as a share of its window: weights are those of counts, a step is that of shares
        self._adam(self.weight, scaled, self.moments[:2], rate / np.float32(self.side**2))
        self._adam(self.bias, by_sums.sum(axis=1, dtype=np.int32) * unit, self.moments[2:], rate)
        return by_counts

    def _adam(self, value: np.ndarray, by: np.ndarray, moments: list[np.ndarray], rate: np.float32) -> None:
        mean, square = moments
        mean += np.float32(1 - BETA1) * (by - mean)
        square += np.float32(1 - BETA2) * (by * by - square)
        rate = rate / np.float32(1 - BETA1 ** (self.step + 1))
        fix = np.float32(1 / (1 - BETA2 ** (self.step + 1)))
        value -= rate * mean / (np.sqrt(fix * square) + np.float32(EPSILON))

    def _step_tables(self, x: np.ndarray, by: np.ndarray, unit: float, rng: np.random.Generator) -> None:
        """A step of tables and wires. x : (n_taps, m) uint8; by : (n, m), unit times it is the derivative."""
        layer, largest = self.layer, float(np.abs(by).max())
        self.step += 1
        if largest == 0:  # the classifier knows nothing yet
            return
        rows = aligned(by.shape, np.int8)
        rows[:] = np.clip(
            np.floor(by * np.float32(TOP / largest) + rng.random(by.shape, np.float32)), -TOP, TOP
        )
        n, f32 = layer.n_tables, np.float32
        begin, entry = np.arange(n + 1, dtype=np.int64), np.arange(n, dtype=np.int32)
        given = Given(_NO_WEIGHTS, False, True, rows, begin, entry, np.ones(n, np.int32))
        handed = Handed(_NO_WEIGHTS, np.zeros((0, 0), np.int32), _NO_ENTRY)
        dither = aligned((ROUGH * x.shape[1],), np.uint8)
        dither[:] = rng.integers(0, 1 << SHIFT, dither.size, np.uint8)
        rate = cosine_rate(RATE, self.step - 1, self.steps) / (1 - BETA1**self.step)
        step = AdamStep(
            f32(unit * largest / TOP),
            f32(rate),
            f32(rate),
            f32(BETA1),
            f32(BETA2),
            f32(1 / (1 - BETA2**self.step)),
            f32(EPSILON),
            f32(0),
        )
        work, read = layer.work(x.shape[1], False), Rows(_NO_BYTES, bits_of(x), x.shape[1])
        ends = read, dither, work, NOT_ASKED, 0, layer.blocks, self.path
        train_blocks(layer.tables, step, given, handed, *ends)


def _cut(bits: np.ndarray, y: np.ndarray, x: np.ndarray, size: int) -> np.ndarray:
    """(n_taps, places lanes) bits of the patches at these places; bits : (kinds, height, width, lanes)."""
    kinds, _, _, lanes = bits.shape
    out = aligned((kinds * size * size, y.size * lanes), np.uint8)
    at = out.reshape(kinds, size, size, y.size, lanes)
    for p, (row, column) in enumerate(zip(y.tolist(), x.tolist(), strict=True)):
        at[:, :, :, p] = bits[:, row : row + size, column : column + size]
    return out
