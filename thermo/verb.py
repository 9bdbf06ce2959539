"""Modules that can be called: `thermo.simulate(netlist)` beside `thermo.simulate.langevin`.

A verb and the module it lives in share a name, and importing the module anywhere makes it an
attribute of its package. Which of the two `thermo.simulate` is must not depend on what was imported
first: it is the module, always, and calling it calls the verb.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class Verb(ModuleType):
    """A module whose function of the same name it passes calls on to."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return getattr(self, self.__name__.rpartition(".")[2])(*args, **options)


def make_verb(name: str) -> None:
    """From now on the module of this name is a Verb."""
    sys.modules[name].__class__ = Verb
