"""Flax parameters by layer names, as linen and nnx hold them."""

import numpy as np
import pytest

from compiler.errors import UnsupportedError
from compiler.formats.networks.flax import from_flax

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
