"""Cells drawn anew, each from its own law under the force that the others make."""

from __future__ import annotations

from thermo.kernels.jit import njit


@njit(cache=True, nogil=True)
def heat_bath(force, bias, noise, reach, per_unit, mean, spread, means, out):  # type: ignore[no-untyped-def]
    """out[i, l] = mean + spread * noise[i, l] of a cell under force[i, l] + bias[i]; means without noise.

    mean, spread : of a cell under forces of -reach to reach, per_unit of them a unit of force; beyond they
    are those of the end
    """
    n, tile = force.shape
    last = mean.size - 2
    for i in range(n):
        for l in range(tile):
            place = (min(max(force[i, l] + bias[i], -reach), reach) + reach) * per_unit
            k = min(int(place), last)
            part = place - k
            means[i, l] = mean[k] + part * (mean[k + 1] - mean[k])
            out[i, l] = means[i, l] + (spread[k] + part * (spread[k + 1] - spread[k])) * noise[i, l]
