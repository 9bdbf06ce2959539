"""Kernels: Python functions that numba compiles when they are first called, and not before.

    @njit(cache=True)
    def total(values): ...

`njit` makes a `Kernel`. Against numba's own decorator: numba is imported by the first call; integers
are widened where one kernel calls another, so that a kernel is compiled once and not for each
mixture of literals and widths; kernels called by kernels get no wrappers for Python; compiled code
is kept under a stamp over every source that it was made from; and inside `interpreted()` a kernel
runs as the Python function that it is.
"""

from compiler.jit.kernel import GATE, Kernel, compiled, interpreted, interpreted_if_cheap, njit
from compiler.jit.told import telling

__all__ = ["GATE", "Kernel", "compiled", "interpreted", "interpreted_if_cheap", "njit", "telling"]
