"""`compare`: machines of every family on one table with digital designs, like for like."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from compiler.errors import ThermocError, UnsupportedError
from hw_models.crossbar import CrossbarDevice
from hw_models.device import Device
from hw_models.frozen import Frozen
from hw_models.interval import Interval
from hw_models.pbits import PBitDevice
from hw_models.presets import any_device
from thermo.data import Dataset
from thermo.energy.circuit import circuit_designs
from thermo.energy.gate_result import GateEstimate
from thermo.energy.inference import Estimate
from thermo.energy.ledger import Bill, Design, bill, check_rate, ratio
from thermo.energy.run import Priced, SpinEstimate, estimate, estimator_of
from thermo.energy.storage import WIRED_ONLY, check_storage, memories, nanometres, stored
from thermo.energy.tiles import TileEstimate
from thermo.options import check_taken
from thermo.progress import NullProgress, Progress

LIBRARIES = ("nangate45", "asap7")
"""Cell libraries that circuits are compared in unless others are named: one a node of memories."""

ANY = "not stated"  # node of a design that belongs to none: it stands beside those of each


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One design of the table.

    design : as stored; bare : before its parameters were; bill : its price at the table's rate
    given : whether it is one of the netlists asked about; node : of the column it stands in
    estimate : what it comes from, None for digital designs
    """

    design: Design
    bare: Design
    bill: Bill
    given: bool
    node: str
    estimate: Priced | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """Which design of a node is cheapest at the accuracy asked.

    others : the rest that are accurate enough, with their J over the cheapest one's, in rising order
    """

    node: str
    cheapest: Row
    others: tuple[tuple[Row, Interval], ...]

    @property
    def undecided(self) -> tuple[Row, ...]:
        """Those whose ratio may as well be below 1."""
        return tuple(row for row, over in self.others if over.spans(1.0))


