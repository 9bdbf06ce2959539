"""Kinds of networks that `thermoc train eqprop` trains: a table, and one run for all.

A kind is a subclass of Kind: what it takes, its preset, trainer, accuracy and what it says of itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.families.registry import family_of
from hw_models.converters import Converter
from hw_models.device import Device
from hw_models.imperfect import Imperfections, on_device
from hw_models.presets import chosen_device
from hw_models.weights import WEIGHT_MEMORIES
from thermo.cli.console import emit, manifest, notes
from thermo.cli.logged import progress_of
from thermo.cli.train.eqprop_diagnosis import check_diagnosable, diagnosed, diagnosis_table
from thermo.cli.train.saving import checkpoint_of, save_trained
from thermo.data import Dataset
from thermo.energy.eqprop_effort import effort_of, energy_of, unpriced
from thermo.energy.training import training_keys
from thermo.evaluate import evaluate
from thermo.gradients.errors import EqpropError
from thermo.report.page import Table
from thermo.report.text import text_table
from thermo.report.training_energy import energy_table
from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.config import ENGINES, EqpropConfig
from thermo.training.eqprop.device import EqpropDevice, reach_on
from thermo.training.eqprop.estimators import CIRCULAR
from thermo.training.regimes import CLEAN, IN_PLACE, REGIMES

COMMON = frozenset({"epochs", "beta", "estimator", "hidden", "rate"})
LEARNING = "update init perturbation directions"
COST = "device at weight_memory"
CONVERTERS = "input_bits output_bits"
NAMED = frozenset({"device", "couplings"})
"""A device that is named is trained on, too."""
IMPERFECT = "mismatch asymmetry weight_bits bias_mismatch device_seed regime"
READ = "state_noise read_noise read_bits flipped"
ONLY_JAX = ("convolutional",)
MILD = 0.5
"""Feedback up to which a sweep or two bring convolutions near their rest."""
Rows = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for.

    given : options that were given, by name (underscores), without those below
    """

    out: Path
    dataset: Dataset
    given: Mapping[str, Any]
    seed: int
    checkpoint: Path | None
    threads: int | None
    as_json: bool
    log: Path | None = None

    def settings(self, *names: str) -> dict[str, Any]:
        """Those of these options that were given."""
        return {name: self.given[name] for name in names if name in self.given}

    @property
    def imperfections(self) -> Imperfections:
        """Of the couplings and biases that are asked for."""
        named = {"mismatch": "mismatch", "asymmetry": "asymmetry", "bits": "weight_bits"}
        named["bias_mismatch"] = "bias_mismatch"
        asked = Imperfections(**{name: self.given[o] for name, o in named.items() if o in self.given})
        own = self.hardware.imperfections if "device" in self.given else Imperfections()
        return on_device(own, asked, self.given.get("at"))

    @property
    def hardware(self) -> Device:
        """What is priced, and where couplings of voltages are trained, trained for."""
        bits = self.settings("input_bits", "output_bits")
        return chosen_device(self.given.get("device", "rc-1fF"), self.given.get("couplings"), **bits)

    @property
    def converters(self) -> dict[str, Converter | None]:
        """Of a device that is named."""
        if not NAMED & self.given.keys():
            for name, bits in self.settings(*CONVERTERS.split()).items():
                raise EqpropError(
                    f"--{name.replace('_', '-')} {bits} is of a device's converters: add --device rc-1fF"
                )
            return {}
        device = self.hardware
        return {"input_converter": device.input_converter, "output_converter": device.output_converter}

    def trained_on(self, reach: float, *, converts: bool) -> EqpropDevice | None:
        """The device that is asked for, with couplings of this range and, if `converts`, its converters;
        None: a perfect one.
        """
        names = (*READ.split(), "replicas", "replica_coupling")
        seed = self.given.get("device_seed", 0)
        law = Imperfections() if self.regime == CLEAN else self.imperfections
        more = self.settings(*names) | (self.converters if converts else {})
        device = EqpropDevice(law, seed=seed, reach=reach, **more)
        return None if device == EqpropDevice(seed=seed) else device

    @property
    def regime(self) -> str:
        """What training sees of devices."""
        found = str(self.given.get("regime", IN_PLACE))
        if found not in REGIMES:
            raise EqpropError(f"--regime must be one of {', '.join(REGIMES)}, got {found!r}")
        if "regime" in self.given and self.imperfections.ideal:
            raise EqpropError(
                f"--regime {found} says what training sees of imperfect devices, but there are no "
                "imperfections: leave it out, or give --device pcm-crossbar, --mismatch or another of theirs"
            )
        return found

    @property
    def kept(self) -> Path:
        """The checkpoint."""
        return checkpoint_of(self.checkpoint, self.out)

    def to_train(self) -> dict[str, Any]:
        """Keywords of every trainer."""
        return {"progress": progress_of(self.log), "checkpoint": self.kept, "threads": self.threads}


