"""Images that a machine draws: of a model that generates, or of any netlist that is read by values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.families.denoising_chain import DenoisingChain
from compiler.families.ising import IsingModel
from compiler.families.rbm import RBM
from compiler.ir.langevin import CellKind, LangevinNetlist
from thermo.progress import Progress
from thermo.quality.errors import QualityError
from thermo.simulate.langevin.run import simulate_langevin
from thermo.simulate.spins.run import simulate_spins
from thermo.training.ebm.samples import draw_samples


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """images : (n, n_pixels) in [0, 1]; bits : whether they are zeros and ones
    threshold : of the bits that the machine was trained on, None where these were drawn
    heat_kT : (n,) given to the bath after the first phase, or None
    """

    images: np.ndarray
    bits: bool
    threshold: float | None = None
    heat_kT: np.ndarray | None = None


def draw_images(
    source: Any,
    n: int,
    *,
    sweeps: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Drawn:
    """n images from as many independent runs of a model or netlist.

    sweeps : of a model's sampler, None: as `draw_samples`; a netlist has its own schedule

    Raises QualityError for what draws nothing, and what the simulation raises.
    """
    if isinstance(source, RBM | DenoisingChain) or _boltzmann(source):
        drawn = draw_samples(source, n, sweeps=sweeps, seed=seed, threads=threads)
        threshold = source.meta.get("threshold") if isinstance(source, IsingModel) else source.threshold
        return Drawn(drawn.bits, True, threshold)
    read = source.readout if isinstance(source, LangevinNetlist) else None
    if read is None or read.decision != "value":
        raise QualityError(
            f"quality: {_named(source)} draws no images; give a model of `thermoc train ebm`, or a "
            "netlist of cells that are read by their values"
        )
    if sweeps is not None:
        raise QualityError("quality: --sweeps is of models; a netlist has its own schedule: leave it out")
    common: dict[str, Any] = {"seed": seed, "threads": threads, "progress": progress}
    if (source.cells.kind == CellKind.PBIT).any():
        states = simulate_spins(source, chains=n, **common).states[:, read.cells]
        return Drawn((states > 0).astype(np.float32), True)
    run = simulate_langevin(source, None, runs=n, **common)
    heat = (
        None
        if run.heat_by_phase is None or not run.kT > 0
        else run.heat_by_phase[1:].sum(axis=0).ravel() / run.kT
    )
    return Drawn(run.run_answers().reshape(n, -1).clip(0.0, 1.0).astype(np.float32), False, None, heat)


def _boltzmann(source: Any) -> bool:
    return isinstance(source, IsingModel) and source.problem.goal.kind == "boltzmann"


def _named(source: Any) -> str:
    if isinstance(source, LangevinNetlist):
        return "a netlist read by its largest output"
    return f"a {type(source).__name__}"
