"""Devices as files: TOML in which every figure has a unit and a source.

    kind = "rc"                        # or "p-bit", "tile"
    name = "mine"
    summary = "what it is"
    like = "rc-1fF"                    # a preset or file with what is not said here; or say all
    couplings = "crossbar"             # a technology's name, or a table of its figures

    [capacitance]
    value = 2
    low = 1.6                          # with high; without both, what the firmness of the source says
    high = 2.4
    unit = "fF"
    source = "measured"                # hw_models.source.KINDS
    ref = "our chip, 40 cells"
    locator = "notebook 3, page 12"    # need not be

Parts are tables in tables: [input_converter.bits]; "ideal" stands for no converter. Units may have
prefixes (hw_models.units). What a device suffers from: hw_models.law_files. The presets are such files,
in hw_models/devices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from hw_models.converters import IDEAL, Converter
from hw_models.couplings import COUPLING_TECHNOLOGIES, CouplingTechnology
from hw_models.crossbar import CrossbarDevice
from hw_models.errors import HardwareError
from hw_models.figure_tables import figure_of, figure_written
from hw_models.frozen import Frozen
from hw_models.imperfect import Imperfections
from hw_models.law_files import KEYS, imperfections_of, imperfections_written
from hw_models.pbits import PBitDevice
from hw_models.rc import RCDevice
from hw_models.rlc import RLCUnit
from hw_models.source import Quantity
from hw_models.toml_file import Section, hint, read
from hw_models.units import in_words

DEVICE_KINDS: Mapping[str, type] = Frozen(
    {"rc": RCDevice, "p-bit": PBitDevice, "tile": CrossbarDevice, "rlc": RLCUnit}
)
"""What a file's `kind` makes of it."""

HERE = Path(__file__).parent / "devices"
PLACES = (HERE, HERE / "pbits", HERE / "tiles", HERE / "rlc")
"""Folders of the presets: of Langevin cells, of p-bits, of crossbar tiles, of RLC cells."""

TEMPLATE = HERE / "new" / "device.toml"
"""A device to begin one's own with."""

_PARTS = (Converter, CouplingTechnology)


def load_device(path: str | Path) -> Any:
    """The device of a TOML file: of the class of its kind, RCDevice, PBitDevice, CrossbarDevice or RLCUnit.

    Raises HardwareError, with the file, the line and the key, for what is not TOML, a figure without
    unit or source, a unit of something else, a key that is not known and a value out of its range.
    """
    return _device(read(path), ())


def save_device(device: Any, path: str | Path) -> None:
    """Write a device as a file from which `load_device` reads an equal one, measured cells beside it.

    Raises HardwareError for what is no device of DEVICE_KINDS.
    """
    import tomli_w

    kind = next((k for k, made in DEVICE_KINDS.items() if type(device) is made), None)
    if kind is None:
        raise HardwareError(
            f"a {type(device).__name__} has no form as a file; kinds of device are {', '.join(DEVICE_KINDS)}"
        )
    text = tomli_w.dumps({"kind": kind, **_written(device, Path(path))})
    Path(path).write_text(text, encoding="utf-8")


def preset_files(place: Path) -> dict[str, Path]:
    """Presets of a folder by name, in the order of their names; none of them is read."""
    return {file.stem: file for file in sorted(place.glob("*.toml"))}


def device_files() -> dict[str, Path]:
    """Every preset that is a file, by name."""
    return {name: file for place in PLACES for name, file in preset_files(place).items()}


def is_file(name: str | Path) -> bool:
    """Whether it is meant as a file's name: it ends in .toml or has a folder before it."""
    return isinstance(name, Path) or name.endswith(".toml") or "/" in name


def _device(top: Section, above: tuple[Path, ...]) -> Any:
    base = _base(top, above)
    if base is not None:
        if "name" not in top.values:
            top.fail('is missing; add name = "..."', "name")
        base = replace(base, summary=f"as {base.name}")
    if base is not None and "kind" not in top.values:
        made: type = type(base)
    elif "kind" not in top.values:
        top.only((*(f.name for made in DEVICE_KINDS.values() for f in fields(made)), "like", *KEYS))
        top.fail(f'is missing; add like = "rc-1fF", or kind = one of {", ".join(DEVICE_KINDS)}', "kind")
    else:
        made = DEVICE_KINDS[top.text("kind", DEVICE_KINDS)]
    if base is not None and type(base) is not made:
        top.fail(f"{top.values['like']!r} is a device of another kind than {top.values['kind']!r}", "like")
    return _made(made, top, base, extra=("kind", "like", *KEYS))


