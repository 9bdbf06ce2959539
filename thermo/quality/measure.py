"""How near images are to those of a data set, in the features of a reader."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermo.data import Dataset
from thermo.quality.distances import frechet, mean_pairwise, nearest, precision_recall
from thermo.quality.errors import QualityError
from thermo.quality.reader import DIGITS, Reader
from thermo.verb import make_verb

make_verb(__name__)

SURE = 0.9  # probability from which an image counts as read
ROWS = 10_000  # of the training split that images are compared with
CLOUD = 2_000  # rows of each side whose neighbours are looked up in features
COPIES = 500  # images whose nearest training image is looked up
_DRAW = 71


@dataclass(frozen=True, slots=True)
class Quality:
    """Of n images; distances to training images, in the features of the reader of this digest.

    frechet : distance of Gaussians; precision, recall : shares by three nearest neighbours
    confident : share whose class has a probability above 0.9
    balance : entropy of the classes read over that of equally many, at most 1; missing : classes
        read in less than a quarter of their share of the training rows
    nearest : median distance in pixels to the nearest training image over that of test images: well
        below 1 for copies
    diversity : mean distance of two images' features over that of test images
    """

    data: str
    reader: str
    n: int
    frechet: float
    precision: float
    recall: float
    confident: float
    balance: float
    missing: int
    nearest: float
    diversity: float

    def over(self, other: Quality) -> float:
        """Ratio of Fréchet distances. Raises QualityError where they are of two scales."""
        for name in ("reader", "data", "n"):
            mine, its = getattr(self, name), getattr(other, name)
            if mine != its:
                raise QualityError(
                    f"quality: two measurements with other {name} ({mine} and {its}) are not to be compared; "
                    "measure both with one"
                )
        return self.frechet / other.frechet


def measure(samples: np.ndarray, dataset: Dataset, reader: Reader) -> Quality:
    """Of samples (n, n_pixels) in the data's units, beside up to 10,000 training images.

    Raises QualityError for fewer than 10 samples, or another reader's pixels.
    """
    x = np.asarray(samples, np.float32)
    if x.ndim != 2 or x.shape[0] < 10:
        raise QualityError(
            f"quality: at least 10 images in rows (n, n_pixels) are measured, got {x.shape}; draw more"
        )
    real, held = dataset.x_train[:ROWS], dataset.x_test
    features, probability = reader.read(x)
    wanted, _ = reader.read(real)
    others, _ = reader.read(held)
    seen = np.bincount(probability.argmax(axis=1), minlength=dataset.n_classes) / x.shape[0]
    shares = np.bincount(dataset.y_train, minlength=dataset.n_classes) / dataset.y_train.size
    some = seen[seen > 0]
    precision, recall = precision_recall(features[:CLOUD], wanted[:CLOUD])
    copies = np.median(nearest(x[:COPIES], dataset.x_train))
    return Quality(
        dataset.name,
        reader.digest,
        x.shape[0],
        frechet(features, wanted),
        precision,
        recall,
        float((probability.max(axis=1) > SURE).mean()),
        float(-(some * np.log(some)).sum() / np.log(dataset.n_classes)),
        int((seen < shares / 4).sum()),
        float(copies / np.median(nearest(held[:COPIES], dataset.x_train))),
        mean_pairwise(features[:CLOUD]) / mean_pairwise(others[:CLOUD]),
    )


def held_out(dataset: Dataset, n: int) -> np.ndarray:
    """Up to n test images: no machine can be expected to come nearer to the training images."""
    return dataset.x_test[:n]


def independent_pixels(dataset: Dataset, n: int, seed: int = 0) -> np.ndarray:
    """n images, every pixel that of another random training image: right one by one, and no more."""
    rng = np.random.default_rng([seed, _DRAW])
    x = dataset.x_train
    return x[rng.integers(0, x.shape[0], (n, x.shape[1])), np.arange(x.shape[1])]


def quality_rows(named: list[tuple[str, Quality]]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Heads and rows of a table of measurements."""
    heads = (
        "images",
        "n",
        "Fréchet",
        "precision",
        "recall",
        "read, p > 0.9",
        "balance",
        "classes missing",
        "nearest",
        "diversity",
    )
    rows = tuple(
        (
            name,
            f"{q.n:,}",
            f"{q.frechet:.3g}",
            f"{q.precision:.3f}",
            f"{q.recall:.3f}",
            f"{100 * q.confident:.1f} %",
            f"{q.balance:.3f}",
            f"{q.missing}",
            f"{q.nearest:.2f}",
            f"{q.diversity:.2f}",
        )
        for name, q in named
    )
    return heads, rows


def scale_of(quality: Quality) -> str:
    """In words, what its distances are measured in."""
    return (
        f"Features of reader {quality.reader[:DIGITS]}, a small classifier of {quality.data} "
        "(not Inception): comparable with the same reader alone."
    )
