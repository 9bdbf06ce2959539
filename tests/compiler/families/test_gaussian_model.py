"""Linear systems (A, b): model, files, lowering to relaxing cells."""

import numpy as np
import pytest
from scipy import sparse

from compiler.api import compile
from compiler.errors import FormatError, NetlistError, UnsupportedError
from compiler.families.gaussian import gaussian, lower_gaussian
from compiler.families.mlp import MLP
from compiler.families.store import load_model, save_model
from compiler.formats.detect import Options, read_model_or_netlist
from compiler.formats.networks.linear_system import read_gaussian
from compiler.ir.kinds import verify
from compiler.reference import force

A = np.array([[2.0, -0.5, 0.0], [0.25, 1.5, 0.3], [0.0, -0.7, 1.0]])
B = np.array([1.0, -2.0, 0.5])


def test_model_file_round_trips(tmp_path):
    noise = np.diag([1.0, 0.0, 2.0])
    model = gaussian(A, B, kT=0.3, noise=noise, labels=("a", "b", "c"), meta={"from": "me"})
    save_model(model, tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.A.toarray(), A)
    np.testing.assert_array_equal(again.b, B)
    np.testing.assert_array_equal(again.noise, noise)
    assert (again.kT, again.labels, dict(again.meta)) == (0.3, ("a", "b", "c"), {"from": "me"})
    assert not again.symmetric and gaussian(A + A.T).symmetric


def test_npz_files_are_told_by_their_content(tmp_path):
    np.savez(tmp_path / "dense.npz", A=A, b=B, kT=0.25)
    model = read_model_or_netlist(tmp_path / "dense.npz")
    np.testing.assert_array_equal(model.A.toarray(), A)
    assert model.kT == 0.25 and model.meta["origin"] == "dense.npz"
    sparse.save_npz(tmp_path / "sparse.npz", sparse.csr_matrix(A))
    model = read_model_or_netlist(tmp_path / "sparse.npz")
    np.testing.assert_array_equal(model.A.toarray(), A)
    assert not model.b.any()
    # a state dict with other names stays a state dict
    np.savez(tmp_path / "net.npz", **{"0.weight": A, "0.bias": B})
    assert isinstance(read_model_or_netlist(tmp_path / "net.npz"), MLP)
    with pytest.raises(UnsupportedError, match=r"dense\.npz"):
        read_model_or_netlist(tmp_path / "dense.npz", Options(activation="tanh"))


def test_lowered_cells_feel_b_minus_A_x():
    netlist = lower_gaussian(gaussian(A, B, kT=0.7))
    verify(netlist)
    x = np.array([0.3, -1.2, 2.0])
    np.testing.assert_allclose(force(netlist, x), B - A @ x, rtol=1e-12)
    assert netlist.kT == 0.7
    burn_in, measure = netlist.schedule
    assert burn_in.duration == pytest.approx(10.0, abs=netlist.dt)
    assert measure.duration == pytest.approx(100.0, abs=netlist.dt)
    assert netlist.readout.window == measure.duration
    # explicit Euler is stable: dt times the fastest rate stays well below 2
    assert netlist.dt * np.abs(np.linalg.eigvals(A)).max() <= 0.1
    again = lower_gaussian(gaussian(A, B), burn_in=1.0, duration=2.0, dt=0.5, kT=0.0)
    assert (again.dt, again.kT, again.schedule[1].duration) == (0.5, 0.0, 2.0)


def test_compile_takes_the_model_and_its_file(tmp_path):
    np.savez(tmp_path / "dense.npz", A=A, b=B)
    from_file = compile(tmp_path / "dense.npz")
    from_model = compile(gaussian(A, B))
    assert from_file.n_couplings == from_model.n_couplings == 4
    alone = compile(gaussian(np.array([[3.0]]), 6.0))
    assert alone.n_couplings == 0 and alone.cells.j2[0] == 1.5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gaussian(A[:2], B), NetlistError, r"A has shape \(2, 3\)"),
        (lambda: gaussian(np.full((2, 2), np.nan), 0.0), NetlistError, r"A\(0, 0\) is nan"),
        (lambda: gaussian(A, [0, np.inf, 0]), NetlistError, r"b\(1\) is inf"),
        (lambda: gaussian(A, B, kT=-1.0), NetlistError, "kT must be"),
        (lambda: gaussian(A, B, noise=np.eye(2)), NetlistError, "noise has shape"),
        (lambda: gaussian(A, B, labels=("a",)), NetlistError, "1 labels for 3"),
        (lambda: gaussian(np.zeros((0, 0))), NetlistError, "n >= 1"),
        (lambda: gaussian([1.0, 2.0]), NetlistError, r"A has shape \(2,\)"),
        (lambda: lower_gaussian(gaussian(A - 2 * np.eye(3))), UnsupportedError, r"A\(0, 0\) is 0"),
        (lambda: lower_gaussian(gaussian(A), dt=0.0), NetlistError, "dt must be"),
    ],
)
def test_bad_models_are_refused_in_one_line(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_bad_files_are_refused_in_one_line(tmp_path):
    np.savez(tmp_path / "bad.npz", A=A, b=B[:2])
    np.savez(tmp_path / "words.npz", A=np.array([["x"]]), b=np.array([0.0]))
    for name, message in (("bad.npz", "with 2 values of b"), ("words.npz", "no Gaussian model")):
        with pytest.raises(FormatError, match=message) as caught:
            read_gaussian(tmp_path / name)
        assert "\n" not in str(caught.value) and name in str(caught.value)
