"""Errors of the simulators."""

from compiler.errors import ThermocError


class SimulationError(ThermocError):
    """An option or data that the simulation cannot be run with."""


class DivergenceError(SimulationError):
    """A trajectory left the range in which the time step is stable.

    Attributes
    ----------
    sample, run, cell : which trajectory, and the cell that left first (its number in the netlist)
    time, dt : when, and the step it was run with
    stable_dt : a step found to hold for this trajectory, or None if none was found; the message
        then ends in `reason`
    """

    def __init__(
        self,
        sample: int,
        run: int,
        cell: int,
        time: float,
        dt: float,
        stable_dt: float | None,
        reason: str = "no step down to dt / 1024 holds: the force itself drives the cell away",
    ) -> None:
        self.sample, self.run, self.cell = sample, run, cell
        self.time, self.dt, self.stable_dt = time, dt, stable_dt
        way_out = reason
        if stable_dt is not None:
            way_out = f"dt = {stable_dt:g} holds for this trajectory"
        super().__init__(
            f"sample {sample}, run {run} diverges: cell {cell} leaves every bound at time {time:g} "
            f"with dt = {dt:g}; {way_out}"
        )
