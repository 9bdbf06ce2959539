"""Modules as torch.export traces them: their numbers are torch's, and what has no counterpart is named."""

import numpy as np
import pytest

import compiler
from compiler.errors import FormatError, UnsupportedError
from compiler.families.feedforward import FeedForward
from compiler.families.mlp import MLP
from compiler.families.tiled import on_tiles
from compiler.formats.detect import Options, read_model_or_netlist
from compiler.formats.networks.torch import from_module, from_program, from_state_dict
from compiler.ir.tiles import Layout
from thermo import simulate

torch = pytest.importorskip("torch", reason="torch is not installed; it comes with thermoc[interop]")
nn, F = torch.nn, torch.nn.functional


def rows(x):
    """As models take images: channels innermost."""
    x = x.numpy()
    return x.transpose(0, 2, 3, 1).reshape(len(x), -1) if x.ndim == 4 else x.reshape(len(x), -1)


def same(module, x, atol=2e-5, **how):
    module.eval()
    model = from_module(module, example_inputs=x[:2], head="regression", **how)
    with torch.no_grad():
        theirs = module(x).numpy().reshape(len(x), -1)
    np.testing.assert_allclose(model.answers(rows(x)), theirs, atol=atol)
    assert np.ptp(theirs, axis=0).max() > 0.02
    run = simulate(compiler.compile(model), rows(x), method="rest")
    np.testing.assert_allclose(run.answers(), model.answers(rows(x)), rtol=1e-5, atol=1e-5)
    return model


class Calls(nn.Module):
    """A function of x behind a first layer."""

    def __init__(self, first, function):
        super().__init__()
        self.first, self.function = first, function

    def forward(self, x):
        return self.function(self.first(x))


IMAGES = {
    "strides, padding": nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0)),
    "groups": nn.Conv2d(4, 8, 3, groups=2, bias=False),
    "dilation": nn.Conv2d(4, 3, 3, dilation=2, padding="same"),
    "reflected": nn.Conv2d(4, 3, 3, padding=1, padding_mode="reflect"),
    "transposed": nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
    "max": nn.MaxPool2d(3, stride=2, padding=1),
    "max over the rim": nn.MaxPool2d(2, ceil_mode=True),
    "average of zeros too": nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True),
    "average without them": nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False),
    "adaptive": nn.AdaptiveAvgPool2d((3, 2)),
    "adaptive max": nn.AdaptiveMaxPool2d(2),
    "shuffle": nn.PixelShuffle(2),
    "nearest": nn.Upsample(scale_factor=2),
}


@pytest.mark.parametrize("name", IMAGES)
def test_layers_of_images(name):
    torch.manual_seed(0)
    same(nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), IMAGES[name]), torch.randn(9, 2, 7, 7))


SEVEN = {
    "prelu": nn.PReLU(7),
    "leaky": nn.LeakyReLU(0.3),
    "hardtanh": nn.Hardtanh(-0.25, 0.5),
    "relu6": nn.ReLU6(),
    "hardsigmoid": nn.Hardsigmoid(),
    "norm": nn.BatchNorm1d(7),
    "clamp from below": lambda x: x.clamp(min=0.1),
    "clamp from above": lambda x: torch.clamp_max(x, 0.2),
    "maximum": lambda x: torch.maximum(x[:, :3], x[:, 3:6]),
    "minimum of a number": lambda x: torch.minimum(x, torch.tensor(0.1)),
    "absolute": torch.abs,
    "arithmetic": lambda x: 3 - 2 * (x + torch.arange(7.0)) / 4 - x,
    "joined": lambda x: torch.cat([x, -x.flip(1), torch.stack([x, x], 1).flatten(1)], 1),
    "in place": lambda x: (x.mul_(2.0), x.add_(1.0), x)[2],
    "tied": lambda x: x @ torch.full((7, 2), 0.5) + x[:, :2],
    "mean": lambda x: x.view(-1, 7, 1).expand(-1, 7, 3).mean(dim=(1, 2), keepdim=True),
    "whole mean": lambda x: x.sum(1, keepdim=True) - x.amax(1, keepdim=True),
}


@pytest.mark.parametrize("name", SEVEN)
def test_functions(name):
    torch.manual_seed(1)
    layer = SEVEN[name]
    if name == "norm":
        layer.train()(3 * torch.randn(50, 7) + 1)
    same(Calls(nn.Linear(5, 7), layer), torch.randn(12, 5))


