"""Estimators of the gradient against implicit differentiation, and that against the cost itself."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase, Role
from thermo.cli.main import main
from thermo.gradients import estimators
from thermo.gradients.errors import EqpropError, NudgeError, UnsettledError
from thermo.gradients.estimators import ESTIMATORS, How, circle, estimate
from thermo.gradients.homeostasis import homeostatic_loss, jacobian_angle
from thermo.gradients.reference import adjoint, bptt_gradient, implicit_gradient, response
from thermo.gradients.rest import Settling, settle
from thermo.gradients.system import Gradient, cosine, from_network, relative_error
from thermo.gradients.thermal import thermal_gradient
from thermo.studies.eqprop_gradients import angle_row, batch, nudge_rows, skewed_network, symmetrise

SIZES = (4, 6, 5, 3)


def case(activation="sigmoid", angle=0.0, gain=1.5):
    x, y = batch(SIZES[0], SIZES[-1], n=3)
    return from_network(skewed_network(SIZES, activation=activation, gain=gain, angle=angle)), x, y


def changed(system, name, at, step):
    array = getattr(system, name).copy()
    array[at] += step
    if name == "w" and system.tied:
        array[at[::-1]] += step
    return replace(system, **{name: array})


@pytest.mark.parametrize("angle", [0.0, 60.0])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_implicit_differentiation_is_the_slope_of_the_cost(activation, angle):
    system, x, y = case(activation, angle, gain=0.9)
    g, _ = implicit_gradient(system, x, y)
    i, j = np.argwhere(system.mask)[5]
    h = 1e-5
    for name, at in (("w", (i, j)), ("w_in", (2, 1)), ("b", (7,))):
        up, down = (system.cost(settle(changed(system, name, at, s), x).u, y) for s in (h, -h))
        # central differences: truncation h^2 C''' / 6, rounding 1e-12 / h
        assert getattr(g, name)[at] == pytest.approx((up - down) / (2 * h), abs=1e-6, rel=1e-5)
    assert not g.w[~system.mask].any()


def test_back_propagation_through_time_tends_to_it():
    system, x, y = case(angle=60.0)
    truth, _ = implicit_gradient(system, x, y)
    errors = [relative_error(bptt_gradient(system, x, y, steps=t), truth) for t in (5, 20, 80, 200)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 1e-10
    with pytest.raises(EqpropError, match="steps >= 1"):
        bptt_gradient(system, x, y, steps=0)


def local_slopes(name, points, betas):
    system, x, y = case()
    truth, _ = implicit_gradient(system, x, y)
    e = [
        relative_error(estimate(name, system, x, y, How(beta=b, points=points)).gradient, truth)
        for b in betas
    ]
    return np.log2(np.array(e[:-1]) / np.array(e[1:]))


# error = A beta^p (1 + c beta^q + ...): halving beta has the slope p + c (1 - 2^-q) / ln 2 beta^q,
# so that the deviation at a quarter of beta is 4^-q of that at beta. Twice that is allowed, and the
# rounding of rest states on top: 1e-12 over the smallest error, a few 1e-8 (N = 4), in powers of 2.
# One-sided errors go on with beta^(p+1); N points on a circle alias N powers further on.
ORDERS = [
    ("positive", 1, 1, 1),
    ("negative", 1, 1, 1),
    ("centred", 2, 2, 2),
    ("holomorphic", 2, 2, 2),
    ("holomorphic", 3, 3, 3),
    ("holomorphic", 4, 4, 4),
]


@pytest.mark.parametrize(("name", "points", "p", "q"), ORDERS)
def test_orders_in_beta(name, points, p, q):
    beta = 0.4
    slopes = local_slopes(name, points, [beta, beta / 2, beta / 4, beta / 8])
    coarse, fine = abs(slopes[0] - p), abs(slopes[2] - p)
    assert fine <= 2 * coarse / 4.0**q + 1e-4
    assert coarse < 0.5


def test_the_order_test_sees_a_lost_symmetry(monkeypatch):
    """A centred estimator whose second phase is at -0.9 beta is of first order only."""

    def broken(system, x, y, how):
        free = settle(system, x)
        up = settle(system, x, y, how.beta, start=free.u)
        down = settle(system, x, y, -0.9 * how.beta, start=free.u)
        a, b = system.energy_slope(up.u, x), system.energy_slope(down.u, x)
        s = 1 / (1.9 * how.beta)
        g = Gradient((a.w - b.w) * s, (a.w_in - b.w_in) * s, (a.b - b.b) * s, True)
        return estimators.Estimate(g, 0.0, 3)

    monkeypatch.setattr(estimators, "ESTIMATORS", {"centred": broken})
    with pytest.raises(AssertionError):
        test_orders_in_beta("centred", 2, 2, 2)


def test_the_circle_is_cauchys():
    """Weights reproduce the derivative of polynomials of degree N and miss the next alias."""
    for n in range(2, 9):
        for power in range(0, 2 * n):
            got = sum(c * np.real(b**power / b) for b, c in circle(0.7, n)) / n
            # beta^(power - 1) averages to 1 where power - 1 is a multiple of N, to 0 elsewhere
            alias = (power - 1) % n == 0
            assert got == pytest.approx(0.7 ** (power - 1) if alias else 0.0, abs=1e-12)


def test_holomorphic_errors_fall_exponentially_with_the_points():
    system, x, y = case()
    rows = nudge_rows(system, x, y, betas=(0.8, 0.4), points=range(2, 11), names=())
    for beta in (0.8, 0.4):
        error = np.log([r.error for r in rows if r.beta == beta])
        n = np.arange(2, 11)
        slope, offset = np.polyfit(n, error, 1)
        left = error - slope * n - offset
        assert slope < -0.5 and left.std() < 0.15 * error.std()  # a straight line explains it
    # halving the nudge doubles the distance to the singularity: log 2 more each point
    slopes = [np.polyfit(n, np.log([r.error for r in rows if r.beta == b]), 1)[0] for b in (0.8, 0.4)]
    assert slopes[0] - slopes[1] == pytest.approx(np.log(2), rel=0.1)


def test_asymmetry_biases_what_the_cauchy_sum_finds_exactly():
    system, x, y = case(angle=90.0)
    row = angle_row(system, x, y, beta=0.2, points=10)
    assert row.angle == pytest.approx(90.0, abs=1e-6)
    assert row.cauchy_error < 1e-6  # exact du/dbeta ...
    assert row.cauchy_cosine < 0.97  # ... of the wrong system
    assert row.cauchy_cosine == pytest.approx(row.exact_cosine, abs=1e-6)
    assert row.asymep_error < 1e-6 and row.asymep_cosine > 1 - 1e-9


def test_asymep_needs_the_transposed_difference(monkeypatch):
    """With the term's sign flipped it does not find the gradient."""
    system, x, y = case(angle=90.0)
    truth, rest = implicit_gradient(system, x, y)
    good = estimate("asymep", system, x, y, How(beta=0.1, points=6)).gradient
    flipped = replace(system, w=2 * system.w - system.w.T, tied=False)  # drive w u + (w - w^T)(u - u0)
    u0 = rest.u
    removed = u0 @ (system.w - system.w.T).T
    up, down = (settle_with(flipped, x, y, b, removed) for b in (0.01, -0.01))
    du = (up - down) / 0.02
    bad = system.local(-du, u0, x)
    assert cosine(good, truth) > 1 - 1e-6 > cosine(bad, truth) + 0.01


