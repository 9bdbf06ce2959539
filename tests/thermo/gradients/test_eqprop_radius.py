"""The circle of nudges on which Cauchy's sum converges, and the diagnosis that reports it."""

import json

import numpy as np
import pytest

from compiler.families.conv_hopfield import ConvHopfieldNetwork
from thermo.cli.main import main
from thermo.cli.train.eqprop_diagnosis import check_diagnosable, diagnosis_table
from thermo.gradients.diagnose import diagnose
from thermo.gradients.errors import EqpropError, UnsettledError
from thermo.gradients.radius import cauchy_radius, orders
from thermo.gradients.rest import Settling
from thermo.gradients.system import System, from_network
from thermo.studies.eqprop_gradients import batch, nudge_rows, skewed_network


def single(activation="tanh"):
    """One output that sees its input alone."""
    return System(
        np.zeros((1, 1)),
        np.zeros((1, 1), bool),
        np.ones((1, 1)),
        np.ones((1, 1), bool),
        np.zeros(1),
        np.array([0]),
        activation,
    )


def nearest_fold(b, y):
    """|beta| of the nearest fold of z = b - beta (tanh z - y): there 1 = -beta / cosh^2 z, so that
    z - b = cosh^2 z (tanh z - y); Newton from a grid of starts.
    """
    z = (np.linspace(-2, 2, 25)[:, None] + 1j * np.linspace(0, 3, 25)).ravel()
    with np.errstate(all="ignore"):
        for _ in range(60):
            f = z - b - np.sinh(z) * np.cosh(z) + y * np.cosh(z) ** 2
            z = z - f / (1 - np.cosh(2 * z) + y * np.sinh(2 * z))
        f = z - b - np.sinh(z) * np.cosh(z) + y * np.cosh(z) ** 2
        return np.abs(np.cosh(z[np.abs(f) < 1e-9]) ** 2).min()


@pytest.mark.parametrize(("b", "y"), [(0.3, 1.0), (1.0, -1.0), (0.5, 0.0), (1.5, -0.8)])
def test_the_radius_of_one_unit_is_its_nearest_fold(b, y):
    """Coefficients of a pair of folds swing with their angle: within a tenth, not better."""
    found = cauchy_radius(single(), np.array([[b]]), np.array([[y]]))
    assert found == pytest.approx(nearest_fold(b, y), rel=0.1)


def test_orders_are_taylor_coefficients():
    """du/dbeta = -(u - y) sigma' at beta = 0, and all of them scale with the circle."""
    x, y = np.array([[0.3]]), np.array([[1.0]])
    u = np.tanh(0.3)
    for r in (0.02, 0.05):
        sizes = orders(single(), x, y, r)
        assert sizes[:2] == pytest.approx([u, (1 - u) * (1 - u * u) * r], rel=1e-6)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_points_help_inside_it_and_not_beyond(activation):
    sizes = (4, 6, 5, 3)
    x, y = batch(sizes[0], sizes[-1], n=3)
    system = from_network(skewed_network(sizes, activation=activation, gain=1.5))
    r = cauchy_radius(system, x, y)
    inside = min(0.5 * r, 0.9 * system.sigma.curvature)
    rows = nudge_rows(system, x, y, betas=(inside,), points=(4, 12), names=())
    few, many = (row.error for row in rows)
    # (1/2)^8 of eight more points, sqrt branches and few samples leave a factor
    assert many < 10 * few * 0.5**8
    if 1.4 * r < system.sigma.curvature:
        rows = nudge_rows(system, x, y, betas=(1.4 * r,), points=(4, 12), names=())
        assert rows[1].error > 0.05


def test_no_radius_without_a_holomorphic_activation():
    with pytest.raises(EqpropError, match="hard-sigmoid is not holomorphic"):
        cauchy_radius(single("hard-sigmoid"), np.ones((1, 1)), np.ones((1, 1)))


def dense(activation="sigmoid", angle=0.0, scale=1.0):
    net = skewed_network((4, 6, 5, 3), activation=activation, gain=1.5, angle=angle)
    return net, *batch(4, 3, n=3)


