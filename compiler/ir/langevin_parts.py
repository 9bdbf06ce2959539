"""A LangevinNetlist as the JSON header and arrays of a file, and back. Layout: docs/formats.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from compiler.ir.langevin import (
    Cells,
    CouplingKind,
    Couplings,
    Encoder,
    Group,
    LangevinNetlist,
    Phase,
    ReadOut,
)
from compiler.ir.lowered import NOTHING_DONE
from compiler.ir.problem_parts import Parts, lowered_of, lowered_parts, problem_of, problem_parts
from compiler.ir.version1 import from_meta


def langevin_parts(netlist: LangevinNetlist) -> Parts:
    """(JSON-able header, arrays by name) of a netlist."""
    arrays = {f"cells.{name}": column for name, column in netlist.cells.columns().items()}
    groups = []
    for c in netlist.couplings:
        name = CouplingKind(c.kind).name.lower()
        groups.append({"kind": name, "tied": c.tie is not None})
        for column in ("indptr", "indices", "weight", "tie"):
            if (value := getattr(c, column)) is not None:
                arrays[f"couplings.{name}.{column}"] = value
    body: dict[str, Any] = {
        "n_cells": netlist.n_cells,
        "couplings": groups,
        "kT": float(netlist.kT),
        "mobility": float(netlist.mobility),
        "dt": float(netlist.dt),
        "schedule": [_phase_to_json(p) for p in netlist.schedule],
        "groups": [[g.name, int(g.start), int(g.stop)] for g in netlist.groups],
        "readout": None,
        "encoder": netlist.encoder is not None,
        "noise": netlist.noise is not None,
        "problem": None,
        "meta": dict(netlist.meta),
    }
    if netlist.problem is not None:
        body["problem"], columns = problem_parts(netlist.problem)
        arrays |= columns
    body["lowered"], columns = lowered_parts(netlist.lowered)
    arrays |= columns
    if netlist.encoder is not None:
        arrays["encoder.shift"] = netlist.encoder.shift
        arrays["encoder.scale"] = netlist.encoder.scale
    if (r := netlist.readout) is not None:
        body["readout"] = {
            "phase": r.phase,
            "window": float(r.window),
            "shown": bool(r.shown),
            "decision": r.decision,
            "labels": list(r.labels),
        }
        for column in ("cells", "scale", "offset"):
            if (value := getattr(r, column)) is not None:
                arrays[f"readout.{column}"] = value
    if netlist.noise is not None:
        arrays["noise"] = netlist.noise
    return body, arrays


def _phase_to_json(p: Phase) -> dict[str, Any]:
    plain = asdict(p)
    for name in ("duration", "input_scale", "stiffness", "nudge"):
        plain[name] = float(plain[name])
    for name in ("coupling_scale", "kT"):
        plain[name] = plain[name] and [float(v) for v in plain[name]]
    plain["clamped"] = list(p.clamped)
    return plain


def _phase_from_json(plain: dict[str, Any]) -> Phase:
    plain = dict(plain)
    plain["coupling_scale"] = tuple(plain["coupling_scale"])
    plain["kT"] = None if plain["kT"] is None else tuple(plain["kT"])
    plain["clamped"] = tuple(plain["clamped"])
    return Phase(**plain)


def _cells(arrays: Mapping[str, np.ndarray]) -> Cells:
    names = [f.name for f in fields(Cells) if f.name != "identity"]
    return Cells(**{name: arrays[f"cells.{name}"] for name in names}, identity=arrays.get("cells.identity"))


def langevin_of(version: int, body: dict[str, Any], arrays: dict[str, np.ndarray]) -> LangevinNetlist:
    """The netlist of a header and arrays of kind version 1 or 2; KeyError and the like for what is
    missing.
    """
    couplings = []
    for group in body["couplings"]:
        name = group["kind"]
        prefix = f"couplings.{name}"
        couplings.append(
            Couplings(
                CouplingKind[name.upper()],
                indptr=arrays[f"{prefix}.indptr"],
                indices=arrays[f"{prefix}.indices"],
                weight=arrays[f"{prefix}.weight"],
                tie=arrays[f"{prefix}.tie"] if group["tied"] else None,
            )
        )
    readout = encoder = None
    if (r := body["readout"]) is not None:
        readout = ReadOut(
            cells=arrays["readout.cells"],
            phase=r["phase"],
            window=r["window"],
            shown=r["shown"],
            decision=r["decision"],
            scale=arrays.get("readout.scale"),
            offset=arrays.get("readout.offset"),
            labels=tuple(r["labels"]),
        )
    if body["encoder"]:
        encoder = Encoder(arrays["encoder.shift"], arrays["encoder.scale"])
    netlist = LangevinNetlist(
        cells=_cells(arrays),
        couplings=tuple(couplings),
        kT=body["kT"],
        mobility=body["mobility"],
        schedule=tuple(_phase_from_json(p) for p in body["schedule"]),
        groups=tuple(Group(*g) for g in body["groups"]),
        readout=readout,
        encoder=encoder,
        noise=arrays["noise"] if body["noise"] else None,
        dt=body["dt"],
        problem=None if body.get("problem") is None else problem_of(body["problem"], arrays),
        lowered=lowered_of(body["lowered"], arrays) if version > 1 else NOTHING_DONE,
        meta=body["meta"],
    )
    return from_meta(netlist) if version == 1 else netlist
