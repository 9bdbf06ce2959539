"""Joules per generated sample, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.families.denoising_chain import DenoisingChain
from compiler.families.ising import from_edges
from compiler.families.rbm import RBM
from compiler.ir.problem import Boltzmann
from hw_models.pbits import PBITS
from hw_models.source import Quantity, Source
from hw_models.topologies import Topology
from thermo.energy.samples import sample_energy


def figure(value, unit="J"):
    return Quantity(value, unit, Source("assumed", "a test"))


UNITS = replace(
    PBITS.get("pbit-cmos"),
    name="units",
    rng_energy=figure(1.0),
    bias_energy=figure(10.0),
    clock_energy=figure(100.0),
    pitch=figure(2.0, "m"),
    wire_capacitance=figure(3.0, "F/m"),
    signal_voltage=figure(4.0, "V"),
    write_energy=figure(1e3),
    read_energy=figure(1e4),
    update_time=figure(0.5, "s"),
)


def test_a_published_layer_is_of_this_size():
    """1.96 nJ a layer of 70 x 70 cells and image (second-hand): some 1,600 aJ x 250 sweeps."""
    edges = Topology("g12", (70, 70)).graph().edges
    chain = DenoisingChain(
        np.zeros((1, 4900)),
        edges[:, 0],
        edges[:, 1],
        np.zeros((1, len(edges))),
        np.ones(1),
        np.arange(4900, dtype=np.int32),
        (70, 70),
        784,
        250,
    )
    total = sample_energy(chain, PBITS.get("pbit-cmos"), activity=0.5).energy.total
    assert 0.5 < total / 1.96e-9 < 2.0


def test_counts_of_models():
    line = from_edges(np.zeros(4), [0, 1, 2], [1, 2, 3], [1.0, 1.0, 1.0], goal=Boltzmann(2))
    found = sample_energy(line, UNITS, sweeps=10)
    # a square of 2 x 2: wires 0-1 and 2-3 are one pitch long, 1-2 two
    assert found.updates == 40 and found.energy.rng == 40
    assert found.energy.bias == 10 * 6 * 10  # every coupling is an input at both of its ends
    assert found.energy.neighbour == pytest.approx(10 * 2 * 4 * 2 * 0.5 * 3 * 16)
    assert found.energy.read == 2e4 and found.energy.write == 0
    assert found.seconds == 10 * 2 * 0.5
    rbm = RBM(np.zeros((4, 1)), np.zeros(4), np.zeros(1))
    found = sample_energy(rbm, UNITS, sweeps=3)
    # hidden cell at column 2: 2 + 1 + 3 + 2 pitches from the four visible ones
    assert found.energy.neighbour == pytest.approx(3 * 2 * 8 * 2 * 0.5 * 3 * 16)
    assert found.energy.bias == 3 * 8 * 10
    chain = DenoisingChain(
        np.zeros((2, 4)),
        np.array([0]),
        np.array([3]),
        np.zeros((2, 1)),
        np.ones(2),
        np.arange(4, dtype=np.int32),
        (2, 2),
        2,
        5,
    )
    found = sample_energy(chain, UNITS)
    assert found.updates == 4 * 5 * 2 and found.energy.write == 4e3 and found.energy.read == 4e4
    assert found.energy.bias == 10 * 10 * (2 + 2)  # and a coupling to each noisier bit
    assert sample_energy(chain, UNITS, sweeps=10).updates == 80
