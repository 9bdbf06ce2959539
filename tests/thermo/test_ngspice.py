"""ngspice runs our decks and agrees with the simulator; its pitfalls are what they are said to be."""

import itertools
import json
import re
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from toys.spice import PLAIN, RAMPED, cells_alone, needs_ngspice, random_net

import thermo
from compiler import DeckOptions, UnsupportedError
from compiler.families.conv_langevin import ConvLangevinMachine, lower_conv_langevin
from compiler.families.resistive import ResistiveNetwork, lower_resistive
from compiler.families.rlc import lower_rlc
from compiler.formats.spice.deck import make_deck
from compiler.formats.spice.noise import interpolation_loss
from compiler.formats.spice.plan import plan_of
from compiler.formats.spice.powers import cell_spread
from compiler.ir.container import save
from compiler.ir.langevin import Activation, CouplingKind, Couplings, Order, Phase
from compiler.ir.symmetry import matrix
from hw_models.imperfect import Imperfections
from hw_models.presets import DEVICES, chosen_device
from hw_models.rlc import RLCArray
from hw_models.source import Quantity, Source
from thermo.cli.main import main
from thermo.ngspice import decks
from thermo.ngspice.errors import SpiceError
from thermo.ngspice.figures import judged, moments
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
    assert found.equal, found.figures
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
    assert not all(f.agrees for f in judged(moments(cold.outputs, hot.theirs, np.zeros((4, 4))), 0.01))


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
    lost = np.zeros((6, 6))
    assert not all(f.agrees for f in judged(moments(found.outputs, silent.theirs, lost), 0.01))


@needs_ngspice
def test_a_resistive_network_rests_where_the_simulator_says():
    rng = np.random.default_rng(0)
    network = ResistiveNetwork(
        (rng.uniform(0.1, 1.0, (6, 8)), rng.uniform(0.1, 1.0, (3, 6))), gain=8.0, labels=("a", "b", "c")
    )
    net, data = lower_resistive(network), rng.uniform(-1, 1, (5, 4))
    found = thermo.check_with_ngspice(net, data, analysis="op")
    assert found.equal, found.figures
    assert np.abs(found.theirs[:, 0] - network.answers(data)).max() < 1e-3
    silicon = thermo.check_with_ngspice(net, data, analysis="op", diode="silicon")
    assert not silicon.equal  # 0.6 V of a diode on a swing of 2 V


def chain(schedule=PLAIN):
    """Three cells, the second at an element of 4 to the first and one of 4 to the inverted third."""
    group = Couplings.from_coo(CouplingKind.LINEAR, 3, [0, 1, 1, 2], [1, 0, 2, 1], [4.0, 4.0, -4.0, -4.0])
    return cells_alone(3, j2=0.5, dt=5e-3).with_(couplings=(group,), schedule=schedule)


@needs_ngspice
@pytest.mark.parametrize("schedule", [PLAIN, RAMPED], ids=["plain", "ramped"])
def test_elements_between_two_cells_share_their_noise(schedule):
    """Decks of independent currents, which agree with a simulation of such, are told apart."""
    device = chosen_device("rc-1fF", "resistor", input_bits="ideal", output_bits="ideal")
    found = thermo.check_with_ngspice(chain(schedule), runs=16, seed=2, device=device)
    assert found.equal, found.figures
    if schedule is RAMPED:  # inputs off and couplings weak at the end
        return
    apart = replace(device, couplings=replace(device.couplings, mutual=False))
    other = thermo.check_with_ngspice(chain(), runs=16, seed=2, device=apart)
    assert other.equal, other.figures
    assert not all(f.agrees for f in judged(moments(found.outputs, other.theirs, np.zeros((3, 3))), 0.01))


