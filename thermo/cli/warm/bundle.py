"""Compile every kernel for levels of CPUs, into a folder that wheels carry.

    python -m thermo.cli.warm.bundle FOLDER [--level x86-64-v3] [--only FAMILIES] [--processes N]

FOLDER is compiler/jit/bundle of the tree that a wheel is made of (.ci/wheel does both). A level that
this CPU lacks is an error if asked for, else left out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from compiler.jit.bundles import LEVELS, environment_of, pack


def build(folder: Path, name: str, arguments: list[str]) -> Path:
    """The bundle of a level, within `folder`; `arguments` go to `thermoc warm`.

    Raises ValueError for a level that this CPU lacks, CalledProcessError where a kernel fails.
    """
    with tempfile.TemporaryDirectory(prefix="thermoc-bundle-") as cache:
        environment = {**os.environ, **environment_of(name), "NUMBA_CACHE_DIR": cache}
        code = "import sys; from thermo.cli.main import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", code, "warm", *arguments]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        return pack(Path(cache) / "thermoc", folder, name)


def main(arguments: list[str]) -> int:
    """Build what was asked for; says what it made on standard output."""
    parser = argparse.ArgumentParser(prog="python -m thermo.cli.warm.bundle", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--level", action="append", choices=list(LEVELS))
    parser.add_argument("--only")
    parser.add_argument("--processes")
    options = parser.parse_args(arguments)
    given = [(f"--{key}", value) for key in ("only", "processes") if (value := getattr(options, key))]
    for name in options.level or LEVELS:
        try:
            made = build(options.folder, name, [word for pair in given for word in pair])
        except ValueError as error:
            if options.level:
                parser.error(str(error))
            sys.stdout.write(f"left out {name}: {error}\n")
            continue
        size = sum(file.stat().st_size for file in made.iterdir())
        sys.stdout.write(f"{made.name}: {len(list(made.glob('*.nbc')))} kernels, {size / 1e6:.1f} MB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
