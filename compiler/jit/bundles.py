"""Bundles: compiled kernels that wheels carry, for a level of CPUs. Importing this imports numba.

A bundle serves one Python, platform, numba and level. Code of a level has the bits of code for the
CPU itself (kernels say what is fused), so the level is a matter of speed alone. Below v3 fused
multiplications are emulated, several times slower: such CPUs compile for themselves.
"""

from __future__ import annotations

import functools
import pickle
import shutil
from pathlib import Path

import numba
from llvmlite import binding
from numba.core.caching import IndexDataCacheFile
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


def target_features() -> frozenset[str]:
    """Features of the CPU that compiled kernels of this process are for.

    Data must be laid out for these, not for what the CPU could do besides.
    """
    given = numba.config.CPU_FEATURES  # type: ignore[attr-defined]
    name = level()
    if name is not None:
        return frozenset(LEVELS[name])
    told = get_host_cpu_features() if given is None else given
    return frozenset(feature[1:] for feature in told.split(",") if feature.startswith("+"))


def environment_of(name: str) -> dict[str, str]:
    """Variables under which numba compiles for a level.

    Raises ValueError for a level that this CPU lacks: kernels could not be run to compile them.
    """
    host = binding.get_host_cpu_features()
    missing = [feature for feature in LEVELS[name] if not host.get(feature)]
    if missing:
        raise ValueError(f"this CPU lacks {', '.join(missing)} of {name}: build that level elsewhere")
    signs = {feature: "+" if feature in LEVELS[name] else "-" for feature in sorted(host)}
    features = [sign + feature for feature, sign in signs.items()]
    # LLVM's tuning of v4 is for the first CPUs with 512 bits, which slowed down when they used them
    return {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": ",".join([*features, "-prefer-256-bit"])}


def pack(compiled: Path, bundles: Path, name: str) -> Path:
    """Make the bundle of a level out of a cache that was filled under `environment_of(name)`.

    Kernels called from Python alone: those that they call are inside their code.
    Returns the bundle's folder, made anew within `bundles`.
    """
    folder = bundles / bundle_name(numba.__version__, name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for index in sorted(compiled.glob("*.nbi")):
        if ".inner." in index.name:
            continue
        data = index.read_bytes()
        stamp, entries = pickle.loads(data[len(pickle.dumps(numba.__version__, protocol=-1)) :])
        file = IndexDataCacheFile(str(folder), index.name.removesuffix(".nbi"), stamp)
        file._save_index({(signature, name): part for (signature, _), part in entries.items()})
        for part in entries.values():
            shutil.copyfile(compiled / part, folder / part)
    return folder


def _folder(name: str) -> Path:
    return BUNDLES / bundle_name(numba.__version__, name)
