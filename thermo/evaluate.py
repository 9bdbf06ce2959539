"""`evaluate`: a netlist of any kind measured on one split of a data set: accuracy, error bars, heat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from compiler.circuits.from_tables import circuit_of
from compiler.html import fields_html
from compiler.ir.cells import CellNetlist
from compiler.ir.gates import GateNetlist
from compiler.ir.langevin import CellKind, LangevinNetlist
from compiler.ir.luts import LutNetlist
from compiler.ir.tiles import TileNetlist
from thermo import exports
from thermo.data import DataError, Dataset
from thermo.simulate.gates.run import GateResult
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.run import dynamics_of, simulate
from thermo.simulate.tiles.result import TileResult
from thermo.verb import make_verb

make_verb(__name__)


@dataclass(frozen=True, slots=True)
class Heat:
    """Heat per inference in kT, or what is said: mean, spread over inferences, standard error of the mean."""

    mean: float
    std: float
    sem: float

    def over(self, unit: float) -> Heat:
        """The same in another unit."""
        return Heat(self.mean / unit, self.std / unit, self.sem / unit)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one netlist on one split.

    accuracy : share of right decisions, None for regression; accuracy_sem : its standard error
    rmse : root-mean-square error, None for classification
    heat_kT : per inference (all its runs), None where no heat was measured, kT is 0 or changes
    heat : the same in the model's unit of energy, whatever kT
    entropy_kB : given to the bath, units of k_B, the integral of dQ / kT; None as in SimulationResult
    """

    split: str
    n_samples: int
    runs: int
    accuracy: float | None
    accuracy_sem: float | None
    rmse: float | None
    heat_kT: Heat | None
    heat: Heat | None = None
    entropy_kB: Heat | None = None

    _repr_html_ = fields_html

    def to_pandas(self) -> Any:
        """DataFrame of one row, what is measured in columns: accuracy, heat_kT_mean, heat_kT_sem, ...

        `pandas.concat` puts several into one table. Raises UnsupportedError without pandas.
        """
        row: dict[str, Any] = {}
        for name, value in asdict(self).items():
            if isinstance(value, dict):
                row |= {f"{name}_{part}": number for part, number in value.items()}
            elif value is not None:
                row[name] = value
        return exports.frame([row])


def summarise(values: np.ndarray) -> Heat:
    """Mean, spread and standard error over samples of (n_samples, runs) summed over runs."""
    per_inference = values.sum(axis=1)
    std = float(per_inference.std(ddof=1)) if per_inference.size > 1 else 0.0
    return Heat(float(per_inference.mean()), std, std / np.sqrt(per_inference.size))


def evaluate(
    netlist: Any, dataset: Dataset, split: str = "test", *, limit: int | None = None, **options: Any
) -> tuple[Evaluation, Any]:
    """Simulate every sample of the split (or the first `limit`) and compare with the truth.

    options : of `thermo.simulate.simulate`; the converters of a device have the ranges that the training
        split asks for, where none are given; where a phase of a Langevin netlist nudges the outputs
        and no targets are given, they are the split's own truth
    Returns (figures, the simulation's result). A circuit without class sums decides nothing and its
    accuracy is None.
    Raises DataError if the netlist and the data set do not fit, or for p-bits, which answer no
    samples; else as simulate.
    """
    check_fit(netlist, dataset)
    netlist = circuit_of(netlist) if isinstance(netlist, CellNetlist | LutNetlist) else netlist
    x, y = (part[:limit] for part in dataset.part(split))
    nudged = isinstance(netlist, LangevinNetlist) and any(phase.nudge for phase in netlist.schedule)
    if nudged and options.get("targets") is None:
        options["targets"] = targets_of(netlist, dataset, y)
    if options.get("device") is not None and dynamics_of(netlist).name == "langevin":
        options |= ranges_of(netlist, dataset, options)
    if options.get("device") is not None and isinstance(netlist, TileNetlist):
        options.setdefault("calibration", dataset.x_train)
    result: Any = simulate(netlist, x, **options)
    return score(result, y, split, label_codes(netlist, dataset)), result


