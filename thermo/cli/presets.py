"""thermoc presets: devices, targets, cell libraries, digital nodes, every figure with its source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.couplings import COUPLING_TECHNOLOGIES
from hw_models.digital import DIGITAL_NODES
from hw_models.errors import HardwareError
from hw_models.files import TEMPLATE, device_files, is_file, load_device
from hw_models.presets import CROSSBARS, DEVICES, PBITS, RLC_UNITS
from hw_models.registry import Registry
from hw_models.targets import TARGETS
from hw_models.units import prefixed
from hw_models.weights import WEIGHT_MEMORIES
from thermo.cli.console import emit
from thermo.cli.flags import AS_JSON, Given, with_flags
from thermo.cli.streams import write_out
from thermo.options import Option
from thermo.report.page import Table
from thermo.report.text import text_table

SHELVES: dict[str, Registry[Any]] = {
    "devices": DEVICES,
    "p-bits": PBITS,
    "crossbar devices": CROSSBARS,
    "RLC units": RLC_UNITS,
    "weight memories": WEIGHT_MEMORIES,
    "targets": TARGETS,
    "libraries": CELL_LIBRARIES,
    "couplings": COUPLING_TECHNOLOGIES,
    "digital nodes": DIGITAL_NODES,
}

NEW = Option(
    "new", "--new", bool, False, "Print a device's file to begin your own with: a template, or NAME's own."
)
OPTIONS = (NEW, AS_JSON)


@with_flags(*OPTIONS)
def presets(
    name: Annotated[str | None, typer.Argument(help="Preset, or a device's file.toml, in full.")] = None,
    *,
    given: Given,
) -> None:
    """List hardware presets, or print one's data sheet: every figure with its source.

    Example: thermoc presets rc-1fF

    Example: thermoc presets --new > my.toml; thermoc presets my.toml
    """
    if given["new"]:
        _write_new(name, given["json"])
    elif name is not None:
        described = _described(name)
        emit(described, given["json"], f"{described['name']}: {described['summary']}\n\n" + _sheet(described))
    else:
        listed = {
            kind: {n: shelf.get(n).describe()["summary"] for n in shelf.names()}
            for kind, shelf in SHELVES.items()
        }
        tables = (Table((kind, "what it is"), tuple(entries.items())) for kind, entries in listed.items())
        emit(listed, given["json"], "\n\n".join(text_table(t) for t in tables))


def _write_new(name: str | None, as_json: bool) -> None:
    """The text of a device's file."""
    files = device_files()
    if as_json:
        raise HardwareError("--new prints a file in TOML; leave --json out")
    if name is not None and name not in files:
        raise HardwareError(f"--new: {name!r} has no file; choose one of {', '.join(files)}, or none")
    path: Path = TEMPLATE if name is None else files[name]
    write_out(path.read_text(encoding="utf-8"))


def _sheet(described: dict[str, Any]) -> str:
    rows = []
    for name, figure in described["figures"].items():
        numbers, unit = prefixed([figure["value"]], figure["unit"])
        scale = numbers[0] / figure["value"] if figure["value"] else 1.0
        low, high = (f"{scale * figure[end]:.4g}" if end in figure else "" for end in ("low", "high"))
        rows.append((name, f"{numbers[0]:.4g}", low, high, unit, figure["kind"], figure["ref"]))
    heads = ("figure", "value", "low", "high", "unit", "firmness", "source")
    return text_table(Table(heads, tuple(rows), (1, 2, 3)))


def _described(name: str) -> dict[str, Any]:
    for shelf in SHELVES.values():
        if name in shelf.names():
            return dict(shelf.get(name).describe())
    if is_file(name):
        return dict(load_device(name).describe())
    names = [n for shelf in SHELVES.values() for n in shelf.names()]
    raise HardwareError(f"no preset {name!r}; choose one of {', '.join(names)}, or give a file.toml")
