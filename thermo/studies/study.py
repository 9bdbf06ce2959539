"""What every study is: options, a run, and findings as tables, figures and JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from compiler.html import table_html
from thermo import exports
from thermo.data import DataError, Dataset
from thermo.options import Option
from thermo.report.page import Table
from thermo.studies.executors import WHERE as WHERE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THREADS = Option("threads", "--threads", int, None, "Threads (results do not depend on it).", min=1)
SEED = Option("seed", "--seed", int, 0, "Seed of everything random.", min=0)
DATA = Option("dataset", "--data", str, "mnist", "Data set; see `thermoc data`.")
EPOCHS = Option("epochs", "--epochs", int, None, "At most.", min=1)


def rows_taken(dataset: Dataset, rows: int | None) -> int:
    """Training rows that --rows takes, None: all. Raises DataError for more than there are."""
    there = dataset.x_train.shape[0]
    if rows is not None and rows > there:
        raise DataError(
            f"--rows {rows}: data set {dataset.name} has {there:,} training rows; ask for fewer, or leave "
            "it out"
        )
    return there if rows is None else rows


@dataclass(frozen=True, slots=True)
class Findings:
    """result : JSON's keys; figures : of matplotlib, by the name of their file"""

    result: Mapping[str, Any]
    tables: tuple[Table, ...]
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def to_pandas(self) -> dict[str, Any]:
        """A DataFrame of every list of rows in the result, by its key.

        Raises UnsupportedError without pandas.
        """
        return {
            key: exports.frame(rows)
            for key, rows in self.result.items()
            if isinstance(rows, list | tuple) and rows and all(isinstance(row, Mapping) for row in rows)
        }

    def _repr_html_(self) -> str:
        return "".join(table_html(t.caption, t.columns, t.rows, t.numeric) for t in self.tables)


@dataclass(frozen=True, slots=True)
class Study:
    """One study.

    name : "eqprop-noise", of the command and its files
    told : what it does, with an example, as `--help` shows it
    options : what it takes; --data is the name of a data set and becomes the keyword dataset
    run : f(folder, *, progress, options) -> Findings; what is in the folder is not run again; where WHERE is
        among the options, it takes an `executor` for its points instead of these
    source : (name, help) of the netlist or model that it is about, the keyword of that name
    many : it takes several of them
    folder : what --help says of --out
    """

    name: str
    told: str
    options: tuple[Option, ...]
    run: Callable[..., Findings]
    source: tuple[str, str] | None = None
    many: bool = False
    folder: str = "Folder of the study; what is in it is not run again."