class Kind:
    """Hopfield layers of hard-sigmoid units, and what other kinds do differently.

    takes : options beside COMMON that mean something for it; fields : those that are fields of
        EqpropConfig under the same name
    title : of the table; left : what the last sweep's rest is called
    converts : whether a named device's converters act
    """

    converts = True

    takes = frozenset(
        f"{LEARNING} {COST} {IMPERFECT} {READ} rule angle homeostasis homeostasis_draws persistent "
        f"no_augment replicas replica_coupling diagnose couplings {CONVERTERS}".split()
    )
    fields: tuple[str, ...] = (
        *("epochs", "beta", "estimator"),
        *LEARNING.split(),
        *("rule", "angle", "homeostasis", "homeostasis_draws", "persistent"),
    )
    title = "trained network"
    left = "left in the last sweep, free and nudged"

    def preset(self, request: Request) -> tuple[EqpropConfig, Any]:
        """(settings of the data set, what else the trainer wants)."""
        from thermo.training.eqprop.presets import eqprop_preset

        return eqprop_preset(request.dataset, **self.asked(request)), None

    def asked(self, request: Request) -> dict[str, Any]:
        """What presets depend on."""
        return {"hidden": request.given.get("hidden"), **request.settings("update", "estimator")}

    def changed(self, config: EqpropConfig, changes: dict[str, Any]) -> dict[str, Any]:
        """What was asked for, and what follows from it."""
        return changes

    def train(self, request: Request, config: EqpropConfig, more: Any) -> Any:
        from thermo.training.eqprop.train import train_eqprop

        return train_eqprop(request.dataset, config, **request.to_train())

    def accuracy(self, trained: Any, request: Request) -> float:
        """On the test split, as the machine answers."""
        from thermo.training.eqprop.deploy import deployed_accuracy

        config = trained.config
        return deployed_accuracy(
            trained.acting, request.dataset, config.device, seed=config.seed, threads=request.threads
        )

    def reach(self, request: Request) -> float:
        """Range of the couplings, in units of a state, where a device is named."""
        return reach_on(request.hardware) if NAMED & request.given.keys() else math.inf

    def scale(self, config: EqpropConfig) -> float:
        """Drive of the netlist's cells per drive of the trained units."""
        return 1.0

    def head(self, trained: Any) -> Rows:
        return [("units", "-".join(str(k) for k in trained.model.sizes))]

    def tail(self, trained: Any, request: Request) -> Rows:
        """After how it settled."""
        return []

    def end(self, trained: Any) -> Rows:
        """After the time it took."""
        return []

    def facts(self, trained: Any, more: Any) -> dict[str, Any]:
        """JSON's keys of this kind alone."""
        return {}


