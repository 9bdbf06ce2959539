"""Four public standard-cell libraries, typical corner, smallest drive: the cells mapping needs.

Every figure follows from the named Liberty file's tables by the rule of hw_models.characterise (the
interval of each table around load and slew was read, not the whole file). `checks` are the energies
of an independent derivation of the same files, two digits: ours are within 7 % of them. Cells that
are not listed were not read; `thermoc estimate --library FILE.lib` uses a whole library.
"""

from __future__ import annotations

from hw_models.cells import NAND2, Cell, CellLibrary
from hw_models.characterise import DERIVATION
from hw_models.flipflops import FlipFlop
from hw_models.frozen import Frozen
from hw_models.registry import Registry
from hw_models.source import Quantity, Source

# name, pins (the output last), table, um2, J per toggle, W, s, s/F, F
Row = tuple[str, str, int, float, float, float, float, float, float]


def _cell(name: str, pins: str, table: int, area: float, *figures: float) -> Cell:
    *inputs, output = pins.split()
    energy, leakage, delay, slope, capacitance = figures
    return Cell(name, tuple(inputs), table, area, energy, leakage, delay, slope, capacitance, output)


def _library(
    name: str,
    summary: str,
    file: str,
    operating: tuple[float, float, float],
    rows: tuple[Row, ...],
    checks: dict[str, float],
    note: str = "",
    *,
    node: str,
    flipflop: FlipFlop | None = None,
) -> CellLibrary:
    """operating : supply V, load F, slew s; checks : J per toggle of cells by name"""
    voltage, load, slew = operating
    source = Source("derived", file, "; ".join(x for x in (DERIVATION, note) if x))
    other = Source("derived", file, "energy per output toggle by another rule, two digits")
    made = tuple(_cell(*row) for row in rows)
    nand = next(cell for cell in made if cell.table == NAND2)
    return CellLibrary(
        name=name,
        summary=summary,
        voltage=Quantity(voltage, "V", Source("code", file, "nom_voltage")),
        load=Quantity(load, "F", source),
        slew=Quantity(slew, "s", source),
        stated=Source("code", file),
        source=source,
        cells=made,
        checks=Frozen(
            {f"check: {cell} energy": Quantity(value, "J", other) for cell, value in checks.items()}
        ),
        node=node,
        flipflop=flipflop or _scaled(_DFXTP, nand),
    )


_DFXTP = FlipFlop(
    name="dfxtp_1",
    area=20.0192,
    leakage=8.439e-12,
    clock_energy=4.013e-14,
    clock_capacitance=1.794e-15,
    energy=2.519e-14,
    capacitance=1.678e-15,
    delay=2.913e-10,
    setup=1.08e-10,
    source=Source(
        "derived",
        "sky130_fd_sc_hd__dfxtp_1__tt_025C_1v80.lib.json (google/skywater-pdk-libs-sky130_fd_sc_hd)",
        DERIVATION,
    ),
)
_SKY130_NAND2 = Cell("nand2_1", ("A", "B"), 14, 3.7536, 7.475e-15, 2.118e-12, 5.243e-11, 6335.0, 2.319e-15)


def _scaled(known: FlipFlop, nand: Cell) -> FlipFlop:
    """A flip-flop whose figures are as many times the library's NAND2's as sky130hd's are of its own."""

    def like(value: float, name: str) -> float:
        return value / getattr(_SKY130_NAND2, name) * getattr(nand, name)

    return FlipFlop(
        name="flip-flop",
        area=like(known.area, "area"),
        leakage=like(known.leakage, "leakage"),
        clock_energy=like(known.clock_energy, "energy"),
        clock_capacitance=like(known.clock_capacitance, "capacitance"),
        energy=like(known.energy, "energy"),
        capacitance=like(known.capacitance, "capacitance"),
        delay=like(known.delay, "delay"),
        setup=like(known.setup, "delay"),
        source=Source("assumed", "not read: as many times the NAND2's figures as dfxtp_1 of sky130hd has"),
    )


