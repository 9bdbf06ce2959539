"""Gradients of logic-gate training: against finite differences, and against JAX's autodiff."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import logic_twin

from thermo.kernels.logic.batch import pack_lanes
from thermo.training.logic import jax_path
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.general_network import GeneralNetwork
from thermo.training.tiles import Tiles

N_IN, CLASSES, BATCH, STEP, POWER = 11, 3, 75, 7, 2.3
EPS = float(np.finfo(np.float32).eps)
# A derivative by a logit or score is a sum over samples of the derivative by the gate's output
# times factors of at most 1; the softmax then subtracts a mean. So rounding errors are in
# proportion to the sum of the magnitudes (`scale`), not to what cancellation leaves. The terms pass
# some dozen roundings each and the errors are independent, so that a few units are to be expected;
# 32 are allowed. The broken twins below are wrong by more than a thousand times as much.
TOLERANCE = 32 * EPS

MODES = [
    (forward, parametrisation, wiring, estimator)
    for forward, parametrisation, wiring, estimator in itertools.product(
        ("soft", "straight-through", "gumbel"),
        ("table", "gates"),
        ("sparse", "dense", "fixed"),
        ("identity", "reste"),
    )
    if estimator == "identity" or (forward != "soft" and parametrisation == "table")
]

# each choice, and each pair that meets in one kernel, once; the others are compared too, slowly
FEW = [
    ("soft", "table", "sparse", "identity"),
    ("soft", "gates", "dense", "identity"),
    ("straight-through", "table", "sparse", "reste"),
    ("straight-through", "gates", "fixed", "identity"),
    ("gumbel", "table", "dense", "identity"),
]


def config_of(forward, parametrisation, wiring, estimator, **more) -> LogicConfig:
    return LogicConfig(
        layers=(10, 8, 6),
        k={"sparse": 4, "dense": "all", "fixed": 1}[wiring],
        wiring="fixed" if wiring == "fixed" else "learnable",
        forward=forward,
        parametrisation=parametrisation,
        estimator=estimator,
        init_scale=0.7,
        init_wire=1.0,
        dropout=0.2,
        gumbel_temperature=1.5,
        **{"tau": 1.7, **more},
    )


def data(n_in: int = N_IN) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Samples (BATCH, n_in) of 0 and 1, more zeros than ones, their words, labels, and soft targets."""
    rng = np.random.default_rng(1)
    x = (rng.random((BATCH, n_in)) < 0.4).astype(np.uint8)
    lanes = np.zeros((n_in, 128), np.uint8)
    lanes[:, :BATCH] = x.T
    words = np.zeros((n_in, 2), np.uint64)
    pack_lanes(lanes, words)
    labels = rng.integers(0, CLASSES, BATCH)
    labels[0] = CLASSES - 1
    targets = 0.6 * np.eye(CLASSES)[labels] + 0.4 * rng.dirichlet([0.5, 1.0, 2.0], BATCH)
    return x, words, labels, targets.astype(np.float32)


def gradients(config: LogicConfig):
    """Mean loss of the labels and the network, whose layers hold the targets' gradients."""
    _, words, labels, targets = data()
    network = GeneralNetwork(config, N_IN, CLASSES, BATCH)
    with Tiles(1) as tiles:
        loss, _ = network.step(words, labels, targets, STEP, tiles, power=POWER)
    return loss / BATCH, network


def effective(network: GeneralNetwork) -> list[dict]:
    """Layers as the twin reads them: noise added, tempered."""
    out = []
    for layer in network.layers:
        logits, scores = layer.logits.astype(float), layer.scores.astype(float)
        if network.config.forward == "gumbel":
            logits = (logits + layer.logit_noise) / network.config.gumbel_temperature
            scores = (scores + layer.score_noise) / network.config.gumbel_temperature
        wires = layer.wires
        if layer.dense:
            wires = np.broadcast_to(np.arange(layer.n_below), scores.shape)
        out.append({"logits": logits, "scores": scores, "wires": wires})
    return out


def scale(network: GeneralNetwork, number: int, name: str) -> float:
    """Largest sum of magnitudes in a derivative by the logits or scores of a layer."""
    layer = network.layers[number]
    if number == len(network.layers) - 1:
        dy = network.delta[network.head_rows] * network.gain(STEP)[:, None]
    else:
        dy = network.derivatives[number]
    weights = layer.inner if name == "logits" else layer.weights.max(axis=0)
    return float((np.abs(dy).sum(axis=1) * weights.max(axis=1)).max())


