"""Langevin dynamics: continuous and phase cells, step by step."""

from __future__ import annotations

from typing import Any

from compiler.ir.langevin import LangevinNetlist
from thermo.common_options import (
    AT,
    BACKEND,
    COUPLINGS,
    DEVICE,
    DEVICE_SEED,
    IMPERFECT,
    INPUT_BITS,
    KT,
    MAX_BYTES,
    METHOD,
    OBSERVE,
    OUTPUT_BITS,
    PROGRESS,
    RUNS,
    SEED,
    THREADS,
)
from thermo.options import Option, takes


class LangevinDynamics:
    """Every LangevinNetlist that no other dynamics handles; see thermo.simulate.langevin.run."""

    name = "langevin"
    kind = "an analog netlist"
    takes = takes(
        RUNS,
        KT,
        Option("dt", "--dt", float, None, "Time step in place of the netlist's."),
        METHOD,
        Option(
            "noise_bandwidth",
            "--noise-bandwidth",
            float,
            None,
            "Angular, of every cell's noise, in the netlist's inverse unit of time (none: white noise).",
        ),
        OBSERVE,
        DEVICE,
        AT,
        COUPLINGS,
        INPUT_BITS,
        OUTPUT_BITS,
        *(Option(name) for name in ("input_range", "output_range")),
        IMPERFECT,
        DEVICE_SEED,
        Option(
            "trajectory_every",
            "--trajectory-every",
            int,
            None,
            "With --save: keep states at every Nth step.",
            min=1,
        ),
        BACKEND,
        SEED,
        THREADS,
        PROGRESS,
        MAX_BYTES,
        *(Option(name) for name in ("targets", "cost", "first_trajectory", "x0", "v0", "heat")),
        *(Option(name) for name in ("heat_method", "keep_final", "bound")),
    )

    def handles(self, netlist: Any, method: str | None = None) -> bool:
        return isinstance(netlist, LangevinNetlist)

    def run(self, netlist: LangevinNetlist, data: Any = None, **options: Any) -> Any:
        from thermo.simulate.langevin.run import simulate_langevin  # numba takes a while to import

        return simulate_langevin(netlist, data, **options)
