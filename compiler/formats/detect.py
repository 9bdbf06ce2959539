"""What is this file? A model or a netlist, told by its content first and its ending second."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.arrays import read_safetensors
from compiler.errors import FormatError, NetlistError, UnsupportedError
from compiler.families.ising import IsingModel
from compiler.families.logic import LogicNetwork
from compiler.families.store import KEY, load_model
from compiler.families.tables import TableNetwork
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.circuits.circuits import READ as CIRCUITS
from compiler.formats.circuits.circuits import may_be_circuit, obeyed, read_circuit
from compiler.formats.circuits.yosys_json import FORMAT as YOSYS_JSON
from compiler.formats.circuits.yosys_json import is_yosys_json, parse_yosys_json
from compiler.formats.format import Format
from compiler.formats.ising.files import FORMATS as ISING
from compiler.formats.ising.files import GRAPH, ising_format, may_be_ising, read_ising
from compiler.formats.options import CIRCUIT, GATES, NETWORK
from compiler.formats.options import Options as Options
from compiler.ir import container, kinds
from compiler.ir.gates import GateNetlist
from compiler.ir.luts import LutNetlist

HEAD_BYTES = 64


@dataclass(frozen=True, slots=True)
class Reader:
    """One format. matches : (first bytes, file) -> bool; read : (file, options) -> model/netlist
    state : whether it may hold a logic-gate network of others, to which options belong
    """

    name: str
    matches: Callable[[bytes, Path], bool]
    read: Callable[[Path, Options], Any]
    state: bool = False


def _is_safetensors(head: bytes, path: Path) -> bool:
    if len(head) < 9 or head[8:9] != b"{":
        return False
    return int.from_bytes(head[:8], "little") <= path.stat().st_size - 8


def _read_safetensors(path: Path, options: Options) -> Any:
    if KEY in read_safetensors(path)[0]:
        options.refuse((*NETWORK, *GATES), str(path), "a thermoc model")
        return load_model(path)
    return _read_state(path, options)


def _read_state(path: Path, options: Options) -> Any:
    """Arrays by name: a logic-gate network if they are laid out as one, else an ordinary one."""
    from compiler.formats.logic_nets.gate_states import gate_layout
    from compiler.formats.networks.state import read_state
    from compiler.formats.networks.torch import from_state_dict

    state = read_state(path)
    layout = gate_layout(state, options)
    if layout is not None:
        options.refuse(NETWORK, str(path), f"a {layout.name} model")
        unused = [name for name in GATES if name not in layout.uses]
        options.refuse(unused, str(path), f"a {layout.name} model")
        return layout.read(state, options, str(path))
    options.refuse(GATES, str(path), "an ordinary network")
    return from_state_dict(
        state,
        options.activation,
        output_activation=options.output_activation,
        head=options.head,
        labels=options.labels,
        origin=str(path),
    )


def _is_gaussian(head: bytes, path: Path) -> bool:
    from compiler.formats.networks.linear_system import is_gaussian_npz

    return head.startswith(b"PK\x03\x04") and is_gaussian_npz(path)


def _read_gaussian(path: Path, options: Options) -> Any:
    from compiler.formats.networks.linear_system import read_gaussian

    options.refuse((*NETWORK, *GATES), str(path), "a linear system (A, b)")
    return read_gaussian(path)


def _is_ising_arrays(head: bytes, path: Path) -> bool:
    from compiler.formats.ising.arrays import is_ising_npz

    return head.startswith(b"PK\x03\x04") and is_ising_npz(path)


def _read_ising_arrays(path: Path, options: Options) -> Any:
    from compiler.formats.ising.arrays import read_ising_npz

    options.refuse((*NETWORK, *GATES), str(path), "an Ising model")
    with _naming(path):
        return read_ising_npz(path)


def _read_ising(path: Path, options: Options) -> Any:
    options.refuse(NETWORK, str(path), "an Ising model")
    with _naming(path):
        return read_ising(path, options)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """What a model refuses, as an error of its file."""
    try:
        yield
    except NetlistError as error:
        raise FormatError(f"{path}: {error}") from None


def _read_json(path: Path, options: Options) -> Any:
    """dimod's BQM, networkx's node-link graph, a QUBO, or else a circuit of torchlogix."""
    from compiler.formats.ising import bqm, qubo
    from compiler.formats.logic_nets import compactlogic
    from compiler.formats.logic_nets.torchlogix_json import read_torchlogix_json

    try:
        document = json.loads(read_text(path))
    except (ValueError, RecursionError):
        document = None  # whose error the reader below tells
    if isinstance(document, dict) and document.get("type") == bqm.TYPE:
        options.refuse(NETWORK, str(path), "an Ising model")
        with _naming(path):
            return bqm.parse_bqm(document, name=str(path))
    if isinstance(document, dict) and "nodes" in document:
        from compiler.formats.ising import graph

        options.refuse(NETWORK, str(path), "an Ising model")
        return graph.parse_node_link(
            document, options.as_ or "max-cut", weight=options.weight, field=options.field, name=str(path)
        )
    if is_yosys_json(document):
        return parse_yosys_json(document, name=str(path), top=options.top, cut_latches=options.cut_latches)
    if compactlogic.is_compactlogic_json(document):
        options.refuse(NETWORK, str(path), "a circuit of CompactLogic")
        return compactlogic.parse_compactlogic_json(document, name=str(path), options=options)
    if qubo.is_qubo_json(document):
        options.refuse(NETWORK, str(path), "a QUBO")
        return qubo.parse_qubo_json(document, name=str(path))
    return read_torchlogix_json(path, options)


def _read_difflogic_c(path: Path, options: Options) -> Any:
    from compiler.formats.logic_nets.difflogic_c import NAME, USES, read_difflogic_c

    options.refuse((*NETWORK, *(name for name in GATES if name not in USES)), str(path), NAME)
    return read_difflogic_c(path, options)


def _read_onnx(path: Path, options: Options) -> Any:
    from compiler.formats.networks.onnx import read_onnx

    return read_onnx(path, head=options.head, labels=options.labels)


def _read_pt2(path: Path, options: Options) -> Any:
    from compiler.formats.networks.pt2 import read_pt2

    options.refuse(("activation", "output_activation"), str(path), "an exported program, which holds its own")
    return read_pt2(path, head=options.head, labels=options.labels)


def _is_pt2(head: bytes, path: Path) -> bool:
    from compiler.formats.networks.pt2 import is_pt2

    return head.startswith(b"PK\x03\x04") and is_pt2(path)


def _read_keras(path: Path, options: Options) -> Any:
    from compiler.formats.networks.keras import read_keras

    options.refuse(("activation", "output_activation"), str(path), "a Keras model, which holds its own")
    return read_keras(path, head=options.head, labels=options.labels)


def _is_keras(head: bytes, path: Path) -> bool:
    from compiler.formats.networks.keras import HDF5, is_keras

    return head.startswith(HDF5) or (head.startswith(b"PK\x03\x04") and is_keras(path))


def _read_text(path: Path, options: Options) -> Any:
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: is no UTF-8 text ({error.reason})") from None
    return kinds.parse(content, name=str(path))


def _refuse_pickle(path: Path, options: Options) -> Any:
    raise FormatError(
        f"{path}: is a pickle, which could run any code and is never loaded; save a state dict as "
        ".safetensors, or a scikit-learn model with thermoc's save_model(from_sklearn(model), path)"
    )


def _as_asked(source: Any, options: Options, path: Path) -> Any:
    """The source, if what is said of it means something there; circuits may become Ising models."""
    asks = _asks(path) if isinstance(source, IsingModel) else frozenset()
    for name, what in (("weight", "where edges name it"), ("field", "where nodes name it")):
        if getattr(options, name) is not None and name not in asks:
            raise UnsupportedError(
                f"{path}: --{name} is for GraphML, GML and node-link files, {what}; leave it out"
            )
    if options.as_ is not None and "as_" not in asks:
        kinds = {"ising": (GateNetlist, LogicNetwork), "gates": (LutNetlist, TableNetwork)}
        circuit = isinstance(source, kinds.get(options.as_, ()))
        if not circuit:
            what = source.problem.goal.kind if isinstance(source, IsingModel) else type(source).__name__
            raise UnsupportedError(f"{path}: --as {options.as_} has no meaning for it ({what}); leave it out")
    return source


def _asks(path: Path) -> frozenset[str]:
    """What may be said of an Ising model's file."""
    known = ising_format(path)
    if known is not None:
        return known.asks
    try:
        document = json.loads(read_text(path))
    except (FormatError, ValueError, RecursionError):
        return frozenset()
    return GRAPH.asks if isinstance(document, dict) and "nodes" in document else frozenset()


