"""Tables: CSV files by themselves, Parquet files by pandas. pandas is imported here and nowhere else in
thermo.data.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from compiler.errors import UnsupportedError
from thermo.data.arrays import dataset_of
from thermo.data.dataset import DataError, Dataset
from thermo.data.sources import read_bytes

CSV, PARQUET = (".csv", ".tsv", ".csv.gz", ".tsv.gz"), (".parquet", ".pq")
TARGETS = ("y", "target", "label", "class", "labels")
"""Names of a column of answers; without one of them, the last column."""
MISSING = ("", "na", "n/a", "nan", "null", "none", "?")
MOST_WORDS = 50  # different words of a column that become as many columns


def is_table(path: Path) -> bool:
    """Whether a file's name is that of a table."""
    return path.name.lower().endswith((*CSV, *PARQUET))


def read_dataset(path: Path) -> Dataset:
    """The data set of a table, a row a sample: its answers are the column called y, target, label or class,
    else the last one.

    Words, and whole numbers in the column of answers, are classes; a column of words becomes one column of
    0 and 1 a word. Raises DataError for what is missing or damaged.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; check the name")
    names, columns = _parquet(path) if path.name.lower().endswith(PARQUET) else _csv(path)
    if len(columns) < 2:
        raise DataError(f"{path}: has one column, {names[0]!r}; a table has columns of values and of answers")
    lower = [name.strip().lower() for name in names]
    at = next((lower.index(name) for name in TARGETS if name in lower), len(names) - 1)
    y = columns.pop(at)
    answer = names.pop(at)
    if lacks := _lacking(y):
        raise DataError(
            f"{path}: {lacks:,} of {len(y):,} answers (column {answer!r}) are missing; drop those rows"
        )
    spread = [_numbers(path, name, column) for name, column in zip(names, columns, strict=True)]
    x = np.concatenate([values for _, values in spread], axis=1)
    wide = [name for some, _ in spread for name in some]
    return dataset_of(path.name, x, y, columns=wide)


def _csv(path: Path) -> tuple[list[str], list[np.ndarray]]:
    """(names, columns) of a file of lines: float64, int64 where no number has a point, or words."""
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is no text in UTF-8 ({error}); save it as CSV again") from None
    lines = text.split("\n", 2)
    if len(lines) < 2 or not lines[1].strip():
        raise DataError(f"{path}: has no rows; give a line a sample, names of columns first")
    marks = "\t" if ".tsv" in path.name.lower() else max(",;\t", key=lines[0].count)
    first = next(csv.reader([lines[0].rstrip("\r")], delimiter=marks))
    named = not all(_is_number(field) for field in first)
    names = [name.strip() for name in first] if named else [f"column {k}" for k in range(len(first))]
    body = text[len(lines[0]) + 1 :] if named else text
    shown = list(csv.reader(io.StringIO(body[: 1 << 16]), delimiter=marks))[:200]
    try:  # nothing but numbers: quickly
        table = np.loadtxt(io.StringIO(body), delimiter=marks, ndmin=2, comments=None)
        columns = list(table.T)
    except ValueError:
        columns = _fields(path, body, marks, len(first), named)
    if len(columns) != len(names):
        raise DataError(f"{path}: {len(names)} names and {len(columns)} columns; give a name a column")
    pointed = [
        any(not row[k].strip().lstrip("+-").isdigit() for row in shown if len(row) > k)
        for k in range(len(names))
    ]
    return names, [
        column.astype(np.int64)
        if column.dtype.kind == "f" and not points and np.isfinite(column).all()
        else column
        for column, points in zip(columns, pointed, strict=True)
    ]


def _fields(path: Path, body: str, marks: str, n: int, named: bool) -> list[np.ndarray]:
    """Columns of lines that hold words or lack values."""
    rows = []
    for number, row in enumerate(csv.reader(io.StringIO(body), delimiter=marks), 1 + named):
        if not row:
            continue
        if len(row) != n:
            raise DataError(f"{path}, line {number}: {len(row)} fields, the first line has {n}")
        rows.append([field.strip() for field in row])
    return [_column(fields) for fields in zip(*rows, strict=True)]


def _column(fields: Sequence[str]) -> np.ndarray:
    """float64, missing ones NaN, or the words."""
    missing = [field.lower() in MISSING for field in fields]
    try:
        return np.array([np.nan if lacks else float(f) for f, lacks in zip(fields, missing, strict=True)])
    except ValueError:
        return np.array(["" if lacks else f for f, lacks in zip(fields, missing, strict=True)])


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return field.strip().lower() in MISSING
    return True


def _parquet(path: Path) -> tuple[list[str], list[np.ndarray]]:
    """(names, columns) of a Parquet file."""
    try:
        import pandas
        import pyarrow  # noqa: F401  (what pandas reads Parquet by)
    except ImportError:
        raise UnsupportedError(
            f"{path}: Parquet files need the packages pandas and pyarrow: pip install 'thermoc[data]'"
        ) from None

    try:
        frame = pandas.read_parquet(path, engine="pyarrow")
    except (OSError, ValueError) as error:  # pyarrow's errors are those
        raise DataError(f"{path}: not read as Parquet ({' '.join(str(error).split())[:100]})") from None
    columns = []
    for _, series in frame.items():
        if pandas.api.types.is_bool_dtype(series.dtype) or not pandas.api.types.is_numeric_dtype(
            series.dtype
        ):
            columns.append(
                np.array(["" if lacks else str(v) for v, lacks in zip(series, series.isna(), strict=True)])
            )
        elif pandas.api.types.is_integer_dtype(series.dtype) and not series.isna().any():
            columns.append(series.to_numpy(np.int64))
        else:
            columns.append(series.to_numpy(np.float64, na_value=np.nan))
    return [str(name) for name in frame.columns], columns


def _lacking(column: np.ndarray) -> int:
    """Missing values."""
    return int(
        (column == "").sum() if column.dtype.kind == "U" else np.isnan(column.astype(np.float64)).sum()
    )


def _numbers(path: Path, name: str, column: np.ndarray) -> tuple[list[str], np.ndarray]:
    """(names, (n, k) float64) of a column: itself, or 0 and 1 for each of its words."""
    if column.dtype.kind != "U":
        return [name], column[:, None].astype(np.float64)
    words = np.unique(column[column != ""])
    if words.size > MOST_WORDS:
        raise DataError(
            f"{path}: column {name!r} holds {words.size:,} different words, more than {MOST_WORDS}; leave it "
            "out (names, dates, numbers of rows) or turn it into numbers"
        )
    if words.size <= 2:
        words = words[-1:]
    values = (column[:, None] == words).astype(np.float64)
    values[column == ""] = np.nan
    return [f"{name}={word}" for word in words], values
