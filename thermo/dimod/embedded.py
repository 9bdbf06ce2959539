"""ThermoEmbedding: BQMs of any structure on hardware, a chain of p-bits for each variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dimod
import numpy as np

from compiler.families.ising import IsingModel
from compiler.passes.spins.embed import Embedding
from thermo.dimod.options import Asked, asked, parameters
from thermo.dimod.run import Placed, lowered, run, starts
from thermo.dimod.structured import ThermoHardware


class ThermoEmbedding(dimod.ComposedSampler, dimod.Initialized):
    """A composite over ThermoHardware: finds chains, runs on the target, reads them by majority.

    >>> ThermoEmbedding(ThermoHardware("chimera-4")).sample(bqm, num_reads=100, return_embedding=True)
    """

    @property
    def parameters(self) -> dict[str, Any]:
        return parameters("chain_strength", "embedding", "embedder")

    def __init__(self, child: ThermoHardware) -> None:
        self._children = [child]

    @property
    def properties(self) -> dict[str, Any]:
        return {"child_properties": self._children[0].properties}

    @property
    def children(self) -> list[ThermoHardware]:
        return self._children

    def sample(
        self,
        bqm: Any,
        *,
        chain_strength: float | None = None,
        embedding: Mapping[Any, Any] | None = None,
        embedder: str = "auto",
        num_reads: int | None = None,
        seed: int | None = None,
        num_sweeps: int | None = None,
        beta_range: tuple[float, float] | None = None,
        time_limit: float | None = None,
        initial_states: Any = None,
        initial_states_generator: str = "random",
        return_embedding: bool = False,
        threads: int | None = None,
        **unknown: Any,
    ) -> Any:
        """As ThermoSampler.sample, on the hardware; rows have a chain_break_fraction where there are chains.

        chain_strength : coupling within a chain, in the BQM's unit; by default uniform torque compensation
        embedding : {variable: nodes of its chain}, in place of a search
        embedder : minorminer, thermoc, or auto: minorminer where it is installed

        Raises TargetError where no chains are found, or for chains that are none.
        """
        self.remove_unknown_kwargs(**unknown)
        want = asked(num_reads, seed, num_sweeps, beta_range, time_limit, threads)
        start, want = starts(self, bqm, initial_states, initial_states_generator, want)
        hardware = self._children[0]
        chains = None
        if embedding is not None:
            if missing := [v for v in bqm.variables if v not in embedding]:
                raise ValueError(f"the embedding has no chain for variable {missing[0]!r}")
            ids = hardware.graph.ids
            place_of = {node: k for k, node in enumerate(ids.tolist())}
            try:
                chains = [[place_of[node] for node in embedding[v]] for v in bqm.variables]
            except KeyError as error:
                raise ValueError(f"the embedding names node {error}, which the hardware has not") from None

        def place(model: IsingModel, want: Asked) -> Placed:
            given = None if chains is None else Embedding.of([np.array(c) for c in chains])
            return hardware.placed(lowered(model, want), given, chain_strength, want.seed & 0xFFFF, embedder)

        return run(bqm, want, start, place, return_embedding)
