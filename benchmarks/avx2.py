"""A benchmark with code for this CPU, then with code for AVX2: ours, OpenBLAS's and XLA's alike.

python benchmarks/avx2.py benchmarks/langevin.py --only dense
"""

from __future__ import annotations

import os
import subprocess
import sys

from compiler.jit.bundles import environment_of


def main() -> None:
    chosen = {"OPENBLAS_CORETYPE": "Haswell", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2"}
    # processes of their own: numba, OpenBLAS and XLA choose when they are imported
    for name, more in (("this CPU", {}), ("AVX2", {**environment_of("x86-64-v3"), **chosen})):
        print(f"== {name}", flush=True)
        subprocess.run([sys.executable, *sys.argv[1:]], env={**os.environ, **more}, check=True)


if __name__ == "__main__":
    main()
