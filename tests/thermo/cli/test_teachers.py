"""thermoc train logic --teacher: what a teacher's file may be, and what is refused."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from compiler.families.logic import lower_logic
from compiler.families.mlp import MLP
from compiler.families.store import load_model, save_model
from compiler.ir.container import save
from thermo.cli.main import main
from thermo.data import load_dataset
from thermo.simulate import simulate
from thermo.training import TrainingError
from thermo.training.logic import read_teacher, softened, teacher_of

SMALL = ("--gates", "60", "--epochs", "2", "--no-augment")


def call(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, capsys.readouterr()


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A trained network of another encoder."""
    path = tmp_path_factory.mktemp("teacher") / "digits.safetensors"
    assert (
        main(["train", "logic", "--gates", "300", "--epochs", "4", "--threshold", "0.4", "-o", str(path)])
        == 0
    )
    return path


def network(digits, labels=(), **changes) -> MLP:
    """An ordinary network, as those of torch are once they are read."""
    rng = np.random.default_rng(4)
    sizes = (digits.n_features, 7, 10)
    weights = [rng.normal(size=(b, a)).astype(np.float32) / 3 for a, b in itertools.pairwise(sizes)]
    biases = [rng.normal(size=b).astype(np.float32) for b in sizes[1:]]
    return MLP(tuple(weights), tuple(biases), ("tanh", "identity"), labels=labels, **changes)


# --- what a teacher may be -----------------------------------------------------------------------


def test_model_netlist_and_arrays_of_one_teacher_train_the_same_network(capsys, digits, model, tmp_path):
    netlist = lower_logic(load_model(model))
    save(netlist, tmp_path / "net.tnl")
    sums = simulate(netlist, digits.x_train).class_sums
    assert sums.std() > 0 and netlist.class_sums.tau != 1
    np.savez(tmp_path / "logits.npz", logits=sums / netlist.class_sums.tau)
    np.savez(tmp_path / "p.npz", probabilities=softened(sums / netlist.class_sums.tau))
    trained = {}
    for file in (model, tmp_path / "net.tnl", tmp_path / "logits.npz", tmp_path / "p.npz"):
        out = tmp_path / "m.safetensors"
        code, printed = call(capsys, "train", "logic", *SMALL, "--teacher", file, "--json", "-o", out)
        told = json.loads(printed.out)
        assert code == 0 and "right on" in " ".join(printed.err.split())
        right = float(np.mean(np.argmax(sums, axis=1) == digits.y_train))
        assert told["teacher_accuracy"] == right > 0.7
        assert [kept["path"] for kept in told["manifest"]["teacher"]] == [str(file)]
        trained[file] = out.read_bytes()
    assert len(set(trained.values())) == 1
    code, printed = call(capsys, "train", "logic", *SMALL, "--json", "-o", out)
    assert code == 0 and "teacher_accuracy" not in json.loads(printed.out)
    assert out.read_bytes() not in trained.values()


def test_several_teachers_say_the_mean_of_what_they_say(capsys, digits, model, tmp_path):
    save_model(network(digits), tmp_path / "mlp.safetensors")
    files = [model, tmp_path / "mlp.safetensors"]
    said = [read_teacher(file, digits, temperature=2) for file in files]
    np.savez(tmp_path / "mean.npz", probabilities=(said[0] + said[1]) / 2)
    alike = []
    for teachers in ([tmp_path / "mean.npz"], files, files[::-1]):
        flags = [word for file in teachers for word in ("--teacher", file)]
        if len(teachers) > 1:
            flags += ["--teacher-temperature", 2]
        out = tmp_path / "m.safetensors"
        code, printed = call(capsys, "train", "logic", *SMALL, *flags, "--json", "-o", out)
        told = json.loads(printed.out)
        said_of = " ".join(printed.err.split()).count("right on")
        assert code == 0 and said_of == (1 if len(teachers) == 1 else 3)
        assert len(told["manifest"]["teacher"]) == len(teachers)
        alike.append(out.read_bytes())
    assert len(set(alike)) == 1
    code, printed = call(capsys, "train", "logic", *SMALL, "--teacher", model, "--json", "-o", out)
    assert code == 0 and out.read_bytes() not in alike
    twice = ("--teacher", model, "--teacher", model.parent / "." / model.name)
    code, printed = call(capsys, "train", "logic", *SMALL, *twice, "-o", out)
    assert code == 2 and "--teacher names 2 files of which 1 are different; name each once" in " ".join(
        printed.err.split()
    )
    missing = tmp_path / "none.safetensors"
    code, printed = call(
        capsys, "train", "logic", *SMALL, "--teacher", model, "--teacher", missing, "-o", out
    )
    assert code == 2 and str(missing) in "".join(printed.err.split())


