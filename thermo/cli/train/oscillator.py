"""thermoc train eqprop --network oscillator."""

from __future__ import annotations

from dataclasses import asdict, replace

from compiler.families.store import save_model
from thermo.cli.console import BarProgress, manifest
from thermo.cli.train.eqprop_networks import Request, accuracy_row, finish
from thermo.energy.eqprop_effort import effort_of
from thermo.report.page import Table
from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.oscillator import oscillator_accuracy, train_oscillator
from thermo.training.eqprop.oscillator_presets import oscillator_preset


def train(request: Request) -> None:
    """Train an oscillator network, write the model, say how it went."""
    dataset = request.dataset
    config, kind = oscillator_preset(dataset, request.given.get("hidden"))
    changes = request.settings("epochs", "beta", "estimator")
    if "rate" in request.given:
        changes["rates"] = tuple(request.given["rate"])
    if "no_augment" in request.given:
        changes["augmentation"] = Augmentation()
    config = replace(config, device=request.trained_on(), seed=request.seed, **changes)
    request.tell_resuming()
    trained = train_oscillator(
        dataset, config, kind, progress=BarProgress(), checkpoint=request.kept, threads=request.threads
    )
    accuracy = oscillator_accuracy(
        trained.model, dataset, device=config.device, seed=config.seed, threads=request.threads
    )
    facts = {"validation": trained.score, "test": accuracy, "training_seconds": trained.seconds}
    network = trained.model
    meta = {**network.meta, **facts, "manifest": manifest(seed=request.seed)}
    save_model(replace(network, meta=meta), request.out)
    last, effort = trained.history[-1], effort_of(trained, dataset)
    rows = [
        ("oscillators", "-".join(str(k) for k in network.sizes)),
        ("validation accuracy, chosen on", f"{100 * trained.score:.2f} %"),
        accuracy_row(accuracy, dataset.x_test.shape[0]),
        ("sweeps, free and nudged", f"{last.sweeps_free:.1f} and {last.sweeps_nudged:.1f}"),
        (
            "largest move of a spin in the last sweep",
            f"{last.residual_free:.1e} and {last.residual_nudged:.1e}",
        ),
        ("netlist: step, time to rest", f"{network.dt:g}, {network.relax_time:.0f}"),
        ("relaxations, nudged ones among them", f"{effort.relaxations:.3g}, {effort.nudged:.3g}"),
        ("weight writes", f"{effort.writes:.3g}"),
        ("joules", "none: no device preset has phase oscillators"),
        ("training time", f"{trained.seconds:.0f} s"),
    ]
    if config.device is not None:
        rows.append(("accuracies", "on the device, as it reads phases"))
    if config.augmentation.active:
        rows.append(("images", "warped anew in every epoch"))
    table = Table(("trained oscillator network", ""), tuple(rows), (1,))
    finish(request, trained, accuracy, [table], {"oscillators": asdict(kind), "effort": effort.to_dict()})
