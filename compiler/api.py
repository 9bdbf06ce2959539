"""From whatever the user has to a legal netlist in one call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from compiler.errors import TargetError, UnsupportedError
from compiler.frontends.detect import Options, read_model_or_netlist
from compiler.frontends.hopfield import lower_hopfield
from compiler.frontends.logic import lower_logic
from compiler.frontends.machine import lower_machine
from compiler.frontends.mlp import lower_mlp
from compiler.frontends.resistive import lower_resistive
from compiler.ir.gates import GateNetlist
from compiler.ir.langevin import LangevinNetlist
from compiler.models.hopfield import HopfieldNetwork
from compiler.models.logic import LogicNetwork
from compiler.models.machine import LangevinMachine
from compiler.models.mlp import MLP
from compiler.models.resistive import ResistiveNetwork
from compiler.passes.legalize import MENDS, legalize
from compiler.pipelines import langevin_pipeline, run_passes, simplify_gates
from hw_models.targets import Target


def to_netlist(source: Any, options: Options | None = None, **lowering: Any) -> LangevinNetlist:
    """The netlist of a netlist, an MLP, a LangevinMachine, a HopfieldNetwork, a ResistiveNetwork, a
    scikit-learn estimator, a torch.nn.Sequential, or a file with one of these.

    options : what a foreign file or module does not say (activation, head, labels)
    lowering : tolerance, dt, input_range of lower_mlp, for ordinary networks only

    Raises UnsupportedError for anything else, FormatError for a bad file.
    """
    if isinstance(source, (str, os.PathLike)):
        source = read_model_or_netlist(source, options)
    origin = type(source).__module__.partition(".")[0]
    if origin == "sklearn":
        from compiler.frontends.sklearn import from_sklearn

        source = from_sklearn(source)
    elif origin == "torch":
        from compiler.frontends.torch import from_module

        given = options or Options()
        source = from_module(source, head=given.head, labels=given.labels)
    if isinstance(source, MLP):
        return lower_mlp(source, **lowering)
    if lowering:
        raise UnsupportedError(
            f"{', '.join(lowering)}: only an ordinary network takes these, "
            f"got a {type(source).__name__}; leave them out"
        )
    if isinstance(source, LangevinMachine):
        return lower_machine(source)
    if isinstance(source, HopfieldNetwork):
        return lower_hopfield(source)
    if isinstance(source, ResistiveNetwork):
        return lower_resistive(source)
    if isinstance(source, LangevinNetlist):
        return source
    if isinstance(source, GateNetlist | LogicNetwork):
        raise UnsupportedError(
            "a circuit of gates does not become a Langevin netlist; compile it with compile_circuit"
        )
    raise UnsupportedError(
        f"a {type(source).__name__} cannot be compiled; give a netlist, an MLP, a LangevinMachine, "
        "a HopfieldNetwork, a ResistiveNetwork, a scikit-learn MLP, a torch.nn.Sequential or a file"
    )


def compile_circuit(source: Any, *, optimise: int = 1) -> GateNetlist:
    """The circuit in a GateNetlist, LogicNetwork or file (a trained logic network, BLIF, AIGER,
    .bench, Verilog, .tnl), simplified.

    optimise : 0, 1 or 2, the pipelines of compiler.pipelines; every output keeps its function

    Raises UnsupportedError for anything that is no circuit, FormatError for a bad file.
    """
    if isinstance(source, (str, os.PathLike)):
        source = read_model_or_netlist(source)
    if isinstance(source, LogicNetwork):
        source = lower_logic(source)
    if not isinstance(source, GateNetlist):
        raise UnsupportedError(
            f"a {type(source).__name__} is no circuit of gates; compile it with compile_model"
        )
    return simplify_gates(source, optimise)


def compile_model(
    source: Any,
    *,
    target: Target | None = None,
    optimise: int = 1,
    mend: Sequence[str] = (),
    options: Options | None = None,
    **lowering: Any,
) -> LangevinNetlist:
    """Lower `source` (see to_netlist), simplify it, and make it legal for `target`.

    optimise : 0, 1 or 2, the pipelines of compiler.pipelines; all exact
    mend : passes that may change the netlist for the target, out of limit-degree, symmetrize,
        rescale and quantize; only rescale is exact

    Raises TargetError for what stays illegal, naming the mend; NetlistError, FormatError and
    UnsupportedError as to_netlist.
    """
    unknown = [name for name in mend if name not in MENDS]
    if unknown:
        raise TargetError(f"mend {unknown[0]!r} is unknown; choices are {', '.join(MENDS)}")
    if mend and target is None:
        raise TargetError(f"mend {mend[0]!r} needs a target whose limits it keeps; name one")
    netlist = to_netlist(source, options, **lowering)
    netlist, _ = run_passes(netlist, langevin_pipeline(optimise))
    if target is None:
        return netlist
    for name, pass_ in MENDS.items():
        if name in mend:
            netlist = pass_(netlist, target)
    # rounding may leave couplings of weight 0
    netlist, _ = run_passes(netlist, langevin_pipeline(optimise))
    return legalize(netlist, target)