def test_the_diagnosis_says_whether_the_nudge_lies_within():
    net, x, y = dense()
    low = diagnose(net, x, y, estimator="holomorphic", betas=(0.2,), beta=0.2, points=6)
    assert low.residual <= 1e-7 and low.usable == 0.2 and low.angle == pytest.approx(0, abs=1e-5)
    assert f"{0.2 / low.radius:.2g}^N" in low.verdict
    high = diagnose(net, x, y, estimator="holomorphic", betas=(0.2,), beta=3.0)
    assert "no N helps, lower --beta" in high.verdict and "N = 4" in diagnosis_table(high).caption
    scaled = diagnose(net, x, y, estimator="holomorphic", betas=(0.05,), points=6, scale=4.0)
    assert scaled.radius == pytest.approx(low.radius / 4)
    assert [r.error for r in scaled.layers] == pytest.approx([r.error for r in low.layers])
    apart = diagnose(*dense(angle=60.0), estimator="holomorphic", betas=(0.1,))
    assert apart.estimator == "generalised-cauchy" and apart.angle > 10
    plain = diagnose(*dense("hard-sigmoid"), betas=(0.1,))
    assert np.isnan(plain.radius) and plain.verdict.endswith("hard-sigmoid is not holomorphic")


def test_a_nudge_without_rest_is_reported_and_all_of_them_are_an_error():
    net, x, y = dense("tanh")
    found = diagnose(net, x, y, betas=(0.1, 1.5))  # tanh outputs have curvature 1
    table = diagnosis_table(found)
    assert "output curvature" in found.unsettled and found.usable == 0.1
    assert all(row[2] == "no rest" and "no" not in row[1] for row in table.rows)
    with pytest.raises(EqpropError, match="output curvature"):
        diagnose(net, x, y, betas=(1.5, 2.0))
    with pytest.raises(UnsettledError, match="residual"):
        diagnose(net, x, y, betas=(0.1,), settling=Settling(tolerance=1e-9, steps=2))


def test_convolutions_are_diagnosed_by_their_shared_parameters():
    rng = np.random.default_rng(0)
    net = ConvHopfieldNetwork(
        (4, 4, 1),
        (rng.normal(0, 0.4, (3, 3, 1, 2)),),
        (1,),
        (1,),
        (rng.normal(0, 0.2, (3, 32)),),
        (np.zeros(2), np.zeros(3)),
        "sigmoid",
    )
    x, y = rng.uniform(0, 1, (4, 16)), np.eye(3)[[0, 1, 2, 0]]
    found = diagnose(net, x, y, estimator="holomorphic", betas=(0.1,), points=6, settling=Settling())
    assert [r.layer for r in found.layers] == ["layer1", "output"]
    assert max(r.error for r in found.layers) < 1e-6 and found.radius > 0.1
    check_diagnosable((16, 3990, 10))
    with pytest.raises(EqpropError, match="the most is 4000: leave it out"):
        check_diagnosable((16, 4000, 10))


def test_the_command_prints_and_plots_the_radius(tmp_path, capsys):
    out = tmp_path / "holo.safetensors"
    words = ["train", "eqprop", "--backend", "jax", "--estimator", "holomorphic", "--hidden", "16"]
    assert main([*words, "--epochs", "1", "--diagnose", "--json", "-o", str(out)]) == 0
    printed = json.loads(capsys.readouterr().out)
    found = printed["diagnosis"]
    assert found["radius"] > 0 and found["beta"] == 0.5 and found["points"] == 4
    assert {r["layer"] for r in found["layers"]} == {"layer1", "output"}
    assert (tmp_path / "holo-diagnosis.png").exists()
    effort = printed["effort"]
    assert effort["nudged_relaxations"] == 4 * effort["presentations"]
    assert effort["weight_writes"] == effort["updates"] * (64 * 16 + 160)
    assert printed["training_energy_J"]["total"] > 0
