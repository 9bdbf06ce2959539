"""From a BQM to reads and back: the model, its p-bits, their states as a SampleSet."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import dimod
import numpy as np

from compiler.families.ising import IsingModel, lower_ising
from compiler.families.quadratic import from_quadratic
from compiler.ir.langevin import LangevinNetlist
from compiler.passes.spins.model import unembed
from thermo.dimod.options import Asked
from thermo.simulate.spins.run import simulate_spins

VARTYPES = {dimod.SPIN: "spin", dimod.BINARY: "binary"}


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """p-bits that a model runs on, and which of them are each variable.

    chains : [nodes] of each variable in the order of the BQM's; context : for return_embedding
    """

    netlist: LangevinNetlist
    chains: list[list[Any]]
    context: dict[str, Any]


def model_of(bqm: Any) -> IsingModel:
    """The BQM's spins in the order of its variables; labels stay with the BQM."""
    fields, (row, col, terms), offset = bqm.to_numpy_vectors(variable_order=list(bqm.variables))
    return from_quadratic(
        fields, row, col, terms, offset=float(offset), vartype=VARTYPES[bqm.vartype], meta={"source": "dimod"}
    )


def lowered(model: IsingModel, want: Asked) -> LangevinNetlist:
    """The model's p-bits, annealed from hot to cold."""
    return lower_ising(model, sweeps=want.sweeps, kT=want.kT)


def plain(model: IsingModel, want: Asked) -> Placed:
    """A p-bit for each variable."""
    context = {"chain_break_method": None, "chain_strength": None}
    return Placed(lowered(model, want), [[i] for i in range(model.n)], context)


def run(
    bqm: Any, want: Asked, start: Any, place: Callable[[IsingModel, Asked], Placed], return_embedding: bool
) -> Any:
    """The SampleSet of a call: a row a read, the state of least energy that it saw.

    start : (reads, n) of +-1 in the order of the variables, or None: random
    """
    begin = time.perf_counter_ns()
    variables = list(bqm.variables)
    info: dict[str, Any] = {"seed": want.seed}
    vectors: dict[str, Any] = {}
    if not variables:
        states, sampling = np.ones((want.reads, 0), np.int8), begin
        done = time.perf_counter_ns()
        placed = None
    else:
        placed = place(model_of(bqm), want)
        netlist = placed.netlist
        if start is not None:
            start = _on_cells(netlist, start)
        result = simulate_spins(
            netlist,
            chains=want.reads,
            seed=want.seed,
            seconds=want.seconds,
            start="random" if start is None else start,
            threads=want.threads,
            method="auto" if want.kT is None else "chains",
        )
        done = time.perf_counter_ns()
        sampling = done - round(1e9 * result.seconds)  # kernels compile before
        states = result.best_states
        if netlist.lowered.embedded is not None:
            states, _ = unembed(states, netlist)
            vectors["chain_break_fraction"] = _broken(netlist, result.best_states)
        unit = netlist.lowered.energy_scale
        ramp = netlist.schedule[0].kT or (1.0, 1.0), netlist.schedule[-1].kT or (1.0, 1.0)
        info |= {
            "method": result.method,
            "num_sweeps": result.sweeps,
            "beta_range": tuple(unit / kT if kT else np.inf for kT in (ramp[0][0], ramp[1][1])),
            "updates": result.updates,
        }
    if return_embedding:
        chains = [] if placed is None else placed.chains
        context = {} if placed is None else placed.context
        embedding = {v: tuple(chain) for v, chain in zip(variables, chains, strict=True)}
        info["embedding_context"] = {"embedding": embedding, **context}
    values = states if bqm.vartype is dimod.SPIN else (states + 1) // 2
    found = dimod.SampleSet.from_samples_bqm(
        (values, variables), bqm, info=info, aggregate_samples=False, **vectors
    )
    end = time.perf_counter_ns()
    found.info["timing"] = {
        "preprocessing_ns": sampling - begin,
        "sampling_ns": done - sampling,
        "postprocessing_ns": end - done,
    }
    return found


def starts(sampler: Any, bqm: Any, states: Any, generator: str, want: Asked) -> tuple[Any, Asked]:
    """((reads, n) of +-1 or None, options with the number of reads) of initial states, dimod's way."""
    if states is None or not bqm.num_variables:
        return None, want

    parsed = sampler.parse_initial_states(
        bqm, states, generator, num_reads=want.num_reads, seed=want.seed & 0xFFFFFFFF
    )
    given = parsed.initial_states
    place = {v: k for k, v in enumerate(given.variables)}
    values = given.record.sample[:, [place[v] for v in bqm.variables]].astype(np.int8)
    if bqm.vartype is dimod.BINARY:
        values = 2 * values - 1
    return values, replace(want, num_reads=len(values))


def _on_cells(netlist: LangevinNetlist, states: np.ndarray) -> np.ndarray:
    """States of the variables, each on all the p-bits of its chain."""
    embedded = netlist.lowered.embedded
    if embedded is None:
        return states
    out = np.empty((states.shape[0], netlist.n_cells), np.int8)
    out[:, embedded.cells] = np.repeat(states, embedded.lengths, axis=1)
    return out


def _broken(netlist: LangevinNetlist, states: np.ndarray) -> np.ndarray:
    """(reads,) share of each read's chains whose p-bits disagree."""
    embedded = netlist.lowered.embedded
    assert embedded is not None
    total = np.add.reduceat(states[:, embedded.cells].astype(np.int64), embedded.indptr[:-1], axis=1)
    return (np.abs(total) != embedded.lengths).mean(axis=1)
