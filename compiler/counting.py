"""What a netlist consists of, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from compiler.cell_counts import cell_area
from compiler.circuits.adders import ADDERS
from compiler.circuits.encoder import Grid, inputs_read, with_encoder
from compiler.circuits.small_functions import costs
from compiler.errors import UnsupportedError
from compiler.ir.cells import CellNetlist
from compiler.ir.encoders import Encoder, Thermometer
from compiler.ir.gates import BUF, NONE, NOT, OP_NAMES, TWO_INPUT, GateNetlist
from compiler.ir.kinds import kind_of
from compiler.ir.langevin import CouplingKind, LangevinNetlist, Role
from compiler.ir.luts import LutNetlist, lut_depth
from compiler.ir.symmetry import antisymmetric_fraction, is_gradient, is_symmetric
from compiler.ir.tiles import TileNetlist, usage
from compiler.passes.gates.heads import lower_head
from compiler.passes.gates.local import live_gates
from compiler.passes.gates.lut_map import map_luts
from compiler.passes.units import largest_coupling
from compiler.pipelines import simplify


def counts(netlist: Any) -> dict[str, Any]:
    """JSON-able counts of a netlist of any kind; what they mean is told by langevin_counts,
    gate_counts, lut_counts, cell_counts and tile_counts.

    Raises UnsupportedError for what is no netlist.
    """
    return COUNTS[kind_of(netlist).name](netlist)


def langevin_counts(netlist: LangevinNetlist) -> dict[str, Any]:
    """JSON-able counts of cells and couplings.

    cells : by role (`output` cells are dynamic, too, but not counted as `dynamic`)
    couplings : by kind, and `from_inputs`, `total`; parameters : independent weights (ties once)
    degree_max, degree_mean : couplings into a dynamic cell
    largest_coupling : |W|; symmetric : W_ij = W_ji among dynamic cells in every group
    antisymmetric_fraction : of the linear couplings among dynamic cells, see ir.symmetry
    gradient : whether the force is the gradient of a potential
    duration : time units of the whole schedule; bytes : of all columns in memory
    """
    cells = netlist.cells
    frozen = cells.frozen
    degree = np.zeros(netlist.n_cells, dtype=np.int64)
    for c in netlist.couplings:
        degree += np.diff(c.indptr)
    driven = degree[~frozen]
    linear = [c for c in netlist.couplings if c.kind == CouplingKind.LINEAR]
    return {
        "cells": {
            "input": int(frozen.sum()),
            "dynamic": int((cells.role == Role.DYNAMIC).sum()),
            "output": int((cells.role == Role.OUTPUT).sum()),
            "total": netlist.n_cells,
        },
        "couplings": {
            **{CouplingKind(c.kind).name.lower(): len(c) for c in netlist.couplings},
            "from_inputs": int(sum(frozen[c.indices].sum() for c in netlist.couplings)),
            "total": netlist.n_couplings,
        },
        "parameters": int(sum(c.weight.size for c in netlist.couplings)),
        "degree_max": int(driven.max(initial=0)),
        "degree_mean": float(driven.mean()) if driven.size else 0.0,
        "largest_coupling": largest_coupling(netlist),
        "symmetric": all(is_symmetric(c, ignore=frozen) for c in netlist.couplings),
        "antisymmetric_fraction": (antisymmetric_fraction(linear[0], ignore=frozen) if linear else 0.0),
        "gradient": is_gradient(netlist),
        "duration": float(sum(p.duration for p in netlist.schedule)),
        "bytes": _bytes(netlist),
    }


def _bytes(netlist: LangevinNetlist) -> int:
    columns = list(netlist.cells.columns().values())
    for c in netlist.couplings:
        columns += [c.indptr, c.indices, c.weight] + ([] if c.tie is None else [c.tie])
    if netlist.noise is not None:
        columns.append(netlist.noise)
    return sum(column.nbytes for column in columns)


def gate_counts(netlist: GateNetlist) -> dict[str, Any]:
    """JSON-able counts of a circuit; every definition by its name.

    inputs, outputs : primary ones; class_nets : nets counted by the class sums
    declared : gates in the netlist, of any op
    live : gates that an output or a class sum depends on
    two_input : live gates that depend on both operands, without inverters, buffers, constants
    inverters, buffers, constants : live ones
    depth : two-input gates on the longest path to an output; inverters and buffers count nothing
    ops : live gates by op
    """
    alive = live_gates(netlist)
    ops = netlist.op[alive]
    by_op = np.bincount(ops, minlength=16)
    return {
        "inputs": netlist.n_inputs,
        "outputs": netlist.n_outputs,
        "class_nets": 0 if netlist.class_sums is None else int(netlist.class_sums.nets.size),
        "gates": {
            "declared": netlist.n_gates,
            "live": int(ops.size),
            "two_input": int(TWO_INPUT[ops].sum()),
            "inverters": int(by_op[NOT] + by_op[10]),
            "buffers": int(by_op[BUF] + by_op[5]),
            "constants": int(by_op[0] + by_op[15]),
        },
        "depth": gate_depth(netlist),
        "ops": {OP_NAMES[op]: int(by_op[op]) for op in np.flatnonzero(by_op)},
    }


def lut_counts(netlist: LutNetlist) -> dict[str, Any]:
    """JSON-able counts of a circuit of tables.

    inputs, outputs, class_nets : as in gate_counts; k : operands of a table at most
    tables : all of them by their operands, those of 0 and 1 being constants and inverters
    depth : tables of two operands or more on the longest path
    """
    widths = np.bincount(netlist.widths, minlength=netlist.k + 1)
    return {
        "inputs": netlist.n_inputs,
        "outputs": netlist.n_outputs,
        "class_nets": 0 if netlist.class_sums is None else int(netlist.class_sums.nets.size),
        "k": netlist.k,
        "tables": {"total": netlist.n_luts, **{str(w): int(m) for w, m in enumerate(widths) if m}},
        "depth": lut_depth(netlist),
    }


def cell_counts(netlist: CellNetlist) -> dict[str, Any]:
    """JSON-able counts of a circuit of library cells.

    inputs, outputs, roots : named ones, and every net that is looked at
    cells : all of them and by name; area : um2
    """
    names = Counter(netlist.names())
    return {
        "library": netlist.library.name,
        "inputs": netlist.n_inputs,
        "outputs": len(netlist.output_names),
        "roots": int(netlist.roots.size),
        "cells": {"total": names.total(), **dict(sorted(names.items()))},
        "area": cell_area(netlist),
    }


def tile_counts(netlist: TileNetlist) -> dict[str, Any]:
    """JSON-able counts of a network on tiles.

    inputs, answers : values; layers : by what they are; parameters : weights and biases, a shared one once
    multiplications : of the network, an answer
    tiles, devices, lines, pairs : of all layers, see compiler.ir.tiles.Usage
    reads : of tiles, one after another, an answer
    input_conversions, output_conversions, sums : an answer
    slices, weight_bits : of a weight's magnitude, None: not rounded
    """
    used, network, layout = usage(netlist), netlist.network, netlist.layout
    weighted = [layer for layer, _, _ in network.weighted]
    convolutions = sum(layer.window is not None for layer in weighted)
    return {
        "inputs": network.n_inputs,
        "answers": network.n_answers,
        "layers": {
            "dense": len(weighted) - convolutions,
            "convolution": convolutions,
            "pooling": len(network.layers) - len(weighted),
        },
        "parameters": int(sum(layer.weight.size + layer.bias.size for layer in weighted)),
        "multiplications": int(
            sum(after[0] * after[1] * layer.weight.size for layer, _, after in network.weighted)
        ),
        "slices": layout.slices,
        "weight_bits": None if layout.slice_bits is None else layout.slices * layout.slice_bits,
        **{
            name: int(sum(getattr(layer, name) for layer in used))
            for name in (
                *("tiles", "devices", "lines", "pairs", "reads"),
                *("input_conversions", "output_conversions", "sums"),
            )
        },
    }


# by the names of compiler.ir.kinds
COUNTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "langevin": langevin_counts,
    "gates": gate_counts,
    "luts": lut_counts,
    "cells": cell_counts,
    "tiles": tile_counts,
}


def synthesis_counts(netlist: GateNetlist, *, level: int = 2) -> dict[str, Any]:
    """JSON-able counts of a circuit before and after -O `level`; every definition by its name.

    declared, live, two_input, depth : as in gate_counts, of the netlist as it is
    optimised : two-input gates after -O `level`, each with its depth; inverters are free
        without_head : what makes the outputs and the nets that the class sums count
        with_head : and the popcounts and the decision, for netlists with class sums: by either
            adder, see lower_head (the head is made after the optimisation and cleaned at level 1)
    head : two-input gates of the head alone, with_head less without_head
    luts : tables of 2 to 4 and 2 to 6 inputs (inverters and constants are not counted), with their
        depth, after optimisation, without head
    """
    whole = gate_counts(netlist)
    small = simplify(netlist, level)
    body = _size(small)
    result: dict[str, Any] = {
        "declared": whole["gates"]["declared"],
        "live": whole["gates"]["live"],
        "two_input": whole["gates"]["two_input"],
        "depth": whole["depth"],
        "optimised": {"without_head": body},
    }
    if netlist.class_sums is not None:
        heads = {
            adder: _size(simplify(lower_head(small, sums=False, adder=adder), min(level, 1)))
            for adder in ADDERS
        }
        result["optimised"]["with_head"] = heads
        result["head"] = {name: size["gates"] - body["gates"] for name, size in heads.items()}
    result["luts"] = {}
    for k in (4, 6):
        luts = map_luts(small, k)
        tables = int((luts.widths > 1).sum())
        result["luts"][str(k)] = {"tables": tables, "depth": lut_depth(luts)}
    return result


def whole_counts(netlist: GateNetlist, grid: Grid | None = None, level: int = 1) -> dict[str, int]:
    """Two-input gates of a classifier after -O `level`, with ever more of the machine counted.

    core : what makes the nets that class sums count
    with_head : and the popcounts and the decision, by the smaller adder, cleaned at level 1
    with_encoder_and_head : and what makes the input bits of the data's binary digits, live gates as they are
        lowered; left out where there is no encoder or no gates make its bits
    grid : what whole numbers the data are (compiler.circuits.encoder.grid_of), which thermometers need
    """
    small = simplify(netlist, level)
    found = {"core": _size(small)["gates"]}
    whole = small
    if netlist.class_sums is not None:
        whole = simplify(lower_head(small, sums=False), 1)
        found["with_head"] = _size(whole)["gates"]
    try:
        whole = with_encoder(whole, grid)  # not simplified: it may have millions of gates
    except UnsupportedError:
        return found
    return {**found, "with_encoder_and_head": _size(whole)["gates"]}


def bits_read(netlist: GateNetlist) -> int:
    """Inputs that the circuit reads after -O1: of those that an encoder offers, the ones that are made."""
    return int(inputs_read(simplify(netlist, 1)).size)


def shared_counts(encoder: Encoder) -> dict[str, int]:
    """Tables that an encoder applies at many places, counted both ways; nothing where there are none.

    tables, places : how many, and how often they are applied in all
    gates_unrolled : two-input gates where every application has its own, as whole_counts counts them but for
        gates that neighbours share
    gates_once : of one gate circuit a table, which one place after another takes
    memory_bits : beside these, a bit for each application, in which its answer waits to be counted
    """
    if isinstance(encoder, Thermometer) or not encoder.shared.n_tables:
        return {}
    shared = encoder.shared
    cost = costs(shared.table, shared.inputs).astype(np.int64)
    return {
        "tables": shared.n_tables,
        "places": shared.n_applied,
        "gates_unrolled": int(cost[shared.applied].sum()),
        "gates_once": int(cost.sum()),
        "memory_bits": shared.n_applied,
    }


def _size(netlist: GateNetlist) -> dict[str, int]:
    counted = gate_counts(netlist)
    return {"gates": counted["gates"]["two_input"], "depth": counted["depth"]}


def gate_depth(netlist: GateNetlist) -> int:
    """Two-input gates on the longest path from an input or constant to a root."""
    levels = [0] * netlist.n_inputs
    weights = TWO_INPUT[netlist.op].astype(int).tolist()
    for weight, a, b in zip(weights, netlist.a.tolist(), netlist.b.tolist(), strict=True):
        levels.append(weight + max(0 if a == NONE else levels[a], 0 if b == NONE else levels[b]))
    return max((levels[net] for net in netlist.roots.tolist()), default=0)