@needs_ngspice
@pytest.mark.parametrize("kT", [0.0, 1.0])
def test_converters_are_ideal_quantisers(kT):
    """Three bits in, four out: levels of both engines; decks of other inputs are told apart."""
    net = random_net(n_in=3, readout=True)
    data = np.random.default_rng(4).normal(size=(3, 3))
    device = chosen_device("rc-1fF", "crossbar", input_bits=3, output_bits=4)
    found = thermo.check_with_ngspice(net, data, device=device, kT=kT, runs=12)
    assert found.equal, found.figures
    assert {"levels", "decisions", "joules"} <= {f.name for f in found.figures}
    exact = replace(device, input_converter=None)
    other = thermo.check_with_ngspice(net, data, device=exact, kT=0.0)
    if kT == 0:
        tolerance = found.figures[0].tolerance
        assert np.abs(other.theirs - found.theirs).max() > 10 * tolerance


@needs_ngspice
def test_a_front_of_tied_couplings_is_a_deck_too():
    """Taps at the edge reach outside the picture; the twin's are 2 % larger."""
    rng = np.random.default_rng(3)
    coupling = np.triu(rng.normal(size=(4, 4)), 1)
    machine = ConvLangevinMachine(
        input_shape=(4, 4, 1),
        taps=2 * rng.normal(size=(3, 3, 1, 2)),
        stride=2,
        padding=1,
        front_bias=rng.normal(size=2),
        across=rng.normal(size=(4, 8)),
        coupling=coupling + coupling.T,
        bias=rng.normal(size=4),
        n_out=2,
        input_shift=np.zeros(1),
        input_scale=np.ones(1),
    )
    net, data = lower_conv_langevin(machine), rng.normal(size=(2, 16))
    found = thermo.check_with_ngspice(net, data, kT=0.0)
    assert found.equal, found.figures
    twin = lower_conv_langevin(replace(machine, taps=1.02 * machine.taps))
    other = thermo.check_with_ngspice(twin, data, kT=0.0)
    assert np.abs(other.theirs - found.theirs).max() > 10 * found.figures[0].tolerance


@needs_ngspice
def test_decks_are_of_one_device():
    """Couplings as the device's law and seed make them; another seed is another machine."""
    net = random_net()
    device = replace(
        chosen_device("rc-1fF", "crossbar", input_bits="ideal", output_bits="ideal"),
        imperfections=Imperfections(mismatch=0.2),
    )
    one, other = (thermo.check_with_ngspice(net, device=device, kT=0.0, device_seed=s) for s in (1, 2))
    assert one.equal and other.equal
    assert np.abs(one.theirs - other.theirs).max() > 100 * one.figures[0].tolerance
    own = thermo.simulate(net, device=device, device_seed=1, kT=0.0, dt=5e-3, method="heun").outputs[-1]
    assert np.abs(one.outputs - own).max() < 1e-6


@needs_ngspice
def test_capacitors_join_charges():
    net = random_net(kT=0.0, symmetric=True, gain=0.3)
    device = chosen_device("rc-1fF", "capacitive", input_bits="ideal", output_bits="ideal")
    found = thermo.check_with_ngspice(net, device=device, cells="reactive", kT=0.0)
    assert found.equal, found.figures
    with pytest.raises(UnsupportedError, match="join charges: take cells whose state is one"):
        thermo.check_with_ngspice(net, device=device)


@needs_ngspice
@pytest.mark.parametrize("wiring", ["nodes", "loops"])
def test_rlc_cells(wiring):
    """Directed couplings and a noise matrix, or inertia: both are circuits of the deck."""
    array = RLCArray.make(
        3, resistance=[2e3, 1e3, 3e3], inductance=1e-6, capacitance=1e-12, coupling=3e-13, wiring=wiring
    )
    net = lower_rlc(array, duration=3.0)
    kicked = net.with_(cells=replace(net.cells, x0=np.linspace(0.5, 1.0, len(net.cells))))
    still = thermo.check_with_ngspice(kicked, kT=0.0)
    assert still.equal, still.figures
    hot = thermo.check_with_ngspice(kicked, runs=16)
    assert hot.equal, hot.figures
    other = lower_rlc(replace(array, resistance=2 * array.resistance), duration=3.0)
    other = other.with_(cells=replace(other.cells, x0=kicked.cells.x0))
    assert np.abs(thermo.check_with_ngspice(other, kT=0.0).theirs - still.outputs).max() > 0.01


