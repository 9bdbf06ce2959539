"""Cells as subcircuits, one a kind of cell.

Three circuits have the equation of a netlist's cell (docs/spice.md):

force     C dV/dt = -g V - g3 V^2 - g4 V^3 + i: capacitor, resistor, nonlinear conductance. The noise of
          its resistor alone would not be in equilibrium with a nonlinear conductance (Wyatt and Coram
          1999): such a cell's noise is engineered
reactive  a linear resistor R with its Johnson source beside a capacitor whose voltage is R (g q + g3 q^2
          + g4 q^3) of its charge: thermal at any energy. The charge over C is node x
inertial  capacitor, resistor with its Johnson source, and an inductor whose flux is node x

Powers are products: ngspice takes V(x)^3 for |V(x)|^3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.formats.spice.scale import Scale
from compiler.formats.spice.signals import number
from compiler.ir.langevin import Activation, CellKind, LangevinNetlist, Order

X = "V(x)"


@dataclass(frozen=True, slots=True)
class Circuit:
    """What tells kinds of cells apart; fields as the module's text calls them.

    linear : "R" a resistor, "G" a conductance of either sign, "" none
    shown : activation behind a node y, or None where x itself drives; scaled : times the schedule's scale
    sine : nodes of its sine and cosine; well : a reset; low, high : walls
    noise : "", "fixed" or "ramped" with the schedule's temperature
    coupled, loaded : noise and load of its couplings: "", "fixed", or "gated" as they are scaled and on
    """

    order: str
    linear: str
    cubic: bool
    quartic: bool
    phase: bool
    shown: Activation | None
    scaled: bool
    reach: bool
    sine: bool
    well: bool
    low: bool
    high: bool
    noise: str
    coupled: str = ""
    loaded: str = ""

    @property
    def name(self) -> str:
        if self.phase:
            words = ["phase"]
        elif not (self.cubic or self.quartic):
            words = [{"R": "harmonic", "G": "linear", "": "free"}[self.linear]]
        elif self.linear == "G" and self.quartic and not self.cubic:
            words = ["double_well"]
        else:
            words = ["cubic"] * self.cubic + ["quartic"] * self.quartic
        words += [] if self.order == "force" else [self.order]
        words += ["walled"] if self.low or self.high else []
        if self.shown is not None and self.shown != Activation.IDENTITY:
            words.append(self.shown.name.lower())
        return "_".join(words)

    @property
    def thermal(self) -> bool:
        """Whether its noise is that of a linear resistor in equilibrium with an energy."""
        if self.order != "force":
            return True
        return self.linear == "R" and not (self.cubic or self.quartic or self.phase)

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of nodes after x, in order."""
        return tuple(
            name
            for name, there in (
                ("v", self.order != "force"),
                ("y", self.shown is not None),
                ("ys", self.sine),
                ("yc", self.sine),
                ("well", self.well),
                ("scale", self.scaled),
                ("rootkt", self.noise == "ramped"),
                ("among", "gated" in (self.coupled, self.loaded)),
                ("on", "gated" in (self.coupled, self.loaded)),
            )
            if there
        )


def shown_of(code: int, x: str, unit: float) -> str:
    """phi of the volts `x` in volts, one unit being `unit` volts."""
    of = x if unit == 1.0 else f"{x}/{number(unit)}"
    text = {
        Activation.IDENTITY: None,
        Activation.CLIP: f"min(max({of},0),1)",
        Activation.SIGMOID: f"0.5*(1+tanh(0.5*{of}))",
        Activation.TANH: f"tanh({of})",
        Activation.RELU: f"max({of},0)",
        Activation.COSINE: f"cos({of})",
    }[Activation(code)]
    if text is None:
        return x
    return text if unit == 1.0 else f"{number(unit)}*({text})"


