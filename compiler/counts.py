"""What a Langevin netlist consists of, in numbers."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from compiler.ir.langevin import Cells, CouplingKind, LangevinNetlist, Role
from compiler.ir.symmetry import antisymmetric_fraction, is_gradient, is_symmetric
from compiler.passes.langevin import largest_coupling


def counts(netlist: LangevinNetlist) -> dict[str, Any]:
    """JSON-able counts.

    cells : by role (`output` cells are dynamic, too, but not counted as `dynamic`)
    couplings : by kind, and `from_inputs`, `total`; parameters : independent weights (ties once)
    degree_max, degree_mean : couplings into a dynamic cell
    largest_coupling : |W|; symmetric : W_ij = W_ji among dynamic cells in every group
    antisymmetric_fraction : of the linear couplings among dynamic cells, see ir.symmetry
    gradient : whether the force is the gradient of a potential
    duration : time units of the whole schedule; bytes : of all columns in memory
    """
    cells = netlist.cells
    frozen = cells.frozen
    degree = np.zeros(netlist.n_cells, dtype=np.int64)
    for c in netlist.couplings:
        degree += np.diff(c.indptr)
    driven = degree[~frozen]
    linear = [c for c in netlist.couplings if c.kind == CouplingKind.LINEAR]
    return {
        "cells": {
            "input": int(frozen.sum()),
            "dynamic": int((cells.role == Role.DYNAMIC).sum()),
            "output": int((cells.role == Role.OUTPUT).sum()),
            "total": netlist.n_cells,
        },
        "couplings": {
            **{CouplingKind(c.kind).name.lower(): len(c) for c in netlist.couplings},
            "from_inputs": int(sum(frozen[c.indices].sum() for c in netlist.couplings)),
            "total": netlist.n_couplings,
        },
        "parameters": int(sum(c.weight.size for c in netlist.couplings)),
        "degree_max": int(driven.max(initial=0)),
        "degree_mean": float(driven.mean()) if driven.size else 0.0,
        "largest_coupling": largest_coupling(netlist),
        "symmetric": all(is_symmetric(c, ignore=frozen) for c in netlist.couplings),
        "antisymmetric_fraction": (
            antisymmetric_fraction(linear[0], ignore=frozen) if linear else 0.0
        ),
        "gradient": is_gradient(netlist),
        "duration": float(sum(p.duration for p in netlist.schedule)),
        "bytes": _bytes(netlist),
    }


def _bytes(netlist: LangevinNetlist) -> int:
    columns = [getattr(netlist.cells, f.name) for f in fields(Cells)]
    for c in netlist.couplings:
        columns += [c.indptr, c.indices, c.weight] + ([] if c.tie is None else [c.tie])
    if netlist.noise is not None:
        columns.append(netlist.noise)
    return sum(column.nbytes for column in columns)
