"""A Langevin netlist as an ngspice deck (docs/spice.md)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.format import Format
from compiler.formats.spice.cells import Circuit, circuit_of, definition, shown_of, stiffness, values_of
from compiler.formats.spice.couplings import Nodes, coupling_lines
from compiler.formats.spice.diodes import check_swing, diode_model, swing_of
from compiler.formats.spice.noise import RESOLUTION, interpolation_loss, spread
from compiler.formats.spice.options import DEFAULTS, DeckOptions
from compiler.formats.spice.refusals import check_expressible
from compiler.formats.spice.scale import Scale, scale_of
from compiler.formats.spice.signals import number, times, wave
from compiler.formats.spice.wiring import wire
from compiler.ir.activations import activate_rows
from compiler.ir.kinds import verify
from compiler.ir.langevin import Activation, CouplingKind, LangevinNetlist, Order
from hw_models.converters import Lines, input_lines, output_lines

TOLERANCE = 1e-6  # of ngspice, relative; absolute ones are as small a part of a cell's unit
NOISY = 1e-4  # with noise, whose samples bound the step: half the time, and far below a thermal spread
LINE = 8  # nodes a line of a list


@dataclass(frozen=True, slots=True, eq=False)
class Deck:
    """text : the deck; cells : (n_dynamic,) or (n_read,) netlist's cells in the table's columns
    times : (n_times,) s at which states are read; window : s before each over which they are averaged
    end : s of the whole run, 0 of an operating point; step : s, ngspice's, half of that between noise samples
    scale : its units; noise : (n_dynamic, n_dynamic) covariance of the cells' noise over a cell's own, at the
        end of the run; levels : (n_levels,) netlist's cells whose read-out converters' levels are in the
        table behind the states, V
    engineered : kinds of cells whose noise is engineered
    """

    text: str
    cells: np.ndarray
    times: np.ndarray
    window: float
    end: float
    step: float
    scale: Scale
    noise: np.ndarray
    levels: np.ndarray
    engineered: tuple[str, ...]


def make_deck(netlist: LangevinNetlist, options: DeckOptions = DEFAULTS) -> Deck:
    """The deck of one run of `netlist`.

    Raises NetlistError for a bad netlist, UnsupportedError for what a deck cannot express, HardwareError
    for cells that the device cannot hold.
    """
    verify(netlist)
    check_expressible(netlist, options)
    writer = _Writer(netlist, options)
    if options.diode == "silicon":
        given = options.swing
        swing = swing_of(netlist, writer.inputs()[None]) if given is None else given
        check_swing(netlist, swing, writer.scale)
    return writer.deck()


def write_deck(netlist: LangevinNetlist, options: DeckOptions = DEFAULTS) -> str:
    """The text of make_deck."""
    return make_deck(netlist, options).text


def deck_temperatures(netlist: LangevinNetlist, options: DeckOptions = DEFAULTS) -> list[float]:
    """kT at the start and end of every phase of the deck, in the netlist's unit."""
    return [kT for pair in _Writer(netlist, options).kTs for kT in pair]


FORMAT = Format("spice", "ngspice deck", (".cir", ".sp"), write=write_deck)


