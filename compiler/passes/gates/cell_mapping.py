"""Map a circuit to the cells of a library, with real inverters.

Every two-input gate may show its value or the complement. For each of these two phases the best
match of a cut (`cell_cuts`) with a cell (`cell_matches`) is chosen, or
an inverter behind the other phase. Best is the least area flow: the cell's area plus that of what
it reads, each divided by its fan-out in the cover before (V. Manohararajah, S. D. Brown and
Z. G. Vranesic, Heuristics for area minimization in LUT-based FPGA technology mapping, IEEE TCAD
25(11), 2006); after that exact area: what a match would add to the cover as it stands. With
objective="delay" arrival comes first, and both areas only count where there is slack.
"""

from __future__ import annotations

import numpy as np

from compiler.cell_counts import cell_area
from compiler.errors import NetlistError
from compiler.ir.cells import CONSTANT_0, CONSTANT_1, CellNetlist, verify_cells
from compiler.ir.gates import TWO_INPUT, XNOR, XOR, GateNetlist
from compiler.ir.kinds import expect
from compiler.jit import interpreted_if_cheap
from compiler.passes.gates.cell_adders import adder_cells, choose_phases, cut_open, find_adders, put_back
from compiler.passes.gates.cell_cuts import Subject, cut_circuit
from compiler.passes.gates.cell_mapping_kernels import INVERT, SOURCE, cover
from compiler.passes.gates.cell_matches import XOR_TABLE, Matches, find_matches
from compiler.passes.gates.expand_xor import expand_xor
from hw_models.cells import CellLibrary

OBJECTIVES = ("area", "delay")
INTERPRETED = 3e-4  # CPU seconds a gate without compiled kernels
FLOW_ROUNDS, EXACT_ROUNDS = 3, 2


def map_cells(
    circuit: GateNetlist | Subject,
    library: CellLibrary,
    *,
    objective: str = "area",
    adders: bool = True,
    rounds: int = FLOW_ROUNDS,
) -> CellNetlist:
    """The circuit in cells of the library; every root keeps its function.

    circuit : a netlist, or what cut_circuit made of it (to map it to several libraries)
    objective : "area", or "delay" (least sum of cell delays at the library's load, then area)
    rounds : by area flow, before exact areas; more are not always better

    Where no cell computes xor, the subject mapped (CellNetlist.subject) is the circuit with its
    exclusive gates expanded. Cells of more than four inputs are not used. With objective "area" and
    `adders`, full and half adders of two outputs are tried where the library has them, and kept if
    the whole becomes smaller.

    Raises NetlistError for another objective, HardwareError as find_matches,
    UnsupportedError for what is no circuit of gates.
    """
    if not isinstance(circuit, Subject):
        expect(circuit, "gates", "map_cells", "map the circuit of gates itself")
    if objective not in OBJECTIVES:
        raise NetlistError(
            f"cell mapping: objective {objective!r} is unknown; choose one of {', '.join(OBJECTIVES)}"
        )
    fast = objective == "delay"
    matches = find_matches(library, fast)
    subject = circuit if isinstance(circuit, Subject) else cut_circuit(circuit)
    mapped = _map(subject, library, matches, fast, rounds)
    if fast or not adders:
        return mapped
    cells = adder_cells(library)
    least, best = cell_area(mapped), None
    for widths in [(width,) for width in sorted(cells)[-1:]] + [(2, 3)] * (len(cells) > 1):
        found = choose_phases(find_adders(subject, widths), cells, subject.netlist.n_inputs)
        if not found:
            continue
        rest = _map(cut_circuit(cut_open(subject.netlist, found, cells)), library, matches, fast, rounds)
        area = cell_area(rest) + sum(cells[len(adder.leaves)].area for adder in found)
        if area < least:
            least, best = area, (rest, found)
    return mapped if best is None else put_back(best[0], subject.netlist, best[1], cells)


def _map(subject: Subject, library: CellLibrary, matches: Matches, fast: bool, rounds: int) -> CellNetlist:
    if not matches.computes(XOR_TABLE) and np.isin(subject.netlist.op, (XOR, XNOR)).any():
        subject = cut_circuit(expand_xor(subject.netlist))
    roots = subject.literals[subject.netlist.roots]
    two_input = np.flatnonzero(TWO_INPUT[subject.netlist.op]) + subject.netlist.n_inputs
    with interpreted_if_cheap(INTERPRETED * two_input.size, cover, compiling=8.0):
        choice, match, refs = cover(
            subject.netlist.n_inputs,
            two_input,
            roots[roots >= 0],
            subject.leaves,
            subject.size,
            subject.table,
            subject.count,
            matches.start,
            matches.cell,
            matches.leaf,
            matches.negated,
            matches.area,
            matches.delay,
            matches.inverter,
            fast,
            rounds,
            EXACT_ROUNDS,
        )
    mapped = _build(subject, library, matches, choice, match, refs)
    verify_cells(mapped)
    return mapped


def _build(
    subject: Subject,
    library: CellLibrary,
    matches: Matches,
    choice: np.ndarray,
    match: np.ndarray,
    refs: np.ndarray,
) -> CellNetlist:
    """Cells of the cover in topological order."""
    n = subject.netlist.n_inputs
    net_of = np.full((subject.netlist.n_nets, 2), -1, dtype=np.int64)
    net_of[:n, 0] = np.arange(n)
    cells: list[int] = []
    fanin: list[int] = []
    indptr = [0]
    origin: list[int] = []
    inverted: list[bool] = []

    def add(cell: int, nets: list[int], net: int, phase: int) -> None:
        net_of[net, phase] = n + len(cells)
        cells.append(cell)
        fanin.extend(nets)
        indptr.append(len(fanin))
        origin.append(net)
        inverted.append(bool(phase))

    for net in np.flatnonzero(refs.any(axis=1)).tolist():
        # the phase an inverter makes comes after the one it reads
        for phase in (1, 0) if choice[net, 0] == INVERT else (0, 1):
            if not refs[net, phase] or choice[net, phase] == SOURCE:
                continue
            if choice[net, phase] == INVERT:
                add(matches.inverter, [int(net_of[net, 1 - phase])], net, phase)
                continue
            cut, m = int(choice[net, phase]), int(match[net, phase])
            pins = matches.leaf[m, : library.cells[matches.cell[m]].n_inputs].tolist()
            negated = int(matches.negated[m])
            nets = [int(net_of[subject.leaves[net, cut, i], negated >> i & 1]) for i in pins]
            add(int(matches.cell[m]), nets, net, phase)
    roots = [
        (CONSTANT_1 if literal == -1 else CONSTANT_0)
        if literal < 0
        else int(net_of[literal >> 1, literal & 1])
        for literal in subject.literals[subject.netlist.roots].tolist()
    ]
    return CellNetlist(
        library=library,
        input_names=subject.netlist.input_names,
        output_names=subject.netlist.output_names,
        cell=np.array(cells, dtype=np.int32),
        indptr=np.array(indptr, dtype=np.int64),
        fanin=np.array(fanin, dtype=np.int32),
        roots=np.array(roots, dtype=np.int32),
        subject=subject.netlist,
        origin=np.array(origin, dtype=np.int32),
        inverted=np.array(inverted, dtype=bool),
        instance=np.arange(len(cells), dtype=np.int32),
    )
