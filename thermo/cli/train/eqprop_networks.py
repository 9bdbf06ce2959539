"""Kinds of networks that `thermoc train eqprop` trains: one entry and one file each.

A kind's function takes a Request, trains, writes the model and ends with `finish`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from hw_models.imperfect import Imperfections
from hw_models.presets import DEVICES
from hw_models.rc import RCDevice
from hw_models.weights import WEIGHT_MEMORIES, WeightMemory
from thermo.cli.console import emit, manifest, notes
from thermo.data import Dataset
from thermo.gradients.errors import EqpropError
from thermo.report.page import Table
from thermo.report.text import text_table
from thermo.training.eqprop.config import ENGINES
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.estimators import CIRCULAR

COMMON = frozenset({"epochs", "beta", "estimator", "hidden", "rate"})
LEARNING = "update init perturbation directions"
COST = "device weight_memory"
IMPERFECT = "mismatch asymmetry weight_bits bias_mismatch device_seed"
ONLY_JAX = ("convolutional",)
LAYERED = f"{COST} {IMPERFECT} points activation rule angle homeostasis state_noise no_augment"
LEARNT_BY = ("epochs", "beta", "estimator", *LEARNING.split())
"""Options that are fields of EqpropConfig under the same name."""


@dataclass(frozen=True, slots=True)
class Kind:
    """place : "module:function"; takes : options beside COMMON that mean something for it"""

    place: str
    takes: frozenset[str]


def _kind(place: str, takes: str) -> Kind:
    return Kind(place, frozenset(takes.split()))


NETWORKS: Mapping[str, Kind] = MappingProxyType(
    {
        "hopfield": _kind(
            "thermo.cli.train.hopfield:train",
            f"{LEARNING} {COST} {IMPERFECT} rule angle homeostasis persistent no_augment "
            "state_noise read_noise read_bits flipped replicas replica_coupling diagnose",
        ),
        "oscillator": _kind(
            "thermo.cli.train.oscillator:train",
            f"{IMPERFECT} no_augment state_noise read_noise read_bits flipped",
        ),
        "hopfield --backend jax": _kind("thermo.cli.train.conv:train_dense", f"{LAYERED} diagnose"),
        "convolutional": _kind("thermo.cli.train.conv:train_convolutional", f"{LAYERED} channels diagnose"),
        "resistive": _kind(
            "thermo.cli.train.resistive:train", f"{LEARNING} {COST} {IMPERFECT} gain persistent"
        ),
    }
)


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

    def settings(self, *names: str) -> dict[str, Any]:
        """Those of these options that were given."""
        return {name: self.given[name] for name in names if name in self.given}

    @property
    def imperfections(self) -> Imperfections:
        """Of the couplings and biases that are asked for."""
        named = {"mismatch": "mismatch", "asymmetry": "asymmetry", "bits": "weight_bits"}
        named["bias_mismatch"] = "bias_mismatch"
        return Imperfections(**{name: self.given[o] for name, o in named.items() if o in self.given})

    def trained_on(self) -> EqpropDevice | None:
        """The device that is asked for; None: a perfect one."""
        names = ("state_noise", "read_noise", "read_bits", "flipped", "replicas", "replica_coupling")
        seed = self.given.get("device_seed", 0)
        device = EqpropDevice(self.imperfections, seed=seed, **self.settings(*names))
        return None if device == EqpropDevice(seed=seed) else device

    @property
    def kept(self) -> Path:
        """The checkpoint."""
        return self.checkpoint or self.out.with_name(self.out.name + ".checkpoint")

    def tell_resuming(self) -> None:
        if self.kept.exists():
            notes.print(f"resuming from {self.kept}", markup=False)

    def done(self) -> None:
        """Drop a checkpoint nobody asked for; not before the model is there."""
        if self.checkpoint is None:
            self.kept.unlink(missing_ok=True)


def kind_of(network: str, backend: str) -> str:
    """The entry of NETWORKS for --network and --backend; EqpropError for an unknown backend."""
    if backend not in ENGINES:
        raise EqpropError(f"--backend must be {' or '.join(ENGINES)}, got {backend!r}")
    by_jax = f"{network} --backend jax"
    if backend == "jax" and network in NETWORKS and by_jax not in NETWORKS:
        if network in ONLY_JAX:
            return network
        raise EqpropError(f"--network {network} has no JAX backend: leave --backend out")
    return by_jax if backend == "jax" and by_jax in NETWORKS else network


def trainer_of(network: str, given: Mapping[str, Any]) -> Callable[[Request], None]:
    """The function that trains this kind; EqpropError for an unknown one, or for an option that
    means nothing for it.
    """
    if network not in NETWORKS:
        raise EqpropError(f"--network must be {' or '.join(NETWORKS)}, got {network!r}")
    if network == "hopfield" and given.get("estimator") in CIRCULAR:
        raise EqpropError(f"--estimator {given['estimator']} needs --backend jax: add it")
    kind = NETWORKS[network]
    for name in given:
        if name not in COMMON | kind.takes:
            others = [n for n, k in NETWORKS.items() if name in k.takes]
            raise EqpropError(
                f"--{name.replace('_', '-')} needs --network {' or '.join(others)}: leave it out"
            )
    module, function = kind.place.split(":")
    return getattr(import_module(module), function)


def hardware(request: Request) -> tuple[RCDevice, WeightMemory]:
    """The presets that the training is priced on; HardwareError lists them for an unknown name."""
    return (
        DEVICES.get(request.given.get("device", "rc-1fF")),
        WEIGHT_MEMORIES.get(request.given.get("weight_memory", "sram-8bit")),
    )


def accuracy_row(accuracy: float, n: int) -> tuple[str, str]:
    """A table's line of test accuracy with its standard error."""
    sem = np.sqrt(accuracy * (1 - accuracy) / n)
    return f"test accuracy, {n:,} samples", f"{100 * accuracy:.2f} ± {100 * sem:.2f} %"


def finish(
    request: Request, trained: Any, accuracy: float, tables: Sequence[Table], more: Mapping[str, Any]
) -> None:
    """Write the result. trained : has history, score, best_epoch, seconds and config"""
    request.done()
    emit(
        {
            "model": request.out,
            "data": request.dataset.name,
            "split": "test",
            "accuracy": accuracy,
            "runs": 1,
            "n_samples": request.dataset.x_test.shape[0],
            "valid_accuracy": trained.score,
            "best_epoch": trained.best_epoch,
            "seconds": trained.seconds,
            "last_epoch": asdict(trained.history[-1]),
            **more,
            "config": asdict(trained.config),
            "manifest": manifest(seed=request.seed),
        },
        request.as_json,
        "\n\n".join(text_table(t) for t in tables)
        + f"\n\nwrote {request.out}; next: thermoc compile {request.out} -o net.tnl",
    )
