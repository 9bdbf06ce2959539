"""Pathwise gradients: back-propagation through the noisy simulation, with a price on heat.

The loss of one run is cross-entropy of softmax(readout_scale x_out(t_f)), or squared error, plus
heat_penalty times the heat in kT. Noise is additive, so the derivative of a discretised run by
its parameters is exact (see `thermo.kernels.langevin.bptt`). The machine is that of Whitelam, "Training
thermodynamic computers by gradient descent", arXiv 2509.15324; the training method is not.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from compiler.families.langevin import LangevinMachine
from thermo.data import Dataset
from thermo.kernels.langevin import bptt
from thermo.kernels.langevin.circuit import Circuit
from thermo.kernels.langevin.images import Images
from thermo.kernels.langevin.lines import Line
from thermo.simulate.langevin.calibrate import CALIBRATION, TRAJECTORY
from thermo.simulate.langevin.conversion import Span, output_range
from thermo.training.errors import TrainingDivergedError, TrainingError
from thermo.training.langevin.circuit import (
    add_circuit,
    add_strengths,
    burden_of,
    circuit_of,
    rows_of,
    strengths,
)
from thermo.training.langevin.config import PathwiseConfig
from thermo.training.langevin.converting import Converting, encoded_range
from thermo.training.langevin.encoder import fit_encoder
from thermo.training.langevin.gradient import Layout
from thermo.training.langevin.imperfect import DrawnMachine, draw_machine
from thermo.training.langevin.quick import VALID_TRAJECTORY, run_machine
from thermo.training.langevin.result import EpochRecord
from thermo.training.optimise import cosine_rate
from thermo.training.regimes import device_of_batch, reads_anew
from thermo.training.tiles import Tiles

# Tags of the generators that are not counter-based: default_rng([seed, tag, epoch or step]).
_INIT, _ORDER, _WARP = range(3)


class PathwiseTrainer:
    """The state of one training run: everything a checkpoint must hold, and scratch."""

    NUMBERS = (
        "best_key",
        "score",
        "best_epoch",
        "best_heat",
        "step",
        "epoch",
        "penalty",
        "integral",
        "heat_ratio",
        "seconds",
    )
    RECORD, ERROR = EpochRecord, TrainingError

    def __init__(self, dataset: Dataset, config: PathwiseConfig, start: LangevinMachine | None) -> None:
        self.config = config
        self.data = dataset
        self.classes = dataset.n_classes > 0
        self.head = bptt.HEAD_CLASSES if self.classes else bptt.HEAD_VALUES
        self.x = np.ascontiguousarray(dataset.x_train, np.float32)
        y = dataset.y_train
        n_out = dataset.n_classes if self.classes else (1 if y.ndim == 1 else y.shape[1])
        n_train = dataset.x_train.shape[0]
        if start is not None and (start.n_inputs, start.n_out) != (dataset.n_features, n_out):
            raise TrainingError(
                f"start machine has {start.n_inputs} inputs and {start.n_out} outputs, data set "
                f"{dataset.name} needs {dataset.n_features} and {n_out}; train a start on this data"
            )
        for name in ("kT", "mobility", "t_f"):
            if start is not None and getattr(start, name) != getattr(config, name):
                raise TrainingError(
                    f"start machine has {name} = {getattr(start, name):g}, the configuration "
                    f"{getattr(config, name):g}; set {name} to the start's"
                )
        self.layout = self._laid_out(dataset, n_out, start)
        n = self.layout.n
        self.shift, self.scale = _encoder(dataset, config, start)
        # Parameters see inputs of root-mean-square 1, so that learning rates need no data set.
        u = (self.x - self.shift) * self.scale
        self.unit = float(1.0 / max(np.sqrt(np.mean(np.square(u, dtype=np.float64))), 1e-30))
        self.batch = min(config.batch, n_train)
        self.shape = config.augmentation.shape_of(dataset, TrainingError)
        self.n_batches = n_train // self.batch
        self.cells = np.repeat(np.array([[config.j2], [config.j3], [config.j4]], np.float32), n, axis=1)
        self.x0 = np.zeros(n, np.float32)
        self.symmetric = config.symmetric
        if start is not None:
            self.cells = np.stack([start.j2, start.j3, start.j4]).astype(np.float32)
            self.x0 = start.x0.astype(np.float32)
        self.law = config.law
        skewed = self.law is not None and (
            self.law.mismatch > 0 or self.law.asymmetry > 0 or bool(self.law.laws)
        )
        self.each = burden_of(config, float(np.median(self.cells[0])))
        self.where = {}
        if config.hardware is not None:
            self.where = {"device": config.hardware.name, "couplings": config.hardware.couplings.name}
        self.converting = None
        if config.converts and config.hardware is not None:
            span = encoded_range(self.x, self.shift, self.scale)
            self.converting = Converting(config.hardware, n, dataset.n_features, n_out, span)
        self.read_span: Span | None = None
        self.read_step = -1  # the step that read_span was found at
        self.ranged = self.each is not None and math.isfinite(self.each.reach)
        self.heat_mode = (
            bptt.HEAT_ENERGY
            if not self.ranged and (not config.coupled or (config.symmetric and not skewed))
            else bptt.HEAT_STRATONOVICH
        )
        self.drawn = None if config.on_device is None else self._device(config.on_device)
        self.theta = self._initial(start)
        self.m = np.zeros_like(self.theta)
        self.v = np.zeros_like(self.theta)
        self.best = self.theta.copy()
        self.best_key = -np.inf  # the score, or how far a heat budget was missed
        self.best_epoch = -1
        self.score = float("nan")
        self.best_heat = float("nan")
        self.step = 0
        self.epoch = 0
        budget = config.heat_budget
        penalty = config.heat_penalty
        if budget is not None and penalty == 0:
            penalty = 0.05 / max(budget, 10.0)  # lambda Q is about 0.05 where accuracy is useful
        self.integral = self.penalty = penalty
        self.heat_ratio = 1.0  # validation heat at the evaluation step over training heat
        self.seconds = 0.0
        self.history: list[EpochRecord] = []
        self.by_jax = None
        if config.engine == "jax":  # JAX is imported where it is asked for
            from thermo.training.langevin.jax_gradient import JaxGradient

            self.by_jax = JaxGradient(self.batch, config.tile)
        self._scratch(max(self._steps(dt) for _, dt in config.dt_schedule))
        self.kT_unit = config.kT if config.kT > 0 else 1.0
        self.rates = self._rates()

    def _laid_out(self, dataset: Dataset, n_out: int, start: LangevinMachine | None) -> Any:
        """Where parameters lie, for so many outputs."""
        n_hidden = self.config.n_hidden if start is None else start.n_hidden
        return Layout(n_hidden + n_out, dataset.n_features, n_out)

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds, by name."""
        return {"theta": self.theta, "m": self.m, "v": self.v, "best": self.best}

    def _steps(self, dt: float) -> int:
        return max(1, round(self.config.t_f / dt))

    def _scratch(self, n_steps: int) -> None:
        lanes = min(self.config.tile, self.batch)
        state = self.layout.n * lanes
        slots = n_steps + 1
        force_slots = slots if self.heat_mode == bptt.HEAT_STRATONOVICH else 2
        self.bounds = [*range(0, self.batch, lanes), self.batch]
        tiles = len(self.bounds) - 1
        self.scratch_steps = n_steps
        if self.by_jax is not None:
            return
        self.xs = np.empty((tiles, slots * state), np.float32)
        self.fs = np.empty((tiles, force_slots * state), np.float32)
        self.u = np.empty((tiles, lanes * self.layout.n_in), np.float32)
        self.gradient = np.empty((tiles, self.layout.size), np.float32)

    def _initial(self, start: LangevinMachine | None) -> np.ndarray:
        config, n = self.config, self.layout.n
        theta = np.zeros(self.layout.size, np.float32)
        w, j, b, s, o = self.layout.split(theta)
        if start is not None:
            w[:] = start.w_in / self.unit
            j[:] = start.coupling if config.coupled else 0
            b[:] = start.bias
            s[:] = start.readout_scale
            o[:] = start.readout_offset
            if self.classes:
                s[:] = start.training_readout_scale
                o[:] = 0.0
            if self.symmetric and not np.array_equal(j, j.T):
                raise TrainingError(
                    "start machine has directed couplings, training is set to symmetric ones; "
                    "give symmetric=False"
                )
            return theta
        rng = np.random.default_rng([config.seed, _INIT])
        w[:] = config.init_w / math.sqrt(w.shape[1]) * rng.standard_normal(w.shape)
        if config.coupled:
            raw = config.init_j / math.sqrt(n) * rng.standard_normal((n, n))
            j[:] = np.triu(raw, 1) + np.triu(raw, 1).T if self.symmetric else raw
            np.fill_diagonal(j, 0.0)
        b[:] = config.init_bias * rng.standard_normal(n)
        s[:] = 1.0
        return theta

    def _rates(self) -> np.ndarray:
        config = self.config
        rates = np.zeros(self.layout.size, np.float32)
        w, j, b, s, o = self.layout.split(rates)
        w[:] = config.rate_w
        # The drive of a cell sums over all others: what holds for 64 is too fast for many more.
        crowd = min(1.0, 64.0 / max(1, self.layout.n - self.layout.n_out))
        j[:] = config.rate_j * crowd if config.coupled else 0.0
        b[:] = config.rate_bias
        s[:] = config.rate_scale
        if not self.classes:
            o[:] = config.rate_scale
        return rates

    def learning_rate(self) -> float:
        config = self.config
        return cosine_rate(
            config.learning_rate,
            self.step,
            config.epochs * self.n_batches,
            warmup=config.warmup_steps,
            final=config.final_rate,
        )

    def _device(self, seed: int) -> DrawnMachine | None:
        """The device of this seed, None where there are no imperfections."""
        if self.law is None:
            return None
        return draw_machine(self.layout.n, self.layout.n_in, self.law, seed)

    def effective(self, read: int = 0) -> tuple[tuple[np.ndarray, ...], list[Any], np.ndarray]:
        """w_in, coupling and bias that act in this batch, their derivatives by the parameters, and the
        scale of the inputs that w_in is for.

        The list is empty for ideal cells. On any device w_in is in the machine's own units, in
        which it is written. read : how many reads of one device after that of its law
        """
        w, j, b, *_ = self.layout.split(self.theta)
        drawn = self.drawn or self._device(device_of_batch(self.config.seed, self.step))
        if drawn is not None and read:
            drawn = replace(drawn, law=replace(drawn.law, read=drawn.law.read + read))
        unit = np.float32(self.unit)
        if drawn is None and self.each is None and self.config.coupling_penalty == 0:
            return (w, j, b), [], self.scale * unit
        if drawn is None:
            return (w * unit, j, b), [unit], self.scale
        return drawn.act(w * unit, j, b), [drawn.w_in * unit, drawn.coupling, drawn.bias], self.scale

    def run_batch(self, rows: np.ndarray, warps: np.ndarray, dt: float, tiles: Tiles) -> tuple[float, ...]:
        """One step of Adam; returns loss, accuracy, heat (kT), halvings."""
        config, layout = self.config, self.layout
        *_, s, o = layout.split(self.theta)
        anew = self.law is not None and self.drawn is not None and reads_anew(self.law)
        (w, j, b), factors, in_scale = self.effective(1 + self.step if anew else 0)
        y = self.data.y_train[rows]
        label = y if self.classes else np.zeros(rows.shape[0], np.int64)
        target = (
            np.zeros((rows.shape[0], 0), np.float32)
            if self.classes
            else np.ascontiguousarray(y.reshape(rows.shape[0], -1), np.float32)
        )
        price = np.float32(self.penalty / self.kT_unit)
        circuit, cells = None, self.cells
        if self.each is not None:
            circuit, cells = circuit_of(self.each, w, j, b, self.cells)
        rows_by = 2 if circuit is None else rows_of(circuit)
        by_circuit = np.zeros((len(self.bounds) - 1, rows_by, layout.n), np.float32)
        machine = bptt.Machine(w, j, config.coupled, b, cells, self.x0)
        loss_of = bptt.Loss(self.head, s, o, config.smoothing, np.float32(1.0 / self.batch), price)
        dacs = adcs = None
        if self.converting is not None:
            device = device_of_batch(config.seed, self.step) if config.on_device is None else config.on_device
            dacs = self.converting.dacs(device, float(in_scale[0] / self.scale[0]))
            adcs = self.converting.adcs(device, self.read_span)
        base = self._steps(dt)
        for halvings in range(config.max_halvings + 1):
            n_steps = base << halvings
            if n_steps > self.scratch_steps:
                self._scratch(n_steps)
            h = config.mobility * config.t_f / n_steps

            def one(t: int, n_steps: int = n_steps, h: float = h) -> tuple[float, int, float, int]:
                part = slice(self.bounds[t], self.bounds[t + 1])
                noise = np.float32(math.sqrt(2.0 * h * config.kT))
                return bptt.gradient_rows(
                    machine,
                    circuit,
                    dacs,
                    adcs,
                    loss_of,
                    Images(self.x, rows[part], warps[part], self.shape, self.shift, in_scale),
                    label[part],
                    target[part],
                    bptt.Steps(n_steps, np.float32(h), noise, self.heat_mode),
                    np.uint64(config.seed),
                    np.uint64(self.step * self.batch + part.start),
                    self.xs[t],
                    self.fs[t],
                    self.u[t],
                    self.gradient[t],
                    None if circuit is None else by_circuit[t],
                )

            if self.by_jax is None:
                report = tiles.map(one, len(self.bounds) - 1)
                g = self.gradient[0]
                for part in self.gradient[1:]:  # fixed order: threads do not matter
                    g += part
            else:
                noise = np.float32(math.sqrt(2.0 * h * config.kT))
                figures, g = self.by_jax(
                    machine,
                    loss_of,
                    Images(self.x, rows, warps, self.shape, self.shift, in_scale),
                    label if self.classes else target,
                    bptt.Steps(n_steps, np.float32(h), noise, self.heat_mode),
                    config.seed,
                    self.step * self.batch,
                )
                report = [figures]
            runaways = [cell for *_, cell in report if cell >= 0]
            if not runaways and math.isfinite(float(g.sum())):
                break
        else:
            self._diverged(f"cell {runaways[0]}" if runaways else "the gradient", dt)
        loss, right, heat = (sum(r[i] for r in report) / self.batch for i in range(3))
        loss += self._add_strengths(circuit, (w, j, b), by_circuit, g)
        _, gj, _, gs, go = layout.split(g)
        for part, factor in zip(layout.split(g), factors, strict=False):
            part *= factor
        if self.symmetric:
            gj += gj.T.copy()
        if self.classes:
            gs[:] = gs.sum()
            go[:] = 0
        self._descend(g)
        self._control(heat / self.kT_unit)
        self.step += 1
        return loss, right, heat / self.kT_unit, halvings

    def _add_strengths(
        self,
        circuit: Circuit | None,
        acting: tuple[np.ndarray, np.ndarray, np.ndarray],
        by_circuit: np.ndarray,
        gradient: np.ndarray,
    ) -> float:
        """Add what the loss owes to the strengths of couplings to the gradient; their price."""
        price, n = self.config.coupling_penalty, self.layout.n
        if circuit is None and price == 0:
            return 0.0
        parts = self.layout.split(gradient)
        if self.each is not None and circuit is not None:
            add_circuit(parts, acting, self.each, circuit, by_circuit.sum(axis=0))
        if price == 0:
            return 0.0
        add_strengths(parts, acting[:2], np.full(n, price / n))
        return price * float(strengths(*acting[:2]).mean())

    def _descend(self, g: np.ndarray) -> None:
        config = self.config
        if config.clip > 0:
            norm = float(np.linalg.norm(g.astype(np.float64)))
            if norm > config.clip:
                g *= np.float32(config.clip / norm)
        bptt.adam_step(
            self.theta,
            g,
            self.m,
            self.v,
            self.rates,
            np.float32(self.learning_rate()),
            self.step + 1,
            config.beta1,
            config.beta2,
            config.epsilon,
        )

    def _control(self, heat: float) -> None:
        """Proportional-integral controller on log(lambda) towards just below the budget.

        The error is corrected for what the training step and the augmentation do to the heat, as
        last seen on the validation split. Heat grows from nothing, so that early lack of it says
        little: the integral part falls only slowly at first.
        """
        budget = self.config.heat_budget
        if budget is None:
            return
        want = budget - 0.015 * max(abs(budget), 10.0)
        error = (heat * self.heat_ratio - want) / max(abs(want), 10.0)
        error = max(-1.0, min(1.0, error))
        done = self.step / (self.config.epochs * self.n_batches)
        gain = 0.02 * (0.2 + 0.8 * self.learning_rate() / self.config.learning_rate)
        if error < 0:
            gain *= min(1.0, 5.0 * done)
        self.integral = min(max(self.integral * math.exp(gain * error), 1e-9), 1e3)
        self.penalty = self.integral * math.exp(2.0 * error)

    def _diverged(self, what: str, dt: float) -> NoReturn:
        """Name what ran away and a step that holds for the parameters as they are."""
        raise TrainingDivergedError(
            f"training, epoch {self.epoch + 1}: {what} ran away at dt = "
            f"{dt / 2**self.config.max_halvings:g}; dt = {self.holding_step():.2g} holds for the "
            "couplings now reached: put it into dt_schedule, or lower learning_rate, or raise "
            "heat_penalty"
        )

    def holding_step(self) -> float:
        """Half of 2 / (mobility U''(x_max)): explicit Euler is stable wherever a cell can come.

        x_max bounds every |x|: the strongest drive by inputs and by neighbours at their own x_max.
        """
        w, j, b, *_ = self.layout.split(self.theta)
        u = (self.x[:1024] - self.shift) * (self.scale * np.float32(self.unit))
        push = np.abs(u @ w.T + b).max(axis=0).astype(np.float64)
        j2, j3, j4 = np.abs(self.cells.astype(np.float64))
        x_max = np.zeros_like(push)
        for _ in range(30):
            drive = push + np.abs(j) @ x_max
            low, high = np.zeros_like(drive), np.full_like(drive, 1e3)
            for _ in range(50):
                x = 0.5 * (low + high)
                below = 2 * j2 * x - 3 * j3 * x**2 + 4 * j4 * x**3 < drive
                low, high = np.where(below, x, low), np.where(below, high, x)
            x_max = high
        stiffness = (2 * j2 + 6 * j3 * x_max + 12 * j4 * x_max**2).max()
        return float(1.0 / (self.config.mobility * stiffness))

    def model(self) -> Any:
        """The machine of the best epoch."""
        return self.machine(self.best)

    def note(self) -> str:
        """Loss of the last epoch, or accuracy and heat where it was validated."""
        last = self.history[-1]
        if last.valid_accuracy is None:
            return f"loss {last.loss:.4f}"
        figure = (
            f"{100 * last.valid_accuracy:.2f} %" if self.classes else f"rms error {-last.valid_accuracy:.4g}"
        )
        return f"validation {figure}, {last.valid_heat:.4g} kT"

    def machine(self, theta: np.ndarray) -> Any:
        """The trained machine; w_in in the units of its own encoder."""
        config, n_out = self.config, self.layout.n_out
        w, j, b, s, o = self.layout.split(theta)
        start = np.ones(n_out), np.zeros(n_out)
        scale, offset = start if self.classes else (s.astype(float), o.astype(float))
        return LangevinMachine(
            w_in=(w * np.float32(self.unit)).astype(np.float32),
            coupling=j.copy(),
            bias=b.copy(),
            j2=self.cells[0].copy(),
            j3=self.cells[1].copy(),
            j4=self.cells[2].copy(),
            x0=self.x0.copy(),
            n_out=n_out,
            input_shift=self.shift.copy(),
            input_scale=self.scale.copy(),
            readout_scale=scale,
            readout_offset=offset,
            kT=config.kT,
            mobility=config.mobility,
            t_f=config.t_f,
            dt=config.dt_evaluate,
            head="classification" if self.classes else "regression",
            labels=self.data.labels,
            meta={"method": "pathwise", "data": self.data.name, "split": self.data.split, **self.where},
            training_readout_scale=float(s[0]),
        )

    def run_epoch(self, tiles: Tiles) -> EpochRecord:
        config = self.config
        n_train = self.data.x_train.shape[0]
        order = np.random.default_rng([config.seed, _ORDER, self.epoch]).permutation(n_train)
        used = order[: self.n_batches * self.batch].reshape(self.n_batches, self.batch)
        rng = np.random.default_rng([config.seed, _WARP, self.epoch])
        dt = [d for start, d in config.dt_schedule if start * config.epochs <= self.epoch][-1]
        if self.converting is not None:
            self._read_range(self._acting(self.machine(self.theta)), tiles)
        sums = np.zeros(3)
        refined = 0
        for rows in used:
            warps = config.augmentation.warps(self.batch, rng)
            *figures, halvings = self.run_batch(rows, warps, dt, tiles)
            sums += figures
            refined += halvings > 0
        loss, accuracy, heat = sums / self.n_batches
        self.epoch += 1
        score = valid_heat = None
        last = self.epoch > 0.9 * config.epochs
        if last or self.epoch % config.evaluate_every == 0:
            score, valid_heat = self.validate(tiles)
            if abs(heat) > 20.0:
                self.heat_ratio = min(max(valid_heat / heat, 0.5), 2.0)
            # A heat budget that is met comes before accuracy.
            within = config.heat_budget is None or valid_heat <= config.heat_budget
            key = score + (0.0 if within else -1e6 - 1e3 * valid_heat)
            if key >= self.best_key:
                self.best_key, self.best_epoch, self.best_heat = key, self.epoch, valid_heat
                self.best[:] = self.theta
                self.score = score
        return EpochRecord(
            epoch=self.epoch,
            loss=float(loss),
            heat=float(heat),
            train_accuracy=float(accuracy),
            valid_accuracy=score,
            valid_heat=valid_heat,
            heat_penalty=self.penalty,
            dt=config.t_f / self._steps(dt),
            refined=refined,
        )

    def _acting(self, machine: LangevinMachine) -> LangevinMachine:
        """The machine on the device that it is trained on, if it is one."""
        if self.drawn is None:
            return machine
        w, j, b = self.drawn.act(machine.w_in, machine.coupling, machine.bias)
        return replace(machine, w_in=w, coupling=j, bias=b)

    def _dacs(self) -> Line | None:
        """Input converters of the device that is validated on."""
        return None if self.converting is None else self.converting.dacs(self.config.on_device or 0)

    def _read_range(self, machine: LangevinMachine, tiles: Tiles) -> Span:
        """Range of the output converters, as a simulation finds it (thermo.simulate.langevin.calibrate).

        An epoch begins with the parameters that the one before was validated with.
        """
        if self.read_span is not None and self.read_step == self.step:
            return self.read_span
        outputs, _ = run_machine(
            machine,
            self.x[:CALIBRATION],
            dt=self.config.dt_evaluate,
            seed=self.config.seed,
            trajectory=TRAJECTORY,
            tiles=tiles,
            each=self.each,
            dacs=self._dacs(),
            heat=False,
        )
        self.read_span, self.read_step = output_range(outputs), self.step
        return self.read_span

    def validate(self, tiles: Tiles) -> tuple[float, float]:
        """Accuracy (or minus the root-mean-square error) and heat in kT at the evaluation step."""
        machine = self._acting(self.machine(self.theta))
        outputs, heat = run_machine(
            machine,
            self.data.x_valid,
            dt=self.config.dt_evaluate,
            seed=self.config.seed,
            trajectory=VALID_TRAJECTORY,
            tiles=tiles,
            each=self.each,
            dacs=self._dacs(),
        )
        if self.converting is not None:
            outputs = self.converting.read(
                outputs,
                self.config.on_device or 0,
                self._read_range(machine, tiles),
                seed=self.config.seed,
                trajectory=VALID_TRAJECTORY,
                steps=self._steps(self.config.dt_evaluate),
            )
        y = self.data.y_valid
        if self.classes:
            score = float(np.mean(outputs.argmax(axis=1) == y))
        else:
            *_, s, o = self.layout.split(self.theta)
            score = -float(np.sqrt(np.mean((outputs * s + o - y.reshape(outputs.shape)) ** 2)))
        return score, float(heat.mean()) / self.kT_unit


def _encoder(
    dataset: Dataset, config: PathwiseConfig, start: LangevinMachine | None
) -> tuple[np.ndarray, np.ndarray]:
    if start is not None:
        return start.input_shift.astype(np.float32), start.input_scale.astype(np.float32)
    return fit_encoder(dataset.x_train, config.input_shift, config.input_scale)
