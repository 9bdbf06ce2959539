"""Circuits as designs: what a library's cells were found to cost, and how far its tables may be off."""

from __future__ import annotations

from collections.abc import Mapping

from hw_models.cells import CellLibrary
from hw_models.source import Quantity, Source
from thermo.energy.gate_result import GateEstimate, LibraryEstimate
from thermo.energy.ledger import Design, Price, occupied


def circuit_designs(estimate: GateEstimate, name: str = "circuit of gates") -> tuple[Design, ...]:
    """One design a library, in their order."""
    return tuple(_design(estimate, entry, f"{name}, {entry.library.name}") for entry in estimate.libraries)


def library_figures(library: CellLibrary) -> dict[str, Quantity]:
    """By what factor a library's cells may differ from its tables, all cells together: they were
    characterised together, so that errors do not average out.
    """
    typical = f"{library.source.ref} at its typical corner; corners and temperature move leakage so far"
    return {
        f"{library.name} energy a toggle, of the tables'": Quantity(1.0, "", library.source),
        f"{library.name} delay, of the tables'": Quantity(1.0, "", library.source),
        f"{library.name} leakage, of the tables'": Quantity(1.0, "", Source("assumed", typical)),
    }


def _design(estimate: GateEstimate, entry: LibraryEstimate, name: str) -> Design:
    library, whole = entry.library, entry.whole
    figures = library_figures(library)
    energy, delay, leakage = figures
    switching = whole.energy.dynamic + whole.energy.input_pins
    bare = entry.gates.energy.dynamic + entry.gates.energy.input_pins
    # the head is mapped together with the gates, which may make the whole cheaper than the gates alone
    head = max(0.0, switching - bare)

    clock = whole.latency_s if whole.latency_s > whole.delay_s else 0.0

    def price(values: Mapping[str, float], rate: float | None) -> Price:
        seconds = max(clock, whole.delay_s * values[delay])
        joules = {"physics": (switching - head) * values[energy], "head": head * values[energy]}
        joules["leakage"] = whole.leakage_W * values[leakage] * occupied(seconds, rate)
        return Price(joules, seconds, whole.area_um2 * 1e-12)

    return Design(
        name=name,
        family="circuit",
        accuracy=estimate.accuracy,
        accuracy_sem=estimate.accuracy_sem,
        n_samples=estimate.n_samples,
        split=estimate.split,
        node=library.node,
        voltage=library.voltage.value,
        figures=figures,
        price=price,
        right=estimate.right,
    )
