"""What a simulation returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compiler.ir.langevin import ReadOut
from thermo.simulate.errors import SimulationError
from thermo.simulate.langevin.conversion import Conversion
from thermo.simulate.saving import contents, save_arrays


@dataclass(frozen=True, slots=True, eq=False)
class SimulationResult:
    """Read-outs and energies of n_samples x runs trajectories.

    times : (n_times,) in the netlist's time unit
    outputs : (n_times, n_samples, runs, n_read) float32, states of the read cells (averaged over
        the read-out window where there is one)
    heat : (n_samples, runs) float64 given to the bath over the whole schedule, in the energy unit
        of the model, whatever the netlist's (divide by kT for units of kT), or None
    entropy : (n_samples, runs) float64 given to the bath over the whole schedule, the integral of
        dQ / kT, in units of k_B; None where heat is not measured, where a phase reaches kT = 0, with
        a noise matrix, and on backend "jax" where kT is ramped
    entropy_by_phase : (n_phases, n_samples, runs) float64 or None
    heat_by_phase : (n_phases, n_samples, runs) float64 or None
    work : (n_phases, n_samples, runs) float64 done on the machine by switching at each phase's
        start, at fixed x, and by the phase's ramps; None if the force has no potential. Before the
        first phase the inputs are at scale 0 and there is no well.
    final, final_velocity : (n_samples, runs, n_dynamic) float32 or None; velocities of underdamped
        cells only
    trajectory, trajectory_times : (n_saved, n_samples, runs, n_dynamic) float32 and (n_saved,), or
        None
    kT : of the whole schedule in the model's unit, NaN where it changes: heat then has no one thermal unit
    conversions : what the device's converters did, for each side that has them; `outputs` are then
        what they read
    phases : names; heat_method : "potential", "stratonovich" or "none"
    seconds : wall time, compilation included
    """

    times: np.ndarray
    outputs: np.ndarray
    heat: np.ndarray | None
    heat_by_phase: np.ndarray | None
    work: np.ndarray | None
    entropy: np.ndarray | None
    entropy_by_phase: np.ndarray | None
    final: np.ndarray | None
    trajectory: np.ndarray | None
    trajectory_times: np.ndarray | None
    phases: tuple[str, ...]
    kT: float
    dt: float
    n_steps: int
    method: str
    heat_method: str
    backend: str
    seconds: float
    readout: ReadOut | None = None
    final_velocity: np.ndarray | None = None
    conversions: tuple[Conversion, ...] = ()

    def answers(self, time: int = -1) -> np.ndarray:
        """(n_samples, n_answers) mean over the runs of the read-out's map, at times[time].

        A cell that is read through its activation has been mapped already, run by run.
        """
        return self._mapped(self.outputs[time].astype(np.float64).mean(axis=1))

    def run_answers(self, time: int = -1) -> np.ndarray:
        """(n_samples, runs, n_answers) the read-out's map of every run by itself, at times[time]."""
        return self._mapped(self.outputs[time].astype(np.float64))

    def _mapped(self, states: np.ndarray) -> np.ndarray:
        """(..., n_answers) of (..., n_read) states."""
        if self.readout is None or self.readout.scale is None:
            return states
        answers = states @ np.asarray(self.readout.scale).T
        return np.asarray(answers if self.readout.offset is None else answers + self.readout.offset)

    def predictions(self, time: int = -1) -> np.ndarray:
        """(n_samples,) index of the largest answer; SimulationError unless the machine decides."""
        if self.readout is not None and self.readout.decision != "argmax":
            raise SimulationError(
                f"the read-out's decision is {self.readout.decision!r}, not 'argmax': "
                "use answers() instead of predictions()"
            )
        return np.argmax(self.answers(time), axis=1)

    def save(self, path: str | Path) -> Path:
        """Write every array and figure as an npz; returns the path written.

        The file appears complete or not at all. Raises OutputError if it cannot be written.
        """
        return save_arrays(path, contents(self, without=("readout", "conversions")))