class Layers(Kind):
    """Dense layers trained with JAX."""

    converts = False

    takes = frozenset(f"{COST} {IMPERFECT} points activation rule angle homeostasis state_noise".split())
    takes |= {"homeostasis_draws", "no_augment", "diagnose"}
    fields: tuple[str, ...] = (
        *("epochs", "beta", "estimator", "points", "activation"),
        *("angle", "homeostasis", "homeostasis_draws", "rule"),
    )

    def preset(self, request: Request) -> tuple[EqpropConfig, Any]:
        from thermo.training.eqprop.conv_presets import dense_preset

        return dense_preset(request.dataset, request.given.get("hidden")), None

    def changed(self, config: EqpropConfig, changes: dict[str, Any]) -> dict[str, Any]:
        from thermo.training.eqprop.jax_layers import SIGMAS

        if changes.get("estimator") in CIRCULAR:
            changes.setdefault("points", 4)
            if changes["points"] > 2 and not SIGMAS[config.activation].holomorphic:
                changes.setdefault("activation", "shifted-sigmoid")
        return changes

    def train(self, request: Request, config: EqpropConfig, more: Any) -> Any:
        from thermo.training.eqprop.jax_train import layout_of

        if request.threads is not None:
            raise EqpropError(
                f"--threads {request.threads}: JAX uses the cores that the process may use; leave it "
                "out, and limit the process (taskset) instead"
            )
        if "diagnose" in request.given:
            if config.residual:
                raise EqpropError(
                    "--diagnose: its reference knows no couplings across a layer: leave it or --residual out"
                )
            check_diagnosable(layout_of(request.dataset, config).sizes)
        return super().train(request, config, more)

    def reach(self, request: Request) -> float:
        return math.inf  # couplings are ideal here

    def accuracy(self, trained: Any, request: Request) -> float:
        from thermo.training.eqprop.jax_train import layers_accuracy

        return layers_accuracy(trained, request.dataset)

    def scale(self, config: EqpropConfig) -> float:
        from thermo.training.eqprop.jax_layers import SIGMAS

        return SIGMAS[config.activation].scale

    def head(self, trained: Any) -> Rows:
        config, facts = trained.config, self.facts(trained, None)["network"]
        sizes = ["x".join(str(k) for k in s) for s in facts.get("shapes", [])]
        sizes += [str(k) for k in facts["sizes"][len(sizes) :]]
        rows = [("units", " - ".join(sizes))]
        if "couplings" in facts:
            rows.append(("couplings, parameters", f"{facts['couplings']:,} share {facts['parameters']:,}"))
        rows.append(("run by JAX on", devices_of(config)))
        points = f", {config.points} points" if config.estimator in CIRCULAR else ""
        rows.append(("activation", config.activation))
        return [*rows, ("estimator", f"{config.estimator}, |β| = {config.beta:g}{points}")]

    def facts(self, trained: Any, more: Any) -> dict[str, Any]:
        return {"network": {"sizes": list(trained.model.sizes)}}


class Convolutional(Layers):
    """Convolutions, whose parameters many couplings share, and dense layers."""

    takes = Layers.takes | {"channels", "feedback", "residual"}
    fields = (*Layers.fields, "feedback", "residual")
    title = "trained convolutional network"

    def changed(self, config: EqpropConfig, changes: dict[str, Any]) -> dict[str, Any]:
        changes = super().changed(config, changes)
        if config.schedule != "up-down":
            return changes
        if changes.get("feedback", 0.0) > MILD:  # more sweeps until it rests
            changes |= {"sweeps_free": 6, "sweeps_nudged": 3}
        return changes

    def preset(self, request: Request) -> tuple[EqpropConfig, Any]:
        from thermo.training.eqprop.conv_presets import conv_preset

        return conv_preset(request.dataset, request.given.get("channels"), request.given.get("hidden")), None

    def facts(self, trained: Any, more: Any) -> dict[str, Any]:
        network = trained.model
        told = {
            "shapes": [list(s) for s in network.shapes],
            "parameters": network.n_parameters,
            "couplings": lowered(network).n_couplings,
        }
        return {"network": {"sizes": list(network.sizes), **told}}


class Resistive(Kind):
    """Conductances and diodes."""

    takes = frozenset(f"{LEARNING} {COST} {IMPERFECT} {CONVERTERS} gain persistent no_augment".split())
    fields = ("epochs", "beta", "estimator", *LEARNING.split(), "persistent")
    title = "trained resistive network"
    left = "left in the last sweep, V"

    def preset(self, request: Request) -> tuple[EqpropConfig, Any]:
        from thermo.training.eqprop.presets import resistive_preset

        config, usual = resistive_preset(request.dataset, **self.asked(request))
        return config, request.given.get("gain", usual)

    def train(self, request: Request, config: EqpropConfig, more: Any) -> Any:
        from thermo.training.eqprop.resistive import train_resistive

        return train_resistive(request.dataset, config, gain=more, **request.to_train())

    def reach(self, request: Request) -> float:
        return math.inf  # its couplings are resistors whatever the device's are

    def accuracy(self, trained: Any, request: Request) -> float:
        from thermo.training.eqprop.resistive import resistive_accuracy

        device = trained.config.device
        return resistive_accuracy(trained.model, request.dataset, threads=request.threads, device=device)

    def head(self, trained: Any) -> Rows:
        first, *others = trained.model.sizes
        return [("nodes", "-".join([f"2·{first}", *(str(k) for k in others)]))]

    def facts(self, trained: Any, more: Any) -> dict[str, Any]:
        return {"gain": trained.model.gain}