def slope_of(code: int, x: str, unit: float) -> str:
    """phi' at the volts `x`; 0 at a kink."""
    of = x if unit == 1.0 else f"{x}/{number(unit)}"
    sigmoid = f"(0.5*(1+tanh(0.5*{of})))"
    return {
        Activation.IDENTITY: "1",
        Activation.CLIP: f"({of} > 0 ? ({of} < 1 ? 1 : 0) : 0)",
        Activation.SIGMOID: f"{sigmoid}*(1-{sigmoid})",
        Activation.TANH: f"(1-tanh({of})*tanh({of}))",
        Activation.RELU: f"({of} > 0 ? 1 : 0)",
        Activation.COSINE: f"(-sin({of}))",
    }[Activation(code)]


def definition(c: Circuit, name: str, scale: Scale, noise_step: float, reach: float) -> list[str]:
    """Lines of the subcircuit. Its parameters are those of `parameters`, its ports x and c.ports."""
    given = [p for p, there in _parameters(c) if there]
    lines = [f".subckt {name} x {' '.join(c.ports)}".rstrip() + (" params:" if given else "")]
    lines[0] += "".join(f" {p}=0" for p in given)
    at = "x" if c.order == "force" else "v"  # where currents enter
    nonlinear = ["{g3}*V(x)*V(x)"] * c.cubic + ["{g4}*V(x)*V(x)*V(x)"] * c.quartic
    nonlinear += ["V(well)*V(x)"] * (c.well and not c.phase)
    if c.phase:
        lever = "({h}+V(well))" if c.well else "{h}"
        nonlinear += [f"{lever}*sin(V(x))+{{second}}*sin(2*V(x))"]
    if c.order == "force":
        lines.append(f"Ccell x 0 {number(scale.capacitance)}")
        lines += {"R": ["Rcell x 0 {1/g}"], "G": ["Gcell x 0 x 0 {g}"], "": []}[c.linear]
        lines += ["Bforce x 0 I=" + "+".join(nonlinear)] if nonlinear else []
    elif c.order == "reactive":
        charge = ["{g}*V(x)"] * bool(c.linear) + nonlinear
        volts = "+".join(charge) or "0"
        lines += [
            f"Rcell v 0 {number(scale.resistance)}",
            f"Bcap v q V={number(scale.resistance)}*({volts})",
            "Vcap q 0 DC 0",
            "Fcharge 0 x Vcap 1",
            f"Ccharge x 0 {number(scale.capacitance)}",
        ]
    else:
        lines += ["Cmass v 0 {mass}", "Rfriction v 0 {1/friction}", "Gflux 0 x v 0 1", "Cflux x 0 1"]
        lines += ["Gforce v 0 x 0 {g}"] * bool(c.linear)
        lines += ["Bforce v 0 I=" + "+".join(nonlinear)] if nonlinear else []
    lines += [] if c.phase else [f"Ibias 0 {at} DC {{i0}}"]
    trnoise = f"TRNOISE({{na}} {number(noise_step)} 0 0)"
    if c.noise == "fixed":
        lines.append(f"Ijohnson 0 {at} {trnoise}")
    elif c.noise == "ramped":
        lines += [f"Vnoise n 0 {trnoise}", f"Bjohnson 0 {at} I=V(rootkt)*V(n)"]
    if c.coupled == "fixed":
        lines.append(f"Icouplings 0 {at} TRNOISE({{nc}} {number(noise_step)} 0 0)")
    elif c.coupled == "gated":
        root = "V(rootkt)*" if c.noise == "ramped" else ""
        lines.append(f"Vcouplings nc 0 TRNOISE({{nc}} {number(noise_step)} 0 0)")
        lines.append(f"Bcouplings 0 {at} I={root}sqrt({{share}}*V(among)+(1-{{share}})*V(on))*V(nc)")
    if c.loaded == "fixed":
        lines.append(f"Gload {at} 0 x 0 {{load}}")
    elif c.loaded == "gated":
        lines.append(f"Bload {at} 0 I=({{load}}*V(among)+{{load_in}}*V(on))*V(x)")
    lines += ["Vlow l 0 DC {lo}", "Dlow l x wall"] * c.low
    lines += ["Vhigh h 0 DC {hi}", "Dhigh x h wall"] * c.high
    factor = "V(scale)*" if c.scaled else ""
    if c.shown is not None:
        text = shown_of(c.shown, X, scale.voltage)
        text = f"{number(reach)}*tanh(({text})/{number(reach)})" if c.reach else text
        lines.append(f"Bshown y 0 V={factor}{text}" if not factor else f"Bshown y 0 V={factor}({text})")
    if c.sine:
        lines += [f"Bsine ys 0 V={factor}sin(V(x))", f"Bcosine yc 0 V={factor}cos(V(x))"]
    return [*lines, f".ends {name}"]


