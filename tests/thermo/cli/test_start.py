"""The way to the first word: what a command imports, what a list of commands shows, an early Ctrl-C."""

import inspect
import os
import subprocess
import sys
from importlib import import_module

import pytest

from hw_models import __version__
from thermo.cli.main import COMMANDS, main

HEAVY = ("numpy", "scipy", "numba", "matplotlib", "jax", "networkx", "sklearn", "thermo.simulate")
RUN = """
import sys
from thermo.cli.main import main
code = main({arguments!r})
print("loaded:", *[name for name in {heavy!r} if name in sys.modules], "code", code, file=sys.stderr)
"""
ADDER = """module adder(input [1:0] a, input [1:0] b, output [2:0] s);
  wire c;
  assign s[0] = a[0] ^ b[0];
  assign c = a[0] & b[0];
  assign s[1] = a[1] ^ b[1] ^ c;
  assign s[2] = (a[1] & b[1]) | (c & (a[1] ^ b[1]));
endmodule
"""


def loaded(*arguments):
    """Which of HEAVY a command loads."""
    code = RUN.format(arguments=[str(a) for a in arguments], heavy=HEAVY)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    words = done.stderr.split("loaded:")[1].split()
    assert words[-1] == "0", done.stderr
    return set(words[:-2])


@pytest.mark.parametrize("name", COMMANDS)
def test_lists_say_what_the_docstrings_say(name):
    place, line = COMMANDS[name]
    module, function = place.split(":")
    docstring = inspect.getdoc(getattr(import_module(module), function))
    assert line == " ".join(docstring.split("\n\n")[0].split())


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["study", "--help"]])
def test_lists_of_commands_load_nothing_heavy(arguments):
    assert loaded(*arguments) == set()


def test_commands_of_circuits_load_no_numba_and_no_scipy(tmp_path):
    (tmp_path / "adder.v").write_text(ADDER)
    for level in ("0", "1", "2"):
        arguments = ["compile", tmp_path / "adder.v", "-o", tmp_path / "adder.tnl", "-O", level]
        assert loaded(*arguments) == {"numpy"}
    assert loaded("show", tmp_path / "adder.tnl") == {"numpy"}
    assert loaded("check", tmp_path / "adder.v", tmp_path / "adder.tnl") == {"numpy"}


@pytest.mark.parametrize("arguments, word", [(["shw"], "'show'"), (["train", "lang"], "'langevin'")])
def test_a_mistyped_command_gets_a_suggestion(capsys, arguments, word):
    assert main(arguments) == 2
    assert word in capsys.readouterr().err


def test_ctrl_c_while_a_command_is_imported(capsys, monkeypatch):
    def interrupt(name):
        raise KeyboardInterrupt

    monkeypatch.setattr("thermo.cli.main.import_module", interrupt)
    assert main(["show", "net.tnl"]) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_the_version_and_what_figures_depend_on(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith(f"thermoc {__version__} (Python 3.")