class Oscillator(Kind):
    """Coupled phase oscillators."""

    converts = False

    takes = frozenset(f"{IMPERFECT} {READ} no_augment".split())
    fields = ("epochs", "beta", "estimator")
    title = "trained oscillator network"
    left = "largest move of a spin in the last sweep"

    def preset(self, request: Request) -> tuple[EqpropConfig, Any]:
        from thermo.training.eqprop.oscillator_presets import oscillator_preset

        return oscillator_preset(request.dataset, request.given.get("hidden"))

    def train(self, request: Request, config: EqpropConfig, more: Any) -> Any:
        from thermo.training.eqprop.oscillator import train_oscillator

        return train_oscillator(request.dataset, config, more, **request.to_train())

    def accuracy(self, trained: Any, request: Request) -> float:
        from thermo.training.eqprop.oscillator import oscillator_accuracy

        config = trained.config
        return oscillator_accuracy(
            trained.model, request.dataset, device=config.device, seed=config.seed, threads=request.threads
        )

    def head(self, trained: Any) -> Rows:
        return [("oscillators", "-".join(str(k) for k in trained.model.sizes))]

    def tail(self, trained: Any, request: Request) -> Rows:
        network, effort = trained.model, effort_of(trained, request.dataset)
        return [
            ("netlist: step, time to rest", f"{network.dt:g}, {network.relax_time:.0f}"),
            ("relaxations, nudged ones among them", f"{effort.relaxations:.3g}, {effort.nudged:.3g}"),
            ("weight writes", f"{effort.writes:.3g}"),
            ("joules", f"none: {unpriced(network)}"),
        ]

    def end(self, trained: Any) -> Rows:
        on_device = trained.config.device is not None
        return [("accuracies", "on the device, as it reads phases")] if on_device else []

    def facts(self, trained: Any, more: Any) -> dict[str, Any]:
        return {"oscillators": asdict(more)}


NETWORKS: Mapping[str, Kind] = MappingProxyType(
    {
        "hopfield": Kind(),
        "oscillator": Oscillator(),
        "hopfield --backend jax": Layers(),
        "convolutional": Convolutional(),
        "resistive": Resistive(),
    }
)


def devices_of(config: EqpropConfig) -> str:
    """What JAX trained on."""
    import jax

    from thermo.training.sharding import mesh_of

    found = jax.devices()
    parts = config.batch // config.tile if config.schedule == "up-down" else config.batch
    used = mesh_of(max(1, parts)).size
    return f"{used} of {len(found)} device{'s' * (len(found) > 1)}, {found[0].device_kind}"


def kind_of(network: str, backend: str, given: Mapping[str, Any]) -> Kind:
    """The entry of NETWORKS for --network and --backend.

    EqpropError for an unknown one, or for an option that means nothing for it.
    """
    if backend not in ENGINES:
        raise EqpropError(f"--backend must be {' or '.join(ENGINES)}, got {backend!r}")
    by_jax = f"{network} --backend jax"
    if backend == "jax" and network in NETWORKS and by_jax not in NETWORKS and network not in ONLY_JAX:
        raise EqpropError(f"--network {network} has no JAX backend: leave --backend out")
    network = by_jax if backend == "jax" and by_jax in NETWORKS else network
    if network not in NETWORKS:
        raise EqpropError(f"--network must be {' or '.join(NETWORKS)}, got {network!r}")
    if network == "hopfield" and given.get("estimator") in CIRCULAR:
        raise EqpropError(f"--estimator {given['estimator']} needs --backend jax: add it")
    kind = NETWORKS[network]
    for name in given:
        if name not in COMMON | kind.takes:
            others = [n for n, k in NETWORKS.items() if name in k.takes]
            raise EqpropError(
                f"--{name.replace('_', '-')} needs --network {' or '.join(others)}, got {network}: "
                "leave it out"
            )
    return kind


def _on_device(trained: Any, request: Request, there: dict[str, Any]) -> float:
    """Share of right test decisions of the trained network's netlist on an imperfect device."""
    found, _ = evaluate(
        lowered(trained.model), request.dataset, "test", seed=request.seed, threads=request.threads, **there
    )
    assert found.accuracy is not None
    return found.accuracy


