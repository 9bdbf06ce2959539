"""ThermoSampler: binary quadratic models by p-bits without limits of hardware."""

from __future__ import annotations

from typing import Any

import dimod

from thermo.dimod.options import asked, parameters
from thermo.dimod.run import plain, run, starts


class ThermoSampler(dimod.Sampler, dimod.Initialized):
    """Annealed p-bits with the interface of dimod's samplers, any size and labels.

    >>> ThermoSampler().sample_qubo({("a", "a"): -1, ("a", "b"): 2}, seed=1).first.sample
    {'a': 1, 'b': 0}
    """

    @property
    def parameters(self) -> dict[str, Any]:
        return parameters()

    @property
    def properties(self) -> dict[str, Any]:
        return {"description": "thermoc: annealed p-bits"}

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
        """A SampleSet with the best state of every read, energies by the BQM itself.

        num_reads : independent reads; as many as initial states, else 1, or 2 with a time limit
        seed : a read is a function of (seed, its number); None draws one, which info["seed"] tells
        num_sweeps : of each read, 1000 by default: updates of every variable
        beta_range : (hot, cold) inverse temperatures of the ramp, which is linear in temperature;
            by default the model's own (compiler.families.ising.anneal_range)
        time_limit : seconds that the sweeps of all reads take together, in place of num_sweeps
        initial_states, initial_states_generator : as in dimod.Initialized
        return_embedding : info["embedding_context"] tells the p-bits of each variable
        threads : None: all cores

        info : seed, method ("moves" where penalties held single p-bits and several were turned at
        once), num_sweeps, beta_range, updates, timing (ns as dwave-samplers tells them).

        Raises ValueError for a bad option; unknown ones are ignored with dimod's warning.
        """
        self.remove_unknown_kwargs(**unknown)
        want = asked(num_reads, seed, num_sweeps, beta_range, time_limit, threads)
        start, want = starts(self, bqm, initial_states, initial_states_generator, want)
        return run(bqm, want, start, plain, return_embedding)
