"""What a deck says of itself: units, nodes, noise, couplings, converters."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from compiler.formats.spice.drawn import Drawn
from compiler.formats.spice.plan import Plan
from compiler.formats.spice.powers import covariance


def header_lines(d: Drawn) -> Iterator[str]:
    p = d.plan
    yield from _units(p)
    yield from _noise(d)
    yield from _couplings(p)
    yield from _converters(p)
    if p.bias:
        yield f"* sources of walls are moved inwards by {p.bias:.4g} V, what a diode drops at a typical one"


def _units(p: Plan) -> Iterator[str]:
    n, s = p.netlist, p.scale
    yield (
        f"* thermoc: {p.dynamic.size:,} cells, {n.inputs.size:,} inputs, {n.n_couplings:,} couplings"
        + (f', from "{n.meta["source"]}"' if n.meta.get("source") else "")
    )
    what = f"device {s.name}" if s.physical else "dimensionless"
    yield f"* {what}: a unit of x is {s.voltage:.6g} V, of time {s.time:.6g} s, of W and 2 J2 "
    yield f"*   {s.conductance:.6g} S, of force {s.current:.6g} A; a cell has {s.capacitance:.6g} F"
    yield "* node x<i>: state of the netlist's cell i; y<i>: what it shows to others; u<i>: input i"
    for group in n.groups:
        first = "u" if n.cells.frozen[group.start] else "x"
        yield f"*   {' '.join(group.name.split())}: {first}{group.start} to {first}{group.stop - 1}"
    if p.options.source:
        yield f"* inputs: {' '.join(p.options.source.split())}"


def _noise(d: Drawn) -> Iterator[str]:
    p = d.plan
    ramp = "" if p.noise != "ramped" else f", at most {p.hottest:.6g}"
    yield f"* kT {p.kTs[0][0]:.6g}{ramp} in the netlist's unit of energy" + ("" if p.noise else ": no noise")
    if p.noise:
        yield (
            f"* noise: a sample every {p.step:.6g} s, joined by lines; its spread is larger by what "
            "that takes away"
        )
        if not p.tables:
            yield "* (ngspice draws TRNOISE's normals by its process number: setseed repeats no run)"
        engineered = d.engineered
        for name in sorted(set(d.names.values())):
            told = "ENGINEERED NOISE, not that of its own resistor" if name in engineered else "thermal"
            yield f"*   {name}: {told}"


def _couplings(p: Plan) -> Iterator[str]:
    w = p.wiring
    if w is None and p.netlist.n_couplings:
        yield "* couplings: ideal transconductances, without noise, load or range of their own"
    elif w is not None:
        reach = f", range {w.reach * p.scale.voltage:.4g} V" if np.isfinite(w.reach) else ""
        told = "those of elements between two cells in both" if w.shared is not None else "independent"
        yield f"* couplings: {w.name}{reach}; their noise currents, {told}, as one source a cell:"
        powers = np.diag(covariance(p))
        yield f"*   noise power at the end {min(powers):.4g} to {max(powers):.4g} times a cell's own"
        if w.load.any():
            yield "*   they load their cells (Gload)"


def _converters(p: Plan) -> Iterator[str]:
    for what, lines in (("inputs are", p.driver), ("read-outs are", p.reader)):
        if lines is not None:
            yield (
                f"* {what} the nearest of {lines.levels} levels from {lines.lo:.6g} to {lines.hi:.6g} "
                "units of x: ideal quantisers"
            )
    if p.scale.physical:
        yield (
            "* converters are exact and switches ideal"
            if p.driver is None and p.reader is None
            else "* switches are ideal"
        )
