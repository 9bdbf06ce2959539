"""Flax parameters by layer names, as linen and nnx hold them."""

import numpy as np
import pytest

from compiler.errors import UnsupportedError
from compiler.formats.networks.flax import from_flax, from_flax_layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(9, 3))


def layer(n, m):
    return {
        "bias": RNG.normal(size=m).astype(np.float32),
        "kernel": RNG.normal(size=(n, m)).astype(np.float32),
    }


def test_names_with_numbers_say_the_order():
    first, last = layer(3, 5), layer(5, 2)
    many = {f"Dense_{k}": layer(5, 5) for k in range(1, 11)}
    variables = {"params": {"Dense_11": last, **dict(sorted(many.items())), "Dense_0": first}}
    x = np.tanh(X @ first["kernel"] + first["bias"])
    for k in range(1, 11):
        x = np.tanh(x @ many[f"Dense_{k}"]["kernel"] + many[f"Dense_{k}"]["bias"])
    model = from_flax(variables, "tanh", head="regression")
    np.testing.assert_allclose(model.answers(X), x @ last["kernel"] + last["bias"], rtol=1e-6)


def test_what_is_no_dense_layer_is_named():
    with pytest.raises(UnsupportedError, match=r"Conv_0\.kernel with shape \(3, 3, 1, 4\) is no dense layer"):
        from_flax({"Conv_0": {"kernel": np.zeros((3, 3, 1, 4))}}, "relu")
    with pytest.raises(UnsupportedError, match="does not hold the activation"):
        from_flax({"Dense_0": layer(3, 4), "Dense_1": layer(4, 2)}, None)


def test_flax_itself():
    linen = pytest.importorskip("flax.linen", reason="flax is not installed")
    nnx = pytest.importorskip("flax.nnx", reason="flax is not installed")
    import jax

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.relu(linen.Dense(4)(x))
            return linen.Dense(2)(x)  # in one line the outer layer would be called Dense_0

    net = Net()
    variables = net.init(jax.random.key(0), X)
    ours = from_flax(variables, "relu").answers(X)
    np.testing.assert_allclose(ours, net.apply(variables, X), atol=1e-6)

    class Two(nnx.Module):
        def __init__(self, rngs):
            self.a, self.b = nnx.Linear(3, 4, rngs=rngs), nnx.Linear(4, 2, rngs=rngs)

        def __call__(self, x):
            return self.b(nnx.relu(self.a(x)))

    two = Two(nnx.Rngs(0))
    np.testing.assert_allclose(from_flax(nnx.state(two), "relu").answers(X), two(X), atol=1e-6)


LAYERS = (
    "Conv_0",
    "BatchNorm_0",
    "relu",
    ("avg_pool", (2, 2), (2, 2)),
    ("Conv_1", {"strides": 2, "padding": "VALID"}),
    "tanh",
    ("max_pool", (2, 2), (1, 1), "SAME"),
    "flatten",
    "Dense_0",
)


def test_layers_told_in_order():
    """Convolutions, batch normalisation with its statistics and pooling, as Flax itself computes them."""
    linen = pytest.importorskip("flax.linen", reason="flax is not installed")
    import jax

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.relu(linen.BatchNorm(use_running_average=True)(linen.Conv(3, (3, 3))(x)))
            x = linen.avg_pool(x, (2, 2), (2, 2))
            x = linen.tanh(linen.Conv(4, (2, 3), strides=2, padding="VALID")(x))
            x = linen.max_pool(x, (2, 2), (1, 1), "SAME")
            return linen.Dense(5)(x.reshape(x.shape[0], -1))

    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 10, 9, 2)).astype(np.float32)
    net = Net()
    variables = jax.tree.map(np.asarray, net.init(jax.random.key(0), x))
    stats = {"mean": rng.normal(size=3), "var": rng.uniform(0.5, 2.0, 3)}
    norm = {"scale": rng.normal(size=3), "bias": rng.normal(size=3)}
    variables["batch_stats"]["BatchNorm_0"], variables["params"]["BatchNorm_0"] = stats, norm
    ours = from_flax_layers(variables, LAYERS, x.shape[1:]).answers(x.reshape(6, -1))
    np.testing.assert_allclose(ours, net.apply(variables, x), atol=1e-5)
    shifted = from_flax_layers(variables, (*LAYERS[:2], "tanh", *LAYERS[3:]), x.shape[1:])
    assert np.abs(shifted.answers(x.reshape(6, -1)) - ours).max() > 1e-2  # the twin: another curve


def test_what_a_chain_gets_wrong_is_named():
    params = {"params": {"Dense_0": layer(3, 4), "Dense_1": layer(4, 2)}}
    x = np.tanh(X @ params["params"]["Dense_0"]["kernel"] + params["params"]["Dense_0"]["bias"])
    told = from_flax_layers(params, ["Dense_0", "tanh", "Dense_1"], (3,), head="regression")
    last = params["params"]["Dense_1"]
    np.testing.assert_allclose(told.answers(X), x @ last["kernel"] + last["bias"], rtol=1e-6)
    for layers, said in (
        (["Dense_0"], "no layer takes the parameters of Dense_1"),
        (["Dense_0", "gelu", "Dense_1"], "gelu is no layer of the parameters"),
        ([("Dense_0", {"strides": 2}), "Dense_1"], "strides is no option of a Dense"),
    ):
        with pytest.raises(UnsupportedError, match=said):
            from_flax_layers(params, layers, (3,))
    norm = {"LayerNorm_0": {"scale": np.ones(3), "bias": np.zeros(3)}}
    with pytest.raises(UnsupportedError, match="LayerNorm_0 holds scale, bias"):
        from_flax_layers({"params": norm}, ["LayerNorm_0"], (3,))
