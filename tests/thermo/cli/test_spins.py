"""thermoc simulate on p-bits, as its user runs it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from compiler.families.ising import from_edges, lower_ising
from compiler.formats.ising.dimacs import from_clauses
from compiler.formats.ising.terms import max_cut
from compiler.ir.container import save
from thermo.cli.main import build

runner = CliRunner()


def run(*arguments):
    return runner.invoke(build(["simulate"]), ["simulate", *map(str, arguments)])


def answer(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def ring(tmp_path):
    n = 24
    model = max_cut(n, np.arange(n), (np.arange(n) + 1) % n, np.ones(n))
    path = tmp_path / "ring.tnl"
    save(lower_ising(model, sweeps=400), path)
    return path


@pytest.fixture
def lattice(tmp_path):
    site = np.arange(36).reshape(6, 6)
    col = np.concatenate([np.roll(site, -1, a).ravel() for a in (0, 1)])
    names = tuple(f"s{i}" for i in range(36))
    model = from_edges(np.zeros(36), np.tile(site.ravel(), 2), col, np.ones(72), kT=3.0, names=names)
    path = tmp_path / "lattice.tnl"
    save(lower_ising(model, sweeps=1000, sample=True), path)
    return path


def test_a_cut(ring, tmp_path):
    told = answer(ring, "--save", tmp_path / "best", "--chains", 6)
    assert told["problem"] == "max-cut"
    assert told["cut"] == 24.0
    assert told["energy"] == -24.0
    assert (told["sweeps"], told["chains"], told["method"]) == (400, 6, "chains")
    assert set(told["variables"].values()) == {-1, 1}
    assert told["mean_energy"] is None
    assert told["seconds"] > 0
    assert told["manifest"]["seed"] == 0
    with np.load(told["saved"]) as file:
        s = file["best_state"]
        assert (s * np.roll(s, 1) == -1).all()
    text = run(ring)
    assert "cut" in text.stdout
    assert "24" in text.stdout


def test_lengths_and_temperatures(ring):
    assert answer(ring, "--sweeps", 37)["sweeps"] == 37
    kept = ring.with_name("timed.npz")
    timed = answer(ring, "--seconds", 0.2, "--save", kept)
    assert timed["chains"] == 2
    again = answer(ring, "--clock", kept)
    assert again["energies"] == timed["energies"]
    assert again["variables"] == timed["variables"]
    assert "holds no clock" in run(ring, "--clock", ring).stderr
    hot = answer(ring, "--kT", 1000, "--sweeps", 500)
    assert hot["method"] == "lanes"
    assert abs(hot["mean_energy"]["mean"]) < 1.0


def test_an_imperfect_device(ring):
    told = answer(ring, "--mismatch", 0.05, "--device-seed", 3)
    assert told["method"] == "lanes"  # its couplings are directed
    assert told["energy"] == -told["cut"]
    assert told["cut"] >= 20


def test_sampling_reports_a_mean_that_can_be_trusted(lattice, tmp_path):
    told = answer(lattice, "--save", tmp_path / "s.npz", "--seed", 3)
    mean = told["mean_energy"]
    assert mean["reliable"]
    assert mean["ess"] > 400
    # transfer matrix of the 6 x 6 torus at kT = 3
    assert mean["mean"] == pytest.approx(torus_energy(6, 3.0), abs=5 * mean["sem"])
    assert told["variables"].keys() == told["means"].keys() == {f"s{i}" for i in range(36)}
    assert max(map(abs, told["means"].values())) < 0.2  # no field, far above the critical point
    assert told["means_ess"]["median"] > told["means_ess"]["least"] > 50
    with np.load(told["saved"]) as file:
        assert file["samples"].shape == (32, 200, 36)


def torus_energy(side: int, kT: float) -> float:
    """Mean energy of a side x side torus, by d ln tr(T^side) / d(1/kT)."""
    s = 2 * ((np.arange(2**side)[:, None] >> np.arange(side)) & 1) - 1
    row = (s * np.roll(s, 1, axis=1)).sum(axis=1)
    between = s @ s.T

    def log_z(beta):
        t = np.exp(beta * (between + (row[:, None] + row[None, :]) / 2))
        values = np.linalg.eigvalsh(t)
        return side * np.log(values[-1]) + np.log(((values / values[-1]) ** side).sum())

    return -(log_z(1 / kT + 1e-5) - log_z(1 / kT - 1e-5)) / 2e-5


def test_short_runs_are_not_trusted(lattice):
    told = answer(lattice, "--sweeps", 4, "--chains", 2)
    assert not told["mean_energy"]["reliable"]
    assert "effective sample size" in told["mean_energy"]["warning"]
    assert told["means_ess"]["median"] < 400
    assert "with an ESS below 400" in told["means_warning"]
    assert "NOT RELIABLE" in run(lattice, "--sweeps", 4, "--chains", 2).stdout
    alone = answer(lattice, "--chains", 1)
    assert alone["means_ess"] is None
    assert "one chain" in alone["means_warning"]
    frozen = answer(lattice, "--chains", 8, "--sweeps", 30, "--kT", 1e-3)
    assert "alike in all chains" in frozen["means_warning"] or frozen["means_ess"]["least"] < 400


def test_tempering(lattice, tmp_path):
    told = answer(lattice, "--tempering", 4, "--hot", 6, "--sweeps", 2000, "--save", tmp_path / "t")
    assert told["kT"][0] == 3.0
    assert told["kT"][-1] == 6.0
    assert len(told["acceptance"]) == 3
    assert min(told["acceptance"]) > 0.1
    mean = told["mean_energy"]
    assert mean["mean"] == pytest.approx(torus_energy(6, 3.0), abs=5 * mean["sem"])
    assert "exchanges accepted" in run(lattice, "--tempering", 3, "--sweeps", 50).stdout


def test_a_formula(tmp_path):
    clauses = [[1, 2, -3], [-1, 2, 4], [3, -4, -2], [-1, -2, 3], [4]]
    path = tmp_path / "f.tnl"
    save(lower_ising(from_clauses(4, clauses, vartype="binary"), sweeps=500), path)
    told = answer(path)
    assert (told["satisfied"], told["clauses"], told["vartype"]) == (5, 5, "binary")
    true = set(told["assignment"])
    assert all(true & set(clause) for clause in clauses)
    assert set(told["variables"].values()) <= {0, 1}
    assert "5 of 5" in run(path).stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--data", "digits"), "--data does not apply to p-bits"),
        (("--mismatch", "0.1", "--tempering", "3"), "tempering needs energies"),
        (("--mismatch", "-1"), "mismatch must be"),
        (("--kT", "-1"), "kT must be"),
        (("--seconds", "1", "--sweeps", "3"), "either sweeps or seconds"),
        (("--hot", "3"), "add tempering (--tempering N)"),
        (("--tempering", "3", "--seconds", "1"), "give tempering its sweeps"),
        (("--tempering", "3", "--hot", "1e-9"), "0 < cold < hot"),
        (("--sweeps", "0"), "--sweeps"),
    ],
)
def test_bad_options_are_one_line(ring, options, message):
    result = run(ring, *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_p_bit_options_are_for_p_bits(tmp_path):
    from compiler.ir.langevin import Cells, LangevinNetlist, Phase

    net = LangevinNetlist(Cells.make(1, j2=0.5), (), 1.0, 1.0, (Phase("p", 1.0),))
    save(net, tmp_path / "a.tnl")
    result = run(tmp_path / "a.tnl", "--chains", 3)
    assert result.exit_code == 2
    assert "--chains does not apply to an analog netlist" in result.stderr


def test_a_bound_stands_beside_the_cut(ring, tmp_path):
    n = 25
    odd = tmp_path / "odd.tnl"
    save(lower_ising(max_cut(n, np.arange(n), (np.arange(n) + 1) % n, np.full(n, 2.0)), sweeps=400), odd)
    told = answer(odd, "--bound", "--chains", 8, "--seed", 3)
    assert told["bound"]["cut"] == 48.0
    assert told["bound"]["optimal"] == (told["cut"] == 48.0)
    assert told["bound"]["gap"] == told["energy"] - told["bound"]["energy"]
    assert 0 < told["time_to_solution"]["hits"] <= 8
    text = run(ring, "--bound").stdout
    assert "no cut is above 24" in text
    assert "proved" in text
    alone = run(ring, "--bound-seconds", 1)
    assert alone.exit_code == 2
    assert "--bound-seconds 1 is for --bound" in alone.stderr
    assert run(ring, "--bound", "--bound-seconds", -1).exit_code == 2


def test_a_certificate_is_granted_and_refused(lattice, ring):
    good = answer(lattice, "--certify", "--sweeps", 4000)
    assert good["certificate"]["granted"]
    assert good["certificate"]["kT_interval"][0] < 3.0 < good["certificate"]["kT_interval"][1]
    bad = answer(lattice, "--certify", "--sweeps", 8, "--kT", 2.0)
    assert not bad["certificate"]["granted"]
    assert "REFUSED: " in run(lattice, "--certify", "--sweeps", 8, "--kT", 2.0).stdout
    annealed = run(ring, "--certify")
    assert annealed.exit_code == 2
    assert "--bound" in annealed.output


def test_a_ground_state_that_all_chains_found_is_not_called_unreliable(tmp_path):
    model = from_edges(np.full(4, 2.5), [0, 1, 2], [1, 2, 3], [1.0, -1.0, 1.0], kT=0.02)
    path = tmp_path / "chain.tnl"
    save(lower_ising(model, sweeps=400, sample=True), path)
    told = answer(path, "--seed", 1)
    assert told["mean_energy"]["mean"] == told["energy"] == -11.0
    assert told["mean_energy"]["reliable"]
    assert told["means_warning"] == ""
    assert "NOT RELIABLE" not in run(path, "--seed", 1).stdout
