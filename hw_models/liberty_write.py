"""A Liberty file of a library's cells as they are modelled here, for other tools to read.

    cell_rise = cell_fall = delay + slope (load - library load), whatever the input's slew and pin, and
    transitions = the library's slew; of a cell with tables (Cell.timing), these tables
    internal power = energy - load V^2 / 2

so that a timing analyser computes the same delays (hw_models.characterise says where they come from).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hw_models.arcs import Arc, Table
from hw_models.cells import Cell, CellLibrary

_LOADS = (0.0, 1000.0)  # fF; a line needs two points
_SLEWS = (0.0, 10.0)  # ns


def write_liberty(library: CellLibrary, names: Iterable[str] | None = None) -> str:
    """The library, or those of its cells, as the text of a Liberty file; ns, fF, nW, V, fJ.

    names : of cells, with all their outputs; figures that are not known are left out
    """
    wanted = None if names is None else set(names)
    groups: dict[str, list[Cell]] = {}
    for cell in library.cells:
        name = cell.macro or cell.name
        if wanted is None or name in wanted:
            groups.setdefault(name, []).append(cell)
    lines = [
        f"library ({_word(library.name)}) {{",
        f'  comment : "{library.summary}; {library.source.ref}, one figure a cell";',
        "  delay_model : table_lookup;",
        '  time_unit : "1ns";',
        '  voltage_unit : "1V";',
        '  current_unit : "1mA";',
        '  leakage_power_unit : "1nW";',
        '  pulling_resistance_unit : "1kohm";',
        "  capacitive_load_unit (1, ff);",
        f"  nom_voltage : {library.voltage.value:g};",
        "  nom_process : 1;",
        "  nom_temperature : 25;",
        "  input_threshold_pct_rise : 50; input_threshold_pct_fall : 50;",
        "  output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;",
        "  slew_lower_threshold_pct_rise : 20; slew_lower_threshold_pct_fall : 20;",
        "  slew_upper_threshold_pct_rise : 80; slew_upper_threshold_pct_fall : 80;",
        "  lu_table_template (by_load) {",
        "    variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;",
        f'    index_1 ("{_SLEWS[0]}, {_SLEWS[1]}"); index_2 ("{_LOADS[0]}, {_LOADS[1]}");',
        "  }",
    ]
    for name, outputs in groups.items():
        lines += _cell(library, name, outputs)
    return "\n".join([*lines, "}", ""])


def _cell(library: CellLibrary, name: str, outputs: list[Cell]) -> list[str]:
    one = outputs[0]
    lines = [f"  cell ({_word(name)}) {{", f"    area : {one.area:.9g};"]
    if one.leakage is not None:
        lines.append(f"    cell_leakage_power : {one.leakage * 1e9:.9g};")
    for k, pin in enumerate(one.inputs):
        if one.timing is None:
            loads = f"capacitance : {(one.capacitance or 0.0) * 1e15:.9g};"
        else:
            fall, rise = (one.timing.capacitance[k] * 1e15).tolist()
            loads = f"capacitance : {max(fall, rise):.9g};"
            loads += f" fall_capacitance : {fall:.9g}; rise_capacitance : {rise:.9g};"
        lines.append(f"    pin ({_word(pin)}) {{ direction : input; {loads} }}")
    for cell in outputs:
        lines.append(f"    pin ({_word(cell.output)}) {{")
        lines += ["      direction : output;", f'      function : "{function_text(cell)}";']
        for pin in cell.inputs:
            lines += _arc(library, cell, pin)
        for arc in () if cell.timing is None else cell.timing.arcs:
            lines += _measured(cell.inputs[arc.pin], arc)
        lines.append("    }")
    return [*lines, "  }"]


def _arc(library: CellLibrary, cell: Cell, pin: str) -> list[str]:
    lines = []
    if cell.delay is not None and cell.timing is None:
        slope = cell.slope or 0.0
        ends = [f"{1e9 * (cell.delay + slope * (load * 1e-15 - library.load.value)):.9g}" for load in _LOADS]
        row = f'"{", ".join(ends)}"'
        slew = f"{library.slew.value * 1e9:.9g}"
        flat = f'"{slew}, {slew}"'
        lines += [
            "      timing () {",
            f'        related_pin : "{pin}"; timing_sense : non_unate;',
            *(
                f"        {edge} (by_load) {{ values ({row}, {row}); }}"
                for edge in ("cell_rise", "cell_fall")
            ),
            *(
                f"        {edge} (by_load) {{ values ({flat}, {flat}); }}"
                for edge in ("rise_transition", "fall_transition")
            ),
            "      }",
        ]
    if cell.energy is not None:
        inner = (cell.energy - library.load.value * library.switching) * 1e15
        lines += [
            "      internal_power () {",
            f'        related_pin : "{pin}";',
            *(
                f'        {edge} (scalar) {{ values ("{inner:.9g}"); }}'
                for edge in ("rise_power", "fall_power")
            ),
            "      }",
        ]
    return lines


def _measured(pin: str, arc: Arc) -> list[str]:
    """An arc with tables of its own."""
    before, after = arc.rises
    word = ("fall", "rise")[after]
    sense = "positive_unate" if before == after else "negative_unate"
    return [
        "      timing () {",
        f'        related_pin : "{pin}"; timing_sense : {sense};',
        *_table(f"cell_{word}", arc.delay),
        *_table(f"{word}_transition", arc.slew),
        "      }",
    ]


def _table(name: str, table: Table) -> list[str]:
    """A table in ns over ns and fF; an axis of one point becomes a level one of two."""
    slews, loads, values = table.slews * 1e9, table.loads * 1e15, table.values * 1e9
    if slews.size == 1:
        slews, values = np.append(slews, slews[0] + 1), np.repeat(values, 2, axis=0)
    if loads.size == 1:
        loads, values = np.append(loads, loads[0] + 1), np.repeat(values, 2, axis=1)
    rows = ", ".join(f'"{_row(row)}"' for row in values)
    return [
        f"        {name} (by_load) {{",
        f'          index_1 ("{_row(slews)}"); index_2 ("{_row(loads)}");',
        f"          values ({rows});",
        "        }",
    ]


def _row(values: np.ndarray) -> str:
    return ", ".join(f"{value:.9g}" for value in values.tolist())


def function_text(cell: Cell) -> str:
    """The cell's table as a Liberty function: the or of its ones."""
    n = cell.n_inputs
    products = [
        "&".join(pin if row >> (n - 1 - k) & 1 else f"!{pin}" for k, pin in enumerate(cell.inputs))
        for row in range(1 << n)
        if cell.value(row)
    ]
    return "|".join(f"({product})" for product in products) or "0"


def _word(name: str) -> str:
    return name if name.replace("_", "").isalnum() else f'"{name}"'
