"""Circuits of gates: bits in, bits and class sums out."""

from __future__ import annotations

from typing import Any

from compiler.circuits.from_tables import circuit_of
from compiler.ir.cells import CellNetlist
from compiler.ir.gates import GateNetlist
from compiler.ir.luts import LutNetlist
from thermo.common_options import PROGRESS, SEED, THREADS
from thermo.options import Option, takes
from thermo.simulate.errors import SimulationError


def _faults(**parts: float) -> Any:
    from thermo.simulate.gates.faults import Faults

    return Faults(**parts)


class GateDynamics:
    """Circuits of gates, of tables and of a library's cells, as the gates they compute."""

    name = "gates"
    kind = "a circuit of gates"
    takes = takes(
        Option("toggles", "--toggles", bool, False, "Circuits: count how often each gate switches."),
        Option(
            "faults",
            build=_faults,
            parts=(
                Option("flip", "--flip", float, 0.0, "Circuits: probability that a gate errs in a sample."),
                Option("stuck_at", "--stuck", float, 0.0, "Circuits: share of gates stuck at 0 or 1."),
            ),
        ),
        SEED,
        THREADS,
        PROGRESS,
        Option("bits"),
        Option("batch"),
    )

    def handles(self, netlist: Any, method: str | None = None) -> bool:
        return isinstance(netlist, GateNetlist | LutNetlist | CellNetlist)

    def run(self, netlist: GateNetlist | LutNetlist | CellNetlist, data: Any = None, **options: Any) -> Any:
        from thermo.simulate.gates.run import simulate_gates

        if data is None and options.get("bits") is None:
            raise SimulationError(
                "a circuit of gates answers samples: give data for its encoder, or bits (--data on "
                "the command line; `thermoc data` lists the sets)"
            )
        return simulate_gates(circuit_of(netlist), data, **options)
