"""A netlist as the contiguous arrays that the simulators' kernels want."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from compiler.errors import UnsupportedError
from compiler.ir.langevin import (
    Activation,
    CellKind,
    CouplingKind,
    Couplings,
    LangevinNetlist,
    Order,
    Role,
)
from hw_models.nonideal import NonIdeal, perturb, perturb_bias
from thermo.simulate.errors import SimulationError

SYMMETRY = 1e-6  # largest |W_ij - W_ji| over largest |W| that counts as rounding


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Dynamic cells 0 to n - 1 and what drives them; all real columns float64.

    cells : (n,) their numbers in the netlist
    force on cell i : h - x (c1 + x (c2 + x c3)) + scale (sum_j w_ij phi_j(x_j) + drive_i) - kappa x
    drive : w_in @ phi_in(input_scale u), u the encoded data
    w : (n, n) CSR; w_in : (n, n_in) CSR; activation : (n,), input_activation : (n_in,) int8
    lo, hi : (n,) interval of the state; x0 : (n,)
    read : (n_read,) indices into the dynamic cells
    asymmetric : why the force has no potential, or "" if it has one
    """

    cells: np.ndarray
    c1: np.ndarray
    c2: np.ndarray
    c3: np.ndarray
    h: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    x0: np.ndarray
    activation: np.ndarray
    input_activation: np.ndarray
    w: sparse.csr_matrix
    w_in: sparse.csr_matrix
    read: np.ndarray
    mobility: float
    asymmetric: str

    @property
    def n(self) -> int:
        return self.cells.shape[0]

    @property
    def n_inputs(self) -> int:
        return self.input_activation.shape[0]

    @property
    def gradient(self) -> bool:
        """Whether the force is minus the gradient of a potential."""
        return not self.asymmetric


def activate(code: int, x: np.ndarray) -> np.ndarray:
    """phi(x) of one activation, in the precision of x."""
    match Activation(code):
        case Activation.IDENTITY:
            return x
        case Activation.CLIP:
            return np.clip(x, 0.0, 1.0)
        case Activation.SIGMOID:
            return 0.5 * (1.0 + np.tanh(0.5 * x))
        case Activation.TANH:
            return np.tanh(x)
        case Activation.RELU:
            return np.maximum(x, 0.0)


def activate_rows(codes: np.ndarray, x: np.ndarray) -> np.ndarray:
    """phi_i(x_i) of a (n, ...) array, row i with activation codes[i]."""
    if not codes.any():
        return x
    out = np.array(x, copy=True)
    for code in np.unique(codes):
        if code != Activation.IDENTITY:
            rows = codes == code
            out[rows] = activate(int(code), x[rows])
    return out


def check_supported(netlist: LangevinNetlist) -> None:
    """Raise UnsupportedError for the first feature that this simulator lacks."""
    cells = netlist.cells
    dynamic = cells.role != Role.INPUT
    for column, allowed, what in (
        (cells.order, Order.OVERDAMPED, Order),
        (cells.kind, CellKind.CONTINUOUS, CellKind),
    ):
        other = dynamic & (column != allowed)
        if other.any():
            i = int(np.argmax(other))
            raise UnsupportedError(
                f"cell {i} is {what(int(column[i])).name.lower()}; the Langevin simulator runs "
                f"{allowed.name.lower()} cells only"
            )
    for couplings in netlist.couplings:
        if couplings.kind not in (CouplingKind.LINEAR, CouplingKind.RESISTIVE) and len(couplings):
            raise UnsupportedError(
                f"{couplings.kind.name.lower()} couplings are not simulated here; "
                "linear and resistive ones are"
            )
        if couplings.kind == CouplingKind.RESISTIVE and len(couplings):
            curved = np.flatnonzero(cells.activation[couplings.indices] != Activation.IDENTITY)
            if curved.size:
                j = int(couplings.indices[curved[0]])
                raise UnsupportedError(
                    f"resistive coupling from cell {j}, whose activation is "
                    f"{Activation(int(cells.activation[j])).name.lower()}; only identity is "
                    "simulated"
                )
    if netlist.noise is not None:
        raise UnsupportedError(
            "a noise matrix is not simulated here; give a scalar mobility and noise = None"
        )


def _group_seed(device_seed: int, k: int) -> int:
    """Seed of coupling group k: its own for each, and the device's for the first."""
    if k == 0:
        return device_seed
    return int(np.random.SeedSequence([device_seed, k]).generate_state(1)[0])


def _matrix(
    netlist: LangevinNetlist, couplings: Couplings, non_ideal: NonIdeal | None, seed: int
) -> sparse.csr_matrix:
    """One group as the matrix that multiplies phi(x)."""
    n = netlist.n_cells
    values = np.asarray(couplings.values)
    if non_ideal is not None:
        # Input couplings and those among dynamic cells are two arrays, each with its own range.
        from_input = netlist.cells.frozen[couplings.indices]
        values = perturb(values, couplings.rows, couplings.indices, non_ideal, seed, from_input)
    matrix = sparse.csr_matrix((values, couplings.indices, couplings.indptr), shape=(n, n))
    if couplings.kind == CouplingKind.RESISTIVE:
        matrix = (matrix - sparse.diags(np.asarray(matrix.sum(axis=1)).ravel())).tocsr()
    return matrix


