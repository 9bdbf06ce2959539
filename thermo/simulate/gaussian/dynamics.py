"""Quadratic netlists by exact Gaussian transitions: `method="exact"`."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import LangevinNetlist
from thermo.common_options import (
    AT,
    COUPLINGS,
    DEVICE,
    DEVICE_SEED,
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


class GaussianDynamics:
    """A LangevinNetlist with quadratic cells and linear couplings, asked for with method "exact".

    No time step, so no error of one; the states between two observations do not exist, and with
    them no heat. The schedule has one phase (thermo.simulate.gaussian takes any one of several). On a device
    couplings without a range bring their noise and load, converters act as in every simulation.
    """

    name = "gaussian"
    kind = "exact transitions"
    takes = takes(
        *(METHOD, RUNS, KT, OBSERVE, SEED, THREADS, PROGRESS, MAX_BYTES),
        *(DEVICE, AT, COUPLINGS, INPUT_BITS, OUTPUT_BITS, DEVICE_SEED),
        *(Option(name) for name in ("input_range", "output_range", "first_trajectory")),
    )

    def handles(self, netlist: Any, method: str | None = None) -> bool:
        return method == "exact" and isinstance(netlist, LangevinNetlist)

    def run(
        self,
        netlist: LangevinNetlist,
        data: Any = None,
        *,
        method: str = "exact",
        runs: int = 1,
        kT: float | None = None,
        observe: Any = None,
        seed: int = 0,
        first_trajectory: int = 0,
        device: Any = None,
        couplings: Any = None,
        input_bits: Any = None,
        output_bits: Any = None,
        input_range: Any = None,
        output_range: Any = None,
        device_seed: int = 0,
        at: Any = None,
        **options: Any,
    ) -> Any:
        """A SimulationResult whose steps are the exact transitions between observations."""
        from thermo.simulate.device import one_device
        from thermo.simulate.gaussian.sampler import sample_exact
        from thermo.simulate.langevin.conversion import converted_inputs, converted_outputs, decoded
        from thermo.simulate.langevin.hardware import hardware_of
        from thermo.simulate.langevin.plan import make_plan
        from thermo.simulate.langevin.prepare import encode, prepare
        from thermo.simulate.langevin.result import SimulationResult
        from thermo.simulate.langevin.wiring import device_units

        begin = time.perf_counter()
        hardware = hardware_of(device, couplings, input_bits, output_bits)
        if hardware is not None:
            netlist, hardware = one_device(netlist, hardware, device_seed, at)
        if len(netlist.schedule) > 1:
            raise UnsupportedError(
                f"method 'exact' runs one phase, the schedule has {len(netlist.schedule)}: use another "
                "method, or thermo.simulate.gaussian.sample_exact for one phase of them"
            )
        if hardware is not None and hardware.couplings.name != "ideal" and kT is None and not netlist.kT:
            # nothing real is at kT = 0: the device's swing says how hot it is
            kT = device_units(netlist, hardware).kT / netlist.lowered.energy_scale
        plan = make_plan(netlist, kT=kT, dt=None, observe=observe, trajectory_every=None)
        if plan.window > 1:
            raise UnsupportedError(
                "method 'exact' knows no states between observations, which the read-out averages: "
                "use another method"
            )
        if kT is not None:
            netlist = netlist.with_(
                kT=kT * netlist.lowered.energy_scale,
                schedule=tuple(replace(phase, kT=None) for phase in netlist.schedule),
            )
        inputs, prepared = encode(netlist, data), prepare(netlist, inertia=True)
        drawn = {"device_seed": device_seed, "seed": seed, "first": first_trajectory}
        conversions = []
        if hardware is not None and hardware.input_converter is not None and data is not None:
            converter = hardware.input_converter
            inputs, told = converted_inputs(netlist, inputs, converter, input_range, runs=runs, **drawn)
            data = decoded(netlist, inputs)
            conversions.append(told)
        rows = [None] if data is None else np.asarray(data).reshape(inputs.shape[0], -1)
        outputs = np.empty((plan.times.size, len(rows), runs, prepared.read.size), np.float32)
        for sample, row in enumerate(rows):
            found = sample_exact(
                netlist,
                plan.times,
                trajectories=runs,
                seed=seed,
                first_trajectory=first_trajectory + sample * runs,
                data=row,
                device=hardware,
                **options,
            )
            outputs[:, sample] = found.states[:, :, prepared.read]
        if hardware is not None and hardware.output_converter is not None:
            states = outputs.reshape(plan.times.size, len(rows) * runs, -1)
            cells = prepared.cells[prepared.read]
            states, told = converted_outputs(
                netlist, states, cells, plan.ends, hardware.output_converter, output_range, **drawn
            )
            outputs = states.reshape(outputs.shape)
            conversions.append(told)
        steps = int((plan.times > 0).sum())
        return SimulationResult(
            times=plan.times,
            outputs=outputs,
            heat=None,
            heat_by_phase=None,
            work=None,
            entropy=None,
            entropy_by_phase=None,
            final=None,
            trajectory=None,
            trajectory_times=None,
            phases=plan.names,
            kT=float(plan.kT[0, 0]) / netlist.lowered.energy_scale,
            dt=float(plan.times[-1]) / max(steps, 1),
            n_steps=steps,
            method="exact",
            heat_method="none",
            backend="numpy",
            seconds=time.perf_counter() - begin,
            readout=netlist.readout,
            conversions=tuple(conversions),
        )
