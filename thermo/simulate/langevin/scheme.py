"""How a run goes: its scheme, its backend and its measure of heat, chosen and checked."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from compiler.errors import UnsupportedError
from thermo.simulate.errors import SimulationError
from thermo.simulate.langevin.job import COSTS, METHODS, Job, Raw
from thermo.simulate.langevin.numba_runner import run_numba
from thermo.simulate.langevin.numpy_runner import run_numpy
from thermo.simulate.langevin.plan import Plan
from thermo.simulate.langevin.prepare import Prepared
from thermo.simulate.langevin.wiring import WAY_OUT

HEAT_METHODS = ("auto", "potential", "stratonovich")


def _run_jax(job: Job) -> Raw:
    from thermo.simulate.langevin.jax_runner import run_jax  # JAX takes a second to import

    return run_jax(job)


BACKENDS: MappingProxyType[str, Callable[[Job], Raw]] = MappingProxyType(
    {"numba": run_numba, "jax": _run_jax, "numpy": run_numpy}
)

INERTIAL = ("numba", "numpy")  # backends that run underdamped cells and noise matrices


def choice(what: str, value: str, choices: tuple[str, ...]) -> str:
    """The value; SimulationError names the choices if it is none of them."""
    if value not in choices:
        raise SimulationError(f"{what} must be one of {', '.join(choices)}, got {value!r}")
    return value


def check_choices(method: str | None, backend: str, heat_method: str, cost: str, threads: int | None) -> None:
    """SimulationError names the choices of the first that is none of them."""
    if method is not None:
        choice("method", method, METHODS)
    choice("backend", backend, tuple(BACKENDS))
    choice("heat_method", heat_method, HEAT_METHODS)
    choice("cost", cost, COSTS)
    if threads is not None and backend != "numba":
        raise SimulationError(
            f"threads = {threads} are for backend 'numba'; {backend!r} chooses its own: drop one"
        )


def scheme_of(prepared: Prepared, method: str | None) -> str:
    """The method asked for, or the one that the cells want."""
    if method is not None:
        return method
    if prepared.mass is not None:
        return "baoab"
    # an explicit step of a noise matrix's oscillating modes (RLC) must not heat them: Heun
    return "euler" if prepared.factor is None else "heun"


def runner(prepared: Prepared, method: str, backend: str) -> Callable[[Job], Raw]:
    """The function that runs this netlist; UnsupportedError where scheme or backend do not."""
    if (method == "baoab") != (prepared.mass is not None):
        kind, ways = ("underdamped", "baoab") if method != "baoab" else ("overdamped", METHODS[0])
        raise UnsupportedError(
            f"method {method!r} does not apply to the {kind} cell {int(prepared.cells[0])}; "
            f"use {ways!r} or leave method out"
        )
    if prepared.wiring is not None and method == "leimkuhler-matthews":
        raise UnsupportedError(
            f"method 'leimkuhler-matthews' needs one temperature, but {prepared.wiring.name} couplings bring "
            f"noise of their own; use 'euler' or 'heun', or {WAY_OUT}"
        )
    if prepared.mass is None and prepared.factor is None:
        return BACKENDS[backend]
    what = "underdamped cells" if prepared.factor is None else "a noise matrix"
    if backend not in INERTIAL:
        raise UnsupportedError(
            f"backend {backend!r} does not run {what}; use {' or '.join(map(repr, INERTIAL))}"
        )
    if method == "leimkuhler-matthews":
        raise UnsupportedError(f"method 'leimkuhler-matthews' does not run {what}; use 'euler' or 'heun'")
    return BACKENDS[backend]


def heat_method_of(prepared: Prepared, method: str, heat: bool, wanted: str, plan: Plan) -> str:
    """The way heat is measured; raises UnsupportedError where scheme or way need a potential."""
    if method == "leimkuhler-matthews":
        if not prepared.has_potential:
            raise UnsupportedError(
                f"method 'leimkuhler-matthews' needs a gradient force, but {prepared.asymmetric}; "
                "use 'euler' or 'heun'"
            )
        if np.unique(plan.kT).size > 1:
            raise UnsupportedError(
                "method 'leimkuhler-matthews' needs one temperature, but the schedule's kT goes "
                f"from {plan.kT.min():g} to {plan.kT.max():g}; use 'euler' or 'heun'"
            )
    if not heat:
        return "none"
    if wanted == "potential" and not prepared.has_potential:
        raise UnsupportedError(
            f"heat_method 'potential' needs a gradient force, but {prepared.asymmetric}; use 'stratonovich'"
        )
    if wanted == "auto":
        if prepared.has_potential:
            return "potential"
        # with a noise matrix the states need not be displacements that the force acts along
        return "stratonovich" if prepared.factor is None else "none"
    return wanted