def largest_error(network: GeneralNetwork, loss: float, broken: str | None = None) -> float:
    """Largest difference to central differences of the twin, relative to `scale`.

    Differences are along single parameters for a tenth of them and all kinds and layers; their own
    error, of order h^2 and float64 rounding / h, is below 1e-8 for h = 1e-4.
    """
    x, _, labels, targets = data()
    config, layers = network.config, effective(network)
    options = {"config": config, "tau": network.tau, "gain": network.gain(STEP), "power": POWER}
    value, offsets = logic_twin.run(layers, x, np.eye(CLASSES)[labels], **options)
    assert value == pytest.approx(loss, abs=16 * EPS * max(1.0, loss))
    inverse = 1 / config.gumbel_temperature if config.forward == "gumbel" else 1.0
    rng = np.random.default_rng(2)
    worst, h = 0.0, 1e-4
    kinds = ("logits",) if config.wiring == "fixed" else ("logits", "scores")
    for number, name in itertools.product(range(len(layers)), kinds):
        ours = getattr(network.layers[number], f"d_{name}")
        unit = scale(network, number, name)
        for place in rng.choice(ours.size, min(12, ours.size), replace=False):
            values = []
            for sign in (1, -1):
                moved = [dict(layer) for layer in layers]
                moved[number][name] = layers[number][name].copy()
                moved[number][name].reshape(-1)[place] += sign * h * inverse
                values.append(
                    logic_twin.run(moved, x, targets, offsets=offsets, base=layers, broken=broken, **options)[
                        0
                    ]
                )
            slope = (values[0] - values[1]) / (2 * h)
            worst = max(worst, abs(slope - ours.reshape(-1)[place]) / unit)
    return worst


@pytest.mark.parametrize("mode", MODES, ids=" ".join)
def test_gradients_are_those_of_finite_differences(mode):
    loss, network = gradients(config_of(*mode))
    assert largest_error(network, loss) < TOLERANCE


@pytest.mark.parametrize("broken", ["swapped", "chosen wire only"])
def test_a_broken_twin_has_other_gradients(broken):
    loss, network = gradients(config_of("straight-through", "table", "sparse", "identity"))
    assert largest_error(network, loss, broken) > 1000 * TOLERANCE


def jax_gradients(config: LogicConfig, network: GeneralNetwork):
    x, _, labels, targets = data()
    fixed = config.wiring == "fixed"

    def tree(logits: str, scores: str) -> list[dict]:
        return [
            {"logits": jnp.asarray(getattr(layer, logits))}
            | ({} if fixed else {"scores": jnp.asarray(getattr(layer, scores))})
            for layer in network.layers
        ]

    wires = [None if layer.dense else jnp.asarray(layer.wires) for layer in network.layers]
    noise = tree("logit_noise", "score_noise") if config.forward == "gumbel" else None
    head = jax_path.Head(0.0, POWER, jnp.asarray(network.gain(STEP)))
    loss = jax.jit(jax.value_and_grad(jax_path.loss_function(config, wires, CLASSES), has_aux=True))
    (_, (_, _, log_p)), gradient = loss(
        tree("logits", "scores"), jnp.asarray(x), jnp.asarray(targets), head, noise
    )
    return -float(np.asarray(log_p)[np.arange(BATCH), labels].mean()), gradient


@pytest.mark.parametrize(
    "mode",
    [mode if mode in FEW else pytest.param(mode, marks=pytest.mark.slow) for mode in MODES],
    ids=" ".join,
)
def test_jax_and_numba_agree(mode):
    config = config_of(*mode, tau="adaptive")
    loss, network = gradients(config)
    value, gradient = jax_gradients(config, network)
    assert loss == pytest.approx(value, abs=16 * EPS * max(1.0, loss))
    for number, theirs in enumerate(gradient):
        for name, array in theirs.items():
            ours = getattr(network.layers[number], f"d_{name}")
            error = np.abs(ours - np.asarray(array)).max()
            assert error < TOLERANCE * scale(network, number, name)


def test_jax_sees_a_changed_network():
    config = config_of("soft", "table", "sparse", "identity")
    _, network = gradients(config)
    network.layers[0].wires = network.layers[0].wires[::-1].copy()  # a for b
    _, gradient = jax_gradients(config, network)
    error = np.abs(network.layers[0].d_scores - np.asarray(gradient[0]["scores"])).max()
    assert error > 1000 * TOLERANCE * scale(network, 0, "scores")