class _Writer:
    """Names and values that the parts of one deck share."""

    def __init__(self, netlist: LangevinNetlist, options: DeckOptions) -> None:
        self.netlist, self.options = netlist, options
        c = netlist.cells
        self.dynamic = np.flatnonzero(~c.frozen)
        unit = netlist.lowered.energy_scale
        self.scale, device_kT = scale_of(netlist, options.device)
        self.wiring = wire(netlist, options.device, self.scale, options.cells)
        # nothing real is at kT = 0: the device's swing says how hot it is in the netlist's units
        own_kT = netlist.kT if netlist.kT or self.wiring is None else device_kT
        self.kT = own_kT if options.kT is None else float(options.kT) * unit
        schedule = netlist.schedule
        self.at = times(schedule, self.scale.time)
        self.levels = [p.coupling_scale for p in schedule]
        self.scaled = any(pair != (1.0, 1.0) for pair in self.levels)
        self.well = any(p.stiffness for p in schedule)
        own = [(self.kT, self.kT) if p.kT is None or options.kT is not None else p.kT for p in schedule]
        self.kTs = [(float(a), float(b)) for a, b in own]
        self.hottest = max(max(pair) for pair in self.kTs)
        flat = {v for pair in self.kTs for v in pair}
        self.noise = "" if self.hottest == 0 else "fixed" if len(flat) == 1 else "ramped"
        if netlist.noise is not None and self.noise:
            self.noise = "matrix"
        self.kinds = {CouplingKind(g.kind) for g in netlist.couplings if len(g)}
        driving = [g.indices for g in netlist.couplings if len(g)]
        driven = [g.rows for g in netlist.couplings if len(g) and g.kind == CouplingKind.RESISTIVE]
        self.drives = np.zeros(len(c), bool)
        for ids in (*driving, *driven):
            self.drives[ids] = True
        self.reach = np.inf if self.wiring is None else self.wiring.reach
        self.tables = options.noise == "tables"
        self.driver = _lines(netlist, options.device, "input", options.input_range)
        self.reader = _lines(netlist, options.device, "output", options.output_range)
        self.step = self._noise_step()
        self.circuits = {int(i): self._circuit(int(i)) for i in self.dynamic}
        self.names = _names(self.circuits.values())

    def inputs(self) -> np.ndarray:
        """(n_inputs,) encoded states, as converters leave them."""
        n = self.netlist
        u = n.cells.x0[n.inputs] if self.options.inputs is None else np.asarray(self.options.inputs, float)
        return u if self.driver is None else self.driver.rounded(u)

    def _noise_step(self) -> float:
        """s between noise samples; half of it is ngspice's step."""
        if self.options.noise_step is not None:
            step = float(self.options.noise_step)
            if not (np.isfinite(step) and step > 0):
                raise UnsupportedError(f"noise step must be a time above 0, got {step:g}")
            return step * self.scale.time
        kappa = max(p.stiffness for p in self.netlist.schedule)
        fastest = max(self._rate(int(i)) for i in self.dynamic) * self.scale.time
        rate = fastest + self.netlist.mobility * kappa
        parts = max(2, math.ceil(self.netlist.dt * rate / RESOLUTION))  # a phase is whole steps of dt
        return self.netlist.dt / parts * self.scale.time

    def _circuit(self, i: int) -> Circuit:
        inertial = self.netlist.cells.order[i] == Order.UNDERDAMPED
        return circuit_of(
            self.netlist,
            i,
            order="inertial" if inertial else self.options.cells,
            drives=bool(self.drives[i]) and self.kinds != {CouplingKind.SINE},
            scaled=self.scaled,
            reach=bool(np.isfinite(self.reach)),
            sine=bool(self.drives[i]) and CouplingKind.SINE in self.kinds,
            well=self.well,
            noise="" if self.tables or self.noise == "matrix" else self.noise,
            coupled=self._gating(i, "excess") if self.noise and not self.tables else "",
            loaded=self._gating(i, "load"),
        )

    def _gating(self, i: int, what: str) -> str:
        """Whether couplings bring cell i noise ("excess") or a load, and whether it is always the same."""
        if self.wiring is None or not getattr(self.wiring, what)[:, i].any():
            return ""
        return "fixed" if self.wiring.steady else "gated"

    def _excess(self, i: int) -> float:
        """Noise power of cell i's couplings over its own at the end of the run."""
        return 0.0 if self.wiring is None else self.wiring.total(self.wiring.excess, i)

    def _source(self, i: int) -> float:
        """Noise power of cell i's resistor and bias source over that of its resistor."""
        return 1.0 if self.wiring is None else float(self.wiring.own[i])

    def _covariance(self) -> np.ndarray:
        """Of the cells' noise over a cell's own, at the end."""
        own = np.diag([self._source(int(i)) + self._excess(int(i)) for i in self.dynamic])
        w = self.wiring
        if w is None or w.shared is None:
            return own
        mixed = w.shared @ w.shared.T
        return np.asarray(
            own + w.among[-1][1] * (mixed if isinstance(mixed, np.ndarray) else mixed.toarray())
        )

    def _levels(self, read: np.ndarray, window: float) -> np.ndarray:
        """Cells whose converters are in the deck; those of averages are its measurements."""
        none = self.reader is None or window > 0
        return np.zeros(0, np.int64) if none else np.unique(read)

    def _rate(self, i: int) -> float:
        """1/s at which cell i forgets by itself, under its load at the end."""
        load = 0.0 if self.wiring is None else self.wiring.total(self.wiring.load, i)
        return self.netlist.mobility * (stiffness(self.netlist, i) + load) / self.scale.time

    def _into(self, i: int) -> str:
        return f"x{i}" if self.circuits[i].order == "force" else f"v{i}"

    def _shown(self, j: int) -> str:
        if j not in self.circuits:
            return f"u{j}"
        return f"x{j}" if self.circuits[j].shown is None else f"y{j}"

    def _shown_or_wave(self, j: int) -> str:
        return f"u{j}" if j not in self.circuits else f"y{j}"

    def _own(self, i: int) -> str:
        return f"x{i}"

    def deck(self) -> Deck:
        read = self._read()
        observed = self._observed()
        window = 0.0 if self.netlist.readout is None else self.netlist.readout.window * self.scale.time
        kept = self.dynamic if self.options.states else np.unique(read)
        engineered = tuple(
            sorted(
                {self.names[c] for i, c in self.circuits.items() if self.noise and not self._thermal(i, c)}
            )
        )
        lines = [
            *self._header(engineered),
            "",
            *self._subcircuits(),
            *self._sources(),
            "* cells",
            *self._cells(),
            *self._couplings(),
            *self._noise_tables(),
            *self._noise_matrix(),
            *self._noise_shared(),
            *self._readers(read, window),
            *self._start(),
            *self._control(kept, read, observed, window),
            ".end",
        ]
        return Deck(
            text="\n".join(lines) + "\n",
            cells=kept,
            times=np.zeros(1) if self.options.analysis == "op" else observed,
            window=0.0 if self.options.analysis == "op" else window,
            end=0.0 if self.options.analysis == "op" else self.at[-1],
            step=self.step / 2.0,
            scale=self.scale,
            noise=self._covariance(),
            levels=self._levels(read, window),
            engineered=engineered,
        )

    def _thermal(self, i: int, c: Circuit) -> bool:
        """Whether cell i's noise is its own linear resistor's and nothing else holds it."""
        if c.order != "force":
            return c.order == "reactive" or self.noise == "fixed"
        own = 2.0 * float(self.netlist.cells.j2[i]) * self.scale.conductance
        return c.thermal and not c.well and bool(np.isclose(own * self.scale.resistance, 1.0))

    def _read(self) -> np.ndarray:
        n = self.netlist
        if n.readout is not None:
            return np.asarray(n.readout.cells, dtype=np.int64)
        return n.outputs if n.outputs.size else self.dynamic

    def _observed(self) -> np.ndarray:
        if self.options.observe is not None:
            out = np.asarray(self.options.observe, dtype=float) * self.scale.time
            if out.min() < 0 or out.max() > self.at[-1] * (1 + 1e-9):
                raise UnsupportedError(
                    f"observation times must lie in [0, {self.at[-1] / self.scale.time:g}], the schedule's "
                    f"length, got {min(self.options.observe):g} to {max(self.options.observe):g}"
                )
            return out
        readout = self.netlist.readout
        names = [p.name for p in self.netlist.schedule]
        k = len(names) if readout is None else names.index(readout.phase) + 1
        return np.array([self.at[k]])

    def _header(self, engineered: tuple[str, ...]) -> Iterator[str]:
        n, s = self.netlist, self.scale
        yield (
            f"* thermoc: {self.dynamic.size:,} cells, {n.inputs.size:,} inputs, {n.n_couplings:,} couplings"
            + (f', from "{n.meta["source"]}"' if n.meta.get("source") else "")
        )
        what = f"device {s.name}" if s.physical else "dimensionless"
        yield f"* {what}: a unit of x is {s.voltage:.6g} V, of time {s.time:.6g} s, of W and 2 J2 "
        yield f"*   {s.conductance:.6g} S, of force {s.current:.6g} A; a cell has {s.capacitance:.6g} F"
        yield "* node x<i>: state of the netlist's cell i; y<i>: what it shows to others; u<i>: input i"
        for group in n.groups:
            first = "u" if n.cells.frozen[group.start] else "x"
            yield f"*   {' '.join(group.name.split())}: {first}{group.start} to {first}{group.stop - 1}"
        if self.options.source:
            yield f"* inputs: {' '.join(self.options.source.split())}"
        ramp = "" if self.noise != "ramped" else f", at most {self.hottest:.6g}"
        yield f"* kT {self.kTs[0][0]:.6g}{ramp} in the netlist's unit of energy" + (
            "" if self.noise else ": no noise"
        )
        if self.noise:
            yield (
                f"* noise: a sample every {self.step:.6g} s, joined by lines; its spread is larger by what "
                "that takes away"
            )
            if not self.tables:
                yield "* (ngspice draws TRNOISE's normals by its process number: setseed repeats no run)"
            for name in sorted(set(self.names.values())):
                told = "ENGINEERED NOISE, not that of its own resistor" if name in engineered else "thermal"
                yield f"*   {name}: {told}"
        w = self.wiring
        if w is None and n.couplings:
            yield "* couplings: ideal transconductances, without noise, load or range of their own"
        elif w is not None:
            reach = f", range {w.reach * s.voltage:.4g} V" if np.isfinite(w.reach) else ""
            told = "those of elements between two cells in both" if w.shared is not None else "independent"
            yield f"* couplings: {w.name}{reach}; their noise currents, {told}, as one source a cell:"
            powers = np.diag(self._covariance())
            yield f"*   noise power at the end {min(powers):.4g} to {max(powers):.4g} times a cell's own"
            if w.load.any():
                yield "*   they load their cells (Gload)"
        for what, lines in (("inputs are", self.driver), ("read-outs are", self.reader)):
            if lines is not None:
                yield (
                    f"* {what} the nearest of {lines.levels} levels from {lines.lo:.6g} to {lines.hi:.6g} "
                    "units of x: ideal quantisers"
                )
        if s.physical:
            yield (
                "* converters are exact and switches ideal"
                if self.driver is None and self.reader is None
                else "* switches are ideal"
            )

    def _subcircuits(self) -> Iterator[str]:
        if any(c.low or c.high for c in self.circuits.values()):
            yield f".model wall D({diode_model(self.options.diode, self.scale)})"
        for circuit, name in self.names.items():
            yield from definition(circuit, name, self.scale, self.step, self.reach * self.scale.voltage)
            yield ""

    def _sources(self) -> Iterator[str]:
        n, s = self.netlist, self.scale
        schedule = n.schedule
        g = 1.0 if any(c.phase for c in self.circuits.values()) else s.conductance
        if self.well:
            yield "* reset wells, S"
            yield f"Vwell well 0 {wave([(p.stiffness * g,) * 2 for p in schedule], self.at)}"
        if self.scaled:
            yield "* scale of all couplings"
            yield f"Vscale scale 0 {wave(self.levels, self.at)}"
        if self.wiring is not None and not self.wiring.steady:
            yield "* size of the couplings' scale, and where inputs are on"
            yield f"Vamong among 0 {wave(self.wiring.among, self.at)}"
            yield f"Von on 0 {wave(self.wiring.on, self.at)}"
        if self.noise == "ramped":
            yield "* square root of the temperature over the highest one"
            yield f"Vkt kt 0 {wave([(a / self.hottest, b / self.hottest) for a, b in self.kTs], self.at)}"
            yield "Brootkt rootkt 0 V=sqrt(max(V(kt),0))"
        if not n.inputs.size:
            return
        yield "* inputs: what they show, V, times the scales of the schedule"
        u = self.inputs()
        shown = activate_rows(n.cells.activation[n.inputs], u[:, None])[:, 0]
        if np.isfinite(self.reach):
            shown = self.reach * np.tanh(shown / self.reach)
        gains = [
            (a * p.input_scale, b * p.input_scale) for (a, b), p in zip(self.levels, schedule, strict=True)
        ]

        def source(name: str, value: float) -> str:
            return f"V{name} {name} 0 {wave([(a * value, b * value) for a, b in gains], self.at)}"

        for p, value, angle in zip(n.inputs.tolist(), shown.tolist(), u.tolist(), strict=True):
            if self.kinds != {CouplingKind.SINE}:
                yield source(f"u{p}", value * s.voltage)
            if CouplingKind.SINE in self.kinds:
                yield source(f"u{p}s", float(np.sin(angle)))
                yield source(f"u{p}c", float(np.cos(angle)))

    def _cells(self) -> Iterator[str]:
        n, s = self.netlist, self.scale
        for i, c in self.circuits.items():
            globals_ = {"well", "scale", "rootkt", "among", "on"}
            short = {"v": f"v{i}", "y": f"y{i}", "ys": f"y{i}s", "yc": f"y{i}c"}
            ports = " ".join(p if p in globals_ else short[p] for p in c.ports)
            extra = self._burdens(i, c) | (
                {"na": self._spread(i) * math.sqrt(self._source(i))} if c.noise else {}
            )
            values = values_of(n, i, c, s, extra)
            told = " ".join(f"{k}={number(v)}" for k, v in values.items())
            yield " ".join(f"X{i} x{i} {ports} {self.names[c]} {told}".split())

    def _spread(self, i: int) -> float:
        """A rms of a cell's noise samples, at the highest temperature."""
        n = self.netlist
        if n.cells.order[i] == Order.UNDERDAMPED:
            rate = float(n.cells.friction[i] / n.cells.mass[i])
            return float(spread(2.0 * self.hottest * float(n.cells.friction[i]), self.step, rate))
        return float(spread(self._power(), self.step, self._rate(i)))

    def _power(self) -> float:
        """A^2/Hz, two-sided, of a cell's own noise at the highest temperature."""
        s = self.scale
        return 2.0 * self.hottest / self.netlist.mobility * s.time * s.current**2

    def _burdens(self, i: int, c: Circuit) -> dict[str, float]:
        """What couplings bring to cell i, as parameters."""
        w = self.wiring
        if w is None:
            return {}
        found, g = {}, self.scale.conductance
        if c.loaded == "fixed":
            found["load"] = g * w.total(w.load, i)
        elif c.loaded:
            found |= {"load": g * float(w.load[0, i]), "load_in": g * float(w.load[1, i])}
        if c.coupled:
            excess = self._excess(i) if c.coupled == "fixed" else float(w.excess[:, i].sum())
            found["nc"] = float(spread(self._power() * excess, self.step, self._rate(i)))
            found["share"] = float(w.excess[0, i] / max(w.excess[:, i].sum(), 1e-300))
        return found

    def _couplings(self) -> Iterator[str]:
        for group in (g for g in self.netlist.couplings if len(g)):
            sine = group.kind == CouplingKind.SINE
            shown = self._shown_or_wave if sine else self._shown
            own = self._shown if group.kind == CouplingKind.RESISTIVE else self._own
            plain = not self.scaled and self.options.cells == "force"
            yield from coupling_lines(
                self.netlist, group, Nodes(self._into, shown, own), self.scale, plain=plain
            )

    def _samples(self, node: int, spread: float) -> Iterator[str]:
        """Lines of a table of noise samples: those of seed and node."""
        count = math.ceil(self.at[-1] / self.step * (1 - 1e-9)) + 1
        values = spread * np.random.default_rng((self.options.seed, node)).standard_normal(count)
        for k in range(0, count, LINE):
            pairs = enumerate(values[k : k + LINE].tolist(), k)
            yield "+ " + " ".join(f"{number(j * self.step)} {number(v)}" for j, v in pairs)

    def _noise_tables(self) -> Iterator[str]:
        """Noise of every cell as a table, where TRNOISE is not wanted."""
        if not self.tables or self.noise not in ("fixed", "ramped"):
            return
        yield f"* noise samples, A, of seed {self.options.seed}"
        for i in self.circuits:
            gated, w = self._gating(i, "excess"), self.wiring
            if self.noise == "fixed" and gated != "gated":
                yield f"In{i} 0 {self._into(i)} PWL("
                yield from self._samples(i, self._spread(i) * math.sqrt(self._source(i) + self._excess(i)))
            else:
                factors = ["V(rootkt)"] if self.noise == "ramped" else []
                if gated and w is not None:
                    among, on = w.excess[:, i].tolist()
                    more = (
                        f"{number(among)}*V(among)+{number(on)}*V(on)"
                        if gated == "gated"
                        else number(self._excess(i))
                    )
                    factors.append(f"sqrt({number(self._source(i))}+{more})")
                elif self._source(i) != 1.0:
                    factors.append(number(math.sqrt(self._source(i))))
                yield f"Bn{i} 0 {self._into(i)} I={'*'.join([*factors, f'V(n{i})'])}"
                yield f"Vn{i} n{i} 0 PWL("
                yield from self._samples(i, self._spread(i))
            yield "+ )"

    def _noise_matrix(self) -> Iterator[str]:
        """Noise of covariance 2 kT D: sources of unit power, mixed by a factor of D."""
        if self.noise != "matrix":
            return
        n = self.netlist
        assert n.noise is not None
        values, vectors = np.linalg.eigh(n.noise[np.ix_(self.dynamic, self.dynamic)])
        factor = vectors * np.sqrt(np.maximum(values, 0.0))
        keep = np.abs(factor) > 1e-12 * np.abs(factor).max()
        yield "* noise matrix: sources of unit power, mixed"
        for k in np.flatnonzero(keep.any(axis=0)).tolist():
            power = 2.0 * self.hottest / n.mobility**2
            rms = float(spread(power, self.step, 0.0))
            if self.tables:
                yield from (f"Vn{k} n{k} 0 PWL(", *self._samples(k, rms), "+ )")
            else:
                yield f"Vn{k} n{k} 0 TRNOISE({number(rms)} {number(self.step)} 0 0)"
            for i in np.flatnonzero(keep[:, k]).tolist():
                cell = int(self.dynamic[i])
                yield f"Gn{cell}_{k} 0 {self._into(cell)} n{k} 0 {number(float(factor[i, k]))}"

    def _noise_shared(self) -> Iterator[str]:
        """Noise of elements between two cells: sources of their own, mixed into the cells."""
        w = self.wiring
        if w is None or w.shared is None or not self.noise:
            return
        entries = _columns(w.shared)
        unit = self.scale.voltage
        size = math.sqrt(self._power() / self.step) / unit
        factors = ["V(rootkt)"] * (self.noise == "ramped") + ["sqrt(V(among))"] * (not w.steady)
        if w.steady:
            size *= math.sqrt(w.among[-1][1])
        yield "* noise of elements between two cells: out of one, into the other"
        for k, column in enumerate(entries):
            node = f"e{k}" if not factors else f"ee{k}"
            if self.tables:
                yield from (
                    f"V{node} {node} 0 PWL(",
                    *self._samples(len(self.netlist.cells) + k, unit),
                    "+ )",
                )
            else:
                yield f"V{node} {node} 0 TRNOISE({number(unit)} {number(self.step)} 0 0)"
            if factors:
                yield f"Be{k} e{k} 0 V={'*'.join([*factors, f'V({node})'])}"
            for row, value in column:
                cell = int(self.dynamic[row])
                lost = float(interpolation_loss(max(self._rate(cell), 0.0) * self.step))
                yield f"Ge{cell}_{k} 0 {self._into(cell)} e{k} 0 {number(value * size / math.sqrt(lost))}"

    def _readers(self, read: np.ndarray, window: float) -> Iterator[str]:
        """Read-out converters: the level nearest to what is read of a cell."""
        lines, unit = self.reader, self.scale.voltage
        cells = self._levels(read, window)
        if lines is None or not cells.size:
            return
        yield "* read-out converters"
        for i in cells.tolist():
            x = shown_of(self._read_as(i), f"V(x{i})", unit)
            yield f"Bread{i} r{i} 0 V={_level(lines, x, unit)}"

    def _read_as(self, i: int) -> int:
        """The activation that cell i is read through."""
        readout = self.netlist.readout
        shows = readout is not None and readout.shown
        return int(self.netlist.cells.activation[i]) if shows else int(Activation.IDENTITY)

    def _start(self) -> Iterator[str]:
        x0 = self.netlist.cells.x0[self.dynamic] * self.scale.voltage
        yield "* states at the start"
        for k in range(0, self.dynamic.size, LINE):
            pairs = zip(self.dynamic[k : k + LINE].tolist(), x0[k : k + LINE].tolist(), strict=True)
            yield ".ic " + " ".join(f"V(x{i})={number(x)}" for i, x in pairs)
        for name, there, of in (("l", "low", self.netlist.cells.lo), ("h", "high", self.netlist.cells.hi)):
            walled = [i for i, c in self.circuits.items() if getattr(c, there)]
            for i in walled:  # else diodes begin forward biased by a source that is not yet on
                yield f".ic V(x{i}.{name})={number(float(of[i]) * self.scale.voltage)}"
        inertial = [i for i, c in self.circuits.items() if c.order == "inertial"]
        for k in range(0, len(inertial), LINE):
            yield ".ic " + " ".join(f"V(v{i})=0" for i in inertial[k : k + LINE])
        s, part = self.scale, NOISY if self.noise else TOLERANCE
        yield (
            f".options reltol={number(part)} abstol={number(part * s.current)} "
            f"vntol={number(part * s.voltage)} chgtol={number(part * s.capacitance * s.voltage)} "
            f"gmin={number(1e-9 * s.conductance)}"
        )

    def _control(
        self, kept: np.ndarray, read: np.ndarray, observed: np.ndarray, window: float
    ) -> Iterator[str]:
        nodes = [f"v(x{i})" for i in kept.tolist()] + [
            f"v(r{i})" for i in self._levels(read, window).tolist()
        ]
        step, end = number(self.step / 2.0), number(self.at[-1])
        yield ".control"
        yield f"setseed {self.options.seed}"
        yield from ("set numdgt=10", "set wr_singlescale", "set wr_vecnames")
        for k in range(0, len(nodes), LINE):
            yield "save " + " ".join(nodes[k : k + LINE])
        if self.options.analysis == "op":
            yield from ("op", f"wrdata {self.options.table} " + " ".join(nodes), "quit", ".endc")
            return
        yield f"tran {step} {end} 0 {step} uic"
        for at in observed.tolist():
            for i in dict.fromkeys(read.tolist()):
                when = f"from={number(at - window)} to={number(at)}" if window else f"at={number(at)}"
                what = "avg" if window else "find"
                name = f"{i}_{_word(at / self.scale.time)}"
                yield f"meas tran x{name} {what} v(x{i}) {when}"
                if self.reader is not None and window:
                    yield f"let r{name} = {_level(self.reader, f'x{name}', self.scale.voltage)}"
                    yield f"print r{name}"
                elif self.reader is not None:
                    yield f"meas tran r{name} {what} v(r{i}) {when}"
        yield "linearize " + " ".join(nodes)
        yield f"wrdata {self.options.table} " + " ".join(nodes)
        yield from ("quit", ".endc")


