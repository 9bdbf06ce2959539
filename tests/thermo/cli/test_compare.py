"""thermoc compare: files of any kind on one table, refusals with the way out."""

import json

import numpy as np
import pytest

from compiler.families.ising import from_edges, lower_ising
from compiler.ir.container import save
from thermo.cli.keys import expected
from thermo.cli.main import main


@pytest.fixture(scope="module")
def nets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    for line in (
        "train eqprop --hidden 4 --epochs 1 -o {0}/m.safetensors",
        "compile {0}/m.safetensors -o {0}/m.tnl",
        "train logic --gates 300 --epochs 1 -o {0}/g.safetensors",
        "compile {0}/g.safetensors -o {0}/g.tnl",
    ):
        assert main(line.format(folder).split()) == 0
    ring = from_edges(np.zeros(6), np.arange(6), (np.arange(6) + 1) % 6, -np.ones(6))
    save(lower_ising(ring, sweeps=40), folder / "ring.tnl")
    return folder


def run(capsys, *line):
    capsys.readouterr()
    code = main([str(x) for x in ("compare", *line)])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_every_family_is_on_the_table(nets, capsys):
    three = [nets / f"{name}.tnl" for name in ("m", "g", "ring")]
    code, out, _ = run(capsys, *three, "--data", "digits", "--alone", "--json")
    assert code == 0
    told = json.loads(out)
    always, known = expected("compare")
    assert always <= set(told) <= known
    families = {d["name"]: d["family"] for d in told["designs"]}
    assert families == {
        "m, rc-1fF": "langevin",
        "g, nangate45": "circuit",
        "g, asap7": "circuit",
        "ring, pbit-cmos": "p-bits",
    }
    by_name = {d["name"]: d for d in told["designs"]}
    assert by_name["ring, pbit-cmos"]["accuracy"] is None
    assert by_name["g, asap7"]["difference"]["paired"] is True
    for d in told["designs"]:
        parts = sum(place["likely"] for place in d["places"].values())
        assert parts == pytest.approx(d["energy_J"]["likely"])
        assert d["energy_J"]["low"] <= d["energy_J"]["likely"] <= d["energy_J"]["high"]
    assert set(told["manifest"]) >= {"net m", "net g", "net ring", "data"}


def test_the_text_names_the_cheapest_and_says_how_it_was_compared(nets, capsys):
    code, out, _ = run(
        capsys,
        nets / "m.tnl",
        nets / "g.tnl",
        "--data",
        "digits",
        "--alone",
        "--rate",
        "1e6",
        "--accuracy",
        "5",
    )
    assert code == 0
    assert "1 M answers a second; all weights wired" in out
    assert "<- cheapest, 45 nm" in out and "Cheapest at 7 nm, of at least 5.00 %: g, asap7" in out


def test_devices_are_given_to_the_machines_that_they_are_for(nets, capsys):
    devices = ("--device", "rc-1fF", "--device", "rc-1pF", "--device", "pbit-magnetic")
    code, out, _ = run(
        capsys, nets / "m.tnl", nets / "ring.tnl", *devices, "--data", "digits", "--alone", "--json"
    )
    assert code == 0
    assert [d["name"] for d in json.loads(out)["designs"]] == [
        "m, rc-1fF",
        "m, rc-1pF",
        "ring, pbit-magnetic",
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("m.tnl", "add --data NAME"),
        ("m.tnl --data digits --library asap7", "--library does not apply to a Langevin machine"),
        ("g.tnl --data digits --runs 3", "--runs does not apply to a circuit of gates"),
        ("m.tnl --data digits --device rc-9", "no device 'rc-9'; choose one of"),
        ("m.tnl --data digits --weights tape", "--weights must be one of wired, registers"),
        ("m.tnl --data digits --rate 0", "rate must be a finite number > 0"),
        ("m.tnl --data digits --accuracy 200", "share above 0, up to 1"),
        ("g.tnl --data monk1", "g: "),
    ],
)
def test_refusals_say_the_way_out(nets, capsys, line, told):
    first, *rest = line.split()
    code, _, err = run(capsys, nets / first, *rest, "--alone")
    assert code == 2 and told in err and "Traceback" not in err


def test_report_writes_a_page_of_every_family(nets, capsys, tmp_path):
    page = tmp_path / "page.html"
    three = [str(nets / f"{name}.tnl") for name in ("m", "g", "ring")]
    asked = ["--data", "digits", "--alone", "--swept", "20", "--json", "-o", str(page)]
    capsys.readouterr()
    assert main(["report", *three, *asked]) == 0
    told = json.loads(capsys.readouterr().out)
    always, known = expected("report")
    assert always <= set(told) <= known and told["page"] == str(page)
    text = page.read_text(encoding="utf-8")
    for name in ("m: how far it may be off", "noise power", "bits of converters", "a gate errs"):
        assert name in text
    assert "It decides between no classes" in text  # the ring of p-bits
    assert told["manifest"]["net m"]["sha256"] in text
    code = main(["report", *three, *asked[:-1], str(tmp_path / "nowhere" / "page.html")])
    assert code == 2


def test_ideal_couplings_are_said_first(nets, capsys):
    for asked, ideal in ((("--couplings", "ideal"), True), ((), False)):
        _, out, _ = run(capsys, nets / "m.tnl", "--data", "digits", "--alone", *asked)
        told = [line for line in out.splitlines() if line.startswith(("Ideal couplings", "Cheapest"))]
        assert told[0].startswith("Ideal couplings") == ideal
        assert ("m, rc-1fF" in told[0]) or not ideal
