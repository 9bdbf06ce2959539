"""Whole layers of spins at once: the law of the graph sampler, and a chain of such models."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from compiler.families.ising import from_edges
from compiler.ir.goals import Boltzmann
from thermo.data import load_dataset
from thermo.training.ebm.boltzmann import train_denoising
from thermo.training.ebm.boltzmann_config import BoltzmannConfig
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.graph import GraphSampler, place_on_grid
from thermo.training.ebm.samples import draw_samples
from thermo.training.ebm.two_layers import LayerSampler, sampler_of

CHAINS = 20_000
Z = 4.5  # standard errors: of 11 moments one is beyond in 1e4 runs


def model_of():
    rng = np.random.default_rng(0)
    i, j = np.indices((3, 2)).reshape(2, -1)
    h, w = 0.5 * rng.standard_normal(5), 0.6 * rng.standard_normal(6)
    return from_edges(h, i, j + 3, w, vartype="binary", goal=Boltzmann(3))


@pytest.mark.parametrize("turn", [1.0, -1.0])
def test_layers_are_sampled_from_the_models_law(turn):
    model = model_of()
    sampler = sampler_of(model, 3)
    assert isinstance(sampler, LayerSampler)
    above = np.tile(np.array([1, -1, 1], np.int8), (CHAINS, 1))
    fields = sampler.fields(above, 0.7)
    found = sampler.moments(
        sampler.sweep(sampler.random(CHAINS, 0, 0), 30, 0, 0, fields=turn * fields if turn < 0 else fields)
    )
    states = np.array(list(itertools.product([-1, 1], repeat=5)))
    drive = model.h + np.concatenate([0.7 * above[0], np.zeros(2)])
    pairs = states[:, model.row] * states[:, model.col]
    p = np.exp(states @ drive + pairs @ model.J)
    p /= p.sum()
    worst = max(
        np.abs((got - p @ of) / np.sqrt((1 - (p @ of) ** 2) / CHAINS)).max()
        for got, of in zip(found, (states, pairs), strict=True)
    )
    assert (worst < Z) == (turn > 0)  # a machine with its fields turned is found out


def test_products_are_those_of_the_graph_sampler():
    model = model_of()
    layers, graph = sampler_of(model, 3), GraphSampler(model, 3, 1)
    a, b = layers.random(50, 0, 0), layers.random(50, 0, 1)
    for mine, its in zip(layers.moments(a), graph.moments(a), strict=True):
        assert mine == pytest.approx(its, abs=1e-6)
    values = np.linspace(-1, 1, 5)
    assert layers.across(model.J, values) == pytest.approx(graph.across(model.J, values), abs=1e-12)
    assert layers.apart(a, b) == pytest.approx(graph.apart(a, b), abs=1e-6)
    held = layers.sweep(a, 3, 0, 0, clamped=True)
    assert np.array_equal(held[:, :3], a[:, :3]) and not np.array_equal(held, a)


def test_a_chain_of_layers():
    digits = load_dataset("digits")
    config = BoltzmannConfig(rule="layers", side=10, steps=2, sweeps=3, epochs=1, batches=3, penalty=0.02)
    chain = train_denoising(digits, config).model
    assert chain.row.size == 64 * 36 and chain.place.size == 100
    assert draw_samples(chain, 10).bits.shape == (10, 64)
    with pytest.raises(EbmError, match="leaves no cell"):
        place_on_grid(64, "layers", 8)