def lowered(network: Any) -> Any:
    """The network's netlist."""
    family = family_of(network)
    assert family is not None
    return family.lowered(network)


def settings(kind: Kind, request: Request) -> tuple[EqpropConfig, Any]:
    """The data set's preset with what was asked for, and what else the trainer wants."""
    config, more = kind.preset(request)
    changes = kind.changed(config, request.settings(*kind.fields))
    if "rate" in request.given:
        changes["rates"] = tuple(request.given["rate"])
    if "no_augment" in request.given:
        changes["augmentation"] = Augmentation()
    changes["regime"] = IN_PLACE if request.regime == CLEAN else request.regime
    device = request.trained_on(kind.reach(request), converts=kind.converts)
    return replace(config, seed=request.seed, device=device, **changes), more


def run(kind: Kind, request: Request) -> None:
    """Train, write the model, say how it went."""
    dataset, given = request.dataset, request.given
    config, more = settings(kind, request)
    # presets' names are read before a training begins
    device = request.hardware
    memory = WEIGHT_MEMORIES.get(given.get("weight_memory", "sram-8bit"))
    if request.kept.exists():
        notes.print(f"resuming from {request.kept}", markup=False)
    trained = kind.train(request, config, more)
    accuracy = kind.accuracy(trained, request)
    if request.regime == CLEAN:  # as a machine that never saw the device does on it
        there = {"non_ideal": request.imperfections, "device_seed": given.get("device_seed", 0)}
        accuracy = _on_device(trained, request, there)
    facts = {"validation": trained.score, "test": accuracy}
    save_trained(trained.model, request.out, facts, request.seed, trained.seconds)
    tables = [Table((kind.title, ""), tuple(_rows(kind, trained, accuracy, request)), (1,))]
    told = {**kind.facts(trained, more), "effort": effort_of(trained, dataset).to_dict()}
    found, scale = None, kind.scale(config)
    if "diagnose" in given:
        circle: dict[str, Any] = {"points": config.points, "scale": scale} if config.engine == "jax" else {}
        found = diagnosed(trained.model, dataset, request.out, config.estimator, config.beta, **circle)
    if not unpriced(trained.model):
        energy = energy_of(trained, dataset, lowered(trained.model), device, memory, scale=scale)
        tables.append(energy_table(energy))
        told |= training_keys(energy)
    if found is not None:
        tables.append(diagnosis_table(found))
    if "diagnose" in kind.takes:
        told["diagnosis"] = None if found is None else asdict(found)
    if request.checkpoint is None:  # nobody asked for it; not before the model is there
        request.kept.unlink(missing_ok=True)
    emit(
        {
            "model": request.out,
            "data": dataset.name,
            "split": "test",
            "accuracy": accuracy,
            "runs": 1,
            "n_samples": dataset.x_test.shape[0],
            "valid_accuracy": trained.score,
            "best_epoch": trained.best_epoch,
            "seconds": trained.seconds,
            "last_epoch": asdict(trained.history[-1]),
            **told,
            "config": asdict(trained.config),
            "manifest": manifest(seed=request.seed),
        },
        request.as_json,
        "\n\n".join(text_table(t) for t in tables)
        + f"\n\nwrote {request.out}; next: thermoc compile {request.out} -o net.tnl",
    )


def _rows(kind: Kind, trained: Any, accuracy: float, request: Request) -> Rows:
    config, last, n = trained.config, trained.history[-1], request.dataset.x_test.shape[0]
    sem = np.sqrt(accuracy * (1 - accuracy) / n)
    angle = [("angle between forward and backward", f"{last.angle:.1f}°")] if config.rule == "field" else []
    by_jax = config.engine == "jax"
    return [
        *kind.head(trained),
        ("validation accuracy, chosen on", f"{100 * trained.score:.2f} %"),
        (f"test accuracy, {n:,} samples", f"{100 * accuracy:.2f} ± {100 * sem:.2f} %"),
        *([] if by_jax else angle),
        ("sweeps, free and nudged", f"{last.sweeps_free:.1f} and {last.sweeps_nudged:.1f}"),
        (kind.left, f"{last.residual_free:.1e} and {last.residual_nudged:.1e}"),
        *kind.tail(trained, request),
        ("training time", f"{trained.seconds:.0f} s"),
        *kind.end(trained),
        *(angle if by_jax else []),
        *([("images", "warped anew in every epoch")] if config.augmentation.active else []),
    ]
