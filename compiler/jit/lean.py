"""What numba leaves out while it compiles a kernel. Importing this imports numba."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite.binding import ffi
from numba.core.compiler import Flags
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]


@contextmanager
def lean() -> Iterator[None]:
    """Inside, no wrappers for C are made, of kernels and of numba's own functions, which nobody calls; and
    events do not tell of every call into LLVM, nor do flags of compilation list all their options to be
    compared: a tenth of all compiling in all.

    To be entered with numba's compiler lock held.
    """
    customize = _FunctionCompiler._customize_flags
    if getattr(customize, "lean", False):  # a kernel that a kernel calls
        yield
        return

    def without_wrapper(self: Any, flags: Any) -> Any:
        flags = customize(self, flags)
        flags.no_cfunc_wrapper = True
        return flags

    without_wrapper.lean = True  # type: ignore[attr-defined]

    def equal(self: Any, other: Any) -> Any:
        return (isinstance(other, Flags) and self._values == other._values) or own_equal(self, other)

    lock, own_hash, own_equal = ffi.lib._lock, Flags.__hash__, Flags.__eq__
    same_of_all = hash(Flags())  # numba's is of the options' names alone
    with lock._lock:
        told, lock._cblist = lock._cblist, []
    _FunctionCompiler._customize_flags = without_wrapper
    Flags.__hash__, Flags.__eq__ = (lambda self: same_of_all), equal  # type: ignore[method-assign]
    try:
        yield
    finally:
        Flags.__hash__, Flags.__eq__ = own_hash, own_equal  # type: ignore[method-assign]
        _FunctionCompiler._customize_flags = customize
        with lock._lock:
            lock._cblist = told
