"""The wrapper: what a kernel is before numba is there, and when it runs as plain Python."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from compiler.jit.places import kept_anywhere
from compiler.jit.stamp import stamp_of

_plain: ContextVar[bool] = ContextVar("kernels run as plain Python", default=False)
_always: ContextVar[bool] = ContextVar("cheap kernels are compiled too", default=False)
_making = threading.RLock()


class Kernel:
    """A function that numba compiles on its first call; kernels may call kernels.

    py_func : the Python function; plain : what runs inside `interpreted()`, if not that
    options : numba's, as given to `njit`; `cache` keeps compiled code on disk
    widen : whether integers below 64 bits become int64 when another kernel calls this one
    """

    __name__: str
    __qualname__: str

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        widen: bool = False,
        plain: Callable[..., Any] | None = None,
        **options: Any,
    ) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self._plain = plain or function
        self.options = options
        self.widen = widen
        self._called: Any = None
        self._inner: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _plain.get():
            return self._plain(*args, **kwargs)
        run = self._called
        if run is None:
            run = self.dispatcher
        return run(*args, **kwargs)

    @property
    def dispatcher(self) -> Any:
        """numba's dispatcher for calls from Python, made when first asked for."""
        with _making:
            if self._called is None:
                self._called = self._make(inner=False)
            return self._called

    @property
    def _numba_type_(self) -> Any:
        """How numba sees this kernel inside another one."""
        with _making:
            if self._inner is None:
                self._inner = self._make(inner=True)
            return self._inner._numba_type_

    def _make(self, inner: bool) -> Any:
        from compiler.jit.dispatcher import make_dispatcher

        return make_dispatcher(self, inner)

    @functools.cached_property
    def stamp(self) -> str:
        """Digest over every source that compiled code of this kernel is made from."""
        return stamp_of(self.py_func, {**self.options, "widen": self.widen})

    @property
    def loaded(self) -> bool:
        """Whether this process has called the compiled kernel."""
        return self._called is not None

    @property
    def kept(self) -> bool:
        """Whether compiled code of it lies on this machine (for some types of arguments)."""
        return bool(self.options.get("cache")) and kept_anywhere(self.py_func, self.stamp)

    def __reduce__(self) -> str:
        return self.__qualname__  # pickled by name, as functions are

    def __repr__(self) -> str:
        return f"<kernel {self.__module__}.{self.__qualname__}>"


def njit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorator: a `Kernel`; takes numba's options, and `widen` and `plain` (see Kernel)."""
    return functools.partial(Kernel, **options) if function is None else Kernel(function, **options)


@contextmanager
def interpreted() -> Iterator[None]:
    """Inside, kernels run as plain Python in this thread: no compilation, no numba.

    For kernels of plain integer code. NumPy adds 32-bit scalars in 32 bits where numba takes 64:
    the same numbers below 2**31.
    """
    import numpy as np

    token = _plain.set(True)
    try:
        with np.errstate(over="ignore"):  # hashes wrap around, as compiled ones do
            yield
    finally:
        _plain.reset(token)


@contextmanager
def compiled() -> Iterator[None]:
    """Inside, no kernel is interpreted for being cheap: what there is to compile is compiled."""
    token = _always.set(True)
    try:
        yield
    finally:
        _always.reset(token)


LOADING = 1.0
"""CPU seconds that a process takes to import numba and to read compiled kernels."""
LOADED = 0.1
"""The same where numba is imported."""
GATE = 0.017
"""CPU seconds that all passes of -O 2 take for a gate when their kernels are interpreted."""
_spent = 0.0  # by interpreting, in this process, as estimated


def interpreted_if_cheap(
    seconds: float, *kernels: Kernel, compiling: float = 17.0
) -> AbstractContextManager[None]:
    """`interpreted()` where that is cheaper than having `kernels`, else a context that does nothing.

    seconds : what interpreting will take, about; compiling : what compiling them takes
    What was spent on interpreting so far counts too, so that a process which works on many small
    circuits loads its kernels in the end.
    """
    global _spent
    if _plain.get() or _always.get() or all(kernel.loaded for kernel in kernels):
        return nullcontext()
    total = _spent + seconds
    if total <= (LOADED if "numba" in sys.modules else LOADING) or (
        total <= compiling and not all(kernel.kept for kernel in kernels)
    ):
        _spent = total
        return interpreted()
    return nullcontext()
