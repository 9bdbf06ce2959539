"""Figures are made again by their commands and judged; what is broken is caught."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from compiler.errors import ThermocError
from thermo.cli.main import main
from thermo.reproduce import run
from thermo.reproduce.judge import DIFFERS, FAILED, HOLDS, SKIPPED, judge
from thermo.reproduce.run import code_digest, lacking, reproduce
from thermo.reproduce.table import Figure, Recipe, chosen, read_table
from thermo.reproduce.tell import counts, markdown, verdict_table

ROOT = Path(__file__).parents[3]
THERMOC = (sys.executable, "-m", "thermo.cli")
TABLE = read_table()


def _figure(**facts):
    return Figure(**{"name": "f", "what": "", "says": "1", "at": "a", "why": "because", **facts})


# --- the table ---------------------------------------------------------------------------------------


def test_the_table_stands_on_pages_that_say_so():
    assert len(TABLE) >= 12 and sum(len(r.figures) for r in TABLE.values()) >= 40
    for recipe in TABLE.values():
        page = " ".join((ROOT / recipe.page).read_text(encoding="utf-8").split())
        for figure in recipe.figures:
            assert figure.says in page, f"{recipe.page} does not say {figure.says!r} ({figure.name})"
        assert recipe.after in ("", *TABLE)
        assert all(c.split()[0] in ("thermoc", "python") for c in recipe.commands)


def test_fast_ones_span_the_families_and_fit_their_budget():
    fast = [r for r in TABLE.values() if r.fast]
    assert sum(r.minutes for r in fast) < 10
    assert sum(len(r.figures) for r in fast) >= 25


NUMBER = r"(-?[\d,]+(?:\.\d+)?(?:e-?\d+)?)(?: ± [\d.,]+(?= ))?(?: (\S+))?"
"""95.7 ± 0.3 %, 1,312, 2.3e-03."""


def test_expectations_say_what_the_pages_say():
    """A number that a page prints and the table's are the same to the digits printed."""
    scale = {"%": 0.01, "µJ": 1e-6, "nJ": 1e-9, "pJ": 1e-12, "fJ": 1e-15, "zJ": 1e-21, "uA": 1e-6, "uW": 1e-6}
    checked = 0
    for recipe in TABLE.values():
        for figure in recipe.figures:
            match = re.fullmatch(
                r"(-?[\d,]+(?:\.\d+)?(?:e-?\d+)?)(?: ± [\d.,]+(?= ))?(?: (\S+))?", figure.says
            )
            if match is None or figure.expect is None:
                continue
            unit = scale.get(match.group(2) or "", 1.0)
            digits = match.group(1).replace(",", "")
            places = len(digits.partition("e")[0].partition(".")[2])
            power = int(digits.partition("e")[2] or 0)
            half = 0.5001 * 10.0 ** (power - places) * unit
            assert abs(figure.expect - float(digits) * unit) <= half, f"{recipe.name}.{figure.name}"
            checked += 1
    assert checked >= 30


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, "what is expected or bounds"),
        ({"expect": 1.0, "least": 0.0}, "what is expected or bounds"),
        ({"expect": 1.0, "error": 0.1, "within": 0.1}, "not both"),
        ({"expect": 1.0, "why": ""}, "where its tolerance comes from"),
        ({"expect": 1.0, "pattern": "(x)"}, "either its place"),
    ],
)
def test_a_table_that_breaks_its_rules_is_refused(facts, told, tmp_path):
    whole = {"name": "f", "what": "", "says": "1", "at": "a", "why": "because", **facts}
    rows = "\n".join(f"{key} = {json.dumps(value)}" for key, value in whole.items())
    path = tmp_path / "t.toml"
    head = '[r]\npage = "README.md"\nminutes = 1\ncommands = ["thermoc data"]\n[[r.figures]]\n'
    path.write_text(f"{head}{rows}\n")
    with pytest.raises(ThermocError, match=told):
        read_table(path)


def test_names_choose_recipes_and_single_figures():
    name = next(iter(TABLE))
    figure = TABLE[name].names[-1]
    assert list(chosen(TABLE, [name], False)) == [name]
    assert chosen(TABLE, [figure], False)[name].names == (figure,)
    assert set(chosen(TABLE, (), True)) == {n for n, r in TABLE.items() if r.fast}
    with pytest.raises(ThermocError, match="no figure of that name"):
        chosen(TABLE, [f"{name}.nonsense"], False)


