"""The study of linear algebra: its problems, its slopes, its command."""

import json

import numpy as np
import pytest

from compiler.errors import ThermocError
from hw_models.presets import DEVICES
from thermo.cli.main import main
from thermo.studies.linear_algebra import LinearPoint, Setting, curve, measure, problem, run_study, settings

DEVICE = DEVICES.get("rc-1fF")
BASE = Setting("solve", 4, 4.0, 64.0, 1.0, 16, 0)


def test_problems_have_the_condition_number_asked_for():
    a, b, q = problem(6, 50.0, 3)
    value = np.linalg.eigvalsh(a)
    assert value[-1] / value[0] == pytest.approx(50.0)
    assert value[-1] == pytest.approx(1.0)
    assert b.shape == (6,) and np.linalg.matrix_rank(q) == 3
    assert (a == problem(6, 50.0, 3)[0]).all() and (a != problem(6, 50.0, 4)[0]).any()


def test_every_setting_once_for_each_seed():
    wanted = settings(4, [4.0, 8.0, 2.0], 16, 2, 5)
    assert len(set(wanted)) == len(wanted)
    assert {s.seed for s in wanted} == {5, 6}
    assert {s.condition for s in wanted if s.time != 64.0} == {4.0}


def point(setting, error):
    return LinearPoint(setting, error, error, 1.0, 100.0, True, 1.0, None, None, {}, 0.0)


def test_a_slope_of_one_half_is_found():
    points = [
        point(Setting("solve", 4, 4.0, t, 1.0, 16, s), (1 + s) / np.sqrt(t))
        for t in (4.0, 16.0, 64.0)
        for s in range(3)
    ]
    found = curve(points, "solve", "time", BASE)
    assert found.slope == pytest.approx(-0.5) and found.slope_error == pytest.approx(0, abs=1e-12)
    assert found.error[0] == pytest.approx(np.sqrt((1 + 4 + 9) / 3) / 2)
    assert curve(points, "solve", "kT", BASE) is None
    assert curve(points, "inverse", "time", BASE) is None


def test_points_are_kept_and_read_again(tmp_path):
    wanted = [Setting("inverse", 3, 3.0, 8.0, 1.0, 16, 1), Setting("determinant", 3, 3.0, 4.0, 1.0, 16, 1)]
    first = run_study(wanted, tmp_path, DEVICE)
    files = sorted((tmp_path / "points").iterdir())
    stamps = [f.stat().st_mtime_ns for f in files]
    again = run_study(wanted, tmp_path, DEVICE)
    assert again == first and [f.stat().st_mtime_ns for f in files] == stamps
    assert first[0].z < 5 and first[1].dissipated is not None
    files[0].write_text("{}")
    with pytest.raises(ThermocError, match="delete it"):
        run_study(wanted, tmp_path, DEVICE)


def test_lyapunov_and_exponential_are_graded():
    for name in ("lyapunov", "exponential"):
        found = measure(Setting(name, 3, 3.0, 40.0, 1.0, 16, 2), DEVICE)
        assert found.error < 0.5 and found.settled and found.cost["total"] > 0


def test_command_writes_table_and_figure(tmp_path, capsys):
    arguments = ["study", "linear-algebra", "-o", str(tmp_path), "--size", "3", "--seeds", "2"]
    arguments += ["--machines", "16", "--condition", "2", "--condition", "3", "--json"]
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert {p["setting"]["operation"] for p in result["points"]} == {
        "solve",
        "inverse",
        "lyapunov",
        "exponential",
        "determinant",
    }
    assert (tmp_path / "linear-algebra.png").stat().st_size > 10_000
    text = (tmp_path / "linear-algebra.txt").read_text()
    assert "slope" in text and "with periphery" in text
    curves = {c["operation"]: c for c in result["curves"]["kT"]}
    assert curves["solve"]["slope"] == pytest.approx(0.5, abs=0.1)
    assert main([*arguments[:4], "--condition", "0.5"]) == 2
    assert "condition must be above 1" in " ".join(capsys.readouterr().err.split())


def test_a_file_with_A_and_b_is_compiled_and_solved_from_the_command_line(tmp_path, capsys):
    a, b = np.array([[2.0, -0.5], [-0.25, 1.0]]), np.array([1.0, -2.0])
    np.savez(tmp_path / "ab.npz", A=a, b=b, kT=0.0)
    net = str(tmp_path / "ab.tnl")
    assert main(["compile", str(tmp_path / "ab.npz"), "-o", net]) == 0
    capsys.readouterr()
    assert main(["simulate", net, "--json"]) == 0
    mean = json.loads(capsys.readouterr().out)["outputs_mean"][0]
    # 10 relaxation times before the average: exp(-10) of the start is left
    np.testing.assert_allclose(mean, np.linalg.solve(a, b), atol=1e-4)


def test_means_of_few_runs_are_not_trusted(tmp_path, capsys):
    a, b = np.array([[2.0, -0.5], [-0.5, 1.0]]), np.array([1.0, -2.0])
    np.savez(tmp_path / "ab.npz", A=a, b=b, kT=0.5)
    net = str(tmp_path / "ab.tnl")
    assert main(["compile", str(tmp_path / "ab.npz"), "-o", net]) == 0
    capsys.readouterr()
    assert main(["simulate", net, "--runs", "64", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    error = np.array(told["outputs_error"][0])
    # 5 standard errors; with 64 runs the error itself is known to 1 / sqrt(126)
    away = np.abs(told["outputs_mean"][0] - np.linalg.solve(a, b))
    assert (away < 5 * error).all() and told["outputs_warning"] == ""
    # a mean over the time T: variance 2 kT (A^-2)_ii / T, up to 1 / (rate T)
    duration = 100.0 / np.diag(a).min()
    want = np.sqrt(2 * 0.5 * np.diag(np.linalg.inv(a @ a)) / duration / 64)
    np.testing.assert_allclose(error, want, rtol=5 / np.sqrt(126))
    assert main(["simulate", net, "--runs", "2"]) == 0
    assert "NOT RELIABLE, of 2 independent runs" in " ".join(capsys.readouterr().out.split())
    assert main(["simulate", net, "--kT", "0"]) == 0
    assert "NOT RELIABLE" not in capsys.readouterr().out
