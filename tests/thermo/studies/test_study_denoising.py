"""thermoc study denoising."""

import json

import numpy as np
import pytest

from compiler.families.mlp import MLP
from compiler.families.store import save_model
from thermo.cli.main import main


@pytest.mark.slow
def test_study_denoising_resumes(tmp_path, capsys, monkeypatch):
    out = tmp_path / "s"
    arguments = ["study", "denoising", "--epochs", "2", "--hidden", "8", "--samples", "20", "--seeds", "1"]
    arguments += ["--cells"]
    rng = np.random.default_rng(0)
    weights = tuple(rng.normal(size=(b, a)) / np.sqrt(a) for a, b in ((64, 12), (12, 10)))
    eye = MLP(weights, (np.zeros(12), np.zeros(10)), ("relu", "identity"))
    save_model(eye, tmp_path / "r.safetensors")
    arguments += ["--reader", str(tmp_path / "r.safetensors"), "-o", str(out), "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    kinds = {m["series"]: m for m in found["points"]}
    assert (
        set(kinds) == {"multiplicative", "additive", "multiplicative, cells"}
        and kinds["multiplicative"]["crossed"] == 0
    )
    assert kinds["additive"]["crossed"] > 0
    assert found["beside"]["independent pixels"]["frechet"] > found["beside"]["test images"]["frechet"]
    assert (out / "denoising.png").exists() and len(list(out.glob("*/*.tnl")) + list(out.glob("*.tnl"))) == 1
    cells = kinds["multiplicative, cells"]
    assert cells["crossed"] == 0 and cells["apart"] < 2 and cells["machine"]["n"] == 20

    monkeypatch.setattr("thermo.studies.denoising.train_denoiser", None)
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["points"] == found["points"]

    for panel in out.glob("*.npy"):
        panel.unlink()
    assert main(arguments) == 0


def test_study_denoising_wants_grey_images(tmp_path, capsys):
    assert main(["study", "denoising", "--data", "monk1", "-o", str(tmp_path / "s")]) == 2
    assert "grey ones" in capsys.readouterr().err
