"""Matrices in MatrixMarket's text: couplings, weights or a QUBO, which `as_` must say.

A symmetric matrix is given once, a general one must be symmetric or a triangle, or, of a QUBO,
anything: x' Q x counts Q_ij and Q_ji. A pattern has no values: it is a graph whose edges weigh 1.
Format: Boisvert, Pozo and Remington, NISTIR 5935 (1996).
"""

from __future__ import annotations

import io
import os
import re

import numpy as np

from compiler.errors import FormatError
from compiler.families.ising import IsingModel
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.format import Format
from compiler.formats.ising.terms import Terms, unsaid

KINDS = ("real", "integer", "pattern", "double")
_HEAD = re.compile(r"%%MatrixMarket\s+matrix\s+(\w+)\s+(\w+)\s+([-\w]+)", re.IGNORECASE)

_NUMBER = r"[-+]?(?:\d++\.?\d*+|\.\d++|inf(?:inity)?|nan)(?:e[-+]?\d++)?"
_BODY = re.compile(rf"[^\n]*+(?:\s++|%[^\n]*+|{_NUMBER}(?=\s|\Z))*+", re.IGNORECASE)


def read_matrix_market(path: str | os.PathLike, as_: str | None = None) -> IsingModel:
    """The model in a .mtx file, gzipped or not; errors as parse_matrix_market."""
    return parse_matrix_market(read_text(path), as_, name=str(path))


def parse_matrix_market(text: str, as_: str | None = None, *, name: str = "text") -> IsingModel:
    """The model of a square matrix, coordinate or array; names are the rows' numbers from 1.

    as_ : ising, max-cut: entries are couplings or weights of pairs; qubo, qubo-max: x' Q x is made
        small or large. None: of a pattern, a graph to cut

    Raises FormatError for malformed text, matrices that are not square, complex, skew or neither
    symmetric nor a triangle where pairs have one value, and values that are not finite.
    """
    head = _HEAD.match(text)
    if head is None:
        raise FormatError(f"{name}: begins with no '%%MatrixMarket matrix' line that this format has")
    kind, symmetry = head[2].lower(), head[3].lower()
    if kind not in KINDS or symmetry not in ("general", "symmetric"):
        raise FormatError(f"{name}: is a {kind} {symmetry} matrix; real, symmetric or general ones are read")
    if as_ is None and kind != "pattern":
        raise unsaid(name, "is a matrix, of a QUBO, of couplings or of a graph's weights")
    end = _BODY.match(text).end()  # type: ignore[union-attr]  # it matches nothing, too
    if end != len(text):  # SciPy's reader can crash on what is no number
        line, word = text.count("\n", 0, end) + 1, text[end:].split(maxsplit=1)[0][:40]
        raise FormatError(f"{name}, line {line}: {word!r} is no number")
    from scipy import io as scipy_io
    from scipy import sparse

    try:
        whole = sparse.coo_array(scipy_io.mmread(io.BytesIO(text.encode())))
    except (ValueError, TypeError, OverflowError, MemoryError, IndexError) as error:
        reason = " ".join(str(error).split())[:100]
        raise FormatError(f"{name}: is no MatrixMarket text ({reason})") from None
    if whole.shape[0] != whole.shape[1] or not whole.shape[0]:
        raise FormatError(
            f"{name}: is a matrix of {whole.shape[0]} x {whole.shape[1]}; one that is square is read"
        )
    whole.sum_duplicates()
    row, col = (ends.astype(np.int64) for ends in (whole.row, whole.col))
    values = whole.data.astype(np.float64)
    if not np.isfinite(values).all():
        k = int(np.argmin(np.isfinite(values)))
        raise FormatError(
            f"{name}: entry ({row[k] + 1}, {col[k] + 1}) is {values[k]}; it must be a finite number"
        )
    own = row == col
    if as_ in ("qubo", "qubo-max"):
        # both triangles count; qubo-max has each pair once and doubles it
        half = 0.5 if as_ == "qubo-max" else 1.0
        ends, values = np.stack([row, col], axis=1), np.where(own, values, half * values)
    else:
        upper = row < col
        if (row > col).any() and upper.any():
            key = [a[k] * whole.shape[0] + b[k] for a, b, k in ((row, col, upper), (col, row, row > col))]
            first, second = (np.argsort(k) for k in key)
            same = np.array_equal(key[0][first], key[1][second])
            if not (same and np.array_equal(values[upper][first], values[row > col][second])):
                raise FormatError(
                    f"{name}: the matrix is neither symmetric nor a triangle, so pairs have two values; "
                    "give (A + A') / 2"
                )
            keep = upper | own
        else:
            keep = np.ones(row.size, dtype=bool)
        ends, values = np.stack([row, col], axis=1)[keep], values[keep]
    if not values.size:
        raise FormatError(f"{name}: the matrix has no entries")
    names = tuple(str(k + 1) for k in range(whole.shape[0]))
    return Terms(whole.shape[0], ends, values, names, name, "matrix-market").model(as_ or "max-cut")


FORMAT = Format(
    "matrix-market",
    "MatrixMarket",
    (".mtx",),
    re.compile(rb"%%MatrixMarket\b", re.IGNORECASE),
    lambda path, options: read_matrix_market(path, options.as_),
    asks=frozenset({"as_"}),
)
