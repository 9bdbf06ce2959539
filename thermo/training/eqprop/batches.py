"""Images of a batch, as they are or warped anew."""

from __future__ import annotations

import numpy as np

from thermo.data import Dataset
from thermo.kernels.langevin import bptt
from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.errors import EqpropError


class Batches:
    """The training rows of a data set; EqpropError where rows without a shape shall be warped."""

    def __init__(self, dataset: Dataset, augmentation: Augmentation) -> None:
        self.x = np.ascontiguousarray(dataset.x_train, np.float32)
        self.augmentation = augmentation
        self.shape = _image_shape(dataset, augmentation)

    def warps(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """(n, 6) affine maps, or (0, 6) for rows as they are."""
        if not self.augmentation.active:
            return np.empty((0, 6), np.float32)
        return self.augmentation.draw(n, rng)

    def fill(self, out: np.ndarray, rows: np.ndarray, warps: np.ndarray) -> None:
        """out (n, n_inputs) <- these rows of the data, warped if there are warps (n, 6)."""
        if not warps.size:
            out[:] = self.x[rows]
            return
        height, width, channels = self.shape
        frame = np.empty((height + 4, width + 4), np.float32)
        for k, row in enumerate(rows):
            bptt.warp_image(self.x[row], out[k], height, width, channels, warps[k], frame)


def _image_shape(dataset: Dataset, augmentation: Augmentation) -> tuple[int, int, int]:
    shape = dataset.image_shape
    if not augmentation.active:
        return (0, 0, 0)
    if len(shape) not in (2, 3):
        raise EqpropError(
            f"training: augmentation needs images, data set {dataset.name} has rows of "
            f"{dataset.n_features} values; set augmentation to Augmentation()"
        )
    return (shape[0], shape[1], shape[2] if len(shape) == 3 else 1)
