"""Settings of training Langevin machines."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hw_models.couplings import CouplingTechnology
from hw_models.device import Device
from hw_models.imperfect import Imperfections, on_device
from hw_models.presets import chosen_device
from thermo.training.augmentation import Augmentation
from thermo.training.config import TrainingConfig
from thermo.training.errors import TrainingError
from thermo.training.regimes import AWARE, CLEAN, REGIMES
from thermo.training.rules import Rules

ENGINES = ("numba", "jax")


@dataclass(frozen=True, slots=True)
class Front:
    """A front of tied couplings: cells at every place, `channels` each, whose taps all places share.

    kernel, stride, padding : of a square of pixels, zeros outside
    whiten : share of patches' mean second moment added to each before they are whitened for learning
        (thermo.training.langevin.front); 0: they are not
    """

    channels: int
    kernel: int
    stride: int
    padding: int = 0
    whiten: float = 0.05

    def __post_init__(self) -> None:
        rules = Rules(self, TrainingError, "front")
        rules.whole("channels", "kernel", "stride")
        rules.whole("padding", least=0)
        rules.not_negative("whiten")


@dataclass(frozen=True, slots=True)
class PathwiseConfig(TrainingConfig):
    """Settings of `train_pathwise`; the defaults are the published MNIST machine.

    Machine: n_hidden cells beside the outputs, U = j2 x^2 + j3 x^3 + j4 x^4, x_0 = 0, read at t_f.
    front : cells before those, driven by patches of an image through tied couplings; the others then see no
        inputs but by these, with which they are all coupled. Ideal, symmetric couplings alone
    symmetric : tie J_ij = J_ji (then a potential exists); coupled=False removes those among
        dynamic cells: a linear classifier as control
    input_shift, input_scale : u = (data - shift) * scale; None: the mean over the training split,
        and one over the largest L2 norm of a shifted row
    dt_schedule : (fraction of training at which it begins, step) in rising order
    dt_evaluate : step at which validation accuracy and heat are measured
    rate_* : factors on learning_rate; w_in is rated per unit of root-mean-square input, so that
        the setting does not depend on input_scale
        rate_j holds up to 64 hidden cells and falls as 64 / n_hidden beyond (with a front it is as it is)
    init_w, init_j, init_bias : standard deviations of the start, those of w_in (in the same unit)
        and J times the square root of the number of inputs and of dynamic cells
    heat_penalty : lambda, loss per kT of heat; heat_budget : wanted mean heat in kT, found by a
        controller on log(lambda), which starts at heat_penalty (0: a guess from the budget)
    coupling_penalty : loss per unit of mean over cells of sum |W| + sum |J|, the bias power
    evaluate_every : epochs between validations; the last tenth is always validated
    max_halvings : how often a batch with a runaway trajectory is tried again at half the step; with a front,
        whose training steps never run away, how often validation is
    engine : "numba", or "jax" for ideal couplings and converters: gradients on JAX's devices, which share the
        tiles of a batch; no bit depends on their number
    device, couplings : the hardware trained for (hw_models.presets, by name or itself) and what its
        couplings are made of, None: the device's own; their noise, load and range then act in training
        and validation. No device: the ideal equation
    input_bits, output_bits : of its converters, "ideal" or None: its own; levels, offsets and noise act
        likewise, and gradients pass straight through the rounding
    at : time since the device was programmed, s or "1h"; None: just programmed
    non_ideal : imperfections of the device; what of them is not at its default replaces the device's own
    device_seed : one device; regime : "clean", trained and validated on a perfect machine, "aware", on
        another device every batch (validated on a perfect machine), "in-place", on that one device (0 unless
        given). None: in place with a device_seed, else aware
    """

    n_hidden: int = 64
    front: Front | None = None
    symmetric: bool = True
    coupled: bool = True
    kT: float = 1.0
    mobility: float = 1.0
    j2: float = 1.0
    j3: float = 0.0
    j4: float = 1.0
    t_f: float = 0.2
    input_shift: float | None = None
    input_scale: float | None = None
    epochs: int = 60
    batch: int = 256
    tile: int = 128
    dt_schedule: tuple[tuple[float, float], ...] = ((0.0, 1e-2), (0.5, 5e-3))
    dt_evaluate: float = 1e-3
    learning_rate: float = 0.01
    warmup_steps: int = 50
    final_rate: float = 0.02
    rate_w: float = 1.0
    rate_bias: float = 20.0
    rate_j: float = 20.0
    rate_scale: float = 5.0
    init_w: float = 1.4
    init_j: float = 8.6
    init_bias: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip: float = 1.0
    smoothing: float = 0.0
    heat_penalty: float = 0.0
    coupling_penalty: float = 0.0
    heat_budget: float | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    device: str | Device | None = None
    couplings: str | CouplingTechnology | None = None
    input_bits: int | str | None = None
    output_bits: int | str | None = None
    at: str | float | None = None
    non_ideal: Imperfections | None = None
    device_seed: int | None = None
    regime: str | None = None
    evaluate_every: int = 1
    max_halvings: int = 3
    engine: str = "numba"

    @property
    def hardware(self) -> Device | None:
        """The device with its couplings and converters; HardwareError for an unknown name."""
        if self.device is None:
            return None
        bits = {"input_bits": self.input_bits, "output_bits": self.output_bits}
        return chosen_device(self.device, self.couplings, **bits)

    @property
    def law(self) -> Imperfections | None:
        """What the machine obeys that is trained on, None for a perfect one."""
        if self.regime == CLEAN:
            return None
        hardware = self.hardware
        own = Imperfections() if hardware is None else hardware.imperfections
        law = on_device(own, self.non_ideal, self.at)
        return None if law.ideal else law

    @property
    def on_device(self) -> int | None:
        """The one device that is trained on; None: another every batch, or none."""
        if self.regime in (CLEAN, AWARE) or (self.regime is None and self.device_seed is None):
            return None
        return self.device_seed or 0

    @property
    def converts(self) -> bool:
        """Whether there are converters that are not ideal."""
        device = self.hardware
        return device is not None and bool(device.input_converter or device.output_converter)

    def check(self, rules: Rules) -> None:
        rules.whole("n_hidden", "max_halvings", "warmup_steps", least=0)
        rules.whole("tile", "evaluate_every")
        rules.positive("mobility", "t_f", "dt_evaluate", "learning_rate", "epsilon")
        rules.not_negative("kT", "j4", "rate_w", "rate_bias", "rate_j", "rate_scale")
        rules.not_negative("init_w", "init_j", "init_bias", "clip", "heat_penalty")
        rules.not_negative("coupling_penalty")
        rules.finite("j2", "j3")
        rules.below_one("beta1", "beta2", "smoothing")
        rules.share("final_rate")
        rules.device_seed()
        if self.regime is not None:
            rules.choice("regime", REGIMES)
            if self.regime != CLEAN and self.law is None and not self.converts:
                raise TrainingError(
                    f"training: regime {self.regime!r} says what training sees of imperfect devices, but "
                    "there are no imperfections; give mismatch, asymmetry, bits, bias_mismatch or a device "
                    "that has them"
                )
        rules.choice("engine", ENGINES)
        if self.engine == "jax" and self.hardware is not None:
            raise TrainingError(
                "training: engine 'jax' has ideal couplings and converters, not those of "
                f"{self.hardware.name}; leave the device out, or set engine to 'numba'"
            )
        if self.front is not None:
            self._check_front()
        rules.unpulsed(self.law)
        if self.device_seed is not None and self.regime is None and self.law is None and not self.converts:
            raise TrainingError(
                f"training: device_seed {self.device_seed} names an imperfect device, but there are no "
                "imperfections; give mismatch, asymmetry, bits or bias_mismatch, or a device with converters"
            )
        if self.device is None and self.couplings is not None:
            raise TrainingError(
                f"training: couplings {self.couplings!r} need the cells that they drive; give a device "
                "(--device rc-1fF), too"
            )
        for name in ("input_bits", "output_bits"):
            if self.device is None and getattr(self, name) is not None:
                raise TrainingError(
                    f"training: {name} = {getattr(self, name)} is the resolution of a device's converters; "
                    "give a device (--device rc-1fF), too"
                )
        if self.hardware is not None and self.hardware.couplings.reactive:
            raise TrainingError(
                f"training: {self.hardware.couplings.name} couplings need 2 J2 - W positive definite, which "
                "this training does not keep; take weak-inversion or crossbar, or couplings ideal with a "
                "coupling_penalty"
            )
        if self.hardware is not None and self.hardware.couplings.mutual and not self.symmetric:
            raise TrainingError(
                f"training: {self.hardware.couplings.name} couplings are one element both ways; leave "
                "symmetric as it is (no --directed) or take directed ones: weak-inversion, crossbar"
            )
        if self.heat_budget is not None and not math.isfinite(self.heat_budget):
            rules.fail("heat_budget", "a finite number of kT")
        starts = [start for start, _ in self.dt_schedule]
        if not starts or starts[0] != 0 or sorted(starts) != starts or starts[-1] >= 1:
            rules.fail("dt_schedule", "pairs (fraction, dt) with fractions rising from 0 to below 1")
        for _, dt in self.dt_schedule:
            if not 0 < dt <= self.t_f:
                rules.fail("dt_schedule", f"of steps above 0 and at most t_f = {self.t_f:g}")
        if self.dt_evaluate > self.t_f:
            rules.fail("dt_evaluate", f"at most t_f = {self.t_f:g}")
        if self.front is not None:
            self._check_front_steps()

    def _check_front(self) -> None:
        """TrainingError for what a machine with a front does not know."""
        wrong = {
            "symmetric": "symmetric couplings: leave --directed out" if not self.symmetric else "",
            "coupled": "couplings, without which outputs see no input: leave --uncoupled or --channels out"
            if not self.coupled
            else "",
            "device": "ideal couplings: leave the device and its imperfections out"
            if self.device is not None or self.law is not None
            else "",
            "engine": "kernels of numba: leave engine out" if self.engine != "numba" else "",
            "coupling_penalty": "no price of couplings: leave coupling_penalty out"
            if self.coupling_penalty
            else "",
        }
        for told in wrong.values():
            if told:
                raise TrainingError(f"training: a convolutional front has {told}")

    def _check_front_steps(self) -> None:
        """TrainingError for cells whose own force, taken at the end of a step, leaves no or several ends."""
        if self.j3 and not self.j4:
            raise TrainingError(
                f"training: cells of a front need a wall, got j3 = {self.j3:g} and j4 = 0; raise j4 or "
                "set j3 to 0"
            )
        softest = 2 * self.j2 - (0.75 * self.j3**2 / self.j4 if self.j3 else 0.0)
        longest = max(self.t_f / max(1, round(self.t_f / dt)) for _, dt in self.dt_schedule)
        if 1 + self.mobility * longest * softest <= 0:
            raise TrainingError(
                f"training: with a front a step must be shorter than {-1 / (self.mobility * softest):g}, the "
                f"time in which cells leave 0, got dt = {longest:g}; lower dt in dt_schedule"
            )


@dataclass(frozen=True, slots=True)
class OnsagerMachlupConfig(TrainingConfig):
    """Settings of `train_onsager_machlup`.

    hidden : widths of the teacher's hidden layers; the machine has as many hidden cells
    teacher_epochs : of the teacher's training, if none is given
    drive_hidden, drive_out : proportionality of the idealised forces, energy per length
    answers : "softmax" or "logistic" of the teacher's answers, less their mean and times `answer_gain`
    exact : solve the least-squares problem; else stream with Adam for `epochs`
    ridge : lambda of lambda sum(W^2), relative to the mean square input; for pixels that never vary
    dt : step of the idealised trajectories and of evaluation
    every : the streaming trainer sums over each every-th step only
    learning_rate, rate_* : of the streaming trainer, in units of the larger drive; w_in is rated
        per unit of root-mean-square input
    """

    hidden: tuple[int, ...] = (32, 32)
    teacher_epochs: int = 30
    drive_hidden: float = 20.0
    drive_out: float = 20.0
    answers: str = "softmax"
    answer_gain: float = 1.0
    exact: bool = True
    ridge: float = 1e-6
    coupled: bool = True
    kT: float = 1.0
    mobility: float = 1.0
    j2: float = 1.0
    j3: float = 0.0
    j4: float = 1.0
    t_f: float = 0.2
    dt: float = 1e-3
    input_shift: float | None = None
    input_scale: float | None = None
    epochs: int = 10
    batch: int = 256
    every: int = 5
    learning_rate: float = 3e-3
    rate_j: float = 0.3
    rate_bias: float = 3.0

    @property
    def n_hidden(self) -> int:
        return sum(self.hidden)

    def check(self, rules: Rules) -> None:
        rules.whole("teacher_epochs", "every")
        rules.positive("kT", "mobility", "t_f", "dt", "learning_rate", "drive_hidden", "drive_out")
        rules.positive("answer_gain")
        rules.choice("answers", ("softmax", "logistic"))
        rules.not_negative("ridge", "j4", "rate_j", "rate_bias")
        if any(not isinstance(w, int) or w < 1 for w in self.hidden):
            rules.fail("hidden", "widths >= 1")
        if self.dt > self.t_f:
            rules.fail("dt", f"at most t_f = {self.t_f:g}")