def _parameters(c: Circuit) -> list[tuple[str, bool]]:
    inertial = c.order == "inertial"
    return [
        ("g", bool(c.linear)),
        ("g3", c.cubic),
        ("g4", c.quartic),
        ("h", c.phase),
        ("second", c.phase),
        ("i0", not c.phase),
        ("mass", inertial),
        ("friction", inertial),
        ("na", bool(c.noise)),
        ("nc", bool(c.coupled)),
        ("share", c.coupled == "gated"),
        ("load", bool(c.loaded)),
        ("load_in", c.loaded == "gated"),
        ("lo", c.low),
        ("hi", c.high),
    ]


def circuit_of(
    netlist: LangevinNetlist,
    i: int,
    *,
    order: str,
    drives: bool,
    scaled: bool,
    reach: bool,
    sine: bool,
    well: bool,
    noise: str,
    coupled: str,
    loaded: str,
) -> Circuit:
    """The kind of dynamic cell i. drives : whether a coupling reads what it shows"""
    c = netlist.cells
    phase = bool(c.kind[i] == CellKind.PHASE)
    g = 0.0 if phase else 2.0 * float(c.j2[i])
    inertial = c.order[i] == Order.UNDERDAMPED
    code = Activation(int(c.activation[i]))
    behind = drives and (code != Activation.IDENTITY or scaled or reach)
    return Circuit(
        order="inertial" if inertial else order,
        linear="" if g == 0.0 else "R" if g > 0.0 and not inertial else "G",
        cubic=bool(not phase and c.j3[i] != 0.0),
        quartic=bool(not phase and c.j4[i] != 0.0),
        phase=phase,
        shown=code if behind else None,
        scaled=scaled and (behind or sine),
        reach=reach and behind,
        sine=sine,
        well=well,
        low=bool(np.isfinite(c.lo[i])),
        high=bool(np.isfinite(c.hi[i])),
        noise=noise,
        coupled=coupled,
        loaded=loaded,
    )


def values_of(
    netlist: LangevinNetlist, i: int, c: Circuit, scale: Scale, extra: dict[str, float]
) -> dict[str, float]:
    """Parameters of cell i by name, in SI units. extra : those of noise, couplings and walls"""
    cells, g, v = netlist.cells, scale.conductance, scale.voltage
    found = {
        "g": g * 2.0 * float(cells.j2[i]),
        "g3": 3.0 * g * float(cells.j3[i]) / v,
        "g4": 4.0 * g * float(cells.j4[i]) / v**2,
        "h": float(cells.h[i]),
        "second": float(cells.j2[i]),
        "i0": g * v * float(cells.h[i]),
        "mass": float(cells.mass[i]),
        "friction": float(cells.friction[i]),
        **extra,
    }
    return {name: found[name] for name, there in _parameters(c) if there}


def stiffness(netlist: LangevinNetlist, i: int) -> float:
    """U'' of cell i where it rests: at 0, or in the deepest minimum where 0 is none."""
    c = netlist.cells
    j2, j3, j4 = float(c.j2[i]), float(c.j3[i]), float(c.j4[i])
    if c.kind[i] == CellKind.PHASE:
        return abs(float(c.h[i])) + 2.0 * abs(j2)
    if j2 > 0 or j4 <= 0:
        return 2.0 * j2
    roots = np.roots([4.0 * j4, 3.0 * j3, 2.0 * j2])
    x = float(min(roots.real, key=lambda r: j2 * r**2 + j3 * r**3 + j4 * r**4))
    return 2.0 * j2 + 6.0 * j3 * x + 12.0 * j4 * x**2
