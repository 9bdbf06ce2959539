"""The whole way on the embedded digits, for every model family there is, in four processes.

Most of the time goes into compiling kernels, which one process does with one core.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.files import make_folder
from thermo.data import Dataset, load_dataset
from thermo.demo.apart import apart
from thermo.progress import NullProgress, Progress

if TYPE_CHECKING:
    from thermo.demo.whole import Demo

PROCESSES = {
    "wired": ("thermo.demo.digital:wired_part",),
    "logic": (
        "thermo.demo.logic:logic_part",
        "thermo.demo.digital:gates_part",
        "thermo.demo.digital:last_wired_part",
    ),
    "relaxing": (
        "thermo.demo.eqprop:eqprop_part",
        "thermo.demo.ebm:ebm_part",
        "thermo.demo.langevin:ideal_part",
    ),
}
"""Parts by process, beside the caller's own; those of one share kernels. The last of the second takes from
the first, which is the longest; of the third the caller has nothing to price after the last."""


def run_demo(
    folder: str | Path,
    *,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    dataset: Dataset | None = None,
    epochs: int | None = None,
) -> Demo:
    """Train, compile, simulate and estimate; write models, netlists and the report page.

    dataset, epochs : in place of the embedded digits and the presets' numbers, for tests
    Raises OutputError, before any work, if the folder cannot be written.
    """
    if threads is not None:
        from thermo.simulate.threads import check_threads  # with it comes numba, before the others begin

        check_threads(threads)
    folder = make_folder(folder)
    dataset = dataset or load_dataset("digits")
    options: dict[str, Any] = {"seed": seed, "threads": threads, "epochs": epochs}
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(apart(places, dataset, folder, **options))
            for name, places in PROCESSES.items()
        }
        # while these begin: it takes as long to import as they do
        from thermo.demo.whole import whole_demo

        return whole_demo(dataset, folder, processes, options, progress or NullProgress())
