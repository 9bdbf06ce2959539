"""What a netlist of p-bits says about its problem, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compiler.families.words import words_and_nets
from compiler.ir.langevin import LangevinNetlist


def ising_summary(netlist: LangevinNetlist) -> dict[str, Any]:
    """What a netlist of p-bits is for and how it runs, for reports; {} for other netlists."""
    facts = netlist.meta.get("ising")
    if facts is None:
        return {}
    problem = facts["problem"]
    out: dict[str, Any] = {"problem": problem["kind"], "variables": facts["vartype"]}
    if problem["kind"] == "sat":
        out["variables"] = problem["variables"]
        out["clauses"] = len(problem["clauses"])
        out["auxiliary_spins"] = _spins(netlist) - problem["variables"]
    elif problem["kind"] == "max-cut":
        out["total_weight"] = problem["total_weight"]
    elif problem["kind"] == "boltzmann":
        out["visible"] = problem["visible"]
    elif problem["kind"] == "circuit":
        clamped = problem.get("clamped", {})
        out["inputs"] = ", ".join(words_and_nets(problem["inputs"]))
        out["outputs"] = ", ".join(words_and_nets(problem["outputs"]))
        if clamped:
            out["clamped"] = ", ".join(_held(clamped, [*problem["inputs"], *problem["outputs"]]))
        out["gap"] = problem["gap"]
    out["offset"] = facts["offset"]
    out |= _lowered(netlist)
    wells = netlist.meta.get("double_well")
    sweep = netlist.dt if wells is None else wells["sweep"]
    for phase in netlist.schedule:
        hot, cold = phase.kT or (netlist.kT, netlist.kT)
        at = f"kT {hot:.4g}" if hot == cold else f"kT {hot:.4g} to {cold:.4g}"
        out[f"phase_{phase.name}"] = f"{phase.duration / sweep:,.0f} sweeps, {at}"
    return out


def _spins(netlist: LangevinNetlist) -> int:
    """Spins of the model, whatever cells they became."""
    logical = netlist.meta.get("logical")
    return netlist.n_cells if logical is None else len(logical["h"])


def _lowered(netlist: LangevinNetlist) -> dict[str, Any]:
    """What became of the spins on their target."""
    out: dict[str, Any] = {}
    notes = netlist.meta.get("embedding")
    if notes is not None:
        sizes = [len(chain) for chain in notes["chains"]]
        out["spins"] = len(sizes)
        out["chain_cells"] = sum(sizes)
        out["longest_chain"] = max(sizes)
        out["chain_strength"] = notes["chain_strength"]
    wells = netlist.meta.get("double_well")
    if wells is not None:
        out["barrier_kT"] = wells["barrier_kT"]
        out["flip_rate"] = wells["flip_rate"]
        out["time_of_a_sweep"] = wells["sweep"]
    return out


def _held(clamped: Mapping[str, int], names: Sequence[str]) -> Iterator[str]:
    """word=value of words that are clamped whole, net=bit of the other clamped nets."""
    for word, nets in words_and_nets(names).items():
        if all(net in clamped for net in nets):
            yield f"{word}={sum(clamped[net] << k for k, net in enumerate(nets))}"
        else:
            yield from (f"{net}={clamped[net]}" for net in nets if net in clamped)


def brief(netlist: LangevinNetlist, limit: int) -> LangevinNetlist:
    """The netlist with names and clauses beyond `limit` cut off, for printing only."""
    meta = dict(netlist.meta)
    for name in ("logical", "placement", "embedding"):
        if name in meta:
            meta[name] = {k: _cut(v, limit) for k, v in meta[name].items()}
    if "gauge" in meta:
        meta["gauge"] = _cut(meta["gauge"], limit)
    facts = meta.get("ising")
    if facts is None:
        return netlist.with_(meta=meta)
    short = {**facts, "problem": {k: _cut(v, limit) for k, v in facts["problem"].items()}}
    if "names" in facts:
        short["names"] = _cut(facts["names"], limit)
    return netlist.with_(meta={**meta, "ising": short})


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, list) and len(value) > limit:
        return [*value[:limit], f"... {len(value) - limit} more"]
    if isinstance(value, dict) and len(value) > limit:
        return dict(list(value.items())[:limit]) | {"...": f"{len(value) - limit} more"}
    return value
