"""Joules of a run of p-bits: every term from its count, clamped cells left out."""

import json

import numpy as np
import pytest

from compiler import save
from compiler.errors import UnsupportedError
from compiler.families.denoising_chain import DenoisingChain, lower_denoising_chain
from compiler.families.ising import lower_ising
from compiler.families.rbm import RBM, lower_rbm
from compiler.formats.ising.terms import max_cut
from compiler.ir.container import load_langevin
from compiler.ir.langevin import CellKind, Cells, CouplingKind, Couplings, Group, LangevinNetlist, Phase
from hw_models.presets import PBITS
from thermo.cli.main import main
from thermo.energy.samples import flip_share, netlist_energy, spin_energy

CMOS = PBITS.get("pbit-cmos")


def near(joules):
    """Relative alone: joules are far below pytest's absolute tolerance."""
    return pytest.approx(joules, rel=1e-9, abs=0)


def ring(n=9, sweeps=200):
    i = np.arange(n)
    return max_cut(n, i, (i + 1) % n, np.ones(n))


def test_terms_follow_from_counts():
    net = lower_ising(ring(), sweeps=200)
    cost = netlist_energy(net, CMOS, activity=0.25)
    assert cost.updates == 9 * 200 and cost.sweeps == 200 and cost.couplings == 18
    energy = cost.energy.describe()
    assert energy["rng"] == near(1800 * 350e-18)
    assert energy["bias"] == near(1800 * 2 * CMOS.bias_energy.value)
    assert energy["read"] == near(9 * CMOS.read_energy.value)
    # cells 0 to 8 in a 3 x 3 square: a ring of 9 needs six wires of 1, two of 3 and one of 4
    wire = 2 * (6 * 1 + 2 * 3 + 1 * 4) * 200 * CMOS.pitch.value
    half = 0.5 * CMOS.wire_capacitance.value * CMOS.signal_voltage.value**2
    assert energy["neighbour"] == near(wire * half * 0.25)
    assert energy["total"] == near(sum(v for k, v in energy.items() if k != "total"))
    assert cost.seconds == near(200 * 3 * CMOS.update_time.value)  # an odd ring: 3 colours


def test_the_design_is_the_cost_and_its_figures_move_it():
    cost = netlist_energy(lower_ising(ring(), sweeps=200), CMOS, activity=0.25)
    design = cost.asked.design(CMOS, "ring")
    price = design.price(design.likely, None)
    assert price.total == near(cost.energy.total) and price.seconds == near(cost.seconds)
    assert price.joules["physics"] == near(cost.energy.rng)
    assert price.joules["couplings"] == near(cost.energy.bias + cost.energy.neighbour)
    assert price.area_m2 == near(9 * 9e-12)
    dearer = design.price({**design.likely, "pbit-cmos rng_energy": 700e-18}, None)
    assert dearer.total - price.total == near(cost.energy.rng)
    # one run a second: static power for all of it
    slow = design.price(design.likely, 1.0)
    assert slow.joules["leakage"] == near(9 * CMOS.static_power.value)
    published = PBITS.get("pbit-sampling-unit")
    whole = cost.asked.design(published, "ring").price({}, None)
    assert whole.joules["physics"] == near(1800 * published.cycle_energy.value)


def test_blocks_lie_where_their_models_put_them():
    """Wires of an RBM: two squares side by side; of a chain: a patch a model."""
    half = 0.5 * CMOS.wire_capacitance.value * CMOS.signal_voltage.value**2 * CMOS.pitch.value
    rbm = RBM(np.ones((4, 1)), np.zeros(4), np.zeros(1))
    cost = netlist_energy(lower_rbm(rbm, sweeps=3).with_(schedule=(Phase("sample", 3.0),)), CMOS)
    # the hidden cell at column 2: 2 + 1 + 3 + 2 pitches from the four visible ones, both ways
    assert cost.energy.neighbour == near(3 * 2 * 8 * half)
    assert cost.energy.bias == near(3 * 8 * CMOS.bias_energy.value)
    chain = DenoisingChain(
        np.zeros((2, 4)),
        np.array([0]),
        np.array([3]),
        np.ones((2, 1)),
        np.ones(2),
        np.arange(4, dtype=np.int32),
        (2, 2),
        2,
        5,
    )
    cost = netlist_energy(lower_denoising_chain(chain), CMOS)
    assert cost.updates == 2 + 4 * 5 * 2 and cost.sweeps == 11
    # in a model cells 0 and 3 are two pitches apart; two noisier bits, a patch further, charge once
    assert cost.energy.neighbour == near(2 * (2 * 2 * 5 + 2 * 2) * half)
    assert cost.energy.bias == near(2 * 5 * (2 + 2) * CMOS.bias_energy.value)
    assert cost.energy.write == 0 and cost.energy.read == near(2 * CMOS.read_energy.value)
    # in a square in their order wires would be others
    plain = lower_denoising_chain(chain).with_(problem=None)
    assert netlist_energy(plain, CMOS).energy.neighbour != near(cost.energy.neighbour)


