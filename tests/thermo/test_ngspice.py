"""ngspice runs our decks and agrees with the simulator; its pitfalls are what they are said to be."""

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from toys.spice import PLAIN, RAMPED, cells_alone, needs_ngspice, random_net

import thermo
from compiler import DeckOptions, UnsupportedError
from compiler.families.resistive import ResistiveNetwork, lower_resistive
from compiler.formats.spice.deck import make_deck
from compiler.ir.container import save
from compiler.ir.langevin import Activation, CouplingKind, Order, Phase
from hw_models.presets import DEVICES, chosen_device
from hw_models.source import Quantity, Source
from thermo.cli.main import main
from thermo.ngspice.check import _judged, _moments
from thermo.ngspice.errors import SpiceError
from thermo.ngspice.run import complaint, run_deck


def _said(folder, *lines):
    (folder / "a.cir").write_text("* by hand\n" + "\n".join(lines) + "\n.end\n")
    return subprocess.run(["ngspice", "-n", "-b", "a.cir"], cwd=folder, capture_output=True, text=True).stdout


@needs_ngspice
def test_a_power_of_a_negative_voltage_is_that_of_its_size(tmp_path):
    """Why powers are products."""
    said = _said(
        tmp_path,
        "V1 x 0 DC -2",
        "B1 a 0 V=V(x)^3",
        "B2 b 0 V=V(x)*V(x)*V(x)",
        ".control",
        "op",
        "print v(a) v(b)",
        ".endc",
    )
    assert "v(a) = 8.0" in said and "v(b) = -8.0" in said


@needs_ngspice
def test_setseed_repeats_no_noise_but_tables_do():
    """Why tables: TRNOISE's normals come from the process number."""
    net = cells_alone(4, j2=1.0, duration=0.2)
    own = [run_deck(make_deck(net, DeckOptions(seed=3))).states[-1] for _ in range(2)]
    tables = [run_deck(make_deck(net, DeckOptions(seed=3, noise="tables"))).states[-1] for _ in range(2)]
    assert not np.array_equal(*own)
    assert np.array_equal(*tables)


@needs_ngspice
@pytest.mark.parametrize("schedule", [PLAIN, RAMPED], ids=["plain", "ramped"])
@pytest.mark.parametrize(
    ("kind", "activation"),
    [
        (CouplingKind.LINEAR, Activation.IDENTITY),
        (CouplingKind.LINEAR, Activation.CLIP),
        (CouplingKind.LINEAR, Activation.RELU),
        (CouplingKind.RESISTIVE, Activation.IDENTITY),
        (CouplingKind.GRADIENT, Activation.SIGMOID),
        (CouplingKind.GRADIENT, Activation.TANH),
        (CouplingKind.SINE, Activation.IDENTITY),
    ],
)
def test_every_coupling_obeys_the_simulators_equation(kind, activation, schedule):
    net = random_net(kind, activation=activation, schedule=schedule)
    found = thermo.check_with_ngspice(net, dt=1e-3)
    assert found.equal, found.figures
    assert found.figures[0].tolerance < 2e-4
    other = net.with_(mobility=1.32)  # a twin that must fail
    assert not _same_states(net, other)


def _same_states(net, other):
    ours = thermo.simulate(net, dt=1e-3, method="heun").outputs[-1, 0, 0]
    deck = make_deck(other)
    return np.abs(run_deck(deck).states[-1] - ours).max() < 2e-5


@needs_ngspice
@pytest.mark.parametrize("device", ["rc-1fF", "rc-1pF"])
@pytest.mark.parametrize("cells", ["force", "reactive"])
def test_physical_and_reactive_cells_obey_it_too(device, cells):
    net = random_net(j3=0.3)
    found = thermo.check_with_ngspice(net, dt=1e-3, device=chosen_device(device, "ideal"), cells=cells)
    assert found.equal, found.figures


@needs_ngspice
def test_inertia_and_walls():
    inertial = random_net(
        order=np.repeat([Order.OVERDAMPED, Order.UNDERDAMPED], [2, 4]), mass=0.7, friction=0.4
    )
    assert thermo.check_with_ngspice(inertial, dt=1e-4).equal
    walled = random_net(lo=-9.0, hi=np.r_[9.0, 9.0, np.full(4, 0.25)], schedule=(Phase("run", 20.0),))
    found = thermo.check_with_ngspice(walled, dt=1e-3)
    assert found.outputs.max() == 0.25
    assert np.abs(found.theirs - found.outputs).max() < 1e-3  # 35 n V_T of the diode: 9e-5


def boltzmann(j2, j4, kT=1.0):
    """<x^2> of one cell at rest."""

    def weight(x):
        return np.exp(-(j2 * x**2 + j4 * x**4) / kT)

    return quad(lambda x: x**2 * weight(x), -6, 6)[0] / quad(weight, -6, 6)[0]


def second_moments(net, options, seeds=8, burn=2.0):
    """Time averages of x^2, one a cell and seed: independent."""
    found = []
    for seed in range(1, seeds + 1):
        deck = make_deck(net, DeckOptions(seed=seed, states=True, **options))
        run = run_deck(deck)
        states = run.states[run.time > burn * deck.scale.time] / deck.scale.voltage
        found.append((states**2).mean(axis=0))
    return np.concatenate(found)


