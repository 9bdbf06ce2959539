"""Decks of every sample and noise seed run by ngspice, and what was observed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from compiler.formats.spice.deck import Deck, make_deck
from compiler.formats.spice.options import DeckOptions
from compiler.ir.langevin import LangevinNetlist
from hw_models.converters import Lines
from thermo.ngspice.heat import heat_of
from thermo.ngspice.run import SpiceRun, observe, observe_levels, run_deck
from thermo.progress import Progress
from thermo.simulate.langevin.prepare import Prepared


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A netlist that both engines run.

    inputs : (n_samples, n_inputs) of the cells, as the input converter has rounded them; given : the same as
    data of the simulator; hot : whether there is noise; readers : the output converter
    """

    netlist: LangevinNetlist
    prepared: Prepared
    options: DeckOptions
    inputs: np.ndarray
    given: np.ndarray | None
    runs: int
    seed: int
    hot: bool
    readers: Lines | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Decks:
    """What ngspice said, and at kT = 0 with coarser options.

    states, rough, levels : (n_samples, runs, n_read) at the end, with coarser options, as the output
    converter reads them; heat, rough_heat : (n_samples, runs), nan where it is not known; deck : the last;
    seconds : wall time
    """

    states: np.ndarray
    rough: np.ndarray
    levels: np.ndarray
    heat: np.ndarray
    rough_heat: np.ndarray
    deck: Deck
    seconds: float

    def read(self, readers: Lines | None) -> np.ndarray:
        return self.states if readers is None else self.levels


def run_decks(case: Case, timeout: float, program: str | None, progress: Progress) -> Decks:
    """Run the decks of a case; the noise of run r of sample s is seeded by 1 + seed + s runs + r.

    Raises UnsupportedError for what no deck expresses and SpiceError where ngspice does not run one.
    """
    netlist, inputs, runs, options = case.netlist, case.inputs, case.runs, case.options
    fine = options
    if not case.hot:
        fine = replace(
            options, noise_step=_step(make_deck(netlist, replace(options, inputs=inputs[0]))) / 2.0
        )
    coarse = replace(options, diode=_duller(options.diode))
    states = np.zeros((inputs.shape[0], runs, case.prepared.read.size))
    rough, levels = np.zeros_like(states), np.zeros_like(states)
    heat, rough_heat = np.full((2, inputs.shape[0], runs), np.nan)
    seconds = 0.0
    progress.start(inputs.shape[0] * runs, "ngspice")
    try:
        for k, (s, r) in enumerate(np.ndindex(inputs.shape[0], runs)):
            u = inputs[s]
            deck = make_deck(netlist, replace(fine, inputs=u, seed=1 + case.seed + k))
            run = run_deck(deck, program=program, timeout=timeout)
            seconds += run.seconds
            if not case.hot:
                other = make_deck(netlist, replace(coarse, inputs=u))
                again = run_deck(other, program=program, timeout=timeout)
                rough[s, r], rough_heat[s, r] = _observed(case, deck, again), _heat(case, deck, again, u)
            states[s, r], heat[s, r] = _observed(case, deck, run), _heat(case, deck, run, u)
            if case.readers is not None:
                cells = case.prepared.cells[case.prepared.read]
                levels[s, r] = observe_levels(deck, run, cells, case.readers, states[s, r])
            progress.update(k + 1)
    finally:
        progress.stop()
    return Decks(states, rough, levels, heat, rough_heat, deck, seconds)


def _observed(case: Case, deck: Deck, run: SpiceRun) -> np.ndarray:
    """(n_read,) states at the end of a deck's last phase."""
    return np.asarray(observe(deck, run, case.prepared.read_as, case.prepared.read)[-1])


def _heat(case: Case, deck: Deck, run: SpiceRun, u: np.ndarray) -> float:
    if deck.end == 0:
        return float("nan")
    return heat_of(case.netlist, case.prepared, run, deck.scale.voltage, deck.scale.time, u)


def _step(deck: Deck) -> float:
    """A deck's noise step in the netlist's unit of time."""
    return 2.0 * deck.step / deck.scale.time


def _duller(diode: str) -> str:
    return "dull" if diode == "ideal" else diode
