"""`--device FILE` wherever `--device NAME` is, data sheets and templates, bad files in one line."""

import json

import numpy as np
import pytest

import thermo
from compiler.families.ising import from_edges, lower_ising
from compiler.families.langevin import LangevinMachine, lower_langevin
from compiler.ir.container import load, save
from hw_models.files import load_device, save_device
from hw_models.presets import DEVICES
from thermo.cli.main import main

TEN = """name = "ten"
summary = "ten times the capacitor"
like = "rc-1fF"
couplings = "crossbar"

[capacitance]
value = 10
unit = "fF"
source = "measured"
ref = "ours"
"""

LAW = """name = "x"
like = "rc-1fF"

[[laws]]
law = "{0}"
[laws.{1}]
value = {2}
unit = "1"
source = "measured"
ref = "ours"
"""
CELLS = """name = "x"
like = "rc-1fF"

[[laws]]
law = "measured"
data = "text.csv"
source = "measured"
ref = "ours"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    there = tmp_path_factory.mktemp("devices")
    rng = np.random.default_rng(3)
    machine = LangevinMachine(
        w_in=rng.normal(size=(12, 64)),
        coupling=np.zeros((12, 12)),
        bias=rng.normal(size=12),
        j2=np.ones(12),
        j3=np.zeros(12),
        j4=np.ones(12),
        x0=np.zeros(12),
        n_out=10,
        input_shift=np.array([0.3]),
        input_scale=np.array([0.1]),
        readout_scale=np.ones(10),
        readout_offset=np.zeros(10),
        labels=tuple(str(k) for k in range(10)),
    )
    save(lower_langevin(machine), there / "net.tnl")
    ring = from_edges(np.zeros(6), np.arange(6), (np.arange(6) + 1) % 6, -np.ones(6))
    save(lower_ising(ring, sweeps=40), there / "ring.tnl")
    (there / "ten.toml").write_text(TEN)
    (there / "bits.toml").write_text('name = "bits"\nlike = "pbit-cmos"\n')
    (there / "bad.toml").write_text(TEN.replace('unit = "fF"\n', ""))
    (there / "sigma.toml").write_text(LAW.format("programming", "constant", -0.1))
    (there / "law.toml").write_text(LAW.format("creep", "constant", 0.1))
    (there / "text.toml").write_text(CELLS)
    (there / "text.csv").write_text("target_uS,measured_uS\n5,5.1\n5,high\n")
    return there


def run(capsys, *line):
    capsys.readouterr()
    code = main([str(x) for x in line])
    out = capsys.readouterr()
    return code, out.out, out.err


def told(capsys, *line):
    code, out, err = run(capsys, *line, "--json")
    assert code == 0, err
    return json.loads(out)


def test_simulate_on_a_file_is_simulate_on_its_device(folder):
    net, x = load(folder / "net.tnl"), np.full((3, 64), 0.5)
    whole = load_device(folder / "ten.toml")
    states = [
        thermo.simulate(net, x, device=d, seed=4).outputs
        for d in (str(folder / "ten.toml"), folder / "ten.toml", whole, "rc-1fF")
    ]
    np.testing.assert_array_equal(states[0], states[1])
    np.testing.assert_array_equal(states[0], states[2])
    assert not np.array_equal(states[0], states[3])


def test_every_verb_takes_a_file(folder, capsys):
    net, ten, data = folder / "net.tnl", folder / "ten.toml", ("--data", "digits")
    heat = told(capsys, "simulate", net, *data, "--limit", 4, "--device", ten)
    assert heat["accuracy"] is not None
    priced = thermo.estimate(load(net), thermo.load_dataset("digits"), device=str(ten), baselines=())
    assert priced.device.name == "ten" and priced.device.capacitance.value == 1e-14
    table = told(capsys, "compare", net, *data, "--alone", "--device", ten, "--device", "rc-1fF")
    assert {d["name"] for d in table["designs"]} == {"net, ten", "net, rc-1fF"}
    deck = told(capsys, "export", net, "--format", "spice", *data, "--device", ten, "-o", folder / "d.cir")
    assert "ten" in json.dumps(deck)
    spins = told(capsys, "estimate", folder / "ring.tnl", "--device", folder / "bits.toml")
    assert "bits" in json.dumps(spins["device"])


def test_a_data_sheet_of_a_preset_and_of_a_file(folder, capsys):
    code, out, _ = run(capsys, "presets", folder / "ten.toml")
    assert code == 0 and out.startswith("ten: ten times the capacitor")
    row = next(line for line in out.splitlines() if line.startswith("capacitance"))
    assert row.split()[1:] == ["10", "9.091", "11", "fF", "measured", "ours"]
    assert told(capsys, "presets", folder / "ten.toml")["figures"]["capacitance"]["unit"] == "F"


def test_new_prints_a_file_that_loads(folder, capsys):
    code, out, _ = run(capsys, "presets", "--new")
    assert code == 0 and out.count("#") > 10
    (folder / "new.toml").write_text(out)
    assert run(capsys, "presets", folder / "new.toml")[0] == 0
    code, out, _ = run(capsys, "presets", "rc-1pF", "--new")
    (folder / "pF.toml").write_text(out)
    assert load_device(folder / "pF.toml") == DEVICES.get("rc-1pF")
    save_device(load_device(folder / "pF.toml"), folder / "again.toml")
    assert load_device(folder / "again.toml") == DEVICES.get("rc-1pF")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "simulate {0}/net.tnl --data digits --device {0}/bad.toml",
            "bad.toml, line 6: capacitance: capacitance has no unit",
        ),
        ("estimate {0}/net.tnl --data digits --device {0}/none.toml", "none.toml: no such file"),
        ("compare {0}/net.tnl --data digits --device {0}/bad.toml", "line 6: capacitance"),
        ("simulate {0}/net.tnl --data digits --device {0}/bits.toml", "bits.toml: an array of p-bits"),
        ("estimate {0}/ring.tnl --device {0}/ten.toml", 'p-bits need one of kind = "p-bit"'),
        ("simulate {0}/net.tnl --data digits --device rc-2fF", "rc-1fF, rc-1pF"),
        ("presets {0}/bad.toml", "line 6: capacitance"),
        (
            "simulate {0}/net.tnl --data digits --device {0}/sigma.toml",
            "sigma.toml, line 4: laws.1: law programming: the standard deviation must be >= 0, got -0.1",
        ),
        (
            "simulate {0}/net.tnl --data digits --device {0}/law.toml",
            "law.toml, line 5: laws.1.law: 'creep' does not exist; choose from pulsed",
        ),
        (
            "simulate {0}/net.tnl --data digits --device {0}/text.toml",
            "text.csv, line 3: measured must be a number, got 'high'",
        ),
        ("simulate {0}/net.tnl --data digits --device pcm-crossbar --at -1h", "at must be a time >= 0"),
        ("presets nangate45 --new", "has no file"),
        ("presets --new --json", "leave --json out"),
    ],
)
def test_bad_files_are_one_line(folder, capsys, line, words):
    code, out, err = run(capsys, *line.format(folder).split())
    assert code == 2 and out == ""
    assert err.startswith("error: ") and err.count("\n") == 1 and words in err
