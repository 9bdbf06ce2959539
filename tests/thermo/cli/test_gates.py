"""thermoc simulate and thermoc study faults with circuits."""

import json

import numpy as np
import pytest

from compiler.circuits.evaluate import encode_bits, evaluate_classes
from compiler.ir.container import save
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import ClassSums, make_gates
from compiler.ir.langevin import Cells, LangevinNetlist, Phase
from thermo.cli.main import main
from thermo.data import DataError, load_dataset
from thermo.evaluate import evaluate
from thermo.simulate.errors import SimulationError
from thermo.studies.faults import accuracy_against_faults

N_CLASSES = 10


def templates(labels=(), n_classes: int = N_CLASSES, encoder: bool = True):
    """A circuit that decides digits: a class counts its own mean image's bright and dark pixels."""
    dataset = load_dataset("digits")
    x, y = dataset.part("train")
    order = [dataset.labels.index(label) for label in labels] or range(n_classes)
    means = np.array([x[y == c].mean(axis=0) for c in order])
    half = means.mean(axis=0)
    op, a, nets, ends = [], [], [], [0]
    for mean in means:
        for k in np.flatnonzero(abs(mean - half) > 0.1):
            op.append(3 if mean[k] > half[k] else 12)
            a.append(int(k))
            nets.append(64 + len(op) - 1)
        ends.append(len(nets))
    bounds = Thermometer(64, np.arange(64, dtype=np.int32), half.astype(float))
    return make_gates(
        [f"x{k}" for k in range(64)],
        op,
        a,
        [-1] * len(op),
        {},
        class_sums=ClassSums(np.array(nets, np.int32), np.array(ends), 3.0, tuple(labels)),
        encoder=bounds if encoder else None,
    )


@pytest.fixture(scope="module")
def netlist():
    return templates()


@pytest.fixture
def net(netlist, tmp_path):
    path = tmp_path / "net.tnl"
    save(netlist, path)
    return path


def analog(folder):
    path = folder / "analog.tnl"
    phases = (Phase("run", 1.0),)
    save(LangevinNetlist(Cells.make(2, j2=1.0), (), 1.0, 1.0, phases, dt=0.1), path)
    return path


def _json(capsys, *arguments):
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def _fails(capsys, *arguments):
    assert main([*map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line]
    assert out == "" and len(lines) == 1 and lines[0].startswith("error: "), err
    return lines[0]


def accuracy(netlist, split="test"):
    """By the plain evaluator."""
    x, y = load_dataset("digits").part(split)
    scores = evaluate_classes(netlist, encode_bits(netlist, x))
    return float(np.mean(np.argmax(scores, axis=1) == y))


def test_simulate_tells_accuracy_speed_and_gates(capsys, net, netlist):
    told = _json(capsys, "simulate", net, "--data", "digits")
    n = load_dataset("digits").part("test")[1].size
    assert told["accuracy"] == accuracy(netlist) > 0.4
    sem = np.sqrt(told["accuracy"] * (1 - told["accuracy"]) / n)
    assert told["accuracy_sem"] == pytest.approx(sem)
    assert (told["runs"], told["split"], told["n_samples"]) == (1, "test", n)
    assert told["gates"]["declared"] == netlist.n_gates and told["gates"]["two_input"] == 0
    assert told["samples_per_second"] == pytest.approx(n / told["run_seconds"])
    assert 0 < told["run_seconds"] < told["seconds"]
    assert "toggles" not in told and "faults" not in told
    assert told["manifest"]["net"]["path"] == str(net)


def test_simulate_options(capsys, net, netlist, tmp_path):
    told = _json(
        capsys,
        "simulate",
        net,
        "--data",
        "digits",
        "--split",
        "valid",
        "--limit",
        50,
        "--toggles",
        "--save",
        tmp_path / "out",
    )
    x, _ = load_dataset("digits").part("valid")
    bits = encode_bits(netlist, x[:50])
    changes = bits[1:] != bits[:-1]
    by_gate = changes[:, netlist.a].sum(axis=0)
    assert told["n_samples"] == 50 and told["toggles"]["inputs"] == changes.sum()
    assert told["toggles"]["gates"] == by_gate.sum()
    assert told["toggles"]["gates_per_sample"] == pytest.approx(by_gate.sum() / 49)
    assert told["toggles"]["mean_activity"] == pytest.approx(by_gate.mean() / 49)
    with np.load(told["saved"]) as saved:
        assert (saved["toggles"] == by_gate).all()
        assert saved["class_sums"].shape == (50, 10) and "outputs" not in saved.files
    assert main(["simulate", str(net), "--data", "digits", "--toggles"]) == 0
    out = capsys.readouterr().out
    assert "accuracy" in out and "samples a second" in out and "gate toggles a sample" in out


def test_simulate_faults(capsys, net, netlist):
    told = _json(capsys, "simulate", net, "--data", "digits", "--flip", 0.5)
    assert told["faults"] == {"flip": 0.5, "stuck_at": 0.0}
    # sums of fair coins decide: z of a guess that is right one time in ten, at the most four
    n = told["n_samples"]
    assert told["accuracy"] < 0.25 + 4 * np.sqrt(0.09 / n) < accuracy(netlist)
    again = _json(capsys, "simulate", net, "--data", "digits", "--flip", 0.5)
    other = _json(capsys, "simulate", net, "--data", "digits", "--flip", 0.5, "--seed", 1)
    assert told["accuracy"] == again["accuracy"] != other["accuracy"]
    stuck = _json(capsys, "simulate", net, "--data", "digits", "--stuck", 0.3)
    assert stuck["faults"]["stuck_at"] == 0.3 and stuck["accuracy"] < accuracy(netlist)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--kT", 1),
        ("--runs", 3),
        ("--device", "rc-1fF"),
        ("--mismatch", 0.1),
        ("--dt", 0.1),
        ("--observe", 1),
        ("--backend", "jax"),
        ("--method", "heun"),
        ("--device-seed", 2),
    ],
)
def test_options_of_analog_netlists_are_refused(capsys, net, option, value):
    line = _fails(capsys, "simulate", net, "--data", "digits", option, value)
    assert f"{option} does not apply to a circuit of gates" in line


