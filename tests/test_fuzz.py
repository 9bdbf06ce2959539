"""A thousand damaged files of every format: no traceback, no gigabyte, nothing that hangs."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fuzzing import corpus, worker
from fuzzing.mutate import mutated

FILES = 1000
SEED = 20261129


def _cases(folder, files, seed):
    """Damaged copies of the corpus, each in a folder of its own, and the command lines that read them."""
    whole = corpus.write(folder / "whole")
    rng = np.random.default_rng(seed)
    cases = []
    for k in range(files):
        path = list(whole)[k % len(whole)]
        bad = folder / str(k) / path.name
        bad.parent.mkdir()
        if path.suffix == ".idx":  # images are read with the labels beside them
            for other in path.parent.glob("*.idx"):
                shutil.copy(other, bad.parent)
        bad.write_bytes(mutated(path.read_bytes(), path.name, rng))
        for n, line in enumerate(whole[path]):
            cases.append({"name": f"{k}/{path.name} {n}", "argv": _words(line, bad, folder)})
    return cases


def _words(line, path, folder):
    return [word.format(f=path, out=folder / "o.tnl", here=folder / "whole") for word in line]


def _run(cases, folder):
    """How each case ended, by name; one that ends the process is told as "died"."""
    results, left = folder / "results.jsonl", cases
    results.touch()
    while left:
        (folder / "cases.json").write_text(json.dumps(left))
        words = [sys.executable, "-m", "fuzzing.worker", str(folder / "cases.json"), str(results)]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(words, cwd=Path(__file__).parent, timeout=600, env=_environment())
        done = [json.loads(line)["name"] for line in results.read_text().splitlines()]
        left = [case for case in left if case["name"] not in set(done)]
        if left:
            line = {"name": left[0]["name"], "rc": "died", "seconds": 0, "megabytes": 0, "told": ""}
            with results.open("a") as file:
                file.write(json.dumps(line) + "\n")
            left = left[1:]
    return [json.loads(line) for line in results.read_text().splitlines()]


def _environment():
    root = Path(__file__).parents[1]
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"}


def _faults(results):
    bad = [r for r in results if r["rc"] not in (0, 2)]
    bad += [r for r in results if r["megabytes"] > worker.MEGABYTES or "out of memory" in r["told"]]
    bad += [r for r in results if r["rc"] == 2 and not r["told"].splitlines()[-1].startswith("error: ")]
    return bad


@pytest.mark.slow
def test_whole_files_are_read(tmp_path):
    whole = corpus.write(tmp_path / "whole")
    assert len(whole) > 60
    cases = [
        {
            "name": f"{path.name} {n}",
            "argv": [w.format(f=path, out=tmp_path / "o.tnl", here=path.parent) for w in line],
        }
        for path, lines in whole.items()
        for n, line in enumerate(lines)
    ]
    results = _run(cases, tmp_path)
    read = {r["name"].split()[0] for r in results if r["rc"] == 0}
    # labels have no labels beside them; a chip of five nodes is too small for a ring of five
    assert {path.name for path in whole} - read <= {"train-labels.idx", "working.json"}
    assert not _faults(results)


def test_a_fault_is_seen():
    """What the long test looks for: an error that is not ours, one that takes too much, one that hangs."""
    results = [
        {"name": "a", "rc": "traceback", "megabytes": 0, "told": ""},
        {"name": "b", "rc": 0, "megabytes": 2000, "told": ""},
        {"name": "c", "rc": 2, "megabytes": 0, "told": "error: out of memory"},
        {"name": "d", "rc": "hang", "megabytes": 0, "told": ""},
        {"name": "e", "rc": 2, "megabytes": 0, "told": "error: x.cnf: is empty"},
    ]
    assert [r["name"] for r in _faults(results)] == ["a", "d", "b", "c"]


@pytest.mark.slow
def test_a_thousand_damaged_files(tmp_path):
    (tmp_path / "whole").mkdir()
    results = _run(_cases(tmp_path, FILES, SEED), tmp_path)
    assert len(results) >= FILES
    assert sum(r["rc"] == 2 for r in results) > FILES / 2  # most damage is seen
    faults = _faults(results)
    assert not faults, "\n".join(f"{r['name']}: {r['rc']} {r['told'][-600:]}" for r in faults[:10])
