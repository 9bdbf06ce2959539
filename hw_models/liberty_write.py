"""A Liberty file of a library's cells as they are modelled here, for other tools to read.

    cell_rise = cell_fall = delay + slope (load - library load), whatever the input's slew and pin
    transitions = the library's slew; internal power = energy - load V^2 / 2

so that a timing analyser computes the same delays (hw_models.characterise says where they come from).
"""

from __future__ import annotations

from collections.abc import Iterable

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
    for pin in one.inputs:
        lines.append(
            f"    pin ({_word(pin)}) {{ direction : input; "
            f"capacitance : {(one.capacitance or 0.0) * 1e15:.9g}; }}"
        )
    for cell in outputs:
        lines.append(f"    pin ({_word(cell.output)}) {{")
        lines += ["      direction : output;", f'      function : "{function_text(cell)}";']
        for pin in cell.inputs:
            lines += _arc(library, cell, pin)
        lines.append("    }")
    return [*lines, "  }"]


def _arc(library: CellLibrary, cell: Cell, pin: str) -> list[str]:
    lines = []
    if cell.delay is not None:
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
