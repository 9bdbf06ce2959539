"""The table of figures, `figures.toml`: what a page says, its command, and what it may be off by."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from compiler.errors import ThermocError

TABLE = Path(__file__).parent / "figures.toml"
SURE = 3.3
"""Standard errors that a figure may be off: one in a thousand is, by chance."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    name : unique in its recipe
    what : in words
    says : as the page prints it
    at : where it stands in the JSON of command `of` (counted from 1; 0: the last): keys and indices between
        slashes, rows/name=a&size=2/x of the first row whose columns say so; of a list or object its length,
        of numbers/mean the mean
    pattern : in place of `at`, of a command without JSON: what the first group of the expression finds
    expect : its value, in the unit of `at`
    error : standard error of a repetition; it may be off by 3.3 of them
    error_at : where the measured one's own standard error stands, added in quadrature
    within : in place of `error`, the largest difference
    least, most : in place of `expect`, bounds
    why : where the tolerance comes from
    """

    name: str
    what: str
    says: str
    at: str = ""
    of: int = 0
    pattern: str = ""
    expect: float | None = None
    error: float = 0.0
    error_at: str = ""
    within: float = 0.0
    least: float = -math.inf
    most: float = math.inf
    why: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Commands, one after the other in a folder of their own, and the figures that they make.

    page : where the figures stand
    minutes : what the commands take on two cores, kernels compiled
    fast : whether `--fast` runs it
    needs : data sets, programs and "benchmarks", a checkout of the sources; without them it is skipped
    after : recipe whose folder, with its files, it goes on in; "" none
    files : small files that the commands read, by name
    prints : a file that the commands write, in the recipe's folder, whose text the page shows
    asked : it takes so long, or is so much of the machine's, that it is run by its name alone
    """

    name: str
    page: str
    minutes: float
    commands: tuple[str, ...]
    figures: tuple[Figure, ...]
    fast: bool = False
    needs: tuple[str, ...] = ()
    after: str = ""
    files: Mapping[str, str] | None = None
    prints: str = ""
    asked: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.name}.{figure.name}" for figure in self.figures)


def read_table(path: Path = TABLE) -> dict[str, Recipe]:
    """Recipes by name. Raises ThermocError for a table that breaks its own rules."""
    try:
        return {name: _recipe(name, facts) for name, facts in tomllib.loads(path.read_text("utf-8")).items()}
    except (OSError, tomllib.TOMLDecodeError, TypeError, KeyError) as error:
        raise ThermocError(f"{path}: no table of figures ({error})") from None


def _recipe(name: str, facts: dict[str, Any]) -> Recipe:
    figures = tuple(Figure(**row) for row in facts.pop("figures"))
    for figure in figures:
        _check(f"{name}.{figure.name}", figure)
    for key in ("commands", "needs"):
        facts[key] = tuple(facts.get(key, ()))
    known = {field.name for field in fields(Recipe)}
    if unknown := set(facts) - known:
        raise ThermocError(f"recipe {name}: {', '.join(sorted(unknown))} is nothing that a recipe has")
    if len({f.name for f in figures}) != len(figures):
        raise ThermocError(f"recipe {name}: two figures have one name")
    return Recipe(name=name, figures=figures, **facts)


def _check(name: str, figure: Figure) -> None:
    bounded = figure.least > -math.inf or figure.most < math.inf
    if bounded == (figure.expect is not None):
        raise ThermocError(f"figure {name}: give either what is expected or bounds")
    if bool(figure.at) == bool(figure.pattern):
        raise ThermocError(f"figure {name}: give either its place in JSON or a pattern")
    if figure.error and figure.within:
        raise ThermocError(f"figure {name}: give a standard error or the largest difference, not both")
    if not figure.why:
        raise ThermocError(f"figure {name}: say where its tolerance comes from")


def chosen(table: Mapping[str, Recipe], names: Sequence[str], fast: bool) -> dict[str, Recipe]:
    """Recipes of these names, each with the figures asked for; without names all but those that are asked
    for by name, or all fast ones.

    names : of recipes, or RECIPE.FIGURE

    Raises ThermocError for a name that is neither.
    """
    if not names:
        return {
            name: recipe for name, recipe in table.items() if not recipe.asked and (recipe.fast or not fast)
        }
    wanted: dict[str, set[str]] = {}
    for name in names:
        recipe = table.get(name.partition(".")[0])
        if recipe is None or (name != recipe.name and name not in recipe.names):
            raise ThermocError(
                f"{name}: no figure of that name; `thermoc reproduce --list` names all: "
                f"{_some(table if recipe is None else recipe.names)}"
            )
        wanted.setdefault(recipe.name, set()).update(recipe.names if name == recipe.name else [name])
    return {
        name: _only(recipe, wanted[name])
        for name, recipe in table.items()
        if name in wanted and (recipe.fast or not fast)
    }


def _only(recipe: Recipe, names: Iterable[str]) -> Recipe:
    from dataclasses import replace

    kept = set(names)
    return replace(recipe, figures=tuple(f for f in recipe.figures if f"{recipe.name}.{f.name}" in kept))


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:12]) + (", ..." if len(listed) > 12 else "")
