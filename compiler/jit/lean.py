"""What numba leaves out while it compiles a kernel. Importing this imports numba."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite.binding import ffi
from numba.core.compiler import Flags
from numba.core.dispatcher import _FunctionCompiler


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
    lock, own_hash = ffi.lib._lock, Flags.__hash__
    same_of_all = hash(Flags())  # numba's is of the options' names alone
    with lock._lock:
        told, lock._cblist = lock._cblist, []
    _FunctionCompiler._customize_flags = without_wrapper
    Flags.__hash__ = lambda self: same_of_all
    try:
        yield
    finally:
        Flags.__hash__ = own_hash
        _FunctionCompiler._customize_flags = customize
        with lock._lock:
            lock._cblist = told
