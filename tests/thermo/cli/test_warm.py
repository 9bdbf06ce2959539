"""Compiling everything beforehand: commands that all run, and compile nothing the second time."""

import json

import pytest

from thermo.cli.main import main
from thermo.cli.warm.jobs import FAMILIES


def compiled(capsys, *arguments):
    assert main(["warm", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)["compiled"]


def test_warm_twice_compiles_once(capsys):
    assert compiled(capsys, "--only", "underdamped").keys() == {"underdamped"}
    assert compiled(capsys, "--only", "underdamped") == {"underdamped": 0}


def test_an_unknown_family_is_named(capsys):
    assert main(["warm", "--only", "pbits,nothing"]) == 2
    error = capsys.readouterr().err
    assert "'nothing' is unknown" in error and ", ".join(FAMILIES) in error


@pytest.mark.slow
def test_every_family_runs_and_is_kept(capsys):
    assert compiled(capsys).keys() == FAMILIES.keys()
    assert set(compiled(capsys).values()) == {0}
