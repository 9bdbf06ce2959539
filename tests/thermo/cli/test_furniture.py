"""What stands around the commands: groups of flags, files of flags, pipes, completion."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from compiler.ir.container import load
from thermo.cli.completion import WRITERS, tables
from thermo.cli.config import with_config
from thermo.cli.groups import ELSEWHERE, HEADINGS
from thermo.cli.lists import parted
from thermo.cli.main import COMMANDS, main

CUT = "3 3\n1 2 1\n2 3 1\n1 3 2\n"
FLAGS = tables()


# --- groups ------------------------------------------------------------------------------------------


def test_flags_stand_under_their_headings(capsys):
    assert main(["simulate", "--help"]) == 0
    text = capsys.readouterr().out
    places = [text.index(f"\n{heading}:") for heading in ("Arguments", "Data", "Device", "Running", "Output")]
    assert places == sorted(places)
    device = text[text.index("\nDevice:") : text.index("\nRunning:")]
    assert "--mismatch" in device and "--json" not in device and "[default: 0.0]" in device
    assert "--config <path>" in text


def test_a_flag_stands_where_its_command_means_it(capsys):
    """--rate of a price is joules', of a training the step."""
    for command, flag, heading in (
        ("train eqprop", "--rate", "Training"),
        ("compare", "--rate", "Price"),
        ("train logic", "--inputs", "Training"),
        ("compile", "--inputs", "Foreign files"),
    ):
        assert main([*command.split(), "--help"]) == 0
        above = capsys.readouterr().out.partition(f"  {flag} ")[0]
        assert re.findall(r"\n(\w[\w ]*):\n", above)[-1] == heading


def test_numbers_that_repeat_may_be_parted_by_commas():
    words = ["train", "logic", "--gates", "500,300", "-o", "a,b.st", "--threshold=0.2,0.5", "--seed", "1"]
    told = "train logic --gates=500 --gates=300 -o a,b.st --threshold=0.2 --threshold=0.5 --seed 1"
    assert parted(words, COMMANDS) == told.split()
    assert parted(["simulate", "a,b.tnl"], COMMANDS) == ["simulate", "a,b.tnl"]


def test_headings_name_flags_that_there_are():
    known = {flag.key for flags in FLAGS.values() for flag in flags}
    listed = " ".join(HEADINGS.values()).split()
    assert len(listed) == len(set(listed))
    assert set(listed) <= known
    for own in ELSEWHERE.values():
        assert set(own) <= set(HEADINGS) and set(" ".join(own.values()).split()) <= known


# --- files of flags ------------------------------------------------------------------------------------


def _with(tmp_path, text, line):
    (tmp_path / "f.toml").write_text(text)
    return with_config([*line.split(), "--config", str(tmp_path / "f.toml")], COMMANDS)


def test_flags_come_from_a_file(tmp_path):
    both = 'data = "digits"\nseed = 3\n'
    text = f"{both}[train.logic]\ngates = 300\nepochs = 2\n[train.eqprop]\nhidden = [4, 5]\n"
    found = _with(tmp_path, text, "train logic -o m")
    assert " ".join(found) == "train logic --data=digits --seed=3 --gates=300 --epochs=2 -o m"
    found = _with(tmp_path, text, "train eqprop -o m")
    assert " ".join(found) == "train eqprop --data=digits --seed=3 --hidden=4 --hidden=5 -o m"
    # the command line has the last word, also over a list
    found = _with(tmp_path, text, "train eqprop --hidden 9 -o m --seed=1")
    assert " ".join(found) == "train eqprop --data=digits --hidden 9 -o m --seed=1"
    switches = "coupled = false\ndirected = true\nheat-penalty = 1e-3\ncoupling_penalty = 0\n"
    found = _with(tmp_path, switches, "train langevin -o m")
    wanted = "train langevin --uncoupled --directed --heat-penalty=0.001 --coupling-penalty=0 -o m"
    assert " ".join(found) == wanted
    assert with_config(["show", "x.tnl"], COMMANDS) == ["show", "x.tnl"]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("gatess = 3", "train logic -o m", "has no flag --gatess"),
        ("[trian.logic]\na = 1", "train logic -o m", "[trian] is no command"),
        ("coupled = 1", "train langevin -o m", "is a switch, true or false, got 1"),
        ("seed = [1, 2]", "train langevin -o m", "--seed takes one value"),
        ("seed = true", "train langevin -o m", "takes a number or a text"),
        ("seed = ", "train langevin -o m", "is no TOML"),
        ("seed = 1", "--version", "goes behind the name of a command"),
        ('seed = "x"', "train langevin -o m", "'--seed'"),
    ],
)
def test_what_a_file_gets_wrong_is_named(text, line, told, tmp_path, capsys):
    (tmp_path / "f.toml").write_text(text)
    assert main([*line.split(), f"--config={tmp_path / 'f.toml'}"]) == 2
    assert told in capsys.readouterr().err


