"""Pictures of samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from thermo.training.ebm.errors import EbmError

GAP = 1  # pixels between images


def tile_images(images: np.ndarray, shape: tuple[int, ...], columns: int) -> np.ndarray:
    """One picture (height, width) of images (n, h w) in rows of `columns`, 0.5 between them."""
    if len(shape) != 2:
        raise EbmError(f"sample grid: images must be (height, width), got shape {shape}; give grey images")
    h, w = shape
    n = images.shape[0]
    rows = -(-n // columns)
    out = np.full((rows * (h + GAP) - GAP, columns * (w + GAP) - GAP), 0.5)
    for k, image in enumerate(images):
        r, c = divmod(k, columns)
        out[r * (h + GAP) : r * (h + GAP) + h, c * (w + GAP) : c * (w + GAP) + w] = image.reshape(h, w)
    return out


def sample_grid(
    groups: Sequence[tuple[str, np.ndarray]], shape: tuple[int, ...], columns: int = 10
) -> Figure:
    """Panels of images side by side: (title, (n, h w) values in [0, 1])."""
    pictures = [(title, tile_images(images, shape, columns)) for title, images in groups]
    height = max(p.shape[0] / p.shape[1] for _, p in pictures)
    width = 4.0
    figure = Figure(figsize=(width * len(pictures), width * height + 0.4), layout="constrained")
    for k, (title, picture) in enumerate(pictures):
        axes = figure.add_subplot(1, len(pictures), k + 1)
        axes.imshow(picture, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
        axes.set_title(title, fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
    return figure
