"""The yield study: shares and intervals of devices, laws alone and together, over strength and time."""

import json

import numpy as np
import pytest
from toys.trained import digits_mlp

from compiler.families.langevin import LangevinMachine, lower_langevin
from compiler.families.tiled import on_tiles
from compiler.ir.container import load, save
from compiler.ir.tiles import Layout
from hw_models.imperfect import Imperfections
from hw_models.laws.sets import LAW_SETS
from hw_models.strength import with_strength
from thermo.cli.main import main
from thermo.data import load_dataset
from thermo.studies.devices import Key, _asked
from thermo.studies.instances import accuracy_on_devices
from thermo.studies.yields import NONE, TOGETHER, YieldPoint, findings, wilson

MINE = """name = "mine"
like = "pcm-crossbar"
couplings = "ideal"
input_converter = "ideal"
output_converter = "ideal"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    there = tmp_path_factory.mktemp("yield")
    rng = np.random.default_rng(3)
    for name, scale in (("clean", 2.0), ("aware", 1.0)):
        w = rng.normal(size=(12, 64)) * scale
        machine = LangevinMachine(
            w_in=w,
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
        save(lower_langevin(machine), there / f"{name}.tnl")
    (there / "mine.toml").write_text(MINE)
    return there


def run(capsys, *line):
    capsys.readouterr()
    code = main(["study", "devices", *(str(x) for x in line)])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_wilson_is_the_formula():
    z, n, k = 1.959963984540054, 50, 43
    p = k / n
    middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    want = [(middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)]
    np.testing.assert_allclose(wilson(k, n), want, rtol=1e-9)
    assert wilson(0, 10)[0] == 0.0 and wilson(10, 10)[1] == 1.0 and wilson(10, 10)[0] < 0.75


def test_each_law_alone_at_the_last_time_and_all_over_time():
    law = Imperfections(mismatch=0.1, laws=LAW_SETS.get("pcm"))
    asked = _asked(law, (0.5, 2.0), (25.0, 3600.0), ("a", "b"))
    first = next(iter(asked))
    assert first == Key("a", NONE, 0.0, 3600.0) and asked[first].ideal
    drift = {k.at: v.at for k, v in asked.items() if k[:3] == ("a", "drift", 1.0)}
    assert drift == {25.0: 25.0, 3600.0: 3600.0}
    # what time does not change is asked for once, and measured once
    still = {v.at for k, v in asked.items() if k.law == "programming"}
    assert still == {None} and {v.at for k, v in asked.items() if k.law == "mismatch"} == {None}
    assert {k.strength for k in asked if k.law == "drift" and k.at == 25.0} == {1.0}
    assert {k.strength for k in asked if k.law == TOGETHER and k.at == 3600.0} == {0.5, 1.0, 2.0}
    assert asked[Key("b", "drift", 2.0, 3600.0)] == with_strength(
        Imperfections(laws=LAW_SETS.get("pcm"), at=3600.0), 2.0, "drift"
    )


def test_the_command_writes_shares_that_are_those_of_its_devices(folder, capsys):
    line = (
        folder / "clean.tnl",
        folder / "aware.tnl",
        "--data",
        "digits",
        "--device",
        folder / "mine.toml",
        "--devices",
        3,
        "--limit",
        40,
        "--strength",
        "1",
        "--at",
        "25s,1y",
        "--accuracy",
        9,
        "-o",
        folder / "s",
        "--json",
    )
    code, out, err = run(capsys, *line)
    assert code == 0, err
    told = json.loads(out)
    none = next(p for p in told["points"] if p["law"] == NONE)
    assert len(none["accuracies"]) == 1 and none["low"] == none["high"] == none["share"]
    assert told["accuracy"] == 0.09 and set(told["loses_most"]) == {"clean", "aware"}
    point = next(p for p in told["points"] if p["law"] == "drift" and p["net"] == "aware" and p["at"] > 1e6)
    law = with_strength(Imperfections(laws=LAW_SETS.get("pcm")), 1.0, "drift")
    law = Imperfections(laws=law.laws, at="1y")
    direct = accuracy_on_devices(load(folder / "aware.tnl"), load_dataset("digits"), law, 3, limit=40)
    assert point["accuracies"] == direct.tolist()
    assert point["good"] == int((direct >= 0.09).sum()) and point["share"] == point["good"] / 3
    assert (point["low"], point["high"]) == wilson(point["good"], 3)
    assert (folder / "s" / "devices.png").read_bytes()[:4] == b"\x89PNG"
    assert "Wilson" in (folder / "s" / "devices.txt").read_text()

    # what is in the folder is not measured again: a record that is changed is believed
    records = sorted((folder / "s").glob("aware-*.json"))
    for record in records:
        record.write_text(json.dumps({"accuracies": [1.0, 1.0, 1.0]}))
    again = json.loads(run(capsys, *line)[1])
    assert {p["mean"] for p in again["points"] if p["net"] == "aware"} == {1.0}
    assert [p for p in again["points"] if p["net"] == "clean"] == [
        p for p in told["points"] if p["net"] == "clean"
    ]


def points(net, **means):
    made = [YieldPoint(net, NONE, 0.0, None, (0.9, 0.9), 2, *wilson(2, 2))]
    for law, mean in means.items():
        good = int(mean >= 0.8)
        for strength in (1.0, 2.0):
            made.append(YieldPoint(net, law, strength, None, (mean, mean), 2 * good, *wilson(2 * good, 2)))
    return made


def test_the_law_that_loses_most_is_named_by_its_mean():
    both = points("clean", drift=0.6, read=0.85) + points("aware", drift=0.89, read=0.84)
    found = findings(both, 0.8, "2 devices")
    assert found.result["loses_most"]["clean"] == {"law": "drift", "points": pytest.approx(30.0)}
    assert found.result["loses_most"]["aware"]["law"] == "read"
    said = [row[0] for row in found.tables[0].rows]
    assert said[0].startswith("clean: most is lost by drift, 30.00 points")
    own = found.tables[1].rows
    assert ("clean", "drift", "60.00", "30.00", "0 (0 to 66)") in own
    assert ("aware", "read", "84.00", "6.00", "100 (34 to 100)") in own


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("--device pcm-crossbar --at -1h", "at must be a time >= 0"),
        ("--device pcm-crossbar --at 1fortnight", "at must be a time >= 0"),
        ("--device rc-1fF --couplings ideal", "the devices are all perfect"),
        ("--mismatch 0.1 --at 1h", "changes with time"),
        ("--mismatch -0.1", "relative spread >= 0"),
        ("--mismatch 0.1 --strength 1,a", "--strength takes numbers with commas, 0.5,1,2, got 'a'"),
        ("--mismatch 0.1 --strength -1", "strength must be a number >= 0"),
        ("--mismatch 0.1 --accuracy 101", "--accuracy is what a device must reach in per cent"),
        ("--couplings resistor --mismatch 0.1", "add --device"),
        ("{0}/clean.tnl --mismatch 0.1", "two netlists are called 'clean'"),
    ],
)
def test_refusals_are_one_line(folder, capsys, more, told):
    line = f"{folder}/clean.tnl --data digits -o {folder}/t {more}".format(folder)
    code, out, err = run(capsys, *line.split())
    assert code == 2 and out == "", err
    assert err.startswith("error: ") and err.count("\n") == 1 and told in err, err


def test_networks_on_tiles_have_a_yield(tmp_path, folder, capsys):
    save(on_tiles(digits_mlp(), Layout(64, 64)), tmp_path / "mlp.tnl")
    line = (
        f"{tmp_path}/mlp.tnl --data digits --devices 2 --limit 60 --strength 1 --ir-drop none -o {tmp_path}/s"
    )
    code, out, err = run(capsys, *line.split(), "--device", "pcm-tile", "--at", "1h", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert {p["law"] for p in told["points"]} == {NONE, "programming", "drift", "read", TOGETHER}
    assert 0.1 < told["points"][-1]["mean"] < 1.0
    code, _, err = run(capsys, folder / "clean.tnl", *line.split(), "--device", "pcm-tile")
    assert code == 2 and "netlists of one study are all of one kind" in err
