"""p-bits: sweeps of single cells through the schedule, or at a ladder of temperatures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compiler.ir.langevin import CellKind, LangevinNetlist
from hw_models.imperfect import Imperfections, on_device
from hw_models.presets import pbits_of
from thermo.common_options import (
    AT,
    BACKEND,
    DEVICE,
    DEVICE_SEED,
    IMPERFECT,
    KT,
    MAX_BYTES,
    METHOD,
    PROGRESS,
    SEED,
    THREADS,
)
from thermo.options import Option, takes
from thermo.simulate.errors import SimulationError

if TYPE_CHECKING:
    from thermo.simulate.spins.result import SpinResult
    from thermo.simulate.spins.temper import TemperResult

CHAINS = 8  # of an annealing run
SAMPLING_CHAINS = 32
SETS = 4  # ladders
LOOKS = 200  # at a sampling run
LADDER = ("swap_every", "tune", "burn_in")
ANNEALING = ("target", "looks", "first_chain")


def is_spins(netlist: Any) -> bool:
    """Whether any cell of it is a p-bit."""
    return isinstance(netlist, LangevinNetlist) and bool((netlist.cells.kind == CellKind.PBIT).any())


def is_lowered(netlist: LangevinNetlist) -> bool:
    """Whether the netlist was made from an Ising model and keeps it in its notes."""
    return netlist.lowered.logical is not None


def is_sampling(netlist: LangevinNetlist, kT: float | None = None, sweeps: int | None = None) -> bool:
    """Whether the last phase ramps nothing: its states are samples, not steps on the way down."""
    from thermo.simulate.spins.plan import plan_spins

    return not plan_spins(netlist, kT=kT, sweeps=sweeps)[-1].ramped


def _clock(path: Path) -> Any:
    """The clock of a saved run; SimulationError for a file without one."""
    try:
        with np.load(path) as file:
            return file["clock"]
    except (OSError, ValueError, KeyError):
        raise SimulationError(
            f"--clock {path}: holds no clock; give a file that `simulate --seconds S --save FILE` wrote"
        ) from None


class SpinDynamics:
    """Netlists with p-bits; see thermo.simulate.spins.run and, with `tempering`, .temper."""

    name = "spins"
    kind = "p-bits"
    takes = takes(
        Option("chains", "--chains", int, None, "p-bits: independent chains or ladders.", min=1),
        Option("sweeps", "--sweeps", int, None, "p-bits: length in place of the schedule's.", min=1),
        Option(
            "clock",
            "--clock",
            Path,
            None,
            "p-bits: repeat exactly a run of --seconds that --save wrote.",
            read=_clock,
        ),
        Option("seconds", "--seconds", float, None, "p-bits: stretch the schedule to this wall time."),
        KT,
        Option("tempering", "--tempering", int, None, "p-bits: replica exchange at so many kT.", min=2),
        Option("hot", "--hot", float, None, "p-bits: hottest kT of --tempering."),
        Option(
            "clusters",
            "--clusters",
            bool,
            False,
            "With --tempering: pairs of ladders exchange clusters of spins.",
        ),
        Option("ladder"),
        DEVICE,
        AT,
        IMPERFECT,
        DEVICE_SEED,
        Option(
            "observe_every",
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
        METHOD,
        *(Option(name) for name in ("start", "keep_samples", *ANNEALING, *LADDER)),
    )

    def handles(self, netlist: Any, method: str | None = None) -> bool:
        return is_spins(netlist)

    def run(
        self,
        netlist: LangevinNetlist,
        data: Any = None,
        *,
        tempering: int | None = None,
        ladder: Any = None,
        hot: float | None = None,
        keep_samples: bool | str | None = None,
        device: Any = None,
        at: str | float | None = None,
        non_ideal: Any = None,
        **options: Any,
    ) -> Any:
        """Chains through the schedule; with `tempering` or a `ladder` of kT, replica exchange.

        Without `chains` 8 anneal, 2 with `seconds`, 32 sample, or 4 ladders; a sampling run is
        looked at 200 times unless observe_every or looks say otherwise.

        device, at : an array of p-bits or its name, and the time since it was programmed: what of
            non_ideal is at its default is the array's own

        keep_samples : "sampling" keeps the states that are looked at if they are samples; by
            default so for an Ising model's hardware, whose states are decoded; of a ladder none,
            cold or all
        """
        if data is not None:
            raise SimulationError(
                "p-bits take no samples of a data set: their inputs are the frozen cells' x0; leave data out"
            )
        own = Imperfections() if device is None else pbits_of(device).imperfections
        law = on_device(own, non_ideal, at)
        options["non_ideal"] = None if law.ideal else law
        if keep_samples is None:
            keep_samples = "sampling" if is_lowered(netlist) else False
        if tempering is None and ladder is None:
            if options.pop("clusters", False):
                raise SimulationError("clusters are exchanged between ladders: add tempering (--tempering N)")
            if hot is not None:
                raise SimulationError(
                    f"hot = {hot:g} is the top of a ladder: add tempering (--tempering N), or leave it out"
                )
            return _anneal(netlist, keep_samples, **options)
        if ladder is None:
            ladder = ladder_of(netlist, int(tempering or 0), options.pop("kT", None), hot)
        return _temper(netlist, ladder, keep_samples, **options)


def _anneal(
    netlist: LangevinNetlist,
    keep_samples: bool | str,
    *,
    chains: int | None = None,
    observe_every: int | None = None,
    looks: int | None = None,
    **options: Any,
) -> SpinResult:
    from thermo.simulate.spins.run import simulate_spins

    if unused := [name for name in LADDER if name in options]:
        raise SimulationError(f"{unused[0]} is of a ladder: add tempering, or leave it out")
    sampling = is_sampling(netlist, options.get("kT"), options.get("sweeps"))
    if sampling and observe_every is None and looks is None and options.get("target") is None:
        looks = LOOKS
    if chains is None:
        # a run that must end in time puts it all into two long chains, else several are compared
        timed = options.get("seconds") is not None or options.get("clock") is not None
        chains = SAMPLING_CHAINS if sampling else 2 if timed else CHAINS
    return simulate_spins(
        netlist,
        chains=chains,
        observe_every=observe_every,
        looks=looks,
        keep_samples=sampling if keep_samples == "sampling" else bool(keep_samples),
        **options,
    )


def _temper(
    netlist: LangevinNetlist,
    ladder: Any,
    keep_samples: bool | str,
    *,
    chains: int | None = None,
    sweeps: int | None = None,
    tune: int | None = None,
    burn_in: int | None = None,
    observe_every: int | None = None,
    non_ideal: Any = None,
    device_seed: int = 0,
    **options: Any,
) -> TemperResult:
    """Ladders as long as the schedule, a fifth of it for tuning and one before counting begins."""
    from thermo.simulate.spins.plan import plan_spins
    from thermo.simulate.spins.temper import temper

    if non_ideal is not None and not non_ideal.ideal:
        raise SimulationError(
            "tempering needs energies, which an imperfect device does not have: leave it out, or "
            "mismatch, asymmetry, bits and bias_mismatch"
        )
    if options.pop("seconds", None) is not None or options.pop("clock", None) is not None:
        raise SimulationError("seconds are for annealing: give tempering its sweeps")
    if unused := [name for name in (*ANNEALING, "max_bytes", "kT") if name in options]:
        raise SimulationError(f"{unused[0]} is of a run through the schedule: leave it or tempering out")
    total = sum(p.sweeps for p in plan_spins(netlist, sweeps=sweeps))
    kept = keep_samples if isinstance(keep_samples, str) else "cold" if keep_samples else "none"
    kept = "cold" if kept == "sampling" else kept
    return temper(
        netlist,
        ladder=ladder,
        sweeps=total,
        sets=chains or SETS,
        tune=max(4, total // 5) if tune is None else tune,
        burn_in=total // 5 if burn_in is None else burn_in,
        observe_every=observe_every or max(1, total // (5 * LOOKS)),
        keep_samples=kept,
        **options,
    )


def ladder_of(netlist: LangevinNetlist, n: int, kT: float | None = None, hot: float | None = None) -> Any:
    """(n,) temperatures in the model's unit: from kT, else the schedule's end, to `hot`, else its start.

    Without a ramp the top is the root mean square force of random neighbours, or twice the lowest.
    """
    from thermo.simulate.spins.lanes import exponent
    from thermo.simulate.spins.system import SpinSystem
    from thermo.simulate.spins.temper import geometric_ladder

    unit = netlist.lowered.energy_scale
    last = netlist.schedule[-1].kT if netlist.schedule else None
    cold = kT if kT is not None else (netlist.kT if last is None else last[1]) / unit
    if hot is None and last is not None and last[0] / unit > cold:
        hot = last[0] / unit
    if hot is None:
        system = SpinSystem.from_netlist(netlist)
        size = exponent(system.h, system.weights)  # squares must not leave the numbers there are
        h, weights = np.ldexp(system.h, -size), np.ldexp(system.weights, -size)
        force = h**2
        np.add.at(force, system.driven, weights**2)
        np.add.at(force, system.driving, weights**2)
        hot = max(float(np.ldexp(np.sqrt(force.mean()), size)) / unit, 2.0 * cold)
    return geometric_ladder(cold, hot, n)
