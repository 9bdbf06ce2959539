"""thermoc presets: devices, targets and cell libraries, every figure with its source."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.errors import HardwareError
from hw_models.presets import DEVICES
from hw_models.targets import TARGETS
from thermo.cli.console import emit
from thermo.cli.options import AsJson
from thermo.report.page import Table
from thermo.report.text import text_table


def presets(
    name: Annotated[str | None, typer.Argument(help="Preset to show in full.")] = None,
    as_json: AsJson = False,
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
        emit(described, as_json, f"{name}: {described['summary']}\n\n" + text_table(table))
        return
    listed = {
        "devices": {n: DEVICES.get(n).describe()["summary"] for n in DEVICES.names()},
        "targets": {n: TARGETS.get(n).describe()["summary"] for n in TARGETS.names()},
        "libraries": {
            n: CELL_LIBRARIES.get(n).describe()["summary"] for n in CELL_LIBRARIES.names()
        },
    }
    tables = (
        Table((kind, "what it is"), tuple(entries.items())) for kind, entries in listed.items()
    )
    emit(listed, as_json, "\n\n".join(text_table(t) for t in tables))


def _described(name: str) -> dict[str, Any]:
    if name in DEVICES.names():
        return DEVICES.get(name).describe()
    if name in TARGETS.names():
        return TARGETS.get(name).describe()
    if name in CELL_LIBRARIES.names():
        return CELL_LIBRARIES.get(name).describe()
    names = (*DEVICES.names(), *TARGETS.names(), *CELL_LIBRARIES.names())
    raise HardwareError(f"no preset {name!r}; choose one of {', '.join(names)}")
