"""Networks in a thermal bath: accuracy over kT and averaging time, heat, records."""

import json
from dataclasses import replace

import numpy as np
import pytest

from compiler.api import compile
from compiler.errors import UnsupportedError
from compiler.families.hopfield import HopfieldNetwork
from compiler.families.oscillator import OscillatorNetwork, lower_oscillator
from compiler.ir.container import save
from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase, ReadOut, Role
from hw_models.presets import DEVICES
from thermo.cli.main import main
from thermo.data import DataError, Dataset
from thermo.simulate import simulate
from thermo.studies.eqprop_temperature import accuracy_over_temperature, temperature_study

DEVICE = DEVICES.get("rc-1fF")


def dataset(n=200, seed=0, features=1):
    """Class 1 where the first feature is above 0."""
    rng = np.random.default_rng(seed)
    x = rng.choice([-1.0, 1.0], (n, features)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    return Dataset("toy", x[:4], y[:4], x[:4], y[:4], x, y, 2)


def harmonic(scale=1.0, duration=8.0):
    """Two cells in wells of stiffness 1, pulled by -+u to means -+scale."""
    return LangevinNetlist(
        cells=Cells.make(3, j2=[0.0, 0.5, 0.5], role=[Role.INPUT, Role.OUTPUT, Role.OUTPUT]),
        couplings=(Couplings.from_coo(CouplingKind.LINEAR, 3, [1, 2], [0, 0], [-scale, scale]),),
        kT=0.0,
        mobility=1.0,
        schedule=(Phase("free", duration),),
        readout=ReadOut(np.array([1, 2], np.int32), "free"),
        dt=0.0625,
    )


def test_accuracy_is_that_of_gaussian_cells(tmp_path):
    """P(right) = Phi(scale / sigma), sigma^2 = kT / (1 - dt / 2) of one instant; an average over w
    has kT times 2 / w (1 - (1 - e^-w) / w), and both cells' noises add as their means do.
    """
    from scipy.stats import norm

    kT, w = 0.8, 4.0
    data = dataset(400)
    study = temperature_study(
        harmonic(), data, DEVICE, tmp_path, kTs=[0.0, kT], windows=[0, w], samples=400, runs=8
    )
    by = {(r.kT, r.window): r for r in study.readings}
    assert [(h.kT, h.window) for h in study.halved] == [(kT, 0.0), (kT, w)]
    for h in study.halved:  # half the step is another experiment with the same answer
        both = np.hypot(h.sem, by[kT, h.window].sem)
        assert 0 < abs(h.accuracy - by[kT, h.window].accuracy) < 4 * both + 2e-3
    assert by[0.0, 0.0].accuracy == by[0.0, w].accuracy == 1.0
    instant = norm.cdf(np.sqrt(2 * (1 - 0.0625 / 2) / kT))
    share = 2 / w * (1 - (1 - np.exp(-w)) / w)
    averaged = norm.cdf(np.sqrt(2 / (kT * share)))
    for window, wanted in ((0.0, instant), (w, averaged)):
        got = by[kT, window]
        sem = np.sqrt(wanted * (1 - wanted) / 3200)
        assert abs(got.accuracy - wanted) < 4 * sem + 2e-3  # the average's is of dt -> 0
        assert got.sem == pytest.approx(sem, rel=0.3)
        assert got.lost == pytest.approx(1 - got.accuracy)
    assert averaged - instant > 10 * np.sqrt(instant * (1 - instant) / 3200)  # a twin is caught


def test_heat_is_the_change_of_energy_and_of_idle_cells(tmp_path):
    """<V(0) - V(x)> = 2 (scale^2 / 2 - kT / (1 - dt/2) / 2), idle cells only the last part."""
    kT, data = 0.4, dataset(400)
    study = temperature_study(
        harmonic(2.0), data, DEVICE, tmp_path, kTs=[kT], windows=[0, 2.0], samples=400, runs=4
    )
    variance = kT / (1 - 0.0625 / 2)
    for r in study.readings:
        assert r.energy == pytest.approx(4.0 - variance, abs=5 * r.heat_sem * kT)
        assert r.heat_kT * kT == pytest.approx(r.energy)
        assert r.above_idle_kT * kT == pytest.approx(4.0, abs=5 * (r.heat_sem * kT + 0.03))
        assert np.isnan(r.lost)
        assert r.physics_J == pytest.approx(r.heat_kT * 1.380649e-23 * 300)
        assert r.total_J > r.physics_J and r.latency_s > 0
    assert study.readings[1].latency_s > study.readings[0].latency_s


def test_windows_are_those_of_the_simulator(tmp_path):
    """The mean of blocks is what a read-out window averages."""
    data = dataset(20)
    net = harmonic()
    study = temperature_study(
        net, data, DEVICE, tmp_path, kTs=[1.0], windows=[0.5, 2.0], samples=20, runs=3, seed=5
    )
    assert [r.window for r in study.readings] == [0.5, 2.0]
    whole = net.with_(
        schedule=(Phase("free", 8.0), Phase("read", 2.0)),
        readout=replace(net.readout, phase="read", window=2.0),
    )
    found = simulate(whole, data.x_test, kT=1.0, runs=3, seed=5)
    right = (found.outputs[0].argmax(axis=2) == data.y_test[:, None]).mean()
    assert study.readings[1].accuracy == pytest.approx(right)


def test_walls_ask_for_finer_steps(tmp_path):
    net = harmonic()
    cells = replace(net.cells, hi=np.full(3, 1.5), lo=np.full(3, -1.5))
    study = temperature_study(
        net.with_(cells=cells), dataset(), DEVICE, tmp_path, kTs=[0.5], samples=10, runs=1
    )
    assert study.dt == net.dt / 8
    cold = temperature_study(net, dataset(), DEVICE, tmp_path, kTs=[0.0], samples=10, runs=1)
    assert cold.dt == net.dt and cold.halved == ()


def oscillators(seed=0):
    rng = np.random.default_rng(seed)
    return OscillatorNetwork(
        (rng.normal(0, 2, (6, 3)), rng.normal(0, 1, (2, 6))),
        (np.ones(6), np.zeros(2)),
        relax_time=10.0,
        meta={"data": "toy"},
    )


def test_phase_cells_have_heat_but_no_rc_time(tmp_path):
    net = lower_oscillator(oscillators())
    study = temperature_study(
        net, dataset(30, features=3), DEVICE, tmp_path, kTs=[0.0, 0.5], samples=30, runs=2
    )
    warm = [r for r in study.readings if r.kT > 0]
    assert all(r.total_J is None and r.latency_s is None for r in study.readings)
    assert all(r.physics_J > 0 and r.above_idle_kT == r.heat_kT for r in warm)
    figure = accuracy_over_temperature(study, 0.5)
    assert len(figure.axes) == 2 and len(figure.axes[0].containers) == 4


def test_a_network_without_an_energy_is_measured_too(tmp_path):
    """Linear couplings of sigmoid cells: heat is the Stratonovich sum."""
    rng = np.random.default_rng(1)
    net = HopfieldNetwork(
        (rng.normal(0, 1, (4, 3)), rng.normal(0, 1, (2, 4))), (np.zeros(4), np.zeros(2)), activation="sigmoid"
    )
    study = temperature_study(
        compile(net), dataset(10, features=3), DEVICE, tmp_path, kTs=[0.1], samples=10, runs=1
    )
    assert study.heat_method == "stratonovich" and study.readings[0].total_J is not None


def test_what_is_there_is_not_run_again(tmp_path, monkeypatch):
    options = {"kTs": [0.2], "windows": [0, 1.0], "samples": 10, "runs": 2}
    first = temperature_study(harmonic(), dataset(), DEVICE, tmp_path, **options)
    monkeypatch.setattr("thermo.studies.bath.simulate_langevin", lambda *a, **k: pytest.fail("run again"))
    again = temperature_study(harmonic(), dataset(), DEVICE, tmp_path, **options)
    assert [r.accuracy for r in again.readings] == [r.accuracy for r in first.readings]
    with pytest.raises(pytest.fail.Exception, match="run again"):
        temperature_study(harmonic(1.5), dataset(), DEVICE, tmp_path, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kTs": [-1.0]}, "kT must be finite numbers >= 0"),
        ({"windows": [-1.0]}, "windows must be finite"),
        ({"dt": 0.0}, "dt must be a finite number above 0"),
        ({"samples": 1}, "at least 2 samples"),
        ({"runs": 0}, "at least 2 samples and 1 run"),
    ],
)
def test_bad_settings_are_named(tmp_path, options, message):
    with pytest.raises(UnsupportedError, match=message):
        temperature_study(harmonic(), dataset(), DEVICE, tmp_path, **options)