def _titles(formats: Iterable[Format]) -> str:
    return ", ".join(known.title for known in formats)


READERS = (
    Reader(
        "thermoc netlist (.tnl)",
        lambda head, path: head.startswith(container.MAGIC[:4]),
        lambda path, options: container.load(path),
    ),
    Reader("canonical text", lambda head, path: kinds.is_text(head), _read_text),
    Reader("safetensors", _is_safetensors, _read_safetensors, state=True),
    Reader("linear system (.npz with A and b, or a sparse matrix)", _is_gaussian, _read_gaussian),
    Reader("Ising model (.npz with J, or thrml's arrays)", _is_ising_arrays, _read_ising_arrays),
    Reader("exported program of torch (.pt2)", _is_pt2, _read_pt2),
    Reader("Keras model (.keras, .h5)", _is_keras, _read_keras),
    Reader(
        "state dict (.pt, .npz)", lambda head, path: head.startswith(b"PK\x03\x04"), _read_state, state=True
    ),
    Reader(
        "torchlogix circuit, dimod BQM, QUBO or node-link graph (.json)",
        lambda head, path: head.lstrip().startswith(b"{") or path.suffix.lower() == ".json",
        _read_json,
    ),
    Reader(f"Ising model ({_titles(ISING.values())}, also .gz)", may_be_ising, _read_ising),
    Reader(
        "C code of difflogic",
        lambda head, path: head.startswith(b"#include <stddef.h>") or path.suffix.lower() == ".c",
        _read_difflogic_c,
        state=True,
    ),
    Reader("pickle", lambda head, path: head[:1] == b"\x80" and head[1:2] <= b"\x05", _refuse_pickle),
    Reader(f"circuit ({_titles(CIRCUITS)}, also .gz)", may_be_circuit, read_circuit),
    Reader("ONNX", lambda head, path: path.suffix.lower() == ".onnx", _read_onnx),
    # a damaged file is named by what its ending promises
    Reader(
        "thermoc netlist (.tnl)",
        lambda head, path: path.suffix.lower() == ".tnl",
        lambda path, options: container.load(path),
    ),
    Reader(
        "safetensors", lambda head, path: path.suffix.lower() == ".safetensors", _read_safetensors, state=True
    ),
    Reader(
        "state dict (.pt, .npz)", lambda head, path: path.suffix.lower() == ".npz", _read_state, state=True
    ),
)


