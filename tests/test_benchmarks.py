"""Benchmarks that follow trainers step by step go on running as these change."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["--shapes", "--wirings"])
def test_shapes_of_tables_are_timed(kind: str) -> None:
    pytest.importorskip("torch", reason="the benchmark's peer is written in torch")
    words = [sys.executable, "benchmarks/logic_training.py", kind, "--samples", "512", "--rounds", "1"]
    ran = subprocess.run([*words, "--threads", "1"], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    rows = [line.split() for line in ran.stdout.splitlines() if line[:1].isdigit()][1:]
    assert len(rows) >= 6 and all(0 < float(row[-2]) <= 100 for row in rows), ran.stdout
    assert {row[-1] for row in rows} <= {"256", "512"}, ran.stdout