def settle_with(system, x, y, beta, removed):
    u = np.full((x.shape[0], system.n), 0.5)
    for _ in range(3000):
        z = u @ system.w.T - removed + system.bias_drive(x) - beta * system.error(u, y)
        u = u + 0.3 * (system.sigma.value(z) - u)
    return u


def test_homeostasis_restores_the_gradient():
    system, x, y = case(angle=90.0)
    before = angle_row(system, x, y)
    after = angle_row(symmetrise(system, 400), x, y)
    assert after.loss < 1e-3 * before.loss and after.angle < 5 < before.angle
    assert after.cauchy_cosine > 0.999 > before.cauchy_cosine + 0.03


def test_homeostatic_draws_average_to_the_norm_of_the_skew_part():
    system, *_ = case(angle=90.0)
    exact, slope = homeostatic_loss(system)
    assert exact == pytest.approx(0.5 * np.sum((system.w - system.w.T) ** 2) / system.n)
    some = np.array([homeostatic_loss(system, 50, seed=k)[0] for k in range(200)])
    z = (some.mean() - exact) / (some.std(ddof=1) / np.sqrt(some.size))
    assert abs(z) < 4  # alpha 6e-5
    broken = 2 * some  # a twin without the 1/2
    assert abs((broken.mean() - exact) / (broken.std(ddof=1) / np.sqrt(some.size))) > 4
    h = 1e-6
    i, j = np.argwhere(system.mask)[3]
    for draws in (None, 4):
        _, g = homeostatic_loss(system, draws, seed=1)
        up, down = (homeostatic_loss(changed(system, "w", (i, j), s), draws, seed=1)[0] for s in (h, -h))
        assert g.w[i, j] == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-9)
    assert slope.w[i, j] != 0 and jacobian_angle(system) == pytest.approx(90.0)


