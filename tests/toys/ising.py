"""Skewed Ising models, and the oracle of all states."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest

from compiler.families.ising import IsingModel, from_edges
from compiler.ir.words import words_and_nets


def all_states(n: int) -> np.ndarray:
    """(2^n, n) int8 of +-1; the first spin changes slowest."""
    return np.array(list(itertools.product((-1, 1), repeat=n)), dtype=np.int8).reshape(-1, n)


def slow_energy(model: IsingModel, state: np.ndarray) -> float:
    """The definition, term by term."""
    energy = model.offset
    for i, h in enumerate(model.h):
        energy -= h * state[i]
    for i, j, J in zip(model.row, model.col, model.J, strict=True):
        energy -= J * state[i] * state[j]
    return energy


def random_model(rng: np.random.Generator, n: int = 6, m: int = 9, **facts: object) -> IsingModel:
    """Distinct fields and couplings: a swapped pair or sign shows."""
    pairs = np.array(list(itertools.combinations(range(n), 2)))
    chosen = pairs[rng.permutation(len(pairs))[:m]]
    return from_edges(
        rng.normal(size=n),
        chosen[:, 1],
        chosen[:, 0],
        rng.normal(size=len(chosen)),
        **{"offset": float(rng.normal()), **facts},
    )


def violated_clauses(clauses, state) -> int:
    """Clauses without a true literal."""
    return sum(not any((state[abs(v) - 1] > 0) == (v > 0) for v in c) for c in clauses)


def word_values(model: IsingModel, state: np.ndarray) -> dict[str, int]:
    """Value of every word and net of a circuit's inputs and outputs, clamped ones included."""
    goal, problem = model.problem.goal, model.problem
    bits = dict(zip(model.names, (np.asarray(state) > 0).astype(int).tolist(), strict=True))
    names = [problem.names[v] for v in (*goal.inputs, *goal.outputs)]
    if problem.spin is not None:
        bits |= {problem.names[v]: int(problem.held[v] > 0) for v in np.flatnonzero(problem.spin < 0)}
    return {
        word: sum(bits[net] << k for k, net in enumerate(nets))
        for word, nets in words_and_nets(names).items()
    }


def data_folder(name: str) -> Path:
    """A folder of THERMOC_DATA; skips the test where it is missing."""
    folder = Path(os.environ.get("THERMOC_DATA", ".")) / name
    if not folder.is_dir():
        pytest.skip(f"needs {name}/ in the folder that THERMOC_DATA names")
    return folder
