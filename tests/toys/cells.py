"""A library of four cells, for figures worked out by hand: nangate45's inverter, NAND2, NOR2, XOR2."""

from dataclasses import replace

from hw_models.cell_presets import CELL_LIBRARIES

_WHOLE = CELL_LIBRARIES.get("nangate45")
FOUR_CELLS = replace(
    _WHOLE, cells=tuple(_WHOLE.cell(name) for name in ("INV_X1", "NAND2_X1", "NOR2_X1", "XOR2_X1"))
)
