"""Models in, netlists out: schemas, the IR, front ends, passes, file formats, a slow reference.

Names are imported on first use, so that `import compiler` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compiler.api import compile_circuit, compile_model, to_netlist
    from compiler.circuits.arithmetic import multiplier
    from compiler.circuits.evaluate import evaluate
    from compiler.counts import gate_counts, synthesis_counts
    from compiler.equivalence import check_equal
    from compiler.families.clamp import clamp_spins
    from compiler.families.denoising_chain import DenoisingChain, lower_denoising_chain
    from compiler.families.gaussian import GaussianModel, gaussian, lower_gaussian
    from compiler.families.hopfield import HopfieldNetwork, lower_hopfield
    from compiler.families.ising import IsingModel, from_edges, lower_ising
    from compiler.families.ising_graphs import boltzmann_machine, grid_ebm, grid_graph, hopfield_memory
    from compiler.families.logic import LogicLayer, LogicNetwork, lower_logic
    from compiler.families.machine import LangevinMachine, lower_machine
    from compiler.families.mlp import MLP, lower_mlp
    from compiler.families.oscillator import OscillatorNetwork, lower_oscillator
    from compiler.families.rbm import RBM, lower_rbm
    from compiler.families.resistive import ResistiveNetwork, lower_resistive
    from compiler.families.store import load_model, save_model
    from compiler.formats.circuits.circuits import read_circuit
    from compiler.formats.circuits.export import export_circuit
    from compiler.formats.detect import Options, read_model_or_netlist
    from compiler.formats.ising.bqm import from_bqm
    from compiler.formats.ising.dimacs import from_clauses
    from compiler.formats.ising.files import read_ising
    from compiler.formats.ising.graph import from_graph
    from compiler.formats.ising.invertible import invertible
    from compiler.formats.ising.write import export_ising
    from compiler.formats.networks.onnx import read_onnx
    from compiler.formats.networks.sklearn import from_sklearn
    from compiler.formats.networks.thrml import from_thrml
    from compiler.formats.networks.torch import from_module, from_state_dict, read_torch
    from compiler.ir.container import load, save
    from compiler.ir.gates import GateNetlist, make_gates, verify_gates
    from compiler.ir.gates_text import dump_gates, parse_gates
    from compiler.ir.langevin import LangevinNetlist
    from compiler.ir.luts import LutNetlist
    from compiler.ir.symmetry import is_gradient, is_symmetric
    from compiler.ir.text import dump, equal, parse
    from compiler.ir.verify import verify
    from compiler.passes.gates.cell_mapping import map_cells
    from compiler.passes.gates.heads import lower_head
    from compiler.passes.gates.lut_map import map_luts
    from compiler.passes.legalize import legalize
    from compiler.pipelines import simplify_gates

_HOMES = {
    "DenoisingChain": "compiler.families.denoising_chain",
    "GateNetlist": "compiler.ir.gates",
    "GaussianModel": "compiler.families.gaussian",
    "HopfieldNetwork": "compiler.families.hopfield",
    "IsingModel": "compiler.families.ising",
    "LangevinMachine": "compiler.families.machine",
    "LangevinNetlist": "compiler.ir.langevin",
    "LogicLayer": "compiler.families.logic",
    "LogicNetwork": "compiler.families.logic",
    "LutNetlist": "compiler.ir.luts",
    "MLP": "compiler.families.mlp",
    "OscillatorNetwork": "compiler.families.oscillator",
    "Options": "compiler.formats.detect",
    "RBM": "compiler.families.rbm",
    "ResistiveNetwork": "compiler.families.resistive",
    "boltzmann_machine": "compiler.families.ising_graphs",
    "check_equal": "compiler.equivalence",
    "clamp_spins": "compiler.families.clamp",
    "compile_circuit": "compiler.api",
    "compile_model": "compiler.api",
    "dump": "compiler.ir.text",
    "dump_gates": "compiler.ir.gates_text",
    "equal": "compiler.ir.text",
    "evaluate": "compiler.circuits.evaluate",
    "export_circuit": "compiler.formats.circuits.export",
    "export_ising": "compiler.formats.ising.write",
    "from_bqm": "compiler.formats.ising.bqm",
    "from_clauses": "compiler.formats.ising.dimacs",
    "from_edges": "compiler.families.ising",
    "from_graph": "compiler.formats.ising.graph",
    "from_module": "compiler.formats.networks.torch",
    "from_sklearn": "compiler.formats.networks.sklearn",
    "from_state_dict": "compiler.formats.networks.torch",
    "from_thrml": "compiler.formats.networks.thrml",
    "gaussian": "compiler.families.gaussian",
    "gate_counts": "compiler.counts",
    "grid_ebm": "compiler.families.ising_graphs",
    "grid_graph": "compiler.families.ising_graphs",
    "hopfield_memory": "compiler.families.ising_graphs",
    "invertible": "compiler.formats.ising.invertible",
    "is_gradient": "compiler.ir.symmetry",
    "is_symmetric": "compiler.ir.symmetry",
    "legalize": "compiler.passes.legalize",
    "load": "compiler.ir.container",
    "load_model": "compiler.families.store",
    "lower_denoising_chain": "compiler.families.denoising_chain",
    "lower_gaussian": "compiler.families.gaussian",
    "lower_head": "compiler.passes.gates.heads",
    "lower_hopfield": "compiler.families.hopfield",
    "lower_ising": "compiler.families.ising",
    "lower_logic": "compiler.families.logic",
    "lower_machine": "compiler.families.machine",
    "lower_mlp": "compiler.families.mlp",
    "lower_oscillator": "compiler.families.oscillator",
    "lower_rbm": "compiler.families.rbm",
    "lower_resistive": "compiler.families.resistive",
    "make_gates": "compiler.ir.gates",
    "map_cells": "compiler.passes.gates.cell_mapping",
    "map_luts": "compiler.passes.gates.lut_map",
    "multiplier": "compiler.circuits.arithmetic",
    "parse": "compiler.ir.text",
    "parse_gates": "compiler.ir.gates_text",
    "read_circuit": "compiler.formats.circuits.circuits",
    "read_ising": "compiler.formats.ising.files",
    "read_model_or_netlist": "compiler.formats.detect",
    "read_onnx": "compiler.formats.networks.onnx",
    "read_torch": "compiler.formats.networks.torch",
    "save": "compiler.ir.container",
    "save_model": "compiler.families.store",
    "simplify_gates": "compiler.pipelines",
    "synthesis_counts": "compiler.counts",
    "to_netlist": "compiler.api",
    "verify": "compiler.ir.verify",
    "verify_gates": "compiler.ir.gates",
}

__all__ = [
    "MLP",
    "RBM",
    "DenoisingChain",
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
    "lower_denoising_chain",
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
