"""Boltzmann machines on a given graph: where visible spins sit, samplers, products of spins."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from compiler.families.ising import IsingModel, from_edges
from compiler.ir.goals import Boltzmann, Grid
from hw_models.errors import HardwareError
from hw_models.imperfect import Imperfections, bias_factors, factors, written
from hw_models.laws.compensation import Compensation
from hw_models.topologies import GRID_RULES, Topology
from thermo.kernels.spins.rbm_pairs import pair_sums
from thermo.simulate.spins.system import SpinSystem
from thermo.training.ebm.errors import EbmError

LAYERS = "layers"


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """A grid graph whose spins are numbered visible ones first.

    row, col : (m,) int32, row < col ascending; place : (n,) int32 cell of the grid of each spin
    """

    row: np.ndarray
    col: np.ndarray
    place: np.ndarray
    shape: tuple[int, int]
    n_visible: int

    @property
    def n(self) -> int:
        return self.place.size


def place_on_grid(
    n_visible: int, rule: str, side: int, image_shape: tuple[int, ...] = (), seed: int = 0
) -> Placement:
    """Visible spins among the cells of a side x side grid wired by a rule of hw_models.topologies, or by
    "layers": every visible spin with every hidden one.

    Pixels of an image keep their arrangement, spread evenly over the grid; other data take random
    cells. What is left over are hidden spins.

    Raises EbmError for an unknown rule or a grid that is too small.
    """
    if rule not in (*GRID_RULES, LAYERS):
        raise EbmError(f"no grid rule {rule!r}; choose one of {', '.join((*GRID_RULES, LAYERS))}")
    if not 1 <= side <= 1000 or side * side < n_visible:
        raise EbmError(
            f"grid: side must be from {int(np.ceil(np.sqrt(n_visible)))} to 1000 to hold "
            f"{n_visible} visible spins, got {side}"
        )
    if rule == LAYERS and side * side == n_visible:
        raise EbmError(f"grid: a side of {side} leaves no cell for hidden spins; make it larger")
    if len(image_shape) == 2 and max(image_shape) <= side:
        lines = (np.arange(image_shape[0]) * side) // image_shape[0]
        places = (np.arange(image_shape[1]) * side) // image_shape[1]
        seen = (lines[:, None] * side + places[None, :]).ravel()
    else:
        seen = np.random.default_rng([seed, 11]).permutation(side * side)[:n_visible]
    hidden = np.setdiff1d(np.arange(side * side), seen)
    place = np.concatenate([seen, hidden])
    if rule == LAYERS:
        low, high = np.indices((n_visible, hidden.size)).reshape(2, -1)
        return _placed(low, high + n_visible, place, side, n_visible)
    try:
        edges = Topology(rule, (side, side)).graph().edges.astype(np.int64)
    except HardwareError as error:
        raise EbmError(str(error)) from None
    rank = np.empty(side * side, np.int64)
    rank[place] = np.arange(place.size)
    a, b = rank[edges[:, 0]], rank[edges[:, 1]]
    low, high = np.minimum(a, b), np.maximum(a, b)
    order = np.lexsort((high, low))
    return _placed(low[order], high[order], place, side, n_visible)


def _placed(low: np.ndarray, high: np.ndarray, place: np.ndarray, side: int, n_visible: int) -> Placement:
    """With row < col ascending."""
    return Placement(
        low.astype(np.int32), high.astype(np.int32), place.astype(np.int32), (side, side), n_visible
    )


def start_model(
    placement: Placement, base: np.ndarray, spread: float, seed: int, **facts: object
) -> IsingModel:
    """Independent visible spins with the data's means, weak random couplings.

    base : (n_visible,) biases of 0/1 units; their fields are half of that
    spread : standard deviation of J
    """
    rng = np.random.default_rng([seed, 12])
    h = np.zeros(placement.n)
    h[: placement.n_visible] = np.asarray(base, np.float64) / 2.0
    return from_edges(
        h,
        placement.row,
        placement.col,
        spread * rng.standard_normal(placement.row.size),
        vartype="binary",
        goal=Boltzmann(placement.n_visible, Grid(placement.place, placement.shape)),
        meta=facts,
    )


class GraphSampler:
    """One graph whose fields and couplings change: samples with data clamped or free.

    device, seed : the machine that holds it; first_cell : of the netlist that the graph is lowered
        to, which a chain's models share; above : cells of the noisier bits, of a chain's model
    """

    def __init__(
        self,
        model: IsingModel,
        n_visible: int,
        threads: int | None = None,
        device: Imperfections | None = None,
        seed: int = 0,
        first_cell: int = 0,
        above: np.ndarray | None = None,
    ) -> None:
        self.row, self.col, self.n, self.n_visible = model.row, model.col, model.n, n_visible
        self.kT, self.threads, self.device = model.kT, threads, device
        self.clamp = np.arange(model.n) < n_visible
        self._above: np.ndarray | None = None
        self._top: float | None = None
        self._pairs = np.empty(model.row.size)
        if device is None or device.ideal:
            self.device = None
            self.system = SpinSystem.from_pairs(model.h, model.row, model.col, model.J)
            return
        if above is not None and any(law.name == Compensation.name for law in device.laws):
            raise EbmError(
                "law compensation scales a whole array, and a chain's model is a part of one: leave it out "
                "of the device's laws"
            )
        # both directions, in the order of the lowered netlist: the same seed is the same device
        ends = np.concatenate([model.row, model.col]), np.concatenate([model.col, model.row])
        self._order = np.lexsort((ends[1], ends[0]))
        ends = ends[0][self._order], ends[1][self._order]
        self._ends = (first_cell + ends[0], first_cell + ends[1])
        self._cells = first_cell + np.arange(model.n)
        self._ends_above = None if above is None else (self._cells[:n_visible], above)
        self.draw(seed)
        self.system = SpinSystem.directed(model.h, *ends, np.zeros(ends[0].size))
        self.set(model.h, model.J)

    def draw(self, seed: int, read: int = 0) -> None:
        """Become the device of this seed, so many reads after that of its law; `set` programs it."""
        if self.device is None:
            return
        self._seed, self._law = seed, replace(self.device, read=self.device.read + read)
        self._factor = factors(self.device, seed, *self._ends)
        self._bias = bias_factors(self.device, seed, self._cells)
        if self._ends_above is not None:
            self._above = factors(self.device, seed, *self._ends_above)

    def set(self, h: np.ndarray, J: np.ndarray, top: float | None = None) -> None:
        """Program fields (n,) and couplings (m,).

        top : largest coupling of the array that J is written into (None: of J), of a device with bits
        """
        self._top = top
        if self.device is not None:
            h = h * self._bias
            both = np.tile(J, 2)[self._order]
            J = written([both], [self._ends], self._law, self._seed, top=top)[0] * self._factor
        self.system = self.system.with_parameters(h=h, weights=J)

    def random(self, chains: int, seed: int, step: int) -> np.ndarray:
        """(chains, n) int8 fair spins of this step."""
        rng = np.random.default_rng([seed, 13, step])
        return (rng.integers(0, 2, (chains, self.n), np.int8) * 2 - 1).astype(np.int8)

    def sweep(
        self,
        states: np.ndarray,
        sweeps: int,
        seed: int,
        step: int,
        *,
        fields: np.ndarray | None = None,
        clamped: bool = False,
        first_chain: int = 0,
        kT: float | np.ndarray | None = None,
    ) -> np.ndarray:
        """States after so many sweeps; clamped: visible spins are held."""
        return self.system.sweep(
            states,
            self.kT if kT is None else kT,
            sweeps,
            seed,
            step,
            fields=fields,
            frozen=self.clamp if clamped else None,
            first_chain=first_chain,
            threads=self.threads,
        )

    def fields(self, above: np.ndarray, w: float) -> np.ndarray:
        """(chains, n) fields with noisier bits `above` (chains, n_visible) of +-1 coupled by w."""
        out = np.tile(self.system.h, (above.shape[0], 1))
        out[:, : self.n_visible] += self._coupled(w) * above
        return out

    def _coupled(self, w: float) -> float | np.ndarray:
        """What couples each visible spin to its noisier bit."""
        if self.device is None or self._above is None or self._ends_above is None:
            return w
        asked = np.full(self.n_visible, w)
        made = written([asked], [self._ends_above], self._law, self._seed, top=self._top)[0]
        return np.asarray(made * self._above)

    def moments(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(<s_i> (n,), <s_i s_j> (m,)) over chains of states (chains, n) int8."""
        across = np.ascontiguousarray(states.T)
        pair_sums(across, across, self.row, self.col, self._pairs)
        return states.mean(axis=0, dtype=np.float64), self._pairs / states.shape[0]

    def across(self, J: np.ndarray, values: np.ndarray) -> np.ndarray:
        """(n,) sum over each spin's neighbours of J (m,) times their value (n,)."""
        there = np.bincount(self.row, J * values[self.col], self.n)
        return there + np.bincount(self.col, J * values[self.row], self.n)

    def apart(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(m,) mean over chains of <s_i><s_j>, from two independent samples of each chain's law."""
        left, right = np.ascontiguousarray(a.T), np.ascontiguousarray(b.T)
        pair_sums(left, right, self.row, self.col, self._pairs)
        total = self._pairs.copy()
        pair_sums(right, left, self.row, self.col, self._pairs)
        return (total + self._pairs) / (2.0 * a.shape[0])


def centred(
    dh: np.ndarray, dJ: np.ndarray, centre: np.ndarray, row: np.ndarray, col: np.ndarray
) -> np.ndarray:
    """(m,) what differences of products dJ are for s - centre in place of s; dh (n,) : of means."""
    return dJ - centre[row] * dh[col] - centre[col] * dh[row]


def autocorrelation(earlier: np.ndarray, later: np.ndarray) -> float:
    """Mean over spins of the autocorrelation between two times, from pairs of chains of one law.

    earlier, later : (2, chains, n) states; chains k of both halves have the same law and are
    independent, so that products across them take the means away:
    (sum s^a(0) s^a(t) - sum s^a(0) s^b(t)) / (sum 1 - sum s^a(0) s^b(0)).
    """
    first, second = earlier.astype(np.float64), later.astype(np.float64)
    own = 0.5 * ((first[0] * second[0]).mean() + (first[1] * second[1]).mean())
    other = 0.5 * ((first[0] * second[1]).mean() + (first[1] * second[0]).mean())
    norm = 1.0 - (first[0] * first[1]).mean()
    return float((own - other) / norm) if norm > 0 else 0.0
