"""The pages' tables are those that the records give; recipes run anywhere."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from compiler.errors import ThermocError
from thermo.reproduce import host
from thermo.reproduce.judge import HOLDS
from thermo.reproduce.pages import Number, blocks, filled, write_pages
from thermo.reproduce.records import Record, read_records, with_round, write_records
from thermo.reproduce.run import reproduce
from thermo.reproduce.table import Figure, Recipe, chosen, read_table

ROOT = Path(__file__).parents[3]
RECIPES, RECORDS = read_table(), read_records()
MADE = blocks(RECIPES, RECORDS)


@pytest.mark.parametrize("page", MADE)
def test_tables_are_those_of_the_records(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert filled(text, MADE[page]) == text, "run `thermoc reproduce NAME --record`, or change tables.toml"


def test_the_readme_has_no_other_table_of_figures():
    """Fences without a language and Markdown tables with figures stand between marks."""
    outside = (ROOT / "README.md").read_text(encoding="utf-8")
    for text in MADE["README.md"].values():
        outside = outside.replace(text, "")
    left = [line for line in outside.splitlines() if line.startswith("| ") and "±" in line]
    assert not left
    assert len(MADE["README.md"]) == 7


def test_another_record_is_another_page():
    """The twin: a hundredth of a per cent."""
    record = RECORDS["mnist-resistive"]
    value, error = record.figures["accuracy"]
    other = RECORDS | {"mnist-resistive": replace(record, figures={"accuracy": (value + 1e-4, error)})}
    assert blocks(RECIPES, other)["README.md"]["eqprop"] != MADE["README.md"]["eqprop"]
    with pytest.raises(ThermocError, match="table eqprop: 'mnist-resistive' is not recorded"):
        blocks(RECIPES, {name: r for name, r in RECORDS.items() if name != "mnist-resistive"})


def test_records_are_of_known_figures():
    for name, record in RECORDS.items():
        assert set(record.figures) <= {f.name for f in RECIPES[name].figures}
        assert bool(record.text) <= bool(RECIPES[name].prints)


@pytest.mark.parametrize(
    ("how", "said"), [("%2±", "98.90 ± 0.10"), ("%1", "98.9"), ("3", "0.989"), (",0", "1")]
)
def test_a_number_is_said_as_its_template_asks(how, said):
    assert format(Number(0.989, 0.001), how) == said


def test_what_a_template_gets_wrong_is_named():
    assert format(Number(12345.6, 0), ",0") == "12,346"
    with pytest.raises(ThermocError, match="no format of a figure"):
        format(Number(1.0, 0.0), "x")
    with pytest.raises(ThermocError, match="0 marks"):
        filled("text", {"a": "b"})
    with pytest.raises(ThermocError, match="no <!-- end -->"):
        filled("<!-- figures: a -->\nold", {"a": "b"})


def _recipe(name, command, **facts):
    figure = Figure("n", "", "1", pattern=r"(\d+)", expect=1.0, why="counted")
    return Recipe(name, "README.md", 1, (command,), (figure,), **facts)


THREADS = "python -c 'import os; print(os.environ.get(\"NUMBA_NUM_THREADS\", 0))'"


def test_a_round_runs_in_any_executor_with_one_thread_each(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "7")
    table = {"a": _recipe("a", THREADS), "b": _recipe("b", THREADS), "c": _recipe("c", THREADS, after="b")}
    with ThreadPoolExecutor(2) as executor:
        submit, sent = executor.submit, []
        monkeypatch.setattr(executor, "submit", lambda f, *a: sent.append((f, a)) or submit(f, *a))
        done = reproduce(table, table, tmp_path / "many", ("none",), executor=executor)
    assert [d.recipe.name for d in done] == ["a", "b", "c"]
    assert [d.judged[0].verdict for d in done] == [HOLDS] * 3
    chains = [[recipe.name for recipe in chain] for _, (chain,) in sent]
    assert chains == [["a"], ["b", "c"]]
    pickle.loads(pickle.dumps(sent[1]))  # as other processes get it
    here = reproduce(table, table, tmp_path / "here", ("none",))
    assert [d.judged[0].value for d in here] == [7.0] * 3  # the twin: one after the other has all threads


def test_a_round_is_recorded(tmp_path):
    table = {"a": _recipe("a", 'python -c \'print(1); open("t.txt", "w").write("all")\'', prints="t.txt")}
    done = reproduce(table, table, tmp_path / "r", ("none",))
    before = {"a": Record("then", 5.0, {"n": (3.0, 0.5), "other": (2.0, 0.0)}), "b": Record("", 0.0, {})}
    after = with_round(before, done, "here")
    assert after["a"].figures == {"n": (1.0, 0.0), "other": (2.0, 0.0)}
    assert (after["a"].host, after["a"].text, after["b"]) == ("here", "all", before["b"])
    write_records(after, tmp_path / "records.json")
    assert read_records(tmp_path / "records.json") == after
    (tmp_path / "records.json").write_text("[]")
    with pytest.raises(ThermocError, match="no records of figures"):
        read_records(tmp_path / "records.json")


def test_pages_are_written(tmp_path):
    for page in MADE:
        (tmp_path / page).parent.mkdir(exist_ok=True)
        text = (ROOT / page).read_text(encoding="utf-8")
        for made in MADE[page].values():
            text = text.replace(made, "old")
        (tmp_path / page).write_text(text, encoding="utf-8")
    assert set(write_pages(tmp_path, RECIPES, RECORDS)) == {tmp_path / page for page in MADE}
    assert (tmp_path / "README.md").read_text() == (ROOT / "README.md").read_text()
    assert write_pages(tmp_path, RECIPES, RECORDS) == ()


def test_long_ones_and_races_run_by_name_alone():
    assert not any(r.asked for r in chosen(RECIPES, (), False).values())
    assert list(chosen(RECIPES, ["speed-spins"], False)) == ["speed-spins"]


def test_a_host_says_what_kernels_are_compiled_for(monkeypatch):
    monkeypatch.setattr(host, "target_features", lambda: frozenset({"avx", "avx2"}))
    assert ", avx2 (" in str(host.this_host())