@needs_ngspice
@pytest.mark.parametrize(
    ("j2", "j4"), [(1.0, 0.0), (1.0, 1.0), (-1.5, 1.0)], ids=["harmonic", "quartic", "double-well"]
)
def test_cells_at_rest_are_boltzmanns(j2, j4):
    """Eight seeds of TRNOISE, of which no seed repeats one: 4.5 standard errors, missed once in 1.5e5."""
    found = second_moments(cells_alone(10, j2=j2, j4=j4, duration=8.0, dt=2e-2), {})
    bar = 4.5 * found.std(ddof=1) / np.sqrt(found.size)
    assert abs(found.mean() - boltzmann(j2, j4)) < bar
    assert abs(found.mean() - 1.5 * boltzmann(j2, j4)) > bar  # a twin at half as much heat again


@pytest.mark.slow
@needs_ngspice
@pytest.mark.parametrize("options", [{}, {"cells": "reactive"}, {"device": DEVICES.get("rc-1fF")}], ids=str)
@pytest.mark.parametrize(
    ("j2", "j4"), [(1.0, 0.0), (1.0, 1.0), (-2.0, 1.0)], ids=["harmonic", "quartic", "double-well"]
)
def test_cells_at_rest_are_boltzmanns_within_two_percent(j2, j4, options):
    if j2 < 0 and "device" in options:
        pytest.skip("a capacitor's own energy is J2 x^2, J2 > 0")
    found = second_moments(cells_alone(40, j2=j2, j4=j4, duration=20.0, dt=2e-2), options)
    error = found.std(ddof=1) / np.sqrt(found.size)
    assert error < 0.02 * boltzmann(j2, j4)
    assert abs(found.mean() - boltzmann(j2, j4)) < 4.5 * error


@needs_ngspice
def test_noise_is_compared_by_what_it_explains():
    net = random_net(kT=0.5, schedule=(Phase("run", 1.0),))
    assert thermo.check_with_ngspice(net, runs=12, seed=1).equal
    # the twin: decks of a machine twice as hot
    hot = thermo.check_with_ngspice(net.with_(kT=1.5), runs=12, seed=1)
    cold = thermo.check_with_ngspice(net, runs=12, seed=1)
    assert not all(f.agrees for f in _judged(_moments(cold.outputs, hot.theirs, np.zeros(4)), 0.01))


@needs_ngspice
@pytest.mark.parametrize(
    ("couplings", "schedule"), [("weak-inversion", PLAIN), ("resistor", RAMPED)], ids=["plain", "ramped"]
)
def test_couplings_bring_what_the_simulator_says(couplings, schedule):
    """Noise, load and range; the twin without the couplings' noise is told apart."""
    net = random_net(kT=1.0, n=6, schedule=schedule)
    device = chosen_device("rc-1fF", couplings)
    found = thermo.check_with_ngspice(net, runs=16, seed=2, device=device)
    assert found.equal, found.figures
    if schedule is RAMPED:  # scaled down and without inputs at its end: little noise to miss
        return
    quiet = replace(
        device, couplings=replace(device.couplings, noise=Quantity(0.0, "1", Source("assumed", "a test")))
    )
    silent = thermo.check_with_ngspice(net, runs=16, seed=2, device=quiet)
    lost = np.zeros(6)
    assert not all(f.agrees for f in _judged(_moments(found.outputs, silent.theirs, lost), 0.01))


@needs_ngspice
def test_a_resistive_network_rests_where_the_simulator_says():
    rng = np.random.default_rng(0)
    network = ResistiveNetwork(
        (rng.uniform(0.1, 1.0, (6, 8)), rng.uniform(0.1, 1.0, (3, 6))), gain=4.0, labels=("a", "b", "c")
    )
    net, data = lower_resistive(network), rng.uniform(-1, 1, (5, 4))
    found = thermo.check_with_ngspice(net, data, analysis="op")
    assert found.equal, found.figures
    assert np.abs(found.theirs[:, 0] - network.answers(data)).max() < 1e-3
    silicon = thermo.check_with_ngspice(net, data, analysis="op", diode="silicon")
    assert not silicon.equal  # 0.6 V of a diode on a swing of 4 V


@needs_ngspice
def test_the_command_says_equal_different_or_why_not(tmp_path, capsys):
    path = tmp_path / "net.tnl"
    save(random_net(), path)
    assert main(["check", str(path), "--with", "ngspice", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["equal"] and told["kT"] == 0
    save(random_net(schedule=(Phase("run", 1.0, nudge=1.0),)), path)
    assert main(["check", str(path), "--with", "ngspice"]) == 2
    assert "a deck is a free run" in capsys.readouterr().err


def test_without_ngspice_it_is_refused(tmp_path, capsys, monkeypatch):
    path = tmp_path / "net.tnl"
    save(random_net(), path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["check", str(path), "--with", "ngspice"]) == 2
    assert "ngspice is not installed; install it" in " ".join(capsys.readouterr().err.split())


@needs_ngspice
def test_a_deck_that_ngspice_cannot_run_says_why():
    deck = make_deck(random_net())
    broken = replace(deck, text=deck.text.replace("Bforce x 0 I=", "Bforce x 0 I=nonsense("))
    with pytest.raises(SpiceError, match=r"^ngspice cannot run the deck: .*rror"):
        run_deck(broken)
    assert complaint("a\nError: b\nc") == "Error: b"


def test_noise_between_walls_is_not_compared():
    net = random_net(kT=1.0, lo=-9.0)
    with pytest.raises(UnsupportedError, match=r"interval|not installed"):
        thermo.check_with_ngspice(net)
