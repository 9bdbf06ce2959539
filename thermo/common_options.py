"""Options that several dynamics take."""

from __future__ import annotations

from hw_models.imperfect import Imperfections
from thermo.options import Option

SEED = Option("seed", "--seed", int, 0, "Seed of everything random.", min=0)
THREADS = Option("threads", "--threads", int, None, "Threads (results do not depend on it).", min=1)
PROGRESS = Option("progress")
MAX_BYTES = Option("max_bytes")
KT = Option("kT", "--kT", float, None, "Temperature in place of the netlist's, in the model's unit.")
IMPERFECT = Option(
    "non_ideal",
    build=Imperfections,
    parts=(
        Option("mismatch", "--mismatch", float, 0.0, "Relative spread of every directed coupling."),
        Option("asymmetry", "--asymmetry", float, 0.0, "Relative spread of W_ij against W_ji."),
        Option("bits", "--bits", int, None, "Resolution of the couplings (none: exact)."),
        Option("bias_mismatch", "--bias-mismatch", float, 0.0, "Relative spread of every bias."),
        Option("read", "--read", int, 0, "Which read of the device it is: each has noise of its own.", min=0),
    ),
)
DEVICE_SEED = Option("device_seed", "--device-seed", int, 0, "Which device is drawn.", min=0)
DEVICE = Option(
    "device",
    "--device",
    str,
    None,
    "Hardware whose physics acts, `thermoc presets` lists it, or a file.toml (none: ideal).",
)
AT = Option(
    "at",
    "--at",
    str,
    None,
    "Time since the device was programmed, as 25s, 10min, 1h, 1d, 1y (none: just programmed).",
)
COUPLINGS = Option(
    "couplings",
    "--couplings",
    str,
    None,
    "How the device makes its couplings, or ideal (none: its own way); `thermoc presets` lists them.",
)
INPUT_BITS = Option(
    "input_bits", "--input-bits", str, None, "Of the device's input converters, or ideal (none: its own)."
)
OUTPUT_BITS = Option(
    "output_bits", "--output-bits", str, None, "Of the device's output converters, or ideal (none: its own)."
)
BACKEND = Option(
    "backend",
    "--backend",
    str,
    "numba",
    "numba, jax or, of Langevin cells, numpy; jax takes all its devices.",
)
METHOD = Option(
    "method",
    "--method",
    str,
    None,
    "euler, heun or leimkuhler-matthews; baoab for underdamped cells; exact for quadratic netlists; rest "
    "for feed-forward ones at kT = 0; of p-bits cells, chains, dense, lanes, packed, or moves, "
    "crossed and terms, which search beyond them.",
)
RUNS = Option("runs", "--runs", int, 1, "Trajectories averaged per decision.", min=1)


def moments(observe: list[str]) -> list[float | str]:
    """Times, and names of phases for their ends, of what the command line was given."""
    return [_moment(text) for text in observe]


def _moment(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


OBSERVE = Option(
    "observe",
    "--observe",
    list[str],
    None,
    "Read-out time, or a phase for its end; may be repeated.",
    read=moments,
)
