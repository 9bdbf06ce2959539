"""From whatever the user has to a legal netlist in one call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from compiler.errors import TargetError, UnsupportedError
from compiler.families.feedforward import FeedForward
from compiler.families.mlp import MLP
from compiler.families.registry import classes, family_of
from compiler.families.tiled import on_tiles
from compiler.formats.detect import Options, read_model_or_netlist
from compiler.formats.foreign import from_foreign
from compiler.ir.kinds import KINDS, kind_of
from compiler.ir.network import Network
from compiler.ir.tiles import Layout, TileNetlist
from compiler.passes.legalize import MENDS, MendOptions, legalize
from compiler.passes.spins.model import is_ising, remember
from compiler.pipelines import simplify
from hw_models.crossbar import CrossbarTarget
from hw_models.targets import Target


def to_netlist(source: Any, options: Options | None = None, **lowering: Any) -> Any:
    """The netlist of any kind of a netlist, a model of compiler.families, a scikit-learn estimator, a
    torch.nn.Module, a Keras model, a dimod BQM, a thrml IsingEBM, a networkx graph, or a file with one.

    options : what a foreign file or module does not say (activation, head, labels, example_inputs, as_, ...)
    lowering : the keyword arguments of the family's own front end: tolerance, dt, input_range of
        lower_mlp, sweeps, kT, sample of lower_ising, and so on

    Raises UnsupportedError for anything else, FormatError for a bad file.
    """
    if isinstance(source, (str, os.PathLike)):
        source = read_model_or_netlist(source, options)
    source = from_foreign(source, options)
    family = family_of(source)
    if family is not None:
        return family.lowered(source, **lowering)
    if not isinstance(source, tuple(kind.cls for kind in KINDS.values())):
        raise UnsupportedError(
            f"a {type(source).__name__} cannot be compiled; give a netlist, a file, a scikit-learn "
            "estimator, a torch.nn.Module, a Keras model, a dimod BQM, a networkx graph, or one of "
            f"{classes()}"
        )
    if lowering:
        raise UnsupportedError(f"{', '.join(lowering)}: a netlist is lowered already; leave these out")
    return source


def compile(
    source: Any,
    *,
    target: Target | CrossbarTarget | None = None,
    optimise: int = 1,
    mend: Sequence[str] = (),
    how: MendOptions | None = None,
    options: Options | None = None,
    example_inputs: Any = None,
    **lowering: Any,
) -> Any:
    """Lower `source` (see to_netlist), simplify it, and make it legal for `target`.

    A model of cells becomes a LangevinNetlist, a trained logic network and every file with a
    circuit a GateNetlist, which keeps its function and has no target (None or "ideal"). With tiles as
    target (hw_models.crossbar.crossbar_target) an MLP, a Network or a FeedForward that is a chain of layers
    becomes a TileNetlist; lowering then takes slices, slice_bits and unrolled.

    example_inputs : a batch of what a torch.nn.Module takes, as options.example_inputs

    optimise : 0, 1 or 2, the pipelines of compiler.pipelines; all exact
    mend : passes that may change a Langevin netlist for the target, out of limit-degree,
        symmetrize, embed, double-well, rescale and quantize; only rescale is exact. A target of
        double wells implies double-well
    how : chain strength, barrier and the like of these

    Raises TargetError for what stays illegal, naming the mend, and for a circuit with a target or a
    mend; NetlistError, FormatError and UnsupportedError as to_netlist.
    """
    unknown = [name for name in mend if name not in MENDS]
    if unknown:
        raise TargetError(f"mend {unknown[0]!r} is unknown; choices are {', '.join(MENDS)}")
    if example_inputs is not None:
        options = replace(options or Options(), example_inputs=example_inputs)
    if isinstance(target, CrossbarTarget):
        return _laid_out(source, target, mend, options, lowering)
    if mend and target is None:
        raise TargetError(f"mend {mend[0]!r} needs a target whose limits it keeps; name one")
    netlist = to_netlist(source, options, **lowering)
    kind = kind_of(netlist)
    if kind.name != "langevin" and (mend or (target is not None and target.name != "ideal")):
        what = f"mend {mend[0]!r}" if mend else f"target {target.name}"  # type: ignore[union-attr]
        raise TargetError(f"{kind.what} has no use for {what}, which is for Langevin netlists; leave it out")
    netlist = simplify(netlist, optimise)
    if target is None or kind.name != "langevin":
        return netlist
    model = netlist
    for name, pass_ in MENDS.items():
        if name in mend or (name == "double-well" and target.wells):
            netlist = pass_(netlist, target, how or MendOptions())
    if netlist is not model and is_ising(model):
        netlist = remember(netlist, model)
    # rounding may leave couplings of weight 0
    return legalize(simplify(netlist, optimise), target)


def _laid_out(
    source: Any,
    target: CrossbarTarget,
    mend: Sequence[str],
    options: Options | None,
    lowering: dict[str, Any],
) -> TileNetlist:
    """An ordinary network, or one on other tiles, on tiles of this size."""
    if mend:
        raise TargetError(
            f"mend {mend[0]!r} is for Langevin netlists, target {target.name} is not; leave it out"
        )
    if isinstance(source, (str, os.PathLike)):
        source = read_model_or_netlist(source, options)
    source = from_foreign(source, options)
    other = [name for name in lowering if name not in TILE_OPTIONS]
    if other:
        raise UnsupportedError(
            f"{', '.join(other)}: a network on tiles takes {', '.join(TILE_OPTIONS)}; leave others out"
        )
    unrolled = lowering.pop("unrolled", False)
    layout = Layout(target.rows, target.columns, **lowering)
    if isinstance(source, TileNetlist):
        meta, source = source.meta, on_tiles(source.network, layout, unrolled)
        return replace(source, meta=meta)
    if not isinstance(source, (MLP, FeedForward, Network)):
        raise TargetError(
            f"a {type(source).__name__} cannot be laid out on tiles, target {target.name}, which hold "
            "ordinary networks: give an MLP or a feed-forward network, or choose another target"
        )
    return on_tiles(source, layout, unrolled)


TILE_OPTIONS = ("slices", "slice_bits", "unrolled")
