"""Circuits as designs: what a library's cells were found to cost, and how far its tables may be off."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hw_models.cells import CellLibrary
from hw_models.interval import Interval
from hw_models.source import Quantity, Source
from thermo.energy.gate_result import GateEstimate, Glitches, LibraryEstimate, MappedFigures
from thermo.energy.ledger import Design, Price, occupied
from thermo.energy.registers import Registers
from thermo.energy.storage import like_for_like


def circuit_designs(estimate: GateEstimate, name: str = "circuit of gates") -> tuple[Design, ...]:
    """One design a library, in their order."""
    return tuple(
        circuit_design(
            entry,
            f"{name}, {entry.library.name}",
            accuracy=estimate.accuracy,
            accuracy_sem=estimate.accuracy_sem,
            n_samples=estimate.n_samples,
            split=estimate.split,
            right=estimate.right,
        )
        for entry in estimate.libraries
    )


def circuit_advantage(estimate: GateEstimate) -> dict[str, Interval]:
    """Joules of the cheapest digital design with wired weights over the circuit's, by library."""
    found = {}
    for entry, design in zip(estimate.libraries, circuit_designs(estimate), strict=True):
        digital = estimate.cheapest_at(entry.library.node)
        if digital is None:
            continue
        if over := like_for_like(design, digital.design(estimate.n_samples, estimate.split)):
            found[entry.library.name] = over["wired"]
    return found


def library_figures(library: CellLibrary) -> dict[str, Quantity]:
    """By what factor a library's cells may differ from its tables, all cells together: they were
    characterised together, so that errors do not average out.
    """
    typical = f"{library.source.ref} at its typical corner; corners and temperature move leakage so far"
    figures = {
        f"{library.name} energy a toggle, of the tables'": Quantity(1.0, "", library.source),
        f"{library.name} delay, of the tables'": Quantity(1.0, "", library.source),
        f"{library.name} leakage, of the tables'": Quantity(1.0, "", Source("assumed", typical)),
        f"{library.name} glitches: 0 none, 1 library delays, 2 unit delay": Quantity(
            1.0, "", Source("assumed", "see thermo.simulate.gates.glitches"), 0.0, 2.0
        ),
    }
    if library.flipflop is not None:
        tree = Source("assumed", "wires and buffers of the clock hold as much charge as its pins")
        figures |= {
            f"{library.name} flip-flop, of its figures": Quantity(1.0, "", library.flipflop.source),
            f"{library.name} clock tree, of its pins": Quantity(1.0, "", tree),
        }
    return figures


def settled(design: Design, rate: float | None = None) -> float | None:
    """J of an answer of a circuit without a single glitch; None of what is no circuit."""
    models = [name for name in design.figures if " glitches: 0 none" in name]
    return design.price({**design.likely, **dict.fromkeys(models, 0.0)}, rate).total if models else None


def glitched(seen: Glitches, model: float) -> float:
    """Joules of a circuit's transitions over those of its settled values, between the delay models.

    model : 0 nothing but settled values, 1 the library's delays, 2 unit delay, linear between them
    """
    models = (1.0, seen.library_factor, max(seen.library_factor, seen.unit_factor))
    return float(np.interp(model, (0.0, 1.0, 2.0), models))


def _switching(part: MappedFigures, model: float) -> float:
    """J of a circuit's cells and of the pins that its inputs drive."""
    return part.energy.dynamic * glitched(part.glitches, model) + part.energy.input_pins


def _held(held: Registers | None) -> tuple[float, float]:
    """(W, um2) of registers."""
    return (0.0, 0.0) if held is None else (held.leakage_W, held.area_um2)


def circuit_design(
    entry: LibraryEstimate,
    name: str,
    *,
    accuracy: float | None,
    accuracy_sem: float | None,
    n_samples: int,
    split: str,
    right: np.ndarray | None,
    family: str = "circuit",
) -> Design:
    """The design of a circuit in one library; the fields of Design as they were measured."""
    library, gates, whole = entry.library, entry.gates.energy, entry.whole
    encoder, held = entry.encoder, whole.registers
    figures = library_figures(library)
    energy, delay, leakage, model, *clocked = figures
    static = whole.leakage_W + (0.0 if encoder is None else encoder.leakage_W)
    area = whole.area_um2 + (0.0 if encoder is None else encoder.area_um2)
    static, area = (x + y for x, y in zip((static, area), _held(held), strict=True))
    clock = whole.latency_s if whole.latency_s > whole.delay_s else 0.0
    slowest = max(whole.delay_s, 0.0 if encoder is None else encoder.delay_s)
    slowest += 0.0 if held is None else held.delay_s

    def price(values: Mapping[str, float], rate: float | None) -> Price:
        seconds = max(clock, slowest * values[delay])
        switching = _switching(whole, values[model])
        bare = gates.dynamic * glitched(entry.gates.glitches, values[model]) + gates.input_pins
        bare = min(bare, switching)  # mapped with the head the whole may be cheaper than the gates alone
        joules = {"physics": bare * values[energy], "head": (switching - bare) * values[energy]}
        if encoder is not None:
            joules["encoder"] = _switching(encoder, values[model]) * values[energy]
        if held is not None:
            flipflop, tree = (values[name] for name in clocked)
            joules["clock"] = (held.data_J + held.clock_J) * flipflop + held.tree_J * tree
        joules["leakage"] = static * values[leakage] * occupied(seconds, rate)
        return Price(joules, seconds, area * 1e-12)

    return Design(
        name=name,
        family=family,
        accuracy=accuracy,
        accuracy_sem=accuracy_sem,
        n_samples=n_samples,
        split=split,
        node=library.node,
        voltage=library.voltage.value,
        figures=figures,
        price=price,
        right=right,
    )
