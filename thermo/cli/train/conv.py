"""thermoc train eqprop with JAX: --network convolutional, and --backend jax for dense layers."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from compiler.families.conv_hopfield import ConvHopfieldNetwork, lower_conv_hopfield
from compiler.families.hopfield import lower_hopfield
from compiler.families.store import save_model
from thermo.cli.console import BarProgress, manifest
from thermo.cli.train.eqprop_diagnosis import check_diagnosable, diagnosed, diagnosis_table
from thermo.cli.train.eqprop_networks import Request, accuracy_row, finish, hardware
from thermo.energy.eqprop_effort import energy_of
from thermo.energy.training import training_keys
from thermo.gradients.errors import EqpropError
from thermo.report.page import Table
from thermo.report.training_energy import energy_table
from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.conv_presets import conv_preset, dense_preset
from thermo.training.eqprop.jax_layers import SIGMAS
from thermo.training.eqprop.jax_train import TrainedLayers, layers_accuracy, layout_of
from thermo.training.eqprop.train import train_eqprop


def train_convolutional(request: Request) -> None:
    """Train convolutions and dense layers, write the model, say how it went."""
    config = conv_preset(request.dataset, request.given.get("channels"), request.given.get("hidden"))
    _train(request, config, "trained convolutional network")


def train_dense(request: Request) -> None:
    """Train dense layers with JAX, write the model, say how it went."""
    _train(request, dense_preset(request.dataset, request.given.get("hidden")), "trained network")


def settings(request: Request, config: EqpropConfig) -> EqpropConfig:
    """The preset with what was asked for."""
    changes: dict[str, Any] = request.settings(
        "epochs", "beta", "estimator", "points", "activation", "angle", "homeostasis", "rule"
    )
    complex_nudges = changes.get("estimator") in ("holomorphic", "generalised-cauchy")
    if complex_nudges:
        changes.setdefault("points", 4)
        if changes["points"] > 2 and not SIGMAS[config.activation].holomorphic:
            changes.setdefault("activation", "shifted-sigmoid")
    if "rate" in request.given:
        changes["rates"] = tuple(request.given["rate"])
    if "no_augment" in request.given:
        changes["augmentation"] = Augmentation()
    return replace(config, seed=request.seed, device=request.trained_on(), **changes)


def _train(request: Request, preset: EqpropConfig, title: str) -> None:
    if request.threads is not None:
        raise EqpropError(
            f"--threads {request.threads}: JAX uses the cores that the process may use; leave it "
            "out, and limit the process (taskset) instead"
        )
    config, dataset, parts = settings(request, preset), request.dataset, hardware(request)
    if "diagnose" in request.given:
        check_diagnosable(layout_of(dataset, config).sizes)
    request.tell_resuming()
    trained = train_eqprop(dataset, config, progress=BarProgress(), checkpoint=request.kept)
    accuracy = layers_accuracy(trained, dataset)
    facts = {"validation": trained.score, "test": accuracy, "training_seconds": trained.seconds}
    meta = {**trained.model.meta, **facts, "manifest": manifest(seed=request.seed)}
    save_model(replace(trained.model, meta=meta), request.out)
    scale, network, found = SIGMAS[config.activation].scale, trained.model, None
    if "diagnose" in request.given:
        found = diagnosed(
            network, dataset, request.out, config.estimator, config.beta, points=config.points, scale=scale
        )
    netlist = (
        lower_conv_hopfield(network) if isinstance(network, ConvHopfieldNetwork) else lower_hopfield(network)
    )
    energy = energy_of(trained, dataset, netlist, *parts, scale=scale)
    tables = [
        Table((title, ""), _rows(trained, accuracy, dataset.x_test.shape[0]), (1,)),
        energy_table(energy),
    ]
    if found is not None:
        tables.append(diagnosis_table(found))
    finish(
        request,
        trained,
        accuracy,
        tables,
        {
            "network": _counts(trained),
            "effort": energy.effort.to_dict(),
            **training_keys(energy),
            "diagnosis": None if found is None else asdict(found),
        },
    )


def _counts(trained: TrainedLayers) -> dict[str, Any]:
    """Sizes of the network, and parameters against the couplings that share them."""
    network = trained.model
    facts: dict[str, Any] = {"sizes": list(network.sizes)}
    if isinstance(network, ConvHopfieldNetwork):
        netlist = lower_conv_hopfield(network)
        facts |= {
            "shapes": [list(s) for s in network.shapes],
            "parameters": network.n_parameters,
            "couplings": netlist.n_couplings,
        }
    return facts


def _rows(trained: TrainedLayers, accuracy: float, n: int) -> tuple[tuple[str, str], ...]:
    config, last, facts = trained.config, trained.history[-1], _counts(trained)
    sizes = ["x".join(str(k) for k in s) for s in facts.get("shapes", [])]
    sizes += [str(k) for k in facts["sizes"][len(sizes) :]]
    rows = [("units", " - ".join(sizes))]
    if "couplings" in facts:
        rows.append(("couplings, parameters", f"{facts['couplings']:,} share {facts['parameters']:,}"))
    rows += [
        ("activation", config.activation),
        ("estimator", f"{config.estimator}, |β| = {config.beta:g}" + _points(config)),
        ("validation accuracy, chosen on", f"{100 * trained.score:.2f} %"),
        accuracy_row(accuracy, n),
        ("sweeps, free and nudged", f"{last.sweeps_free:.1f} and {last.sweeps_nudged:.1f}"),
        (
            "left in the last sweep, free and nudged",
            f"{last.residual_free:.1e} and {last.residual_nudged:.1e}",
        ),
        ("training time", f"{trained.seconds:.0f} s"),
    ]
    if config.rule == "field":
        rows.append(("angle between forward and backward", f"{last.angle:.1f}°"))
    if config.augmentation.active:
        rows.append(("images", "warped anew in every epoch"))
    return tuple(rows)


def _points(config: EqpropConfig) -> str:
    circular = config.estimator in ("holomorphic", "generalised-cauchy")
    return f", {config.points} points" if circular else ""
