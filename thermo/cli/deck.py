"""What export and check ask about a deck for ngspice."""

from __future__ import annotations

from typing import Any

from compiler.formats.spice.options import DIODES
from hw_models.presets import DEVICES
from thermo.cli.flags import Given
from thermo.options import Option

DECK_DEVICE = Option(
    "device", "--device", str, None, "Deck: C, R and couplings of a preset; without one it is dimensionless."
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
DECK_OPTIONS = (DECK_DEVICE, DECK_CELLS, DECK_STEP, DECK_DIODE, DECK_NOISE)


def deck_options(given: Given, noise: str) -> dict[str, Any]:
    """Fields of DeckOptions as the flags say; noise : where they do not. HardwareError as DEVICES.get."""
    return {
        "device": None if given["device"] is None else DEVICES.get(given["device"]),
        "cells": given["cells"],
        "noise_step": given["noise_step"],
        "diode": given["diode"],
        "noise": given["noise"] or noise,
    }
