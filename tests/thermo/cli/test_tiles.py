"""The command line on networks on tiles: every verb answers or says one line."""

import json

import pytest
from toys.trained import digits_cnn, digits_mlp

from compiler.families.store import save_model
from thermo.cli.keys import expected
from thermo.cli.main import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiles")
    save_model(digits_mlp(), folder / "mlp.safetensors")
    save_model(digits_cnn(), folder / "cnn.safetensors")
    for name in ("mlp", "cnn"):
        line = f"compile {folder}/{name}.safetensors -o {folder}/{name}.tnl --target crossbar-32"
        assert main(line.split()) == 0
    return folder


def told(capsys, files, line):
    capsys.readouterr()
    assert main(line.format(files).split()) == 0
    return json.loads(capsys.readouterr().out)


def test_simulate_estimate_show_compare(capsys, files):
    ideal = told(capsys, files, "simulate {0}/cnn.tnl --data digits --json")
    assert ideal["accuracy"] > 0.85 and ideal["counts"]["tiles"] == 4 and ideal["converters"] == []
    aged = told(
        capsys, files, "simulate {0}/cnn.tnl --data digits --device pcm-tile --at 1y --output-bits 3 --json"
    )
    assert aged["accuracy"] < ideal["accuracy"] and len(aged["converters"]) == 6
    whole = told(capsys, files, "compare {0}/cnn.tnl {0}/mlp.tnl --data digits --alone --ir-drop fast --json")
    assert [d["family"] for d in whole["designs"]] == ["tiles", "tiles"]
    shown = told(capsys, files, "show {0}/mlp.tnl --json")
    assert shown["counts"]["devices"] == 2 * (64 * 24 + 24 * 10) and "targets" not in shown
    sheet = told(capsys, files, "presets pcm-tile --json")
    assert sheet["figures"]["conductance"]["value"] == 25e-6 and "drift mean" in sheet["figures"]


def test_keys_are_those_of_the_page(capsys, files):
    always, known = expected("simulate, a network on tiles")
    keys = set(told(capsys, files, "simulate {0}/mlp.tnl --data digits --device pcm-tile --json"))
    assert always <= keys <= known


def test_compile_says_how_many_tiles(capsys, files):
    out = told(
        capsys,
        files,
        "compile {0}/mlp.safetensors -o {0}/s.tnl --target crossbar-16x8 --slices 2 --slice-bits 4 --json",
    )
    assert out["target"] == "crossbar-16x8" and out["counts"]["weight_bits"] == 8
    assert out["counts"]["tiles"] == 2 * (4 * 6 + 2 * 3)
    relaid = told(capsys, files, "compile {0}/s.tnl -o {0}/u.tnl --target crossbar-64 --json")
    assert relaid["counts"]["tiles"] == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "compile {0}/mlp.safetensors -o {0}/x.tnl --slices 2",
            "--slices does not apply to a model of cells",
        ),
        (
            "compile {0}/cnn.safetensors -o {0}/x.tnl --target crossbar-64 --tolerance 1e-3",
            "--tolerance does not apply",
        ),
        ("compile {0}/mlp.safetensors -o {0}/x.tnl --target crossbar-x", "as in crossbar-64"),
        ("compile {0}/mlp.safetensors -o {0}/x.tnl --target crossbar-8 --slices 2", "needs the bits of each"),
        ("compile {0}/cnn.tnl -o {0}/x.tnl --target king-4", "has no use for target king-4"),
        ("simulate {0}/mlp.tnl", "give data"),
        ("simulate {0}/mlp.tnl --data digits --wire 2", "give --device pcm-tile"),
        ("simulate {0}/mlp.tnl --data digits --device rc-1fF", "no crossbar device 'rc-1fF'"),
        ("simulate {0}/mlp.tnl --data digits --device pcm-tile --at -1h", "give --at 1h"),
        ("simulate {0}/mlp.tnl --data digits --runs 3", "--runs does not apply to a network on tiles"),
        ("estimate {0}/mlp.tnl --data digits --library nangate45", "--library does not apply"),
        (
            "check {0}/mlp.tnl {0}/mlp.tnl",
            "takes a circuit of gates or a circuit of tables, got a network on crossbar tiles",
        ),
        ("check {0}/mlp.tnl --with ngspice", "--with ngspice is for Langevin netlists"),
        ("export {0}/mlp.tnl --format verilog -o {0}/x.v", "takes a circuit of gates"),
        ("export {0}/mlp.tnl --format spice -o {0}/x.cir", "format spice is for Langevin netlists"),
    ],
)
def test_one_line_and_exit_code_2(line, message, capsys, files):
    capsys.readouterr()
    assert main(line.format(files).split()) == 2
    said = capsys.readouterr().err.strip()
    assert message in " ".join(said.split()) and "Traceback" not in said
