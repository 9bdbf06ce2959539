"""What the Langevin kernels are given, in groups of few arrays: numba compiles an argument an array.

Arrays are (cells, lanes) float32, trajectories innermost, unless said otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

C1, C2, C3, H, LO, HI = range(6)  # rows of Cells.columns
FIELD, SECOND = range(2)  # rows of Extras.phase
SINE, COSINE, PRODUCT = range(3)  # of Room.waves; the first two of Extras.sine_drives, too
HEAT, WORK = range(2)  # of Kept.ledger
STEP, CELL = range(2)  # of Kept.bad
KICK, KEEP, SIGMA = range(3)  # of Bath.rates
ROW, NOTHING = 4, 5  # rows of Scratch.noise behind those of four cells


class Matrix(NamedTuple):
    """Couplings among the n dynamic cells, float32.

    weights : (n, n) if dense, else (1, nnz), the values of a CSR matrix with indptr and indices
    """

    dense: bool
    weights: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray


class Cells(NamedTuple):
    """columns : (6, n), c1, c2, c3, h, lo, hi as in thermo.simulate.langevin.prepare.Prepared.

    activation : (n,) int8 codes; active : whether any is other than the identity
    """

    columns: np.ndarray
    activation: np.ndarray
    active: bool


class Nudge(NamedTuple):
    """What the output cells are pulled towards.

    cost : SQUARED or CROSS_ENTROPY; cells, bare : (n_out,) int64, and bool, those that show an angle
    targets : (n_out, lanes)
    """

    cost: int
    cells: np.ndarray
    bare: np.ndarray
    targets: np.ndarray


class Extras(NamedTuple):
    """What a netlist has beyond linear couplings and cells with a polynomial energy.

    gradient, sine : couplings; has_gradient, has_sine : whether any drives a dynamic cell
    gradient_drives : (n_drives, n, lanes), products of the couplings from the inputs with phi(u), u
        the inputs, times each input scale; sine_drives : (2, n_drives, n, lanes), with sin u and cos u;
        one row of zeros instead of n where there are none
    angle : (n,) bool, the phase cells; phase : (2, n), their h and J2
    """

    gradient: Matrix
    sine: Matrix
    has_gradient: bool
    has_sine: bool
    gradient_drives: np.ndarray
    sine_drives: np.ndarray
    angle: np.ndarray
    phase: np.ndarray
    pull: Nudge


class Schedule(NamedTuple):
    """The P phases, see thermo.simulate.langevin.plan.Plan, and what never changes in them.

    drive : (P,) int64, which of the inputs' forces acts; held : (P, n) bool, cells that are clamped
    """

    mobility: float
    dt: float
    n_steps: np.ndarray
    scale: np.ndarray
    kT: np.ndarray
    stiffness: np.ndarray
    nudge: np.ndarray
    drive: np.ndarray
    held: np.ndarray


class Source(NamedTuple):
    """Whose random numbers: seed and stream, and the id of the trajectory in lane 0."""

    seed: np.uint64
    stream: int
    origin: np.uint64


class Looks(NamedTuple):
    """When a state is looked at, and how.

    read, shown_as : (n_read,) cells, and the activation codes that they are read through
    ends, window : (n_times,) int64 steps done at each read-out, and the steps that it averages
    saved : (n_saved,) int64 steps done when the whole state is kept
    bound, check_every : |x| beyond it has diverged, which is looked for every so many steps
    """

    read: np.ndarray
    shown_as: np.ndarray
    ends: np.ndarray
    window: int
    saved: np.ndarray
    bound: np.float32
    check_every: int


class Kept(NamedTuple):
    """What a tile fills.

    out : (n_times, n_read, lanes); trajectory : (n_saved, n, lanes)
    ledger : (P, 2, lanes) float64, heat and work of each phase; zero on entry
    first, last : first and last + 1 of the lanes that count; the others are padding
    bad : (2, lanes) int64, -1 on entry; steps done and cell of the check that found |x| > bound
    """

    out: np.ndarray
    trajectory: np.ndarray
    ledger: np.ndarray
    first: int
    last: int
    bad: np.ndarray


class Wiring(NamedTuple):
    """What a device's couplings do to the cells that they drive, at scale 1 and each number of input.

    own : (n,) float64, noise power of a cell's resistor and bias over that of its resistor
    excess : (n_drives, n) float64, that of couplings; load : likewise, stiffness
    reach : float32, what couplings show of phi is reach tanh(phi / reach); infinite: phi
    sigma : (n,) float32 scratch, standard deviation of each cell's noise in a step
    """

    own: np.ndarray
    excess: np.ndarray
    load: np.ndarray
    reach: np.float32
    sigma: np.ndarray


class Shared(NamedTuple):
    """Noise that cells share: of elements between two of them, a current into one and out of the other.

    mixing : Matrix (n, m), what unit normals of m elements put into each cell at scale 1, over a cell's
        own spread; normals : (m, lanes), product : (n, lanes), scratch
    """

    mixing: Matrix
    normals: np.ndarray
    product: np.ndarray


class Whole(NamedTuple):
    """A scheme that wants the force of all cells at once; what it does not have is None.

    normals : (n, lanes) scratch, the noise; before : (n, lanes), the force before a step
    heun : whether the scheme is Heun's; corrector : (n, lanes) scratch, its force at the guess, else a row
    last : (n, lanes) scratch, Leimkuhler-Matthews: the normals of the step before
    factor : (n, n), factor factor^T = D, noise with a covariance
    along : whether heat is summed along the path: force times displacement (Stratonovich)
    wiring : couplings that bring noise, load or a range; shared : noise of theirs that cells share
    """

    normals: np.ndarray
    before: np.ndarray
    heun: bool
    corrector: np.ndarray
    last: np.ndarray | None
    factor: np.ndarray | None
    along: bool
    wiring: Wiring | None
    shared: Shared | None


class Inertia(NamedTuple):
    """Cells with mass, moved by BAOAB.

    mass, friction : (n,) float64; v : (n, lanes) velocities, the end on return
    along : whether heat is the kinetic energy given to the bath
    """

    mass: np.ndarray
    friction: np.ndarray
    v: np.ndarray
    along: bool


class Setting(NamedTuple):
    """What may change at fixed x: coupling scale, well, nudge, and which force of the inputs."""

    s: float
    kappa: float
    beta: float
    input: int


class Stage(NamedTuple):
    """One phase.

    s0, s1, kT0, kT1 : coupling scale and temperature at start and end; kappa, beta : well, nudge
    input : number of the inputs' force; drive : (n, lanes) that force, or one row of zeros
    ramped : whether the work of a changing scale is summed step by step
    held : (n,) bool, clamped cells; ledger : (2, lanes) float64, heat and work
    """

    mobility: float
    dt: float
    steps: int
    s0: float
    s1: float
    kT0: float
    kT1: float
    kappa: float
    beta: float
    input: int
    ramped: bool
    drive: np.ndarray
    held: np.ndarray
    ledger: np.ndarray


class Room(NamedTuple):
    """Scratch of the extras. waves : (3, n, lanes), sines, cosines and a product.

    rows : (n_out + 4, lanes), four rows and what the output cells show
    """

    waves: np.ndarray
    rows: np.ndarray


class Scratch(NamedTuple):
    """Room that every scheme needs.

    force, phi : (n, lanes), or one row where it is not used
    noise : (6, lanes), normals of four cells, a row, zeros; k1 : (n,) c1 with a phase's well
    peak : (lanes,) int32, the largest |x| so far as bits
    parts : (7, lanes) float64, see thermo.kernels.langevin.energies; room : of the extras, or None
    """

    force: np.ndarray
    phi: np.ndarray
    noise: np.ndarray
    k1: np.ndarray
    peak: np.ndarray
    parts: np.ndarray
    room: Room | None


class Bath(NamedTuple):
    """Underdamped cells in a step: mass and v as in Inertia, rates (3, n) float32, kick, keep and
    sigma, and loss (n,) float64, 1 - keep^2."""

    mass: np.ndarray
    v: np.ndarray
    rates: np.ndarray
    loss: np.ndarray
