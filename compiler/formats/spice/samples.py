"""Noise that is no source of a cell's own: tables, a netlist's matrix, elements between two cells."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from compiler.formats.spice.drawn import Drawn
from compiler.formats.spice.noise import interpolation_loss, spread
from compiler.formats.spice.plan import Plan
from compiler.formats.spice.powers import cell_power, cell_spread, excess, rate_of, source
from compiler.formats.spice.signals import LINE, number


def noise_lines(d: Drawn) -> Iterator[str]:
    yield from _tables(d)
    yield from _matrix(d)
    yield from _shared(d)


def _samples(p: Plan, node: int, spread: float) -> Iterator[str]:
    """Lines of a table of noise samples: those of seed and node."""
    count = math.ceil(p.at[-1] / p.step * (1 - 1e-9)) + 1
    values = spread * np.random.default_rng((p.options.seed, node)).standard_normal(count)
    for k in range(0, count, LINE):
        pairs = enumerate(values[k : k + LINE].tolist(), k)
        yield "+ " + " ".join(f"{number(j * p.step)} {number(v)}" for j, v in pairs)


def _tables(d: Drawn) -> Iterator[str]:
    """Noise of every cell as a table, where TRNOISE is not wanted."""
    p = d.plan
    if not p.tables or p.noise not in ("fixed", "ramped"):
        return
    yield f"* noise samples, A, of seed {p.options.seed}"
    for i in d.circuits:
        gated, w = p.gating(i, "excess"), p.wiring
        if p.noise == "fixed" and gated != "gated":
            yield f"In{i} 0 {d.into(i)} PWL("
            yield from _samples(p, i, cell_spread(p, i) * math.sqrt(source(p, i) + excess(p, i)))
        else:
            factors = ["V(rootkt)"] if p.noise == "ramped" else []
            if gated and w is not None:
                among, on = w.excess[:, i].tolist()
                more = (
                    f"{number(among)}*V(among)+{number(on)}*V(on)"
                    if gated == "gated"
                    else number(excess(p, i))
                )
                factors.append(f"sqrt({number(source(p, i))}+{more})")
            elif source(p, i) != 1.0:
                factors.append(number(math.sqrt(source(p, i))))
            yield f"Bn{i} 0 {d.into(i)} I={'*'.join([*factors, f'V(n{i})'])}"
            yield f"Vn{i} n{i} 0 PWL("
            yield from _samples(p, i, cell_spread(p, i))
        yield "+ )"


def _matrix(d: Drawn) -> Iterator[str]:
    """Noise of covariance 2 kT D: sources of unit power, mixed by a factor of D."""
    p, n = d.plan, d.plan.netlist
    if p.noise != "matrix":
        return
    assert n.noise is not None
    values, vectors = np.linalg.eigh(n.noise[np.ix_(p.dynamic, p.dynamic)])
    factor = vectors * np.sqrt(np.maximum(values, 0.0))
    keep = np.abs(factor) > 1e-12 * np.abs(factor).max()
    yield "* noise matrix: sources of unit power, mixed"
    for k in np.flatnonzero(keep.any(axis=0)).tolist():
        rms = float(spread(2.0 * p.hottest / n.mobility**2, p.step, 0.0))
        if p.tables:
            yield from (f"Vn{k} n{k} 0 PWL(", *_samples(p, k, rms), "+ )")
        else:
            yield f"Vn{k} n{k} 0 TRNOISE({number(rms)} {number(p.step)} 0 0)"
        for i in np.flatnonzero(keep[:, k]).tolist():
            cell = int(p.dynamic[i])
            yield f"Gn{cell}_{k} 0 {d.into(cell)} n{k} 0 {number(float(factor[i, k]))}"


def _shared(d: Drawn) -> Iterator[str]:
    """Noise of elements between two cells: sources of their own, mixed into the cells."""
    p, w = d.plan, d.plan.wiring
    if w is None or w.shared is None or not p.noise:
        return
    unit = p.scale.voltage
    size = math.sqrt(cell_power(p) / p.step) / unit
    factors = ["V(rootkt)"] * (p.noise == "ramped") + ["sqrt(V(among))"] * (not w.steady)
    if w.steady:
        size *= math.sqrt(w.among[-1][1])
    yield "* noise of elements between two cells: out of one, into the other"
    for k, column in enumerate(_columns(w.shared)):
        node = f"e{k}" if not factors else f"ee{k}"
        if p.tables:
            yield from (f"V{node} {node} 0 PWL(", *_samples(p, len(p.netlist.cells) + k, unit), "+ )")
        else:
            yield f"V{node} {node} 0 TRNOISE({number(unit)} {number(p.step)} 0 0)"
        if factors:
            yield f"Be{k} e{k} 0 V={'*'.join([*factors, f'V({node})'])}"
        for row, value in column:
            cell = int(p.dynamic[row])
            lost = float(interpolation_loss(max(rate_of(p, cell), 0.0) * p.step))
            yield f"Ge{cell}_{k} 0 {d.into(cell)} e{k} 0 {number(value * size / math.sqrt(lost))}"


def _columns(mixing: Any) -> list[list[tuple[int, float]]]:
    """(row, value) of what is not 0 in each column of an array or a sparse matrix."""
    if isinstance(mixing, np.ndarray):
        kept = np.abs(mixing) > 1e-12 * np.abs(mixing).max()
        rows = [np.flatnonzero(column) for column in kept.T]
        return [[(int(i), float(mixing[i, k])) for i in found] for k, found in enumerate(rows)]
    columns = mixing.tocsc()
    spans = zip(columns.indptr[:-1].tolist(), columns.indptr[1:].tolist(), strict=True)
    return [
        list(zip(columns.indices[a:b].tolist(), columns.data[a:b].tolist(), strict=True)) for a, b in spans
    ]
