"""thermoc train ebm: models that generate, trained on samplers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from compiler.families.denoising_chain import DenoisingChain
from compiler.families.ising import IsingModel
from compiler.families.rbm import RBM
from compiler.families.store import save_model
from compiler.files import check_writable, replacing
from hw_models.imperfect import Imperfections
from hw_models.pbits import PBITS
from thermo.cli.console import BarProgress, emit, manifest, notes
from thermo.cli.options import (
    AsJson,
    Asymmetry,
    BiasMismatch,
    Bits,
    Checkpoint,
    DataDir,
    Mismatch,
    Seed,
    Threads,
)
from thermo.data import Dataset, load_dataset
from thermo.energy.samples import SampleEnergy, sample_energy
from thermo.report.figures import sample_grid, save_png
from thermo.report.page import Table
from thermo.report.text import si, text_table
from thermo.simulate.threads import check_threads
from thermo.training.ebm.bits import static_bits
from thermo.training.ebm.boltzmann import BoltzmannEpoch, train_boltzmann, train_denoising
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.evaluate import Likelihood, base_rate_log_likelihood, log_likelihood
from thermo.training.ebm.presets import boltzmann_preset, rbm_preset
from thermo.training.ebm.rbm import TrainedRbm, train_rbm
from thermo.training.ebm.samples import Samples, draw_samples, moment_errors
from thermo.training.loop import Trained
from thermo.training.tiles import Tiles

MODELS = ("rbm", "grid", "dtm")
SHOWN = 100  # images in the picture
TESTED = 10_000  # rows of the test split that the likelihood is measured on


@dataclass(frozen=True, slots=True)
class _Trained:
    model: RBM | IsingModel | DenoisingChain
    config: Any
    seconds: float
    facts: dict[str, Any]
    rows: tuple[tuple[str, str], ...]


def ebm(
    out: Annotated[Path, typer.Option("-o", "--out", help="Model to write (.safetensors).")],
    data: Annotated[str, typer.Option("--data", help="Data set; see `thermoc data`.")] = "digits",
    data_dir: DataDir = None,
    model: Annotated[
        str, typer.Option("--model", help="rbm, grid (Boltzmann machine), or dtm (denoising chain).")
    ] = "rbm",
    method: Annotated[
        str | None, typer.Option("--method", help="Of rbm and grid: pcd, cd or tempered.")
    ] = None,
    hidden: Annotated[int | None, typer.Option("--hidden", min=1, help="Hidden units of an rbm.")] = None,
    k: Annotated[int | None, typer.Option("-k", "--sweeps", min=1, help="Sweeps between updates.")] = None,
    chains: Annotated[
        int | None, typer.Option("--chains", min=1, help="Persistent chains (none: a batch).")
    ] = None,
    temperatures: Annotated[
        int | None, typer.Option("--temperatures", min=2, help="Of tempered chains.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", help="Bits are data >= this; none: drawn with the datum's probability."),
    ] = None,
    grid: Annotated[
        str | None, typer.Option("--grid", help="Wiring of grid and dtm: square, g8, g12, g16.")
    ] = None,
    side: Annotated[
        int | None, typer.Option("--side", min=2, help="Cells along an edge of the grid.")
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Models in a dtm's chain.")] = None,
    noise: Annotated[
        float | None, typer.Option("--noise", help="Of a dtm: bits keep exp(-noise) of themselves in all.")
    ] = None,
    penalty: Annotated[
        bool, typer.Option("--penalty/--no-penalty", help="Correlation penalty of a dtm.")
    ] = True,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1)] = None,
    batch: Annotated[int | None, typer.Option("--batch", min=1)] = None,
    batches: Annotated[
        int | None, typer.Option("--batches", min=1, help="Of an epoch; grid and dtm only.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate")] = None,
    mismatch: Mismatch = 0.0,
    asymmetry: Asymmetry = 0.0,
    bits: Bits = None,
    bias_mismatch: BiasMismatch = 0.0,
    device_seed: Annotated[
        int | None, typer.Option("--device-seed", min=0, help="Which device is drawn (none: the seed's).")
    ] = None,
    ais_chains: Annotated[
        int, typer.Option("--ais-chains", min=2, help="Chains of the reported likelihood.")
    ] = 256,
    ais_steps: Annotated[
        int, typer.Option("--ais-steps", min=1, help="Temperatures of the reported likelihood.")
    ] = 14_500,
    device: Annotated[
        str, typer.Option("--device", help="Array of p-bits; `thermoc presets` lists them.")
    ] = "pbit-cmos",
    sample_sweeps: Annotated[
        int | None, typer.Option("--sample-sweeps", min=1, help="From a start to a sample.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Write samples beside data here (.png).")
    ] = None,
    checkpoint: Checkpoint = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Train an energy-based model on bits of a data set; defaults suit the data set.

    An rbm's epoch is chosen by its likelihood on the validation split; the test split's is measured
    once, by annealed importance sampling, on one fixed draw of its bits. With --mismatch,
    --asymmetry, --bits or --bias-mismatch training and sampling happen on one such device, that of
    --device-seed or else of the seed; likelihoods are then of its programmed weights on an ideal one.
    Energies are for one sample on an array of p-bits.

    Example: thermoc train ebm --data digits -o digits-rbm.safetensors --picture samples.png

    Example: thermoc train ebm --data mnist --model dtm --steps 4 -o mnist-dtm.safetensors
    """
    check_writable(out)
    if picture is not None:
        check_writable(picture)
    check_threads(threads)
    if model not in MODELS:
        raise EbmError(f"--model must be one of {', '.join(MODELS)}, got {model!r}")
    array = PBITS.get(device)
    dataset = load_dataset(data, data_dir)
    _check_picture(picture, dataset)
    imperfect = Imperfections(mismatch, asymmetry, bits, bias_mismatch)
    common = {
        "epochs": epochs,
        "batch": batch,
        "learning_rate": learning_rate,
        "threshold": threshold,
        "chains": chains,
        "temperatures": temperatures,
        "method": method,
        "seed": seed,
        "non_ideal": None if imperfect.ideal else imperfect,
        "device_seed": device_seed,
    }
    graph = {"rule": grid, "side": side, "sweeps": k, "batches": batches}
    chain = {"steps": steps, "noise": noise}
    _refuse(model, {"hidden": hidden}, ("rbm",))
    _refuse(model, {"grid": grid, "side": side, "batches": batches}, ("grid", "dtm"))
    _refuse(model, chain, ("dtm",))
    single = {"method": method, "temperatures": temperatures, "chains": chains}
    _refuse(model, single, ("rbm", "grid"))
    kept = checkpoint or out.with_name(out.name + ".checkpoint")
    if kept.exists():
        notes.print(f"resuming from {kept}", markup=False)
    run: dict[str, Any] = {"progress": BarProgress(), "checkpoint": kept, "threads": threads}
    if model == "rbm":
        trained = _rbm(
            train_rbm(dataset, rbm_preset(dataset, n_hidden=hidden, k=k, **common), **run),
            dataset,
            ais_chains,
            ais_steps,
            threads,
        )
    elif model == "grid":
        config = boltzmann_preset(dataset, chain=False, **graph, **common)
        trained = _graph(train_boltzmann(dataset, config, **run))
    else:
        config = boltzmann_preset(
            dataset, chain=True, **graph, **chain, **common, penalty=None if penalty else 0.0
        )
        trained = _graph(train_denoising(dataset, config, **run))
    made = manifest(seed=seed)
    facts = {"data": dataset.name, "training_seconds": trained.seconds, **trained.facts}
    kept_facts = {k: v for k, v in facts.items() if k != "history"}
    written = replace(trained.model, meta={**trained.model.meta, **kept_facts, "manifest": made})
    save_model(written, out)
    if checkpoint is None:
        kept.unlink(missing_ok=True)  # not before the model is there
    samples = draw_samples(
        written,
        1000,
        sweeps=sample_sweeps,
        seed=seed,
        threads=threads,
        device=trained.config.non_ideal,
        device_seed=trained.config.on_device,
    )
    split_bits = static_bits(dataset.x_valid, "valid", trained.config.threshold)
    apart = moment_errors(samples.bits, split_bits)
    cost = sample_energy(written, array, sweeps=samples.sweeps, activity=samples.activity)
    if picture is not None:
        _draw(picture, dataset, samples, split_bits)
    emit(
        {
            "model": out,
            "family": model,
            "data": dataset.name,
            **trained.facts,
            "seconds": trained.seconds,
            "samples": {"sweeps": samples.sweeps, "activity": samples.activity, "moments": apart},
            "per_sample": cost.describe(),
            "energy_J": cost.energy.describe(),
            "latency_s": cost.seconds,
            "picture": picture,
            "config": asdict(trained.config),
            "manifest": made,
        },
        as_json,
        _text(model, trained, samples, apart, cost)
        + f"\n\nwrote {out}; next: thermoc compile {out} -o net.tnl",
    )


