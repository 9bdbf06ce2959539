"""numba's side of a kernel: its dispatcher and its cache. Importing this imports numba."""

from __future__ import annotations

import pickle
import threading
import time
from pathlib import Path
from typing import Any, Protocol

import numba
from numba.core import event, types, typing
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher

from compiler.jit.bundles import bundle_folder, level
from compiler.jit.lean import lean
from compiler.jit.libraries import machine_code_when_asked
from compiler.jit.places import file_base, folders, is_safe
from compiler.jit.told import tell
from compiler.jit.turns import Turn, without_collection

_DAMAGED = (EOFError, pickle.UnpicklingError, AttributeError, ImportError, IndexError, ValueError)
_NO_WRAPPERS = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


class Source(Protocol):
    """What a dispatcher is made from: a `Kernel`, see there."""

    py_func: Any
    options: dict[str, Any]
    widen: bool

    @property
    def stamp(self) -> str: ...


def make_dispatcher(kernel: Source, inner: bool) -> Any:
    """The dispatcher of a kernel for calls from Python, or (inner) from other kernels."""
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return kernel.py_func
    options = {"nopython": True, "boundscheck": None, **kernel.options}
    cache = options.pop("cache", False)
    made = KernelDispatcher(kernel.py_func, targetoptions=options | (_NO_WRAPPERS if inner else {}))
    made.widen = kernel.widen
    if cache:
        made._cache = KernelCache(kernel, inner)
    return made


class KernelDispatcher(CPUDispatcher):
    """numba's dispatcher, which kernels call with few types of arguments instead of many."""

    widen = False
    _cache: Any
    _compiler: Any
    _can_compile: Any

    def compile(self, sig: Any) -> Any:
        """As numba's; what another process is compiling is waited for."""
        try:
            context: Any = self.targetctx
            lazily = machine_code_when_asked(context.codegen())
            with global_compiler_lock, without_collection(), lazily, lean():
                return super().compile(sig)
        finally:
            if isinstance(self._cache, KernelCache):
                self._cache.turn.give()

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """As numba's, with literals as what they are values of, and integers widened."""
        pysig, args = self._compiler.fold_argument_types(args, kws)
        args = tuple(self._widened(arg) for arg in args)
        if self._can_compile:
            self.compile(args)
        name = self.py_func.__name__
        template = typing.make_concrete_template(
            f"CallTemplate({name})", key=name, signatures=self.nopython_signatures
        )
        return template, pysig, args, {}

    def _widened(self, arg: Any) -> Any:
        if isinstance(arg, types.IntegerLiteral | types.BooleanLiteral):
            arg = types.unliteral(arg)
        if self.widen and isinstance(arg, types.Integer):
            return types.int64 if getattr(arg, "bitwidth", 64) < 64 else arg
        return arg


class KernelCache(FunctionCache):
    """Reads from the bundle and from every folder, writes to the first folder that can be written.

    Damaged files and full disks are no errors: the kernel is compiled, or not kept.
    """

    def __init__(self, kernel: Source, inner: bool) -> None:
        self._name = repr(kernel)
        self._py_func = kernel.py_func
        self._impl = _Form(kernel.py_func)
        base = file_base(kernel.py_func, kernel.stamp, inner)
        self._files = [IndexDataCacheFile(str(f), base, kernel.stamp) for f in folders(kernel.py_func)]
        bundle = None if inner else bundle_folder()
        self._bundle = None if bundle is None else IndexDataCacheFile(str(bundle), base, kernel.stamp)
        self.turn = Turn([Path(file._cache_path) / f"{base}.turn" for file in self._files])
        self.enable()

    @property
    def cache_path(self) -> str:
        return self._files[0]._cache_path

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Compiled code for these types; None where there is none that can be read, and it is this
        process's turn to compile it.
        """
        target_context.refresh()
        if not self._enabled:
            return None
        found = self._load(sig, target_context)
        if found is None and self.turn.take():
            found = self._load(sig, target_context)
        return found

    def _load(self, sig: Any, target_context: Any) -> Any:
        tries = [(file, self._index_key(sig, target_context.codegen())) for file in self._files]
        if self._bundle is not None:
            tries.insert(0, (self._bundle, (sig, level())))
        for file, key in tries:
            if not is_safe(Path(file._cache_path)):
                continue
            try:
                data = file.load(key)
                if data is not None:
                    return self._impl.rebuild(target_context, data)
            except (OSError, *_DAMAGED):
                continue
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code, if there is a place for it."""
        if not self._enabled or not self._impl.check_cachable(data):
            return
        key, form = self._index_key(sig, data.codegen), self._impl.reduce(data)
        for file in self._files:
            folder = Path(file._cache_path)
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if is_safe(folder):
                    self._write(file, key, form)
                    return
            except OSError:
                continue

    def _write(self, file: Any, key: Any, form: Any) -> None:
        try:
            file.save(key, form)
        except _DAMAGED:  # its index: begin anew
            file.flush()
            file.save(key, form)

    def flush(self) -> None:
        """Forget what is kept in folders."""
        for file in self._files:
            try:
                file.flush()
            except OSError:
                continue

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        # numba adds the bytecode; our stamp covers it
        return sig, codegen.magic_tuple()


class _Form(CompileResultCacheImpl):
    """How a compiled kernel is written down; numba's, without its choice of a folder."""

    def __init__(self, function: Any) -> None:
        self._locator = self
        self._py_file = function.__code__.co_filename
        self._lineno = function.__code__.co_firstlineno


class _Stopwatch(event.Listener):
    """Tells (told.tell) once compiling has taken half a second in all."""

    LIMIT = 0.5

    def __init__(self) -> None:
        self._depth, self._spent, self._begun = 0, 0.0, 0.0
        self._timer: threading.Timer | None = None

    def on_start(self, event: Any) -> None:
        self._depth += 1
        if self._depth == 1 and self._spent < self.LIMIT:
            self._begun = time.perf_counter()
            self._timer = threading.Timer(self.LIMIT - self._spent, tell)
            self._timer.daemon = True
            self._timer.start()

    def on_end(self, event: Any) -> None:
        self._depth -= 1
        if self._depth == 0 and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._spent += time.perf_counter() - self._begun


event.register("numba:compile", _Stopwatch())
