"""Models in, netlists out: schemas, the IR, front ends, passes, file formats, a slow reference.

Names are imported on first use, so that `import compiler` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compiler.api import compile_circuit, compile_model, to_netlist
    from compiler.backends.circuits import export_circuit
    from compiler.backends.ising_files import export_ising
    from compiler.counts import gate_counts, synthesis_counts
    from compiler.equivalence import check_equal
    from compiler.frontends.bqm import from_bqm
    from compiler.frontends.circuits import read_circuit
    from compiler.frontends.detect import Options, read_model_or_netlist
    from compiler.frontends.dimacs import from_clauses
    from compiler.frontends.ebm_chain import lower_ebm_chain
    from compiler.frontends.gaussian import lower_gaussian
    from compiler.frontends.graph import from_graph
    from compiler.frontends.hopfield import lower_hopfield
    from compiler.frontends.invertible import invertible
    from compiler.frontends.ising import lower_ising
    from compiler.frontends.ising_files import read_ising
    from compiler.frontends.logic import lower_logic
    from compiler.frontends.machine import lower_machine
    from compiler.frontends.mlp import lower_mlp
    from compiler.frontends.onnx import read_onnx
    from compiler.frontends.oscillator import lower_oscillator
    from compiler.frontends.rbm import lower_rbm
    from compiler.frontends.resistive import lower_resistive
    from compiler.frontends.sklearn import from_sklearn
    from compiler.frontends.thrml import from_thrml
    from compiler.frontends.torch import from_module, from_state_dict, read_torch
    from compiler.gates.arithmetic import multiplier
    from compiler.gates.evaluate import evaluate
    from compiler.ir.container import load, save
    from compiler.ir.gates import GateNetlist, make_gates, verify_gates
    from compiler.ir.gates_text import dump_gates, parse_gates
    from compiler.ir.langevin import LangevinNetlist
    from compiler.ir.luts import LutNetlist
    from compiler.ir.symmetry import is_gradient, is_symmetric
    from compiler.ir.text import dump, equal, parse
    from compiler.ir.verify import verify
    from compiler.models.clamp import clamp_spins
    from compiler.models.ebm_chain import EbmChain
    from compiler.models.gaussian import GaussianModel, gaussian
    from compiler.models.hopfield import HopfieldNetwork
    from compiler.models.ising import IsingModel, from_edges
    from compiler.models.ising_graphs import boltzmann_machine, grid_ebm, grid_graph, hopfield_memory
    from compiler.models.logic import LogicLayer, LogicNetwork
    from compiler.models.machine import LangevinMachine
    from compiler.models.mlp import MLP
    from compiler.models.oscillator import OscillatorNetwork
    from compiler.models.rbm import RBM
    from compiler.models.resistive import ResistiveNetwork
    from compiler.models.store import load_model, save_model
    from compiler.passes.cell_mapping import map_cells
    from compiler.passes.heads import lower_head
    from compiler.passes.legalize import legalize
    from compiler.passes.lut_map import map_luts
    from compiler.pipelines import simplify_gates

_HOMES = {
    "EbmChain": "compiler.models.ebm_chain",
    "GateNetlist": "compiler.ir.gates",
    "GaussianModel": "compiler.models.gaussian",
    "HopfieldNetwork": "compiler.models.hopfield",
    "IsingModel": "compiler.models.ising",
    "LangevinMachine": "compiler.models.machine",
    "LangevinNetlist": "compiler.ir.langevin",
    "LogicLayer": "compiler.models.logic",
    "LogicNetwork": "compiler.models.logic",
    "LutNetlist": "compiler.ir.luts",
    "MLP": "compiler.models.mlp",
    "OscillatorNetwork": "compiler.models.oscillator",
    "Options": "compiler.frontends.detect",
    "RBM": "compiler.models.rbm",
    "ResistiveNetwork": "compiler.models.resistive",
    "boltzmann_machine": "compiler.models.ising_graphs",
    "check_equal": "compiler.equivalence",
    "clamp_spins": "compiler.models.clamp",
    "compile_circuit": "compiler.api",
    "compile_model": "compiler.api",
    "dump": "compiler.ir.text",
    "dump_gates": "compiler.ir.gates_text",
    "equal": "compiler.ir.text",
    "evaluate": "compiler.gates.evaluate",
    "export_circuit": "compiler.backends.circuits",
    "export_ising": "compiler.backends.ising_files",
    "from_bqm": "compiler.frontends.bqm",
    "from_clauses": "compiler.frontends.dimacs",
    "from_edges": "compiler.models.ising",
    "from_graph": "compiler.frontends.graph",
    "from_module": "compiler.frontends.torch",
    "from_sklearn": "compiler.frontends.sklearn",
    "from_state_dict": "compiler.frontends.torch",
    "from_thrml": "compiler.frontends.thrml",
    "gaussian": "compiler.models.gaussian",
    "gate_counts": "compiler.counts",
    "grid_ebm": "compiler.models.ising_graphs",
    "grid_graph": "compiler.models.ising_graphs",
    "hopfield_memory": "compiler.models.ising_graphs",
    "invertible": "compiler.frontends.invertible",
    "is_gradient": "compiler.ir.symmetry",
    "is_symmetric": "compiler.ir.symmetry",
    "legalize": "compiler.passes.legalize",
    "load": "compiler.ir.container",
    "load_model": "compiler.models.store",
    "lower_ebm_chain": "compiler.frontends.ebm_chain",
    "lower_gaussian": "compiler.frontends.gaussian",
    "lower_head": "compiler.passes.heads",
    "lower_hopfield": "compiler.frontends.hopfield",
    "lower_ising": "compiler.frontends.ising",
    "lower_logic": "compiler.frontends.logic",
    "lower_machine": "compiler.frontends.machine",
    "lower_mlp": "compiler.frontends.mlp",
    "lower_oscillator": "compiler.frontends.oscillator",
    "lower_rbm": "compiler.frontends.rbm",
    "lower_resistive": "compiler.frontends.resistive",
    "make_gates": "compiler.ir.gates",
    "map_cells": "compiler.passes.cell_mapping",
    "map_luts": "compiler.passes.lut_map",
    "multiplier": "compiler.gates.arithmetic",
    "parse": "compiler.ir.text",
    "parse_gates": "compiler.ir.gates_text",
    "read_circuit": "compiler.frontends.circuits",
    "read_ising": "compiler.frontends.ising_files",
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
    "RBM",
    "EbmChain",
    "GateNetlist",
    "GaussianModel",
    "HopfieldNetwork",
    "IsingModel",
    "LangevinMachine",
    "LangevinNetlist",
    "LogicLayer",
    "LogicNetwork",
    "LutNetlist",
    "Options",
    "OscillatorNetwork",
    "ResistiveNetwork",
    "boltzmann_machine",
    "check_equal",
    "clamp_spins",
    "compile_circuit",
    "compile_model",
    "dump",
    "dump_gates",
    "equal",
    "evaluate",
    "export_circuit",
    "export_ising",
    "from_bqm",
    "from_clauses",
    "from_edges",
    "from_graph",
    "from_module",
    "from_sklearn",
    "from_state_dict",
    "from_thrml",
    "gate_counts",
    "gaussian",
    "grid_ebm",
    "grid_graph",
    "hopfield_memory",
    "invertible",
    "is_gradient",
    "is_symmetric",
    "legalize",
    "load",
    "load_model",
    "lower_ebm_chain",
    "lower_gaussian",
    "lower_head",
    "lower_hopfield",
    "lower_ising",
    "lower_logic",
    "lower_machine",
    "lower_mlp",
    "lower_oscillator",
    "lower_rbm",
    "lower_resistive",
    "make_gates",
    "map_cells",
    "map_luts",
    "multiplier",
    "parse",
    "parse_gates",
    "read_circuit",
    "read_ising",
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
