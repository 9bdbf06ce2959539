"""One small model of every family: four values in, three classes out where it decides."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.families.conv_hopfield import ConvHopfieldNetwork
from compiler.families.conv_langevin import ConvLangevinMachine
from compiler.families.denoising_chain import DenoisingChain
from compiler.families.gaussian import gaussian
from compiler.families.hopfield import HopfieldNetwork
from compiler.families.ising import from_edges
from compiler.families.langevin import LangevinMachine
from compiler.families.logic import LogicLayer, LogicNetwork
from compiler.families.mlp import MLP
from compiler.families.oscillator import OscillatorNetwork
from compiler.families.rbm import RBM
from compiler.families.resistive import ResistiveNetwork
from compiler.families.tables import TableLayer, TableNetwork
from compiler.families.tiled import graph_of_network
from compiler.ir.encoders import Thermometer
from compiler.ir.goals import Boltzmann, Grid
from compiler.ir.network import Network, Pooling, Weighted, Window

INPUTS, CLASSES = 4, 3
META = {"source": "toy", "note": [1, {"a": 2.5}]}


def models() -> dict[str, Any]:
    """By the names of the families; every one has facts in meta."""
    rng = np.random.default_rng(11)
    hidden = 5
    weights = (rng.normal(0.2, 0.5, (hidden, INPUTS)), rng.normal(0.1, 0.5, (CLASSES, hidden)))
    biases = (rng.normal(0.1, 0.2, hidden), rng.normal(0.1, 0.2, CLASSES))
    n = hidden + CLASSES
    coupling = rng.normal(0.0, 0.3, (n, n))
    np.fill_diagonal(coupling, 0.0)
    ends = np.triu_indices(4, 1)
    return {
        "mlp": MLP(weights, biases, ("tanh", "identity"), meta=META),
        "hopfield": HopfieldNetwork(weights, biases, relax_time=3.0, meta=META),
        "conv-hopfield": ConvHopfieldNetwork(
            (2, 2, 1),
            (rng.normal(0.1, 0.4, (2, 2, 1, 2)),),
            (1,),
            (0,),
            (rng.normal(0.1, 0.4, (CLASSES, 2)),),
            (rng.normal(0.1, 0.2, 2), rng.normal(0.1, 0.2, CLASSES)),
            relax_time=3.0,
            meta=META,
        ),
        "resistive": ResistiveNetwork(
            (rng.uniform(0.1, 1.0, (hidden, 2 * INPUTS)), rng.uniform(0.1, 1.0, (CLASSES, hidden))), meta=META
        ),
        "oscillator": OscillatorNetwork(weights, biases, start=0.3, relax_time=3.0, meta=META),
        "langevin": LangevinMachine(
            w_in=rng.normal(0.0, 1.0, (n, INPUTS)),
            coupling=coupling,
            bias=rng.normal(0.0, 0.3, n),
            j2=np.ones(n),
            j3=np.zeros(n),
            j4=np.full(n, 0.5),
            x0=np.zeros(n),
            n_out=CLASSES,
            input_shift=np.zeros(1),
            input_scale=np.ones(1),
            readout_scale=np.ones(CLASSES),
            readout_offset=np.zeros(CLASSES),
            kT=0.3,
            meta=META,
            training_readout_scale=2.5,
        ),
        "conv-langevin": ConvLangevinMachine(
            input_shape=(2, 2, 1),
            taps=rng.normal(0.1, 0.4, (2, 2, 1, 2)),
            stride=1,
            padding=0,
            front_bias=rng.normal(0.0, 0.3, 2),
            across=rng.normal(0.0, 0.3, (CLASSES + 1, 2)),
            coupling=(coupling + coupling.T)[: CLASSES + 1, : CLASSES + 1],
            bias=rng.normal(0.0, 0.3, CLASSES + 1),
            n_out=CLASSES,
            input_shift=np.zeros(1),
            input_scale=np.ones(1),
            kT=0.3,
            meta=META,
        ),
        "logic": LogicNetwork(
            (
                LogicLayer(
                    rng.normal(0.0, 1.0, (6, 4)).astype(np.float32),
                    None,
                    *(rng.integers(0, 8, (6, 2)).astype(np.int32) for _ in range(2)),
                    *(rng.normal(0.0, 1.0, (6, 2)).astype(np.float32) for _ in range(2)),
                ),
            ),
            Thermometer(
                INPUTS, np.repeat(np.arange(INPUTS), 2).astype(np.int32), np.tile([0.3, 0.6], INPUTS)
            ),
            CLASSES,
            1.5,
            meta=META,
        ),
        "tables": TableNetwork(
            (
                TableLayer(
                    rng.normal(0.0, 1.0, (6, 8)).astype(np.float32),
                    rng.integers(0, 8, (3, 6, 2)).astype(np.int32),
                    rng.normal(0.0, 1.0, (3, 6, 2)).astype(np.float32),
                    rng.integers(0, 3, (6, 8)).astype(np.int32),
                ),
            ),
            Thermometer(
                INPUTS, np.repeat(np.arange(INPUTS), 2).astype(np.int32), np.tile([0.3, 0.6], INPUTS)
            ),
            CLASSES,
            1.5,
            meta=META,
        ),
        "ising": from_edges(
            rng.normal(0.0, 0.5, 4),
            *ends,
            rng.normal(0.0, 0.5, 6),
            goal=Boltzmann(2, Grid(np.array([2, 0, 3, 1], np.int32), (2, 2))),
            offset=1.5,
            vartype="binary",
            names=("a", "b", "c", "d"),
            meta=META,
        ),
        "rbm": RBM(
            *(rng.normal(0.0, 0.5, shape).astype(np.float32) for shape in ((4, 3), (4,), (3,))),
            image_shape=(2, 2),
            meta=META,
        ),
        "denoising-chain": DenoisingChain(
            rng.normal(0.0, 0.3, (2, 4)),
            *(e.astype(np.int32) for e in ends),
            rng.normal(0.0, 0.3, (2, 6)),
            np.array([0.5, 1.0]),
            np.array([0, 3, 1, 2], np.int32),
            (2, 2),
            3,
            20,
            meta=META,
        ),
        "feedforward": graph_of_network(
            Network(
                (2, 2, 1),
                (
                    Weighted(
                        rng.normal(0.1, 0.4, (2, 4)), rng.normal(0.1, 0.2, 2), "relu", Window(2, 2, 1, 1)
                    ),
                    Pooling("max", Window(2, 2, 1)),
                    Weighted(rng.normal(0.1, 0.4, (CLASSES, 8)), rng.normal(0.1, 0.2, CLASSES)),
                ),
            ),
            META,
        ),
        "gaussian": gaussian(np.eye(3) * 2 + 0.3, np.array([0.5, -1.0, 0.2]), kT=0.2, meta=META),
    }
