"""A benchmark with code for AVX2 on a CPU that could do more: ours, OpenBLAS's and XLA's alike.

python benchmarks/avx2.py benchmarks/langevin.py --only dense
"""

from __future__ import annotations

import os
import sys

from compiler.jit.bundles import environment_of


def main() -> None:
    # another process: numba, OpenBLAS and XLA choose when they are imported
    chosen = {"OPENBLAS_CORETYPE": "Haswell", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2"}
    os.execve(
        sys.executable,
        [sys.executable, *sys.argv[1:]],
        {**os.environ, **environment_of("x86-64-v3"), **chosen},
    )


if __name__ == "__main__":
    main()