def _refuse(model: str, given: dict[str, Any], families: tuple[str, ...]) -> None:
    """EbmError for an option that the chosen family does not have."""
    for name, value in given.items():
        if value is not None and model not in families:
            raise EbmError(
                f"--{name} belongs to --model {' or '.join(families)}, got --model {model}; leave it out"
            )


def _check_picture(picture: Path | None, dataset: Dataset) -> None:
    if picture is not None and len(dataset.image_shape) != 2:
        raise EbmError(
            f"--picture needs grey images, data set {dataset.name} has rows of shape "
            f"{dataset.image_shape or (dataset.n_features,)}; leave it out"
        )


def _likelihood(found: Likelihood, chains: int) -> dict[str, Any]:
    return {
        "log_likelihood": found.mean,
        "log_z_error": found.error,
        "rows_error": found.spread,
        "n_samples": found.n,
        "ais": None if found.ais is None else found.ais.describe(),
    }


def _rbm(result: TrainedRbm, dataset: Dataset, chains: int, steps: int, threads: int | None) -> _Trained:
    config = result.config
    bits = static_bits(dataset.x_test[:TESTED], "test", config.threshold)
    with Tiles(threads) as tiles:
        found = log_likelihood(
            result.model,
            bits,
            base=result.base,
            tiles=tiles,
            seed=config.seed + 1,
            chains=chains,
            steps=steps,
            progress=BarProgress(),
        )
    rates = base_rate_log_likelihood(bits, result.base)
    last = result.history[-1]
    facts = {
        "split": "test",
        **_likelihood(found, chains),
        "valid_log_likelihood": result.score,
        "valid_error": result.error,
        "base_rate_log_likelihood": rates,
        "best_epoch": result.best_epoch,
        "reconstruction_error": last.reconstruction,
        "binarisation": "stochastic" if config.threshold is None else f">= {config.threshold:g}",
        "history": [asdict(record) for record in result.history],
    }
    m = result.model
    how = "exact" if found.ais is None else f"AIS, {chains} chains, {steps:,} steps"
    rows = (
        ("units", f"{m.n_visible} visible, {m.n_hidden} hidden"),
        ("method", f"{config.method}-{config.k}, {config.epochs} epochs"),
        ("bits of data", facts["binarisation"]),
        (f"test log-likelihood, nats ({how})", f"{found.mean:.2f} ± {found.error:.2g}"),
        ("  spread over rows, standard error", f"{found.spread:.2f}"),
        ("validation, chosen on (short AIS)", f"{result.score:.2f} ± {result.error:.2f}"),
        ("independent units with the data's means", f"{rates:.2f}"),
        ("reconstruction error, validation", f"{last.reconstruction:.4f}"),
    )
    return _Trained(m, config, result.seconds, facts, rows)


