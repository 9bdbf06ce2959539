"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataName = Annotated[
    str | None,
    typer.Option(
        "--data", help="Data set: digits, mnist, fashion-mnist, cifar10, monk1-3, cosine or file.npz."
    ),
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of data files (else THERMOC_DATA, else the cache).")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads (results do not depend on it).")
]
Split = Annotated[str, typer.Option("--split", help="Part of the data: train, valid or test.")]
Runs = Annotated[int, typer.Option("--runs", min=1, help="Trajectories averaged per decision.")]
Device = Annotated[
    str | None, typer.Option("--device", help="Hardware preset; `thermoc presets` lists them.")
]
Mismatch = Annotated[float, typer.Option("--mismatch", help="Relative spread of every directed coupling.")]
Asymmetry = Annotated[float, typer.Option("--asymmetry", help="Relative spread of W_ij against W_ji.")]
BiasMismatch = Annotated[float, typer.Option("--bias-mismatch", help="Relative spread of every bias.")]
Bits = Annotated[int | None, typer.Option("--bits", help="Resolution of the couplings (none: exact).")]
Checkpoint = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        help="File kept while training; if it exists, training resumes from it. "
        "Default: beside the model, removed at the end.",
    ),
]
