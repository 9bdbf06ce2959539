"""Results as pandas, xarray and arviz have them: the same numbers under their names."""

import sys

import numpy as np
import pytest
from toys.compiler import machine

from compiler.errors import UnsupportedError
from compiler.families.ising import from_edges, lower_ising
from compiler.families.langevin import lower_langevin
from thermo.evaluate import Evaluation, Heat
from thermo.report.page import Table
from thermo.samplers import Draws
from thermo.simulate import SimulationError, simulate
from thermo.studies.study import Findings


@pytest.fixture(scope="module")
def spins():
    net = lower_ising(from_edges(np.zeros(4), np.arange(3), np.arange(1, 4), np.array([1.0, -1.0, 2.0])))
    return simulate(net, chains=3, observe_every=2, keep_samples=True, seed=1)


@pytest.fixture(scope="module")
def run():
    return simulate(lower_langevin(machine()), np.ones((2, 3)), runs=3, trajectory_every=5, seed=1)


def test_evaluations_are_rows():
    pandas = pytest.importorskip("pandas")
    one = Evaluation("test", 10, 1, 0.9, 0.1, None, Heat(5.0, 1.0, 0.3))
    frame = pandas.concat([one.to_pandas(), one.to_pandas()])
    assert frame.shape == (2, 8)
    assert frame.iloc[0].heat_kT_sem == 0.3
    assert "rmse" not in frame


def test_a_run_is_a_frame_of_samples_and_runs(run):
    pytest.importorskip("pandas")
    frame = run.to_pandas()
    assert frame.index.names == ["sample", "run"] and len(frame) == 6
    assert frame.loc[(1, 2), "answer_1"] == run.run_answers()[1, 2, 1]
    assert frame.loc[(1, 0), "heat"] == run.heat[1, 0]


def test_a_run_is_a_dataset_with_named_axes(run):
    pytest.importorskip("xarray")
    data = run.to_xarray()
    assert data.trajectory.dims == ("saved", "sample", "run", "cell")
    np.testing.assert_array_equal(data.saved, run.trajectory_times)
    assert float(data.heat.sel(sample=1, run=2)) == run.heat[1, 2]
    assert data.attrs["method"] == run.method
    by_phase = data.heat_by_phase.sum("phase")
    np.testing.assert_allclose(by_phase, run.heat, rtol=1e-12)


def test_trajectories_are_chains_of_arviz(run):
    pytest.importorskip("arviz")
    made = run.to_arviz(sample=1)
    x = made["posterior"]["x"]
    assert x.shape[:2] == (3, run.trajectory_times.size)
    np.testing.assert_array_equal(x[2, 4], run.trajectory[4, 1, 2])


def test_p_bits_are_frames_datasets_and_chains(spins):
    arviz = pytest.importorskip("arviz")
    pytest.importorskip("pandas")
    assert list(spins.to_pandas().best_energy) == list(spins.best_energies)
    data = spins.to_xarray()
    assert data.samples.dims == ("chain", "sweep", "spin")
    np.testing.assert_array_equal(data.sweep, spins.observed_at)
    made = spins.to_arviz()
    np.testing.assert_array_equal(made["posterior"]["state"], spins.samples)
    np.testing.assert_array_equal(made["sample_stats"]["energy"], spins.observed_energy)
    assert arviz.ess(made)["state"].shape == (4,)


def test_draws_are_chains_with_weights():
    pytest.importorskip("arviz")
    draws = Draws(np.arange(24.0).reshape(4, 3, 2), np.arange(8.0).reshape(4, 2), np.zeros((3, 2)))
    made = draws.to_arviz()
    assert float(made["posterior"]["x"].sel(chain=1, draw=2, coordinate=0)) == draws.x[2, 0, 1]
    assert float(made["sample_stats"]["weight"].sel(chain=1, draw=2)) == draws.weight[2, 1]
    assert draws.to_xarray().x.dims == ("chain", "draw", "coordinate")


def test_findings_are_frames_by_key():
    pytest.importorskip("pandas")
    table = Table(("a", "b"), (("1", "<2>"),), (1,))
    found = Findings({"rows": [{"a": 1, "b": 2.5}], "seed": 0, "none": []}, (table,))
    frames = found.to_pandas()
    assert list(frames) == ["rows"] and frames["rows"].b[0] == 2.5
    assert "&lt;2&gt;" in found._repr_html_()


def test_what_was_not_kept_is_said(run, spins):
    from dataclasses import replace

    with pytest.raises(SimulationError, match="trajectory_every"):
        replace(run, trajectory=None).to_arviz()
    with pytest.raises(SimulationError, match="keep_samples"):
        replace(spins, samples=None).to_arviz()


@pytest.mark.parametrize("name", ["pandas", "xarray", "arviz"])
def test_what_is_not_installed_is_said(run, name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UnsupportedError, match=rf"to_{name}\(\) needs {name}: pip install {name}"):
        getattr(run, f"to_{name}")()