def test_generalised_exact_is_the_gradient_of_a_symmetric_system():
    system, x, y = case("tanh", gain=0.9)
    truth, _ = implicit_gradient(system, x, y)
    e = estimate("generalised-exact", system, x, y)
    assert relative_error(e.gradient, truth) < 1e-10 and e.phases == 1


def test_coupled_learning_weighs_the_error_by_the_outputs_stiffness():
    """For small eta: dC/du replaced by S (u - y), S = the Schur complement of the Hessian."""
    system, x, y = case()
    _, rest = implicit_gradient(system, x, y)
    hessian_inverse = [
        response(system, rest.u[[k]], x[[k]], np.eye(system.n)[[i]])[0]
        for k in range(3)
        for i in range(system.n)
    ]
    inverse = np.array(hessian_inverse).reshape(3, system.n, system.n)
    out = system.outputs
    force = np.zeros_like(rest.u)
    for k in range(3):
        s = np.linalg.inv(inverse[k][np.ix_(out, out)])
        force[k, out] = s @ (rest.u[k, out] - y[k])
    wanted = system.local(adjoint(system, rest.u, x, force), rest.u, x)
    errors = [
        relative_error(estimate("coupled-centred", system, x, y, How(beta=b)).gradient, wanted)
        for b in (0.02, 0.01)
    ]
    assert errors[1] < 1e-4 and errors[0] / errors[1] == pytest.approx(4, rel=0.05)
    with pytest.raises(EqpropError, match="at most 1"):
        estimate("coupled-positive", system, x, y, How(beta=2.0))


def test_contrastive_learning_is_coupled_learning_at_one():
    system, x, y = case()
    a = estimate("contrastive", system, x, y).gradient.flat()
    b = estimate("coupled-positive", system, x, y, How(beta=1.0)).gradient.flat()
    np.testing.assert_allclose(a, b, atol=1e-12)


def test_without_an_energy_both_directions_add_up_to_the_tied_update():
    """d(u_i u_j) = du_i u_j + u_i du_j: exact in the limit of small eta, O(eta^2) centred."""
    system, x, y = case()
    apart = replace(system, tied=False)
    errors = []
    for eta in (0.2, 0.1):
        one = estimate("coupled-centred", system, x, y, How(beta=eta)).gradient
        two = estimate("coupled-centred", apart, x, y, How(beta=eta)).gradient
        summed = Gradient(two.w + two.w.T, two.w_in, two.b, True)
        errors.append(relative_error(summed, one))
    assert errors[1] < 0.05 and errors[0] / errors[1] == pytest.approx(4, rel=0.2)
    held = estimate("contrastive", apart, x, y).response
    full = estimate("coupled-positive", apart, x, y, How(beta=1.0)).response
    np.testing.assert_allclose(held, full, atol=1e-9)


def test_one_sided_takes_either_sign():
    system, x, y = case()
    both = [estimate(n, system, x, y).gradient.flat() for n in ("positive", "negative")]
    seen = set()
    for seed in range(12):
        g = estimate("one-sided", system, x, y, How(seed=seed)).gradient.flat()
        seen.add(next(k for k in (0, 1) if np.array_equal(g, both[k])))
    assert seen == {0, 1}


def test_hard_sigmoids_have_real_estimators():
    system, x, y = case("hard-sigmoid", gain=0.6)
    system = replace(system, b=system.b + 0.5)
    truth, rest = implicit_gradient(system, x, y)
    assert ((rest.u > 0) & (rest.u < 1)).mean() > 0.3
    assert relative_error(estimate("centred", system, x, y, How(beta=1e-3)).gradient, truth) < 1e-2
    with pytest.raises(EqpropError, match="holomorphic activation"):
        estimate("holomorphic", system, x, y)


def test_a_nudge_beyond_the_curvature_is_named():
    system, x, y = case("tanh", gain=0.9)
    with pytest.raises(NudgeError, match=r"beta = -1\.2 exceeds the output curvature 1 .* take"):
        estimate("centred", system, x, y, How(beta=1.2))
    estimate("positive", system, x, y, How(beta=1.2))


