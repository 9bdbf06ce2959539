"""The machine that figures were made on: what stands beside every second."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass

from compiler.jit.bundles import target_features
from hw_models import __version__


@dataclass(frozen=True, slots=True)
class Host:
    """A machine.

    instructions : widest vector instructions that kernels are compiled for, as numba names them
    cores : that this process may run on
    """

    cpu: str
    instructions: str
    cores: int
    python: str
    thermoc: str

    def __str__(self) -> str:
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"thermoc {self.thermoc}, Python {self.python}, {cores}, {self.instructions} ({self.cpu})"


def this_host() -> Host:
    """The machine that this runs on."""
    import llvmlite.binding as llvm

    # numba compiles for another processor where these are set
    cpu = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    features = target_features()
    known = ("avx512vnni", "avx512f", "avx2", "neon")
    widest = next((name for name in known if name in features), platform.machine())
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return Host(cpu, widest, cores, platform.python_version(), __version__)