_BEYOND = {
    OverflowError: "a number in it is too large",
    RecursionError: "it is nested too deeply",
    UnicodeDecodeError: "a name in it is no UTF-8",
}
"""What any reader may meet, and how it is told."""


def circuit_options(path: str | os.PathLike) -> frozenset[str]:
    """Of Options' top, library and cut_latches, those that mean something for this file.

    Raises FormatError for a file that cannot be read.
    """
    path = Path(path)
    reader = next((reader for reader in READERS if reader.matches(_head(path), path)), None)
    if reader is None or reader.read not in (read_circuit, _read_json):
        return frozenset()
    return YOSYS_JSON.asks if reader.read is _read_json else obeyed(path)


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the name") from None


def read_model_or_netlist(path: str | os.PathLike, options: Options | None = None) -> Any:
    """The netlist or model in a file of any format known here.

    Raises FormatError for a missing, empty, foreign or damaged file, UnsupportedError for a model
    with parts that no front end knows.
    """
    path = Path(path)
    head = _head(path)
    for reader in READERS:
        if reader.matches(head, path):
            given = options or Options()
            if not reader.state:
                given.refuse(GATES, str(path), f"this format, {reader.name}")
            if reader.read not in (read_circuit, _read_json):
                given.refuse(CIRCUIT, str(path), f"this format, {reader.name}")
            try:
                return _as_asked(reader.read(path, given), given, path)
            except (OverflowError, RecursionError, UnicodeDecodeError) as error:
                told = _BEYOND[type(error)]
                raise FormatError(f"{path}: cannot be read as {reader.name}: {told} ({error})") from None
    if not head:
        raise FormatError(f"{path}: is empty; give a model or a netlist")
    known = ", ".join(dict.fromkeys(r.name for r in READERS if r.name != "pickle"))
    raise FormatError(f"{path}: is of no known format (begins with {head[:8]!r}); known: {known}")