def test_one_axis_and_several():
    torch.manual_seed(2)
    net = nn.Sequential(
        nn.Conv1d(3, 6, 5, stride=2, padding=2),
        nn.MaxPool1d(3, 2, 1),
        nn.ConvTranspose1d(6, 4, 4, 2, 1),
        nn.Tanh(),
    )
    same(net, torch.randn(7, 3, 20))
    # a matrix along the last of two axes, as the module takes them
    same(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(15, 2)), torch.randn(7, 5, 4))


def test_a_module_with_channels_innermost_takes_rows_so():
    torch.manual_seed(8)
    net = Calls(nn.Identity(), lambda x: (2 * x).permute(0, 3, 1, 2))
    net = nn.Sequential(net, nn.Conv2d(2, 3, 3)).eval()
    x = torch.randn(6, 5, 5, 2)
    with torch.no_grad():
        theirs = net(x).numpy().reshape(6, -1)
    model = from_module(net, example_inputs=x[:2], head="regression")
    np.testing.assert_allclose(model.answers(x.numpy().reshape(6, -1)), theirs, atol=1e-5)


def test_dense_chains_are_mlps():
    torch.manual_seed(3)
    net = nn.Sequential(
        *(nn.BatchNorm1d(6), nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.BatchNorm1d(5), nn.Dropout()),
        *(nn.Linear(5, 4), nn.Hardtanh(), nn.Linear(4, 3), nn.Hardtanh(-2, 1)),
    )
    net(5 * torch.randn(40, 6) + 2)
    model = same(net, 3 * torch.randn(20, 6))
    assert isinstance(model, MLP) and model.activations == ("relu", "clip", "clip")
    assert model.sizes == (6, 5, 4, 3) and not np.allclose(model.input_scale, 1)


def test_weights_of_16_bits_are_read_whole():
    torch.manual_seed(4)
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).to(torch.bfloat16)
    x = torch.randn(20, 6)
    with torch.no_grad():
        theirs = net.float()(x).numpy()
    np.testing.assert_allclose(from_module(net.to(torch.bfloat16)).answers(x.numpy()), theirs, atol=1e-5)
    assert next(net.parameters()).dtype == torch.bfloat16, "the user's module stays"


REFUSED = {
    "layer norm": (
        nn.Sequential(nn.Linear(5, 7), nn.LayerNorm(7)),
        "1: LayerNorm divides by its own inputs' spread",
    ),
    "gelu": (Calls(nn.Linear(5, 7), F.gelu), "forward: gelu has a curve that no cell shows"),
    "product": (
        Calls(nn.Linear(5, 7), lambda x: x * x),
        "multiplies two values that both depend on the data",
    ),
    "ratio": (Calls(nn.Linear(5, 7), lambda x: 1 / x), "depend"),
    "own": (
        Calls(nn.Linear(5, 7), torch.cumsum_ if hasattr(torch, "cumsum_") else lambda x: x.cumsum(1)),
        "cumsum",
    ),
    "batch": (Calls(nn.Linear(5, 7), lambda x: x - x.mean()), "mixes the samples of a batch"),
    "way": (Calls(nn.Linear(5, 7), lambda x: x if x.sum() > 0 else -x), "torch.export cannot trace it"),
    "two results": (Calls(nn.Linear(5, 7), lambda x: (x, x)), "has 1 inputs and 2 outputs"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_counterpart_is_named(name):
    module, message = REFUSED[name]
    with pytest.raises(UnsupportedError, match=message):
        compiler.compile(module, example_inputs=torch.randn(2, 5))


def test_a_path_names_the_layer():
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True), 1
    )
    with pytest.raises(UnsupportedError, match=r"first\.layers\.0\.norm1: LayerNorm divides"):
        compiler.compile(Calls(encoder, torch.relu), example_inputs=torch.zeros(2, 3, 8))


