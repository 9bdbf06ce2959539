"""`thermoc train reader` and `thermoc quality`: what they print and refuse."""

import json

import pytest

from thermo.cli.keys import expected
from thermo.cli.main import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quality")
    for line in (
        "train reader --epochs 3 -o {0}/reader.safetensors",
        "train ebm --model dtm --side 9 --steps 2 --epochs 1 --batches 2 -k 2 -o {0}/chain.safetensors",
        "compile {0}/chain.safetensors -o {0}/chain.tnl",
    ):
        assert main(line.format(folder).split()) == 0
    return folder


@pytest.mark.parametrize("source", ["chain.safetensors", "chain.tnl"])
def test_images_of_a_model_and_of_its_netlist(files, capsys, source):
    capsys.readouterr()
    line = (
        f"quality {files}/{source} --reader {files}/reader.safetensors -n 30 --picture {files}/p.png --json"
    )
    assert main(line.split()) == 0
    found = json.loads(capsys.readouterr().out)
    always, known = expected("quality")
    assert always <= set(found) <= known
    images = found["images"]
    assert images["test images"]["frechet"] < images["pixels one by one"]["frechet"]
    assert "bits" in found["data"] and images["drawn"]["n"] == 30
    assert (files / "p.png").stat().st_size > 1000


def test_the_text_says_what_it_is_measured_in(files, capsys):
    capsys.readouterr()
    assert main(f"quality {files}/chain.tnl --reader {files}/reader.safetensors -n 20".split()) == 0
    assert "not Inception" in capsys.readouterr().out


def test_as_many_are_drawn_as_there_are_test_images(files, capsys):
    """The distance of fewer images is larger: a floor of as many is like for like."""
    capsys.readouterr()
    line = f"quality {files}/chain.safetensors --reader {files}/reader.safetensors --sweeps 2 --json"
    assert main(line.split()) == 0
    assert {q["n"] for q in json.loads(capsys.readouterr().out)["images"].values()} == {359}


@pytest.mark.parametrize(
    ("more", "told"),
    [("--digest 00", "two readers"), ("--data cosine", "64 pixels"), ("--sweeps 3", "has its own schedule")],
)
def test_what_does_not_fit_is_refused(files, capsys, more, told):
    capsys.readouterr()
    line = f"quality {files}/chain.tnl --reader {files}/reader.safetensors -n 20 {more}"
    assert main(line.split()) == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_keys_of_a_reader(tmp_path, capsys):
    assert main(["train", "reader", "--epochs", "1", "-o", str(tmp_path / "r.safetensors"), "--json"]) == 0
    always, known = expected("train reader")
    assert always <= set(json.loads(capsys.readouterr().out)) <= known