def test_a_relaxation_that_does_not_settle_is_named():
    system, x, y = case()
    with pytest.raises(UnsettledError, match=r"beta = 0.* residual .* after 3 steps"):
        settle(system, x, settling=Settling(steps=3))
    system = case(angle=90.0)[0]
    wild = replace(system, w=60 * (system.w - system.w.T), tied=False)
    with pytest.raises(UnsettledError, match="scale the couplings down"):
        settle(wild, x, y, 0.1, settling=Settling(steps=500))


def test_bad_input_is_named():
    system, x, y = case()
    with pytest.raises(EqpropError, match="choices are positive"):
        estimate("magic", system, x, y)
    with pytest.raises(EqpropError, match="x must be"):
        estimate("centred", system, x[:, :2], y)
    with pytest.raises(EqpropError, match="beta must be"):
        How(beta=0.0)
    with pytest.raises(EqpropError, match="points must be"):
        How(points=0)
    with pytest.raises(EqpropError, match="needs an energy"):
        estimate("holomorphic", *case(angle=30.0))
    with pytest.raises(EqpropError, match="must be symmetric"):
        replace(system, w=case(angle=30.0)[0].w)
    with pytest.raises(EqpropError, match="couples to itself"):
        replace(system, w=system.w + np.eye(system.n))
    assert "thermal" not in ESTIMATORS  # needs samples, see thermal_gradient


def boltzmann_machine(kT=0.7):
    """Two skewed quartic cells, the second one read."""
    w = np.array([[0.0, 0.8], [0.8, 0.0]])
    return LangevinNetlist(
        cells=Cells.make(
            2, j2=[0.5, 0.3], j3=[0.2, -0.1], j4=[0.4, 0.3], h=[0.5, -0.4], role=[Role.DYNAMIC, Role.OUTPUT]
        ),
        couplings=(Couplings.from_dense(CouplingKind.LINEAR, w),),
        kT=kT,
        mobility=1.0,
        schedule=(Phase("relax", 6.0),),
        dt=0.02,
    )


def quadrature(y, kT=0.7):
    def energy(w, h):
        s = np.linspace(-6, 6, 601)
        a, b = np.meshgrid(s, s, indexing="ij")
        u = 0.5 * a**2 + 0.2 * a**3 + 0.4 * a**4 + 0.3 * b**2 - 0.1 * b**3 + 0.3 * b**4
        e = u - h[0] * a - h[1] * b - w * a * b
        p = np.exp(-(e - e.min()) / kT)
        return float(np.sum(p * 0.5 * (b - y) ** 2) / np.sum(p))

    s = 1e-4
    return (
        (energy(0.8 + s, (0.5, -0.4)) - energy(0.8 - s, (0.5, -0.4))) / (2 * s),
        (energy(0.8, (0.5 + s, -0.4)) - energy(0.8, (0.5 - s, -0.4))) / (2 * s),
        (energy(0.8, (0.5, -0.4 + s)) - energy(0.8, (0.5, -0.4 - s))) / (2 * s),
    )


def test_thermal_gradient_is_that_of_the_mean_cost():
    g = thermal_gradient(boltzmann_machine(), None, np.array([0.9]), runs=40000, threads=1)
    dw, db0, db1 = quadrature(0.9)
    z = np.array([(g.w[0, 1] - dw) / g.w_sem[0, 1], (g.b[0] - db0) / g.b_sem[0], (g.b[1] - db1) / g.b_sem[1]])
    # the scheme is of second order in dt: its bias at 0.02 is far below a standard error
    assert np.abs(z).max() < 4
    assert abs(1.1 * g.b[1] - db1) / g.b_sem[1] > 4  # a twin with kT off by a tenth is seen
    with pytest.raises(EqpropError, match="kT > 0"):
        thermal_gradient(boltzmann_machine().with_(kT=0.0), None, np.array([0.9]))


def test_the_study_writes_a_figure_and_tables(tmp_path, capsys):
    assert main(["study", "eqprop-gradients", "-o", str(tmp_path), "--json"]) == 0
    out = capsys.readouterr().out
    assert '"radius"' in out
    assert (tmp_path / "eqprop-gradients.png").stat().st_size > 10000
    text = (tmp_path / "eqprop-gradients.txt").read_text()
    assert "holomorphic, N = 4" in text and "90°" in text
