"""docs/cli.md says what the commands take and print."""

import ast
import inspect
import json
from pathlib import Path

import numpy as np
import pytest

from compiler.families.ising import from_edges, lower_ising
from compiler.families.store import save_model
from compiler.ir.container import save
from thermo.cli import flags
from thermo.cli.keys import expected
from thermo.cli.main import COMMANDS, main
from thermo.cli.reference import BEGIN, reference, with_reference
from thermo.cli.train.eqprop import eqprop

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_page_is_the_commands_reference():
    page = PAGE.read_text(encoding="utf-8")
    assert with_reference(page) == page, "run python -m thermo.cli.reference docs/cli.md"
    assert with_reference(page.replace("--tempering", "--temper")) != page.replace("--tempering", "--temper")


def test_every_command_is_in_it():
    text = reference()
    for name in COMMANDS:
        assert f"### {name}\n" in text, name
    assert "`--sample/--optimise`" in text
    assert text.count(BEGIN) == 0


def test_commands_take_tables_of_options():
    """A command is a function of its arguments and of what was given, not of forty flags."""
    most = 0
    for path in Path(flags.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                most = max(most, len(node.args.args) + len(node.args.kwonlyargs))
    assert most <= 8
    assert len(inspect.signature(eqprop).parameters) > 30  # as typer sees it


CIRCUIT = "module add(input a, input b, output s);\nassign s = a ^ b;\nendmodule\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    (folder / "add.v").write_text(CIRCUIT)
    ring = from_edges(np.zeros(6), np.arange(6), (np.arange(6) + 1) % 6, -np.ones(6))
    save(lower_ising(ring, sweeps=40), folder / "ring.tnl")
    save(lower_ising(ring, sweeps=40, sample=True), folder / "samples.tnl")
    save_model(ring, folder / "ring.safetensors")
    for line in (
        "train eqprop --hidden 4 --epochs 1 -o {0}/m.safetensors",
        "compile {0}/m.safetensors -o {0}/m.tnl",
        "train logic --gates 300 --epochs 1 -o {0}/g.safetensors",
        "compile {0}/g.safetensors -o {0}/g.tnl",
        "compile {0}/add.v -o {0}/add.tnl",
    ):
        assert main(line.format(folder).split()) == 0
    return folder


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("compile", "compile {0}/add.v -o {0}/o.tnl"),
        ("compile", "compile {0}/ring.safetensors -o {0}/o.tnl"),
        ("show", "show {0}/ring.tnl"),
        ("show", "show {0}/g.tnl"),
        ("export", "export {0}/add.v --format verilog -o {0}/o.v --pipeline 1 --testbench {0}/tb.v"),
        ("export", "export {0}/ring.tnl --format coo -o {0}/o.coo"),
        ("check", "check {0}/add.v {0}/add.v --no-abc"),
        ("simulate, an analog netlist", "simulate {0}/m.tnl --data digits --limit 20"),
        ("simulate, an analog netlist", "simulate {0}/m.tnl --runs 2"),
        ("simulate, a circuit of gates", "simulate {0}/g.tnl --data digits --limit 20 --toggles"),
        ("simulate, a circuit of gates", "simulate {0}/g.tnl --data digits --limit 20 --flip 0.1"),
        ("simulate, p-bits", "simulate {0}/ring.tnl"),
        ("simulate, p-bits", "simulate {0}/samples.tnl"),
        ("simulate, p-bits", "simulate {0}/samples.tnl --tempering 3 --sweeps 50"),
        ("estimate, a circuit of gates", "estimate {0}/add.tnl --library nangate45"),
        ("estimate, p-bits", "estimate {0}/ring.tnl"),
        ("train eqprop", "train eqprop --hidden 4 --epochs 1 -o {0}/h.safetensors"),
        ("train logic", "train logic --gates 300 --epochs 1 -o {0}/l.safetensors"),
    ],
)
def test_keys_are_those_of_the_page(command, line, files, capsys):
    capsys.readouterr()
    assert main([*line.format(files).split(), "--json"]) == 0
    found = set(json.loads(capsys.readouterr().out))
    always, known = expected(command)
    assert always <= found, f"missing: {always - found}"
    assert found <= known, f"not in docs/cli.md: {found - known}"
