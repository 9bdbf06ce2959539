"""Twelve networks that users bring, and some that cannot be lowered: the machine's decisions beside theirs.

    python benchmarks/networks.py [--samples 1000] [--only NAME]

Needs torch, onnx and, of one row, keras (pip install 'thermoc[interop]' keras). Networks are trained briefly
on the digits (8 x 8, or enlarged to 28 x 28 and 32 x 32 x 3), the autoencoder on what it is given.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import compiler
from thermo import simulate

SAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Brought:
    """source : what is given to compile; options : beside it
    x : (n, n_inputs) rows as the machine takes them
    y : (n, n_answers) what the original answers, or (n,) what it decides
    """

    source: Any
    x: np.ndarray
    y: np.ndarray
    options: Any = None


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """(1797, 8, 8) from 0 to 1, and their classes."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.images / 16).astype(np.float32), found.target


def enlarged(side: int, channels: int = 1) -> np.ndarray:
    """(1797, channels, side, side): bilinear, the channels brighter and darker."""
    import torch

    x = torch.tensor(digits()[0])[:, None]
    x = torch.nn.functional.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)
    return torch.cat([x * (1 - 0.3 * c) + 0.1 * c for c in range(channels)], 1).numpy()


def trained(module: Any, x: Any, y: Any, steps: int, *, rate: float = 3e-3, loss: str = "class") -> Any:
    """The module after some steps of Adam on batches of 64, in its state of evaluation."""
    import torch

    x, y = torch.as_tensor(x), torch.as_tensor(y)
    criterion = torch.nn.CrossEntropyLoss() if loss == "class" else torch.nn.MSELoss()
    optimiser = torch.optim.Adam(module.parameters(), lr=rate)
    order = torch.Generator().manual_seed(0)
    module.train()
    for _ in range(steps):
        some = torch.randint(0, len(x), (64,), generator=order)
        optimiser.zero_grad()
        criterion(module(x[some]), y[some]).backward()
        optimiser.step()
    return module.eval()


def answered(module: Any, x: Any) -> np.ndarray:
    import torch

    with torch.no_grad():
        parts = [module(part).numpy() for part in torch.as_tensor(x).split(256)]
    return np.concatenate(parts).reshape(len(x), -1)


def rows(x: np.ndarray) -> np.ndarray:
    """As the machine takes them: channels innermost."""
    return x.transpose(0, 2, 3, 1).reshape(len(x), -1) if x.ndim == 4 else x.reshape(len(x), -1)


def from_torch(module: Any, x: np.ndarray, n: int, **options: Any) -> Brought:
    chosen = compiler.Options(example_inputs=x[:2], **options)
    return Brought(module, rows(x[:n]), answered(module, x[:n]), chosen)


def mlp_with_batch_norm(n: int, folder: Path) -> Brought:
    from torch import nn

    x, y = digits()
    x = x.reshape(-1, 64)
    net = nn.Sequential(
        *(nn.Linear(64, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Dropout(0.2)),
        *(nn.Linear(48, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10)),
    )
    return from_torch(trained(net, x, y, 150), x, n)


def lenet(n: int, folder: Path) -> Brought:
    from torch import nn

    x, y = enlarged(28), digits()[1]
    net = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )
    return from_torch(trained(net, x, y, 80), x, n)


def resnet8(n: int, folder: Path) -> Brought:
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(after)
            self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(after)
            self.shortcut = nn.Sequential()
            if stride != 1 or before != after:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
                )

        def forward(self, x: Any) -> Any:
            y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
            y += self.shortcut(x)
            return torch.relu(y)

    class ResNet8(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
            self.layer1, self.layer2, self.layer3 = Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2)
            self.linear = nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            x = torch.relu(self.bn1(self.conv1((x - 0.5) / 0.25)))
            x = self.layer3(self.layer2(self.layer1(x)))
            return self.linear(x.mean(dim=(2, 3)))

    x, y = enlarged(32, 3), digits()[1]
    return from_torch(trained(ResNet8(), x, y, 15), x, n)


