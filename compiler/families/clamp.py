"""Holding spins of an Ising model at given values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from compiler.errors import NetlistError
from compiler.families.ising import IsingModel


def clamp_spins(model: IsingModel, values: Mapping[int, int], *, fields: bool = False) -> IsingModel:
    """The model with spins held at +-1: taken out, energies unchanged, or held by strong fields.

    values : {spin: +1 or -1}; at least one spin must stay free if they are taken out
    fields : add the field (|h_i| + sum_j |J_ij|) + 1 towards the value, with an offset that makes
        energies of states that obey the clamps those of `model`; no state that breaks one is lower
        than the same state mended

    Raises NetlistError for spins that do not exist and other values.
    """
    for spin, value in values.items():
        if not 0 <= spin < model.n:
            raise NetlistError(f"clamp: spin {spin} does not exist; spins are 0 to {model.n - 1}")
        if value not in (-1, 1):
            raise NetlistError(f"clamp: spin {model.name(spin)} is held at -1 or +1, got {value}")
    held = np.zeros(model.n, dtype=bool)
    s = np.zeros(model.n)
    for spin, value in values.items():
        held[spin], s[spin] = True, value
    row, col, J = model.row, model.col, model.J
    if fields:
        strength = np.abs(model.h) + 1.0
        np.add.at(strength, row, np.abs(J))
        np.add.at(strength, col, np.abs(J))
        return replace(model, h=model.h + strength * s, offset=model.offset + float(strength[held].sum()))
    if held.all():
        raise NetlistError("clamp: every spin is clamped, so nothing is left to sample; free some")
    h = model.h.copy()
    np.add.at(h, row, J * s[col])
    np.add.at(h, col, J * s[row])
    both = held[row] & held[col]
    offset = model.offset - float(model.h[held] @ s[held])
    offset -= float((J[both] * s[row[both]] * s[col[both]]).sum())
    keep, new = ~(held[row] | held[col]), np.cumsum(~held) - 1
    names = tuple(name for name, out in zip(model.names, held, strict=True) if not out) if model.names else ()
    return replace(
        model,
        h=h[~held],
        row=new[row[keep]].astype(np.int32),
        col=new[col[keep]].astype(np.int32),
        J=J[keep],
        offset=offset,
        names=names,
    )


def clamp_named(model: IsingModel, values: Mapping[str, int]) -> IsingModel:
    """The model with variables held by fields, so that every spin stays: name or number to value.

    values : 0 or 1 of a binary model's variables, -1 or 1 of a spin model's

    Raises NetlistError for names that no spin has and other values.
    """
    place = {name: k for k, name in enumerate(model.names or map(str, range(model.n)))}
    allowed = (0, 1) if model.vartype == "binary" else (-1, 1)
    spins = {}
    for name, value in values.items():
        if name not in place:
            some = ", ".join(list(place)[:6]) + (", ..." if model.n > 6 else "")
            raise NetlistError(f"clamp {name!r}: no spin is called so; there are {some}")
        if value not in allowed:
            raise NetlistError(
                f"clamp {name}={value}: a {model.vartype} variable is {allowed[0]} or {allowed[1]}"
            )
        spins[place[name]] = 1 if value == 1 else -1
    return clamp_spins(model, spins, fields=True)