# --- verdicts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "value", "verdict"),
    [
        ({"expect": 0.95, "error": 0.01}, 0.95 - 0.032, HOLDS),
        ({"expect": 0.95, "error": 0.01}, 0.95 - 0.034, DIFFERS),
        ({"expect": 833}, 833, HOLDS),
        ({"expect": 833}, 834, DIFFERS),
        ({"expect": 833}, None, FAILED),
        ({"expect": 1.0, "within": 0.1}, 1.1, HOLDS),
        ({"expect": 1.0, "within": 0.1}, 1.2, DIFFERS),
        ({"least": 640}, 640, HOLDS),
        ({"least": 640}, 639, DIFFERS),
        ({"most": 2}, 3, DIFFERS),
        ({"expect": 1.0, "error_at": "b"}, 1.3, HOLDS),
        ({"expect": 1.0, "error_at": "b"}, 1.4, DIFFERS),
    ],
)
def test_a_figure_is_held_against_its_tolerance(facts, value, verdict):
    found = judge("r.f", _figure(**facts), "README.md", json.dumps({"a": value, "b": 0.1}))
    assert found.verdict == verdict
    assert bool(found.told) == (verdict in (DIFFERS, FAILED) and "expect" in facts)


def test_rows_and_patterns_are_found():
    output = json.dumps({"rows": [{"kind": "x", "v": 1}, {"kind": "y", "v": 2}], "list": [1, 2, 3]})
    assert judge("f", _figure(at="rows/kind=y&v=2/v", expect=2), "", output).verdict == HOLDS
    assert judge("f", _figure(at="rows/0/v", expect=1), "", output).verdict == HOLDS
    assert judge("f", _figure(at="list", expect=3), "", output).verdict == HOLDS
    assert judge("f", _figure(at="list/mean", expect=2.0), "", output).verdict == HOLDS
    assert judge("f", _figure(at="rows/mean", expect=2.0), "", output).verdict == FAILED
    assert judge("f", _figure(at="rows/kind=z/v", expect=2), "", output).verdict == FAILED
    text = "and-nodes: geometric mean of ours / ABC 0.986\n"
    assert judge("f", _figure(at="", pattern=r"ABC ([\d.]+)", expect=0.986), "", text).verdict == HOLDS
    assert judge("f", _figure(at="", pattern=r"XYZ ([\d.]+)", expect=0.986), "", text).verdict == FAILED


# --- rounds ------------------------------------------------------------------------------------------

RING = "6 6\n1 2 1\n2 3 1\n3 4 1\n4 5 1\n5 6 1\n6 1 1\n"


def _ring(name="ring", **facts):
    figures = (_figure(name="cut", at="cut", expect=6.0, of=2),)
    return Recipe(
        **{
            "name": name,
            "page": "README.md",
            "minutes": 1,
            "commands": ("thermoc compile ring.txt -o ring.tnl", "thermoc simulate ring.tnl --seed 0"),
            "figures": figures,
            "files": {"ring.txt": RING},
            **facts,
        }
    )


def test_a_round_is_kept_and_resumed(tmp_path):
    shown = _ring("again", after="ring", files=None, commands=("thermoc show ring.tnl",))
    total = _figure(at="counts/cells/total", expect=6.0)
    table = {"ring": _ring(), "again": replace(shown, figures=(total,))}
    done = reproduce(table, table, tmp_path, THERMOC)
    assert [j.verdict for d in done for j in d.judged] == [HOLDS, HOLDS]
    assert not any(d.kept for d in done)
    kept = reproduce(table, table, tmp_path, THERMOC)
    assert all(d.kept for d in kept) and [d.seconds for d in kept] == [d.seconds for d in done]
    # a later command that changes runs alone, an earlier one everything
    first, second = _ring().commands
    later = {"ring": _ring(commands=(first, f"{second} --chains 2"))}
    record = tmp_path / "ring" / "ring.json"
    seconds = [v[1] for v in json.loads(record.read_text()).values()]
    reproduce(later, later, tmp_path, THERMOC)
    now = [v[1] for v in json.loads(record.read_text()).values()]
    assert now[0] == seconds[0] and now[1] != seconds[1]
    assert not reproduce(later, later, tmp_path, THERMOC, again=True)[0].kept
    record.write_text("{")
    assert reproduce(later, later, tmp_path, THERMOC)[0].judged[0].verdict == HOLDS
    assert "ring.cut" in markdown(verdict_table(kept)) and counts(kept)[HOLDS] == 2


def test_points_of_other_code_are_not_taken(tmp_path, monkeypatch):
    """What a study left is gone once the code changed or --again asks; a folder of the user's stays."""
    says = {"files": {"cut.py": "print('{\"cut\": 6}')"}, "commands": ("python cut.py",)}
    table = {"ring": _ring(figures=(_figure(name="cut", at="cut", expect=6.0),), **says)}
    own = tmp_path / "mine" / "ring" / "thesis.txt"
    own.parent.mkdir(parents=True)
    own.write_text("x")
    reproduce(table, table, tmp_path / "mine", THERMOC)
    assert own.exists()
    reproduce(table, table, tmp_path, THERMOC)
    point = tmp_path / "ring" / "point.json"
    for changed, again in ((False, False), (True, False), (False, True)):
        point.write_text("{}")
        if changed:
            monkeypatch.setattr(run, "code_digest", lambda: "other")
        done = reproduce(table, table, tmp_path, THERMOC, again=again)
        assert point.exists() == (not changed and not again) == done[0].kept
        assert done[0].judged[0].verdict == HOLDS


