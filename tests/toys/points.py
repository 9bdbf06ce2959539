"""Points of a study that take milliseconds and tell a file beside the folder when they are run.

python -m toys.points FOLDER N [--jobs N | --scheduler ADDRESS] [--seconds S] [--dead S]
"""

import os
import signal
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from compiler.errors import ThermocError
from thermo.studies.executors import executor_for
from thermo.studies.jobs import run_all


@dataclass(frozen=True, slots=True)
class Toy:
    """k : the point's; value : a sum that depends on k and on what points share"""

    k: int
    value: float


def measure(k, common, checkpoint, model, *, seconds=0.0):
    """Sleep, add a line "k pid" to the file ran beside the folder, sum."""
    time.sleep(seconds)
    if k < 0:
        raise ThermocError(f"k must be at least 0, got {k}")
    with open(checkpoint.parent.parent / "ran", "a") as ran:
        ran.write(f"{k} {os.getpid()}\n")
    return Toy(k, float(np.sum(common * (k + 1))))


def run(folder, ks, executor=None, *, seconds=0.0, dead=8.0, progress=None):
    """The figures of the points k."""
    return run_all(
        [(f"toy-{k}", k) for k in ks],
        folder,
        Toy,
        partial(measure, seconds=seconds),
        np.arange(100.0),
        told=lambda toy: f"{toy.k}: {toy.value:g}",
        label="toys",
        executor=executor,
        dead=dead,
        progress=progress,
    )


def ran(folder):
    """The points that were run, one entry a time, in the order of their ends."""
    return [int(line.split()[0]) for line in (Path(folder).parent / "ran").read_text().splitlines()]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what starts in the background ignores it
    parser = ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("n", type=int)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--scheduler")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--dead", type=float, default=8.0)
    given = parser.parse_args()
    with executor_for(given.jobs, given.scheduler) as where:
        run(given.folder, range(given.n), where, seconds=given.seconds, dead=given.dead)
