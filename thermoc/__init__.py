"""Everything under the project's own name: `thermoc.simulate`, `thermoc.training`, `thermoc.compiler`.

`thermoc.X` is the module `thermo.X`, the same object, and `thermoc.NAME` what `thermo.NAME` is. The
chemistry package `thermo` installs a folder of the same name; of its files `thermo/__init__.py` alone is
called as one of ours, so that these names, unlike `thermo.NAME`, hold also where it was installed after us.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from hw_models import __version__ as __version__
from hw_models.lazy import lazy_names
from thermo.names import MODULES, NAMES

__getattr__, __dir__, __all__ = lazy_names("thermo", NAMES, MODULES)


class _Same(MetaPathFinder, Loader):
    """Finds thermoc.X as the module that it is another name of."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, rest = name.partition(".")
        if package != __name__ or not rest or rest == "__main__":
            return None
        other = rest if rest.split(".")[0] in ("compiler", "hw_models") else f"thermo.{rest}"
        try:
            module = import_module(other)
        except ModuleNotFoundError as error:
            if error.name == other:
                return None
            raise
        return ModuleSpec(name, self, is_package=hasattr(module, "__path__"), loader_state=module)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module: ModuleType = spec.loader_state
        spec.loader_state = module.__spec__, module
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state[0]  # its own, which importing it as this replaced


sys.meta_path.insert(0, _Same())
