"""Accuracy of logic networks against what they cost, by every definition, published networks beside."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from compiler.circuits.from_tables import circuit_of
from compiler.errors import UnsupportedError
from compiler.families.logic import LogicNetwork, lower_logic
from compiler.families.store import save_model
from compiler.families.tables import TableNetwork, lower_tables
from compiler.files import replacing
from compiler.ir.gates import GateNetlist
from compiler.ir.luts import LutNetlist
from thermo.data import Dataset
from thermo.evaluate import evaluate
from thermo.options import Option
from thermo.progress import Progress
from thermo.simulate.threads import check_threads
from thermo.studies.frontier_figure import frontier_figure
from thermo.studies.frontier_points import FrontierMeasured, counted, priced, published_rows, rows_of
from thermo.studies.frontier_table import csv_text, described, frontier_table
from thermo.studies.records import Point, check_classes, run_recorded
from thermo.studies.study import THREADS, WHERE, Findings, Study
from thermo.training.errors import TrainingError
from thermo.training.logic import LogicConfig, logic_preset, train_logic

INPUTS = (2, 4, 6)
SHARES = (16, 4, 1)
"""Default sizes: the preset's over these."""
PRICED = 60_000
"""Two-input gates, everything counted, up to which joules are asked for: cells of more take minutes."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a record is known by.

    free : entries of tables that at most so many training samples address may take any value, None: none may
    priced : two-input gates up to which a circuit is priced
    """

    config: LogicConfig
    free: int | None
    priced: int

    @property
    def seed(self) -> int:
        return self.config.seed


def _measure(
    point: Point, dataset: Dataset, checkpoint: Path, model: Path, threads: int | None
) -> FrontierMeasured:
    setting: Setting = point.config
    config, began = setting.config, (time.process_time(), time.perf_counter())
    trained = train_logic(dataset, config, checkpoint=checkpoint, threads=threads)
    cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
    if trained.seconds > wall:  # gone on with: the part before, as busy as this one
        cpu *= trained.seconds / wall
    netlist = _lowered(trained.model, setting.free)
    split = {name: evaluate(netlist, dataset, name, threads=threads)[0] for name in ("valid", "test")}
    counts = counted(netlist, dataset)
    most = counts["with_encoder_and_head"] or counts["with_head"]
    circuit, answer, unpriced = circuit_of(netlist), {}, ""
    if most > setting.priced:
        unpriced = f"not priced: {most:,} gates are more than --priced {setting.priced}"
    else:
        answer = priced(circuit, dataset, threads)
    save_model(trained.model, model)
    assert split["valid"].accuracy is not None and split["test"].accuracy is not None
    return FrontierMeasured(
        series=point.series,
        network=_told(config, setting.free),
        encoder=config.encoder,
        inputs=config.inputs,
        declared=config.n_gates,
        epochs=config.epochs,
        seed=config.seed,
        valid_accuracy=split["valid"].accuracy,
        n_valid=split["valid"].n_samples,
        accuracy=split["test"].accuracy,
        n_samples=split["test"].n_samples,
        **counts,
        answer=answer,
        unpriced=unpriced,
        cpu_minutes=cpu / 60,
        seconds=trained.seconds,
        model=model.name,
    )


def _lowered(model: LogicNetwork | TableNetwork, free: int | None) -> GateNetlist | LutNetlist:
    if isinstance(model, LogicNetwork):
        return lower_logic(model)
    return lower_tables(model, free=free)


def _told(config: LogicConfig, free: int | None) -> str:
    what = "gates" if config.inputs == 2 else f"tables of {config.inputs}"
    freed = f", entries of {free} free" if free is not None and config.inputs > 2 else ""
    upper = (
        f" of {config.pixel_bits} bits" if config.encoder != "thermometer" and config.pixel_bits < 8 else ""
    )
    return f"{config.n_gates:,} {what}, {config.encoder}{upper}{freed}"


def numbers(flag: str, texts: Sequence[str] | None, low: int, high: int | None = None) -> list[int]:
    """Whole numbers of a flag that may be repeated, or hold several between commas.

    Raises UnsupportedError, which names the flag, for anything else.
    """
    found = []
    for text in ",".join(texts or ()).split(",") if texts else ():
        whole = text.isascii() and text.strip().isdecimal() and len(text.strip()) < 10
        if not whole or int(text) < low or (high is not None and int(text) > high):
            upto = "" if high is None else f" to {high}"
            raise UnsupportedError(
                f"{flag}: whole numbers from {low}{upto}, with commas between, got {text!r}"
            )
        found.append(int(text))
    return list(dict.fromkeys(found))


