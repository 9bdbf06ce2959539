"""The command line: results on standard output, one line and exit code 2 for bad input."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compiler import LangevinMachine, load, load_model, lower_langevin, save, save_model
from compiler.ir.langevin import Cells, CouplingKind, Couplings
from thermo.cli.main import COMMANDS, main
from thermo.data import load_dataset


@pytest.fixture(scope="module")
def machine():
    """A skewed, untrained machine for the digits: 6 hidden cells, 10 outputs."""
    rng = np.random.default_rng(3)
    n, n_out = 16, 10
    coupling = rng.normal(size=(n, n))
    coupling = np.tril(coupling, -1) + np.tril(coupling, -1).T
    return LangevinMachine(
        w_in=rng.normal(size=(n, 64)) * 2,
        coupling=coupling,
        bias=rng.normal(size=n),
        j2=np.ones(n),
        j3=np.zeros(n),
        j4=np.ones(n),
        x0=np.zeros(n),
        n_out=n_out,
        input_shift=np.array([0.3]),
        input_scale=np.array([0.1]),
        readout_scale=np.ones(n_out),
        readout_offset=np.zeros(n_out),
        labels=tuple(str(k) for k in range(10)),
    )


@pytest.fixture
def net(machine, tmp_path):
    path = tmp_path / "net.tnl"
    save(lower_langevin(machine), path)
    return path


def _fails(capsys, arguments, *words):
    """The command ends with code 2, nothing on stdout, and one line with these words."""
    assert main([str(a) for a in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line for line in err.splitlines() if line]
    assert len(lines) == 1 and lines[0].startswith("error: "), err
    for word in words:
        assert str(word) in lines[0], err


def _json(capsys, arguments):
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(capsys, command):
    assert main([*command.split(), "--help"]) == 0
    out = capsys.readouterr().out
    if command != "data":
        assert f"Example: thermoc {command}" in " ".join(out.split())
    assert "--json" in out


def test_compile_show_simulate_estimate(capsys, machine, tmp_path):
    model, net = tmp_path / "m.safetensors", tmp_path / "n.tnl"
    save_model(machine, model)
    done = _json(capsys, ["compile", model, "-o", net])
    assert done["counts"]["cells"]["total"] == 80 and len(done["manifest"]["model"]["sha256"]) == 64
    shown = _json(capsys, ["show", net])
    assert shown["targets"]["ideal"] == [] and "add --quantize" in shown["targets"]["rc-array"][-1]
    arguments = ["simulate", net, "--data", "digits", "--limit", 40, "--seed", 5]
    first = _json(capsys, arguments)
    assert 0 <= first["accuracy"] <= 1 and first["n_samples"] == 40
    assert first["heat_kT"]["sem"] > 0 and first["runs"] == 1
    again = _json(capsys, arguments)
    drop = ("seconds", "manifest")
    assert {k: v for k, v in first.items() if k not in drop} == {
        k: v for k, v in again.items() if k not in drop
    }
    other = _json(capsys, [*arguments[:-1], 6])
    assert other["heat_kT"] != first["heat_kT"]


def test_compile_makes_a_netlist_legal(capsys, machine, tmp_path):
    model, net = tmp_path / "m.safetensors", tmp_path / "n.tnl"
    save_model(machine, model)
    _fails(capsys, ["compile", model, "-o", net, "--target", "rc-array"], "rc-array", "--quantize")
    assert not net.exists()
    assert main(["compile", str(model), "-o", str(net), "--target", "rc-array", "--quantize"]) == 0
    assert "legal for rc-array" in capsys.readouterr().out


@pytest.mark.slow
def test_estimate_adds_up(capsys, net, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    reset = ["--reset-stiffness", 10, "--reset-time", 0.1]  # the search of one is tested elsewhere
    done = _json(capsys, ["estimate", net, "--data", "digits", "--split", "valid", *reset])
    energy = done["energy_J"]
    parts = sum(v for k, v in energy.items() if k != "total")
    assert energy["total"] == pytest.approx(parts, rel=1e-9, abs=0)
    arithmetic = done["digital_baseline"]["energy"]["arithmetic"]
    assert done["advantage"]["wired"]["likely"] == pytest.approx(arithmetic / energy["total"])
    assert done["halved_dt"]["heat_kT"]["mean"] == pytest.approx(
        done["heat_kT"]["mean"], abs=8 * done["heat_kT"]["sem"]
    )


def test_estimate_of_few_samples_without_designs_beside_it(capsys, net, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = [
        "--data",
        "digits",
        "--reset-stiffness",
        10,
        "--reset-time",
        0.1,
        "--limit",
        30,
        "--no-digital",
    ]
    done = _json(capsys, ["estimate", net, *options])
    assert done["n_samples"] == 30 and done["baselines"] == [] and not (tmp_path / "cache").exists()
    assert done["energy_J"]["total"] > 0


def test_simulate_saves_trajectories(capsys, net, tmp_path):
    file = tmp_path / "t.npz"
    done = _json(
        capsys,
        [
            "simulate",
            net,
            "--data",
            "digits",
            "--limit",
            3,
            "--save",
            file,
            "--trajectory-every",
            50,
            "--observe",
            0.1,
            "--observe",
            0.2,
        ],
    )
    assert done["saved"] == str(file)
    with np.load(file, allow_pickle=False) as arrays:
        assert arrays["times"].tolist() == pytest.approx([0.1, 0.2])
        assert arrays["outputs"].shape == (2, 3, 1, 10)
        assert arrays["trajectory"].shape == (5, 3, 1, 16)


def test_train_writes_a_model_and_resumes(capsys, tmp_path):
    model = tmp_path / "m.safetensors"
    arguments = ["train", "langevin", "--data", "digits", "--epochs", 2, "--hidden", 8, "-o", model]
    done = _json(capsys, arguments)
    assert model.exists() and not list(tmp_path.glob("*.checkpoint"))
    assert done["config"]["epochs"] == 2 and done["heat_kT"]["mean"] > 0
    checkpoint = tmp_path / "kept"
    first = _json(capsys, [*arguments, "--checkpoint", checkpoint])
    assert checkpoint.exists()
    again = _json(capsys, [*arguments, "--checkpoint", checkpoint])
    assert again["accuracy"] == first["accuracy"] and again["heat_kT"] == first["heat_kT"]
    started = _json(capsys, [*arguments, "--start", model, "--uncoupled"])
    assert started["accuracy"] is not None


def test_training_for_a_device_says_so_and_is_measured_there(capsys, tmp_path):
    model = tmp_path / "m.safetensors"
    short = ["train", "langevin", "--epochs", 2, "--hidden", 8, "-o", model]
    done = _json(capsys, [*short, "--device", "rc-1fF", "--couplings", "crossbar"])
    config = done["config"]
    assert (config["device"], config["couplings"]) == ("rc-1fF", "crossbar")
    assert config["kT"] == pytest.approx((2.878e-3 / 0.1) ** 2, rel=1e-2)  # a unit of x is 0.1 V
    assert dict(load_model(model).meta)["couplings"] == "crossbar"
    assert main([str(a) for a in [*short, "--couplings", "crossbar"]]) == 2
    assert "couplings 'crossbar' need the cells that they drive; give a device" in capsys.readouterr().err
    assert main([str(a) for a in [*short, "--method", "likelihood", "--device", "rc-1fF"]]) == 2
    assert "--device needs --method pathwise, got likelihood: leave it out" in capsys.readouterr().err


def test_least_squares_method_runs(capsys, tmp_path):
    done = _json(
        capsys,
        ["train", "langevin", "--method", "least-squares", "--hidden", 8, "-o", tmp_path / "m.safetensors"],
    )
    assert done["accuracy"] > 0.3


def test_data_and_presets_list(capsys):
    assert _json(capsys, ["data"])["digits"]["status"] == "embedded"
    assert "rc-1fF" in _json(capsys, ["presets"])["devices"]
    figures = _json(capsys, ["presets", "rc-1fF"])["figures"]
    assert all({"value", "unit", "kind", "ref"} <= set(f) for f in figures.values())


# Bad input.


def _bytes_of(net):
    return bytearray(net.read_bytes())


def _truncated(raw):
    return raw[: len(raw) // 2]


def _tampered(raw):
    raw[-9] ^= 1
    return raw


def _foreign(_):
    return b"\x7fELF" + bytes(200)


def _newer(raw):
    # The version follows the magic (docs/formats.md): any other number must be refused.
    at = raw.index(1, 4)
    raw[at] = 99
    return raw


@pytest.mark.parametrize(
    "damage",
    [lambda raw: b"", _truncated, _tampered, _foreign, _newer],
    ids=["empty", "truncated", "tampered", "foreign", "newer"],
)
@pytest.mark.parametrize("command", [["show"], ["simulate"], ["estimate"]], ids=lambda c: c[0])
def test_damaged_netlists_are_named(capsys, net, damage, command):
    net.write_bytes(damage(_bytes_of(net)))
    _fails(capsys, [*command, net], net)


def test_a_newer_version_is_told_as_such(capsys, net):
    net.write_bytes(_newer(_bytes_of(net)))
    _fails(capsys, ["show", net], "version")


def _edit(net, **changes):
    """Write a netlist that breaks a rule, past the check that `save` would make."""
    save(load(net).with_(**changes), net, check=False)


def test_nan_coupling(capsys, net):
    group = load(net).couplings[0]
    weight = group.weight.copy()
    weight[7] = np.nan
    _edit(net, couplings=(replace(group, weight=weight),))
    _fails(capsys, ["simulate", net], net, "nan")


def test_coupling_to_a_cell_that_does_not_exist(capsys, net):
    group = load(net).couplings[0]
    indices = group.indices.copy()
    indices[group.indptr[-1] - 1] = 99
    _edit(net, couplings=(replace(group, indices=indices),))
    _fails(capsys, ["simulate", net], net, "99")


def test_negative_kT(capsys, net):
    _fails(capsys, ["simulate", net, "--kT", -1], "kT", "-1")
    _edit(net, kT=-1.0)
    _fails(capsys, ["simulate", net], net, "kT")


@pytest.mark.parametrize("dt", ["0", "-0.1", "nan", "0.03"])
def test_bad_time_steps(capsys, net, dt):
    _fails(capsys, ["simulate", net, "--dt", dt], "dt")


def test_images_of_the_wrong_size(capsys, net, tmp_path):
    data = tmp_path / "small.npz"
    np.savez(data, x=np.zeros((40, 25)), y=np.arange(40) % 10)
    _fails(capsys, ["simulate", net, "--data", data], "25", "64")


def test_unknown_names_list_the_choices(capsys, net, tmp_path):
    out = tmp_path / "o.tnl"
    _fails(capsys, ["estimate", net, "--device", "tpu"], "tpu", "rc-1fF")
    _fails(capsys, ["compile", net, "-o", out, "--target", "x"], "x", "rc-array")
    _fails(capsys, ["presets", "x"], "rc-1fF")
    _fails(capsys, ["simulate", net, "--data", "imagenet"], "imagenet", "mnist")
    _fails(capsys, ["simulate", net, "--method", "rk4"], "rk4", "heun")
    _fails(capsys, ["simulate", net, "--backend", "cuda"], "cuda", "jax")
    _fails(capsys, ["train", "langevin", "--method", "magic", "-o", tmp_path / "m"], "magic", "pathwise")
    _fails(capsys, ["data", "fetch", "imagenet"], "imagenet", "mnist")
    _fails(capsys, ["simulate", net, "--mismatch", -0.1], "mismatch")
    _fails(capsys, ["simulate", net, "--bits", 1], "bits")


def test_outputs_that_cannot_be_written(capsys, net, machine, tmp_path):
    file = tmp_path / "file"
    file.write_text("here")
    model = tmp_path / "m.safetensors"
    save_model(machine, model)
    before = sorted(p.name for p in tmp_path.iterdir())
    _fails(capsys, ["demo", "--out", file / "sub"], file)
    _fails(capsys, ["compile", model, "-o", file / "n.tnl"], file)
    _fails(capsys, ["compile", model, "-o", tmp_path], "folder")
    _fails(capsys, ["simulate", net, "--save", tmp_path / "none" / "t.npz"], "none")
    _fails(capsys, ["train", "langevin", "-o", tmp_path / "none" / "m"], "none")
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    assert file.read_text() == "here"


def test_a_diverging_trajectory_is_named_with_a_step_that_holds(capsys, tmp_path):
    netlist = lower_langevin(_wild())
    path = tmp_path / "wild.tnl"
    save(netlist, path)
    _fails(capsys, ["simulate", path, "--dt", 0.1], "dt")
    assert main(["simulate", str(path), "--dt", "0.0005"]) == 0


def _wild():
    n = 3
    return LangevinMachine(
        w_in=np.zeros((n, 0)),
        coupling=np.zeros((n, n)),
        bias=np.full(n, 3000.0),
        j2=np.ones(n),
        j3=np.zeros(n),
        j4=np.ones(n),
        x0=np.zeros(n),
        n_out=1,
        input_shift=np.zeros(1),
        input_scale=np.ones(1),
        readout_scale=np.ones(1),
        readout_offset=np.zeros(1),
        head="regression",
    )


def test_missing_files(capsys, tmp_path):
    _fails(capsys, ["show", tmp_path / "none.tnl"], "none.tnl")
    _fails(capsys, ["compile", tmp_path / "none.onnx", "-o", tmp_path / "n.tnl"], "none.onnx")


def test_foreign_models_are_refused(capsys, tmp_path):
    bad = tmp_path / "m.safetensors"
    bad.write_bytes(b"not a model at all")
    _fails(capsys, ["compile", bad, "-o", tmp_path / "n.tnl"], bad)


def test_usage_errors_end_with_2(capsys):
    assert main(["bogus"]) == 2
    assert main(["simulate"]) == 2
    assert main([]) in (0, 2)


def test_interruption_ends_with_130(capsys, monkeypatch, net):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("thermo.cli.simulate.run", interrupt)
    assert main(["simulate", str(net)]) == 130
    assert capsys.readouterr().err == "interrupted\n"  # a simulation keeps nothing
    monkeypatch.setattr("thermo.studies.linear_algebra.run_study", interrupt)
    assert main(["study", "linear-algebra", "-o", str(net.parent / "study")]) == 130
    assert "goes on from there" in capsys.readouterr().err


def test_digits_fit_the_machine_of_this_file(machine):
    assert load_dataset("digits").n_features == machine.n_inputs


def test_hand_made_netlist_needs_no_data(capsys, tmp_path):
    from compiler.ir.langevin import LangevinNetlist, Phase

    netlist = LangevinNetlist(
        Cells.make(2, j2=1.0, h=[1.0, -2.0]),
        (Couplings.from_coo(CouplingKind.LINEAR, 2, [0], [1], [0.5]),),
        kT=1.0,
        mobility=1.0,
        schedule=(Phase("run", 0.1),),
        dt=0.01,
    )
    save(netlist, tmp_path / "h.tnl")
    done = _json(capsys, ["simulate", tmp_path / "h.tnl", "--runs", 50])
    assert done["heat_method"] == "stratonovich"


@pytest.mark.parametrize("dt", ["1e-300", "1e-320"])
def test_too_many_steps_are_refused(capsys, net, dt):
    _fails(capsys, ["simulate", net, "--data", "digits", "--dt", dt], "too many", "raise --dt")


@pytest.mark.parametrize(
    "extra",
    [
        ("--heat-budget", "100"),
        ("--heat-penalty", "0"),
        ("--mismatch", "0.1"),
        ("--asymmetry", "0.1"),
        ("--bits", "4"),
        ("--directed",),
        ("--start", "x"),
        ("--checkpoint", "x"),
    ],
)
def test_options_that_a_method_would_ignore_are_refused(capsys, tmp_path, extra):
    out = tmp_path / "m.safetensors"
    command = ["train", "langevin", "--method", "least-squares", "-o", out, *extra]
    _fails(capsys, command, extra[0], "pathwise")
    assert not out.exists()


def test_least_squares_without_couplings(capsys, tmp_path):
    facts = _json(
        capsys,
        [
            "train",
            "langevin",
            "--method",
            "least-squares",
            "--uncoupled",
            "--hidden",
            "2",
            "-o",
            tmp_path / "m.safetensors",
        ],
    )
    assert facts["largest_coupling"] == 0.0


def test_size_of_a_start_cannot_be_changed(capsys, machine, tmp_path):
    save_model(machine, tmp_path / "start.safetensors")
    command = ["train", "langevin", "--start", tmp_path / "start.safetensors", "--hidden", 9]
    _fails(capsys, [*command, "-o", tmp_path / "m.safetensors"], "6 hidden cells", "9")


def test_training_refuses_before_work_what_measuring_would_refuse_after(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("thermo.cli.train.langevin.train_pathwise", lambda *a, **k: pytest.fail("trained"))
    command = ["train", "langevin", "-o", tmp_path / "m.safetensors"]
    _fails(capsys, [*command, "--threads", 9999], "threads", "9999")


def test_a_checkpoint_outlives_a_failed_measurement(capsys, tmp_path, monkeypatch):
    def broken(*a, **k):
        raise MemoryError("no room")

    monkeypatch.setattr("thermo.cli.train.langevin.evaluate", broken)
    command = ["train", "langevin", "--hidden", "2", "--epochs", "1"]
    assert main([*command, "-o", str(tmp_path / "m.safetensors")]) == 2
    assert "out of memory (no room)" in capsys.readouterr().err
    assert (tmp_path / "m.safetensors.checkpoint").exists()


def test_seeds_beyond_64_bits_are_refused(capsys, tmp_path):
    for method in ("pathwise", "least-squares"):
        command = ["train", "langevin", "--method", method, "-o", tmp_path / "m.safetensors"]
        _fails(capsys, [*command, "--seed", 2**64], "seed", "2^64")


@pytest.mark.parametrize("study", ["seeds", "pareto", "devices net.tnl"])
def test_studies_want_classes(capsys, tmp_path, study):
    assert main(["study", *study.split(), "--data", "cosine", "-o", str(tmp_path / "s")]) == 2
    assert "cosine has values, not classes" in capsys.readouterr().err


_ROWS = np.random.default_rng(0).random((40, 3))
_CLASSES = (_ROWS[:, 0] > 0.5).astype(int)


@pytest.mark.parametrize(
    "arrays, words",
    [
        ({"x": _ROWS, "y": _CLASSES * 1j}, "y must be real numbers"),
        ({"x": _ROWS + 1j, "y": _CLASSES}, "x must be real numbers"),
        ({"x": _ROWS[:0], "y": _CLASSES[:0]}, "x is empty"),
        ({"x": _ROWS, "y": np.where(_CLASSES, np.nan, 1.0)}, "y must be finite"),
        ({"x": _ROWS, "y": np.stack([_CLASSES] * 2, 1)}, "one column"),
        ({"x": _ROWS, "y": _CLASSES, "x_test": _ROWS[:, :2], "y_test": _CLASSES}, "must be alike"),
    ],
)
def test_bad_data_files_are_named(capsys, tmp_path, arrays, words):
    np.savez(tmp_path / "rows.npz", **arrays)
    command = ["train", "langevin", "--data", tmp_path / "rows.npz", "--epochs", "1"]
    _fails(capsys, [*command, "-o", tmp_path / "m.safetensors"], "rows", words)


def test_long_compilation_is_told_once_on_standard_error(capsys, monkeypatch):
    """A command that compiles says so before its result, and its result stays alone on standard output."""

    @contextmanager
    def slow(told):
        told()
        yield

    monkeypatch.setattr("compiler.jit.telling", slow)
    assert main(["presets", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.splitlines() == ["compiling kernels, first run only"] and json.loads(out)


def _run(*arguments, stdout=subprocess.PIPE, **environment):
    code = "import sys; sys.argv[0] = 'thermoc'; from thermo.cli.main import run; run()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("arguments", [("presets",), ("--help",), ("presets", "--json")])
def test_a_full_disk_behind_standard_output_is_one_line(arguments):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        done = _run(*arguments, stdout=full)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith(
        "error: standard output: cannot be written"
    )


def test_a_terminal_without_our_signs_gets_them_spelt():
    encodings = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    told, spelt = _run("presets", "pbit-cmos"), _run("presets", "pbit-cmos", **encodings)
    assert told.returncode == spelt.returncode == 0 and spelt.stdout.isascii()
    assert not told.stdout.isascii() or told.stdout == spelt.stdout


def test_a_reader_that_is_gone_ends_the_command_in_silence():
    read, write = os.pipe()
    os.close(read)
    done = _run("presets", stdout=write)
    os.close(write)
    assert done.returncode == 141 and done.stderr == ""


def test_a_study_that_is_refused_leaves_no_folder(tmp_path, capsys):
    where = ["--jobs", "2", "--scheduler", "tcp://localhost:1"]
    assert main(["study", "linear-algebra", *where, "-o", str(tmp_path / "s")]) == 2
    assert "leave one out" in capsys.readouterr().err and not (tmp_path / "s").exists()
