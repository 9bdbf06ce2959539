"""What the spins of a netlist mean.

`Problem` says what the user asked: the variables, what they are called, and the goal, so that answers
are read off the state and nothing else. What passes did on the way to hardware is `Lowered`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.goals import ENERGY, Goal, check_goal
from compiler.ir.numbers import real

VARTYPES = ("spin", "binary")


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What the spins of a model mean.

    goal : what the energy stands for, in variables
    offset : energy added to every state; every energy here is in the model's own unit
    vartype : what users call the variables, "spin" (+-1) or "binary" (0 and 1)
    names : one a variable, or empty: their numbers
    spin : (n_variables,) int32, the spin that is the variable, -1 of one that was taken out; None:
        variable k is spin k. Passes that renumber spins renumber it
    held : (n_variables,) int8, +-1 of variables that are clamped (taken out, or held by a strong
        field), 0 of the others; None: none is
    """

    goal: Goal = ENERGY
    offset: float = 0.0
    vartype: str = "spin"
    names: tuple[str, ...] = ()
    spin: np.ndarray | None = None
    held: np.ndarray | None = None

    def n_variables(self, n_spins: int) -> int:
        return n_spins if self.spin is None else self.spin.size

    def places(self, n_spins: int) -> np.ndarray:
        """(n_variables,) int32, `spin` written out."""
        return np.arange(n_spins, dtype=np.int32) if self.spin is None else self.spin

    def variables(self, states: Any) -> np.ndarray:
        """(..., n_variables) int8 of +-1 of states (..., n_spins); held ones as they are held."""
        states = np.asarray(states, dtype=np.int8)
        if self.spin is None:
            return states
        out = states[..., self.spin]  # -1 reads any spin, and is replaced
        taken = self.spin < 0
        if taken.any() and self.held is not None:
            out[..., taken] = self.held[taken]
        return out

    def variable_names(self, n_spins: int) -> tuple[str, ...]:
        """What the variables are called, one each."""
        return self.names or tuple(map(str, range(self.n_variables(n_spins))))

    def spin_names(self, n_spins: int) -> tuple[str, ...]:
        """What the variables of the spins are called, in the order of the spins; () without names."""
        if self.spin is None:
            return self.names
        names = self.variable_names(n_spins)
        free = np.flatnonzero(self.spin >= 0)
        return tuple(names[k] for k in free[np.argsort(self.spin[free])].tolist())

    def held_by_field(self, n_spins: int) -> np.ndarray:
        """(n_spins,) int8: +-1 of spins that a field holds, 0 of the others."""
        values = np.zeros(n_spins, dtype=np.int8)
        if self.held is not None:
            places = self.places(n_spins)
            values[places[places >= 0]] = self.held[places >= 0]
        return values

    def holding(self, values: np.ndarray) -> Problem:
        """The problem with spins noted as held: values (n_spins,) of +-1, 0 of free ones."""
        places = self.places(values.size)
        held = np.zeros(places.size, dtype=np.int8) if self.held is None else self.held.copy()
        named = (places >= 0) & (values[places] != 0)
        held[named] = values[places[named]]
        return replace(self, held=held)

    def without(self, values: np.ndarray) -> Problem:
        """The problem after spins were taken out: values (n_spins,) of +-1, 0 of those that stay."""
        stays = values == 0
        return replace(self.holding(values), spin=self.places(values.size)).moved(
            np.where(stays, np.cumsum(stays) - 1, -1)
        )

    def moved(self, new: np.ndarray) -> Problem:
        """The problem after spin i became spin new[i] (n_spins,); -1 of those that are no more."""
        places = self.places(new.size)
        return replace(self, spin=np.where(places >= 0, new[places], -1).astype(np.int32))


PLAIN = Problem()


def check_problem(problem: Problem, n_spins: int, what: str = "problem") -> None:
    """Raise NetlistError, beginning with `what`, for the first rule that the problem breaks."""

    def fail(rule: str) -> NoReturn:
        raise NetlistError(f"{what}: {rule}")

    if not isinstance(problem, Problem):
        fail(f"problem must be a Problem, got a {type(problem).__name__}")
    n = problem.n_variables(n_spins)
    _check_places(problem, n_spins, n, fail)
    if problem.names and len(problem.names) != n:
        fail(f"{len(problem.names)} names for {n} spins; give one each")
    if not all(isinstance(name, str) for name in problem.names):
        fail("names must be strings; give one each")
    if len(set(problem.names)) != len(problem.names):
        seen: set[str] = set()
        twice = next(name for name in problem.names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        fail(f"two spins are called {twice!r}; names must be unique")
    if not (real(problem.offset) and np.isfinite(problem.offset)):
        fail(f"offset is {problem.offset}; it must be a finite number")
    if problem.vartype not in VARTYPES:
        fail(f"vartype must be {' or '.join(VARTYPES)}, got {problem.vartype!r}")
    check_goal(problem.goal, n, fail)


def _check_places(problem: Problem, n_spins: int, n: int, fail: Any) -> None:
    spin, held = problem.spin, problem.held
    if spin is not None:
        if spin.dtype != np.int32 or spin.ndim != 1:
            fail(f"spin must be one int32 a variable, got {spin.dtype} of shape {spin.shape}")
        if not np.array_equal(np.sort(spin[spin >= 0]), np.arange(n_spins)):
            fail(f"spin must name each of the {n_spins} spins once, and -1 of variables taken out")
        if (spin < -1).any():
            fail(f"spin of variable {int(np.argmin(spin))} is {spin.min()}; use -1 of one taken out")
    if held is not None:
        fits = held.dtype == np.int8 and held.shape == (n,)
        if not (fits and np.isin(held, (-1, 0, 1)).all()):
            fail(f"held must be {n} int8 values of -1, 0 or +1, one a variable")
    if spin is not None and (spin < 0).any() and (held is None or (held[spin < 0] == 0).any()):
        fail("a variable that was taken out must be held at -1 or +1")
