"""Modules of images: torch's order of channels, batch normalisation folded, and torch itself where it is."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from toys.images import module, sequential, torch_like

import compiler
from compiler.errors import UnsupportedError
from compiler.formats.networks.torch import from_module
from compiler.formats.options import Options


def by_xla(children, x):
    """torch's meaning of these modules on x (n, channels, height, width)."""
    x = jnp.asarray(x, jnp.float32)
    for child in children:
        name = type(child).__name__
        if name == "Conv2d":
            pad = child.padding if isinstance(child.padding, int) else child.padding[0]
            x = lax.conv_general_dilated(x, jnp.asarray(child.weight, jnp.float32), (1, 1), [(pad, pad)] * 2)
            x = x + child.bias[:, None, None]
        elif name == "BatchNorm2d":
            mean, var = child.running_mean[:, None, None], child.running_var[:, None, None]
            x = (x - mean) / np.sqrt(var + child.eps) * child.weight[:, None, None] + child.bias[
                :, None, None
            ]
        elif name == "ReLU":
            x = jnp.maximum(x, 0)
        elif name in ("MaxPool2d", "AvgPool2d"):
            start, how = (-jnp.inf, lax.max) if name == "MaxPool2d" else (0.0, lax.add)
            x = lax.reduce_window(x, start, how, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
            x = x if name == "MaxPool2d" else x / 4
        elif name == "Flatten":
            x = x.reshape(x.shape[0], -1)
        else:
            x = x @ child.weight.T
    return np.asarray(x)


def test_answers_are_the_modules():
    rng = np.random.default_rng(5)
    children, x = torch_like(rng), rng.uniform(size=(30, 2, 8, 8))
    model = from_module(sequential(*children), input_shape=(8, 8, 2))
    assert repr(model) == "FeedForward(8x8x2-8x8x5-4x4x5-4x4x6-2x2x6-4)"
    ours = model.answers(x.transpose(0, 2, 3, 1).reshape(30, -1))
    np.testing.assert_allclose(ours, by_xla(children, x), atol=2e-5)
    # channels outermost are another image
    assert np.abs(model.answers(x.reshape(30, -1)) - ours).max() > 1e-2


def test_an_unflatten_tells_the_shape():
    rng = np.random.default_rng(5)
    children = torch_like(rng)
    first = module("Unflatten", dim=1, unflattened_size=(2, 8, 8))
    told = from_module(sequential(first, *children))
    given = compiler.to_netlist(sequential(*children), Options(input_shape=(8, 8, 2)))
    assert compiler.equal(compiler.to_netlist(told), given)


def bare(name, **attributes):
    return [module(name, **attributes)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[:1] + bare("GELU"), r"module 1 \(GELU\) is not supported here"),
        (lambda c: [*c[:1], c[2], c[1]], "must stand right behind a layer with weights"),
        (lambda c: [*c[:-2], c[-1]], "put a Flatten between them"),
        (lambda c: [*c[:4], *c[-2:]], "takes 24 values but 80 come"),
        (lambda c: [*c, *c[:1]], "stands behind a dense layer or a Flatten"),
        (lambda c: [c[0], c[2], c[2]], "has no activation yet"),
        (lambda c: c[3:4], "has no layer with weights"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    children = torch_like(np.random.default_rng(5))
    with pytest.raises(UnsupportedError, match=message):
        from_module(sequential(*change(children)), input_shape=(8, 8, 2))


def test_images_of_unknown_size_are_refused():
    children = torch_like(np.random.default_rng(5))
    with pytest.raises(UnsupportedError, match="give input_shape of a module"):
        from_module(sequential(*children))


def test_torch_itself():
    torch = pytest.importorskip("torch", reason="torch is not installed; it comes with thermoc[interop]")
    torch.manual_seed(0)
    nn = torch.nn
    net = nn.Sequential(
        nn.Unflatten(1, (2, 8, 8)),
        nn.Conv2d(2, 5, 3, padding=1),
        nn.BatchNorm2d(5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(5, 6, 3, stride=2, padding=1),
        nn.AvgPool2d(2),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(6, 4),
    )
    x = torch.rand(64, 128)
    net(x)  # running statistics
    net.eval()
    with torch.no_grad():
        theirs = net(x).numpy()
    images = x.numpy().reshape(64, 2, 8, 8).transpose(0, 2, 3, 1).reshape(64, -1)
    np.testing.assert_allclose(from_module(net).answers(images), theirs, atol=1e-5)


def test_normalised_dense_layers_need_no_image():
    rng = np.random.default_rng(6)
    first = module("Linear", weight=rng.normal(size=(5, 7)), bias=rng.normal(size=5), out_features=5)
    mean, var, scale, shift = (
        rng.normal(size=5),
        rng.uniform(0.5, 2, 5),
        rng.normal(size=5),
        rng.normal(size=5),
    )
    norm = module(
        "BatchNorm1d", running_mean=mean, running_var=var, weight=scale, bias=shift, eps=1e-3, num_features=5
    )
    last = module("Linear", weight=rng.normal(size=(1, 5)), bias=None, out_features=1)
    model = from_module(sequential(first, norm, module("Sigmoid"), last))
    x = rng.normal(size=(9, 7))
    h = ((x @ first.weight.T + first.bias) - mean) / np.sqrt(var + 1e-3) * scale + shift
    y = (1 / (1 + np.exp(-h))) @ last.weight.T
    # a classifier of one output answers below and above 0
    np.testing.assert_allclose(model.answers(x), np.c_[-y, y], rtol=1e-10)
    assert model.labels == ("0", "1")
