"""The engine of each method: chains of p-bits between calls of `sweep`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from thermo.simulate.spins.cells import CellChains
from thermo.simulate.spins.chains import Chains
from thermo.simulate.spins.crossed import CrossedChains
from thermo.simulate.spins.dense import DenseChains, DenseSystem
from thermo.simulate.spins.lanes import LaneTiles
from thermo.simulate.spins.method import Choice
from thermo.simulate.spins.moves import MoveChains
from thermo.simulate.spins.packed import PackedTiles
from thermo.simulate.spins.population import Populations
from thermo.simulate.spins.system import SpinSystem
from thermo.simulate.spins.terms import TermChains

if TYPE_CHECKING:
    from thermo.simulate.spins.jax_chains import JaxChains

Engine: TypeAlias = (
    "Chains | CellChains | CrossedChains | DenseChains | JaxChains | LaneTiles | PackedTiles | MoveChains | "
    "Populations | TermChains"
)


def engine_of(
    choice: Choice,
    system: SpinSystem | DenseSystem,
    states: np.ndarray,
    *,
    backend: str,
    seed: int,
    first_chain: int,
    threads: int | None,
    least: float,
) -> Engine:
    """The engine of a choice, its chains at `states` (chains, n).

    least : energy at which a chain stops, in the unit of the system's couplings; -inf for none
    """
    method, here = choice.method, (seed, first_chain, threads)
    if backend == "jax":
        from thermo.simulate.spins.jax_chains import JaxChains  # takes a while to import

        return JaxChains(system, states, seed, first_chain)
    if choice.products is not None and isinstance(system, SpinSystem):
        return TermChains(system, choice.products, states, *here)
    if method == "moves":
        return MoveChains(system, states, *here)
    if isinstance(system, DenseSystem):
        return DenseChains(system, states, *here, least)
    if method == "chains":
        return Chains(system, states, *here, least)
    if method == "crossed":
        search = Populations if choice.by_bits else CrossedChains
        return search(system, states, choice.plan[-1].kT, *here)
    if method == "cells":
        return CellChains(system, states, *here)
    return PackedTiles(system, states, *here) if method == "packed" else LaneTiles(system, states, *here)