def _base(top: Section, above: tuple[Path, ...]) -> Any:
    """The device that `like` names."""
    if "like" not in top.values:
        return None
    name = top.text("like")
    if is_file(name):
        file = (top.file.parent / name).resolve()
        if file in above or file == top.file.resolve():
            top.fail("a file cannot be like itself", "like")
        return _device(read(file), (*above, top.file.resolve()))
    known = device_files()
    if name not in known:
        top.fail(f"no device {name!r}{hint(name, known)}, or a file.toml", "like")
    return _device(read(known[name]), above)


def _made(made: type, at: Section, base: Any, extra: tuple[str, ...] = ()) -> Any:
    """A dataclass of a table; what the table does not say is the base's, or the class's default."""
    hints = get_type_hints(made)
    known = {f.name: f for f in fields(made)}  # type: ignore[arg-type]
    at.only((*known, *extra))
    found: dict[str, Any] = {}
    for name, field in known.items():
        if hints[name] is Imperfections:
            found[name] = imperfections_of(at, getattr(base, name, Imperfections()))
        elif name in at.values:
            found[name] = _value(made, at, name, hints[name], getattr(base, name, None))
        elif base is not None:
            found[name] = getattr(base, name)
        elif field.default is MISSING and field.default_factory is MISSING:
            _missing(made, at, field, hints[name])
    try:
        return made(**found)
    except HardwareError as error:
        blamed = next((name for name in found if name in at.values and f" {name} " in str(error)), None)
        place = at.place(*([] if blamed is None else [blamed]))
        raise HardwareError(f"{place}: {error}") from None


def _missing(made: type, at: Section, field: Field[Any], kind: Any) -> None:
    if kind is str:
        at.fail(f'is missing; add {field.name} = "..."', field.name)
    inner = ".".join(str(k) for k in (*at.key, field.name))
    ideal = f', or {field.name} = "{IDEAL}"' if Converter in get_args(kind) else ""
    unit = made.UNITS.get(field.name) if hasattr(made, "UNITS") else None
    told = f" with value, unit (of {in_words(unit)}), source and ref" if unit else ""
    at.fail(f'is missing; add a table [{inner}]{told}{ideal}, or at the top like = "rc-1fF"', field.name)


def _value(made: type, at: Section, name: str, kind: Any, base: Any) -> Any:
    kinds = get_args(kind) or (kind,)
    if Quantity in kinds:
        return figure_of(at.section(name), made.UNITS[name])  # type: ignore[attr-defined]
    part = next((k for k in _PARTS if k in kinds), None)
    if part is Converter and at.values[name] == IDEAL:
        return None
    if part is CouplingTechnology and isinstance(at.values[name], str):
        return COUPLING_TECHNOLOGIES.get(at.text(name, COUPLING_TECHNOLOGIES.names()))
    if part is not None:
        inner = at.section(name)
        if part is CouplingTechnology and "like" in inner.values:
            base = COUPLING_TECHNOLOGIES.get(inner.text("like", COUPLING_TECHNOLOGIES.names()))
        return _made(part, inner, base, extra=("like",) if part is CouplingTechnology else ())
    if kind is str:
        return at.text(name)
    if not isinstance(at.values[name], bool):
        at.fail(f"must be true or false, got {at.values[name]!r}", name)
    return at.values[name]


def _written(thing: Any, path: Path) -> dict[str, Any]:
    """A dataclass as tables: texts first, then figures, then parts."""
    out: dict[str, Any] = {}
    for field in fields(thing):
        value = getattr(thing, field.name)
        if isinstance(value, Quantity):
            out[field.name] = figure_written(value)
        elif isinstance(value, CouplingTechnology) and value in _registered():
            out[field.name] = value.name
        elif isinstance(value, Imperfections):
            out |= imperfections_written(value, path)
        elif is_dataclass(value):
            out[field.name] = _written(value, path)
        elif value is not None:
            out[field.name] = value
        elif Converter in get_args(get_type_hints(type(thing))[field.name]):
            out[field.name] = IDEAL
    return dict(sorted(out.items(), key=lambda item: isinstance(item[1], dict | list)))


def _registered() -> list[CouplingTechnology]:
    return [COUPLING_TECHNOLOGIES.get(name) for name in COUPLING_TECHNOLOGIES.names()]
