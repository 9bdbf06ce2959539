"""The class head as gates: popcounts of the class sums and the index of the largest.

Popcounts are carry-save adders (compiler/circuits/adders.py).
Argmax: a tree of comparators, or one for every pair; the left word wins a tie, so that the first class
does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from compiler.circuits.adders import ADDERS, ZERO, Adders
from compiler.circuits.builder import Builder
from compiler.circuits.class_nets import expose_class_nets
from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.gates import CONST0, CONST1, GateNetlist, make_gates
from compiler.ir.kinds import expect
from compiler.passes.gates.exclusive import merge_exclusive


def lower_head(
    netlist: GateNetlist,
    *,
    sums: bool = True,
    adder: str = "small",
    merge: bool = True,
    impossible: bool = True,
    pairs: bool = False,
) -> GateNetlist:
    """The netlist with its class sums and decision made of gates, as named outputs.

    sums : whether the counts are outputs `sum{c}[bit]`, too, beside the decision `class[bit]`;
        lowest bit first; the count of n nets has as many bits as n, the decision as many as the
        last class's number (at least one)
    adder : "small" (double full adders) or "fast" (full adders only, less deep)
    merge : whether nets of a class that are never 1 together are counted as one, see exclusive.py;
        impossible : also those that the encoder keeps apart
    pairs : whether all pairs of classes are compared at once, which is less deep and larger, or winners in a
        tree

    The result has no class sums (so no tau, which does not change the decision); meta["head"] holds
    the number of gates that were added.

    Raises NetlistError for a netlist without class sums, one with outputs of these names, and an
    unknown adder; UnsupportedError for what is no circuit of gates.
    """
    expect(netlist, "gates", "lower_head", "only a classifier made of gates has class sums")
    classes = netlist.class_sums
    if classes is None:
        raise NetlistError("this netlist has no class sums, so that there is no head to lower")
    if adder not in ADDERS:
        raise NetlistError(f"adder {adder!r} is unknown; adders are {', '.join(ADDERS)}")
    sizes = np.diff(classes.indptr).tolist()
    n_gates = netlist.n_gates
    if merge:
        netlist = merge_exclusive(netlist, impossible=impossible)
        assert netlist.class_sums is not None
        classes = netlist.class_sums
    builder = Builder(netlist.input_names)
    builder.op, builder.a, builder.b = (getattr(netlist, column).tolist() for column in ("op", "a", "b"))
    head = Adders(builder)
    nets, ends = classes.nets.tolist(), classes.indptr.tolist()
    n, op = netlist.n_inputs, builder.op
    constants = {n + k: ZERO + (v & 1) for k, v in enumerate(op) if v in (CONST0, CONST1)}
    words = [
        head.count([constants.get(net, 2 * net) for net in nets[start:stop]], adder, size)
        for (start, stop), size in zip(pairwise(ends), sizes, strict=True)
    ]
    shown = {f"sum{c}[{k}]": x for c, word in enumerate(words) for k, x in enumerate(word)}
    shown = shown if sums else {}
    decision = head.largest_of_pairs(words) if pairs else head.largest(words)
    shown |= {f"class[{k}]": x for k, x in enumerate(decision)}
    taken = [name for name in netlist.output_names if name in shown]
    if taken:
        raise NetlistError(f"an output is called {taken[0]!r} already; rename it to lower the head")
    outputs = dict(zip(netlist.output_names, netlist.outputs.tolist(), strict=True))
    outputs |= {name: head.net(x) for name, x in shown.items()}
    lowered = make_gates(builder.inputs, builder.op, builder.a, builder.b, outputs, encoder=netlist.encoder)
    added = lowered.n_gates - n_gates
    facts = {**netlist.meta, "head": {"adder": adder, "gates": added, "sums": sums}}
    return replace(lowered, name=netlist.name, meta=facts)


HEADS = ("sums", "nets", "gates")


def with_head(netlist: GateNetlist, head: str = "sums", *, pipelined: bool = False) -> GateNetlist:
    """A classifier's answers as a format wants them: sums (as they are), nets (those counted, as
    outputs) or gates (adders and comparators).

    pipelined : registers follow the levels, of which fast adders have fewest; else gates count

    Raises UnsupportedError for another head, and for a circuit without class sums.
    """
    if head not in HEADS:
        raise UnsupportedError(f"--head must be one of {', '.join(HEADS)}, got {head!r}")
    if head == "sums":
        return netlist
    if netlist.class_sums is None:
        raise UnsupportedError(f"--head {head} has no meaning for a circuit without class sums")
    if head == "nets":
        return expose_class_nets(netlist)
    return lower_head(netlist, adder="fast" if pipelined else "small")


def read_words(values: np.ndarray, names: Sequence[str], prefix: str) -> np.ndarray:
    """(n_samples,) int64: the number shown by outputs prefix[0], prefix[1], ...

    values : (n_samples, n_outputs) of 0 and 1, as from evaluate; names : of the outputs

    Raises NetlistError if there is no such output.
    """
    place = {name: k for k, name in enumerate(names)}
    total = np.zeros(values.shape[0], dtype=np.int64)
    bit = 0
    while (name := f"{prefix}[{bit}]") in place:
        total += values[:, place[name]].astype(np.int64) << bit
        bit += 1
    if bit == 0:
        raise NetlistError(f"there is no output {prefix}[0]; outputs are {', '.join(names[:8])}")
    return total