def test_exported_files(tmp_path):
    torch.manual_seed(5)
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.AdaptiveMaxPool2d(2), nn.Flatten()
    ).eval()
    x = torch.randn(9, 2, 6, 6)
    for name, shapes in (("fixed", None), ("any", {"input": {0: torch.export.Dim.DYNAMIC}})):
        program = torch.export.export(net, (x[:3],), dynamic_shapes=shapes)
        path = tmp_path / f"{name}.pt2"
        torch.export.save(program, path)
        model = read_model_or_netlist(path, Options(head="regression"))
        with torch.no_grad():
            np.testing.assert_allclose(model.answers(rows(x)), net(x).numpy(), atol=1e-5)
    with pytest.raises(UnsupportedError, match="--activation has no meaning for an exported program"):
        read_model_or_netlist(path, Options(activation="relu"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError):
        read_model_or_netlist(path)


def test_a_pickle_in_an_exported_file_is_never_loaded(tmp_path):
    import zipfile

    path, bad = tmp_path / "good.pt2", tmp_path / "bad.pt2"
    net = nn.Linear(2, 2)
    torch.export.save(torch.export.export(net, (torch.zeros(2, 2),)), path)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(bad, "w") as changed:
        for name in whole.namelist():
            content = whole.read(name)
            changed.writestr(name, content.replace(b'"use_pickle": false', b'"use_pickle": true'))
    with pytest.raises(UnsupportedError, match="is a pickle, which could run any code"):
        read_model_or_netlist(bad)


def test_chains_of_images_go_on_tiles():
    torch.manual_seed(6)
    net = nn.Sequential(
        *(nn.Conv2d(2, 5, 3, padding=1), nn.BatchNorm2d(5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(5, 6, 3, stride=2, padding=1), nn.AvgPool2d(2), nn.Tanh(), nn.Flatten(), nn.Linear(6, 4)),
    )
    net(torch.rand(64, 2, 8, 8))
    x = torch.rand(20, 2, 8, 8)
    model = same(net, x)
    assert isinstance(model, FeedForward)
    tiles = on_tiles(model, Layout())
    np.testing.assert_allclose(tiles.network.answers(rows(x)), model.answers(rows(x)), atol=1e-12)
    for change, message in (
        (lambda x: x + torch.relu(x), "does not read the layer before it alone"),
        (nn.LeakyReLU(), "another activation than relu"),
        (nn.MaxPool2d(3, padding=1), "has padding"),
    ):
        with pytest.raises(UnsupportedError, match=message):
            on_tiles(from_module(Calls(net[0], change), example_inputs=x), Layout())


def test_checkpoints_in_dictionaries(tmp_path):
    torch.manual_seed(7)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    state = net.state_dict()
    x = np.random.default_rng(0).uniform(size=(9, 3))
    expected = from_state_dict(state, "tanh").answers(x)
    for k, held in enumerate(
        (
            {"state_dict": state, "epoch": 3},
            {"model": {f"module.{k}": v for k, v in state.items()}, "optimizer": {}},
            {"model_state_dict": state},
            {"net": {"state_dict": {f"_orig_mod.{k}": v for k, v in state.items()}}},
            {
                "fc1.weight": state["0.weight"],
                "fc1.bias": state["0.bias"],
                "head.weight": state["2.weight"],
                "head.bias": state["2.bias"],
            },
        )
    ):
        torch.save(held, tmp_path / f"{k}.pt")
        read = read_model_or_netlist(tmp_path / f"{k}.pt", Options(activation="tanh"))
        np.testing.assert_array_equal(read.answers(x), expected)


def test_programs_in_core_operators_are_the_same():
    """Of run_decompositions: sums out of place, pools with indices, normalisation with statistics."""
    torch.manual_seed(9)

    def function(x):
        y = F.max_pool2d(F.relu(x), 2)
        y += y.clone().flip(3)
        return F.log_softmax(y.flatten(1)[:, :20], 1)

    net = Calls(nn.Sequential(nn.Conv2d(2, 4, 3, padding="same"), nn.BatchNorm2d(4)), function)
    net(torch.rand(30, 2, 6, 6))
    net.eval()
    x = torch.rand(12, 2, 6, 6)
    program = torch.export.export(net, (x[:2],))
    found = [from_program(p) for p in (program, program.run_decompositions({}), program.run_decompositions())]
    answers = [model.answers(rows(x)) for model in found]
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])
    with torch.no_grad():
        theirs = net(x).numpy()
    np.testing.assert_array_equal(answers[0].argmax(1), theirs.argmax(1))
    assert np.ptp(answers[0] - theirs, axis=1).max() < 1e-5
