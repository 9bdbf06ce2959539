"""Small networks trained on the digits in a second."""

from functools import cache
from typing import Any

import numpy as np

from compiler.families.feedforward import FeedForward
from compiler.families.mlp import MLP
from compiler.families.tiled import graph_of_network
from compiler.ir.network import Network, Weighted
from thermo.data import Dataset, load_dataset
from thermo.training.langevin.mlp import train_mlp
from toys.images import image_network


@cache
def digits() -> Dataset:
    return load_dataset("digits")


@cache
def digits_mlp() -> MLP:
    """64-24-10, ReLU."""
    return train_mlp(digits(), (24,), "relu", epochs=20, seed=0).model


@cache
def digits_cnn() -> FeedForward:
    """Convolutions as they were drawn, the dense layer behind them by least squares on the labels."""
    data, network = digits(), image_network(np.random.default_rng(1))
    front = network.layers
    # every unit of the second convolution, not their average alone
    body = (*front[:3], Weighted(np.eye(32), np.zeros(32)))
    seen = Network((8, 8, 1), body).answers(data.x_train)
    columns = np.c_[seen, np.ones(len(seen))]
    w = np.linalg.lstsq(columns.T @ columns + np.eye(33), columns.T @ np.eye(10)[data.y_train], rcond=None)[0]
    dense = Weighted(np.ascontiguousarray(w[:-1].T), w[-1])
    labels: Any = tuple(data.labels)
    return graph_of_network(Network((8, 8, 1), (*front[:3], dense), labels=labels))
