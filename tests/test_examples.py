"""Every example runs, on a small setting, and prints what it promises."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))

NEEDS = {"11_simulated_layer": "torch", "13_fine_tune": "torch"}
"""Packages that are installed for tests where they can be had."""

# Run before the example: presets with two epochs, so that only the code is tested.
SHORT = """
import runpy, sys
from dataclasses import replace
from thermo.training.langevin import presets
full = presets.pathwise_preset
presets.pathwise_preset = lambda *a, **k: replace(full(*a, **k), epochs=2)
runpy.run_path(sys.argv[1], run_name="__main__")
"""


LONG = ("11_simulated_layer", "12_cross_validation", "13_fine_tune")


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=pytest.mark.slow) if p.stem in LONG else p for p in EXAMPLES],
    ids=lambda p: p.stem,
)
def test_example(path, tmp_path):
    if importlib.util.find_spec(NEEDS.get(path.stem, "numpy")) is None:
        pytest.skip(f"{NEEDS[path.stem]} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", SHORT, str(path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "NUMBA_NUM_THREADS": "2"},
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 2
