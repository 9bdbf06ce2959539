"""Packages whose names are imported on first use: one table of names, and no cost until then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, names: Mapping[str, tuple[str, ...]], modules: tuple[str, ...] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """(__getattr__, __dir__, __all__) of a package.

    names : by module of the package, "ir.container": ("load", "save")
    modules : of the package, which are names themselves
    """
    homes = {name: f"{package}.{module}" for module, some in names.items() for name in some}
    every = sorted((*homes, *modules))

    def find(name: str) -> Any:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return find, lambda: [*every, "__doc__", "__version__"], every
