"""`thermoc train eqprop --diagnose`: how good the gradients are that training would go on with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from compiler.families.conv_hopfield import ConvHopfieldNetwork
from compiler.families.hopfield import HopfieldNetwork
from compiler.files import replacing
from thermo.cli.console import notes
from thermo.data import Dataset
from thermo.gradients.diagnose import Diagnosis, LayerQuality, diagnose
from thermo.gradients.errors import EqpropError
from thermo.gradients.estimators import ESTIMATORS
from thermo.report.figures import diagnosis_errors, save_png
from thermo.report.page import Table

DIAGNOSED = 32
UNROLLED = 8  # samples of convolutions, whose matrices are large
MOST = 4000
CIRCULAR = ("holomorphic", "generalised-cauchy")


def check_diagnosable(sizes: Sequence[int]) -> None:
    """EqpropError where float64 matrices of all units, inputs left out, would be too large."""
    units = sum(sizes[1:])
    if units > MOST:
        raise EqpropError(
            f"--diagnose: its float64 reference holds a matrix of all {units} units, the most is "
            f"{MOST}: leave it out, or take fewer --channels or --hidden"
        )


def diagnosed(
    network: HopfieldNetwork | ConvHopfieldNetwork,
    dataset: Dataset,
    out: Path,
    estimator: str,
    beta: float,
    *,
    points: int = 4,
    scale: float = 1.0,
) -> Diagnosis:
    """Diagnose on validation samples and write a figure beside the model `out`; see `diagnose`."""
    n = UNROLLED if isinstance(network, ConvHopfieldNetwork) else DIAGNOSED
    x, y = dataset.x_valid[:n], np.eye(dataset.n_classes)[dataset.y_valid[:n]]
    if estimator not in ESTIMATORS:  # it needs no nudge: say what one would find
        estimator, beta = "centred", float("nan")
    notes.print(f"diagnosing on {n} validation samples", markup=False)
    found = diagnose(network, x, y, estimator=estimator, points=points, beta=beta, scale=scale)
    figure = out.with_name(out.stem + "-diagnosis.png")
    with replacing(figure) as beside:
        save_png(diagnosis_errors(found), str(beside))
    notes.print(f"figure: {figure}", markup=False)
    if found.unsettled:
        notes.print(f"diagnosis: {found.unsettled}", markup=False)
    return found


def diagnosis_table(found: Diagnosis) -> Table:
    """Relative error and cosine of every layer over beta."""
    betas = sorted({r.beta for r in found.layers})
    lost = {b for b in betas if all(np.isnan(r.error) for r in found.layers if r.beta == b)}
    rows = []
    for layer in dict.fromkeys(r.layer for r in found.layers):
        some = {r.beta: r for r in found.layers if r.layer == layer}
        rows.append((layer, *(_cell(some[b], b in lost) for b in betas)))
    points = f", N = {found.points}," if found.estimator in CIRCULAR else ""
    return Table(
        ("layer", *(f"β = {b:g}" for b in betas)),
        tuple(rows),
        tuple(range(1, len(betas) + 1)),
        f"{found.estimator}{points} estimate against implicit differentiation, {found.samples} "
        f"validation samples: relative error (cosine). Jacobian {found.angle:.1f}° from its "
        f"transpose, largest residual {found.residual:.1e}, {100 * found.free_units:.0f} % of "
        f"units off their walls; {found.verdict}",
    )


def _cell(row: LayerQuality, lost: bool) -> str:
    if lost:
        return "no rest"
    return "-" if np.isnan(row.error) else f"{row.error:.1e} ({row.cosine:.4f})"
