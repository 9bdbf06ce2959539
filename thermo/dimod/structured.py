"""ThermoHardware: a target of p-bits as a structured sampler."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import dimod
import numpy as np

from compiler.errors import TargetError
from compiler.families.ising import IsingModel
from compiler.ir.langevin import LangevinNetlist
from compiler.passes.legalize import MENDS, MendOptions, legalize
from compiler.passes.spins.chains import embed
from compiler.passes.spins.embed import Embedding
from hw_models.targets import TARGETS, Target, with_holes
from thermo.dimod.options import Asked, asked, parameters
from thermo.dimod.run import Placed, lowered, run, starts


class ThermoHardware(dimod.Sampler, dimod.Structured, dimod.Initialized):
    """A target with wires, ranges and levels: BQMs on its nodes, rescaled and rounded as it needs.

    target : a name of `thermoc presets`, chimera-16, or a Target with a topology; nodes have the
        maker's numbers
    working_graph : the nodes and wires that one chip has: a DWaveSampler or another with nodelist and
        edgelist, a networkx graph, (nodes, wires) or a file
    missing : nodes and wires that are dead, likewise

    Raises HardwareError for nodes and wires that the target does not have, TargetError for a target
    without a topology.
    """

    @property
    def parameters(self) -> dict[str, Any]:
        return parameters()

    def __init__(
        self, target: str | Target = "chimera-16", *, working_graph: Any = None, missing: Any = None
    ) -> None:
        found = TARGETS.get(target) if isinstance(target, str) else target
        self.target = with_holes(found, working_graph=working_graph, missing=missing)
        if self.target.topology is None:
            raise TargetError(
                f"target `{self.target.name}` is wired without limits: use ThermoSampler, or name one "
                "with a topology"
            )
        self._topology = self.target.topology.name
        self.graph = self.target.topology.graph()
        ids = self.graph.ids
        self._nodes: list[Hashable] = ids.tolist()
        self._edges: list[tuple[Hashable, Hashable]] = [(a, b) for a, b in ids[self.graph.edges].tolist()]

    @property
    def properties(self) -> dict[str, Any]:
        return {"target": self.target.describe(), "topology": self._topology}

    @property
    def nodelist(self) -> list[Hashable]:
        return self._nodes

    @property
    def edgelist(self) -> list[tuple[Hashable, Hashable]]:
        return self._edges

    @dimod.bqm_structured
    def sample(
        self,
        bqm: Any,
        *,
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
        """As ThermoSampler.sample; every variable is a node and every coupling a wire.

        Raises dimod.exceptions.BinaryQuadraticModelStructureError for a BQM of another structure.
        """
        self.remove_unknown_kwargs(**unknown)
        want = asked(num_reads, seed, num_sweeps, beta_range, time_limit, threads)
        start, want = starts(self, bqm, initial_states, initial_states_generator, want)
        at = np.searchsorted(self.graph.ids, np.array(list(bqm.variables), dtype=np.int64))

        def place(model: IsingModel, want: Asked) -> Placed:
            return self.placed(lowered(model, want), Embedding.of(at[:, None]), None, 0)

        return run(bqm, want, start, place, return_embedding)

    def placed(
        self,
        netlist: LangevinNetlist,
        embedding: Embedding | None,
        strength: float | None,
        seed: int,
        embedder: str = "auto",
    ) -> Placed:
        """The netlist on the target: chains as given or found, rescaled, rounded, legal.

        Raises TargetError where no chains are found or what is left is not legal.
        """
        n = netlist.n_cells
        netlist = embed(
            netlist, self.target, chain_strength=strength, seed=seed, embedding=embedding, embedder=embedder
        )
        for mend in ("rescale", "quantize"):
            netlist = MENDS[mend](netlist, self.target, MendOptions())
        netlist = legalize(netlist, self.target)
        placement, embedded = netlist.lowered.placement, netlist.lowered.embedded
        nodes = np.arange(n) if placement is None else placement.nodes
        chains = [[k] for k in range(n)] if embedded is None else embedded.chains
        return Placed(
            netlist,
            [self.graph.ids[nodes[cells]].tolist() for cells in chains],
            {
                "chain_break_method": None if embedded is None else "majority_vote",
                "chain_strength": None if embedded is None else embedded.strength,
            },
        )