@needs_ngspice
def test_oscillators_with_noise_are_read_by_their_cosines():
    net = random_net(CouplingKind.SINE, kT=0.3, activation=Activation.COSINE, readout=True, shown=True)
    found = thermo.check_with_ngspice(net, runs=16, seed=5)
    assert found.equal, found.figures


@needs_ngspice
def test_silicon_diodes_ask_for_a_swing():
    """50 n V_T = 1.3 V; a network of 50 mV sources is refused, one of 400 V rests and decides nearly as with
    ideal diodes: each drops some 0.6 V.
    """
    rng = np.random.default_rng(0)
    g = rng.uniform(0.1, 1.0, (6, 8)), rng.uniform(0.1, 1.0, (3, 6))
    data = rng.uniform(-1, 1, (5, 4))
    small, large = (lower_resistive(ResistiveNetwork(g, gain=volts)) for volts in (0.05, 400.0))
    with pytest.raises(UnsupportedError, match=r"swing by 50 n V_T = 1.29 V, .* times as large .*--gain"):
        thermo.check_with_ngspice(small, data, analysis="op", diode="silicon")
    assert thermo.check_with_ngspice(small, data, analysis="op").equal
    found = thermo.check_with_ngspice(large, data, analysis="op", diode="silicon")
    ideal = thermo.check_with_ngspice(large, data, analysis="op")
    assert np.abs(found.theirs - ideal.theirs).max() < 0.1 * np.abs(ideal.theirs).max()
    assert not found.equal and np.array_equal(found.theirs_decided, ideal.theirs_decided)


@needs_ngspice
def test_sources_moved_by_a_diode_s_drop_leave_little_of_it():
    """What a typical wall's diode drops, 23 n V_T, is in its source. What is left is ln of a wall's own
    current over that: below 4 where they are within a factor of 50.
    """
    rng = np.random.default_rng(0)
    g = rng.uniform(0.1, 1.0, (6, 8)), rng.uniform(0.1, 1.0, (3, 6))
    data = rng.uniform(-1, 1, (5, 4))
    small, net = (lower_resistive(ResistiveNetwork(g, gain=volts)) for volts in (0.05, 8.0))
    with pytest.raises(UnsupportedError, match=r"silicon-biased diodes need .* 10 n V_T = 0.259 V"):
        thermo.check_with_ngspice(small, data, analysis="op", diode="silicon-biased")
    plain, biased = (
        thermo.check_with_ngspice(net, data, analysis="op", diode=kind)
        for kind in ("silicon", "silicon-biased")
    )
    off, left = (np.abs(found.theirs - found.outputs).max() for found in (plain, biased))
    assert 0 < left < 4 / 23 * off
    assert np.array_equal(biased.theirs_decided, biased.decided)
    options = DeckOptions(analysis="op", diode="silicon-biased", inputs=data[0])
    assert "sources of walls are moved inwards by 0." in make_deck(net, options).text


@needs_ngspice
def test_ngspice_s_own_tolerances_exceed_the_charge_of_a_femtofarad():
    """Why decks set abstol, vntol and chgtol: 1e-14 C is more than a cell ever holds (3e-18 C), so that steps
    are never cut where they err.
    """
    net = random_net(kT=1.0)
    options = DeckOptions(device=chosen_device("rc-1fF", "ideal"), kT=0.0, states=True, noise_step=0.2)
    deck, fine = make_deck(net, options), make_deck(net, replace(options, noise_step=1e-3))
    own = replace(deck, text="\n".join(l for l in deck.text.splitlines() if not l.startswith(".options")))
    truth = run_deck(fine).states[-1]
    errors = [np.abs(run_deck(d).states[-1] - truth).max() / deck.scale.voltage for d in (deck, own)]
    assert errors[0] < 2e-4 and errors[1] > 5 * errors[0]


