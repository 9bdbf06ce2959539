"""Scripts for SLURM of docs/tools.md: what they would submit is looked at, no cluster is asked."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from thermo.cli.describe import flags_of, function_of
from thermo.cli.main import COMMANDS

PAGE = (Path(__file__).parents[3] / "docs" / "tools.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("### SLURM") : PAGE.index("### What a point costs")]
PYTHON, ARRAY = re.findall(r"```(?:python|sh)\n(.*?)```", SECTION, re.DOTALL)


def _study(words):
    """Flags of a line `thermoc study pareto ...`, which the command must have."""
    known = {word for flag in flags_of(function_of(COMMANDS["study pareto"][0])) for word in flag.words}
    assert words[:3] == ["thermoc", "study", "pareto"]
    assert {word for word in words if word.startswith("-")} <= known
    return words


def test_what_dask_would_submit(monkeypatch):
    pytest.importorskip("dask_jobqueue")
    import dask_jobqueue

    asked, run = {}, []

    class Cluster(dask_jobqueue.SLURMCluster):
        def __init__(self, **options):
            super().__init__(**options, scheduler_options={"host": "127.0.0.1"})

        def scale(self, n=None, jobs=0, **_):
            if jobs:
                asked.update(jobs=jobs, script=self.job_script())

    monkeypatch.setattr(dask_jobqueue, "SLURMCluster", Cluster)
    monkeypatch.setattr(subprocess, "run", lambda words, check: run.append(words))
    exec(compile(PYTHON, "study.py", "exec"), {})
    script = asked["script"]
    assert asked["jobs"] == 4 and "#SBATCH -p cpu" in script and "#SBATCH --cpus-per-task=16" in script
    assert "--nthreads 1 " in script and "--nworkers 16 " in script
    warm = script.index("\nthermoc warm --only langevin,machines\n")
    assert script.index("export NUMBA_CACHE_DIR") < warm < script.index("distributed.cli.dask_worker")
    assert _study(run[0])[-2] == "--scheduler" and run[0][-1].startswith("tcp://")


def test_the_array_of_jobs():
    lines = ARRAY.splitlines()
    assert lines[0] == "#!/bin/bash" and lines[1].startswith("#SBATCH --array=")
    assert "NUMBA_NUM_THREADS=1" in ARRAY
    _study(lines[-1].split())
    if shutil.which("bash"):
        subprocess.run(["bash", "-n"], input=ARRAY, text=True, check=True)
