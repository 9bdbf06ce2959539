"""Holding spins of an Ising model at given values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from compiler.errors import NetlistError
from compiler.families.ising import IsingModel, without_spins


def clamp_spins(model: IsingModel, values: Mapping[int, int], *, fields: bool = False) -> IsingModel:
    """The model with spins held at +-1: taken out, energies unchanged, or held by strong fields.

    values : {spin: +1 or -1}; at least one spin must stay free if they are taken out
    fields : add the field (|h_i| + sum_j |J_ij|) + the model's largest coefficient towards the
        value, with an offset that makes energies of states that obey the clamps those of `model`;
        no state that breaks one is lower than the same state mended. Annealing ramps leave these
        spins out
    The problem keeps its variables: those taken out are held in it, so that answers are of all.

    Raises NetlistError for spins that do not exist and other values.
    """
    for spin, value in values.items():
        if not 0 <= spin < model.n:
            raise NetlistError(f"clamp: spin {spin} does not exist; spins are 0 to {model.n - 1}")
        if value not in (-1, 1):
            raise NetlistError(f"clamp: spin {model.name(spin)} is held at -1 or +1, got {value}")
    s = np.zeros(model.n, dtype=np.int8)
    for spin, value in values.items():
        s[spin] = value
    held = s != 0
    row, col, J = model.row, model.col, model.J
    if fields:
        largest = max(float(np.abs(v).max(initial=0.0)) for v in (model.h, J))
        strength = np.abs(model.h) + (largest or 1.0)
        np.add.at(strength, row, np.abs(J))
        np.add.at(strength, col, np.abs(J))
        offset = model.offset + float(strength[held].sum())
        problem = replace(model.problem.holding(s), offset=offset)
        return replace(model, h=model.h + strength * s, problem=problem)
    if held.all():
        raise NetlistError("clamp: every spin is clamped, so nothing is left to sample; free some")
    both = held[row] & held[col]
    offset = model.offset - float(model.h[held] @ s[held])
    offset -= float((J[both] * s[row[both]] * s[col[both]]).sum())
    h, row, col, J = without_spins(model.h, row, col, J, s)
    problem = replace(model.problem.without(s), offset=offset)
    return replace(model, h=h, row=row, col=col, J=J, problem=problem)


def clamp_named(model: IsingModel, values: Mapping[str, int]) -> IsingModel:
    """The model with variables held, their spins taken out: name or number to value.

    values : 0 or 1 of a binary model's variables, -1 or 1 of a spin model's

    Raises NetlistError for names that no free variable has and other values.
    """
    place = {name: k for k, name in enumerate(model.names or map(str, range(model.n)))}
    allowed = (0, 1) if model.vartype == "binary" else (-1, 1)
    spins = {}
    for given, value in values.items():
        name = given if given in place else json.dumps(given)  # the label "1" is not the label 1
        if name not in place:
            some = ", ".join(list(place)[:6]) + (", ..." if model.n > 6 else "")
            raise NetlistError(f"clamp {given!r}: no spin is called so; there are {some}")
        if value not in allowed:
            raise NetlistError(
                f"clamp {name}={value}: a {model.vartype} variable is {allowed[0]} or {allowed[1]}"
            )
        spins[place[name]] = 1 if value == 1 else -1
    return clamp_spins(model, spins)