def test_static_power_lasts_as_long_as_the_run():
    net = lower_ising(ring(), sweeps=200)
    cost = netlist_energy(net, CMOS)
    assert cost.energy.static == near(9 * CMOS.static_power.value * cost.seconds)
    assert netlist_energy(net, PBITS.get("pbit-magnetic")).energy.static < cost.energy.static


def test_the_published_array_is_priced_per_node():
    """A cycle holds every term of an update; weights are written once, not in a sample."""
    array = PBITS.get("pbit-sampling-unit")
    cost = netlist_energy(lower_ising(ring(), sweeps=200), array)
    assert cost.energy.total == near(9 * (200 * 7.09e-15 + 1.692e-12))
    assert cost.programming == near(9 * 153.6e-12)


def test_flips_of_directed_couplings_are_those_of_the_last_sweeps():
    """A cell that follows a strong field hardly flips; a free one flips every other time."""
    cells = Cells.make(400, h=np.repeat([0.0, 8.0], 200), kind=CellKind.PBIT, x0=1.0)
    one = Couplings.from_coo(CouplingKind.LINEAR, 400, np.array([1]), np.array([0]), np.array([0.1]))
    net = LangevinNetlist(cells, (one,), 1.0, 1.0, (Phase("run", 8.0),), dt=1.0)
    # 4 chains of 200 fair cells: the share is 1/4 with a standard error of sqrt(1/4 / 800) / 2
    assert flip_share(net) == pytest.approx(0.25, abs=4 * 0.0089)


def test_clamped_cells_are_not_updated():
    net = lower_ising(ring(), sweeps=100)
    first = Group("first", 0, 4)
    clamped = net.with_(groups=(first,), schedule=(*net.schedule, Phase("held", 100.0, clamped=("first",))))
    assert netlist_energy(clamped, CMOS).updates == 9 * 100 + 5 * 100


def test_other_cells_are_refused():
    net = LangevinNetlist(Cells.make(2, j2=1.0), (), 1.0, 1.0, (Phase("run", 1.0),))
    with pytest.raises(UnsupportedError, match="p-bit"):
        netlist_energy(net, CMOS)


def test_the_command_line(tmp_path, capsys):
    path = tmp_path / "ring.tnl"
    save(lower_ising(ring(), sweeps=100), path)
    assert main(["estimate", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["updates"] == 900 and 0 < found["activity"] < 1
    assert found["energy_J"]["total"] > 0 and found["energies"]["name"] == "pbit-cmos"
    assert main(["estimate", str(path), "--device", "pbit-magnetic"]) == 0
    assert "pbit-magnetic" in capsys.readouterr().out
    for wrong, told in ((["--data", "digits"], "does not apply"), (["--device", "nix"], "choose one")):
        assert main(["estimate", str(path), *wrong]) == 2
        error = capsys.readouterr().err.strip().splitlines()
        assert len([line for line in error if line.startswith("error")]) == 1 and told in error[-1]


@pytest.mark.parametrize("model", ["rbm", "dtm"])
def test_training_and_estimate_give_one_figure(model, tmp_path, capsys):
    """A model is priced as the netlist that it compiles to, whoever asks."""
    out, net = tmp_path / "m.safetensors", tmp_path / "m.tnl"
    few = ["--epochs", "1", "--ais-chains", "2", "--ais-steps", "1"]
    args = ["train", "ebm", "--data", "digits", "--model", model, "-o", str(out), *few, "--json"]
    assert main(args) == 0
    trained = json.loads(capsys.readouterr().out)["per_sample"]
    assert main(["compile", str(out), "-o", str(net)]) == 0
    capsys.readouterr()
    assert main(["estimate", str(net), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {name: found[name] for name in trained} == trained
    again = spin_energy(load_langevin(net), CMOS)  # as the demo does
    assert again.energy.total == found["energy_J"]["total"]


def test_a_phase_cell_has_no_rc_device_and_no_time_is_lost(tmp_path, capsys):
    cells = Cells.make(2, j2=0.0, kind=1, activation=5)
    net = LangevinNetlist(cells, (), 1.0, 1.0, (Phase("run", 1.0),))
    save(net, tmp_path / "p.tnl")
    assert main(["estimate", str(tmp_path / "p.tnl")]) == 2
    assert capsys.readouterr().err.startswith("error: device rc-1fF: an RC cell needs J2 > 0")
