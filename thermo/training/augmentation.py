"""Images of a batch warped anew."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from compiler.errors import ThermocError
from thermo.data import Dataset
from thermo.training.errors import TrainingError
from thermo.training.rules import Rules


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Random affine warps, redrawn for every image and epoch.

    shift : largest translation in pixels, each axis; rotate : largest angle in degrees
    zoom, shear : largest relative change of size and of slant
    mirror : share of the images that are mirrored left to right
    whole : translations are by whole pixels
    """

    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    mirror: float = 0.0
    whole: bool = False

    def __post_init__(self) -> None:
        rules = Rules(self, TrainingError, "augmentation")
        rules.not_negative("shift", "rotate", "zoom", "shear")
        rules.share("mirror")

    @property
    def active(self) -> bool:
        return any(getattr(self, f.name) > 0 for f in fields(self) if f.name != "whole")

    @property
    def by_pixels(self) -> bool:
        """Whether every pixel goes to a pixel."""
        return self.whole and not (self.rotate or self.zoom or self.shear)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """(n, 6) float32 coefficients for `thermo.kernels.langevin.images.warp_image`."""
        r = rng.uniform(-1.0, 1.0, (n, 6)).astype(np.float32)
        angle = np.deg2rad(self.rotate) * r[:, 0]
        zoom_y, zoom_x = 1.0 + self.zoom * r[:, 1], 1.0 + self.zoom * r[:, 2]
        shear = self.shear * r[:, 3]
        cos, sin = np.cos(angle), np.sin(angle)
        out = np.empty((n, 6), np.float32)
        out[:, 0], out[:, 1] = cos * zoom_y, -sin * zoom_x
        out[:, 3], out[:, 4] = sin * zoom_y + shear, cos * zoom_x
        out[:, 2], out[:, 5] = self.shift * r[:, 4], self.shift * r[:, 5]
        if self.whole:
            out[:, [2, 5]] = np.rint(out[:, [2, 5]])
        if self.mirror:
            out[rng.random(n) < self.mirror] *= np.array([1, -1, 1, 1, -1, 1], np.float32)
        return out

    def warps(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """(n, 6) maps as `draw`, or (0, 6) for images as they are."""
        return self.draw(n, rng) if self.active else np.empty((0, 6), np.float32)

    def shape_of(self, dataset: Dataset, error: type[ThermocError]) -> tuple[int, int, int]:
        """(height, width, channels) of the images, zeros where nothing is warped; `error` where
        rows without a shape shall be.
        """
        shape = dataset.image_shape
        if not self.active:
            return (0, 0, 0)
        if len(shape) not in (2, 3):
            raise error(
                f"training: augmentation needs images, data set {dataset.name} has rows of "
                f"{dataset.n_features} values; set augmentation to Augmentation()"
            )
        return (shape[0], shape[1], shape[2] if len(shape) == 3 else 1)
