"""What export and check ask about a deck for ngspice."""

from __future__ import annotations

from typing import Any

from compiler.errors import UnsupportedError
from compiler.formats.spice.options import DIODES
from hw_models.presets import chosen_device
from thermo.cli.flags import Given
from thermo.common_options import AT, DEVICE_SEED, INPUT_BITS, OUTPUT_BITS
from thermo.options import Option

DECK_DEVICE = Option(
    "device",
    "--device",
    str,
    None,
    "Deck: C, R and couplings of a preset or file.toml; without one it is dimensionless.",
)
DECK_COUPLINGS = Option(
    "couplings",
    "--couplings",
    str,
    None,
    "Deck: how the device makes them, in place of its own way; or ideal.",
)
DECK_CELLS = Option(
    "cells",
    "--cells",
    str,
    "force",
    "Deck: force, nonlinear conductances, or reactive, nonlinear capacitors.",
)
DECK_STEP = Option(
    "noise_step", "--noise-step", float, None, "Deck: time between noise samples, in the netlist's unit."
)
DECK_DIODE = Option("diode", "--diode", str, "ideal", f"Deck: walls, {' or '.join(DIODES)}.")
DECK_NOISE = Option(
    "noise",
    "--noise",
    str,
    None,
    "Deck: trnoise, ngspice's own source (export's default), or tables, the same for a --seed (check's).",
)
DECK_ANALYSIS = Option(
    "analysis", "--analysis", str, "tran", "Deck: tran, or op, the rest state alone of a network at kT = 0."
)
DECK_OPTIONS = (
    DECK_ANALYSIS,
    DECK_DEVICE,
    DECK_COUPLINGS,
    INPUT_BITS,
    OUTPUT_BITS,
    DEVICE_SEED,
    AT,
    DECK_CELLS,
    DECK_STEP,
    DECK_DIODE,
    DECK_NOISE,
)


def deck_options(given: Given, noise: str) -> dict[str, Any]:
    """Fields of DeckOptions as the flags say; noise : where they do not. Errors as chosen_device."""
    device = None
    if given["device"] is not None:
        bits = {name: given[name] for name in ("input_bits", "output_bits")}
        device = chosen_device(given["device"], given["couplings"], **bits)
    for name, flag in (
        ("couplings", "--couplings"),
        ("input_bits", "--input-bits"),
        ("output_bits", "--output-bits"),
        ("at", "--at"),
    ):
        if device is None and given[name] is not None:
            raise UnsupportedError(f"{flag} {given[name]} is of a device: add --device NAME")
    return {
        "device": device,
        "cells": given["cells"],
        "noise_step": given["noise_step"],
        "analysis": given["analysis"],
        "diode": given["diode"],
        "noise": given["noise"] or noise,
    }
