"""Tables shared by all places: where they are applied, what they learn from, the circuit that comes out."""

from dataclasses import replace

import numpy as np
import pytest

from compiler import load, save
from compiler.circuits.encoder import code_bits, features_read, grid_of, inputs_read, with_encoder
from compiler.circuits.encoder_builder import EncoderBuilder
from compiler.circuits.evaluate import evaluate_classes
from compiler.counting import shared_counts
from compiler.families.logic import lower_logic
from compiler.families.store import load_model, save_model
from compiler.ir.encoders import same_encoder
from thermo.data import Dataset
from thermo.simulate import simulate
from thermo.training import TrainingError
from thermo.training.logic import LogicConfig, train_logic
from thermo.training.logic import patch_training as training
from thermo.training.logic.encoder import bit_source
from thermo.training.logic.local_bits import local_kinds, planes_of
from thermo.training.logic.offered_bits import patches_of
from thermo.training.logic.patch_training import BankTrainer, learn_bank
from thermo.training.logic.patches import applied
from thermo.training.tiles import Tiles

CONFIG = LogicConfig(
    layers=(40,),
    k=8,
    encoder="counts",
    offsets=1,
    coarse=0,
    cuts=1,
    patches=5,
    patch_size=2,
    patch_inputs=3,
    patch_epochs=1,
    epochs=6,
    batch=32,
    tau=2.0,
)


