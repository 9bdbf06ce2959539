"""GateNetlist: a combinational circuit of two-input gates held as columns.

Nets 0 .. n_inputs - 1 are the primary inputs, gate k drives net n_inputs + k and reads earlier nets
only, so that the columns are in topological order. A gate's id is its truth table,

    op = 8 f(0, 0) + 4 f(0, 1) + 2 f(1, 0) + f(1, 1),     f(a, b)

as in difflogic and LILogicNet. An operand that f does not depend on is NONE (-1): both of a
constant (ops 0 and 15), b of ops 3 and 12, a of ops 5 and 10. The rules are listed in docs/ir.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np

from compiler.errors import NetlistError
from compiler.html import fields_html
from compiler.ir.encoders import Encoder, verify_encoder
from compiler.ir.facts import Facts, freeze_meta

NONE = -1
CONST0, AND, BUF, XOR, OR, NOR, XNOR, NOT, NAND, CONST1 = 0, 1, 3, 6, 7, 8, 9, 12, 14, 15
OP_NAMES = (
    "const0",
    "and",
    "gt",  # a and not b
    "buf",
    "lt",  # not a and b
    "bufb",
    "xor",
    "or",
    "nor",
    "xnor",
    "notb",
    "ge",  # a or not b
    "not",
    "le",  # not a or b
    "nand",
    "const1",
)
READS_A = np.array([(op >> 2) != (op & 3) for op in range(16)])
READS_B = np.array([((op >> 1) & 5) != (op & 5) for op in range(16)])
TWO_INPUT = READS_A & READS_B


def flip_a(op: int) -> int:
    """The op of f(not a, b)."""
    return (op >> 2) | ((op & 3) << 2)


def flip_b(op: int) -> int:
    """The op of f(a, not b)."""
    return ((op >> 1) & 5) | ((op & 5) << 1)


def swapped(op: int) -> int:
    """The op of f(b, a)."""
    return (op & 9) | ((op & 4) >> 1) | ((op & 2) << 1)


@dataclass(frozen=True, slots=True, eq=False)
class ClassSums:
    """Answers of a classifier: class c counts the ones among nets[indptr[c] : indptr[c + 1]].

    nets : (n,) int32; indptr : (n_classes + 1,) int64, from 0 to n
    tau : the score of a class is its count / tau; the decision is the largest, on a tie the first
    labels : none, or one string a class
    """

    nets: np.ndarray
    indptr: np.ndarray
    tau: float = 1.0
    labels: tuple[str, ...] = ()

    @property
    def n_classes(self) -> int:
        return self.indptr.size - 1


@dataclass(frozen=True, slots=True, eq=False)
class GateNetlist:
    """A circuit.

    input_names : one a primary input; op : (n_gates,) uint8
    a, b : (n_gates,) int32, nets below n_inputs + k, or NONE where op does not read them
    output_names, outputs : (n_outputs,) int32, the net each named output shows
    class_sums : answers beside or instead of the named outputs; encoder : data to input bits
    name : what the circuit is called, or empty; exports use it
    meta : facts for people, JSON-able
    """

    input_names: tuple[str, ...]
    op: np.ndarray
    a: np.ndarray
    b: np.ndarray
    output_names: tuple[str, ...]
    outputs: np.ndarray
    class_sums: ClassSums | None = None
    encoder: Encoder | None = None
    meta: Mapping[str, Any] = field(default_factory=Facts)
    name: str = ""

    _repr_html_ = fields_html

    def __post_init__(self) -> None:
        freeze_meta(self)

    @property
    def n_inputs(self) -> int:
        return len(self.input_names)

    @property
    def n_gates(self) -> int:
        return int(self.op.size)

    @property
    def n_nets(self) -> int:
        return self.n_inputs + self.n_gates

    @property
    def n_outputs(self) -> int:
        return len(self.output_names)

    @property
    def roots(self) -> np.ndarray:
        """Every net that is looked at: the outputs, then the nets of the class sums; int32."""
        if self.class_sums is None:
            return self.outputs
        return np.concatenate([self.outputs, self.class_sums.nets])

    def __repr__(self) -> str:
        classes = "" if self.class_sums is None else f", {self.class_sums.n_classes} classes"
        ends = f"{self.n_inputs:,} inputs, {self.n_outputs:,} outputs{classes}"
        return f"GateNetlist({self.n_gates:,} gates, {ends})"

    def with_roots(self, roots: np.ndarray, **columns: Any) -> GateNetlist:
        """The netlist with other roots (in the order of `roots`) and other columns."""
        roots = np.asarray(roots, dtype=np.int32)
        sums = self.class_sums
        if sums is not None:
            sums = replace(sums, nets=roots[self.n_outputs :])
        return replace(self, outputs=roots[: self.n_outputs], class_sums=sums, **columns)


def make_gates(
    inputs: Iterable[str],
    op: Sequence[int] | np.ndarray,
    a: Sequence[int] | np.ndarray,
    b: Sequence[int] | np.ndarray,
    outputs: Mapping[str, int],
    *,
    class_sums: ClassSums | None = None,
    encoder: Encoder | None = None,
    name: str = "",
    meta: Mapping[str, Any] | None = None,
) -> GateNetlist:
    """A verified netlist; operands that an op does not read may be anything and become NONE.

    op, a, b : (n_gates,) whole numbers; outputs : net of each named output, in order

    Raises NetlistError as verify_gates.
    """
    ops, first, second = (np.asarray(v, dtype=np.int64).reshape(-1) for v in (op, a, b))
    if (k := _first((ops < 0) | (ops > 15))) >= 0:
        _fail(f"gate {k} has the gate id {ops[k]}; ids are 0 to 15")
    if not ops.size == first.size == second.size:
        _fail(f"columns differ in length: {ops.size} ops, {first.size} a, {second.size} b")
    netlist = GateNetlist(
        input_names=tuple(inputs),
        op=ops.astype(np.uint8),
        a=np.where(READS_A[ops], first, NONE).astype(np.int32),
        b=np.where(READS_B[ops], second, NONE).astype(np.int32),
        output_names=tuple(outputs),
        outputs=np.array(list(outputs.values()), dtype=np.int32),
        class_sums=class_sums,
        encoder=encoder,
        name=name,
        meta=Facts(meta),
    )
    verify_gates(netlist)
    return netlist


def named(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Fields {"name", "meta"} of facts {"meta"} as files of version 1 and 2 keep them, the name in meta."""
    meta = dict(facts.get("meta", {}))
    name = meta.pop("name", "")
    return {**facts, "name": str(name), "meta": meta}


