"""What a Liberty file's groups hold: units, tables over slew and load, leakage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from hw_models.arcs import Table
from hw_models.liberty import Group, LibertyError

_PREFIX = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3}
# the axes that a Table has, a constraint's two slews among them
_SLEWS = ("input_net_transition", "input_transition_time", "related_pin_transition")
_CHARGES = ("total_output_net_capacitance", "constrained_pin_transition")


@dataclass(frozen=True, slots=True)
class LibertyFile:
    """A library group with its units. where : the file's name, which begins every error"""

    where: str
    group: Group
    time: float
    charge: float
    leakage: float
    voltage: float
    templates: Mapping[str, Group]

    @property
    def energy(self) -> float:
        """J: a Liberty file's unit of energy is its unit of capacitance times V^2."""
        return self.charge

    def fail(self, line: int, message: str) -> LibertyError:
        return LibertyError(f"{self.where}, line {line}: {message}")


def open_library(group: Group, where: str) -> LibertyFile:
    plain = LibertyFile(where, group, 1.0, 1.0, 1.0, 1.0, {})
    scale = group.values("capacitive_load_unit")
    if len(scale) != 2:
        raise plain.fail(group.line, "the library must give capacitive_load_unit (NUMBER, UNIT)")
    voltage = group.get("nom_voltage")
    if voltage is None:
        raise plain.fail(group.line, "the library must give nom_voltage")
    return replace(
        plain,
        time=_unit(plain, group, "time_unit", "s", 1e-9),
        charge=read_number(plain, scale[0], group.line) * _prefixed(plain, scale[1], "f", group.line),
        leakage=_unit(plain, group, "leakage_power_unit", "w", 1e-9),
        voltage=read_number(plain, voltage, group.line) * _unit(plain, group, "voltage_unit", "v", 1.0),
        templates={
            g.arguments[0]: g
            for g in group.children("lu_table_template", "power_lut_template")
            if g.arguments
        },
    )


def _unit(file: LibertyFile, group: Group, name: str, symbol: str, default: float) -> float:
    text = group.get(name)
    if text is None:
        return default
    text = text.replace(" ", "")
    digits = len(text) - len(text.lstrip("0123456789.eE+-"))
    number = read_number(file, text[:digits] or "1", group.line)
    return number * _prefixed(file, text[digits:], symbol, group.line)


def _prefixed(file: LibertyFile, text: str, symbol: str, line: int) -> float:
    prefix = text.lower().removesuffix(symbol)
    if not text.lower().endswith(symbol) or prefix not in _PREFIX:
        raise file.fail(line, f"unit {text!r} is not understood; {symbol} with a prefix is")
    return _PREFIX[prefix]


def read_number(file: LibertyFile, text: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        raise file.fail(line, f"a number is expected, got {text!r}") from None
    if not np.isfinite(value):
        raise file.fail(line, f"a finite number is expected, got {text!r}")
    return value


def _numbers(file: LibertyFile, texts: Iterable[str], line: int) -> np.ndarray:
    words = [w for text in texts for w in text.replace(",", " ").replace("\\", " ").split()]
    return np.array([read_number(file, w, line) for w in words])


def read_table(file: LibertyFile, group: Group) -> Table:
    """A table group with its axes, its own or its template's."""
    template = file.templates.get(group.arguments[0]) if group.arguments else None
    axes: list[np.ndarray] = []
    kinds: list[str] = []
    for k in (1, 2, 3):
        own = group.values(f"index_{k}")
        if not own and template is not None:
            own = template.values(f"index_{k}")
        if not own:
            break
        axes.append(_numbers(file, own, group.line))
        if (axes[-1].size > 1 and (np.diff(axes[-1]) <= 0).any()) or not axes[-1].size:
            raise file.fail(group.line, f"{group.name}: index_{k} must ascend")
        variable = template.get(f"variable_{k}") if template is not None else None
        kinds.append(variable or ("input_net_transition", "total_output_net_capacitance", "third")[k - 1])
    values = _numbers(file, group.values("values"), group.line)
    shape = tuple(axis.size for axis in axes)
    if values.size != int(np.prod(shape, dtype=np.int64)):
        raise file.fail(group.line, f"{group.name} has {values.size} values for axes of {list(shape)} points")
    slews, loads = np.zeros(1), np.zeros(1)
    ordered = values.reshape(shape) if shape else values.reshape(1, 1)
    for kind in kinds:
        if kind not in (*_SLEWS, *_CHARGES):
            raise file.fail(group.line, f"{group.name}: a table over {kind!r} is not supported")
    for kind, axis in zip(kinds, axes, strict=True):
        if kind in _SLEWS:
            slews = axis
        else:
            loads = axis
    if kinds and kinds[0] in _CHARGES:
        ordered = ordered.T if len(kinds) == 2 else ordered.reshape(1, -1)
    return Table(slews, loads, ordered.reshape(slews.size, loads.size))


def read_leakage(file: LibertyFile, group: Group, powered: tuple[str, ...]) -> float | None:
    """W: cell_leakage_power, else the leakage_power without `when`, else the mean of all."""
    whole = group.get("cell_leakage_power")
    if whole is not None:
        return read_number(file, whole, group.line) * file.leakage
    values: dict[bool, list[float]] = {True: [], False: []}
    for entry in group.children("leakage_power"):
        value, pin = entry.get("value"), entry.get("related_pg_pin")
        if value is not None and (pin is None or not powered or pin in powered):
            values[entry.get("when") is None].append(read_number(file, value, entry.line))
    chosen = values[True] or values[False]
    return float(np.mean(chosen)) * file.leakage if chosen else None