_NANGATE45 = _library(
    "nangate45",
    "Nangate 45 nm open cell library, typical, 1.1 V, 25 C",
    "NangateOpenCellLibrary_typical.lib (2011)",
    (1.1, 1.632e-15, 7.552e-12),
    (
        ("INV_X1", "A ZN", 2, 0.532, 1.909e-15, 1.435e-08, 1.171e-11, 2706.0, 1.7e-15),
        ("NAND2_X1", "A1 A2 ZN", 14, 0.798, 2.319e-15, 1.739e-08, 1.578e-11, 2573.0, 1.632e-15),
        ("NOR2_X1", "A1 A2 ZN", 8, 0.798, 2.337e-15, 2.12e-08, 2.709e-11, 5205.0, 1.683e-15),
        ("XOR2_X1", "A B Z", 6, 1.596, 3.964e-15, 3.616e-08, 5.427e-11, 1946.0, 2.322e-15),
    ),
    {"NAND2_X1": 2.3e-15, "XOR2_X1": 3.9e-15},
    node="45 nm",
)

_SKY130HD = _library(
    "sky130hd",
    "SkyWater 130 nm, sky130_fd_sc_hd, typical, 1.8 V, 25 C",
    "sky130_fd_sc_hd tt_025C_1v80",
    (1.8, 2.319e-15, 3.231e-11),
    (
        ("inv_1", "A Y", 2, 3.7536, 6.531e-15, 5.327e-12, 4.046e-11, 5929.0, 2.302e-15),
        ("nand2_1", "A B Y", 14, 3.7536, 7.475e-15, 2.118e-12, 5.243e-11, 6335.0, 2.319e-15),
        ("nor2_1", "A B Y", 8, 3.7536, 7.927e-15, 1.97e-12, 8.54e-11, 12710.0, 2.363e-15),
        ("xor2_1", "A B X", 6, 8.7584, 1.176e-14, 4.278e-12, 1.456e-10, 5904.0, 4.358e-15),
    ),
    {"nand2_1": 7.2e-15, "xor2_1": 11.6e-15},
    "the delay of xor2_1 leaves its inverting edges from A unread",
    node="130 nm",
    flipflop=_DFXTP,
)

_IHP_SG13G2 = _library(
    "ihp-sg13g2",
    "IHP SG13G2 130 nm, typical, 1.2 V, 25 C",
    "sg13g2_stdcell_typ_1p20V_25C.lib (IHP-Open-PDK, 2023)",
    (1.2, 2.988e-15, 2.741e-11),
    (
        ("inv_1", "A Y", 2, 5.4432, 3.725e-15, 6.297e-11, 2.886e-11, 2920.0, 2.894e-15),
        ("nand2_1", "A B Y", 14, 7.2576, 4.619e-15, 8.122e-11, 4.478e-11, 4182.0, 2.988e-15),
        ("nor2_1", "A B Y", 8, 7.2576, 4.721e-15, 8.294e-11, 5.622e-11, 5853.0, 2.989e-15),
        ("xor2_1", "A B X", 6, 14.5152, 9.738e-15, 1.848e-10, 9.645e-11, 2747.0, 5.489e-15),
    ),
    {"nand2_1": 4.7e-15, "xor2_1": 9.6e-15},
    node="130 nm",
)

_ASAP7 = _library(
    "asap7",
    "ASAP7 7 nm predictive library, 7.5 tracks, regular threshold, typical, 0.7 V, 25 C",
    "asap7sc7p5t SIMPLE_RVT_TT_nldm_211120.lib, INVBUF_RVT_TT_nldm_220122.lib",
    (0.7, 5.097e-16, 1.145e-11),
    (
        ("INVxp33", "A Y", 2, 0.04374, 1.473e-16, 1.706e-11, 1.32e-11, 12050.0, 2.757e-16),
        ("INVxp67", "A Y", 2, 0.04374, 1.579e-16, 3.411e-11, 9.474e-12, 6557.0, 4.432e-16),
        ("NAND2xp5", "A B Y", 14, 0.05832, 1.781e-16, 4.963e-11, 1.112e-11, 6155.0, 5.097e-16),
        ("XOR2xp5", "A B Y", 6, 0.13122, 2.721e-16, 1.342e-10, 2.173e-11, 8060.0, 9.816e-16),
    ),
    {"NAND2xp5": 0.19e-15, "XOR2xp5": 0.29e-15},
    "the delay of XOR2xp5 leaves three of its eight edges from B unread",
    node="7 nm",
)

CELL_LIBRARIES = Registry("cell library", [(x.name, x) for x in (_NANGATE45, _SKY130HD, _IHP_SG13G2, _ASAP7)])
