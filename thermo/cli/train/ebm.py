"""thermoc train ebm: models that generate, trained on samplers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compiler.api import compile
from compiler.families.denoising_chain import DenoisingChain
from compiler.families.ising import IsingModel
from compiler.families.rbm import RBM
from compiler.files import check_writable, replacing
from hw_models.imperfect import Imperfections, on_device
from hw_models.presets import pbits_of
from thermo.cli.console import BarProgress, emit, manifest, notes
from thermo.cli.datasets import told_dataset
from thermo.cli.flags import AS_JSON, CHECKPOINT, DATA_DIR, LOG, SEED, THREADS, Given, with_flags
from thermo.cli.logged import progress_of
from thermo.cli.train.saving import checkpoint_of, save_trained
from thermo.data import Dataset
from thermo.energy.samples import SampleEnergy, spin_energy
from thermo.options import Option
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
from thermo.training.regimes import AT, CLEAN, IN_PLACE, REGIME, REGIMES
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


OPTIONS = (
    Option("out", "--out", Path, ..., "Model to write (.safetensors).", short="-o"),
    Option("data", "--data", str, "digits", "Data set; see `thermoc data`."),
    DATA_DIR,
    Option("model", "--model", str, "rbm", "rbm, grid (Boltzmann machine), or dtm (denoising chain)."),
    Option("method", "--method", str, None, "Of rbm and grid: pcd, cd or tempered."),
    Option("hidden", "--hidden", int, None, "Hidden units of an rbm.", min=1),
    Option("sweeps", "--sweeps", int, None, "Sweeps between updates.", min=1, short="-k"),
    Option("chains", "--chains", int, None, "Persistent chains (none: a batch).", min=1),
    Option("temperatures", "--temperatures", int, None, "Of tempered chains.", min=2),
    Option(
        "threshold",
        "--threshold",
        float,
        None,
        "Bits are data >= this; none: drawn with the datum's probability.",
    ),
    Option("grid", "--grid", str, None, "Wiring of grid and dtm: square, g8, g12, g16, layers."),
    Option("side", "--side", int, None, "Cells along an edge of the grid.", min=2),
    Option("steps", "--steps", int, None, "Models in a dtm's chain.", min=1),
    Option("noise", "--noise", float, None, "Of a dtm: bits keep exp(-noise) of themselves in all."),
    Option("ramp", "--ramp", float, None, "Of a dtm: noise of the last step over that of the first."),
    Option("penalty", "--penalty/--no-penalty", bool, True, "Correlation penalty of a dtm."),
    Option(
        "centred",
        "--centred/--no-centred",
        bool,
        None,
        "Of grid and dtm: steps for spins less their means (none: where the grid is of layers).",
    ),
    Option("epochs", "--epochs", int, None, "", min=1),
    Option("batch", "--batch", int, None, "", min=1),
    Option("batches", "--batches", int, None, "Of an epoch; grid and dtm only.", min=1),
    Option("learning_rate", "--learning-rate", float, None, ""),
    Option("mismatch", "--mismatch", float, 0.0, "Relative spread of every directed coupling."),
    Option("asymmetry", "--asymmetry", float, 0.0, "Relative spread of W_ij against W_ji."),
    Option("bits", "--bits", int, None, "Resolution of the couplings (none: exact)."),
    Option("bias_mismatch", "--bias-mismatch", float, 0.0, "Relative spread of every bias."),
    Option("device_seed", "--device-seed", int, None, "Which device is drawn (none: the seed's).", min=0),
    REGIME,
    Option("ais_chains", "--ais-chains", int, 256, "Chains of the reported likelihood.", min=2),
    Option("ais_steps", "--ais-steps", int, 14500, "Temperatures of the reported likelihood.", min=1),
    Option(
        "device",
        "--device",
        str,
        "pbit-cmos",
        "Array of p-bits, `thermoc presets` lists them, or a file.toml.",
    ),
    AT,
    Option(
        "sample_sweeps",
        "--sample-sweeps",
        int,
        None,
        "From a start to a sample, and of the netlist that is priced (none: its own).",
        min=1,
    ),
    Option("picture", "--picture", Path, None, "Write samples beside data here (.png)."),
    CHECKPOINT,
    LOG,
    SEED,
    THREADS,
    AS_JSON,
)


@with_flags(*OPTIONS)
def ebm(given: Given) -> None:
    """Train an energy-based model on bits of a data set; defaults suit the data set.

    An rbm's epoch is chosen by its likelihood on the validation split; the test split's is measured
    once, by annealed importance sampling, on one fixed draw of its bits. With --mismatch,
    --asymmetry, --bits or --bias-mismatch training and sampling happen on one such device, that of
    --device-seed or else of the seed (--regime aware: on another device every batch; clean: on a perfect
    one, sampled on that device); likelihoods are then of its programmed weights on an ideal one.
    Energies are those of `thermoc estimate` for the compiled netlist: one sample on an array of p-bits.

    Example: thermoc train ebm --data digits -o digits-rbm.safetensors --picture samples.png

    Example: thermoc train ebm --data mnist --model dtm --steps 4 -o mnist-dtm.safetensors
    """
    check_writable(given["out"])
    kept = checkpoint_of(given["checkpoint"], given["out"])
    if given["picture"] is not None:
        check_writable(given["picture"])
    check_threads(given["threads"])
    if given["model"] not in MODELS:
        raise EbmError(f"--model must be one of {', '.join(MODELS)}, got {given['model']!r}")
    array = pbits_of(given["device"])
    dataset = told_dataset(given["data"], given["data_dir"])
    _check_picture(given["picture"], dataset)
    asked = Imperfections(given["mismatch"], given["asymmetry"], given["bits"], given["bias_mismatch"])
    imperfect = on_device(array.imperfections, asked, given["at"])
    regime = given["regime"] or IN_PLACE
    if regime not in REGIMES:
        raise EbmError(f"--regime must be one of {', '.join(REGIMES)}, got {regime!r}")
    seen = None if imperfect.ideal or regime == CLEAN else imperfect
    common = {
        "epochs": given["epochs"],
        "batch": given["batch"],
        "learning_rate": given["learning_rate"],
        "threshold": given["threshold"],
        "chains": given["chains"],
        "temperatures": given["temperatures"],
        "method": given["method"],
        "seed": given["seed"],
        "non_ideal": seen,
        "device_seed": given["device_seed"],
        "regime": IN_PLACE if regime == CLEAN else regime,
    }
    graph = {
        "rule": given["grid"],
        "side": given["side"],
        "sweeps": given["sweeps"],
        "batches": given["batches"],
        "centred": given["centred"],
    }
    chain = {"steps": given["steps"], "noise": given["noise"], "ramp": given["ramp"]}
    _refuse(given["model"], {"hidden": given["hidden"]}, ("rbm",))
    _refuse(
        given["model"],
        {name: given[name] for name in ("grid", "side", "batches", "centred")},
        ("grid", "dtm"),
    )
    _refuse(given["model"], chain, ("dtm",))
    single = {"method": given["method"], "temperatures": given["temperatures"], "chains": given["chains"]}
    _refuse(given["model"], single, ("rbm", "grid"))
    if kept.exists():
        notes.print(f"resuming from {kept}", markup=False)
    run: dict[str, Any] = {
        "progress": progress_of(given["log"]),
        "checkpoint": kept,
        "threads": given["threads"],
    }
    if given["model"] == "rbm":
        trained = _rbm(
            train_rbm(
                dataset, rbm_preset(dataset, n_hidden=given["hidden"], k=given["sweeps"], **common), **run
            ),
            dataset,
            given["ais_chains"],
            given["ais_steps"],
            given["threads"],
        )
    elif given["model"] == "grid":
        config = boltzmann_preset(dataset, chain=False, **graph, **common)
        trained = _graph(train_boltzmann(dataset, config, **run))
    else:
        config = boltzmann_preset(
            dataset, chain=True, **graph, **chain, **common, penalty=None if given["penalty"] else 0.0
        )
        trained = _graph(train_denoising(dataset, config, **run))
    facts = {"data": dataset.name, **trained.facts}
    kept_facts = {k: v for k, v in facts.items() if k != "history"}
    written = save_trained(trained.model, given["out"], kept_facts, given["seed"], trained.seconds)
    if given["checkpoint"] is None:
        kept.unlink(missing_ok=True)  # not before the model is there
    samples = draw_samples(
        written,
        1000,
        sweeps=given["sample_sweeps"],
        seed=given["seed"],
        threads=given["threads"],
        device=imperfect,
        device_seed=trained.config.on_device,
    )
    split_bits = static_bits(dataset.x_valid, "valid", trained.config.threshold)
    apart = moment_errors(samples.bits, split_bits)
    netlist = compile(
        written, **({} if given["sample_sweeps"] is None else {"sweeps": given["sample_sweeps"]})
    )
    cost = spin_energy(netlist, array, seed=given["seed"], threads=given["threads"])
    if given["picture"] is not None:
        _draw(given["picture"], dataset, samples, split_bits)
    emit(
        {
            "model": given["out"],
            "family": given["model"],
            "data": dataset.name,
            **trained.facts,
            "seconds": trained.seconds,
            "samples": {"sweeps": samples.sweeps, "activity": samples.activity, "moments": apart},
            "per_sample": cost.describe(),
            "energy_J": cost.energy.describe(),
            "latency_s": cost.seconds,
            "picture": given["picture"],
            "config": asdict(trained.config),
            "manifest": manifest(seed=given["seed"]),
        },
        given["json"],
        _text(given["model"], trained, samples, apart, cost)
        + f"\n\nwrote {given['out']}; next: thermoc compile {given['out']} -o net.tnl",
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
        ("  sweeps, updates that flip", f"{cost.sweeps:,}, {cost.activity:.3f}"),
        ("time per sample there", si(cost.seconds, "s")),
    )
    return text_table(Table(("trained model", ""), rows, (1,)))


def _draw(picture: Path, dataset: Dataset, samples: Samples, bits: np.ndarray) -> None:
    groups = [("validation data", bits[:SHOWN]), ("samples", samples.shown[:SHOWN])]
    with replacing(picture) as temporary:
        save_png(sample_grid(groups, dataset.image_shape), str(temporary))
