"""The certificate of a run of p-bits, in the terms of the model that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.ir.langevin import LangevinNetlist
from compiler.passes.spins.model import decode, logical_netlist
from thermo.simulate.spins.dynamics import is_lowered, is_sampling
from thermo.simulate.spins.temper import TemperResult
from thermo.worth.certificate import Certificate, certify
from thermo.worth.errors import WorthError

NO_SAMPLES = (
    "a certificate is of samples at one temperature, and this run anneals: compile with --sample, or give "
    "--kT or --tempering; of an annealed answer ask for --bound"
)


def check_samples(netlist: LangevinNetlist, options: Mapping[str, Any]) -> None:
    """Raise WorthError before a run that will keep no samples."""
    ladder = options.get("tempering") is not None or options.get("ladder") is not None
    if not (ladder or is_sampling(netlist, options.get("kT"), options.get("sweeps"))):
        raise WorthError(NO_SAMPLES)


def certified(netlist: LangevinNetlist, result: Any, seed: int = 0) -> Certificate:
    """Of the samples that a run of `thermo.simulate` kept; of an embedded model by majority of chains.

    Raises WorthError for a run that kept none: one that anneals has no samples.
    """
    samples = result.samples
    if samples is None:
        raise WorthError(NO_SAMPLES)
    kT = float(result.kT[0]) if isinstance(result, TemperResult) else result.kT
    if samples.ndim == 4:
        samples = samples[:, :, 0]
    if is_lowered(netlist):
        samples = decode(netlist, samples).states
    return certify(logical_netlist(netlist), samples, kT, seed=seed)