def frontier_points(
    dataset: Dataset,
    gates: Sequence[int],
    inputs: Sequence[int],
    encoders: Sequence[str | None],
    n_seeds: int,
    epochs: int | None = None,
    free: int | None = None,
    most: int = PRICED,
    pixel_bits: int | None = None,
) -> list[Point]:
    """A point for each size, number of inputs, encoder and seed, the small ones first.

    gates : sizes of all; none: of each number of inputs the preset's, a quarter and a sixteenth of it
    pixel_bits : that encoders other than thermometers read
    """
    points = []
    for encoder in encoders:
        for k in inputs:
            preset = logic_preset(dataset, inputs=k, encoder=encoder)
            upper = None if preset.encoder == "thermometer" else pixel_bits
            sizes = list(gates) or [_whole(preset.n_gates // share, dataset.n_classes) for share in SHARES]
            for size in sorted(set(sizes)):
                if size % dataset.n_classes:
                    raise TrainingError(
                        f"--gates {size}: must be a multiple of the {dataset.n_classes} classes, "
                        f"{_whole(size, dataset.n_classes)} for one"
                    )
                for seed in range(n_seeds):
                    config = logic_preset(
                        dataset,
                        layers=(size,),
                        inputs=k,
                        encoder=encoder,
                        pixel_bits=upper,
                        epochs=epochs,
                        seed=seed,
                    )
                    setting = Setting(config, free if k > 2 else None, most)
                    told = _told(config, setting.free)
                    point = Point(f"{told} {config.epochs} epochs".replace(",", ""), setting)
                    if point not in points:  # an encoder named twice, or as the preset's
                        points.append(point)
    if pixel_bits is not None and all(p.config.config.encoder == "thermometer" for p in points):
        raise TrainingError("--pixel-bits: thermometers read whole pixels; name another with --encoder")
    return points


def _whole(size: int, classes: int) -> int:
    return max(size // classes, 1) * classes


def run_frontier(
    folder: Path,
    *,
    dataset: Dataset,
    gates: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    encoders: Sequence[str] | None = None,
    n_seeds: int = 3,
    epochs: int | None = None,
    free: int | None = None,
    most: int = PRICED,
    pixel_bits: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """Networks of every size, number of inputs, encoder and seed, and the published ones of the data set."""
    check_threads(threads)
    check_classes(dataset)
    points = frontier_points(
        dataset,
        numbers("--gates", gates, 1),
        numbers("--inputs", inputs, 2, 6) or INPUTS,
        encoders or [None],
        n_seeds,
        epochs,
        free,
        most,
        pixel_bits,
    )
    measured = run_recorded(
        FrontierMeasured,
        points,
        dataset,
        folder,
        partial(_measure, threads=threads),
        lambda m: f"{m.network}: {100 * m.accuracy:.2f} %, {m.with_head:,} gates with head",
        progress,
        executor,
    )
    rows = [*rows_of(measured), *published_rows(dataset.name, dataset.n_classes)]
    with replacing(folder / "frontier.csv") as beside:
        beside.write_text(csv_text(rows))
    split = f"{measured[0].n_samples:,} test samples of {dataset.name}"
    return Findings(
        {"data": dataset.name, "rows": described(rows), "points": [asdict(m) for m in measured]},
        (frontier_table(rows, split),),
        {"frontier": frontier_figure(rows, dataset.name)},
    )


STUDY = Study(
    "frontier",
    """Accuracy of logic networks against gates, tables and joules by every definition.

    Trains networks of several sizes, inputs of a gate, encoders and seeds; counts each with the core alone,
    with the head that decides, and with the encoder that makes its input bits; prices an answer. Published
    networks stand beside, recounted where their numbers allow it. What no other point beats is marked, under
    one definition at a time. Writes frontier.json, .csv, .txt and .png.

    Example: thermoc study frontier -o runs/frontier

    Example: thermoc study frontier --data mnist --gates 500,2000,8000 --inputs 2,4,6 -o runs/mnist""",
    (
        Option("dataset", "--data", str, "digits", "Data set; see `thermoc data`."),
        Option(
            "gates",
            "--gates",
            list[str],
            None,
            "Gates or tables; several with commas between, or repeated (default: by the data).",
        ),
        Option("inputs", "--inputs", list[str], None, "Inputs of a gate, 2 to 6; likewise (default 2,4,6)."),
        Option(
            "encoders",
            "--encoder",
            list[str],
            None,
            "As `thermoc train logic` has it; may be repeated (default: by the data).",
        ),
        Option(
            "pixel_bits",
            "--pixel-bits",
            int,
            None,
            "Upper bits of a pixel that encoders other than thermometers read.",
            min=1,
        ),
        Option("n_seeds", "--seeds", int, 3, "Seeds of each.", min=1),
        Option("epochs", "--epochs", int, None, "Of each training (default: by the data).", min=1),
        Option(
            "free",
            "--free",
            int,
            None,
            "Entries of tables that at most so many training samples address may take any value.",
            min=0,
        ),
        Option(
            "most",
            "--priced",
            int,
            PRICED,
            "Joules and seconds of circuits of at most so many gates, head and encoder counted.",
            min=0,
        ),
        THREADS,
        *WHERE,
    ),
    run_frontier,
)
