"""thermoc presets: devices, targets, cell libraries, digital nodes, every figure with its source."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.couplings import COUPLING_TECHNOLOGIES
from hw_models.digital import DIGITAL_NODES
from hw_models.errors import HardwareError
from hw_models.pbits import PBITS
from hw_models.presets import DEVICES
from hw_models.registry import Registry
from hw_models.targets import TARGETS
from hw_models.weights import WEIGHT_MEMORIES
from thermo.cli.console import emit
from thermo.cli.flags import AS_JSON, Given, with_flags
from thermo.report.page import Table
from thermo.report.text import text_table

SHELVES: dict[str, Registry[Any]] = {
    "devices": DEVICES,
    "p-bits": PBITS,
    "weight memories": WEIGHT_MEMORIES,
    "targets": TARGETS,
    "libraries": CELL_LIBRARIES,
    "couplings": COUPLING_TECHNOLOGIES,
    "digital nodes": DIGITAL_NODES,
}


OPTIONS = (AS_JSON,)


@with_flags(*OPTIONS)
def presets(
    name: Annotated[str | None, typer.Argument(help="Preset to show in full.")] = None, *, given: Given
) -> None:
    """List hardware presets, or one with the source of every figure.

    Example: thermoc presets rc-1fF

    Example: thermoc presets nangate45
    """
    if name is not None:
        described = _described(name)
        rows = tuple(
            (k, f"{v['value']:.4g} {v['unit']}".strip(), v["kind"], v["ref"])
            for k, v in described["figures"].items()
        )
        table = Table(("figure", "value", "firmness", "source"), rows)
        emit(described, given["json"], f"{name}: {described['summary']}\n\n" + text_table(table))
        return
    listed = {
        kind: {n: shelf.get(n).describe()["summary"] for n in shelf.names()}
        for kind, shelf in SHELVES.items()
    }
    tables = (Table((kind, "what it is"), tuple(entries.items())) for kind, entries in listed.items())
    emit(listed, given["json"], "\n\n".join(text_table(t) for t in tables))


def _described(name: str) -> dict[str, Any]:
    for shelf in SHELVES.values():
        if name in shelf.names():
            return shelf.get(name).describe()
    names = [n for shelf in SHELVES.values() for n in shelf.names()]
    raise HardwareError(f"no preset {name!r}; choose one of {', '.join(names)}")
