"""Images of a batch, as they are or warped anew."""

from __future__ import annotations

import numpy as np

from thermo.data import Dataset
from thermo.gradients.errors import EqpropError
from thermo.kernels.langevin.images import warp_image
from thermo.training.augmentation import Augmentation


class Batches:
    """The training rows of a data set; EqpropError where rows without a shape shall be warped."""

    def __init__(self, dataset: Dataset, augmentation: Augmentation) -> None:
        self.x = np.ascontiguousarray(dataset.x_train, np.float32)
        self.shape = augmentation.shape_of(dataset, EqpropError)

    def fill(self, out: np.ndarray, rows: np.ndarray, warps: np.ndarray) -> None:
        """out (n, n_inputs) <- these rows of the data, warped if there are warps (n, 6)."""
        if not warps.size:
            out[:] = self.x[rows]
            return
        height, width, channels = self.shape
        frame = np.empty((height + 4, width + 4), np.float32)
        for k, row in enumerate(rows):
            warp_image(self.x[row], out[k], height, width, channels, warps[k], frame)
