"""The level of CPUs for which shipped code is read in this process. Importing this imports numba."""

from __future__ import annotations

import functools
from pathlib import Path

import numba
from numba.core.codegen import get_host_cpu_features

from compiler.jit.places import BUNDLES, bundle_name

_V3 = (
    "64bit cmov cx8 fxsr mmx sse sse2 cx16 sahf popcnt sse3 sse4.1 sse4.2 ssse3 "
    "avx avx2 bmi bmi2 f16c fma lzcnt movbe xsave"
)
_V4 = _V3 + " avx512f avx512bw avx512cd avx512dq avx512vl avx512vnni"
LEVELS = {"x86-64-v4": _V4.split(), "x86-64-v3": _V3.split()}
"""Features of each level, best first. Our v4 has VNNI, as every such CPU since 2019 but Skylake-X."""


@functools.cache
def level() -> str | None:
    """The best level that this CPU has and that was shipped; None: compile for this CPU.

    None too where the user told numba what CPU to compile for.
    """
    config = numba.config
    if config.CPU_NAME is not None or config.CPU_FEATURES is not None:  # type: ignore[attr-defined]
        return None
    features = set(get_host_cpu_features().split(","))
    for name, needed in LEVELS.items():
        if all(f"+{feature}" in features for feature in needed) and _folder(name).is_dir():
            return name
    return None


def bundle_folder() -> Path | None:
    """The folder of shipped code for this process, or None."""
    name = level()
    return None if name is None else _folder(name)


def _folder(name: str) -> Path:
    return BUNDLES / bundle_name(numba.__version__, name)
