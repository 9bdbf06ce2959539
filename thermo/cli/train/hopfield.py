"""thermoc train eqprop --network hopfield."""

from __future__ import annotations

from dataclasses import asdict, replace

from compiler.families.hopfield import lower_hopfield
from compiler.families.store import save_model
from thermo.cli.console import BarProgress, manifest
from thermo.cli.train.eqprop_diagnosis import diagnosed, diagnosis_table
from thermo.cli.train.eqprop_networks import LEARNT_BY, Request, accuracy_row, finish, hardware
from thermo.data import Dataset
from thermo.energy.eqprop_effort import energy_of
from thermo.energy.training import training_keys
from thermo.report.page import Table
from thermo.report.training_energy import energy_table
from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.deploy import deployed_accuracy
from thermo.training.eqprop.presets import eqprop_preset
from thermo.training.eqprop.result import TrainedHopfield
from thermo.training.eqprop.train import train_eqprop


def settings(request: Request) -> EqpropConfig:
    """The data set's preset with what was asked for."""
    changes = request.settings(*LEARNT_BY, "rule", "angle", "homeostasis", "persistent")
    if "rate" in request.given:
        changes["rates"] = tuple(request.given["rate"])
    if "no_augment" in request.given:
        changes["augmentation"] = Augmentation()
    return replace(
        eqprop_preset(
            request.dataset,
            request.given.get("hidden"),
            update=request.given.get("update"),
            estimator=request.given.get("estimator"),
        ),
        device=request.trained_on(),
        seed=request.seed,
        **changes,
    )


def train(request: Request) -> None:
    """Train layers of hard-sigmoid units, write the model, say how it went."""
    dataset = request.dataset
    config = settings(request)
    parts = hardware(request)
    request.tell_resuming()
    trained = train_eqprop(
        dataset, config, progress=BarProgress(), checkpoint=request.kept, threads=request.threads
    )
    accuracy = deployed_accuracy(
        trained.acting, dataset, config.device, seed=config.seed, threads=request.threads
    )
    facts = {"validation": trained.score, "test": accuracy, "training_seconds": trained.seconds}
    model = replace(
        trained.model, meta={**trained.model.meta, **facts, "manifest": manifest(seed=request.seed)}
    )
    save_model(model, request.out)
    found = None
    if "diagnose" in request.given:
        found = diagnosed(trained.model, dataset, request.out, config.estimator, config.beta)
    energy = energy_of(trained, dataset, lower_hopfield(trained.model), *parts, threads=request.threads)
    tables = [Table(("trained network", ""), _rows(trained, dataset, accuracy), (1,)), energy_table(energy)]
    if found is not None:
        tables.append(diagnosis_table(found))
    finish(
        request,
        trained,
        accuracy,
        tables,
        {
            "effort": energy.effort.to_dict(),
            **training_keys(energy),
            "diagnosis": None if found is None else asdict(found),
        },
    )


def _rows(trained: TrainedHopfield, dataset: Dataset, accuracy: float) -> tuple[tuple[str, str], ...]:
    config, last = trained.config, trained.history[-1]
    rows = [
        ("units", "-".join(str(k) for k in trained.model.sizes)),
        ("validation accuracy, chosen on", f"{100 * trained.score:.2f} %"),
        accuracy_row(accuracy, dataset.x_test.shape[0]),
        ("sweeps, free and nudged", f"{last.sweeps_free:.1f} and {last.sweeps_nudged:.1f}"),
        (
            "left in the last sweep, free and nudged",
            f"{last.residual_free:.1e} and {last.residual_nudged:.1e}",
        ),
        ("training time", f"{trained.seconds:.0f} s"),
    ]
    if config.rule == "field":
        rows.insert(3, ("angle between forward and backward", f"{last.angle:.1f}°"))
    if config.augmentation.active:
        rows.append(("images", "warped anew in every epoch"))
    return tuple(rows)