@dataclass(frozen=True, eq=False)
class Comparison:
    """The table.

    accuracy : that a design must have to be called cheapest; asked : whether it was named
    left_out : why a design is not in the table, by its name
    """

    rows: tuple[Row, ...]
    data: str
    split: str
    rate: float | None
    storage: str
    accuracy: float
    asked: bool
    left_out: Mapping[str, str]

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """Those of the rows, the largest first; ANY where no row has one."""
        found = dict.fromkeys(row.node for row in self.rows if row.node != ANY)
        return tuple(sorted(found, key=nanometres, reverse=True)) or (ANY,)

    def enough(self, node: str) -> tuple[Row, ...]:
        """Rows of a node, and of none, of at least the accuracy, the cheapest first."""
        rows = (r for r in self.rows if r.node in (node, ANY) and r.design.accuracy is not None)
        good = [r for r in rows if (r.design.accuracy or 0.0) >= self.accuracy - 1e-12]
        return tuple(sorted(good, key=lambda row: row.bill.price.total))

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One a node that has a design of the accuracy."""
        found = []
        for node in self.nodes:
            if good := self.enough(node):
                first, *rest = good
                over = tuple((row, ratio(row.bill, first.bill)) for row in rest)
                found.append(Verdict(node, first, over))
        return tuple(found)

    @property
    def reference(self) -> Row | None:
        """The first of the netlists asked about that decides: what accuracies are compared with."""
        return next((r for r in self.rows if r.given and r.design.accuracy is not None), None)

    def difference(self, row: Row) -> tuple[float, float, bool] | None:
        """(accuracy less the reference's, its standard error, whether the two are paired).

        Paired where both say which samples they got right. None without an accuracy, and for the
        reference.
        """
        reference = self.reference
        if reference is None or row.design.accuracy is None or row.design is reference.design:
            return None
        ours, theirs = row.design.right, reference.design.right
        gap = row.design.accuracy - (reference.design.accuracy or 0.0)
        if ours is not None and theirs is not None and ours.shape == theirs.shape and ours.size > 1:
            each = ours.astype(float) - theirs.astype(float)
            return gap, float(each.std(ddof=1) / math.sqrt(each.size)), True
        sems = [row.design.accuracy_sem or 0.0, reference.design.accuracy_sem or 0.0]
        return gap, math.hypot(*sems), False


def compare(
    netlists: Mapping[str, Any] | Sequence[Any],
    dataset: Dataset,
    *,
    split: str = "test",
    rate: float | None = None,
    weights: str = "wired",
    accuracy: float | None = None,
    devices: Sequence[str | Path | Device | PBitDevice] = (),
    digital: Sequence[Design] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Comparison:
    """Put netlists of any kinds and digital designs on one table, at one rate and one storage of weights.

    netlists : by name, or in order
    rate : answers a second; None: one after the other without a pause
    weights : where parameters are kept, of hw_models.digital.STORAGES, on both sides
    accuracy : share that a design must reach to be called cheapest; by default that of the first netlist
        which decides
    devices : presets or files of analog machines, p-bits and tiles, each netlist on each that is for its kind
    digital : designs to compare with, () for none; by default those of
        thermo.energy.digital.digital_designs
    options : of thermo.energy.run.estimate, each passed to the kinds that take it

    Raises UnsupportedError for no netlist, an option that no netlist takes and what cannot be priced,
    HardwareError for an unknown preset, DataError where the data do not fit.
    """
    progress = progress or NullProgress()
    if accuracy is not None and not 0 < accuracy <= 1:
        raise UnsupportedError(
            f"the accuracy asked must be a share above 0, up to 1 (--accuracy: up to 100 %), got {accuracy:g}"
        )
    check_storage(weights)
    check_rate(rate)
    found = priced(netlists, dataset, split=split, devices=devices, progress=progress, **options)
    least = least_accuracy(found, accuracy)
    if digital is None:
        from thermo.energy.digital import digital_designs

        digital = digital_designs(dataset, split, least, progress)
    return tabulate(
        found, digital, data=dataset.name, split=split, rate=rate, weights=weights, accuracy=accuracy
    )


def priced(
    netlists: Mapping[str, Any] | Sequence[Any],
    dataset: Dataset,
    *,
    split: str = "test",
    devices: Sequence[str | Path | Device | PBitDevice] = (),
    progress: Progress | None = None,
    **options: Any,
) -> list[tuple[Design, Priced | None]]:
    """The netlists' designs with the estimates that they come from, for `tabulate`; see `compare`."""
    progress = progress or NullProgress()
    named = dict(netlists) if isinstance(netlists, Mapping) else _numbered(netlists)
    if not named:
        raise UnsupportedError("compare needs one netlist or more: give a .tnl file")
    _check_options(named, options)
    hardware = [any_device(d) if isinstance(d, str | Path) else d for d in devices]
    found: list[tuple[Design, Priced | None]] = []
    for name, netlist in named.items():
        found += _priced(name, netlist, dataset, split, hardware, options, progress)
    return found


def tabulate(
    given: Sequence[tuple[Design, Priced | None]],
    digital: Sequence[Design],
    *,
    data: str,
    split: str,
    rate: float | None = None,
    weights: str = "wired",
    accuracy: float | None = None,
) -> Comparison:
    """The table of designs that are there already; see `compare`.

    Raises UnsupportedError where nothing decides and no accuracy is asked.
    """
    entries = [(design, estimate_, True) for design, estimate_ in given]
    entries += [(design, None, False) for design in digital]
    nodes = sorted({d.node for d, _, _ in entries if d.node != ANY}, key=nanometres, reverse=True)
    rows, left_out = [], {}
    for design, estimate_, ours in entries:
        if weights != "wired" and design.parameters is None:
            left_out[design.name] = WIRED_ONLY
            continue
        # without a node of its own, a machine has memories of each node that the others have
        for node in [design.node] if design.node != ANY or weights == "wired" else nodes or [_MEMORY]:
            whole = stored(design, weights, memories(node))
            rows.append(Row(whole, design, bill(whole, rate), ours, node, estimate_))
    return Comparison(
        rows=tuple(rows),
        data=data,
        split=split,
        rate=rate,
        storage=weights,
        accuracy=least_accuracy(given, accuracy) or 0.0,
        asked=accuracy is not None,
        left_out=Frozen(left_out),
    )


_MEMORY = "45 nm"  # of machines without a node where nothing else has one


def _numbered(netlists: Sequence[Any]) -> dict[str, Any]:
    return {f"netlist {k + 1}": netlist for k, netlist in enumerate(netlists)}


def _check_options(netlists: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Raise UnsupportedError for an option that none of the netlists takes."""
    estimators = {e.kind: e for e in (estimator_of(n) for n in netlists.values())}
    for name in options:
        if not any(name in e.takes for e in estimators.values()):
            check_taken(next(iter(estimators)), name, name, {k: e.takes for k, e in estimators.items()})


def least_accuracy(found: Sequence[tuple[Design, Any]], accuracy: float | None = None) -> float | None:
    """That a design must reach: the accuracy asked, else that of the first netlist which decides."""
    if accuracy is not None:
        return accuracy
    return next((d.accuracy for d, _ in found if d.accuracy is not None), None)


def _priced(
    name: str,
    netlist: Any,
    dataset: Dataset,
    split: str,
    devices: Sequence[Device | PBitDevice | CrossbarDevice],
    options: Mapping[str, Any],
    progress: Progress,
) -> list[tuple[Design, Priced]]:
    """Designs of one netlist, with the estimate that they come from."""
    estimator = estimator_of(netlist)
    taken = {k: v for k, v in options.items() if k in estimator.takes}
    data = dataset if "split" in estimator.takes else None
    if data is not None:
        taken["split"] = split
    if estimator.dynamics == "gates":
        taken.setdefault("libraries", LIBRARIES)
        taken.setdefault("luts", False)
    fit = [d for d in devices if _kind(d) == estimator.dynamics]
    on: list[dict[str, Any]] = [{"device": d} for d in fit] or [{}]
    found: list[tuple[Design, Priced]] = []
    for device in on:
        try:
            got = estimate(netlist, data, baselines=(), progress=progress, **taken, **device)
        except ThermocError as error:
            raise type(error)(f"{name}: {error}") from error
        found += [(design, got) for design in designs_of(got, name)]
    return found


def _kind(device: Any) -> str:
    """The dynamics that a device is for."""
    if isinstance(device, CrossbarDevice):
        return "tiles"
    return "spins" if isinstance(device, PBitDevice) else "langevin"


def designs_of(got: Priced, name: str) -> tuple[Design, ...]:
    """The designs of an estimate of any kind, named after the netlist and its hardware."""
    if isinstance(got, GateEstimate):
        return circuit_designs(got, name)
    if isinstance(got, Estimate | TileEstimate):
        return (replace(got.design, name=f"{name}, {got.device.name}"),)
    assert isinstance(got, SpinEstimate)
    return (replace(got.design, name=f"{name}, {got.device.name}"),)
