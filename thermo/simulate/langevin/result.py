"""What a simulation returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compiler.html import fields_html
from compiler.ir.langevin import ReadOut
from thermo import exports
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

    _repr_html_ = fields_html

    def to_pandas(self) -> Any:
        """DataFrame, a row a sample and run: its answers at the last time, heat and entropy.

        Raises UnsupportedError without pandas.
        """
        answers = self.run_answers()
        n, runs, k = answers.shape
        columns: dict[str, Any] = {f"answer_{i}": answers[:, :, i].ravel() for i in range(k)}
        if self.readout is not None and self.readout.decision == "argmax":
            columns["prediction"] = answers.argmax(axis=2).ravel()
        for name in ("heat", "entropy"):
            if getattr(self, name) is not None:
                columns[name] = getattr(self, name).ravel()
        index = np.repeat(np.arange(n), runs), np.tile(np.arange(runs), n)
        return exports.frame(columns, (("sample", "run"), index))

    def to_xarray(self) -> Any:
        """xarray.Dataset of every array with named axes: time, sample, run, read, cell, phase, saved.

        Raises UnsupportedError without xarray.
        """
        each, phases = ("sample", "run"), ("phase", "sample", "run")
        return exports.dataset(
            {
                "outputs": (("time", *each, "read"), self.outputs),
                "heat": (each, self.heat),
                "heat_by_phase": (phases, self.heat_by_phase),
                "work": (phases, self.work),
                "entropy": (each, self.entropy),
                "entropy_by_phase": (phases, self.entropy_by_phase),
                "final": ((*each, "cell"), self.final),
                "final_velocity": ((*each, "cell"), self.final_velocity),
                "trajectory": (("saved", *each, "cell"), self.trajectory),
            },
            {
                "time": (("time",), self.times),
                "saved": (("saved",), self.trajectory_times),
                "phase": (("phase",), list(self.phases)) if self._by_phase else (("phase",), None),
            },
            {
                name: getattr(self, name)
                for name in ("kT", "dt", "n_steps", "method", "heat_method", "backend", "seconds")
            },
        )

    def to_arviz(self, sample: int = 0) -> Any:
        """Trajectories of one sample as chains: a run a chain, a saved time a draw.

        Raises SimulationError where none were kept, UnsupportedError without arviz.
        """
        if self.trajectory is None or self.trajectory_times is None:
            raise SimulationError(
                "no trajectories were kept to be draws; simulate with trajectory_every, steps between two"
            )
        x = np.moveaxis(self.trajectory[:, sample], 0, 1)
        times = np.broadcast_to(self.trajectory_times, x.shape[:2])
        return exports.samples(
            {"x": (("chain", "draw", "cell"), x)},
            {"time": (("chain", "draw"), times)},
            {"kT": self.kT, "dt": self.dt, "method": self.method},
        )

    @property
    def _by_phase(self) -> bool:
        return any(a is not None for a in (self.heat_by_phase, self.work, self.entropy_by_phase))

    def save(self, path: str | Path) -> Path:
        """Write every array and figure as an npz; returns the path written.

        The file appears complete or not at all. Raises OutputError if it cannot be written.
        """
        return save_arrays(path, contents(self, without=("readout", "conversions")))
