"""QUBO text: coordinate lists ("i j bias", i = j the linear terms) and qbsolv's .qubo files.

Coordinate lists are binary unless a comment says `vartype=SPIN`, as dimod writes it; pairs given
more than once add up. A list without a linear term, in a file that neither says what it is nor is
called .coo or .qubo, may as well be the edges of a graph: `as_` must tell. JSON holds an object of
biases by pair, {"0,0": -1, "0,1": 2}, binary. No format holds an offset: energies are those of the
written terms.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.errors import FormatError, UnsupportedError
from compiler.families.ising import IsingModel
from compiler.families.quadratic import from_quadratic, to_quadratic
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.format import Format, plain_suffix
from compiler.formats.ising.bqm import labels
from compiler.formats.ising.number_lines import number_lines, number_text, real, whole
from compiler.formats.ising.terms import Terms, unsaid

_VARTYPE = re.compile(r"^\s*#.*?vartype[:=]\s*([-_.a-zA-Z0-9]+)", re.MULTILINE)
_HEADER = re.compile(r"^\s*p\s+qubo\b", re.MULTILINE)
_OWN = re.compile(r"^[ \t]*(\d+)[ \t]+\1[ \t]", re.MULTILINE)
VARTYPES = {"BINARY": "binary", "SPIN": "spin"}


def read_qubo(path: str | os.PathLike, as_: str | None = None) -> IsingModel:
    """The model in a .coo or .qubo file, gzipped or not; errors as parse_qubo.

    Raises FormatError for a list that does not say what it is, under another ending and without `as_`.
    """
    text = read_text(path)
    said = plain_suffix(path) in FORMAT.suffixes or any(p.search(text) for p in (_VARTYPE, _HEADER, _OWN))
    if as_ is None and not said:
        raise unsaid(str(path), "is a list of pairs, of a QUBO's terms or of a graph's edges")
    return parse_qubo(text, as_, name=str(path))


def parse_qubo(text: str, as_: str | None = None, *, name: str = "text") -> IsingModel:
    """The model in a coordinate list, or in qbsolv's format, which begins with `p qubo`.

    Variables are those that the file mentions, in the order of their numbers.
    as_ : what the terms are, see compiler.formats.ising.terms; None: a QUBO, or spins with dimod's
        plus signs where a comment says vartype=SPIN

    Raises FormatError, with the line, for malformed lines, biases that are no finite numbers, a
    file without terms, and counts that do not match qbsolv's header.
    """
    found = _VARTYPE.search(text)
    vartype = VARTYPES.get(found[1].upper()) if found else "binary"
    if as_ is not None and found and (as_, vartype) != ("qubo", "binary"):
        raise FormatError(f"{name}: says vartype={found[1]}, so that --as {as_} has no meaning; leave it out")
    if vartype is None:
        raise FormatError(f"{name}: vartype is BINARY or SPIN, got {found[1]!r}")  # type: ignore[index]
    ends: list[tuple[int, int]] = []
    values: list[float] = []
    header: tuple[int, ...] = ()
    for number, words in number_lines(text, ("#", "c")):
        where = f"{name}, line {number}"
        if words[0] == "p":
            if len(words) != 6 or words[1] != "qubo" or header or values:
                raise FormatError(
                    f"{where}: a .qubo file begins with one line 'p qubo 0 nodes diagonals "
                    f"couplers', got {' '.join(words)[:50]!r}"
                )
            header = tuple(whole(word, where, "a count of the header") for word in words[3:])
            continue
        if len(words) != 3:
            raise FormatError(f"{where}: a term is two variables and a bias, got {' '.join(words)[:40]!r}")
        i, j = (whole(word, where, "a variable", most=1 << 62) for word in words[:2])
        ends.append((i, j))
        values.append(real(words[2], where, "the bias"))
    if not values:
        raise FormatError(f"{name}: has no terms; give at least one line 'i j bias'")
    pairs, biases = np.array(ends, dtype=np.int64), np.array(values)
    own = pairs[:, 0] == pairs[:, 1]
    if header:
        counts = int(own.sum()), int((~own).sum())
        if counts != header[1:]:
            raise FormatError(
                f"{name}: has {counts[0]} diagonal terms and {counts[1]} couplers but its header "
                f"promises {header[1]} and {header[2]}; it is truncated or altered"
            )
    labels, place = np.unique(pairs, return_inverse=True)
    ranged = bool((labels == np.arange(labels.size)).all())
    names = () if ranged else tuple(map(str, labels.tolist()))
    if as_ is not None:
        return Terms(labels.size, place.reshape(pairs.shape), biases, names, name, "qubo").model(as_)
    return _model(place.reshape(pairs.shape), biases, vartype, names)


def is_qubo_json(document: Any) -> bool:
    """Whether it is an object of biases by pair, {"0,0": -1, "0,1": 2}, also written "(0, 1)"."""
    return (
        isinstance(document, dict)
        and bool(document)
        and all(key.count(",") == 1 for key in document)
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in document.values())
    )


def parse_qubo_json(document: Mapping[str, float], *, name: str = "document") -> IsingModel:
    """The model in biases by pair of labels; a pair of one label with itself is its linear term.

    Raises FormatError for a pair without two labels and a bias that is not finite.
    """
    pairs = [[label.strip(" '\"") for label in key.strip().strip("()[]").split(",")] for key in document]
    for key, pair, bias in zip(document, pairs, document.values(), strict=True):
        if "" in pair:
            raise FormatError(f"{name}: the pair {key!r} must be two labels, such as '0,1'")
        if not abs(bias) <= sys.float_info.max:  # a whole number may be too large for a float
            raise FormatError(f"{name}: the bias of {key!r} must be a finite number, got {bias}")
    labels = sorted({label for pair in pairs for label in pair}, key=_in_order)
    place = {label: k for k, label in enumerate(labels)}
    ranged = labels == [str(k) for k in range(len(labels))]
    return _model(
        np.array([[place[label] for label in pair] for pair in pairs], np.int64),
        np.array(list(document.values()), np.float64),
        "binary",
        () if ranged else tuple(labels),
    )


def _in_order(label: str) -> tuple[bool, int, str]:
    """Numbers first, by their size."""
    number = label.isdecimal()
    return not number, int(label) if number else 0, label


def _model(ends: np.ndarray, biases: np.ndarray, vartype: str, names: tuple[str, ...]) -> IsingModel:
    """Terms ends (m, 2) with their biases, those of a variable with itself linear."""
    own = ends[:, 0] == ends[:, 1]
    linear = np.bincount(ends[own, 0], weights=biases[own], minlength=int(ends.max()) + 1)
    return from_quadratic(
        linear,
        ends[~own, 0],
        ends[~own, 1],
        biases[~own],
        vartype=vartype,
        names=names,
        meta={"source": "qubo"},
    )


def write_coo(model: IsingModel) -> str:
    """QUBO coordinates, binary, "i j bias"; the offset stays in a comment.

    Raises UnsupportedError where names are not whole numbers, the only labels of this format.
    """
    names = labels(model)
    if not all(isinstance(label, int) and label >= 0 for label in names):
        bad = next(label for label in names if not (isinstance(label, int) and label >= 0))
        raise UnsupportedError(
            f"coo: spin {bad!r} has a name, and this format has whole numbers only; choose --format bqm"
        )
    q = to_quadratic(model, "binary")
    ids = np.array(names, dtype=np.int64)
    lines = ["# vartype=BINARY", f"# the offset {q.offset!r} is to be added to every energy"]
    lines += [f"{i} {i} {number_text(v)}" for i, v in zip(ids.tolist(), q.linear.tolist(), strict=True)]
    lines += [
        f"{i} {j} {number_text(v)}"
        for i, j, v in zip(ids[q.row].tolist(), ids[q.col].tolist(), q.quadratic.tolist(), strict=True)
    ]
    return "\n".join(lines) + "\n"


FORMAT = Format(
    "coo",
    "QUBO",
    (".coo", ".qubo"),
    re.compile(
        rb"(?:[ \t]*(?:c[^\n]*)?\n)*[ \t]*p[ \t]+qubo\b"
        rb"|[ \t]*#[^\n]*vartype[:=]"
        rb"|(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*\d+[ \t]+\d+[ \t]+"
        rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[ \t]*(?:\n|$)"
    ),
    lambda path, options: read_qubo(path, options.as_),
    write_coo,
    asks=frozenset({"as_"}),
)
