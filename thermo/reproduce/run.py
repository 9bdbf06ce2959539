"""Run recipes in a folder, keep what each command printed, and judge the figures.

A command is run again only if the code, the versions it stands on, its own text or a command before it
have changed: what was printed is kept beside a digest of all of that.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, as_completed
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from compiler.errors import ThermocError
from compiler.files import make_folder, replacing
from thermo.data import NAMES, DataError
from thermo.data.available import is_here
from thermo.progress import NullProgress, Progress
from thermo.reproduce.judge import FAILED, SKIPPED, Judged, judge
from thermo.reproduce.table import Recipe
from thermo.studies.executors import SerialExecutor

ROOT = Path(__file__).parents[2]
PACKAGES = ("hw_models", "compiler", "thermo")
LATE, LEAST = 10, 600.0  # times its budget, or seconds if those are more, and a recipe is stopped
MARK = ".code"  # file of a recipe's folder with the digest of the code that filled it
_THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LIBRARIES = ("numpy", "scipy", "numba", "jax", "scikit-learn")


@dataclass(frozen=True, slots=True)
class Done:
    """A recipe's verdicts.

    seconds : of its commands, also of those that were kept; kept : all were
    text : of the file that it prints
    """

    recipe: Recipe
    judged: tuple[Judged, ...]
    seconds: float
    kept: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Printed:
    output: str
    seconds: float
    kept: bool


class CommandError(ThermocError):
    """A command of a recipe ended badly."""


def reproduce(
    recipes: Mapping[str, Recipe],
    table: Mapping[str, Recipe],
    folder: str | Path,
    thermoc: Sequence[str],
    *,
    again: bool = False,
    data_dir: str | Path | None = None,
    progress: Progress | None = None,
    least: float = LEAST,
    executor: Executor | None = None,
) -> list[Done]:
    """Run the recipes and judge their figures, in order.

    recipes : chosen ones; table : all, of which they may name others to go on from
    thermoc : words that start the command line
    again : run also what is kept
    least : seconds that every recipe may take, whatever its budget
    executor : where recipes run, those that go on from one another in one place; by default here, one after
        the other. Commands of any other have one thread.

    Raises OutputError if the folder cannot be written.
    """
    folder = make_folder(folder).resolve()
    progress = progress or NullProgress()
    executor = executor or SerialExecutor()
    threads = None if isinstance(executor, SerialExecutor) else 1
    runner = _Runner(table, folder, tuple(thermoc), code_digest(), again, data_dir, least, threads)
    chains: dict[str, list[Recipe]] = {}
    for recipe in recipes.values():
        chains.setdefault(_first(recipe, table).name, []).append(recipe)
    found: dict[str, Done] = {}
    progress.start(len(recipes), f"{len(recipes)} recipes")
    try:
        running = []
        for chain in chains.values():
            running.append(executor.submit(runner.all_judged, chain))
            if threads is None:
                _tell(found, running.pop().result(), progress)
        for future in as_completed(running):
            try:
                _tell(found, future.result(), progress)
            except (BrokenExecutor, CancelledError):
                raise ThermocError(
                    "a worker died; what was finished is kept: run the same command again"
                ) from None
    finally:
        for future in running:
            future.cancel()
        progress.stop()
    return [found[name] for name in recipes]


def _tell(found: dict[str, Done], done: Sequence[Done], progress: Progress) -> None:
    for one in done:
        found[one.recipe.name] = one
        bad = [j.name for j in one.judged if j.verdict not in ("holds", SKIPPED)]
        told = f"{one.recipe.name}, {one.seconds:.0f} s" + (f": {', '.join(bad)}" if bad else "")
        progress.update(len(found), told)


def _first(recipe: Recipe, table: Mapping[str, Recipe]) -> Recipe:
    """The recipe that a chain of them begins with, in whose folder all run."""
    while recipe.after:
        recipe = table[recipe.after]
    return recipe


class _Runner:
    """One round: every recipe's commands are run once, whoever goes on from them. Sent whole to workers."""

    def __init__(
        self,
        table: Mapping[str, Recipe],
        folder: Path,
        thermoc: tuple[str, ...],
        code: str,
        again: bool,
        data_dir: str | Path | None,
        least: float,
        threads: int | None,
    ) -> None:
        self.least, self.threads = least, threads
        self.table, self.folder, self.thermoc = table, folder, thermoc
        self.code, self.again, self.data_dir = code, again, data_dir
        self._ran: dict[str, list[_Printed]] = {}

    def all_judged(self, chain: Sequence[Recipe]) -> list[Done]:
        """Recipes that go on from one another."""
        return [self.judged(recipe) for recipe in chain]

    def judged(self, recipe: Recipe) -> Done:
        missing = lacking(recipe, self.table, self.data_dir)
        if missing:
            rows = [(SKIPPED, missing)] * len(recipe.figures)
            printed: list[_Printed] = []
        else:
            try:
                printed = self._run(recipe)
                rows = []
            except CommandError as error:
                rows = [(FAILED, str(error))] * len(recipe.figures)
                printed = self._ran.get(recipe.name, [])
        found = []
        for k, figure in enumerate(recipe.figures):
            name = f"{recipe.name}.{figure.name}"
            if rows:
                verdict, told = rows[k]
                found.append(Judged(name, figure, recipe.page, verdict, told=told))
            else:
                found.append(judge(name, figure, recipe.page, printed[figure.of - 1].output))
        seconds = sum(p.seconds for p in printed)
        text = ""
        if recipe.prints and printed and not rows:
            text = (self._place(recipe) / recipe.prints).read_text(encoding="utf-8")
        return Done(recipe, tuple(found), seconds, bool(printed) and all(p.kept for p in printed), text)

    def _place(self, recipe: Recipe) -> Path:
        return make_folder(self.folder / _first(recipe, self.table).name)

    def _key(self, recipe: Recipe, upto: int) -> str:
        before = self._key(self.table[recipe.after], -1) if recipe.after else ""
        commands = recipe.commands if upto < 0 else recipe.commands[:upto]
        whole = json.dumps([self.code, before, recipe.files or {}, commands], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()

    def _run(self, recipe: Recipe) -> list[_Printed]:
        if recipe.name in self._ran:
            return self._ran[recipe.name]
        if recipe.after:
            self._run(self.table[recipe.after])
        place = self._place(recipe)
        record = place / f"{recipe.name}.json"
        if not recipe.after:
            self._begin(place, record)
        for name, text in (recipe.files or {}).items():
            (place / name).write_text(text, encoding="utf-8")
        kept = {} if self.again else _read(record)
        done: list[_Printed] = []
        self._ran[recipe.name] = done
        budget = max(60 * recipe.minutes * LATE, self.least)
        for k, command in enumerate(recipe.commands):
            key = self._key(recipe, k + 1)
            if key in kept:
                done.append(_Printed(*kept[key], kept=True))
                continue
            kept = {}  # what comes after a command that ran is run, too
            left = budget - sum(p.seconds for p in done)
            done.append(self._command(recipe, command, place, left))
            keys = [self._key(recipe, n + 1) for n in range(k + 1)]
            whole = {key: (p.output, p.seconds) for key, p in zip(keys, done, strict=True)}
            with replacing(record) as beside:
                beside.write_text(json.dumps(whole, indent=1), encoding="utf-8")
        return done

    def _begin(self, place: Path, record: Path) -> None:
        """Empty a folder of ours that other code has filled: a study would take its points from there."""
        mark = place / MARK
        code = mark.read_text(encoding="utf-8") if mark.exists() else ""
        if (self.again or code != self.code) and (code or _read(record)):
            shutil.rmtree(place)
            place.mkdir()
        mark.write_text(self.code, encoding="utf-8")

    def _command(self, recipe: Recipe, command: str, place: Path, limit: float) -> _Printed:
        command, _, target = command.partition(" > ")
        words = self.words(command)
        paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
        if self.data_dir is not None:
            environment["THERMOC_DATA"] = str(Path(self.data_dir).absolute())
        if self.threads is not None:
            environment |= {name: str(self.threads) for name in _THREADS}
        began = time.perf_counter()
        try:
            ended = subprocess.run(
                words, cwd=place, env=environment, capture_output=True, text=True, timeout=max(limit, 1.0)
            )
        except subprocess.TimeoutExpired:
            raise CommandError(
                f"`{command}` was stopped after {limit:.0f} s; its budget: {recipe.minutes:g} min"
            ) from None
        seconds = time.perf_counter() - began
        if ended.returncode:
            last = (ended.stderr.strip() or ended.stdout.strip() or "it said nothing").splitlines()[-1]
            raise CommandError(f"`{command}` ended with exit code {ended.returncode}: {last}")
        if target:
            (place / target).write_text(ended.stdout, encoding="utf-8")
        return _Printed(ended.stdout, seconds, kept=False)

    def words(self, command: str) -> list[str]:
        """The command for this Python; JSON of thermoc, paths of benchmarks and data as they are here."""
        first, *rest = shlex.split(command)
        if first == "python":
            rest = [str(ROOT / word) if word.startswith("benchmarks/") else word for word in rest]
            return [sys.executable, *rest]
        rest = [_data_file(word, self.data_dir) for word in rest]
        return [*self.thermoc, *rest, "--json"]


def _data_file(word: str, data_dir: str | Path | None) -> str:
    """`data:gset/G22.txt` as the file of the data folder."""
    if not word.startswith("data:"):
        return word
    folder, _, name = word.removeprefix("data:").rpartition("/")
    from thermo.data.sources import find_file

    return str(find_file(folder, name, data_dir, dataset=folder))


def lacking(recipe: Recipe, table: Mapping[str, Recipe], data_dir: str | Path | None) -> str:
    """What of the recipe's needs is not here, and the way out; "" if nothing is."""
    needs = recipe.needs
    if recipe.after:
        before = lacking(table[recipe.after], table, data_dir)
        if before:
            return before
    for need in needs:
        if need == "benchmarks":
            if not (ROOT / "benchmarks").is_dir():
                return "benchmarks/ is not here: it comes with the sources"
        elif need in NAMES:
            if not is_here(need, data_dir):
                return f"data set {need} is not here: `thermoc data fetch {need}`"
        elif need.startswith("data:"):
            try:
                _data_file(need, data_dir)
            except DataError:
                return f"{need.removeprefix('data:')} is in no data folder: set THERMOC_DATA or --data-dir"
        elif shutil.which(need) is None and not _is_package(need):
            return f"{need} is not installed"
    return ""


def _is_package(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def code_digest() -> str:
    """SHA-256 of what figures may depend on: sources, presets, and versions of the libraries below."""
    whole = hashlib.sha256(platform.python_version().encode())
    for name in _LIBRARIES:
        whole.update(f"{name} {version(name)}\n".encode())
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            inside = path.relative_to(ROOT)
            if path.suffix in (".py", ".toml") and inside.parts[:2] != ("thermo", "reproduce"):
                whole.update(f"{inside.as_posix()}\n".encode())
                whole.update(path.read_bytes())
    return whole.hexdigest()


def _read(record: Path) -> dict[str, tuple[str, float]]:
    """What commands printed, by key; nothing of a record that is damaged."""
    try:
        kept: Any = json.loads(record.read_text(encoding="utf-8"))
        return {str(key): (str(output), float(seconds)) for key, (output, seconds) in kept.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