def textures(n=300, side=16):
    """Two classes of noise of blocks 2x2: a block's neighbour to the right is alike in one, its opposite in
    the other. Every block is as often bright as dark in both.
    """
    rng = np.random.default_rng(0)
    y = np.tile([0, 1], n // 2)
    left = rng.integers(0, 2, (n, side // 2, side // 2))
    blocks = left.copy()
    for x in range(2, side // 2, 2):  # pairs of columns 1 and 2, 3 and 4, ... lie across windows of 4x4
        blocks[:, :, x] = blocks[:, :, x - 1] ^ y[:, None]
    x = np.kron(60 + 120 * blocks, np.ones((1, 2, 2), int)) + rng.integers(0, 20, (n, side, side))
    x = (x.reshape(n, -1) / 255).astype(np.float32)
    a, b = n * 2 // 3, n * 5 // 6
    parts = x[:a], y[:a], x[a:b], y[a:b], x[b:], y[b:]
    return Dataset("textures", *parts, 2, (side, side), ("alike", "opposite"), "made up")


@pytest.fixture(scope="module")
def pictures():
    return textures()


def test_a_bank_is_applied_at_every_place(pictures):
    patches = patches_of(pictures, CONFIG)
    bank = learn_bank(pictures, replace(CONFIG, patch_epochs=0), patches)
    kinds, height, width = patches.shape
    assert (height, width) == (8, 8) and patches.n_taps == 4 * kinds
    x = pictures.x_valid
    builder = EncoderBuilder(pictures.n_features)
    seen = local_kinds(builder, planes_of(builder, x, (16, 16, 1)), CONFIG)
    found = applied(builder, seen, bank, CONFIG)
    for local in found:
        for thing in local.thing[local.thing >= 0].tolist():
            builder.bit(thing)
    encoder = builder.build()
    assert encoder.shared.n_tables <= 5 and encoder.shared.n_applied == 5 * 49
    bits = encoder.bits(x).reshape(x.shape[0], 5, 7, 7)
    # by hand, of local bits that the patches' own encoder would make of these bounds
    own = EncoderBuilder(pictures.n_features)
    plain = type(patches).of(own, local_kinds(own, planes_of(own, x, (16, 16, 1)), CONFIG), CONFIG)
    every = plain.encoder.bits(x).reshape(x.shape[0], kinds, height, width)
    for k in range(5):
        address = np.zeros((x.shape[0], 7, 7), int)
        for j, (c, row, column) in enumerate(bank.taps[k]):
            address |= every[:, c, row : row + 7, column : column + 7].astype(int) << j
        assert np.array_equal(bits[:, k], bank.entries[k][address])
        # at the middle of the patch, for the windows
        assert np.array_equal(found[k].ones[:, 2::2, 2::2], bits[:, k])
        assert (found[k].thing[2::2, 2::2] >= 0).all() and (found[k].thing >= 0).sum() == 49


def autodiff(trainer, images, labels):
    """(by logits, by scores, by the classifier's weights) of the mean loss, by JAX; images (n, n_bits)."""
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    layer, (kinds, height, width) = trainer.layer, trainer.patches.shape
    n, size, (rows, columns) = layer.n_tables, trainer.patches.size, trainer.patches.places
    every = images.reshape(-1, kinds, height, width)
    taps = np.stack(
        [
            every[:, c, i : i + rows, j : j + columns]
            for c in range(kinds)
            for i in range(size)
            for j in range(size)
        ],
        axis=-1,
    ).astype(np.float32)
    scores = layer.scores[:, :, : layer.k].transpose(1, 0, 3, 2).reshape(layer.inputs, -1, layer.k)[:, :n]

    plain = [
        every[:, :, i : i + trainer.side, j : j + trainer.side].sum(axis=(2, 3))
        for i in trainer.beside[0]
        for j in trainer.beside[1]
    ]
    plain = np.stack(plain, axis=2).reshape(images.shape[0], -1).astype(np.float32)

    def loss(table, scores, weight):
        soft, hard = jax.nn.sigmoid(table), (table > 0).astype(jnp.float32)
        y = h = None
        for j in range(layer.inputs):
            mixed = jnp.einsum("bijt,kt->bijk", taps, jax.nn.softmax(scores[j], axis=1))
            best = taps[..., jnp.argmax(scores[j], axis=1)]
            a = jax.lax.stop_gradient(best - mixed) + mixed
            y = soft if y is None else y
            h = hard if h is None else h
            # input j is bit j: of neighbours in the table the second has it set
            y, h = (t[..., 0::2] * (1 - a[..., None]) + t[..., 1::2] * a[..., None] for t in (y, h))
        out = jax.lax.stop_gradient(h - y)[..., 0] + y[..., 0]
        windows = [
            out[:, i : i + trainer.side, j : j + trainer.side].sum(axis=(1, 2))
            for i in trainer.starts[0]
            for j in trainer.starts[1]
        ]
        counts = jnp.stack(windows, axis=2).reshape(out.shape[0], -1)
        logits = jnp.concatenate([counts, plain], axis=1) @ weight + trainer.bias
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()

    given = layer.table[:n], scores, trainer.weight
    return [np.asarray(g) for g in jax.grad(loss, argnums=(0, 1, 2))(*map(jnp.asarray, given))]


def test_gradients_are_those_of_autodiff(pictures, monkeypatch):
    """Derivatives are rounded at random: their mean over R steps is within 5 standard errors, of some 200
    numbers, of JAX's; a twin with two classes' weights exchanged is not.
    """
    monkeypatch.setattr(training, "PLACES", 49)
    config = replace(CONFIG, patch_epochs=1)
    patches = patches_of(pictures, config)
    trainer = BankTrainer(pictures, config, patches)
    layer, n, rng = trainer.layer, 5, np.random.default_rng(1)
    p = rng.integers(30, 98, layer.table.shape) / 127  # slopes are kept in steps of 1 / 127
    table = np.log(p / (1 - p)).astype(np.float32)
    weight = rng.normal(0, 0.1, trainer.weight.shape).astype(np.float32)
    scores = layer.scores.copy()
    every = trainer.images.valid_epoch()
    found = []
    for r in range(40):
        layer.table[:], layer.scores[:], trainer.weight[:] = table, scores, weight
        layer.choose()
        for array in (layer.table_m, layer.table_v, layer.scores_m, layer.scores_v, *trainer.moments):
            array[:] = 0
        trainer.step = 0
        trainer.bias[:] = 0
        trainer.learn(every, slice(0, 50), np.random.default_rng(r))
        by = layer.scores_m[:, :, : layer.k].transpose(1, 0, 3, 2).reshape(layer.inputs, -1, layer.k)[:, :n]
        by_weight = trainer.moments[0] * trainer.side**2  # of counts, not of shares
        found.append([(a / 0.1).astype(float).ravel() for a in (layer.table_m[:n], by, by_weight)])
    layer.table[:], layer.scores[:], trainer.weight[:], trainer.bias[:] = table, scores, weight, 0
    layer.choose()
    images = patches.encoder.bits(pictures.x_valid)
    exact = autodiff(trainer, images, pictures.y_valid)
    trainer.weight[:] = weight[:, ::-1]
    twin = autodiff(trainer, images, pictures.y_valid)
    for part, (right, wrong) in enumerate(zip(exact, twin, strict=True)):
        steps = np.array([step[part] for step in found])
        error = 5 * steps.std(axis=0) / np.sqrt(len(steps)) + 1e-6
        assert np.all(np.abs(steps.mean(axis=0) - right.ravel()) < error)
        assert not np.all(np.abs(steps.mean(axis=0) - wrong.ravel()) < error)


def test_tables_learn_what_no_count_of_local_bits_shows(pictures):
    config = replace(CONFIG, offsets=0, patches=16, patch_inputs=2, patch_epochs=80)

    def share_right(data):
        trainer = BankTrainer(data, config, patches_of(data, config))
        with Tiles(1) as tiles:
            for epoch in range(config.patch_epochs):
                trainer.one_pass(epoch, tiles)
        return trainer.seen[1] / data.y_train.size

    shuffled = replace(pictures, y_train=np.random.default_rng(3).permutation(pictures.y_train))
    assert share_right(pictures) > 0.9  # chance is 0.5, 200 pictures
    assert share_right(shuffled) < 0.8


def test_the_circuit_decides_as_the_model(pictures, tmp_path):
    trained = train_logic(pictures, CONFIG, threads=1)
    model = trained.model
    netlist = lower_logic(model)
    shared = netlist.encoder.shared
    assert 0 < shared.n_tables <= 5 and shared.n_applied > shared.n_tables
    decided = simulate(netlist, pictures.x_valid).predictions()
    assert (decided == pictures.y_valid).mean() == trained.score
    # unrolled: every place has gates of its own
    whole = with_encoder(netlist)
    read = features_read(netlist.encoder, inputs_read(netlist))
    bits = code_bits(grid_of(netlist.encoder, pictures.x_valid), pictures.x_valid, read)
    assert np.array_equal(np.argmax(evaluate_classes(whole, bits), axis=1), decided)
    counted = shared_counts(netlist.encoder)
    assert counted["tables"] == shared.n_tables and counted["memory_bits"] == shared.n_applied
    assert counted["gates_once"] < counted["gates_unrolled"]
    # files keep the tables once
    save_model(model, tmp_path / "m.safetensors")
    assert same_encoder(load_model(tmp_path / "m.safetensors").encoder, model.encoder)
    save(netlist, tmp_path / "n.tnl")
    assert same_encoder(load(tmp_path / "n.tnl").encoder, netlist.encoder)


def test_the_same_seed_gives_the_same_bits_and_tables_alone_may_be_offered(pictures):
    first, second = (bit_source(pictures, CONFIG) for _ in range(2))
    assert same_encoder(first.encoder, second.encoder)
    assert not same_encoder(first.encoder, bit_source(pictures, replace(CONFIG, seed=1)).encoder)
    alone = bit_source(pictures, replace(CONFIG, encoder="patches"))
    assert 0 < alone.n_bits < first.n_bits and alone.channel.max() < 5
    assert (alone.encoder.counted >= alone.encoder.n_comparisons).all()


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"encoder": "thermometer"}, "patches must be 0 with encoder thermometer"),
        ({"encoder": "patches", "patches": 0}, "patches must be at least 1 with encoder patches"),
        ({"patch_inputs": 7}, "patch_inputs"),
        ({"patch_size": 0}, "patch_size"),
    ],
)
def test_what_does_not_fit_is_refused(changes, told):
    with pytest.raises(TrainingError, match=told):
        replace(CONFIG, **changes)


