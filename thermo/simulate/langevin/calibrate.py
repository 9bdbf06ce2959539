"""The ranges of a device's converters, found on training data before a machine is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.ir.langevin import LangevinNetlist
from thermo.simulate.langevin.conversion import Span, input_range, output_range
from thermo.simulate.langevin.prepare import encode
from thermo.simulate.langevin.run import simulate_langevin

CALIBRATION = 256
"""Samples of the training data that an output range is found on."""
TRAJECTORY = 1 << 61
"""Noise of calibrations belongs to trajectories that no other run has."""

_KEPT = (
    *("kT", "dt", "method", "observe", "cost", "backend", "seed", "threads", "bound"),
    *("device", "at", "couplings", "input_bits", "non_ideal", "device_seed", "noise_bandwidth"),
)


def calibrated(
    netlist: LangevinNetlist, rows: np.ndarray, targets: np.ndarray | None, options: Mapping[str, Any]
) -> dict[str, Span]:
    """`input_range` and `output_range` of a run with these options of `simulate`, as far as they are
    not among them: what all training rows, encoded, span, and the middle of what the first of them are
    read as, one run each, with inputs converted.

    rows : (n, n_inputs) raw training data; targets : (n, n_outputs) of a netlist that nudges, or None

    Raises as simulate.
    """
    found: dict[str, Span] = {}
    if options.get("input_range") is None:
        ends = np.stack([np.min(rows, axis=0), np.max(rows, axis=0)])  # encoders are straight lines
        found["input_range"] = input_range(encode(netlist, ends))
    if options.get("output_range") is None:
        some = slice(0, CALIBRATION)
        kept = {name: options[name] for name in _KEPT if name in options}
        result = simulate_langevin(
            netlist,
            rows[some],
            **kept,
            output_bits="ideal",
            input_range=options.get("input_range", found.get("input_range")),
            targets=None if targets is None else targets[some],
            first_trajectory=TRAJECTORY,
            heat=False,
        )
        found["output_range"] = output_range(result.outputs)
    return found
