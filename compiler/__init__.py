"""Models in, netlists out: schemas, the IR, front ends, passes, file formats, a slow reference.

Names are imported on first use, so that `import compiler` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compiler.api import compile_circuit, compile_model, to_netlist
    from compiler.backends.circuits import export_circuit
    from compiler.counts import gate_counts, synthesis_counts
    from compiler.equivalence import check_equal
    from compiler.frontends.circuits import read_circuit
    from compiler.frontends.detect import Options, read_model_or_netlist
    from compiler.frontends.hopfield import lower_hopfield
    from compiler.frontends.logic import lower_logic
    from compiler.frontends.machine import lower_machine
    from compiler.frontends.mlp import lower_mlp
    from compiler.frontends.onnx import read_onnx
    from compiler.frontends.resistive import lower_resistive
    from compiler.frontends.sklearn import from_sklearn
    from compiler.frontends.torch import from_module, from_state_dict, read_torch
    from compiler.gates.evaluate import evaluate
    from compiler.ir.container import load, save
    from compiler.ir.gates import GateNetlist, make_gates, verify_gates
    from compiler.ir.gates_text import dump_gates, parse_gates
    from compiler.ir.langevin import LangevinNetlist
    from compiler.ir.luts import LutNetlist
    from compiler.ir.symmetry import is_gradient, is_symmetric
    from compiler.ir.text import dump, equal, parse
    from compiler.ir.verify import verify
    from compiler.models.hopfield import HopfieldNetwork
    from compiler.models.logic import LogicLayer, LogicNetwork
    from compiler.models.machine import LangevinMachine
    from compiler.models.mlp import MLP
    from compiler.models.resistive import ResistiveNetwork
    from compiler.models.store import load_model, save_model
    from compiler.passes.cell_mapping import map_cells
    from compiler.passes.heads import lower_head
    from compiler.passes.legalize import legalize
    from compiler.passes.lut_map import map_luts
    from compiler.pipelines import simplify_gates

_HOMES = {
    "GateNetlist": "compiler.ir.gates",
    "HopfieldNetwork": "compiler.models.hopfield",
    "LangevinMachine": "compiler.models.machine",
    "LangevinNetlist": "compiler.ir.langevin",
    "LogicLayer": "compiler.models.logic",
    "LogicNetwork": "compiler.models.logic",
    "LutNetlist": "compiler.ir.luts",
    "MLP": "compiler.models.mlp",
    "Options": "compiler.frontends.detect",
    "ResistiveNetwork": "compiler.models.resistive",
    "check_equal": "compiler.equivalence",
    "compile_circuit": "compiler.api",
    "compile_model": "compiler.api",
    "dump": "compiler.ir.text",
    "dump_gates": "compiler.ir.gates_text",
    "equal": "compiler.ir.text",
    "evaluate": "compiler.gates.evaluate",
    "export_circuit": "compiler.backends.circuits",
    "from_module": "compiler.frontends.torch",
    "from_sklearn": "compiler.frontends.sklearn",
    "from_state_dict": "compiler.frontends.torch",
    "gate_counts": "compiler.counts",
    "is_gradient": "compiler.ir.symmetry",
    "is_symmetric": "compiler.ir.symmetry",
    "legalize": "compiler.passes.legalize",
    "load": "compiler.ir.container",
    "load_model": "compiler.models.store",
    "lower_head": "compiler.passes.heads",
    "lower_hopfield": "compiler.frontends.hopfield",
    "lower_logic": "compiler.frontends.logic",
    "lower_machine": "compiler.frontends.machine",
    "lower_mlp": "compiler.frontends.mlp",
    "lower_resistive": "compiler.frontends.resistive",
    "make_gates": "compiler.ir.gates",
    "map_cells": "compiler.passes.cell_mapping",
    "map_luts": "compiler.passes.lut_map",
    "parse": "compiler.ir.text",
    "parse_gates": "compiler.ir.gates_text",
    "read_circuit": "compiler.frontends.circuits",
    "read_model_or_netlist": "compiler.frontends.detect",
    "read_onnx": "compiler.frontends.onnx",
    "read_torch": "compiler.frontends.torch",
    "save": "compiler.ir.container",
    "save_model": "compiler.models.store",
    "simplify_gates": "compiler.pipelines",
    "synthesis_counts": "compiler.counts",
    "to_netlist": "compiler.api",
    "verify": "compiler.ir.verify",
    "verify_gates": "compiler.ir.gates",
}

__all__ = [
    "MLP",
    "GateNetlist",
    "HopfieldNetwork",
    "LangevinMachine",
    "LangevinNetlist",
    "LogicLayer",
    "LogicNetwork",
    "LutNetlist",
    "Options",
    "ResistiveNetwork",
    "check_equal",
    "compile_circuit",
    "compile_model",
    "dump",
    "dump_gates",
    "equal",
    "evaluate",
    "export_circuit",
    "from_module",
    "from_sklearn",
    "from_state_dict",
    "gate_counts",
    "is_gradient",
    "is_symmetric",
    "legalize",
    "load",
    "load_model",
    "lower_head",
    "lower_hopfield",
    "lower_logic",
    "lower_machine",
    "lower_mlp",
    "lower_resistive",
    "make_gates",
    "map_cells",
    "map_luts",
    "parse",
    "parse_gates",
    "read_circuit",
    "read_model_or_netlist",
    "read_onnx",
    "read_torch",
    "save",
    "save_model",
    "simplify_gates",
    "synthesis_counts",
    "to_netlist",
    "verify",
    "verify_gates",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'compiler' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
