"""A network of p-bits that generates: trained, compiled, sampled from its file; its price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from compiler.families.rbm import lower_rbm
from compiler.families.store import save_model
from compiler.ir.container import load_langevin, save
from thermo.data import Dataset
from thermo.demo.part import Drawing, Part, Row
from thermo.progress import Progress
from thermo.report.page import Section, Table
from thermo.simulate.spins.run import simulate_spins
from thermo.training.ebm.bits import static_bits
from thermo.training.ebm.evaluate import Likelihood, base_rate_log_likelihood, log_likelihood
from thermo.training.ebm.presets import rbm_preset
from thermo.training.ebm.rbm import TrainedRbm, train_rbm
from thermo.training.ebm.samples import moment_errors
from thermo.training.tiles import Tiles

EPOCHS, SAMPLES, SHOWN = 150, 1000, 50
AIS_CHAINS, AIS_STEPS = 128, 2000


@dataclass(frozen=True, slots=True)
class _Found:
    """test : likelihood of test bits; rates : that of independent units with the data's means;
    apart : distance of samples' moments from validation bits, and what chance alone gives
    """

    trained: TrainedRbm
    test: Likelihood
    rates: float
    bits: np.ndarray
    drawn: np.ndarray
    sweeps: int
    apart: dict[str, float]


def ebm_part(
    dataset: Dataset, folder: Path, *, seed: int, threads: int | None, epochs: int | None, progress: Progress
) -> Part:
    """Train a restricted Boltzmann machine, compile it, sample the file, price a sample."""
    config = replace(rbm_preset(dataset, epochs=epochs or EPOCHS), seed=seed)
    trained = train_rbm(dataset, config, threads=threads, progress=progress)
    model = trained.model
    save_model(model, folder / "pbits.safetensors")
    save(lower_rbm(model), folder / "pbits.tnl")
    netlist = load_langevin(folder / "pbits.tnl")  # the file, not the object in memory
    run = simulate_spins(netlist, chains=SAMPLES, seed=seed, threads=threads)
    drawn = (run.states[:, : model.n_visible] > 0).astype(np.float32)
    bits = static_bits(dataset.x_test, "test", config.threshold)
    with Tiles(threads) as tiles:
        test = log_likelihood(
            model, bits, base=trained.base, tiles=tiles, seed=seed + 1, chains=AIS_CHAINS, steps=AIS_STEPS
        )
    valid = static_bits(dataset.x_valid, "valid", config.threshold)
    found = _Found(
        trained,
        test,
        base_rate_log_likelihood(bits, trained.base),
        valid,
        drawn,
        run.sweeps,
        moment_errors(drawn, valid),
    )
    return Part(
        name="p-bits",
        rows=(Row(f"{model.n_visible + model.n_hidden} p-bits that draw digits, a sample", priced=True),),
        reading=_reading(found),
        sections=(_section(found.apart),),
        drawings=_drawings(found, dataset),
        figures={
            "ebm": {
                "log_likelihood": test.mean,
                "log_z_error": test.error,
                "rows_error": test.spread,
                "base_rate_log_likelihood": found.rates,
                "n_samples": test.n,
                "split": "test",
                "moments": found.apart,
            }
        },
        netlist=folder / "pbits.tnl",
    )


def _reading(found: _Found) -> str:
    model = found.trained.model
    return (
        f"A Boltzmann machine of {model.n_visible + model.n_hidden} p-bits that has learnt the "
        f"digits gives a test image {found.test.mean:.1f} nats; pixels drawn by themselves give "
        f"{found.rates:.1f}. A sample of its compiled netlist takes {found.sweeps:,} sweeps from a "
        "random start."
    )


def _section(apart: dict[str, float]) -> Section:
    table = Table(
        ("distance to validation bits", "samples", "by chance"),
        (
            ("means", f"{apart['mean']:.4f}", f"{apart['mean_floor']:.4f}"),
            ("covariances", f"{apart['covariance']:.4f}", f"{apart['covariance_floor']:.4f}"),
        ),
        (1, 2),
    )
    return Section("p-bits that generate", (table,))


def _drawings(found: _Found, dataset: Dataset) -> tuple[Drawing, ...]:
    if len(dataset.image_shape) != 2:
        return ()
    groups = [("validation bits", found.bits[:SHOWN]), ("samples", found.drawn[:SHOWN])]
    drawing = Drawing(
        "thermo.report.figures:sample_grid",
        (groups, dataset.image_shape),
        f"Every sample is the last state of a chain of its own, {found.sweeps:,} sweeps from random bits.",
        "Two grids of small images, bits of the data and bits that were drawn.",
    )
    return (drawing,)
