"""`simulate`: every kind of netlist, each by its own dynamics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from compiler.errors import UnsupportedError
from thermo.options import Option, check_taken
from thermo.progress import Progress
from thermo.simulate.gates.dynamics import GateDynamics
from thermo.simulate.gaussian.dynamics import GaussianDynamics
from thermo.simulate.langevin.dynamics import LangevinDynamics
from thermo.simulate.rest.dynamics import RestDynamics
from thermo.simulate.spins.dynamics import SpinDynamics
from thermo.simulate.tiles.dynamics import TileDynamics


class Result(Protocol):
    """What every run returns: SimulationResult, SpinResult, TemperResult, GateResult or TileResult.

    seconds : wall time
    """

    @property
    def seconds(self) -> float: ...

    @property
    def heat(self) -> np.ndarray | None:
        """(n_samples, runs) float64 given to the bath, None where none was measured."""

    def answers(self, time: int = -1) -> np.ndarray:
        """(n_samples, n_answers) numbers at the observation `time`."""

    def predictions(self, time: int = -1) -> np.ndarray:
        """(n_samples,) classes; SimulationError unless the machine decides between classes."""

    def save(self, path: str | Path) -> Path:
        """Write every array as an npz, complete or not at all; returns the path written."""


class Dynamics(Protocol):
    """How one kind of netlist is run.

    name : "langevin"; kind : the kind as in a sentence, "an analog netlist"
    takes : keywords of `simulate` that mean something for it; the command line's flags and its
        refusals are made from them
    """

    name: str
    kind: str
    takes: Mapping[str, Option]

    def handles(self, netlist: Any, method: str | None = None) -> bool: ...

    def run(self, netlist: Any, data: Any = None, **options: Any) -> Result: ...


DYNAMICS: tuple[Dynamics, ...] = (
    GateDynamics(),
    TileDynamics(),
    SpinDynamics(),
    GaussianDynamics(),
    RestDynamics(),
    LangevinDynamics(),
)
"""The first that handles a netlist runs it."""


def dynamics_of(netlist: Any, method: str | None = None) -> Dynamics:
    """The dynamics that runs this netlist; UnsupportedError names what can be run."""
    for dynamics in DYNAMICS:
        if dynamics.handles(netlist, method):
            return dynamics
    kinds = ", ".join(
        d.kind for d in DYNAMICS if d.name not in ("gaussian", "rest")
    )  # ways to run analog netlists
    raise UnsupportedError(
        f"no {type(netlist).__name__} can be simulated; what can is {kinds}: lower a model with "
        "compiler.compile"
    )


def simulate(netlist: Any, data: Any = None, *, progress: Progress | None = None, **options: Any) -> Result:
    """Run a netlist of any kind: Langevin cells, p-bits, circuits of gates or of cells, networks on tiles.

    data : (n_samples, n_features) raw, made states or bits by the netlist's encoder; None where
        the netlist needs none: p-bits, and Langevin netlists whose input cells keep their x0
    options : what the netlist's dynamics takes. Of all: seed, threads. Langevin
        (thermo.simulate.langevin.run, to a SimulationResult): runs, kT, dt, method, observe,
        non_ideal, device_seed, trajectory_every, backend, ...; method "exact" draws quadratic
        netlists from their exact Gaussian transitions, "rest" evaluates feed-forward ones at kT = 0.
        p-bits (thermo.simulate.spins.run, to a SpinResult): chains, sweeps, seconds, kT, target, ...; with
        `tempering` temperatures or a `ladder` of them replica exchange (thermo.simulate.spins.temper, to a
        TemperResult).
        Circuits (thermo.simulate.gates.run, to a GateResult): bits, toggles, faults, ... Networks on
        tiles (thermo.simulate.tiles.run, to a TileResult): device, at, wire, ir_drop, ...

    Raises UnsupportedError for a netlist that cannot be run and an option that it does not take,
    else as the run named above.
    """
    dynamics = dynamics_of(netlist, options.get("method"))
    for name in options:
        check_taken(dynamics.kind, name, name, {d.kind: d.takes for d in DYNAMICS})
    return dynamics.run(netlist, data, progress=progress, **options)
