"""Lists of terms i j value, and what they may stand for: a graph to cut, an Ising model, a QUBO."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compiler.errors import FormatError
from compiler.families.ising import IsingModel, from_edges
from compiler.families.quadratic import from_quadratic
from compiler.ir.goals import MaxCut


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Values of pairs of variables; those of a variable with itself are linear.

    n : variables; ends : (m, 2) int64; values : (m,); names : of the variables, or empty
    where : what refusals begin with, the file's name; source : the format, noted in the model
    """

    n: int
    ends: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]
    where: str
    source: str

    @property
    def own(self) -> np.ndarray:
        """(m,) bool, terms of one variable."""
        return self.ends[:, 0] == self.ends[:, 1]

    def name(self, variable: int) -> str:
        return self.names[variable] if self.names else str(variable)

    def model(self, as_: str) -> IsingModel:
        """The model; `as_` is one of compiler.formats.options.AS.

        max-cut : J = -value, no linear terms; ising : J = value, h = linear; qubo : the sum of
        value x_i x_j over the terms as they stand is made small; qubo-max : x' Q x of the symmetric
        matrix of which each pair stands once is made large, as in MQLib and OR-Library: energies
        are its negative

        Raises FormatError for a graph with linear terms.
        """
        own = self.own
        (i, j), v = self.ends[~own].T, self.values[~own]
        linear = np.bincount(self.ends[own, 0], weights=self.values[own], minlength=self.n)
        facts: dict[str, Any] = {"names": self.names, "meta": {"source": self.source}}
        if as_ == "max-cut":
            if own.any():
                node = self.name(int(self.ends[np.argmax(own), 0]))
                raise FormatError(
                    f"{self.where}: joins node {node} to itself, which no cut can separate; leave it out, "
                    "or say --as qubo, qubo-max or ising"
                )
            return max_cut(self.n, i, j, v, **facts)
        if as_ == "ising":
            return from_edges(linear, i, j, v, **facts)
        if as_ == "qubo-max":
            linear, v = -linear, -2.0 * v
        return from_quadratic(linear, i, j, v, vartype="binary", **facts)


def max_cut(n: int, row: np.ndarray, col: np.ndarray, weight: np.ndarray, **facts: Any) -> IsingModel:
    """The Max-Cut problem of a weighted graph as an Ising model, J = -w; parallel edges add up."""
    weight = np.asarray(weight, dtype=np.float64)
    model = from_edges(np.zeros(n), row, col, 0.0 - weight, **facts)
    goal = MaxCut(model.row, model.col, 0.0 - model.J)
    return replace(model, problem=replace(model.problem, goal=goal))


def unsaid(where: str, what: str, choices: tuple[str, ...] = ("qubo", "ising", "max-cut")) -> FormatError:
    """That a file does not say what its terms are: the user must."""
    return FormatError(f"{where}: {what}; say which: --as {', '.join(choices[:-1])} or {choices[-1]}")
