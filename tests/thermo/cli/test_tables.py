"""thermoc train logic --inputs, and what every verb makes of a circuit of tables."""

import json

import pytest

from compiler.families.store import load_model
from compiler.ir.container import load
from compiler.ir.gates import GateNetlist
from compiler.ir.luts import LutNetlist
from thermo.cli.main import main


def call(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, capsys.readouterr()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """m.safetensors and what compile makes of it: tables net, net2 (-O2), gates, free (entries)."""
    path = tmp_path_factory.mktemp("tables")
    model = str(path / "m.safetensors")
    train = ["train", "logic", "--inputs", "4", "--gates", "100", "-k", "8", "--epochs", "4"]
    assert main([*train, "-o", model]) == 0
    for name, flags in {
        "net": [],
        "net2": ["-O", "2"],
        "gates": ["--as", "gates"],
        "free": ["--as", "gates", "-O", "2", "--free", "0"],
    }.items():
        assert main(["compile", model, "-o", str(path / f"{name}.tnl"), *flags]) == 0
    return path


def test_tables_stay_tables_or_become_gates(folder):
    assert load_model(folder / "m.safetensors").n_tables == 100
    nets = {name: load(folder / f"{name}.tnl") for name in ("net", "net2", "gates", "free")}
    assert [type(n) for n in nets.values()] == [LutNetlist, LutNetlist, GateNetlist, GateNetlist]
    assert nets["net2"].n_luts <= nets["net"].n_luts <= 100
    assert nets["free"].n_gates < nets["gates"].n_gates


def test_every_form_decides_as_the_model_was_measured(capsys, folder):
    meta = load_model(folder / "m.safetensors").meta
    assert meta["test"] > 0.8
    for name in ("net", "net2", "gates"):
        code, printed = call(capsys, "simulate", folder / f"{name}.tnl", "--data", "digits", "--json")
        assert code == 0 and json.loads(printed.out)["accuracy"] == meta["test"]
    code, printed = call(capsys, "simulate", folder / "free.tnl", "--data", "digits", "--json")
    assert code == 0 and json.loads(printed.out)["accuracy"] > 0.7


def test_proofs(capsys, folder):
    for name in ("net2", "gates"):
        assert call(capsys, "check", folder / "net.tnl", folder / f"{name}.tnl", "--no-abc")[0] == 0
    assert call(capsys, "check", folder / "net.tnl", folder / "free.tnl", "--no-abc")[0] == 1


def test_formats_hold_tables_or_gates(capsys, folder, tmp_path):
    net = folder / "net.tnl"
    code, printed = call(
        capsys, "export", net, "--format", "blif", "--head", "nets", "-o", tmp_path / "t.blif"
    )
    assert code == 0 and "tables" in printed.out and "note" not in printed.err
    assert (tmp_path / "t.blif").read_text().count(".names") == load(net).n_luts
    code, printed = call(
        capsys, "export", net, "--format", "verilog", "--head", "nets", "--luts", "4", "-o", tmp_path / "t.v"
    )
    assert code == 0 and (tmp_path / "t.v").read_text().count(" LUT") == load(net).n_luts
    for format_ in ("verilog", "aiger", "c"):
        head = "gates" if format_ == "aiger" else "sums"
        code, printed = call(capsys, "export", net, "--format", format_, "--head", head, "-o", tmp_path / "o")
        assert code == 0 and "tables are written as the two-input gates they are made of" in printed.err
    code, printed = call(
        capsys, "export", net, "--format", "blif", "--head", "gates", "--luts", "6", "-o", tmp_path / "l.blif"
    )
    n = (tmp_path / "l.blif").read_text().count(".names")
    assert code == 0 and "note" not in printed.err and f": {n:,} tables, " in printed.out


def test_counts_price_and_faults(capsys, folder):
    net = folder / "net.tnl"
    code, printed = call(capsys, "show", net, "--limit", "2")
    assert code == 0 and "tables: total" in printed.out
    code, printed = call(capsys, "estimate", net, "--data", "digits", "--library", "nangate45", "--json")
    assert code == 0 and json.loads(printed.out)["energy_J"]["total"] > 0
    code, printed = call(capsys, "simulate", net, "--data", "digits", "--flip", "0.3", "--json")
    assert code == 0 and json.loads(printed.out)["accuracy"] < 0.6


def test_json_names_tables_and_no_relaxation(capsys, tmp_path):
    flags = ["--inputs", "3", "--gates", "60", "--gates", "50", "--epochs", "1", "--json"]
    code, printed = call(capsys, "train", "logic", *flags, "-o", tmp_path / "m.safetensors")
    told = json.loads(printed.out)
    assert code == 0 and told["tables"] == {"total": 110, "3": 110} and told["config"]["inputs"] == 3
    assert not {"gates", "soft_accuracy", "soft_hard_gap"} & set(told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("compile", "{0}/net.tnl", "-o", "x.tnl", "--free", "0"), "--free"),
        (("compile", "{0}/m.safetensors", "-o", "x.tnl", "--free", "-1"), "--free"),
        (("compile", "{0}/m.safetensors", "-o", "x.tnl", "--as", "ising"), "--as ising has no meaning"),
        (("compile", "{0}/net.tnl", "-o", "x.tnl", "--target", "chimera-16"), "--target"),
        (("train", "logic", "--inputs", "7", "-o", "x.safetensors"), "--inputs"),
        (
            ("train", "logic", "--inputs", "4", "--wiring", "fixed", "-o", "x.safetensors"),
            "--wiring must be tree, residual or learnable with 4 inputs a table",
        ),
        (("train", "logic", "--inputs", "4", "--backend", "jax", "-o", "x.safetensors"), "backend jax"),
    ],
)
def test_what_has_no_meaning_is_refused(capsys, folder, arguments, told):
    code, printed = call(capsys, *(a.format(folder) for a in arguments))
    assert code == 2 and told in printed.err and "Traceback" not in printed.err
