"""What compiled code was made from: a digest that changes when any of it changes.

numba stamps a kernel with its own source file, and runs old code after a change in a kernel of
another file that it calls. Here everything is followed that a kernel's code names: other kernels,
intrinsics, the functions and classes behind them (by the sources of their modules), and constants
(by value). Paths and times play no part, so that a copy elsewhere has the same stamps.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

_NOT_OURS = sys.stdlib_module_names | {"numpy", "numba", "llvmlite", "scipy", "jax", "jaxlib"}


def stamp_of(function: FunctionType | Any, options: Mapping[str, Any]) -> str:
    """Hexadecimal digest of 32 digits for the compiled code of `function` under these options."""
    walk = _Walk()
    walk.function(function)
    facts = sorted(walk.facts.items())
    whole = repr((function.__module__, function.__qualname__, sorted(options.items()), facts))
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


class _Walk:
    """Collects `facts`: digests of sources by module, of constants by module and name."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self._seen: set[int] = set()

    def function(self, function: Any) -> None:
        if id(function) in self._seen:
            return
        self._seen.add(id(function))
        code = function.__code__
        source = source_digest(function.__module__)
        place = f"{function.__module__}.{function.__qualname__}"
        if source is None:  # typed at a prompt: the code itself
            self.facts[f"code of {place}"] = _code_digest(code)
        else:
            self.facts[f"source of {function.__module__}"] = source
        for name in _names(code):
            if name in function.__globals__:
                self.value(f"{function.__module__}.{name}", function.__globals__[name], code)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                self.value(f"{place}: {name}", cell.cell_contents, code)
            except ValueError:
                continue  # a cell that is empty yet
        for index, value in enumerate(function.__defaults__ or ()):
            self.value(f"{place}: default {index}", value, code)

    def value(self, name: str, value: Any, code: CodeType) -> None:
        inner = getattr(value, "py_func", None) or getattr(value, "_defn", None)  # kernel, intrinsic
        if isinstance(inner, FunctionType):
            if not _ours(inner.__module__):
                return
            options = getattr(value, "options", None)
            self.facts[f"options of {name}"] = repr(sorted(options.items())) if options else ""
            self.function(inner)
        elif isinstance(value, FunctionType):
            if _ours(value.__module__):
                self.function(value)
        elif isinstance(value, type):
            if _ours(value.__module__) and id(value) not in self._seen:
                self._seen.add(id(value))
                self.facts[f"source of {value.__module__}"] = source_digest(value.__module__) or ""
                for method in vars(value).values():
                    if isinstance(method, FunctionType) and _ours(method.__module__):
                        self.function(method)
        elif isinstance(value, ModuleType):
            if _ours(value.__name__):
                self.facts[f"source of {value.__name__}"] = source_digest(value.__name__) or ""
                for attribute in _names(code):
                    if attribute in vars(value):
                        self.value(f"{value.__name__}.{attribute}", vars(value)[attribute], code)
        else:
            self.facts[f"value of {name}"] = _constant(value)


def _ours(module: str | None) -> bool:
    return module is not None and module.partition(".")[0] not in _NOT_OURS


def _names(code: CodeType) -> Iterator[str]:
    """Global names and attributes that the code reads, also in functions within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _code_digest(code: CodeType) -> str:
    parts = [code.co_code.hex(), repr(code.co_names)]
    parts += [_code_digest(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _constant(value: Any) -> str:
    """The value as text for numbers, strings, arrays and tuples of them; else only the type."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return repr(value)
    if isinstance(value, tuple):
        return "(" + ", ".join(_constant(item) for item in value) + ")"
    if type(value).__module__.partition(".")[0] == "numpy" and hasattr(value, "tobytes"):
        shape = getattr(value, "shape", ())
        return f"{value.dtype} {shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    return type(value).__qualname__


@functools.cache
def source_digest(module: str) -> str | None:
    """SHA-256 of a module's source; None for one without a file."""
    found: Any = sys.modules.get(module)
    path, loader = getattr(found, "__file__", None), getattr(found, "__loader__", None)
    if path is None:
        return None
    try:
        read = getattr(loader, "get_data", None)
        data = read(path) if read else Path(path).read_bytes()
    except OSError:
        return None
    return hashlib.sha256(data).hexdigest()
