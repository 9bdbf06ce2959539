"""Cells that come nearer to their own law under the force that the others make, or are drawn anew from it."""

from __future__ import annotations

from thermo.kernels.jit import njit


@njit(cache=True, nogil=True)
def heat_bath(force, bias, noise, old, law, means, out):  # type: ignore[no-untyped-def]
    """out[i, l] = m + kept (old[i, l] - m) + spread noise[i, l], m a cell's mean under force[i, l] + bias[i].

    law : reach, per_unit, mean, kept, spread, the last three under forces of -reach to reach, per_unit of
        them a unit of force; beyond they are those of the end
    means : m
    """
    reach, per_unit, mean, kept, spread = law
    n, tile = force.shape
    last = mean.size - 2
    for i in range(n):
        for l in range(tile):
            place = (min(max(force[i, l] + bias[i], -reach), reach) + reach) * per_unit
            k = min(int(place), last)
            part = place - k
            m = mean[k] + part * (mean[k + 1] - mean[k])
            keep = kept[k] + part * (kept[k + 1] - kept[k])
            means[i, l] = m
            kick = spread[k] + part * (spread[k + 1] - spread[k])
            out[i, l] = m + keep * (old[i, l] - m) + kick * noise[i, l]
