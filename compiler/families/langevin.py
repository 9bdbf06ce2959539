"""LangevinMachine: the trained machine's parameters, as training makes them and files hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.layered import encoder_of
from compiler.families.registry import Family, common_fields
from compiler.html import fields_html
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.langevin import Cells, CouplingKind, Couplings, Group, LangevinNetlist, Phase, ReadOut, Role


def langevin_cells(n: int, n_in: int) -> tuple[np.ndarray, np.ndarray]:
    """Cell numbers, in the netlist that a machine is lowered to, of n_in inputs and n dynamic cells.
    Devices are drawn for these numbers, in training as in simulation (hw_models.imperfect).
    """
    return np.arange(n_in), np.arange(n_in, n_in + n)


@dataclass(frozen=True, slots=True, eq=False)
class LangevinMachine:
    """Fully coupled hidden and output cells driven by frozen inputs (Whitelam, arXiv 2509.15324).

    dx = mobility (-2 J2 x - 3 J3 x^2 - 4 J4 x^3 + bias + w_in u + coupling x) dt
         + sqrt(2 mobility kT) dW,      u = (data - input_shift) * input_scale

    Dynamic cells are the hidden ones, then the outputs; n = n_hidden + n_out.

    w_in : (n, n_in); coupling : (n, n), zero diagonal, directed (row is driven); bias : (n,)
    j2, j3, j4 : (n,), self-energy; x0 : (n,), start
    readout_scale, readout_offset : (n_out,); answers = readout_scale * x_out(t_f) + readout_offset
    head : "classification" (label of the largest answer) or "regression" (the answers)
    training_readout_scale : by which a classifier's training multiplies x_out; training goes on
        with it, answers do not need it
    """

    w_in: np.ndarray
    coupling: np.ndarray
    bias: np.ndarray
    j2: np.ndarray
    j3: np.ndarray
    j4: np.ndarray
    x0: np.ndarray
    n_out: int
    input_shift: np.ndarray
    input_scale: np.ndarray
    readout_scale: np.ndarray
    readout_offset: np.ndarray
    kT: float = 1.0
    mobility: float = 1.0
    t_f: float = 0.2
    dt: float = 1e-3
    head: str = "classification"
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=Facts)
    training_readout_scale: float = 1.0

    _repr_html_ = fields_html

    @property
    def n_cells(self) -> int:
        """Number of dynamic cells."""
        return self.w_in.shape[0]

    @property
    def n_hidden(self) -> int:
        return self.n_cells - self.n_out

    @property
    def n_inputs(self) -> int:
        return self.w_in.shape[1]

    def __repr__(self) -> str:
        return (
            f"LangevinMachine({self.n_inputs}-{self.n_hidden}-{self.n_out}, kT {self.kT:g}, t_f {self.t_f:g})"
        )

    def __post_init__(self) -> None:
        freeze_meta(self)
        n, n_in = self.w_in.shape
        shapes = {
            "coupling": (n, n),
            "bias": (n,),
            "j2": (n,),
            "j3": (n,),
            "j4": (n,),
            "x0": (n,),
            "readout_scale": (self.n_out,),
            "readout_offset": (self.n_out,),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise NetlistError(
                    f"machine: {name} must have shape {shape}, got {getattr(self, name).shape}"
                )
        for name in ("input_shift", "input_scale"):
            if getattr(self, name).shape not in ((1,), (n_in,)):
                raise NetlistError(
                    f"machine: {name} must have 1 or {n_in} values, got shape {getattr(self, name).shape}"
                )
        if np.any(np.diagonal(self.coupling)):
            i = int(np.flatnonzero(np.diagonal(self.coupling))[0])
            raise NetlistError(
                f"machine: cell {i} couples to itself ({self.coupling[i, i]:g}); "
                "a self-coupling belongs into j2"
            )
        if self.head not in ("classification", "regression"):
            raise NetlistError(f"machine: head must be classification or regression, got {self.head!r}")


ARRAYS = (
    "w_in",
    "coupling",
    "bias",
    "j2",
    "j3",
    "j4",
    "x0",
    "input_shift",
    "input_scale",
    "readout_scale",
    "readout_offset",
)
FACTS = ("n_out", "kT", "mobility", "t_f", "dt", "head")  # and training_readout_scale


def parts(model: LangevinMachine) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    facts = {name: getattr(model, name) for name in (*FACTS, "training_readout_scale")}
    return facts, {name: getattr(model, name) for name in ARRAYS}


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> LangevinMachine:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    given: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
    given |= {name: document[name] for name in FACTS}
    common = common_fields(document)
    meta = dict(common.pop("meta"))
    scale = meta.pop("training_readout_scale", 1.0)  # where files of version 1 have it
    scale = float(document.get("training_readout_scale", scale))
    return LangevinMachine(**given, **common, meta=meta, training_readout_scale=scale)


def lower_langevin(machine: LangevinMachine) -> LangevinNetlist:
    """Cells are the inputs (frozen), the hidden ones, the outputs; groups input, hidden, output.

    One phase `relax` of t_f, read at its end. A classifier whose read-out scale and offset are the
    same for all outputs has bare states as answers, since these change no decision.
    """
    n_in, n = machine.n_inputs, machine.n_inputs + machine.n_cells
    weights = np.concatenate([machine.w_in, machine.coupling], axis=1)
    i, j = np.nonzero(weights)
    inputs, dynamic = langevin_cells(machine.n_cells, n_in)
    known = np.concatenate([inputs, dynamic])
    role = np.full(n, Role.DYNAMIC)
    role[:n_in] = Role.INPUT
    role[n - machine.n_out :] = Role.OUTPUT

    def column(values: np.ndarray) -> np.ndarray:
        return np.concatenate([np.zeros(n_in), values])

    scale, offset = machine.readout_scale, machine.readout_offset
    # one positive factor for all outputs changes no decision: leave the states bare
    plain = machine.head == "classification" and np.ptp(scale) == 0 and np.ptp(offset) == 0 and scale[0] > 0
    groups = [Group("input", 0, n_in)] if n_in else []
    if machine.n_hidden:
        groups.append(Group("hidden", n_in, n - machine.n_out))
    groups.append(Group("output", n - machine.n_out, n))
    return LangevinNetlist(
        cells=Cells.make(
            n,
            j2=column(machine.j2),
            j3=column(machine.j3),
            j4=column(machine.j4),
            h=column(machine.bias),
            x0=column(machine.x0),
            role=role,
        ),
        couplings=(Couplings.from_coo(CouplingKind.LINEAR, n, dynamic[i], known[j], weights[i, j]),),
        kT=float(machine.kT),
        mobility=float(machine.mobility),
        schedule=(Phase("relax", float(machine.t_f)),),
        groups=tuple(groups),
        readout=ReadOut(
            cells=np.arange(n - machine.n_out, n, dtype=np.int32),
            phase="relax",
            decision="argmax" if machine.head == "classification" else "value",
            scale=None if plain else np.diag(scale).astype(np.float64),
            offset=None if plain else np.asarray(offset, dtype=np.float64),
            labels=tuple(machine.labels),
        ),
        encoder=encoder_of(machine),
        dt=float(machine.dt),
        meta={**machine.meta, "source": "langevin machine"},
    )


FAMILY = Family("langevin", LangevinMachine, "a Langevin machine", parts, build, lower_langevin)
