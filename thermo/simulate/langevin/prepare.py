"""A netlist as the contiguous arrays that the simulators' kernels want."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from compiler.ir.langevin import Activation, CouplingKind, Couplings, LangevinNetlist, Role
from compiler.ir.law import Terms, columns_of, split
from compiler.ir.symmetry import first_asymmetry
from hw_models.device import Device
from hw_models.imperfect import Imperfections
from thermo.simulate.device import acting_biases, acting_couplings
from thermo.simulate.errors import SimulationError
from thermo.simulate.langevin.factor import semidefinite_factor
from thermo.simulate.langevin.refusals import check_supported, is_underdamped
from thermo.simulate.langevin.wiring import Wiring, wire

SYMMETRY = 1e-6  # largest |W_ij - W_ji| over largest |W| that counts as rounding


@dataclass(frozen=True, slots=True, eq=False)
class Prepared(Terms):
    """Terms of one device's dynamic cells, resistive couplings among the linear ones, and the rest.

    cells : (n,) their numbers in the netlist
    lo, hi : (n,) interval of the state; x0 : (n,)
    read : (n_read,) indices into the dynamic cells; read_as : (n_read,) int8, activations that they
        are read through
    asymmetric : why the force has no potential, or "" if it has one
    mass, friction : (n,) of underdamped cells, or None where all are overdamped
    factor : (n, n), factor factor^T = D, the noise matrix among dynamic cells, or None
    wiring : what the device's couplings do beside the ideal equation, or None
    """

    cells: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    x0: np.ndarray
    read: np.ndarray
    read_as: np.ndarray
    mobility: float
    asymmetric: str
    mass: np.ndarray | None = None
    friction: np.ndarray | None = None
    factor: np.ndarray | None = None
    wiring: Wiring | None = None

    w = property(lambda self: self.couplings[CouplingKind.LINEAR][0])
    w_in = property(lambda self: self.couplings[CouplingKind.LINEAR][1])

    @property
    def n(self) -> int:
        return self.cells.shape[0]

    @property
    def n_inputs(self) -> int:
        return self.input_activation.shape[0]

    @property
    def has_potential(self) -> bool:
        """Whether the force is minus the gradient of a potential."""
        return not self.asymmetric

    @property
    def curved(self) -> dict[str, sparse.csr_matrix]:
        """Couplings of every kind but linear by name: gradient, gradient_in, sine, sine_in."""
        return {
            kind.name.lower() + end: matrix
            for kind, pair in self.couplings.items()
            for end, matrix in zip(("", "_in"), pair, strict=True)
            if kind != CouplingKind.LINEAR
        }

    @property
    def matrices(self) -> dict[str, sparse.csr_matrix]:
        """Couplings of every kind by name, w and w_in first."""
        return {"w": self.w, "w_in": self.w_in, **self.curved}

    @property
    def n_curved(self) -> int:
        """Couplings of other kinds than linear ones, those from inputs included."""
        return sum(m.nnz for m in self.curved.values())


def _matrix(
    netlist: LangevinNetlist, couplings: Couplings, law: Imperfections | None, seed: int
) -> sparse.csr_matrix:
    """One group as the matrix that multiplies phi(x)."""
    n = netlist.n_cells
    values = np.asarray(couplings.values) if law is None else acting_couplings(netlist, couplings, law, seed)
    matrix = sparse.csr_matrix((values, couplings.indices, couplings.indptr), shape=(n, n))
    if couplings.kind == CouplingKind.RESISTIVE:
        matrix = (matrix - sparse.diags(np.asarray(matrix.sum(axis=1)).ravel())).tocsr()
    return matrix


def _asymmetry(
    groups: dict[CouplingKind, sparse.csr_matrix], activation: np.ndarray, cells: np.ndarray
) -> str:
    """Why the force has no potential, naming the first offender; "" if it has one."""
    found = first_asymmetry(groups.items(), activation, rtol=SYMMETRY)
    if found is None:
        return ""
    kind, i, j = found
    if kind == CouplingKind.LINEAR and activation[i] != Activation.IDENTITY:
        shown = Activation(int(activation[i])).name.lower()
        return f"cell {cells[i]} shows {shown}(x) to others by linear couplings"
    return f"couplings ({cells[i]}, {cells[j]}) and ({cells[j]}, {cells[i]}) differ"


def prepare(
    netlist: LangevinNetlist,
    non_ideal: Imperfections | None = None,
    device_seed: int = 0,
    *,
    inertia: bool = False,
    device: Device | None = None,
) -> Prepared:
    """Arrays of `netlist`, on the device drawn with `device_seed` if `non_ideal` is given.

    device : what its couplings are made of; None: the ideal equation
    inertia : whether the caller simulates underdamped cells and noise matrices

    Raises UnsupportedError for features that are not simulated, SimulationError if no cell moves
    or a parameter is not finite.
    """
    inert = is_underdamped(netlist)
    check_supported(netlist, inert, inertia=inertia)
    c = netlist.cells
    dynamic = np.flatnonzero(c.role != Role.INPUT)
    if dynamic.size == 0:
        raise SimulationError(f"none of the {netlist.n_cells} cells is dynamic: there is nothing to simulate")
    groups = split(_groups(netlist, non_ideal, device_seed), dynamic, netlist.inputs)
    h = c.h[dynamic] if non_ideal is None else acting_biases(netlist, non_ideal, device_seed)[dynamic]
    finite = {name: getattr(c, name)[dynamic] for name in ("j2", "j3", "j4", "h", "x0")}
    for kind, (among, driven) in groups.items():
        finite[f"{kind.name.lower()} coupling"] = among.data
        finite[f"{kind.name.lower()} coupling from inputs"] = driven.data
    for name, values in finite.items():
        if not np.all(np.isfinite(values)):
            k = int(np.argmax(~np.isfinite(values)))
            raise SimulationError(f"{name} number {k} is {values[k]}; it must be finite")
    read = _read_indices(netlist, dynamic)
    shown = netlist.readout is not None and netlist.readout.shown
    activation = c.activation[dynamic]
    wiring = None if device is None else wire(netlist, device, non_ideal, device_seed)
    asymmetric = _asymmetry({kind: w for kind, (w, _) in groups.items()}, activation, dynamic)
    if wiring is not None and not wiring.has_potential:
        asymmetric = asymmetric or f"its {wiring.name} couplings load their cells or saturate"
    noise = None if netlist.noise is None else netlist.noise[np.ix_(dynamic, dynamic)]
    return Prepared(
        **columns_of(netlist, h),
        couplings=groups,
        cells=dynamic,
        lo=c.lo[dynamic],
        hi=c.hi[dynamic],
        x0=c.x0[dynamic],
        read=read,
        read_as=activation[read] if shown else np.zeros(read.size, np.int8),
        mobility=float(netlist.mobility),
        asymmetric=asymmetric,
        mass=c.mass[dynamic] if inert else None,
        friction=c.friction[dynamic] if inert else None,
        factor=None if noise is None else semidefinite_factor(noise),
        wiring=wiring,
    )


def _groups(
    netlist: LangevinNetlist, non_ideal: Imperfections | None, device_seed: int
) -> dict[CouplingKind, sparse.csr_matrix]:
    """(n_cells, n_cells) couplings of one device, a matrix a kind; resistive ones are linear."""
    n = netlist.n_cells
    kinds = [CouplingKind(k) for k in CouplingKind if k != CouplingKind.RESISTIVE]
    groups = {kind: sparse.csr_matrix((n, n)) for kind in kinds}
    seen = set()
    for couplings in (g for g in netlist.couplings if len(g)):
        matrix = _matrix(netlist, couplings, non_ideal, device_seed)
        resistive = couplings.kind == CouplingKind.RESISTIVE
        kind = CouplingKind.LINEAR if resistive else CouplingKind(couplings.kind)
        groups[kind] = (groups[kind] + matrix).tocsr() if kind in seen else matrix
        seen.add(kind)
    return groups


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