def _graph(result: Trained[Any, BoltzmannEpoch]) -> _Trained:
    config, last, model = result.config, result.history[-1], result.model
    facts: dict[str, Any] = {
        "autocorrelation": last.autocorrelation,
        "gradient": last.gradient,
        "penalty": last.penalty,
        "binarisation": "stochastic" if config.threshold is None else f">= {config.threshold:g}",
        "history": [asdict(record) for record in result.history],
    }
    nv = model.n_visible
    models = model.n_steps if isinstance(model, DenoisingChain) else 1
    rows: tuple[tuple[str, str], ...] = (
        ("grid", f"{config.rule}, {config.side} x {config.side}, {model.row.size:,} couplings"),
        ("spins", f"{nv} visible, {model.n - nv} hidden"),
        ("models", f"{models}"),
        ("bits of data", facts["binarisation"]),
        (
            f"autocorrelation at lag {config.sweeps}, a model",
            ", ".join(f"{a:.3f}" for a in last.autocorrelation),
        ),
    )
    if isinstance(model, DenoisingChain):
        rows += (("noise couplings w", ", ".join(f"{w:.2f}" for w in model.couplings)),)
        rows += (("correlation penalty", ", ".join(f"{p:.2g}" for p in last.penalty)),)
    else:
        rows += (("method", f"{config.method}-{config.sweeps}, {config.epochs} epochs"),)
    return _Trained(model, config, result.seconds, facts, rows)


def _text(
    model: str, trained: _Trained, samples: Samples, apart: dict[str, float], cost: SampleEnergy
) -> str:
    energy = cost.energy.describe()
    rows = (
        *trained.rows,
        ("training time", f"{trained.seconds:.0f} s"),
        ("sweeps to a sample" + (", each model" if model == "dtm" else ""), f"{samples.sweeps:,}"),
        ("means off validation (by chance)", f"{apart['mean']:.4f} ({apart['mean_floor']:.4f})"),
        (
            "covariances off validation (by chance)",
            f"{apart['covariance']:.4f} ({apart['covariance_floor']:.4f})",
        ),
        ("updates that flip, share", f"{samples.activity:.3f}"),
        (f"energy per sample on {cost.device}", si(energy["total"], "J")),
        *((f"  {name}", si(energy[name], "J")) for name in energy if name != "total"),
        ("time per sample there", si(cost.seconds, "s")),
    )
    return text_table(Table(("trained model", ""), rows, (1,)))


def _draw(picture: Path, dataset: Dataset, samples: Samples, bits: np.ndarray) -> None:
    groups = [("validation data", bits[:SHOWN]), ("samples", samples.shown[:SHOWN])]
    with replacing(picture) as temporary:
        save_png(sample_grid(groups, dataset.image_shape), str(temporary))