# --- verification ----------------------------------------------------------------------------


def verify_gates(netlist: GateNetlist) -> None:
    """Check every invariant; NetlistError names the first offender."""
    verify_names(netlist)
    n, m = netlist.n_inputs, netlist.n_gates
    for name, dtype in (("op", np.uint8), ("a", np.int32), ("b", np.int32)):
        _column(f"gate column {name}", getattr(netlist, name), dtype, m)
    if (k := _first(netlist.op > 15)) >= 0:
        _fail(f"gate {k} has the gate id {netlist.op[k]}; ids are 0 to 15")
    driven = n + np.arange(m)
    for name, reads in (("a", READS_A), ("b", READS_B)):
        nets, read = getattr(netlist, name), reads[netlist.op]
        if (k := _first(read & ((nets < 0) | (nets >= driven)))) >= 0:
            _fail(
                f"gate {k} ({OP_NAMES[netlist.op[k]]}, net {n + k}) reads net {nets[k]} as {name}; "
                f"it must read earlier nets, 0 to {n + k - 1}: sort the gates"
            )
        if (k := _first(~read & (nets != NONE))) >= 0:
            _fail(
                f"gate {k} ({OP_NAMES[netlist.op[k]]}) does not depend on {name}, which must be "
                f"{NONE}, got {nets[k]}: build the netlist with make_gates"
            )
    verify_ends(netlist)


def verify_names(netlist: Any) -> None:
    """Check that inputs have names of their own, and outputs too."""
    _names("input", netlist.input_names)
    _names("output", netlist.output_names)


def verify_ends(netlist: Any) -> None:
    """Check outputs, class sums, encoder, name and meta of a circuit of gates or of tables."""
    n = netlist.n_inputs
    _column("outputs", netlist.outputs, np.int32, netlist.n_outputs)
    if (k := _first((netlist.outputs < 0) | (netlist.outputs >= netlist.n_nets))) >= 0:
        shown = f"output {netlist.output_names[k]!r} shows net {netlist.outputs[k]}"
        _fail(f"{shown}; nets are 0 to {netlist.n_nets - 1}")
    if netlist.class_sums is not None:
        _verify_sums(netlist.class_sums, netlist.n_nets)
    if netlist.encoder is not None:
        verify_encoder(netlist.encoder, n)
    if not isinstance(netlist.name, str):
        _fail(f"name must be a string, got {netlist.name!r}")
    try:
        json.dumps(dict(netlist.meta), allow_nan=False)
    except (TypeError, ValueError) as error:
        _fail(f"meta must be JSON-able ({error}); use plain numbers, strings, lists and dicts")


def _fail(message: str) -> NoReturn:
    raise NetlistError(message)


def _first(bad: np.ndarray) -> int:
    return int(np.argmax(bad)) if bad.any() else -1


def _column(what: str, column: Any, dtype: Any, size: int) -> None:
    if not isinstance(column, np.ndarray) or column.dtype != dtype or column.ndim != 1:
        _fail(f"{what} must be a one-dimensional array of {np.dtype(dtype).name}")
    if column.size != size:
        _fail(f"{what} has {column.size} values; {size} are needed")


def _names(what: str, names: Iterable[str]) -> None:
    seen = set()
    for name in names:
        if not isinstance(name, str) or not name:
            _fail(f"every {what} must have a name, got {name!r}")
        if name in seen:
            _fail(f"two {what}s are called {name!r}; names must be unique")
        seen.add(name)


def _verify_sums(sums: ClassSums, n_nets: int) -> None:
    _column("class sums: nets", sums.nets, np.int32, np.size(sums.nets))
    _column("class sums: indptr", sums.indptr, np.int64, np.size(sums.indptr))
    if sums.indptr.size < 2:
        _fail("class sums: there is no class; give at least one")
    if sums.indptr[0] != 0 or sums.indptr[-1] != sums.nets.size or (np.diff(sums.indptr) < 0).any():
        _fail(
            f"class sums: indptr must start at 0, never fall and end at the number of nets, {sums.nets.size}"
        )
    if (k := _first((sums.nets < 0) | (sums.nets >= n_nets))) >= 0:
        _fail(f"class sums: net {sums.nets[k]} does not exist; nets are 0 to {n_nets - 1}")
    if not (np.isfinite(sums.tau) and sums.tau > 0):
        _fail(f"class sums: tau must be a finite number above 0, got {sums.tau!r}")
    if sums.labels and len(sums.labels) != sums.n_classes:
        _fail(f"class sums: {len(sums.labels)} labels for {sums.n_classes} classes; give one each")
    if not all(isinstance(label, str) for label in sums.labels):
        _fail(f"class sums: labels must be strings, got {sums.labels!r}")