@needs_ngspice
def test_samples_joined_by_lines_lose_variance_that_the_deck_puts_back():
    """A cell of 2 J2 = 2 under samples a quarter of its time apart: r = 0.88 of kT / 2 J2."""
    net = cells_alone(40, j2=1.0, duration=10.0, dt=2e-2)
    loss = float(interpolation_loss(0.25))
    found = second_moments(net, {"noise_step": 0.125, "noise": "tables"}, seeds=10)
    bar = 4.5 * found.std(ddof=1) / np.sqrt(found.size)
    assert loss < 0.9
    assert abs(found.mean() / 0.5 - 1) < bar / 0.5
    assert abs(found.mean() / 0.5 - loss) > bar / 0.5


@needs_ngspice
def test_ngspice_s_paths_are_those_of_the_same_samples_in_numpy():
    """RK4 between samples, twice a step. With the samples of another seed paths differ by their spread."""
    net = random_net(kT=1.0)
    options = DeckOptions(noise="tables", seed=3, states=True)
    deck, plan = make_deck(net, options), plan_of(net, options)
    read = run_deck(deck).states[-1]
    moving, inputs = ~net.cells.frozen, net.cells.x0[net.inputs]
    w = matrix(net.couplings[0]).toarray()[moving]
    bias, c = w[:, ~moving] @ inputs + net.cells.h[moving], net.cells

    def path(seed):
        count = round(plan.at[-1] / plan.step) + 1
        noise = [
            cell_spread(plan, i) * np.random.default_rng((seed, i)).standard_normal(count)
            for i in plan.dynamic.tolist()
        ]

        def force(x, a):
            own = 2 * c.j2[moving] * x + 3 * c.j3[moving] * x**2 + 4 * c.j4[moving] * x**3
            return net.mobility * (bias + w[:, moving] @ x - own + a)

        x, h = c.x0[moving], plan.step / 2
        for a, b in itertools.pairwise(np.array(noise).T):
            for part in (0.0, 0.5):
                first, middle, last = (a + (b - a) * (part + at) for at in (0.0, 0.25, 0.5))
                k1 = force(x, first)
                k2 = force(x + h / 2 * k1, middle)
                k3 = force(x + h / 2 * k2, middle)
                x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + force(x + h * k3, last))
        return x

    assert np.abs(read - path(3)).max() < 2e-3
    assert np.abs(read - path(4)).max() > 0.1


def test_what_joined_noise_makes_is_expected():
    """Of cells alone nothing is missing: what joining takes, mobility kT step / 2, their samples put back."""
    net = cells_alone(2, j2=2.0, dt=0.04, duration=8.0)
    deck = make_deck(net)
    assert deck.restored == pytest.approx(1 / interpolation_loss(4.0 * 2 * deck.step))
    step, d = 2 * deck.step, 2
    rng = np.random.default_rng(0)
    ours = rng.normal(size=(1, 40_000, d)) / 2
    lost = step / 2 * np.eye(d)
    expected = (np.cov(ours[0], rowvar=False) - lost) * deck.restored[0]
    assert np.diag(expected) == pytest.approx([0.25, 0.25], rel=0.02)
    assert np.abs(np.diag(expected) / deck.restored[0] - 0.25).max() > 0.004  # without what is put back
    alike = moments(ours, rng.normal(size=(1, 40_000, d)) / 2, lost, np.sqrt(deck.restored))[1]
    other = moments(ours, rng.normal(size=(1, 40_000, d)) / 2, lost)[1]
    assert alike.p > 1e-3 > other.p


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


@needs_ngspice
def test_a_deck_that_ngspice_cannot_run_is_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch):
    path = tmp_path / "net.tnl"
    save(random_net(), path)
    whole = decks.make_deck

    def broken(*given):
        deck = whole(*given)
        return replace(deck, text=deck.text.replace("Bforce x 0 I=", "Bforce x 0 I=nonsense("))

    monkeypatch.setattr(decks, "make_deck", broken)
    assert main(["check", str(path), "--with", "ngspice"]) == 2
    said = capsys.readouterr().err.strip()
    assert re.match(r"^.*ngspice cannot run the deck: .*rror", said) and "Traceback" not in said


def test_noise_between_walls_is_not_compared():
    net = random_net(kT=1.0, lo=-9.0)
    with pytest.raises(UnsupportedError, match=r"interval|not installed"):
        thermo.check_with_ngspice(net)