def test_netlists_that_do_not_decide_are_named(tmp_path):
    net = harmonic()
    nudged = net.with_(schedule=(Phase("free", 8.0, nudge=0.1),))
    ramped = net.with_(schedule=(Phase("free", 8.0, kT=(1.0, 0.1)),))
    for bad in (nudged, ramped):
        with pytest.raises(UnsupportedError, match="temperatures of its own, or a nudged"):
            temperature_study(bad, dataset(), DEVICE, tmp_path)
    with pytest.raises(DataError, match="answers with numbers"):
        temperature_study(
            net.with_(readout=replace(net.readout, decision="value")), dataset(), DEVICE, tmp_path
        )


def test_the_command_line_studies_a_netlist(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 1.0], (60, 1)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=(x[:, 0] > 0).astype(np.int64))
    save(harmonic(), tmp_path / "n.tnl")
    assert (
        main(
            [
                "study",
                "eqprop-temperature",
                str(tmp_path / "n.tnl"),
                "--data",
                str(tmp_path / "d.npz"),
                "--kT",
                "0",
                "--kT",
                "0.3",
                "--samples",
                "10",
                "--runs",
                "2",
                "--threads",
                "1",
                "--json",
                "-o",
                str(tmp_path / "out"),
            ]
        )
        == 0
    )
    result = json.loads(capsys.readouterr().out)
    assert {r["kT"] for r in result["readings"]} == {0.0, 0.3}
    text = (tmp_path / "out" / "eqprop-temperature.txt").read_text()
    assert "one instant" in text and "above idle, kT" in text
    assert (tmp_path / "out" / "eqprop-temperature.png").stat().st_size > 10_000
