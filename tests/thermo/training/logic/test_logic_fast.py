"""The fast path of logic-gate training: exact sums, gradients, threads, resumption."""

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compiler.circuits.evaluate import encode_bits, evaluate_classes
from compiler.errors import ThermocError
from compiler.families.logic import lower_logic
from thermo.data import Dataset, load_dataset
from thermo.kernels.jit import njit
from thermo.kernels.logic import one_layer as kernels
from thermo.kernels.logic import phase as phases
from thermo.kernels.logic.dots import GROUP, PATHS, aligned, dots8, path_code, simd_path
from thermo.training.augmentation import Augmentation
from thermo.training.errors import TrainingError
from thermo.training.logic import LogicAugmentation, LogicConfig, logic_preset, train_logic
from thermo.training.logic.fast import FastTrainer, is_fast
from thermo.training.tiles import Tiles

LANES = kernels.LANES
HERE = PATHS[: PATHS.index(simd_path()) + 1]
SMALL = LogicConfig(
    layers=(130,),
    k=6,
    thresholds=(0.2, 0.5),
    epochs=3,
    batch=100,
    refresh=2,
    refresh_pool=16,
    refresh_samples=130,
    tau=3.0,
    augmentation=LogicAugmentation(
        shift=1, warp=Augmentation(rotate=5.0, zoom=0.05), elastic=0.3, warp_share=0.5
    ),
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


@njit(cache=True)
def dots(weights, rows, indices, out, path):
    for i in range(0, indices.size, GROUP):
        dots8(
            weights.ctypes.data,
            rows.ctypes.data,
            rows.shape[1],
            indices.ctypes.data + 4 * i,
            out.ctypes.data + 4 * i,
            path,
        )


@pytest.mark.parametrize("path", HERE)
@pytest.mark.parametrize("pitch", [64, 256, 320, 4096])
def test_dot_products_are_exact_on_every_path(path, pitch):
    rng = np.random.default_rng(pitch)
    rows = aligned((37, pitch), np.uint8)
    rows[:] = rng.integers(0, 2, rows.shape)
    rows[5], rows[6] = 1, 0
    weights = rng.integers(-128, 128, pitch).astype(np.int8)
    weights[:32] = -128  # the largest pairs of products
    indices = rng.integers(0, 37, 64).astype(np.int32)
    indices[:2] = 5, 6
    out = np.full(64, 99, np.int32)
    dots(weights, rows, indices, out, path_code(path))
    assert np.array_equal(out, rows[indices].astype(np.int64) @ weights.astype(np.int64))


def test_a_path_that_the_cpu_lacks_is_refused(monkeypatch):
    import thermo.kernels.logic.dots as module

    monkeypatch.setattr(module, "simd_path", lambda: "portable")
    with pytest.raises(ValueError, match="avx2 is not to be had here; this CPU's best is portable"):
        path_code("avx2")
    assert path_code() == path_code("portable") == 0


def test_exponential_and_sigmoid():
    x = np.concatenate([-np.linspace(0, 86, 3001), [-1e-8]]).astype(np.float32)
    got = np.array([kernels.exp_negative(v) for v in x])
    # the argument's rounding in units of 2^-24 grows with its size, up to 86 log2(e)
    assert np.max(np.abs(got / np.exp(x.astype(np.float64)) - 1)) < 130 * 2.0**-24
    wide = np.linspace(-30, 30, 601).astype(np.float32)
    want = 1 / (1 + np.exp(-wide.astype(np.float64)))
    assert np.allclose([kernels.sigmoid(v) for v in wide], want, rtol=3e-6, atol=0)
    assert kernels.exp_negative(np.float32(-1e9)) < 1e-37


class Toy:
    """A random layer of 37 gates in 3 classes on 50 samples, with integer derivatives."""

    def __init__(self, seed: int = 0, k: int = 5) -> None:
        rng = np.random.default_rng(seed)
        self.gates, self.per_class, self.classes, self.k, n, s = 39, 13, 3, k, 21, 50
        blocks, padded = -(-self.gates // LANES), 8
        self.x = aligned((n, 64), np.uint8)
        self.x[:, :s] = rng.integers(0, 2, (n, s))
        self.weights = aligned((self.classes, 64), np.int8)
        self.weights[:, :s] = rng.integers(-127, 128, (self.classes, s))
        self.table = rng.normal(size=(blocks, 4, LANES)).astype(np.float32)
        self.scores = rng.normal(size=(blocks, 2, padded, LANES)).astype(np.float32)
        self.wires = rng.integers(0, n, (blocks, 2, LANES, padded)).astype(np.int32)
        self.best = np.zeros((blocks, 2, LANES), np.int32)
        kernels.choose(self.scores, k, self.best, 0, blocks)
        self.index = np.minimum(np.arange(24), n - 1).astype(np.int32)
        self.blocks = blocks

    def gradients(self, path: int, unit: float = 0.01):
        """Moments of a first step with beta1 = 0 are the gradients themselves."""
        f = np.float32
        sums = np.zeros((self.classes, 24), np.int32)
        totals = self.weights.sum(axis=1, dtype=np.int32)
        kernels.feature_sums(self.x, self.weights, self.index, sums, 0, self.classes, 0, 24, path)
        table, scores, best = self.table.copy(), self.scores.copy(), self.best.copy()
        m = [np.zeros_like(table), np.zeros_like(table)]
        w = [np.zeros_like(scores), np.zeros_like(scores)]
        layer = table, *m, scores, *w, self.wires, best, self.k, self.gates, self.per_class
        adam = kernels.AdamStep(f(unit), f(1e-3), f(2e-3), f(0), f(0.5), f(1), f(1e-8), f(0))
        kernels.train_blocks(
            kernels.Gates(*layer), adam, self.x, self.weights, sums, totals, 0, self.blocks, path
        )
        return m[0], w[0], table, scores, best


def surrogate(table, scores, gate, toy, side):
    """Loss to first order: one input relaxed, the other as the hardware reads it."""
    block, lane = divmod(gate, LANES)
    k = toy.k
    x = jnp.asarray(toy.x, jnp.float32)
    nets = [x[toy.wires[block, s, lane, toy.best[block, s, lane]]] for s in range(2)]
    if side is not None:
        q = jax.nn.softmax(scores[block, side, :k, lane])
        nets[side] = q @ x[toy.wires[block, side, lane, :k]]
    a, b = nets
    p = jax.nn.sigmoid(table[block, :, lane])
    y = p[0] * (1 - a) * (1 - b) + p[1] * (1 - a) * b + p[2] * a * (1 - b) + p[3] * a * b
    return 0.01 * jnp.sum(jnp.asarray(toy.weights[gate // toy.per_class], jnp.float32) * y)


def test_gradients_are_those_of_the_relaxation():
    toy = Toy()
    m, w, *_ = toy.gradients(path_code())
    for gate in (0, 12, 13, 31, 32, 38):  # both sides of blocks and classes
        block, lane = divmod(gate, LANES)
        by_table = jax.grad(surrogate, 0)(toy.table, toy.scores, gate, toy, None)
        assert np.allclose(m[block, :, lane], by_table[block, :, lane], rtol=1e-4, atol=1e-5)
        for side in range(2):
            want = jax.grad(surrogate, 1)(toy.table, toy.scores, gate, toy, side)
            got, want = w[block, side, :5, lane], np.array(want[block, side, :5, lane])
            assert np.allclose(got, want, rtol=1e-3, atol=1e-5)
            # the other side's gradient would not pass
            assert not np.allclose(w[block, 1 - side, :5, lane], want, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("path", HERE)
def test_a_step_is_the_same_bits_on_every_path(path):
    toy = Toy(3)
    one, other = toy.gradients(path_code(path)), toy.gradients(path_code("portable"))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_step_of_adam_and_new_choices():
    toy = Toy(1)
    m, w, table, scores, best = toy.gradients(path_code())
    # beta1 = 0 and beta2 = 1/2, no bias correction: v = g^2 / 2
    moved = toy.table - np.float32(1e-3) * m / (np.sqrt(0.5 * m * m) + 1e-8)
    assert np.allclose(table, moved, atol=1e-6)
    k = toy.k
    moved = toy.scores - np.float32(2e-3) * w / (np.sqrt(0.5 * w * w) + 1e-8)
    assert np.allclose(scores[:, :, :k], moved[:, :, :k], atol=1e-6)
    assert np.array_equal(scores[:, :, k:], toy.scores[:, :, k:])
    assert np.array_equal(best, np.argmax(scores[:, :, :k], axis=2))


def test_pool_gradients_are_those_of_added_wires():
    toy = Toy(2)
    path = path_code()
    sums = np.zeros((toy.classes, 24), np.int32)
    kernels.feature_sums(toy.x, toy.weights, toy.index, sums, 0, toy.classes, 0, 24, path)
    pool = np.random.default_rng(0).integers(0, 21, (toy.blocks, 8)).astype(np.int32)
    h = np.ones((toy.blocks, 2, LANES, 8), np.float32)  # added to
    phases.pool_gradients(
        toy.table,
        toy.wires,
        toy.best,
        toy.gates,
        toy.per_class,
        toy.x,
        toy.weights,
        sums,
        pool,
        h,
        0,
        toy.blocks,
        path,
    )
    x = toy.x.astype(np.float64)
    p = 1 / (1 + np.exp(-toy.table.astype(np.float64)))
    for gate in (0, 14, 38):
        block, lane = divmod(gate, LANES)
        g = toy.weights[gate // toy.per_class].astype(np.float64)
        a, b = (x[toy.wires[block, s, lane, toy.best[block, s, lane]]] for s in range(2))
        q = p[block, :, lane]
        by_a = (q[2] - q[0]) * (1 - b) + (q[3] - q[1]) * b
        by_b = (q[1] - q[0]) * (1 - a) + (q[3] - q[2]) * a
        for side, slope in ((0, by_a), (1, by_b)):
            want = 1 + x[pool[block]] @ (g * slope)
            assert np.allclose(h[block, side, lane], want, rtol=1e-4, atol=1e-2)


def test_new_candidates_are_the_lowest_that_are_not_there_yet():
    toy, rng = Toy(4), np.random.default_rng(1)
    pool = np.stack([rng.permutation(21)[:16] for _ in range(toy.blocks)]).astype(np.int32)
    h = rng.normal(size=(toy.blocks, 2, LANES, 16)).astype(np.float32)
    new = np.empty((toy.blocks, 2, LANES, 3), np.int32)
    phases.lowest_new(toy.wires, toy.k, pool, h, 21, new, 0, toy.blocks)
    for block, side, lane in ((0, 0, 0), (0, 1, 31), (1, 0, 6)):
        held = toy.wires[block, side, lane, : toy.k]
        order = pool[block][np.argsort(h[block, side, lane])]
        assert new[block, side, lane].tolist() == [n for n in order if n not in held][:3]
    phases.lowest_new(toy.wires, toy.k, pool[:, :2], h, 21, new, 0, toy.blocks)
    assert (new[..., 2] == -1).all() and (new[..., 0] >= 0).any()


def test_loss_and_its_integer_derivatives():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 40, (4, 64)).astype(np.int32)
    labels = rng.integers(0, 4, 50)
    weights, seen = np.zeros((4, 64), np.int8), np.zeros(4)
    kernels.loss_and_weights(counts, labels, 5.0, 0.1, 127.0, np.full((4, 50), 0.5), weights, seen)
    z = counts[:, :50] / 5.0
    p = np.exp(z - z.max(axis=0))
    p /= p.sum(axis=0)
    target = np.eye(4)[labels].T
    assert np.array_equal(weights[:, :50], np.floor(127 * (p - 0.9 * target - 0.025) + 0.5).astype(int))
    assert not weights[:, 50:].any()
    assert np.isclose(seen[0], -np.log((p * target).sum(axis=0)).sum())
    assert seen[1] == (np.argmax(counts[:, :50], axis=0) == labels).sum()
    assert seen[2] == counts[:, :50].sum() and seen[3] == (counts[:, :50] ** 2).sum()


def state(trainer):
    return {**trainer.arrays(), "history": [(r.loss, r.valid_accuracy) for r in trainer.history]}


def run(digits, config, threads=1, path=None):
    trainer = FastTrainer(digits, config, path)
    with Tiles(threads) as tiles:
        for _ in range(config.epochs):
            trainer.run_epoch(tiles)
    return state(trainer)


def same(one, other) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


def test_threads_and_paths_do_not_change_a_bit(digits):
    once = run(digits, SMALL)
    assert same(once, run(digits, SMALL, threads=2))
    assert same(once, run(digits, SMALL, threads=3, path="portable"))
    assert not same(once, run(digits, replace(SMALL, seed=1)))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"encoding": "image-quantile", "thresholds": (0.4, 0.6, 0.8)},
        {"encoding": "dataset-quantile", "thresholds": (0.3, 0.7), "tau": "adaptive"},
        {"k": "all", "refresh": 0, "batch": 2000, "tau": "width"},
    ],
    ids=["absolute", "image", "dataset", "all wires"],
)
def test_validation_accuracy_is_that_of_the_circuit(digits, changes):
    config = replace(SMALL, **changes)
    trained = train_logic(digits, config)
    circuit = lower_logic(trained.model)
    answers = evaluate_classes(circuit, encode_bits(circuit, digits.x_valid))
    assert np.mean(np.argmax(answers, axis=1) == digits.y_valid) == trained.score
    assert trained.model.n_gates == 130 and circuit.class_sums.tau == trained.model.tau
    assert trained.gap == trained.soft_accuracy - trained.score
    assert {r.epoch for r in trained.history} == {1, 2, 3}


def test_it_learns_and_not_from_shuffled_labels(digits):
    config = logic_preset(digits, epochs=8)
    assert is_fast(config)
    assert train_logic(digits, config).score > 0.9
    shuffled = np.random.default_rng(0).permutation(digits.y_train)
    lied = train_logic(replace(digits, y_train=shuffled), config)
    assert lied.score < 0.3


class Stop:
    """Interrupts after a number of epochs."""

    def __init__(self, after: int) -> None:
        self.after = after

    def start(self, total: int, label: str) -> None: ...

    def stop(self) -> None: ...

    def update(self, done: int, note: str = "") -> None:
        assert "validation" in note
        if done == self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("changes", [{}, {"tau": "adaptive"}])
def test_a_resumed_training_is_the_uninterrupted_one(digits, tmp_path, changes):
    config, kept = replace(SMALL, epochs=4, **changes), tmp_path / "kept"
    whole = train_logic(digits, config)
    with pytest.raises(KeyboardInterrupt):
        train_logic(digits, config, checkpoint=kept, progress=Stop(2))
    resumed = train_logic(digits, config, checkpoint=kept, threads=2)
    for name in ("table", "scores_a", "scores_b", "wires_a", "wires_b"):
        one, other = (getattr(r.model.layers[0], name) for r in (whole, resumed))
        assert np.array_equal(one, other)
    assert [(r.loss, r.tau) for r in whole.history] == [(r.loss, r.tau) for r in resumed.history]
    assert whole.best_epoch == resumed.best_epoch
    # finished: nothing is trained again
    assert train_logic(digits, config, checkpoint=kept).seconds == resumed.seconds


def test_foreign_checkpoints_are_refused(digits, tmp_path):
    kept = tmp_path / "kept"
    with pytest.raises(KeyboardInterrupt):
        train_logic(digits, SMALL, checkpoint=kept, progress=Stop(1))
    with pytest.raises(TrainingError, match="another configuration or data set"):
        train_logic(digits, replace(SMALL, seed=7), checkpoint=kept)
    kept.write_bytes(kept.read_bytes()[:-200])
    with pytest.raises(TrainingError, match="not a training checkpoint"):
        train_logic(digits, SMALL, checkpoint=kept)


def test_settings_that_do_not_fit_are_refused(digits):
    def refused(message, dataset=digits, **changes):
        with pytest.raises(ThermocError, match=message):
            train_logic(dataset, replace(SMALL, **changes))

    refused("multiple of the 10 classes, got 133", layers=(133,))
    refused("no bit of its 64 features at thresholds 2", thresholds=(2.0,))
    refused("has no images to augment", replace(digits, image_shape=()))
    refused("has values, not classes", load_dataset("cosine"))
    with pytest.raises(TrainingError, match="backend must be numba or jax, got 'gpu'"):
        train_logic(digits, SMALL, backend="gpu")


BAD = {
    "layers": ((), (0,)),
    "wiring": ("random",),
    "k": (0, "some", 2.5),
    "thresholds": ((), (0.5, 0.5), (np.nan,)),
    "drop": (0.5, -0.1),
    "forward": ("hard",),
    "tau": (0.0, "small", np.inf),
    "refresh": (6, -1),
    "refresh_until": (1.5,),
    "epochs": (0, True),
    "learning_rate": (0.0,),
    "beta1": (1.0,),
    "seed": (-1,),
    "dropout": (1.0,),
    "decay": (-1.0,),
    "encoder": ("sums",),
    "pixel_bits": (0, 9),
    "cuts": (5,),
    "stride": (5,),
    "keep": (-0.1, 1.5),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_settings_are_named(name):
    for value in BAD[name]:
        with pytest.raises(TrainingError, match=f"training: {name} must be"):
            replace(SMALL, **{name: value})


def test_other_bad_settings():
    with pytest.raises(TrainingError, match="levels between 0 and 1 with encoding image-quantile"):
        LogicConfig(encoding="image-quantile", thresholds=(0.5, 1.0))
    with pytest.raises(TrainingError, match="k must be 1 with fixed wiring"):
        LogicConfig(wiring="fixed")
    for name, value in (("shift", 1.5), ("shift_share", 2.0), ("warp_share", -1), ("elastic", -1)):
        with pytest.raises(TrainingError, match=f"augmentation: {name} must be"):
            LogicAugmentation(**{name: value})


PROGRAM = """
import hashlib, json, sys
from thermo.data import load_dataset
from thermo.kernels.logic.dots import simd_path
from thermo.training.augmentation import Augmentation
from thermo.training.logic import LogicAugmentation, LogicConfig, train_logic
settings = json.loads(sys.argv[1])
moves = settings.pop("augmentation")
moves["warp"] = Augmentation(**moves["warp"])
for name in ("layers", "thresholds"):
    settings[name] = tuple(settings[name])
config = LogicConfig(**settings, augmentation=LogicAugmentation(**moves))
layer = train_logic(load_dataset("digits"), config, threads=1).model.layers[0]
digest = hashlib.sha256()
for name in ("table", "wires_a", "wires_b", "scores_a", "scores_b"):
    digest.update(getattr(layer, name).tobytes())
print(simd_path(), digest.hexdigest())
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names x86 processors")
def test_another_processor_trains_the_same_network(tmp_path):
    def trained(**environment):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(asdict(SMALL))],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    here = trained()
    plain = trained(NUMBA_CPU_NAME="x86-64", NUMBA_CPU_FEATURES="", NUMBA_CACHE_DIR=str(tmp_path))
    assert here[0] == simd_path() and plain[0] == "portable"
    assert here[1] == plain[1]


def test_presets_fit_the_trainer_that_is_asked_for(digits):
    assert logic_preset(digits, layers=(500,)).layers == (500,)
    fixed = logic_preset(digits, wiring="fixed")
    assert (fixed.k, fixed.refresh, fixed.refresh_pool) == (1, 0, 0) and not is_fast(fixed)
    assert logic_preset(digits, k="all").refresh == 0
    soft = logic_preset(digits, forward="soft")
    assert soft.refresh_pool == 0 and soft.refresh == logic_preset(digits).refresh > 0
    general = logic_preset(replace(digits, image_shape=()))
    assert general.encoding == "dataset-quantile" and is_fast(general)
    bits = replace(digits, image_shape=(), x_train=(digits.x_train > 0.5).astype(np.float32))
    assert logic_preset(bits).encoding == "absolute" and logic_preset(bits).thresholds == (0.5,)
    x = np.zeros((10_000, 48), np.float32)
    y = np.arange(10_000) % 10
    colour = Dataset("mine", x, y, x[:9], y[:9], x[:9], y[:9], 10, (4, 4, 3))
    small, large = (logic_preset(colour, layers=(n,)) for n in (8000, 64000))
    assert large.epochs < small.epochs and large.refresh_pool < small.refresh_pool
