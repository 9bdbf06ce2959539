"""What a run of p-bits returns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from compiler.files import replacing


@dataclass(frozen=True, slots=True, eq=False)
class SpinResult:
    """States and energies of `chains` independent chains of n p-bits.

    states : (chains, n) int8, the last states; energy : (chains,) float64, theirs
    best_states, best_energies : (chains, n) and (chains,), the least energy that each chain was
        seen at: after every sweep with method "chains", at observations and the end otherwise
    best_state, best_energy : the best of all
    observed_at : (n_observed,) int64 sweeps done; observed_energy : (chains, n_observed) float64
    means : (chains, n) float64 mean of each p-bit over the observations, or None without any
    samples : (chains, n_observed, n) int8, or None unless they were asked for
    phases, sweeps : names, and sweeps of the whole schedule (each updates every p-bit once)
    hit : (chains,) sweeps after which each chain reached the target and stopped, -1 if it did not;
        None unless method is "chains"
    updates : p-bit updates of all chains; flips : how many changed the state, or None (not counted)
    seconds : wall time of the sweeps; method : "chains", "lanes" or "packed"

    Energies include the offset of the model. Directed couplings have none: NaN, and the last states
    are given as the best.
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

    @property
    def best_state(self) -> np.ndarray:
        """(n,) int8"""
        return self.best_states[int(np.argmin(self.best_energies))]

    @property
    def best_energy(self) -> float:
        return float(self.best_energies.min())

    def save(self, path: str | Path) -> Path:
        """Write every array and figure, and the best state, as an npz; returns the path written.

        The file appears complete or not at all. Raises OutputError if it cannot be written.
        """
        content: dict[str, Any] = {"best_state": self.best_state, "best_energy": np.asarray(self.best_energy)}
        for f in fields(self):
            value = getattr(self, f.name)
            if value is not None:
                content[f.name] = np.asarray(value)
        return save_arrays(path, content)


def save_arrays(path: str | Path, content: dict[str, Any]) -> Path:
    """Write arrays as an npz, complete or not at all; returns the path, which ends in .npz."""
    target = Path(path)
    if target.suffix != ".npz":
        target = target.with_name(target.name + ".npz")
    with replacing(target) as beside, beside.open("wb") as file:
        np.savez_compressed(file, **content)
    return target
