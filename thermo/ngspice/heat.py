"""Heat of a path that ngspice went, in the model's unit of energy."""

from __future__ import annotations

import numpy as np

from compiler.ir.langevin import LangevinNetlist
from compiler.ir.law import Law, Setting
from thermo.ngspice.run import SpiceRun
from thermo.simulate.langevin.prepare import Prepared


def way_of_heat(netlist: LangevinNetlist, p: Prepared) -> str:
    """ "potential" where heat is what V falls by in each phase, "stratonovich" where it is the sum of force
    times displacement, "none" where it is neither: of velocities and of noise that cells share by a matrix.
    """
    if p.mass is not None or p.factor is not None:
        return "none"
    ramps = any(q.coupling_scale[0] != q.coupling_scale[1] for q in netlist.schedule)
    return "potential" if p.has_potential and not ramps else "stratonovich"


def heat_of(
    netlist: LangevinNetlist, p: Prepared, run: SpiceRun, volt: float, second: float, u: np.ndarray
) -> float:
    """Heat given to the bath by one run at inputs u (n_inputs,); volt, second : the deck's units. NaN where
    way_of_heat says none.
    """
    how = way_of_heat(netlist, p)
    if how == "none":
        return float("nan")
    law = Law(p, reach=np.inf if p.wiring is None else p.wiring.reach)
    heat, begin = 0.0, 0.0
    for phase in netlist.schedule:
        end = begin + phase.duration * second
        inside = (run.time > begin) & (run.time < end)
        if how == "potential":
            inside[:] = False
        at = np.concatenate([[begin], run.time[inside], [end]])
        x = np.stack([np.interp(at, run.time, column) for column in run.states.T[: p.n]]) / volt
        s0, s1 = phase.coupling_scale
        drive = law.drive(u[:, None], phase.input_scale)
        if how == "potential":
            v = law.potential(x, Setting(s0, phase.stiffness, 0.0, drive))
            heat += float(v[0] - v[-1])
        else:
            on = bool(phase.input_scale)
            scales = s0 + (s1 - s0) * (at - begin) / (end - begin)
            parts = [slice(None)] if s0 == s1 else [slice(k, k + 1) for k in range(at.size)]
            force = np.empty_like(x)
            for part in parts:
                s = float(scales[part][0])
                load = 0.0 if p.wiring is None else p.wiring.stiffness(s, on)
                force[:, part] = law.force(x[:, part], Setting(s, phase.stiffness + load, 0.0, drive))
            heat += float(np.sum(0.5 * (force[:, 1:] + force[:, :-1]) * np.diff(x, axis=1)))
        begin = end
    return heat / netlist.lowered.energy_scale
