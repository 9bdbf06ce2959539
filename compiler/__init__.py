"""Models in, netlists out: schemas, the IR, front ends, passes, file formats, a slow reference.

Names are imported on first use, so that `import compiler` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compiler.api import compile_model, to_netlist
    from compiler.frontends.detect import Options, read_model_or_netlist
    from compiler.frontends.machine import lower_machine
    from compiler.frontends.mlp import lower_mlp
    from compiler.frontends.onnx import read_onnx
    from compiler.frontends.sklearn import from_sklearn
    from compiler.frontends.torch import from_module, from_state_dict, read_torch
    from compiler.ir.container import load, save
    from compiler.ir.langevin import LangevinNetlist
    from compiler.ir.symmetry import is_gradient, is_symmetric
    from compiler.ir.text import dump, equal, parse
    from compiler.ir.verify import verify
    from compiler.models.machine import LangevinMachine
    from compiler.models.mlp import MLP
    from compiler.models.store import load_model, save_model
    from compiler.passes.legalize import legalize

_HOMES = {
    "LangevinMachine": "compiler.models.machine",
    "LangevinNetlist": "compiler.ir.langevin",
    "MLP": "compiler.models.mlp",
    "Options": "compiler.frontends.detect",
    "compile_model": "compiler.api",
    "dump": "compiler.ir.text",
    "equal": "compiler.ir.text",
    "from_module": "compiler.frontends.torch",
    "from_sklearn": "compiler.frontends.sklearn",
    "from_state_dict": "compiler.frontends.torch",
    "is_gradient": "compiler.ir.symmetry",
    "is_symmetric": "compiler.ir.symmetry",
    "legalize": "compiler.passes.legalize",
    "load": "compiler.ir.container",
    "load_model": "compiler.models.store",
    "lower_machine": "compiler.frontends.machine",
    "lower_mlp": "compiler.frontends.mlp",
    "parse": "compiler.ir.text",
    "read_model_or_netlist": "compiler.frontends.detect",
    "read_onnx": "compiler.frontends.onnx",
    "read_torch": "compiler.frontends.torch",
    "save": "compiler.ir.container",
    "save_model": "compiler.models.store",
    "to_netlist": "compiler.api",
    "verify": "compiler.ir.verify",
}

__all__ = [
    "MLP",
    "LangevinMachine",
    "LangevinNetlist",
    "Options",
    "compile_model",
    "dump",
    "equal",
    "from_module",
    "from_sklearn",
    "from_state_dict",
    "is_gradient",
    "is_symmetric",
    "legalize",
    "load",
    "load_model",
    "lower_machine",
    "lower_mlp",
    "parse",
    "read_model_or_netlist",
    "read_onnx",
    "read_torch",
    "save",
    "save_model",
    "to_netlist",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'compiler' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
