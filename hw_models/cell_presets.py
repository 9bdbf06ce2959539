"""Four public standard-cell libraries, typical corner, smallest drive: the cells mapping needs.

Every figure follows from the named Liberty file's tables by the rule of hw_models.characterise: of
nangate45 from the whole file, of the others from the interval of each table around load and slew.
`checks` are the energies of an independent derivation of the same files, two digits: ours are within
7 % of them. Cells that are not listed were not read; `thermoc estimate --library FILE.lib` uses a whole
library.
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


def _cell(called: str, name: str, pins: str, table: int, area: float, *figures: float) -> Cell:
    *inputs, output = pins.split()
    energy, leakage, delay, slope, capacitance = figures
    cell, slash, pin = name.partition("/")
    name = called.format(cell) + slash + pin
    macro = name.rpartition("/")[0]
    return Cell(name, tuple(inputs), table, area, energy, leakage, delay, slope, capacitance, output, macro)


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
    called: str = "{}",
    supplies: tuple[str, ...] = ("VDD", "VSS"),
) -> CellLibrary:
    """operating : supply V, load F, slew s; checks : J per toggle of cells by name; called : what the kit
    makes of a row's name
    """
    voltage, load, slew = operating
    source = Source("derived", file, "; ".join(x for x in (DERIVATION, note) if x))
    other = Source("derived", file, "energy per output toggle by another rule, two digits")
    made = tuple(_cell(called, *row) for row in rows)
    nand = next(cell for cell in made if cell.table == NAND2)
    known = {f"check: {called.format(cell)} energy": Quantity(j, "J", other) for cell, j in checks.items()}
    return CellLibrary(
        name=name,
        summary=summary,
        voltage=Quantity(voltage, "V", Source("code", file, "nom_voltage")),
        load=Quantity(load, "F", source),
        slew=Quantity(slew, "s", source),
        stated=Source("code", file),
        source=source,
        cells=made,
        checks=Frozen(known),
        node=node,
        flipflop=flipflop or _scaled(_DFXTP, nand),
        supplies=supplies,
    )


_DFXTP = FlipFlop(
    name="sky130_fd_sc_hd__dfxtp_1",
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
    pins=("CLK", "D", "Q"),
)
_DFF = FlipFlop(
    name="DFF_X1",
    area=4.522,
    leakage=7.911e-08,
    clock_energy=7.198e-15,
    clock_capacitance=9.497e-16,
    energy=1.12e-14,
    capacitance=1.14e-15,
    delay=8.836e-11,
    setup=3.729e-11,
    source=Source("derived", "NangateOpenCellLibrary_typical.lib (2011)", DERIVATION),
    pins=("CK", "D", "Q"),
)
_DFFHQN = FlipFlop(
    name="DFFHQNx1_ASAP7_75t_R",
    area=0.2916,
    leakage=2.297e-10,
    clock_energy=5.635e-16,
    clock_capacitance=4.747e-16,
    energy=7.139e-16,
    capacitance=5.588e-16,
    delay=4.766e-11,
    setup=1.013e-11,
    source=Source("derived", "asap7sc7p5t_SEQ_RVT_TT_nldm_220123.lib (OpenROAD-flow-scripts)", DERIVATION),
    pins=("CLK", "D", "QN"),
    inverts=True,
)
_SKY130_NAND2 = Cell(
    "sky130_fd_sc_hd__nand2_1", ("A", "B"), 14, 3.7536, 7.475e-15, 2.118e-12, 5.243e-11, 6335.0, 2.319e-15
)


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
        source=Source("assumed", "not read: as many times the NAND2's figures as that of sky130hd has"),
    )


_NANGATE45 = _library(
    "nangate45",
    "Nangate 45 nm open cell library, typical, 1.1 V, 25 C",
    "NangateOpenCellLibrary_typical.lib (2011)",
    (1.1, 1.632e-15, 7.552e-12),
    (
        ("INV_X1", "A ZN", 2, 0.532, 1.909e-15, 1.435e-08, 1.171e-11, 2706.0, 1.7e-15),
        ("BUF_X1", "A Z", 1, 0.798, 3.228e-15, 2.144e-08, 2.598e-11, 2217.0, 9.747e-16),
        ("NAND2_X1", "A1 A2 ZN", 14, 0.798, 2.319e-15, 1.739e-08, 1.578e-11, 2573.0, 1.632e-15),
        ("NAND3_X1", "A1 A2 A3 ZN", 254, 1.064, 2.786e-15, 1.81e-08, 1.996e-11, 3095.0, 1.621e-15),
        ("NAND4_X1", "A1 A2 A3 A4 ZN", 65534, 1.33, 3.335e-15, 1.813e-08, 2.963e-11, 3943.0, 1.604e-15),
        ("NOR2_X1", "A1 A2 ZN", 8, 0.798, 2.337e-15, 2.12e-08, 2.709e-11, 5205.0, 1.683e-15),
        ("NOR3_X1", "A1 A2 A3 ZN", 128, 1.064, 2.709e-15, 2.683e-08, 4.773e-11, 8031.0, 1.681e-15),
        ("NOR4_X1", "A1 A2 A3 A4 ZN", 32768, 1.33, 3.205e-15, 3.26e-08, 7.707e-11, 10940.0, 1.663e-15),
        ("AND2_X1", "A1 A2 ZN", 1, 1.064, 3.44e-15, 2.507e-08, 3.054e-11, 3241.0, 9.464e-16),
        ("AND3_X1", "A1 A2 A3 ZN", 1, 1.33, 3.705e-15, 2.648e-08, 4.247e-11, 3777.0, 9.24e-16),
        ("AND4_X1", "A1 A2 A3 A4 ZN", 1, 1.596, 3.971e-15, 2.702e-08, 5.636e-11, 4193.0, 9.069e-16),
        ("OR2_X1", "A1 A2 ZN", 7, 1.064, 3.411e-15, 2.269e-08, 4.87e-11, 2905.0, 9.444e-16),
        ("OR3_X1", "A1 A2 A3 ZN", 127, 1.33, 3.751e-15, 2.441e-08, 7.951e-11, 3512.0, 9.402e-16),
        ("OR4_X1", "A1 A2 A3 A4 ZN", 32767, 1.596, 4.064e-15, 2.673e-08, 1.149e-10, 3976.0, 9.294e-16),
        ("XOR2_X1", "A B Z", 6, 1.596, 3.964e-15, 3.616e-08, 5.427e-11, 1946.0, 2.322e-15),
        ("XNOR2_X1", "A B ZN", 9, 1.596, 3.919e-15, 3.644e-08, 3.784e-11, 2527.0, 2.403e-15),
        ("AOI21_X1", "A B1 B2 ZN", 224, 1.064, 2.829e-15, 2.786e-08, 3.814e-11, 5187.0, 1.65e-15),
        ("AOI22_X1", "A1 A2 B1 B2 ZN", 61152, 1.33, 3.218e-15, 3.261e-08, 4.449e-11, 5174.0, 1.646e-15),
        ("AOI211_X1", "A B C1 C2 ZN", 57344, 1.33, 3.29e-15, 3.457e-08, 6.612e-11, 8042.0, 1.653e-15),
        ("OAI21_X1", "A B1 B2 ZN", 248, 1.064, 2.838e-15, 2.262e-08, 3.056e-11, 5191.0, 1.635e-15),
        ("OAI22_X1", "A1 A2 B1 B2 ZN", 63624, 1.33, 3.202e-15, 3.403e-08, 4.156e-11, 5188.0, 1.634e-15),
        ("OAI211_X1", "A B C1 C2 ZN", 65528, 1.33, 3.289e-15, 2.204e-08, 3.312e-11, 5185.0, 1.606e-15),
        ("MUX2_X1", "A B S Z", 27, 1.862, 4.156e-15, 3.593e-08, 5.737e-11, 3121.0, 1.27e-15),
        ("HA_X1/CO", "A B CO", 1, 2.66, 3.139e-15, 6.123e-08, 3.021e-11, 3229.0, 3.317e-15),
        ("HA_X1/S", "A B S", 6, 2.66, 4.248e-15, 6.123e-08, 5.454e-11, 1937.0, 3.317e-15),
        ("FA_X1/CO", "A B CI CO", 23, 4.256, 4.617e-15, 7.576e-08, 7.371e-11, 3534.0, 3.327e-15),
        ("FA_X1/S", "A B CI S", 105, 4.256, 4.482e-15, 7.576e-08, 1.17e-10, 3218.0, 3.327e-15),
    ),
    {"NAND2_X1": 2.3e-15, "XOR2_X1": 3.9e-15},
    node="45 nm",
    flipflop=_DFF,
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
    "the delay of sky130_fd_sc_hd__xor2_1 leaves its inverting edges from A unread",
    node="130 nm",
    flipflop=_DFXTP,
    called="sky130_fd_sc_hd__{}",
    supplies=("VPWR", "VGND", "VPB", "VNB"),
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
    called="sg13g2_{}",
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
        ("NOR2xp33", "A B Y", 8, 0.05832, 1.632e-16, 2.736e-11, 1.403e-11, 11840.0, 3.437e-16),
        ("XOR2xp5", "A B Y", 6, 0.13122, 2.721e-16, 1.342e-10, 2.173e-11, 8060.0, 9.816e-16),
        ("XNOR2xp5", "A B Y", 9, 0.13122, 2.707e-16, 1.37e-10, 2.139e-11, 6584.0, 9.684e-16),
        ("HAxp5/CON", "A B CON", 14, 0.13122, 2.277e-16, 1.37e-10, 1.403e-11, 6187.0, 9.474e-16),
        ("HAxp5/SN", "A B SN", 9, 0.13122, 2.206e-16, 1.37e-10, 2.618e-11, 16220.0, 9.474e-16),
        ("FAx1/CON", "A B CI CON", 232, 0.20412, 2.651e-16, 2.122e-10, 2.078e-11, 8111.0, 1.773e-15),
        ("FAx1/SN", "A B CI SN", 150, 0.20412, 2.627e-16, 2.122e-10, 3.578e-11, 18930.0, 1.773e-15),
    ),
    {"NAND2xp5": 0.19e-15, "XOR2xp5": 0.29e-15},
    "the delay of XOR2xp5_ASAP7_75t_R leaves three of its eight edges from B unread",
    node="7 nm",
    flipflop=_DFFHQN,
    called="{}_ASAP7_75t_R",
)

CELL_LIBRARIES = Registry("cell library", [(x.name, x) for x in (_NANGATE45, _SKY130HD, _IHP_SG13G2, _ASAP7)])
