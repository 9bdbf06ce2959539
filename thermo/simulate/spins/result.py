"""What a run of p-bits returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compiler.html import fields_html
from thermo import exports
from thermo.simulate.errors import SimulationError
from thermo.simulate.saving import contents, save_arrays


@dataclass(frozen=True, slots=True, eq=False)
class SpinResult:
    """States and energies of `chains` independent chains of n p-bits.

    states : (chains, n) int8, the last states, of a population the best; energy : (chains,) float64, theirs
    best_states, best_energies : (chains, n) and (chains,), the least energy that each chain was
        seen at: after every sweep with method "chains", at observations and the end otherwise
    best_state, best_energy : the best of all
    observed_at : (n_observed,) int64 sweeps done; observed_energy : (chains, n_observed) float64
    means : (chains, n) float64 mean of each p-bit over the observations, or None without any
    samples : (chains, n_observed, n) int8, or None unless they were asked for
    phases, sweeps : names, and sweeps of the whole schedule (each updates every p-bit once)
    hit : (chains,) sweeps after which each chain reached the target and stopped, -1 if it did not;
        None unless method is "chains"
    updates : p-bit updates of all chains, of a population those of all its states
    flips : how many changed the state, or None (not counted)
    seconds : wall time of the sweeps; method : "cells", "chains", "crossed", "dense", "lanes",
        "packed", "moves" or "terms"
    clock : (k, 4) float64 of a run that filled a time, which repeats it exactly: of each slice the number
        of its phase, its sweeps, and how far the phase's ramps were at its begin and end; else None
    backend : "numba" or "jax"

    Energies and kT are in the model's unit, whatever the netlist's (`lowered.energy_scale`), and
    energies include the offset; of an embedded netlist they are those of all its p-bits, chains
    included (compiler.passes.spins.model.decode gives the model's). Directed couplings have none:
    NaN, and the last states are given as the best.
    """

    states: np.ndarray
    energy: np.ndarray
    best_states: np.ndarray
    best_energies: np.ndarray
    observed_at: np.ndarray
    observed_energy: np.ndarray
    means: np.ndarray | None
    samples: np.ndarray | None
    phases: tuple[str, ...]
    sweeps: int
    hit: np.ndarray | None
    updates: int
    flips: int | None
    kT: float
    seed: int
    seconds: float
    method: str
    clock: np.ndarray | None = None
    backend: str = "numba"

    @property
    def best_state(self) -> np.ndarray:
        """(n,) int8"""
        return self.best_states[int(np.argmin(self.best_energies))]

    @property
    def best_energy(self) -> float:
        return float(self.best_energies.min())

    @property
    def heat(self) -> None:
        """Sweeps have no trajectory between states, and so no measured heat."""
        return None

    def answers(self, time: int = -1) -> np.ndarray:
        """(chains, n) states +-1 of least energy; of directed couplings, which have none, the last."""
        return self.best_states

    def predictions(self, time: int = -1) -> np.ndarray:
        """SimulationError: p-bits answer with states."""
        raise no_decision()

    _repr_html_ = fields_html

    def to_pandas(self) -> Any:
        """DataFrame, a row a chain: energy, best_energy, and where there are targets hit.

        Raises UnsupportedError without pandas.
        """
        columns = {"energy": self.energy, "best_energy": self.best_energies}
        if self.hit is not None:
            columns["hit"] = self.hit
        return exports.frame(columns)

    def to_xarray(self) -> Any:
        """xarray.Dataset of every array with named axes: chain, spin, sweep (of the observations).

        Raises UnsupportedError without xarray.
        """
        states, seen = ("chain", "spin"), ("chain", "sweep")
        return exports.dataset(
            {
                "states": (states, self.states),
                "energy": (("chain",), self.energy),
                "best_states": (states, self.best_states),
                "best_energies": (("chain",), self.best_energies),
                "observed_energy": (seen, self.observed_energy),
                "means": (states, self.means),
                "samples": ((*seen, "spin"), self.samples),
                "hit": (("chain",), self.hit),
            },
            {"sweep": (("sweep",), self.observed_at)},
            {name: getattr(self, name) for name in ("kT", "seed", "sweeps", "seconds", "method", "backend")},
        )

    def to_arviz(self) -> Any:
        """Observed states and energies as chains and draws of arviz.

        Raises SimulationError where no states were kept, UnsupportedError without arviz.
        """
        if self.samples is None:
            raise SimulationError(
                "no states were kept to be draws; simulate with observe_every, sweeps between two, and "
                "keep_samples=True"
            )
        return exports.samples(
            {"state": (("chain", "draw", "spin"), self.samples)},
            {"energy": (("chain", "draw"), self.observed_energy)},
            {"kT": self.kT, "seed": self.seed},
        )

    def save(self, path: str | Path) -> Path:
        """Write every array and figure, and the best state, as an npz; returns the path written.

        The file appears complete or not at all. Raises OutputError if it cannot be written.
        """
        best = {"best_state": self.best_state, "best_energy": self.best_energy}
        return save_arrays(path, best | contents(self), compressed=True)


def no_decision() -> SimulationError:
    """What p-bits say when they are asked for classes."""
    return SimulationError(
        "p-bits decide between no classes: read best_state, or thermo.simulate.spins.problem.answer "
        "for what it means"
    )
