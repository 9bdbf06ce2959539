"""thermoc train ebm, and what the other commands make of its models."""

import json

import numpy as np
import pytest

import compiler
from compiler import save
from compiler.families.denoising_chain import DenoisingChain
from compiler.families.ising import IsingModel
from compiler.families.rbm import RBM
from compiler.families.store import load_model
from thermo.cli.main import main
from thermo.report.figures import sample_grid, svg, tile_images

QUICK = ("--ais-chains", "50", "--ais-steps", "200", "--sample-sweeps", "50", "--threads", "1")


def call(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, capsys.readouterr()


def test_rbm_is_trained_measured_compiled_and_simulated(capsys, tmp_path):
    path, picture, net = (tmp_path / name for name in ("m.safetensors", "m.png", "net.tnl"))
    code, printed = call(
        capsys,
        "train",
        "ebm",
        "--hidden",
        "24",
        "--epochs",
        "40",
        "--picture",
        picture,
        "-o",
        path,
        "--json",
        *QUICK,
    )
    result = json.loads(printed.out)
    assert code == 0 and result["split"] == "test" and result["n_samples"] == 359
    assert result["log_likelihood"] > result["base_rate_log_likelihood"] + 1
    assert result["log_z_error"] > 0 and result["ais"]["chains"] == 50
    assert result["config"]["n_hidden"] == 24 and result["binarisation"] == "stochastic"
    energy = result["energy_J"]
    terms = sum(joules for name, joules in energy.items() if name != "total")
    assert energy["total"] == pytest.approx(terms, rel=1e-9, abs=0) and energy["static"] > 0
    assert picture.read_bytes()[:4] == b"\x89PNG"
    model = load_model(path)
    assert isinstance(model, RBM) and model.image_shape == (8, 8) and model.threshold is None
    assert model.meta["log_likelihood"] == pytest.approx(result["log_likelihood"])
    assert not path.with_name(path.name + ".checkpoint").exists()
    assert call(capsys, "compile", path, "-o", net)[0] == 0
    code, printed = call(capsys, "show", net)
    assert code == 0 and "88" in printed.out
    assert energy["rng"] == pytest.approx(result["per_sample"]["updates"] * 350e-18, rel=1e-9, abs=0)
    # one figure for one netlist, whoever asks
    save(compiler.compile(model, sweeps=50), net)
    priced = json.loads(call(capsys, "estimate", net, "--json")[1].out)["energy_J"]
    assert priced["total"] == pytest.approx(energy["total"], rel=1e-9, abs=0)


@pytest.mark.parametrize(("family", "kind"), [("grid", IsingModel), ("dtm", DenoisingChain)])
def test_graph_models_are_trained_and_compiled(capsys, tmp_path, family, kind):
    path, net = tmp_path / "m.safetensors", tmp_path / "net.tnl"
    code, printed = call(
        capsys,
        "train",
        "ebm",
        "--model",
        family,
        "--side",
        "10",
        "--epochs",
        "3",
        "--batches",
        "3",
        "-k",
        "5",
        "-o",
        path,
        *QUICK,
    )
    assert code == 0 and "energy per sample on pbit-cmos" in printed.out
    assert isinstance(load_model(path), kind)
    assert call(capsys, "compile", path, "-o", net)[0] == 0


def test_a_device_and_a_threshold_reach_the_training(capsys, tmp_path):
    code, printed = call(
        capsys,
        "train",
        "ebm",
        "--hidden",
        "10",
        "--epochs",
        "2",
        "--threshold",
        "0.4",
        "--mismatch",
        "0.1",
        "--bits",
        "5",
        "--method",
        "cd",
        "-k",
        "2",
        "--json",
        "-o",
        tmp_path / "m.safetensors",
        *QUICK,
    )
    config = json.loads(printed.out)["config"]
    assert code == 0 and config["non_ideal"]["mismatch"] == 0.1 and config["k"] == 2
    assert config["method"] == "cd" and config["chains"] is None and config["threshold"] == 0.4


def test_a_kept_checkpoint_is_gone_on_from(capsys, tmp_path):
    kept, path = tmp_path / "kept", tmp_path / "m.safetensors"
    arguments = ("train", "ebm", "--hidden", "12", "--epochs", "3", "--checkpoint", kept, "-o", path, *QUICK)
    assert call(capsys, *arguments)[0] == 0 and kept.exists()
    first = load_model(path)
    code, printed = call(capsys, *arguments)
    assert code == 0 and "resuming from" in printed.err
    np.testing.assert_array_equal(load_model(path).w, first.w)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "vae"], "--model must be one of rbm, grid, dtm"),
        (["--model", "dtm", "--method", "cd"], "--method belongs to --model rbm or grid"),
        (["--side", "9"], "--side belongs to --model grid or dtm"),
        (["--model", "grid", "--steps", "3"], "--steps belongs to --model dtm"),
        (["--model", "grid", "--hidden", "3"], "--hidden belongs to --model rbm"),
        (["--model", "grid", "--grid", "hex"], "no grid rule 'hex'"),
        (["--model", "grid", "--side", "3"], "side must be from 8"),
        (["--method", "sgd"], "method must be one of"),
        (["--device", "rc-1fF"], "no p-bit device"),
        (["--threshold", "3"], "threshold must be above 0"),
        (["--mismatch", "-1"], "mismatch must be a relative spread"),
        (["--data", "monk9"], "no data set"),
    ],
)
def test_bad_requests_get_one_line(capsys, tmp_path, arguments, message):
    code, printed = call(capsys, "train", "ebm", *arguments, "-o", tmp_path / "m.safetensors")
    assert code == 2 and message in printed.err and printed.err.count("\n") == 1


def test_pictures_need_grey_images(capsys, tmp_path):
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(0).random((60, 5)), y=np.arange(60) % 2)
    code, printed = call(
        capsys,
        "train",
        "ebm",
        "--data",
        tmp_path / "rows.npz",
        "--picture",
        tmp_path / "p.png",
        "-o",
        tmp_path / "m.safetensors",
    )
    assert code == 2 and "--picture needs grey images" in printed.err


def test_figures():
    images = np.stack([np.full(6, k / 4) for k in range(5)])
    picture = tile_images(images, (2, 3), 3)
    assert picture.shape == (5, 11)
    assert picture[0, 0] == 0 and picture[3, 4] == 1.0 and picture[2, 0] == 0.5
    assert "<svg" in svg(sample_grid([("a", images), ("b", images)], (2, 3), 3))