def conv_1d(n: int, folder: Path) -> Brought:
    from torch import nn

    x, y = digits()
    x = x.reshape(-1, 2, 32)
    net = nn.Sequential(
        *(nn.Conv1d(2, 12, 5, stride=2, padding=2), nn.BatchNorm1d(12), nn.LeakyReLU(0.1)),
        *(nn.Conv1d(12, 16, 3, dilation=2, padding=2), nn.ReLU(), nn.MaxPool1d(2)),
        *(nn.Flatten(), nn.Linear(128, 10)),
    )
    return from_torch(trained(net, x, y, 150), x, n)


def grouped(n: int, folder: Path) -> Brought:
    from torch import nn

    x, y = enlarged(16, 2), digits()[1]
    net = nn.Sequential(
        *(nn.Conv2d(2, 16, 3, stride=2, padding=1, groups=2), nn.BatchNorm2d(16), nn.ReLU6()),
        *(nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.Conv2d(16, 24, 1), nn.BatchNorm2d(24), nn.ReLU6()),
        *(nn.Conv2d(24, 24, (3, 1), stride=(2, 1), padding=(1, 0), groups=4), nn.Sigmoid()),
        *(nn.AdaptiveAvgPool2d((2, 3)), nn.Flatten(), nn.Linear(144, 10)),
    )
    return from_torch(trained(net, x, y, 120, rate=1e-2), x, n)


def max_pool(n: int, folder: Path) -> Brought:
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
            self.pool = nn.MaxPool2d(3, stride=2, padding=1)
            self.out = nn.Linear(48, 10)

        def forward(self, x: Any) -> Any:
            x = self.pool(torch.relu(self.a(x)))
            x = torch.relu(nn.functional.max_pool2d(self.b(x), 2))
            both = torch.cat([x.amax(dim=(2, 3)), x.mean(dim=(2, 3)), torch.maximum(x, 1 - x)[:, :, 0, 0]], 1)
            return self.out(both)

    x, y = enlarged(16), digits()[1]
    return from_torch(trained(Net(), x, y, 150), x, n)


def clamped(n: int, folder: Path) -> Brought:
    """An exported program in a file, as `torch.export.save` writes it."""
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(64, 40), nn.Linear(40, 32), nn.Linear(32, 10)
            self.step = nn.Hardtanh(-0.5, 2.0)

        def forward(self, x: Any) -> Any:
            x = self.step(self.a((x - 0.3) * 2))
            return self.c(self.b(x).clamp(min=-1.0) + x[:, :32])

    x, y = digits()
    x = x.reshape(-1, 64)
    net = trained(Net(), x, y, 150)
    torch.export.save(torch.export.export(net, (torch.as_tensor(x[:2]),)), folder / "clamped.pt2")
    return Brought(folder / "clamped.pt2", x[:n], answered(net, x[:n]))


def autoencoder(n: int, folder: Path) -> Brought:
    from torch import nn

    x = enlarged(16)
    net = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, stride=2, padding=1)),
        *(nn.Tanh(), nn.ConvTranspose2d(4, 8, 4, stride=2, padding=1), nn.ReLU()),
        *(nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1), nn.Sigmoid()),
    )
    return from_torch(trained(net, x, x, 200, loss="squared"), x, n, head="regression")