def test_a_patch_fits_the_picture(pictures):
    with pytest.raises(TrainingError, match="patch_size must be at most 8"):
        bit_source(pictures, replace(CONFIG, patch_size=9))


class Stops:
    """Progress that ends the work after so many epochs."""

    def __init__(self, after: int) -> None:
        self.after, self.told = after, []

    def start(self, total: int, label: str) -> None:
        self.told.append((total, label))

    def update(self, done: int, note: str = "") -> None:
        self.told.append((done, note))
        if done == self.after:
            raise KeyboardInterrupt

    def stop(self) -> None:
        self.told.append("stop")


def test_an_interrupted_bank_goes_on(pictures, tmp_path):
    config, file = replace(CONFIG, patch_epochs=3, encoder="patches"), tmp_path / "run.tables"
    patches, other = patches_of(pictures, config), tmp_path / "whole.tables"

    def state(file) -> dict:
        with np.load(file) as held:
            return {name: held[name] for name in held.files if name != "header"}

    whole = learn_bank(pictures, config, patches, checkpoint=other)
    first, then = Stops(2), Stops(0)
    with pytest.raises(KeyboardInterrupt):
        learn_bank(pictures, config, patches, progress=first, checkpoint=file)
    assert first.told[0] == (3, "shared tables on textures") and first.told[-1] == "stop"
    assert first.told[1][1].startswith("loss ")
    halfway = state(file)
    again = learn_bank(pictures, config, patches, progress=then, checkpoint=file)
    assert [entry[0] for entry in then.told[:-1]] == [3, 2, 3]  # the last epoch alone
    assert np.array_equal(again.entries, whole.entries) and np.array_equal(again.taps, whole.taps)
    assert all(np.array_equal(array, state(file)[name]) for name, array in state(other).items())
    assert not np.array_equal(halfway["table"], state(file)["table"])
    with pytest.raises(TrainingError, match="another configuration"):
        learn_bank(pictures, replace(config, seed=1), patches, checkpoint=file)
