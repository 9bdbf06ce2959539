"""From whatever the user has to a legal netlist in one call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from compiler.errors import TargetError, UnsupportedError
from compiler.families.conv_hopfield import ConvHopfieldNetwork
from compiler.families.denoising_chain import EbmChain
from compiler.families.gaussian import GaussianModel
from compiler.families.hopfield import HopfieldNetwork
from compiler.families.ising import IsingModel
from compiler.families.logic import LogicNetwork
from compiler.families.machine import LangevinMachine
from compiler.families.mlp import MLP
from compiler.families.oscillator import OscillatorNetwork
from compiler.families.rbm import RBM
from compiler.families.resistive import ResistiveNetwork
from compiler.formats.detect import Options, read_model_or_netlist
from compiler.frontends.conv_hopfield import lower_conv_hopfield
from compiler.frontends.ebm_chain import lower_ebm_chain
from compiler.frontends.gaussian import lower_gaussian
from compiler.frontends.hopfield import lower_hopfield
from compiler.frontends.ising import lower_ising
from compiler.frontends.logic import lower_logic
from compiler.frontends.machine import lower_machine
from compiler.frontends.mlp import lower_mlp
from compiler.frontends.oscillator import lower_oscillator
from compiler.frontends.rbm import lower_rbm
from compiler.frontends.resistive import lower_resistive
from compiler.ir.gates import GateNetlist
from compiler.ir.langevin import LangevinNetlist
from compiler.passes.legalize import MENDS, MendOptions, legalize
from compiler.passes.spins.model import is_ising, remember
from compiler.pipelines import langevin_pipeline, run_passes, simplify_gates
from hw_models.targets import Target


def to_netlist(source: Any, options: Options | None = None, **lowering: Any) -> LangevinNetlist:
    """The netlist of a netlist, a model of compiler.models, a scikit-learn estimator, a
    torch.nn.Sequential, a dimod BQM, a thrml IsingEBM, a networkx graph, or a file with one.

    options : what a foreign file or module does not say (activation, head, labels, as_)
    lowering : tolerance, dt, input_range of lower_mlp, for ordinary networks only; sweeps, kT,
        sample of lower_ising, for Ising models only

    Raises UnsupportedError for anything else, FormatError for a bad file.
    """
    if isinstance(source, (str, os.PathLike)):
        source = read_model_or_netlist(source, options)
    origin = type(source).__module__.partition(".")[0]
    if origin == "sklearn":
        from compiler.formats.networks.sklearn import from_sklearn

        source = from_sklearn(source)
    elif origin == "torch":
        from compiler.formats.networks.torch import from_module

        given = options or Options()
        source = from_module(source, head=given.head, labels=given.labels)
    elif origin == "dimod":
        from compiler.formats.ising.bqm import from_bqm

        source = from_bqm(source)
    elif origin == "thrml":
        from compiler.formats.networks.thrml import from_thrml

        source = from_thrml(source)
    elif origin == "networkx":
        from compiler.formats.ising.graph import from_graph

        source = from_graph(source, (options or Options()).as_ or "max-cut")
    if isinstance(source, MLP):
        return lower_mlp(source, **lowering)
    if isinstance(source, IsingModel) and set(lowering) <= {"sweeps", "kT", "sample"}:
        return lower_ising(source, **lowering)
    if isinstance(source, IsingModel):
        raise UnsupportedError(
            f"{', '.join(lowering)}: an Ising model takes sweeps, kT and sample; leave others out"
        )
    if lowering:
        raise UnsupportedError(
            f"{', '.join(lowering)}: only an ordinary network takes these, "
            f"got a {type(source).__name__}; leave them out"
        )
    if isinstance(source, LangevinMachine):
        return lower_machine(source)
    if isinstance(source, HopfieldNetwork):
        return lower_hopfield(source)
    if isinstance(source, ConvHopfieldNetwork):
        return lower_conv_hopfield(source)
    if isinstance(source, ResistiveNetwork):
        return lower_resistive(source)
    if isinstance(source, GaussianModel):
        return lower_gaussian(source)
    if isinstance(source, OscillatorNetwork):
        return lower_oscillator(source)
    if isinstance(source, RBM):
        return lower_rbm(source)
    if isinstance(source, EbmChain):
        return lower_ebm_chain(source)
    if isinstance(source, LangevinNetlist):
        return source
    if isinstance(source, GateNetlist | LogicNetwork):
        raise UnsupportedError(
            "a circuit of gates does not become a Langevin netlist; compile it with compile_circuit"
        )
    raise UnsupportedError(
        f"a {type(source).__name__} cannot be compiled; give a netlist, an MLP, a LangevinMachine, "
        "a HopfieldNetwork, a ResistiveNetwork, an OscillatorNetwork, a scikit-learn MLP, a "
        "torch.nn.Sequential or a file"
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
    how: MendOptions | None = None,
    options: Options | None = None,
    **lowering: Any,
) -> LangevinNetlist:
    """Lower `source` (see to_netlist), simplify it, and make it legal for `target`.

    optimise : 0, 1 or 2, the pipelines of compiler.pipelines; all exact
    mend : passes that may change the netlist for the target, out of limit-degree, symmetrize,
        embed, double-well, rescale and quantize; only rescale is exact. A target of double wells
        implies double-well
    how : chain strength, barrier and the like of these

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
    model = netlist
    for name, pass_ in MENDS.items():
        if name in mend or (name == "double-well" and target.wells):
            netlist = pass_(netlist, target, how or MendOptions())
    if netlist is not model and is_ising(model):
        netlist = remember(netlist, model)
    # rounding may leave couplings of weight 0
    netlist, _ = run_passes(netlist, langevin_pipeline(optimise))
    return legalize(netlist, target)
