"""The families of models: what each is called, how files hold it, how it becomes a netlist."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError

Parts = tuple[dict[str, Any], dict[str, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of model.

    name : in files; cls : its class; what : as messages call one, "an Ising model"
    parts : (facts, arrays) that a file holds; build : the way back, KeyError, TypeError or
        NetlistError for what is missing or does not fit
    lower : the netlist of a model; its keyword arguments are the options of lowering
    """

    name: str
    cls: type
    what: str
    parts: Callable[[Any], Parts]
    build: Callable[[Mapping[str, Any], dict[str, np.ndarray]], Any]
    lower: Callable[..., Any]

    @property
    def takes(self) -> tuple[str, ...]:
        """The options of `lower`."""
        given = inspect.signature(self.lower).parameters.values()
        return tuple(p.name for p in given if p.kind == p.KEYWORD_ONLY)

    def lowered(self, model: Any, **options: Any) -> Any:
        """The netlist of `model`; UnsupportedError for an option that `lower` does not take."""
        other = [name for name in options if name not in self.takes]
        if other:
            names = ", ".join(other)
            if not self.takes:
                raise UnsupportedError(
                    f"{names}: {self.what} is lowered as it is, without options; leave {names} out"
                )
            raise UnsupportedError(f"{names}: {self.what} takes {', '.join(self.takes)}; leave others out")
        return self.lower(model, **options)


HOMES = {
    "conv-hopfield": "compiler.families.conv_hopfield",
    "conv-langevin": "compiler.families.conv_langevin",
    "denoising-chain": "compiler.families.denoising_chain",
    "feedforward": "compiler.families.feedforward",
    "gaussian": "compiler.families.gaussian",
    "hopfield": "compiler.families.hopfield",
    "ising": "compiler.families.ising",
    "langevin": "compiler.families.langevin",
    "logic": "compiler.families.logic",
    "mlp": "compiler.families.mlp",
    "oscillator": "compiler.families.oscillator",
    "rbm": "compiler.families.rbm",
    "resistive": "compiler.families.resistive",
    "tables": "compiler.families.tables",
}
"""Every family and the module that holds it as FAMILY, imported when it is asked for."""

RENAMED = {"ebm_chain": "denoising-chain"}
"""What files of thermoc 0.1 call families, where that has changed."""


def family_named(name: str) -> Family | None:
    """The family that files call so, now or in former versions; None for another name."""
    if not isinstance(name, str):
        return None
    name = RENAMED.get(name, name)
    return import_module(HOMES[name]).FAMILY if name in HOMES else None


def family_of(model: Any) -> Family | None:
    """The family of a model; None for an object that is none."""
    homes = set(HOMES.values())
    for cls in type(model).__mro__:
        if cls.__module__ in homes:
            family = import_module(cls.__module__).FAMILY
            if family.cls is cls:
                return family
    return None


def classes() -> str:
    """The classes of all families, for messages."""
    return ", ".join(import_module(home).FAMILY.cls.__name__ for home in HOMES.values())


def common_fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that every model has, of a file's facts."""
    return {"labels": tuple(document["labels"]), "meta": document["meta"]}