def _lines(
    netlist: LangevinNetlist, device: Any, side: str, span: tuple[float, float] | None
) -> Lines | None:
    """The levels of the device's converters over their range; None where there is no range or converter."""
    converter = getattr(device, f"{side}_converter", None)
    if converter is None or span is None:
        return None
    return (input_lines if side == "input" else output_lines)(converter, span, 0, np.zeros(0, np.int64))


def _level(lines: Lines, of: str, unit: float) -> str:
    """The level nearest to the volts `of`, in volts."""
    lo, step = number(lines.lo * unit), number(lines.step * unit)
    return f"{lo}+{step}*min(max(floor(({of}-({lo}))/{step}+0.5),0),{lines.levels - 1})"


def _columns(mixing: Any) -> list[list[tuple[int, float]]]:
    """(row, value) of what is not 0 in each column of an array or a sparse matrix."""
    if isinstance(mixing, np.ndarray):
        kept = np.abs(mixing) > 1e-12 * np.abs(mixing).max()
        rows = [np.flatnonzero(column) for column in kept.T]
        return [[(int(i), float(mixing[i, k])) for i in found] for k, found in enumerate(rows)]
    columns = mixing.tocsc()
    spans = zip(columns.indptr[:-1].tolist(), columns.indptr[1:].tolist(), strict=True)
    return [
        list(zip(columns.indices[a:b].tolist(), columns.data[a:b].tolist(), strict=True)) for a, b in spans
    ]


def _word(at: float) -> str:
    return f"t{at:.6g}".replace(".", "_").replace("-", "m").replace("+", "")


def _names(circuits: Any) -> dict[Circuit, str]:
    """A name for each kind, numbered where two would have the same."""
    names: dict[Circuit, str] = {}
    for c in dict.fromkeys(circuits):
        taken, name, k = set(names.values()), c.name, 2
        while name in taken:
            name, k = f"{c.name}_{k}", k + 1
        names[c] = name
    return names