def test_share_and_temperature_reach_the_training(capsys, model, tmp_path):
    found = set()
    for more in ((), ("--teacher-share", "0.9"), ("--teacher-temperature", "4")):
        out = tmp_path / "m.safetensors"
        code, printed = call(capsys, "train", "logic", *SMALL, "--teacher", model, *more, "--json", "-o", out)
        assert code == 0
        assert json.loads(printed.out)["config"]["teacher_share"] == (0.9 if "0.9" in more else 0.5)
        found.add(out.read_bytes())
    assert len(found) == 3


def test_another_teacher_does_not_go_on_from_the_checkpoint(capsys, digits, model, tmp_path):
    kept, out = tmp_path / "kept", tmp_path / "m.safetensors"
    arguments = ("train", "logic", *SMALL, "--checkpoint", kept, "-o", out)
    assert call(capsys, *arguments, "--teacher", model)[0] == 0 and kept.exists()
    assert call(capsys, *arguments, "--teacher", model)[0] == 0
    for other in ((), ("--teacher", model, "--teacher-temperature", 2)):
        code, printed = call(capsys, *arguments, *other)
        assert code == 2 and "checkpoint of another configuration or data set" in printed.err


def test_an_ordinary_network_says_its_own_answers(digits, tmp_path):
    mlp = network(digits)
    save_model(mlp, tmp_path / "mlp.safetensors")
    found = read_teacher(tmp_path / "mlp.safetensors", digits, temperature=3.0)
    assert np.allclose(found, softened(mlp.answers(digits.x_train), 3.0))
    assert not np.allclose(found, softened(mlp.answers(digits.x_train)), atol=0.1)


def test_classes_by_name_come_in_the_order_of_the_data(digits, model):
    order = np.random.default_rng(2).permutation(10)
    labels = tuple(digits.labels[k] for k in order)
    assert digits.labels and labels != digits.labels
    own, other = network(digits, digits.labels), network(digits, labels)
    found = teacher_of(other, digits)
    assert np.allclose(found[:, order], teacher_of(own, digits))
    # of a circuit likewise
    circuit = lower_logic(load_model(model))
    renamed = replace(circuit, class_sums=replace(circuit.class_sums, labels=labels))
    assert np.allclose(teacher_of(renamed, digits)[:, order], teacher_of(circuit, digits))


def test_an_array_without_a_name_is_told_by_its_values(digits, tmp_path):
    logits = np.random.default_rng(1).normal(size=(digits.y_train.size, 10)).astype(np.float32)
    p = softened(logits)
    for values in (logits, p, p.astype(np.float16), logits - logits.min()):
        np.save(tmp_path / "t.npy", values)
        assert np.allclose(read_teacher(tmp_path / "t.npy", digits), p, atol=1e-3)
    np.save(tmp_path / "t.npy", p / 2)
    with pytest.raises(
        TrainingError, match=r"t\.npy: the array's values are from 0 to 1 but its rows do not"
    ):
        read_teacher(tmp_path / "t.npy", digits)
    spoilt = p.copy()
    spoilt[5, 2] = np.nan
    np.save(tmp_path / "t.npy", spoilt)
    with pytest.raises(TrainingError, match=r"t\.npy: values must be finite numbers, row 5 has nan"):
        read_teacher(tmp_path / "t.npy", digits)


# --- what is refused -----------------------------------------------------------------------------


