"""Wiring and logits that training of logic-gate networks starts from."""

from __future__ import annotations

import numpy as np

from thermo.training.errors import TrainingError
from thermo.training.logic.config import LogicConfig

BUFFER_A = 3  # id of the gate that passes input a on


def balanced_wires(below: int, n_gates: int, k: int, rng: np.random.Generator, inputs: int = 2) -> np.ndarray:
    """(inputs, n_gates, k) int32 nets of `below` for the inputs of each gate.

    Each net is listed equally often, give or take one, in all places together; the candidates
    of one input differ, and all of a gate do where there are as many nets.

    Raises TrainingError where one input needs more different nets than there are.
    """
    if k > below:
        raise TrainingError(
            f"training: k must be at most the {below} nets of the layer below, got {k}; "
            'k="all" takes them all'
        )
    group = inputs * k if inputs * k <= below else k  # consecutive places that must differ
    places = inputs * n_gates * k
    stream = np.empty(0, np.int64)
    parts, filled = [], 0
    while filled < places:
        deck = rng.permutation(below)
        # a group that straddles two decks: what it already has goes behind its own end
        begun = filled % group
        if begun:
            held = stream[-begun:]
            want = group - begun
            fresh = ~np.isin(deck, held)
            front = np.flatnonzero(fresh)[:want]
            rest = np.ones(below, bool)
            rest[front] = False
            deck = np.concatenate([deck[front], deck[rest]])
        stream = np.concatenate([stream[-group:], deck])
        parts.append(deck)
        filled += below
    wires = np.concatenate(parts)[:places].reshape(n_gates, inputs, k)
    return np.ascontiguousarray(wires.transpose(1, 0, 2), dtype=np.int32)


def tree_wires(n_tables: int, inputs: int) -> np.ndarray:
    """(inputs, n_tables, 1) int32: input j of table t reads net inputs t + j."""
    nets = np.arange(n_tables * inputs, dtype=np.int32).reshape(n_tables, inputs)
    return np.ascontiguousarray(nets.T)[..., None]


def initial_logits(config: LogicConfig, n_gates: int, rng: np.random.Generator) -> np.ndarray:
    """(n_gates, 2^inputs, or 16 with parametrisation "gates") float32, see LogicConfig.init."""
    size = 1 << config.inputs if config.parametrisation == "table" else 16
    logits = (config.init_scale * rng.standard_normal((n_gates, size))).astype(np.float32)
    if config.init == "residual":
        if config.parametrisation == "table":  # the highest bit of an entry's number is input a
            logits += np.float32(config.residual) * np.repeat(np.array([-1, 1], np.float32), size // 2)
        else:
            logits[:, BUFFER_A] += np.float32(config.residual)
    return logits


def initial_scores(
    config: LogicConfig, below: int, n_gates: int, k: int, rng: np.random.Generator
) -> np.ndarray:
    """(inputs, n_gates, k) float32: normal, plus init_peak for one candidate of each wire.

    Over all nets the favoured ones are balanced as fixed wires are (LILogicNet's start).
    """
    scores = (config.init_wire * rng.standard_normal((config.inputs, n_gates, k))).astype(np.float32)
    if config.init_peak > 0:
        favoured = (
            balanced_wires(below, n_gates, 1, rng, config.inputs)
            if k == below
            else rng.integers(0, k, (config.inputs, n_gates, 1), dtype=np.int32)
        )
        level = np.take_along_axis(scores, favoured, axis=2) + np.float32(config.init_peak)
        np.put_along_axis(scores, favoured, level, axis=2)
    return scores
