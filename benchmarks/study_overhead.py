"""What a point of a study costs beside its own work: here, in processes and on a Dask cluster.

    python benchmarks/study_overhead.py [--points 200] [--repeats 5]

Points do nothing. Told is the wall time of a study of so many points over their number, the median of
repeats in new folders, with the spread (half the interquartile range), and that of a second run, which reads
them. Starting processes and cluster is left out; two workers each. "a bare call" is the same executor with a
function that returns at once. Dask (thermoc[cluster]) is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from thermo.studies.executors import executor_for
from thermo.studies.jobs import run_all

WORKERS = 2


@dataclass(frozen=True, slots=True)
class Nothing:
    k: int


def measure(k: int, *_: Any) -> Nothing:
    return Nothing(k)


def study(points: int, folder: Path, executor: Executor) -> None:
    named = [(f"nothing-{k}", k) for k in range(points)]
    run_all(named, folder, Nothing, measure, None, told=str, label="nothing", executor=executor)


def bare(points: int, executor: Executor) -> None:
    for future in [executor.submit(measure, k) for k in range(points)]:
        future.result()


def seconds(run: Callable[[], None]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


@contextmanager
def on_dask() -> Iterator[Executor]:
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
        executor_for(scheduler=cluster.scheduler_address) as executor,
    ):
        yield executor


def told(values: list[float], points: int) -> str:
    low, middle, high = 1e3 * np.quantile(values, (0.25, 0.5, 0.75)) / points
    return f"{middle:6.2f} ± {(high - low) / 2:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    places = {"serial": executor_for(), f"--jobs {WORKERS}": executor_for(jobs=WORKERS)}
    try:
        import distributed  # noqa: F401

        places["Dask"] = on_dask()
    except ImportError:
        pass
    print(f"ms a point, {given.points} points, median of {given.repeats}")
    print(f"{'':10} {'run':>14} {'read again':>14} {'a bare call':>14}")
    for name, place in places.items():
        first, again, calls = [], [], []
        with place as executor:
            bare(4 * WORKERS, executor)
            for _ in range(given.repeats):
                with TemporaryDirectory() as folder:
                    run = partial(study, given.points, Path(folder), executor)
                    first.append(seconds(run))
                    again.append(seconds(run))
                calls.append(seconds(partial(bare, given.points, executor)))
        cells = (told(values, given.points) for values in (first, again, calls))
        print(f"{name:10} " + " ".join(f"{cell:>14}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