def ranges_of(netlist: LangevinNetlist, dataset: Dataset, options: Mapping[str, Any]) -> dict[str, Any]:
    """`input_range` and `output_range` of a device's converters, where these options of `simulate` do
    not give them, as the training split asks for.
    """
    from thermo.simulate.langevin.calibrate import calibrated  # numba takes a while to import

    nudged = any(phase.nudge for phase in netlist.schedule)
    targets = targets_of(netlist, dataset, dataset.y_train) if nudged else None
    return dict(calibrated(netlist, dataset.x_train, targets, options))


def check_fit(netlist: Any, dataset: Dataset) -> None:
    """Raise DataError unless the netlist takes this data and gives this kind of answer."""
    dynamics = dynamics_of(netlist)
    if dynamics.name == "spins":
        raise DataError(
            "p-bits answer a problem, not the samples of a data set: simulate them without data "
            "(thermoc simulate NET.tnl), which reports their best state"
        )
    if dynamics.name == "gates":
        _check_circuit(circuit_of(netlist), dataset)
    elif dynamics.name == "tiles":
        _check_tiles(netlist, dataset)
    else:
        _check_langevin(netlist, dataset)


def _check_langevin(netlist: LangevinNetlist, dataset: Dataset) -> None:
    if netlist.inputs.size != dataset.n_features:
        raise DataError(
            f"data set {dataset.name} has {dataset.n_features} values a sample; the netlist has "
            f"{netlist.inputs.size} input cells: choose the data it was made for"
        )
    if netlist.readout is None:
        raise DataError("the netlist has no read-out, so no accuracy; simulate it without --data")
    decides = netlist.readout.decision == "argmax"
    if decides != (dataset.n_classes > 0):
        raise DataError(
            f"the netlist answers with {'classes' if decides else 'numbers'}, data set "
            f"{dataset.name} asks for {'classes' if dataset.n_classes else 'numbers'}"
        )
    scale = netlist.readout.scale
    given = netlist.readout.cells.size if scale is None else scale.shape[0]
    wanted = dataset.n_classes if decides else dataset.y_train[:1].size
    if given != wanted:
        raise DataError(
            f"the netlist gives {given} answers, data set {dataset.name} has {wanted} "
            f"{'classes' if decides else 'values a sample'}: choose the data it was made for"
        )


def _check_tiles(netlist: TileNetlist, dataset: Dataset) -> None:
    network = netlist.network
    if network.n_inputs != dataset.n_features:
        raise DataError(
            f"data set {dataset.name} has {dataset.n_features} values a sample; the network reads "
            f"{network.n_inputs}: choose the data it was made for"
        )
    decides = network.decision == "argmax"
    wanted = dataset.n_classes if decides else dataset.y_train[:1].size
    if decides != (dataset.n_classes > 0) or network.n_answers != wanted:
        raise DataError(
            f"the network gives {network.n_answers} {'classes' if decides else 'numbers'}, data set "
            f"{dataset.name} has {dataset.n_classes or dataset.y_train[:1].size} "
            f"{'classes' if dataset.n_classes else 'values a sample'}: choose the data it was made for"
        )


def targets_of(netlist: LangevinNetlist, dataset: Dataset, y: np.ndarray) -> np.ndarray:
    """(n, n_outputs) what a nudge pulls the output cells towards for truth y: 1 for the cell of the
    right class and 0 for the others, or the values themselves.

    Raises DataError where output cells are not, one for one, what the read-out answers with.
    """
    readout = netlist.readout
    assert readout is not None
    cells = np.asarray(readout.cells)
    order = np.argsort(cells)
    phases = netlist.cells.kind[netlist.outputs] == CellKind.PHASE
    if readout.scale is not None or phases.any() or not np.array_equal(cells[order], netlist.outputs):
        raise DataError(
            "the netlist nudges its output cells, which are not one for one its answers; simulate "
            "it from Python with targets of your own"
        )
    if dataset.n_classes:
        codes = label_codes(netlist, dataset)
        codes = np.arange(cells.size) if codes is None else codes
        answers = np.eye(dataset.n_classes)[y][:, codes]
    else:
        answers = y.reshape(y.shape[0], -1)
    return np.asarray(answers[:, order], dtype=float)  # outputs ascend, answers need not