def keras_onnx(n: int, folder: Path) -> Brought:
    """As tf2onnx writes Keras: channels last, transposed around convolutions, matrices with sums behind."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {
        "mean": np.array([0.3], np.float32),
        "k1": rng.normal(0, 0.5, (8, 1, 3, 3)).astype(np.float32),
        "b1": rng.normal(0, 0.1, 8).astype(np.float32),
        "gamma": rng.uniform(0.5, 1.5, 8).astype(np.float32),
        "beta": rng.normal(0, 0.1, 8).astype(np.float32),
        "moving_mean": rng.normal(0, 0.2, 8).astype(np.float32),
        "moving_variance": rng.uniform(0.5, 1.5, 8).astype(np.float32),
        "k2": rng.normal(0, 0.2, (12, 8, 3, 3)).astype(np.float32),
        "low": np.float32(0),
        "high": np.float32(6),
        "shape": np.array([-1, 48]),
        "w": np.zeros((48, 10), np.float32),
        "b": np.zeros(10, np.float32),
    }
    steps: list[tuple[str, str, str, dict[str, Any]]] = [
        ("Sub", "x mean", "centred", {}),
        ("Transpose", "centred", "first", {"perm": [0, 3, 1, 2]}),
        ("Conv", "first k1 b1", "c1", {"auto_pad": "SAME_UPPER", "strides": [2, 2], "kernel_shape": [3, 3]}),
        ("BatchNormalization", "c1 gamma beta moving_mean moving_variance", "n1", {"epsilon": 1e-3}),
        ("Clip", "n1 low high", "r1", {}),
        ("Conv", "r1 k2", "c2", {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}),
        ("Relu", "c2", "r2", {}),
        ("MaxPool", "r2", "p2", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Transpose", "p2", "last", {"perm": [0, 2, 3, 1]}),
        ("Reshape", "last shape", "flat", {}),
        ("MatMul", "flat w", "m", {}),
        ("Add", "m b", "logits", {}),
        ("Softmax", "logits", "y", {"axis": -1}),
    ]

    def model(last: str, shape: list[Any]) -> Any:
        """The graph as far as what is called so."""
        made = steps[: [name for _, _, name, _ in steps].index(last) + 1]
        nodes = [helper.make_node(op, reads.split(), [out], name=out, **how) for op, reads, out, how in made]
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, size)
            for name, size in (("x", ["n", 8, 8, 1]), (last, shape))
        ]
        held = [numpy_helper.from_array(v, k) for k, v in arrays.items()]
        graph = helper.make_graph(nodes, "keras", ends[:1], ends[1:], held)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

    images, classes = digits()
    (seen,) = ReferenceEvaluator(model("flat", ["n", 48])).run(None, {"x": images[..., None]})
    # random kernels, read out by least squares
    columns = np.c_[seen, np.ones(len(seen))].astype(np.float64)
    squares = columns.T @ columns + np.eye(49)
    out = np.linalg.solve(squares, columns.T @ np.eye(10)[classes]).astype(np.float32)
    arrays |= {"w": out[:-1], "b": out[-1]}
    onnx.save(model("y", ["n", 10]), folder / "keras.onnx")
    x = images[:n, :, :, None]
    (y,) = ReferenceEvaluator(str(folder / "keras.onnx")).run(None, {"x": x})
    return Brought(folder / "keras.onnx", x.reshape(len(x), -1), y)


def keras_file(n: int, folder: Path) -> Brought:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    start = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(start)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    y = layers.Conv2D(8, 1, activation="tanh")(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.MaxPooling2D()(layers.Add()([x, y]))
    x = layers.Concatenate()([layers.Flatten()(x), layers.GlobalAveragePooling2D()(x)])
    model = keras.Model(start, layers.Dense(10, activation="softmax")(layers.Dropout(0.2)(x)))
    model.compile("adam", "sparse_categorical_crossentropy")
    images, classes = digits()
    model.fit(images[..., None], classes, batch_size=64, epochs=2, verbose=0)
    model.save(folder / "model.keras")
    x = images[:n, :, :, None]
    return Brought(folder / "model.keras", x.reshape(len(x), -1), model.predict(x, verbose=0))


def sklearn_search(n: int, folder: Path) -> Brought:
    import warnings

    from sklearn.decomposition import PCA
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = digits()
    x = x.reshape(-1, 64).astype(np.float64)
    pipeline = make_pipeline(
        StandardScaler(), PCA(24), MLPClassifier((32,), activation="tanh", max_iter=30, random_state=0)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few rounds need not converge
        search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1e-1]}, cv=2).fit(x[:600], y[:600])
    return Brought(search, x[:n], search.predict(x[:n]))


def bf16_state(n: int, folder: Path) -> Brought:
    """A checkpoint of bfloat16, wrapped in a dictionary as training loops write it."""
    import torch
    from torch import nn

    x, y = digits()
    x = x.reshape(-1, 64)
    net = trained(nn.Sequential(nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, 10)), x, y, 150)
    held = {f"module.{k}": v.to(torch.bfloat16) for k, v in net.state_dict().items()}
    torch.save({"state_dict": held, "epoch": 3, "optimizer": {"lr": 1e-3}}, folder / "checkpoint.pt")
    rounded = net.to(torch.bfloat16).float()
    options = compiler.Options(activation="relu")
    return Brought(folder / "checkpoint.pt", x[:n], answered(rounded, x[:n]), options)


NETWORKS: dict[str, Callable[[int, Path], Brought]] = {
    "3-layer MLP, BatchNorm": mlp_with_batch_norm,
    "LeNet, 28 x 28": lenet,
    "ResNet-8, 32 x 32 x 3": resnet8,
    "1-D convolutions, dilated": conv_1d,
    "grouped, strided, depthwise": grouped,
    "overlapping max pooling": max_pool,
    "hardtanh and clamp, .pt2": clamped,
    "autoencoder (regression)": autoencoder,
    "Keras-like .onnx": keras_onnx,
    "Keras functional, .keras": keras_file,
    "scikit-learn grid search": sklearn_search,
    "bf16 state dict, wrapped": bf16_state,
}


def refused() -> dict[str, tuple[Any, np.ndarray]]:
    """Modules that cannot be lowered, and a batch of what they take."""
    from torch import nn

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(8, 4, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.lstm(x)[0][:, -1]

    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1)
    one = np.zeros((2, 5, 8), np.float32)
    return {
        "transformer": (nn.Sequential(nn.Linear(8, 8), encoder), one),
        "GELU": (nn.Sequential(nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 2)), one[:, 0]),
        "LayerNorm": (nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 2)), one[:, 0]),
        "softmax inside": (nn.Sequential(nn.Linear(8, 8), nn.Softmax(1), nn.Linear(8, 2)), one[:, 0]),
        "LSTM": (Last(), one),
    }


def compared(brought: Brought, method: str = "rest") -> dict[str, Any]:
    """Agreement, the largest difference of answers (in regressions), the machine's size, and seconds."""
    began = time.perf_counter()
    netlist = compiler.compile(brought.source, options=brought.options)
    compiled = time.perf_counter()
    result: Any = simulate(netlist, brought.x, method=method)
    done = time.perf_counter()
    found = {
        "cells": netlist.n_cells,
        "couplings": len(netlist.couplings[0]),
        "parameters": netlist.couplings[0].weight.size,
        "compile": compiled - began,
        "run": done - compiled,
        "levels": result.n_steps,
    }
    if netlist.readout.decision == "value":
        return found | {"agree": None, "error": float(np.abs(result.answers() - brought.y).max())}
    decided = result.predictions()
    labels = netlist.readout.labels
    theirs = brought.y if brought.y.ndim == 1 else brought.y.argmax(axis=1)
    ours = np.array(labels).astype(theirs.dtype)[decided] if brought.y.ndim == 1 else decided
    return found | {"agree": int((ours == theirs).sum()), "error": None}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--only", default=None)
    given = parser.parse_args()
    print(f"{'network':28} {'cells':>8} {'couplings':>11} {'tied to':>9} {'compile':>8} {'run':>7}  same")
    for name, make in NETWORKS.items():
        if given.only is not None and given.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            brought = seeded(make, given.samples, Path(folder))
            row = compared(brought)
        same = (
            f"{row['agree']:,} of {len(brought.x):,}"
            if row["error"] is None
            else f"within {row['error']:.1e}"
        )
        sizes = f"{row['cells']:8,} {row['couplings']:11,} {row['parameters']:9,}"
        print(f"{name:28} {sizes} {row['compile']:6.1f} s {row['run']:5.1f} s  {same}", flush=True)
    if given.only is None:
        for name, (module, batch) in refused().items():
            try:
                compiler.compile(module, example_inputs=batch)
            except compiler.UnsupportedError as error:
                print(f"{name}: {error}")


def seeded(make: Callable[[int, Path], Brought], n: int, folder: Path) -> Brought:
    try:
        import torch

        torch.manual_seed(0)
    except ImportError:
        pass
    return make(n, folder)


if __name__ == "__main__":
    main()
