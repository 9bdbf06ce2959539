"""Joules of a run of p-bits: every term from its count, clamped cells left out."""

import json

import numpy as np
import pytest

from compiler import save
from compiler.errors import UnsupportedError
from compiler.families.ising import lower_ising
from compiler.formats.ising.rudy import max_cut
from compiler.ir.langevin import Cells, Group, LangevinNetlist, Phase
from hw_models.pbits import PBITS
from thermo.cli.main import main
from thermo.energy.samples import netlist_energy, sample_energy

CMOS = PBITS.get("pbit-cmos")


def ring(n=9, sweeps=200):
    i = np.arange(n)
    return max_cut(n, i, (i + 1) % n, np.ones(n))


def test_terms_follow_from_counts():
    net = lower_ising(ring(), sweeps=200)
    cost = netlist_energy(net, CMOS, activity=0.25)
    assert cost.updates == 9 * 200 and cost.sweeps == 200 and cost.couplings == 18
    energy = cost.energy.describe()
    assert energy["rng"] == pytest.approx(1800 * 350e-18)
    assert energy["bias"] == pytest.approx(1800 * 2 * CMOS.bias_energy.value)
    assert energy["read"] == pytest.approx(9 * CMOS.read_energy.value)
    # cells 0 to 8 in a 3 x 3 square: a ring of 9 needs six wires of 1, two of 3 and one of 4
    wire = 2 * (6 * 1 + 2 * 3 + 1 * 4) * 200 * CMOS.pitch.value
    half = 0.5 * CMOS.wire_capacitance.value * CMOS.signal_voltage.value**2
    assert energy["neighbour"] == pytest.approx(wire * half * 0.25)
    assert energy["total"] == pytest.approx(sum(v for k, v in energy.items() if k != "total"))
    assert cost.seconds == pytest.approx(200 * 3 * CMOS.update_time.value)  # an odd ring: 3 colours


def test_it_agrees_with_the_model_it_was_lowered_from():
    model = ring(8)
    of_model = sample_energy(model, CMOS, sweeps=50, activity=0.5)
    of_net = netlist_energy(lower_ising(model, sweeps=50), CMOS, activity=0.5)
    assert of_net.energy.describe() == pytest.approx(of_model.energy.describe())
    assert of_net.seconds == pytest.approx(of_model.seconds)


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


def test_a_phase_cell_has_no_rc_device_and_no_time_is_lost(tmp_path, capsys):
    cells = Cells.make(2, j2=0.0, kind=1, activation=5)
    net = LangevinNetlist(cells, (), 1.0, 1.0, (Phase("run", 1.0),))
    save(net, tmp_path / "p.tnl")
    assert main(["estimate", str(tmp_path / "p.tnl")]) == 2
    assert capsys.readouterr().err.startswith("error: device rc-1fF: an RC cell needs J2 > 0")