def test_options_of_circuits_are_refused(capsys, tmp_path):
    path = analog(tmp_path)
    for option in (["--toggles"], ["--flip", "0.1"], ["--stuck", "0.1"]):
        line = _fails(capsys, "simulate", path, *option)
        assert f"{option[0]} does not apply to an analog netlist" in line


def test_what_does_not_fit_is_named(capsys, net, tmp_path):
    assert "--data" in _fails(capsys, "simulate", net)
    assert "flip must be from 0 to 1, got 2.0" in _fails(
        capsys, "simulate", net, "--data", "digits", "--flip", 2
    )
    rows = np.random.default_rng(0)
    wide = tmp_path / "wide.npz"
    np.savez(wide, x=rows.uniform(size=(60, 65)), y=np.arange(60) % 10)
    line = _fails(capsys, "simulate", net, "--data", wide)
    assert "65 values a sample" in line and "reads 64" in line
    few = tmp_path / "few.npz"
    np.savez(few, x=rows.uniform(size=(60, 64)), y=np.arange(60) % 3)
    line = _fails(capsys, "simulate", net, "--data", few)
    assert "10 classes" in line and "asks for 3 classes" in line
    bare = tmp_path / "bare.tnl"
    save(templates(encoder=False), bare)
    assert "no encoder" in _fails(capsys, "simulate", bare, "--data", "digits")


def test_labels_are_matched_by_name(netlist):
    """A circuit whose classes stand in another order decides the same."""
    dataset = load_dataset("digits")
    shuffled = templates(dataset.labels[::-1])
    figures, _ = evaluate(shuffled, dataset)
    # ties go to the first class, which the order changes
    assert figures.accuracy == pytest.approx(accuracy(netlist), abs=0.05)


def test_a_circuit_without_class_sums_has_no_accuracy(netlist):
    shown = make_gates(
        netlist.input_names, netlist.op, netlist.a, netlist.b, {"y": 70}, encoder=netlist.encoder
    )
    dataset = load_dataset("digits")
    figures, result = evaluate(shown, dataset, limit=7)
    assert figures.accuracy is None and result.outputs.shape == (7, 1)
    with pytest.raises(DataError, match="no class sums"):
        accuracy_against_faults(shown, dataset, "flip", [0.1])


def test_accuracy_falls_with_faults(netlist):
    dataset = load_dataset("digits")
    for kind in ("flip", "stuck_at"):
        none, few, many = accuracy_against_faults(netlist, dataset, kind, [0, 0.05, 0.4], draws=3)
        assert none.accuracies == (accuracy(netlist),) and none.spread == 0.0
        assert len(few.accuracies) == 3 and few.spread > 0
        assert none.mean > many.mean and few.mean > many.mean
    with pytest.raises(SimulationError, match="draws"):
        accuracy_against_faults(netlist, dataset, "flip", [0.1], draws=0)
    with pytest.raises(SimulationError, match="flip must be from 0 to 1"):
        accuracy_against_faults(netlist, dataset, "flip", [1.1])


def test_study_faults(capsys, net, netlist, tmp_path):
    out = tmp_path / "study"
    told = _json(
        capsys,
        "study",
        "faults",
        net,
        "-o",
        out,
        "--data",
        "digits",
        "--flip",
        0.02,
        "--stuck",
        0.05,
        "--draws",
        2,
    )
    kinds = [(p["kind"], p["rate"], len(p["accuracies"])) for p in told["points"]]
    assert kinds == [("flip", 0.0, 1), ("flip", 0.02, 2), ("stuck_at", 0.05, 2)]
    assert told["points"][0]["mean"] == accuracy(netlist)
    assert (out / "faults.png").stat().st_size > 5000
    assert "± " in (out / "faults.txt").read_text() and (out / "faults.json").exists()


def test_study_faults_needs_a_circuit(capsys, tmp_path):
    path = analog(tmp_path)
    assert "circuit of gates" in _fails(capsys, "study", "faults", path, "-o", tmp_path / "x")
