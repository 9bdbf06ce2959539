"""How well a machine that runs noising backwards makes what was noised, and at what heat."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from compiler.ir.container import save
from compiler.ir.langevin import LangevinNetlist
from thermo.data import Dataset
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.figures import sample_grid
from thermo.report.page import Table
from thermo.simulate.langevin.run import simulate_langevin
from thermo.studies.study import SEED, THREADS, Findings, Study, rows_taken
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.reverse_path import (
    ReversePath,
    ReversePathConfig,
    forces_of,
    lower_reverse_path,
    moments,
    noising_paths,
    rest_position,
    train_reverse_path,
)

# trajectories of other runs than training's
VALID_FIRST, TRAIN_AGAIN, VALID_AGAIN = 1 << 32, 1 << 33, 1 << 34


SHOWN = 50  # images in each panel of the picture


@dataclass(frozen=True, slots=True)
class Source:
    """Images of one kind beside noised training data.

    mean_error : root mean square over pixels of the difference of means, units of a datum
    covariance_error : |C - C_data| / |C_data| of the covariances between different pixels,
        Frobenius; correlation : of these covariances with the data's
    heat_kT, heat_sem : of the generating phase, per image; nan where nothing is generated
    """

    name: str
    mean_error: float
    covariance_error: float
    correlation: float
    heat_kT: float
    heat_sem: float


@dataclass(frozen=True, slots=True, eq=False)
class GenerativeStudy:
    """sources : held-out data, generated images and the machine without couplings; loss : -ln P of
    held-out noising paths per path and step, trained and without J and b; images of each
    """

    trained: ReversePath
    netlist: LangevinNetlist
    sources: tuple[Source, ...]
    images: tuple[tuple[str, np.ndarray], ...]
    loss: float
    untrained: float
    n_samples: int


def generative_study(
    dataset: Dataset,
    config: ReversePathConfig,
    *,
    samples: int = 2000,
    rows: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> GenerativeStudy:
    """Train on (the first `rows` of) the training split, generate `samples` images, compare.

    All is compared with fresh noising runs of the training data at their start: data as cells can
    hold them, thermal noise included. Raises EbmError for data that are no images' rows.
    """
    data = dataset.x_train[:rows]
    trained = train_reverse_path(data, config, progress=progress)
    unit = rest_position(config)
    held = moments(dataset.x_valid, config, first=VALID_FIRST)
    zero = np.zeros_like(trained.coupling)
    d = trained.visible

    def started(x: np.ndarray, first: int) -> np.ndarray:
        return next(noising_paths(forces_of(x, config), config, first=first))[:d].T / unit

    def generated(path: ReversePath) -> tuple[np.ndarray, np.ndarray]:
        net = lower_reverse_path(path, visible_shape=dataset.image_shape)
        run = simulate_langevin(net, None, runs=samples, seed=config.seed, keep_final=True, threads=threads)
        assert run.final is not None and run.heat_by_phase is not None
        return run.final[0][:, :d] / unit, run.heat_by_phase[-1].ravel() / config.kT

    truth = started(data, TRAIN_AGAIN)
    made, heat = generated(trained)
    # without couplings the best constant forces are the mean of what is left to explain
    alone = replace(trained, coupling=zero, bias=_best_bias(data, config))
    plain, plain_heat = generated(alone)
    valid = started(dataset.x_valid, VALID_AGAIN)
    nothing = np.full(2, np.nan)
    sources = (
        _compare("held-out data, noised", valid, truth, nothing),
        _compare("generated", made, truth, heat),
        _compare("generated without couplings", plain, truth, plain_heat),
    )
    return GenerativeStudy(
        trained,
        lower_reverse_path(trained, visible_shape=dataset.image_shape),
        sources,
        (("data", data), ("data as cells hold them", truth), ("generated", made)),
        held.loss(trained.coupling, trained.bias, config),
        held.loss(zero, np.zeros_like(trained.bias), config),
        samples,
    )


def _best_bias(data: np.ndarray, config: ReversePathConfig) -> np.ndarray:
    m = moments(data, config)
    return m.yz[:, -1] / m.count


def _compare(name: str, x: np.ndarray, truth: np.ndarray, heat: np.ndarray) -> Source:
    off = ~np.eye(x.shape[1], dtype=bool)
    c, t = np.cov(x.T)[off], np.cov(truth.T)[off]
    return Source(
        name,
        float(np.sqrt(np.mean(np.square(x.mean(axis=0) - truth.mean(axis=0))))),
        float(np.linalg.norm(c - t) / np.linalg.norm(t)),
        float(np.corrcoef(c, t)[0, 1]),
        float(heat.mean()),
        float(heat.std(ddof=1) / np.sqrt(heat.size)),
    )


def run_generative(
    folder: Path,
    *,
    dataset: Dataset,
    time: float = 1.0,
    hidden: int = 0,
    kT: float = 0.1,
    samples: int = 2000,
    rows: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Findings:
    """The study on grey images; keeps the machine as generator.tnl."""
    if len(dataset.image_shape) != 2:
        raise EbmError(
            f"data set {dataset.name}: has images of shape {dataset.image_shape}; generation "
            "shows grey images (height, width)"
        )
    config = replace(ReversePathConfig(), t_f=time, hidden=hidden, kT=kT, seed=seed)
    n = rows_taken(dataset, rows)
    study = generative_study(dataset, config, samples=samples, rows=n, threads=threads, progress=progress)
    save(study.netlist, folder / "generator.tnl")
    panels = [(name, x[:SHOWN].clip(0, 1)) for name, x in study.images]
    result = {
        "data": dataset.name,
        "loss": study.loss,
        "loss_untrained": study.untrained,
        "n_samples": study.n_samples,
        "sources": [asdict(s) for s in study.sources],
        "config": asdict(config),
    }
    figure = sample_grid(panels, dataset.image_shape)
    return Findings(result, (sources_table(study),), {"generative": figure})


def sources_table(study: GenerativeStudy) -> Table:
    """Every source of images beside the noised data."""
    rows = tuple(
        (
            s.name,
            f"{s.mean_error:.3f}",
            f"{s.covariance_error:.3f}",
            f"{s.correlation:.3f}",
            "" if s.heat_kT != s.heat_kT else f"{s.heat_kT:,.1f} ± {s.heat_sem:.1f}",
        )
        for s in study.sources
    )
    return Table(
        ("images", "error of means", "of covariances", "correlation of these", "heat, kT"),
        rows,
        (1, 2, 3, 4),
        f"Beside noised training data; covariances of different pixels. -ln P of held-out noising "
        f"paths run backwards: {study.untrained - study.loss:.3f} a step below that of the machine "
        f"without couplings and forces. {study.n_samples:,} images generated",
    )


STUDY = Study(
    "generative",
    """Generative thermodynamic computing: couplings that most probably run noising backwards.

Least squares gives them exactly; the machine then makes images from noise. A study of one point, which runs
here.

Example: thermoc study generative --data digits -o runs/generative""",
    (
        Option("dataset", "--data", str, "digits", "Data set of grey images."),
        Option("time", "--time", float, 1.0, "Length of noising and of generation.", min=0),
        Option("hidden", "--hidden", int, 0, "Cells driven by random projections of the data.", min=0),
        Option("kT", "--kT", float, 0.1, "Temperature."),
        Option("samples", "--samples", int, 2000, "Images generated.", min=2),
        Option("rows", "--rows", int, None, "Train on the first so many rows only.", min=2),
        SEED,
        THREADS,
    ),
    run_generative,
    folder="Folder for netlist, figure, table.",
)
