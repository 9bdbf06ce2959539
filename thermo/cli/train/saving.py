"""A trained model's file, and beside it what is another each time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from compiler.families.store import save_model
from compiler.files import OutputError, is_stream, replacing
from hw_models import __version__
from thermo.cli.console import manifest, plain


def save_trained(model: Any, path: Path, facts: Mapping[str, Any], seed: int, seconds: float) -> Any:
    """Write the model with these facts in its meta, and `path`.json with time and command line.

    The same training gives the same bytes of the model. Returns the model as written. Raises as save_model.
    """
    made = {"thermoc": __version__, "seed": seed}
    written = replace(model, meta={**model.meta, **facts, "manifest": made})
    save_model(written, path)
    if not is_stream(path):
        told = {**manifest(seed=seed, model=path), "training_seconds": seconds}
        with replacing(beside_of(path)) as beside:
            beside.write_text(json.dumps(plain(told), indent=1) + "\n", encoding="utf-8")
    return written


def checkpoint_of(asked: Path | None, out: Path) -> Path:
    """The checkpoint's file, beside the model if none is asked for; OutputError for the model's own files."""
    if asked is None:
        return out.with_name(f"{out.name}.checkpoint")
    if asked.resolve() in (out.resolve(), beside_of(out).resolve()):
        raise OutputError(
            f"--checkpoint {asked}: is a file that the model is written to (--out {out}); give another, or "
            "leave it out"
        )
    return asked


def beside_of(path: Path) -> Path:
    """The file beside a model: model.safetensors has model.safetensors.json."""
    return path.with_name(f"{path.name}.json")