def _asymmetry(w: sparse.csr_matrix, netlist: LangevinNetlist, cells: np.ndarray) -> str:
    """Why the force has no potential, naming the first offender; "" if it has one."""
    if w.nnz == 0:
        return ""
    shown = netlist.cells.activation[cells]
    curved = np.flatnonzero((shown != Activation.IDENTITY) & (np.diff(w.tocsc().indptr) > 0))
    if curved.size:
        i = int(curved[0])
        return f"cell {cells[i]} shows {Activation(int(shown[i])).name.lower()}(x) to others"
    difference = (w - w.T).tocoo()
    largest = np.abs(w.data).max()
    if difference.nnz and np.abs(difference.data).max() > SYMMETRY * largest:
        k = int(np.argmax(np.abs(difference.data)))
        i, j = int(difference.row[k]), int(difference.col[k])
        return f"couplings ({cells[i]}, {cells[j]}) and ({cells[j]}, {cells[i]}) differ"
    return ""


def prepare(
    netlist: LangevinNetlist, non_ideal: NonIdeal | None = None, device_seed: int = 0
) -> Prepared:
    """Arrays of `netlist`, on the device drawn with `device_seed` if `non_ideal` is given.

    Raises UnsupportedError for features that are not simulated, SimulationError if no cell moves
    or a parameter is not finite.
    """
    check_supported(netlist)
    c = netlist.cells
    dynamic = np.flatnonzero(c.role != Role.INPUT)
    inputs = netlist.inputs
    if dynamic.size == 0:
        raise SimulationError(
            f"none of the {netlist.n_cells} cells is dynamic: there is nothing to simulate"
        )
    total = sparse.csr_matrix((netlist.n_cells, netlist.n_cells))
    for k, couplings in enumerate(g for g in netlist.couplings if len(g)):
        matrix = _matrix(netlist, couplings, non_ideal, _group_seed(device_seed, k))
        total = matrix if k == 0 else (total + matrix).tocsr()
    if inputs.size:
        rows = total[dynamic]
        w, w_in = rows[:, dynamic].tocsr(), rows[:, inputs].tocsr()
    else:
        w, w_in = total, sparse.csr_matrix((dynamic.size, 0))
    w.sort_indices()
    h = c.h[dynamic] if non_ideal is None else perturb_bias(c.h[dynamic], non_ideal, device_seed)
    finite = {"coupling": w.data, "input coupling": w_in.data} | {
        name: getattr(c, name)[dynamic] for name in ("j2", "j3", "j4", "h", "x0")
    }
    for name, values in finite.items():
        if not np.all(np.isfinite(values)):
            k = int(np.argmax(~np.isfinite(values)))
            raise SimulationError(f"{name} number {k} is {values[k]}; it must be finite")
    return Prepared(
        cells=dynamic,
        c1=2.0 * c.j2[dynamic],
        c2=3.0 * c.j3[dynamic],
        c3=4.0 * c.j4[dynamic],
        h=h,
        lo=c.lo[dynamic],
        hi=c.hi[dynamic],
        x0=c.x0[dynamic],
        activation=c.activation[dynamic],
        input_activation=c.activation[inputs],
        w=w,
        w_in=w_in,
        read=_read_indices(netlist, dynamic),
        mobility=float(netlist.mobility),
        asymmetric=_asymmetry(w, netlist, dynamic),
    )


def _read_indices(netlist: LangevinNetlist, dynamic: np.ndarray) -> np.ndarray:
    """(n_read,) positions of the read cells among the dynamic ones."""
    if netlist.readout is not None:
        cells = np.asarray(netlist.readout.cells, dtype=np.int64)
    else:
        cells = netlist.outputs if netlist.outputs.size else dynamic
    where = np.full(netlist.n_cells, -1, dtype=np.int64)
    where[dynamic] = np.arange(dynamic.size)
    if np.any(where[cells] < 0):
        i = int(cells[np.argmax(where[cells] < 0)])
        raise SimulationError(f"the read-out names cell {i}, which is an input; read dynamic cells")
    return where[cells]


def encode(netlist: LangevinNetlist, data: np.ndarray | None) -> np.ndarray:
    """(n_samples, n_inputs) float64 states of the input cells at input scale 1.

    Without data there is one sample; input cells then keep their own x0.
    Raises SimulationError for data of the wrong shape or with values that are not finite.
    """
    inputs = netlist.inputs
    if data is None:
        return netlist.cells.x0[inputs][None, :]
    array = np.asarray(data)
    if array.ndim > 2:
        array = array.reshape(array.shape[0], -1)
    if array.ndim != 2 or array.shape[1] != inputs.size:
        raise SimulationError(
            f"data have shape {np.shape(data)}; the netlist has {inputs.size} input cells and "
            f"wants (n_samples, {inputs.size}): images of the wrong size"
        )
    if array.shape[0] == 0:
        raise SimulationError("data hold no sample; give at least one")
    values = array.astype(np.float64)
    if not np.all(np.isfinite(values)):
        s, i = np.argwhere(~np.isfinite(values))[0]
        raise SimulationError(f"data of sample {s}, input {i} are {values[s, i]}, not finite")
    if netlist.encoder is not None:
        values = (values - netlist.encoder.shift) * netlist.encoder.scale
    return values
