"""thermoc train eqprop --network resistive."""

from __future__ import annotations

from dataclasses import replace

from compiler.families.resistive import lower_resistive
from compiler.families.store import save_model
from thermo.cli.console import BarProgress, manifest
from thermo.cli.train.eqprop_networks import LEARNT_BY, Request, accuracy_row, finish, hardware
from thermo.energy.eqprop_effort import resistive_energy_of
from thermo.energy.training import training_keys
from thermo.report.page import Table
from thermo.report.training_energy import energy_table
from thermo.training.eqprop.presets import resistive_preset
from thermo.training.eqprop.resistive import resistive_accuracy, train_resistive


def train(request: Request) -> None:
    """Train conductances and diodes, write the model, say how it went."""
    dataset = request.dataset
    config, usual = resistive_preset(
        dataset,
        request.given.get("hidden"),
        update=request.given.get("update"),
        estimator=request.given.get("estimator"),
    )
    changes = request.settings(*LEARNT_BY, "persistent")
    if "rate" in request.given:
        changes["rates"] = tuple(request.given["rate"])
    config = replace(config, seed=request.seed, device=request.trained_on(), **changes)
    parts = hardware(request)
    request.tell_resuming()
    trained = train_resistive(
        dataset,
        config,
        gain=request.given.get("gain", usual),
        progress=BarProgress(),
        checkpoint=request.kept,
        threads=request.threads,
    )
    accuracy = resistive_accuracy(trained.model, dataset, threads=request.threads, device=config.device)
    facts = {"validation": trained.score, "test": accuracy, "training_seconds": trained.seconds}
    meta = {**trained.model.meta, **facts, "manifest": manifest(seed=request.seed)}
    save_model(replace(trained.model, meta=meta), request.out)
    last, sizes = trained.history[-1], trained.model.sizes
    rows = (
        ("nodes", "-".join([f"2·{sizes[0]}", *(str(k) for k in sizes[1:])])),
        ("validation accuracy, chosen on", f"{100 * trained.score:.2f} %"),
        accuracy_row(accuracy, dataset.x_test.shape[0]),
        ("sweeps, free and nudged", f"{last.sweeps_free:.1f} and {last.sweeps_nudged:.1f}"),
        ("left in the last sweep, V", f"{last.residual_free:.1e} and {last.residual_nudged:.1e}"),
        ("training time", f"{trained.seconds:.0f} s"),
    )
    table = Table(("trained resistive network", ""), rows, (1,))
    energy = resistive_energy_of(trained, dataset, lower_resistive(trained.model), *parts)
    finish(
        request,
        trained,
        accuracy,
        [table, energy_table(energy)],
        {"gain": trained.model.gain, "effort": energy.effort.to_dict(), **training_keys(energy)},
    )