def test_what_fails_is_told_and_what_is_missing_is_skipped(tmp_path):
    table = {
        "bad": _ring("bad", files={"ring.txt": "no graph\n"}),
        "none": _ring("none", needs=("a-tool-that-nobody-has",)),
        "data": _ring("data", needs=("mnist",)),
        "after": _ring("after", after="none", files=None),
    }
    done = reproduce(table, table, tmp_path, THERMOC, data_dir=tmp_path / "nowhere")
    found = {d.recipe.name: d.judged[0] for d in done}
    verdicts = {name: judged.verdict for name, judged in found.items()}
    assert verdicts == {"bad": FAILED, "none": SKIPPED, "data": SKIPPED, "after": SKIPPED}
    assert "ring.txt" in found["bad"].told and "exit code 2" in found["bad"].told
    assert found["none"].told == "a-tool-that-nobody-has is not installed"
    assert "thermoc data fetch mnist" in found["data"].told
    assert not lacking(_ring(), {}, None)


def test_a_recipe_is_stopped_when_it_is_late(tmp_path):
    late = _ring(minutes=1e-4, commands=("python -c 'import time; time.sleep(60)'",))
    late = replace(late, figures=(_figure(at="", pattern="(1)", expect=1),))
    found = reproduce({"ring": late}, {}, tmp_path, THERMOC, least=1.0)[0].judged[0]
    assert found.verdict == FAILED and "was stopped after 1 s" in found.told


def test_the_digest_is_that_of_the_code(tmp_path, monkeypatch):
    before = code_digest()
    assert before == code_digest()
    for package in ("hw_models", "compiler", "thermo"):
        (tmp_path / package).mkdir()
    monkeypatch.setattr("thermo.reproduce.run.ROOT", tmp_path)
    empty = code_digest()
    (tmp_path / "thermo" / "a.py").write_text("x = 1\n")
    one = code_digest()
    (tmp_path / "thermo" / "a.py").write_text("x = 2\n")
    assert len({before, empty, one, code_digest()}) == 4


# --- the command -------------------------------------------------------------------------------------


def test_figures_are_listed(capsys):
    assert main(["reproduce", "--list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["figures"]
    assert [row["name"] for row in rows] == [name for r in TABLE.values() for name in r.names]
    assert main(["reproduce", "nonsense"]) == 2
    assert "thermoc reproduce --list" in capsys.readouterr().err


QUICK = "published"
"""A recipe of seconds whose figures rest on constants alone."""
BROKEN = ("hw_models/devices/pbits/pbit-sampling-unit.toml", "value = 7.09", "value = 7.19")
"""One of them, fJ a Gibbs cycle, 1.4 % too large."""


def test_the_command_judges_and_writes(capsys, tmp_path):
    words = ["reproduce", QUICK, "-o", str(tmp_path / "r"), "--markdown", str(tmp_path / "r.md")]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["verdict"] for row in told["figures"]} == {"holds"}
    assert told["host"]["cores"] >= 1 and told["host"]["instructions"]
    assert f"| {told['figures'][0]['name']} |" in (tmp_path / "r.md").read_text()
    assert main(words) == 0  # kept
    assert "(kept)" in capsys.readouterr().out


def test_a_broken_constant_is_caught(tmp_path):
    """A copy of the sources in which one joule is another: exit code 1, and the figure is named."""
    for package in ("hw_models", "compiler", "thermo"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    place, old, new = BROKEN
    text = (tmp_path / place).read_text(encoding="utf-8")
    assert text.count(old) == 1
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    words = [*THERMOC, "reproduce", QUICK, "-o", "r"]
    run = dict(cwd=tmp_path, env=environment, capture_output=True, text=True)
    good = subprocess.run(words, **run)
    assert good.returncode == 0, good.stdout + good.stderr
    (tmp_path / place).write_text(text.replace(old, new), encoding="utf-8")
    bad = subprocess.run(words, **run)
    assert bad.returncode == 1, bad.stdout + bad.stderr
    assert "DIFFERS: off by" in bad.stdout and "0 differ" not in bad.stdout


@pytest.mark.slow
def test_fast_figures_hold(capsys, tmp_path):
    """Every fast figure, on this machine; what needs a tool or data that is not here is skipped."""
    assert main(["reproduce", "--fast", "-o", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"]["holds"] >= 25