def written(tmp_path, digits, model, what):
    """A file of a teacher, spoilt in one way."""
    n = digits.y_train.size
    logits = np.random.default_rng(1).normal(size=(n, 10))
    bad = logits.copy()
    bad[17, 3] = np.nan
    arrays = {
        "rows": {"logits": logits[5:]},
        "classes": {"probabilities": softened(logits[:, :9])},
        "nan": {"logits": bad},
        "negative": {"probabilities": logits},
        "sums": {"probabilities": 3 * softened(logits)},
        "both": {"logits": logits, "probabilities": softened(logits)},
        "neither": {"arr_0": logits},
        "text": {"logits": np.array(["a"])},
        "objects": {"logits": np.array([{}])},
        "good": {"probabilities": softened(logits)},
    }
    path = tmp_path / "t.npz"
    if what in arrays:
        np.savez(path, **arrays[what])
    elif what == "words":
        path.write_text("not a teacher")
    elif what == "torn":
        path = tmp_path / "t.npy"
        np.save(path, logits)
        path.write_bytes(path.read_bytes()[:-9])
    elif what == "other data":
        path = tmp_path / "t.safetensors"
        save_model(
            network(
                replace(
                    digits,
                    x_train=np.zeros((n, 5)),
                    x_valid=digits.x_valid[:, :5],
                    x_test=digits.x_test[:, :5],
                )
            ),
            path,
        )
    elif what == "values":
        path = tmp_path / "t.safetensors"
        save_model(network(digits, head="regression"), path)
    elif what == "no classes":
        path = tmp_path / "t.tnl"
        circuit = lower_logic(load_model(model))
        nets = circuit.class_sums.nets[:3]
        save(replace(circuit, class_sums=None, outputs=nets, output_names=("a", "b", "c")), path)
    return path


@pytest.mark.parametrize(
    ("what", "more", "told"),
    [
        (
            "rows",
            (),
            "the array must be numbers of shape (1169, 10), one row for each training sample of digits",
        ),
        ("classes", (), "a column for each class, got float64 of shape (1169, 9)"),
        ("nan", (), "logits must be finite numbers, row 17 has nan"),
        ("negative", (), "probabilities must be finite and at least 0, row 0 has"),
        ("sums", (), "probabilities of a sample must sum to 1, row 0 has 3"),
        ("both", (), "the file has logits and probabilities; keep the one that is to be used"),
        ("neither", (), "or an .npz with `logits` or `probabilities` of the training samples"),
        ("text", (), "logits must be numbers, one row a sample"),
        ("objects", (), "logits must be numbers, and are Python objects"),
        ("words", (), "as a teacher give a model or netlist"),
        ("torn", (), "is no whole .npy file"),
        ("missing", (), "cannot be read (No such file or directory)"),
        ("other data", (), "classification of 5 values, data set digits has 64 values and 10 classes"),
        ("values", (), "makes a regression of 64 values"),
        ("no classes", (), "the circuit has no class sums, so it decides nothing"),
        (
            "good",
            ("--teacher-temperature", 2),
            "a temperature divides logits, and these are probabilities, got 2",
        ),
        ("nan", ("--teacher-temperature", 0), "the temperature must be a number > 0, got 0.0"),
        ("good", ("--teacher-share", 1.5), "--teacher-share must be above 0 and at most 1, got 1.5"),
    ],
)
def test_what_is_no_teacher_gets_one_line(capsys, digits, model, tmp_path, what, more, told):
    path, out = written(tmp_path, digits, model, what), tmp_path / "m.safetensors"
    code, printed = call(capsys, "train", "logic", *SMALL, "--teacher", path, *more, "-o", out)
    assert code == 2 and told in printed.err and printed.err.count("\n") == 1
    assert more or str(path) in printed.err
    assert not out.exists()


@pytest.mark.parametrize("flag", ["--teacher-share", "--teacher-temperature"])
def test_what_means_nothing_without_a_teacher_is_refused(capsys, tmp_path, flag):
    code, printed = call(capsys, "train", "logic", *SMALL, flag, "0.5", "-o", tmp_path / "m.safetensors")
    assert code == 2 and f"{flag} 0.5 is for --teacher: add it, or leave {flag} out" in printed.err
