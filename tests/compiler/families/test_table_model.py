"""Networks of tables: their invariants, their files and what they become as circuits."""

from dataclasses import replace

import numpy as np
import pytest

import compiler
from compiler.circuits.evaluate import encode_bits, evaluate_classes
from compiler.circuits.from_tables import circuit_of
from compiler.counting import counts
from compiler.errors import NetlistError, UnsupportedError
from compiler.families.store import load_model, save_model
from compiler.families.tables import TableLayer, TableNetwork, lower_tables
from compiler.formats.detect import Options
from compiler.ir.encoders import Thermometer
from compiler.ir.kinds import equal


def layer(rng, tables, below, inputs, k=3):
    def floats(*shape):
        return rng.normal(size=shape).astype(np.float32)

    wires = rng.integers(0, below, (inputs, tables, k)).astype(np.int32)
    addressed = rng.integers(0, 3, (tables, 1 << inputs)).astype(np.int32)
    return TableLayer(floats(tables, 1 << inputs), wires, floats(inputs, tables, k), addressed)


def network(seed=0, inputs=(5, 3)):
    rng = np.random.default_rng(seed)
    encoder = Thermometer(6, np.repeat(np.arange(6), 2).astype(np.int32), np.tile([0.3, 0.6], 6))
    layers = layer(rng, 20, 12, inputs[0]), layer(rng, 15, 20, inputs[1])
    return TableNetwork(layers, encoder, 3, 2.5, ("x", "y", "z"), {"note": "toy"})


def scores_in_numpy(model, x):
    bits = given = x[:, model.encoder.feature] > model.encoder.threshold
    for number, one in enumerate(model.layers):
        read = np.concatenate([bits, given], axis=1) if number else bits
        address = sum(read[:, nets].astype(int) << j for j, nets in enumerate(one.chosen()))
        bits = one.hard()[np.arange(one.n_tables), address]
    return bits.reshape(x.shape[0], model.n_classes, -1).sum(axis=2) / model.tau


def test_circuit_answers_as_the_network():
    model, x = network(), np.random.default_rng(1).random((200, 6))
    circuit = lower_tables(model)
    assert circuit.n_luts == model.n_tables == 35 and circuit.k == 5
    want = scores_in_numpy(model, x)
    assert len(np.unique(want)) > 3
    for level in (0, 1, 2):
        made = compiler.compile(model, optimise=level)
        assert np.array_equal(evaluate_classes(circuit_of(made), encode_bits(made, x)), want)
    assert made.n_luts < 35 and counts(made)["tables"]["total"] == made.n_luts
    assert compiler.check_equal(circuit, compiler.compile(model), encoder=circuit.encoder).equal


def test_files_hold_it(tmp_path):
    model, path = network(), tmp_path / "m.safetensors"
    save_model(model, path)
    again = load_model(path)
    assert equal(lower_tables(again), lower_tables(model))
    assert np.array_equal(again.layers[1].addressed, model.layers[1].addressed)
    unknown = replace(model, layers=tuple(replace(one, addressed=None) for one in model.layers))
    save_model(unknown, path)
    assert load_model(path).layers[0].addressed is None


def test_higher_layers_may_read_input_bits(tmp_path):
    model, rng = network(), np.random.default_rng(3)
    model = replace(model, layers=(model.layers[0], layer(rng, 15, 20 + 12, 3)), skips=True)
    x, circuit = np.random.default_rng(1).random((200, 6)), lower_tables(model)
    read = circuit.fanins[20:, :3]
    assert (read < 12).any() and (read >= 12).any()
    want = scores_in_numpy(model, x)
    for level in (0, 2):
        made = compiler.compile(model, optimise=level)
        assert np.array_equal(evaluate_classes(circuit_of(made), encode_bits(made, x)), want)
    save_model(model, tmp_path / "m.safetensors")
    back = load_model(tmp_path / "m.safetensors")
    assert back.skips and equal(lower_tables(back), circuit)
    with pytest.raises(NetlistError, match="candidates must be nets of the layer below, 0 to 19, got"):
        replace(model, skips=False)


def test_free_entries_change_where_samples_are_rare_alone():
    model = network()
    plain, free = lower_tables(model), lower_tables(model, free=0)
    changed = plain.table ^ free.table
    assert changed.any()
    rare = [one.addressed == 0 for one in model.layers]
    for t in range(20):
        bits = (int(changed[t]) >> np.arange(32) & 1).astype(bool)
        assert not bits[~rare[0][t]].any()
    more = counts(circuit_of(lower_tables(model, free=1)))["gates"]["two_input"]
    some, all_ = (counts(circuit_of(n))["gates"]["two_input"] for n in (free, plain))
    assert more < some < all_
    with pytest.raises(NetlistError, match="a number >= 0, got -1"):
        lower_tables(model, free=-1)
    unknown = replace(model, layers=tuple(replace(one, addressed=None) for one in model.layers))
    with pytest.raises(NetlistError, match=r"layer 0 does not say which entries .*; leave --free out"):
        lower_tables(unknown, free=0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda m: replace(m, layers=()), "there are no layers"),
        (lambda m: replace(m, tau=0.0), "tau must be a number above 0"),
        (lambda m: replace(m, labels=("a",)), "1 labels for 3 classes"),
        (lambda m: replace(m, n_classes=4), "the 15 tables of the last layer must be equal blocks"),
        (lambda m: replace(m, layers=m.layers[::-1]), "candidates must be nets of the layer below, 0 to 11"),
        (
            lambda m: replace(m.layers[0], table=m.layers[0].table[:, :8]),
            r"table must be float32 of shape \(20, 32\), got float32 of shape \(20, 8\)",
        ),
        (lambda m: replace(m.layers[0], wires=m.layers[0].wires[:1]), "2 to 6 inputs, got shape"),
        (lambda m: replace(m.layers[0], table=m.layers[0].table * np.float32(np.nan)), "not finite"),
    ],
)
def test_what_is_wrong_is_named(change, told):
    with pytest.raises(NetlistError, match=told):
        change(network())


def test_only_tables_become_gates_on_demand(tmp_path):
    path = tmp_path / "m.safetensors"
    save_model(network(), path)
    assert compiler.read_model_or_netlist(path, Options(as_="gates")).n_tables == 35
    with pytest.raises(UnsupportedError, match="--as ising has no meaning for it"):
        compiler.read_model_or_netlist(path, Options(as_="ising"))