def _check_circuit(netlist: GateNetlist, dataset: Dataset) -> None:
    encoder, sums = netlist.encoder, netlist.class_sums
    if encoder is None:
        raise DataError(
            f"the circuit has {netlist.n_inputs} inputs and no encoder that makes bits of data set "
            f"{dataset.name}: compile it with an encoder, or simulate it with bits"
        )
    if encoder.n_features != dataset.n_features:
        raise DataError(
            f"data set {dataset.name} has {dataset.n_features} values a sample; the circuit's "
            f"encoder reads {encoder.n_features}: choose the data it was made for"
        )
    if sums is not None and dataset.n_classes != sums.n_classes:
        asked = f"{dataset.n_classes} classes" if dataset.n_classes else "numbers"
        raise DataError(
            f"the circuit decides between {sums.n_classes} classes, data set {dataset.name} asks "
            f"for {asked}: choose the data it was made for"
        )


def label_codes(netlist: Any, dataset: Dataset) -> np.ndarray | None:
    """Data set class of each answer where both name their classes, else None (by position)."""
    if isinstance(netlist, TileNetlist):
        named: Any = netlist.network
    else:
        named = netlist.readout if isinstance(netlist, LangevinNetlist) else netlist.class_sums
    return codes_of(() if named is None else named.labels, dataset)


def codes_of(labels: tuple[str, ...], dataset: Dataset) -> np.ndarray | None:
    """The same of answers with these names."""
    if not labels or not dataset.labels or set(labels) != set(dataset.labels):
        return None
    return np.array([dataset.labels.index(label) for label in labels])


def score(
    result: SimulationResult | GateResult | TileResult,
    y: np.ndarray,
    split: str,
    codes: np.ndarray | None = None,
    time: int = -1,
) -> Evaluation:
    """The figures of one result; `time` chooses one of its observation times."""
    if isinstance(result, GateResult):
        if result.class_sums is None:
            return Evaluation(split, result.n_samples, 1, None, None, None, None)
        return _decided(result.predictions(), y, split, 1, codes, {"heat_kT": None})
    if isinstance(result, TileResult):
        n, runs, given = result.n_samples, 1, dict[str, Heat | None](heat_kT=None)
    else:
        given = heats(result)
        n, runs = result.outputs.shape[1:3]
    if np.issubdtype(y.dtype, np.integer):
        return _decided(result.predictions(time), y, split, runs, codes, given)
    error = result.answers(time) - y.reshape(n, -1)
    return Evaluation(split, n, runs, None, None, float(np.sqrt(np.mean(error**2))), **given)


def heats(result: SimulationResult) -> dict[str, Heat | None]:
    """heat_kT, heat and entropy_kB of an Evaluation."""
    if result.heat is None:
        return {"heat_kT": None}
    return {
        "heat_kT": summarise(result.heat / result.kT) if result.kT > 0 else None,
        "heat": summarise(result.heat),
        "entropy_kB": None if result.entropy is None else summarise(result.entropy),
    }


def right_answers(
    result: SimulationResult | GateResult | TileResult, y: np.ndarray, codes: np.ndarray | None = None
) -> np.ndarray | None:
    """(n_samples,) bool: decisions that agree with the truth; None where nothing is decided."""
    if isinstance(result, GateResult) and result.class_sums is None:
        return None
    if not np.issubdtype(y.dtype, np.integer):
        return None
    predicted = result.predictions()
    return np.asarray((predicted if codes is None else codes[predicted]) == y)


def _decided(
    predicted: np.ndarray,
    y: np.ndarray,
    split: str,
    runs: int,
    codes: np.ndarray | None,
    given: dict[str, Heat | None],
) -> Evaluation:
    """The figures of decisions."""
    predicted = predicted if codes is None else codes[predicted]
    accuracy = float(np.mean(predicted == y))
    sem = float(np.sqrt(accuracy * (1 - accuracy) / y.shape[0]))
    return Evaluation(split, y.shape[0], runs, accuracy, sem, None, **given)
