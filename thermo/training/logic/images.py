"""The training samples of each epoch: stored in frames, warped, mirrored and moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermo.data import Dataset
from thermo.kernels.logic import images as kernels
from thermo.training.errors import TrainingError
from thermo.training.logic.bit_source import BitSource
from thermo.training.logic.config import LogicConfig
from thermo.training.tiles import Tiles

NODES = 5
"""Points of an elastic field along each axis."""
WARP, ORDER, LIGHT = 1, 2, 3
"""Streams of random numbers of an epoch."""


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Stored samples with a margin of zeros around them, so that moving one needs no branch.

    pixels : (n, size) uint8 or float32; bounds : (n_levels, n), see BitSource
    """

    pixels: np.ndarray
    bounds: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Epoch:
    """Samples of one epoch in the order of training.

    frames : where they are; rows : (n,) rows of them; moves : (n,) offsets of pixels; labels : (n,)
    """

    frames: Frames
    rows: np.ndarray
    moves: np.ndarray
    labels: np.ndarray


class TrainingImages:
    """A data set's training and validation samples as frames, the training ones augmented.

    Everything random of epoch e is a function of (seed, e), so that a resumed training replays it.
    """

    def __init__(self, dataset: Dataset, config: LogicConfig, source: BitSource) -> None:
        shape = dataset.image_shape
        if config.augmentation.active and not shape:
            raise TrainingError(
                f"data set {dataset.name} has no images to augment; leave the augmentation out"
            )
        self.augmentation, self.seed, self.source = config.augmentation, config.seed, source
        self.labels, self.y_valid = dataset.y_train, dataset.y_valid
        self.shape = (*shape, 1)[:3] if shape else (1, dataset.n_features, 1)
        self.margin = self.augmentation.shift
        _, width, channels = self.shape
        self.row = (width + 2 * self.margin) * channels
        y, x, c = np.unravel_index(source.features, self.shape)
        self.position = (y + self.margin) * self.row + (x + self.margin) * channels + c
        self.images = source.store(dataset.x_train)
        self.train = self._frames(self.images, self.augmentation.flip)
        self.valid = self._frames(source.store(dataset.x_valid), False)
        self._warped = np.empty(0, np.int64)
        self._bounds = self.train.bounds.copy() if self.augmentation.lights else self.train.bounds

    def _frames(self, images: np.ndarray, mirrored: bool) -> Frames:
        """Mirrored copies, where wanted, follow the images."""
        height, width, channels = self.shape
        n, m = images.shape[0], self.margin
        pixels = np.zeros(((2 if mirrored else 1) * n, height + 2 * m, width + 2 * m, channels), images.dtype)
        pixels[:n, m : m + height, m : m + width] = images.reshape(-1, *self.shape)
        if mirrored:
            pixels[n:] = pixels[:n, :, ::-1]
        bounds = self.source.bounds(images)
        return Frames(pixels.reshape(pixels.shape[0], -1), np.tile(bounds, 2 if mirrored else 1))

    def epoch(self, epoch: int, tiles: Tiles) -> Epoch:
        """Warp what is to be warped in this epoch, and draw its order and moves."""
        self._warp(epoch, tiles)
        self._light(epoch)
        rng = np.random.default_rng((self.seed, ORDER, epoch))
        n = self.labels.size
        rows = rng.permutation(n)
        labels = self.labels[rows]
        moves = np.zeros(n, np.int64)
        a = self.augmentation
        if a.shift and a.shift_share > 0:
            moved = rng.random(n) < a.shift_share
            step = rng.integers(-a.shift, a.shift + 1, (2, n))
            moves = np.where(moved, step[0] * self.row + step[1] * self.shape[2], 0)
        if a.flip:
            rows = rows + n * rng.integers(0, 2, n)
        return Epoch(self.train, rows, moves, labels)

    def valid_epoch(self) -> Epoch:
        """The validation samples in their order, as they are."""
        n = self.y_valid.size
        return Epoch(self.valid, np.arange(n), np.zeros(n, np.int64), self.y_valid)

    def plain_epoch(self) -> Epoch:
        """The training samples in their order, as they are."""
        n = self.labels.size
        return Epoch(self._frames(self.images, False), np.arange(n), np.zeros(n, np.int64), self.labels)

    def fill(self, epoch: Epoch, part: slice, x: np.ndarray, share: int = 0, shares: int = 1) -> None:
        """Write share number `share` of `shares` of the bits of these samples, for one thread of several.

        x : (n_bits, pitch) uint8, column s is sample part.start + s; those beyond the samples become 0
        """
        rows, frames = epoch.rows[part], epoch.frames
        bounds = np.ascontiguousarray(frames.bounds[:, rows])
        self.source.fill(frames.pixels, rows, epoch.moves[part], self.position, bounds, x, share, shares)

    def _light(self, epoch: int) -> None:
        """Change brightness and contrast, by what the images' values are compared with or read as."""
        a = self.augmentation
        if not a.lights:
            return
        rng = np.random.default_rng((self.seed, LIGHT, epoch))
        n = self.train.bounds.shape[1]
        by, gain = rng.uniform(-1, 1, (2, n)) * [[a.brightness], [a.contrast]]
        self.source.lit(self._bounds, by, gain, self.train.bounds)

    def _warp(self, epoch: int, tiles: Tiles) -> None:
        """Put originals back and warp this epoch's share of the images."""
        if not self.augmentation.warps:
            return
        height, width, channels = self.shape
        n, margin = self.labels.size, self.margin
        rng = np.random.default_rng((self.seed, WARP, epoch))
        chosen = np.sort(rng.permutation(n)[: round(self.augmentation.warp_share * n)])
        coefficients = self.augmentation.warp.draw(chosen.size, rng)
        whole = self.train.pixels.reshape(-1, height + 2 * margin, width + 2 * margin, channels)
        inner = whole[:n, margin : margin + height, margin : margin + width]
        back = np.setdiff1d(self._warped, chosen, assume_unique=True)
        inner[back] = self.images[back].reshape(-1, *self.shape)
        cuts = np.linspace(0, chosen.size, tiles.threads + 1).astype(int)
        rounding = np.float32(0.5 if whole.dtype == np.uint8 else 0)
        tiles.map(
            lambda t: kernels.warp(
                self.images,
                chosen,
                coefficients,
                self.augmentation.elastic,
                NODES,
                self.seed,
                epoch,
                height,
                width,
                channels,
                margin,
                rounding,
                self.train.pixels,
                cuts[t],
                cuts[t + 1],
            ),
            tiles.threads,
        )
        changed = np.concatenate([back, chosen])
        self._warped = chosen
        if self.augmentation.flip:
            whole[n + changed] = whole[changed, :, ::-1]
        if self.source.by_image:
            bounds = self.source.bounds(inner[changed].reshape(changed.size, -1))
            for part in range(self.train.bounds.shape[1] // n):
                self.train.bounds[:, part * n + changed] = bounds
