"""Commands whose flags are a table of options instead of a signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from thermo.options import Option, check_taken, flags

Given = Mapping[str, Any]
"""Value of every flag by its name as in Python (--device-seed: device_seed), given or default."""

DATA = Option(
    "data",
    "--data",
    str,
    None,
    "Data set: digits, mnist, fashion-mnist, cifar10, monk1-3, cosine or a file of your own.",
)
DATA_DIR = Option(
    "data_dir", "--data-dir", Path, None, "Folder of data files (else THERMOC_DATA, else the cache)."
)
SPLIT = Option("split", "--split", str, "test", "Part of the data: train, valid or test.")
LIMIT = Option("limit", "--limit", int, None, "Only the first samples of the split.", min=1)
SAMPLES = (DATA, DATA_DIR, SPLIT, LIMIT)
SEED = Option("seed", "--seed", int, 0, "Seed of everything random.", min=0)
THREADS = Option("threads", "--threads", int, None, "Threads (results do not depend on it).", min=1)
CHECKPOINT = Option(
    "checkpoint",
    "--checkpoint",
    Path,
    None,
    "File kept while training; if it exists, training resumes from it. Default: beside the model, removed "
    "at the end.",
)
LOG = Option(
    "log", "--log", Path, None, "Folder for TensorBoard: figures of every epoch (thermoc[tensorboard])."
)
AS_JSON = Option("as_json", "--json", bool, False, "Print one JSON object on standard output, nothing else.")


def with_flags(*options: Option) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command `f(argument, ..., given)` for typer, with these options as its flags.

    Flags of the same name are one; the first says what it is. A composed option has its parts'.
    """

    def wrap(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.name != "given"]
        made: dict[str, inspect.Parameter] = {}
        for option in flags(options):
            made.setdefault(option.key, _parameter(option))

        def run(**values: Any) -> None:
            command(**{p.name: values.pop(p.name) for p in own}, given=MappingProxyType(values))

        run.__doc__, run.__name__, run.__module__ = command.__doc__, command.__name__, command.__module__
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        run.__signature__ = inspect.Signature([*parameters, *made.values()])  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in (*own, *made.values())}
        return run

    return wrap


def _parameter(option: Option) -> inspect.Parameter:
    names = [option.flag] if option.short == "" else [option.short, option.flag]
    told = typer.Option(*names, help=option.help, min=option.min, max=option.max)
    value: Any = option.type | None if option.default is None else option.type
    default = inspect.Parameter.empty if option.default is ... else option.default
    return inspect.Parameter(
        option.key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[value, told]
    )


def refuse(given: Given, kind: str, takers: Mapping[str, Iterable[Option]]) -> None:
    """Raise UnsupportedError for a flag with another value than its default that `kind` does not take.

    takers : what each kind takes, by how it is called in a sentence; flags of none of them pass
    """
    known: dict[str, Option] = {}
    taken: dict[str, dict[str, Option]] = {}
    for name, options in takers.items():
        taken[name] = {option.key: option for option in flags(options)}
        known |= taken[name]
    for key, option in known.items():
        if key in given and option.is_given(given[key]):
            check_taken(kind, key, option.flag.split("/")[0], taken)