def test_a_file_trains(tmp_path, capsys):
    (tmp_path / "f.toml").write_text('data = "digits"\nepochs = 1\ngates = 300\n')
    line = f"train logic --config {tmp_path}/f.toml -o {tmp_path}/m.safetensors --json"
    assert main(line.split()) == 0
    config = json.loads(capsys.readouterr().out)["config"]
    assert config["epochs"] == 1 and config["layers"] == [300]


# --- pipes ---------------------------------------------------------------------------------------------


@pytest.fixture
def piped(monkeypatch):
    def give(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give


def test_standard_input_is_a_file(piped, tmp_path, capsys):
    piped(CUT.encode())
    assert main(["compile", "-", "-o", str(tmp_path / "a.tnl")]) == 0
    (tmp_path / "cut.txt").write_text(CUT)
    assert main(["compile", str(tmp_path / "cut.txt"), "-o", str(tmp_path / "b.tnl")]) == 0
    a, b = load(tmp_path / "a.tnl"), load(tmp_path / "b.tnl")
    assert a.n_cells == b.n_cells == 3 and np.array_equal(a.couplings[0].weight, b.couplings[0].weight)
    piped((tmp_path / "a.tnl").read_bytes())
    capsys.readouterr()
    assert main(["simulate", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cut"] == 3.0
    piped(b"")
    assert main(["compile", "-", "-o", str(tmp_path / "c.tnl")]) == 2
    assert "standard-input: is empty" in capsys.readouterr().err
    rows = "\n".join(f"{k % 3},{k % 2},{'ab'[k % 2]}" for k in range(60))
    piped(f"u,v,class\n{rows}\n".encode())
    assert main(["data", "show", "-"]) == 0
    assert "2 classes: a, b" in capsys.readouterr().out
    piped(f"u,v,class\n{rows}\n".encode())
    capsys.readouterr()
    line = ["train", "logic", "--data", "-", "--gates", "300", "--epochs", "1", "-o", str(tmp_path / "m.st")]
    assert main(line) == 0


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_process_substitution_and_standard_output(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    (tmp_path / "cut.txt").write_text(CUT)
    thermoc = f"{sys.executable} -m thermo.cli"
    written = f"{thermoc} compile - -o - < cut.txt 2> /dev/null | head -c 4"
    line = f"{thermoc} compile <(cat cut.txt) -o a.tnl && {written}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(b"\x89TNL") and load(tmp_path / "a.tnl").n_cells == 3


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_standard_output_holds_the_file_alone(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    (tmp_path / "cut.txt").write_text(CUT)
    (tmp_path / "not.v").write_text("module n(input a, output y); assign y = ~a; endmodule\n")
    (tmp_path / "all.v").write_text("// first\n")
    thermoc = f"{sys.executable} -m thermo.cli"
    piped = f"{thermoc} compile - -o - < cut.txt | {thermoc} simulate - --sweeps 20 --json"
    appended = f"{thermoc} export not.v --format verilog -o - >> all.v"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{piped} && {appended}"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cut"] == 3
    text = (tmp_path / "all.v").read_text()
    assert text.startswith("// first\nmodule n (") and text.endswith("endmodule\n")
    assert b"wrote" in done.stderr


def test_what_standard_output_cannot_take(tmp_path, capsys):
    line = ["train", "logic", "--data", "digits", "--gates", "100", "--epochs", "1"]
    for flags in (["-o", "-"], ["--out=-"]):
        assert main([*line, *flags]) == 2
        assert f"{flags[0][:5]} -: a training keeps its checkpoint" in capsys.readouterr().err
    (tmp_path / "n.v").write_text("module n(input a, b, output y); assign y = a & b; endmodule\n")
    assert main(["demo", "-o", "-"]) == 2  # a folder
    assert "cannot be made" in capsys.readouterr().err
    words = ["export", str(tmp_path / "n.v"), "--format", "verilog", "-o", "-"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("wrote standard output: 1 gates") and captured.out.startswith("module n (")
    with redirect_stdout(io.StringIO()) as letters:  # a stand-in without bytes
        assert main(words) == 0
    assert letters.getvalue() == captured.out


def test_standard_output_takes_one_file(tmp_path, capsys):
    (tmp_path / "cut.txt").write_text(CUT)
    assert main(["compile", str(tmp_path / "cut.txt"), "-o", "-", "--save", "-"]) == 2
    assert "--save -: standard output takes one file" in capsys.readouterr().err


# --- completion ----------------------------------------------------------------------------------------

LINES = {
    "thermoc simu": ["simulate"],
    "thermoc train lo": ["logic"],
    "thermoc train langevin --heat-b": ["--heat-budget"],
    "thermoc simulate x.tnl --device-s": ["--device-seed"],
    "thermoc simulate x.tnl --device sonos-c": ["sonos-crossbar"],
}


@pytest.mark.parametrize("line", LINES)
def test_bash_completes(line, tmp_path, capsys):
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    assert main(["completion", "bash"]) == 0
    (tmp_path / "c").write_text(capsys.readouterr().out)
    words = " ".join(f"'{word}'" for word in line.split())
    code = f"source c; COMP_WORDS=({words}); COMP_CWORD={len(line.split()) - 1}; _thermoc; "
    code += "echo ${COMPREPLY[@]}"
    done = subprocess.run(["bash", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == LINES[line] and not done.stderr


@pytest.mark.parametrize("line", LINES)
def test_fish_completes(line, tmp_path):
    if shutil.which("fish") is None:
        pytest.skip("needs fish")
    (tmp_path / "c").write_text(WRITERS["fish"](FLAGS))
    code = f"source c; complete -C '{line}'"
    done = subprocess.run(["fish", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert [row.split("\t")[0] for row in done.stdout.splitlines()] == LINES[line]


@pytest.mark.parametrize("shell", WRITERS)
def test_scripts_have_every_command_and_flag(shell, tmp_path):
    text = WRITERS[shell](FLAGS)
    for name, flags in FLAGS.items():
        assert name.split()[-1] in text
        assert all(flag.long.lstrip("-") in text for flag in flags)
    if shutil.which(shell):
        (tmp_path / "c").write_text(text)
        subprocess.run([shell, "-n", "c"], cwd=tmp_path, check=True)


def test_other_shells_are_refused(capsys):
    assert main(["completion", "tcsh"]) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err


# --- TensorBoard ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    ["logic --gates 300", "langevin --hidden 4", "eqprop --hidden 4", "ebm --hidden 4"],
    ids=lambda line: line.split()[0],
)
def test_figures_of_every_epoch_are_logged(line, tmp_path, monkeypatch):
    written = {}

    class Writer:
        def __init__(self, folder):
            assert Path(folder) == tmp_path / "log" and Path(folder).is_dir()

        def add_scalar(self, name, value, step):
            written.setdefault(name, []).append((step, value))

        def flush(self):
            pass

    monkeypatch.setitem(sys.modules, "tensorboardX", type(sys)("tensorboardX"))
    sys.modules["tensorboardX"].SummaryWriter = Writer
    words = f"train {line} --data digits --epochs 2 --log {tmp_path}/log -o {tmp_path}/m.safetensors"
    assert main(words.split()) == 0
    assert len(written) >= 2 and [step for step, _ in written["seconds"]] == [1, 2]
    # what is measured now and then has no figure in between
    assert all({step for step, _ in rows} <= {1, 2} for rows in written.values())
    assert all(value > 0 for _, value in written["seconds"])


def test_a_log_without_its_package_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    line = f"train logic --gates 300 --epochs 1 --log {tmp_path}/log -o {tmp_path}/m.safetensors"
    assert main(line.split()) == 2
    assert "thermoc[tensorboard]" in capsys.readouterr().err
