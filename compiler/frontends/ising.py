"""An Ising model as p-bits: spins are cells, couplings go both ways, time counts sweeps."""

from __future__ import annotations

import math
from types import MappingProxyType

import numpy as np

from compiler.errors import UnsupportedError
from compiler.families.ising import IsingModel, from_edges
from compiler.ir.langevin import (
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    Group,
    LangevinNetlist,
    Phase,
    ReadOut,
)
from compiler.passes.spins.model import logical_model, logical_netlist

ANNEAL, BURN_IN, SAMPLE = 5000, 200, 1000  # default sweeps of the phases
SEARCH = 20000  # of circuits and formulas, which are small and hard


def lower_ising(
    model: IsingModel,
    *,
    sweeps: int | None = None,
    kT: tuple[float, float] | None = None,
    sample: bool | None = None,
) -> LangevinNetlist:
    """p-bits whose stationary distribution is exp(-E / kT); one unit of time is one sweep.

    sweeps : how long to anneal (5000 by default, circuits and formulas 20000), or to sample after
        a burn-in of 200 (1000)
    kT : (hot, cold) ends of the annealing ramp, by default `anneal_range(model)`
    sample : at the model's own kT instead of annealing; None samples Boltzmann machines and
        anneals every other problem

    Raises UnsupportedError for sweeps < 1, a negative or rising kT, or a ramp where none is run.
    """
    if sample is None:
        sample = model.problem["kind"] == "boltzmann"
    if sweeps is None:
        search = model.problem["kind"] in ("circuit", "sat")
        sweeps = SAMPLE if sample else SEARCH if search else ANNEAL
    if not (isinstance(sweeps, int) and sweeps >= 1):
        raise UnsupportedError(f"sweeps must be a whole number of at least 1, got {sweeps!r}")
    if sample:
        if kT is not None:
            raise UnsupportedError(
                "a sampling run has one temperature, the model's; an annealing ramp (hot, cold) "
                "needs sample=False"
            )
        schedule = [Phase("burn-in", float(BURN_IN)), Phase("sample", float(sweeps))]
    else:
        hot, cold = anneal_range(model) if kT is None else kT
        if not (math.isfinite(hot) and hot >= cold >= 0 and hot > 0):
            raise UnsupportedError(
                f"an annealing ramp needs temperatures hot >= cold >= 0 with hot > 0, got ({hot}, {cold})"
            )
        schedule = [Phase("anneal", float(sweeps), kT=(float(hot), float(cold)))]
    n = model.n
    ends = np.concatenate([model.row, model.col]), np.concatenate([model.col, model.row])
    couplings = Couplings.from_coo(CouplingKind.LINEAR, n, *ends, np.tile(model.J, 2))
    groups: tuple[Group, ...] = ()
    visible = model.problem.get("visible", n)
    if 0 < visible < n:
        groups = (Group("visible", 0, visible), Group("hidden", visible, n))
    facts = {
        "offset": float(model.offset),
        "vartype": model.vartype,
        "problem": dict(model.problem),
        **({"names": list(model.names)} if model.names else {}),
    }
    return LangevinNetlist(
        cells=Cells.make(n, h=model.h, x0=1.0, kind=CellKind.PBIT),
        couplings=(couplings,) if len(couplings) else (),
        kT=float(model.kT),
        mobility=1.0,
        schedule=tuple(schedule),
        groups=groups,
        readout=ReadOut(cells=np.arange(n, dtype=np.int32), phase=schedule[-1].name, decision="value"),
        dt=1.0,
        meta=MappingProxyType({"source": "ising", **model.meta, "ising": facts}),
    )


def to_ising(netlist: LangevinNetlist) -> IsingModel:
    """The model of a netlist of p-bits, or that it was lowered from: the inverse of lower_ising.

    Raises UnsupportedError for other cells, frozen inputs, and couplings that are not symmetric
    and linear.
    """
    netlist = logical_netlist(netlist)
    h, edges, J = logical_model(netlist)
    facts = netlist.meta.get("ising", {})
    return from_edges(
        h,
        edges[:, 0],
        edges[:, 1],
        J,
        offset=facts.get("offset", 0.0),
        kT=netlist.kT or 1.0,
        vartype=facts.get("vartype", "spin"),
        names=tuple(facts.get("names", ())),
        problem=MappingProxyType(facts.get("problem", {"kind": "ising"})),
        meta=MappingProxyType({k: v for k, v in netlist.meta.items() if k != "ising"}),
    )


def anneal_range(model: IsingModel) -> tuple[float, float]:
    """(hot, cold) temperatures of the default annealing ramp.

    A circuit and a formula know what one wrong gate or clause costs, g, and are searched where
    such errors come and go: 0.45 g to 0.35 g and 0.3 g to 0.25 g. The best state on the way counts;
    colder runs were caught between half-solved states. Of all others:

    hot : 0.7 of the root mean square of sqrt(h_i^2 + sum_j J_ij^2), the typical force on a spin
        among random ones; a random graph's spins begin to freeze below it
    cold : a fifth of the smallest coefficient's size, so that a move against it survives with
        probability exp(-10); but no less than a hundredth of hot, for real-valued couplings
    """
    if model.problem["kind"] == "circuit":
        gap = model.problem.get("gap", 1.0)
        return 0.45 * gap, 0.35 * gap
    if model.problem["kind"] == "sat":
        return 0.3, 0.25
    field = model.h**2
    np.add.at(field, model.row, model.J**2)
    np.add.at(field, model.col, model.J**2)
    hot = 0.7 * math.sqrt(float(field.mean()))
    if hot == 0.0:
        return model.kT, model.kT
    sizes = np.abs(np.concatenate([model.h, model.J]))
    least = float(sizes[sizes > 0].min())
    return hot, min(hot, max(0.2 * least, 0.01 * hot))
