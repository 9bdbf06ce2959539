"""Which rows are pictures: by their shape, or by how their values vary with those around them."""

from __future__ import annotations

import math

import numpy as np

LEAST_SIDE = 8  # of a picture that is told by its values alone
CHANNELS = (1, 3, 4)
ALIKE = 0.15  # mean correlation of neighbours, in each direction, from which rows are a picture
APART = 0.1  # by which a neighbour below must be closer than a value half a line away
LOOKED_AT = 2000  # rows


def told_pictures(x: np.ndarray) -> tuple[np.ndarray, tuple[int, ...], str]:
    """(rows flat in height, width, channel; their image shape, () for rows that are none; in words
    what was told and how).

    x : (n, d), (n, h, w), (n, h, w, c) or (n, c, h, w) with c of 1, 3 or 4. Flat rows are square
    pictures where values next to each other and values below each other go together, and those below
    more than those half a line away: series vary along the row alone, tables in no direction.
    """
    shape = x.shape[1:]
    if len(shape) == 3 and shape[0] in CHANNELS and shape[2] not in CHANNELS and shape[0] < min(shape[1:]):
        x, told = np.moveaxis(x, 1, -1), "pictures by their shape, channels first"
    elif len(shape) == 1:
        x, told = _told_flat(x)
    else:
        told = "pictures by their shape" if len(shape) in (2, 3) else ""
    shape = x.shape[1:]
    if len(shape) not in (2, 3):
        return x.reshape(x.shape[0], -1), (), ""
    shape = shape[:2] if shape[2:] == (1,) else shape
    return x.reshape(x.shape[0], -1), shape, told


def arranged(x: np.ndarray, like: tuple[int, ...], told: str) -> np.ndarray:
    """Other rows of the same data set, flat and in the order that `told_pictures` told of the first."""
    if "channels first" in told:
        planes = x.reshape(x.shape[0], like[2] if len(like) == 3 else 1, *like[:2])
        x = np.moveaxis(planes, 1, -1)
    return x.reshape(x.shape[0], -1)


def _told_flat(x: np.ndarray) -> tuple[np.ndarray, str]:
    d = x.shape[1]
    some = np.asarray(x[:: max(1, -(-x.shape[0] // LOOKED_AT))], np.float32)
    how = "pictures: values vary with those beside and below them"
    for channels in (1, 3):
        side = math.isqrt(d // channels)
        if side < LEAST_SIDE or channels * side * side != d:
            continue
        if channels == 1:
            if _likeness(some.reshape(-1, side, side)):
                return x.reshape(-1, side, side), how
            continue
        last = _likeness(some.reshape(-1, side, side, 3)[..., 1])
        first = _likeness(some.reshape(-1, 3, side, side)[:, 1])
        if first > last:
            return np.moveaxis(x.reshape(-1, 3, side, side), 1, -1), f"{how}, channels first"
        if last:
            return x.reshape(-1, side, side, 3), how
    return x, ""


def _likeness(planes: np.ndarray) -> float:
    """How much neighbours in (n, side, side) go together; 0 where values do not vary as pictures' do."""
    if planes.shape[0] < 3:
        return 0.0
    side = planes.shape[1]
    z = planes - planes.mean(axis=0)
    spread = np.sqrt(np.mean(np.square(z), axis=0))
    varies = spread > 1e-6 * max(float(spread.max()), 1e-30)
    z = np.divide(z, spread, out=np.zeros_like(z), where=varies)

    def together(a: np.ndarray, b: np.ndarray, both: np.ndarray) -> float:
        return float(np.mean(a * b, axis=0)[both].mean()) if both.any() else 0.0

    beside = together(z[:, :, 1:], z[:, :, :-1], varies[:, 1:] & varies[:, :-1])
    below = together(z[:, 1:], z[:, :-1], varies[1:] & varies[:-1])
    flat, live = z.reshape(len(z), -1), varies.reshape(-1)
    half = side // 2
    away = together(flat[:, half:], flat[:, :-half], live[half:] & live[:-half])
    picture = beside > ALIKE and below > ALIKE and below > away + APART
    return beside + below if picture else 0.0
