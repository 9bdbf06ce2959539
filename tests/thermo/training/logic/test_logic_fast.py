"""Straight-through training of two-input gates: exact sums, the loss, learning, resumption, settings."""

import json
import math
import os
import platform
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

from compiler.circuits.evaluate import encode_bits, evaluate_classes
from compiler.errors import ThermocError
from compiler.families.logic import lower_logic
from thermo.data import Dataset, load_dataset
from thermo.kernels.jit import njit
from thermo.kernels.logic.dots import GROUP, PATHS, aligned, bits_of, dots8, path_code, simd_path
from thermo.kernels.logic.loss import loss_and_weights
from thermo.kernels.logic.pool import lowest_new
from thermo.kernels.logic.updates import LANES, probabilities
from thermo.training.augmentation import Augmentation
from thermo.training.errors import TrainingError
from thermo.training.logic import LogicAugmentation, LogicConfig, logic_preset, train_logic
from thermo.training.logic.tables import trains_tables
from thermo.training.logic.temperature import divisor

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
            weights.size,
            indices.ctypes.data + 4 * i,
            out.ctypes.data + 4 * i,
            path,
        )


@pytest.mark.parametrize("path", HERE)
@pytest.mark.parametrize("pitch", [64, 128, 192, 256, 320, 832, 4096])
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
    dots(weights, bits_of(rows), indices, out, path_code(path))
    assert np.array_equal(out, rows[indices].astype(np.int64) @ weights.astype(np.int64))
    weights[:] = -128
    dots(weights, bits_of(rows), indices, out, path_code(path))
    assert np.array_equal(out, -128 * rows[indices].sum(axis=1, dtype=np.int64))


def test_a_path_that_the_cpu_lacks_is_refused(monkeypatch):
    import thermo.kernels.logic.dots as module

    monkeypatch.setattr(module, "simd_path", lambda: "portable")
    with pytest.raises(ValueError, match="avx2 is not to be had here; this CPU's best is portable"):
        path_code("avx2")
    assert path_code() == path_code("portable") == 0


@njit(cache=True)
def sigmoids(x, p, rounded):
    probabilities(x.ctypes.data, x.size, p.ctypes.data, rounded.ctypes.data)


def test_sigmoids_and_their_bytes():
    wide = np.linspace(-30, 30, 608).astype(np.float32)
    far = -np.linspace(30, 86, 608).astype(np.float32)  # the exponential itself
    for x, rtol in ((wide, 3e-6), (far, 130 * 2.0**-24)):
        p, rounded = np.empty_like(x), np.empty(x.size, np.int8)
        sigmoids(x, p, rounded)
        want = 1 / (1 + np.exp(-x.astype(np.float64)))
        # the argument's rounding in units of 2^-24 grows with its size, up to 86 log2(e)
        assert np.allclose(p, want, rtol=rtol, atol=0)
        assert np.array_equal(rounded, np.floor(p.astype(np.float64) * 127 + 0.5))
    x[:] = -1e9
    sigmoids(x, p, rounded)
    assert p.max() < 1e-37 and not rounded.any()


def test_new_candidates_are_the_lowest_that_are_not_there_yet():
    rng, blocks, k = np.random.default_rng(1), 2, 5
    wires = rng.integers(0, 21, (blocks, 2, LANES, 8)).astype(np.int32)
    pool = np.stack([rng.permutation(21)[:16] for _ in range(blocks)]).astype(np.int32)
    h = rng.normal(size=(blocks, 2, LANES, 16)).astype(np.float32)
    new = np.empty((blocks, 2, LANES, 3), np.int32)
    lowest_new(wires, k, pool, h, 21, new, 0, blocks)
    for block, side, lane in ((0, 0, 0), (0, 1, 31), (1, 0, 6)):
        held = wires[block, side, lane, :k]
        order = pool[block][np.argsort(h[block, side, lane])]
        assert new[block, side, lane].tolist() == [n for n in order if n not in held][:3]
    lowest_new(wires, k, pool[:, :2], h, 21, new, 0, blocks)
    assert (new[..., 2] == -1).all() and (new[..., 0] >= 0).any()


def test_loss_and_its_integer_derivatives():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 40, (4, 64)).astype(np.int32)
    labels = rng.integers(0, 4, 50)
    weights, seen = np.zeros((4, 64), np.int8), np.zeros(4)
    targets = 0.3 * np.eye(4)[labels] + 0.7 * rng.dirichlet([0.5, 1, 2, 3], 50)
    loss_and_weights(counts, labels, targets, 5.0, 127.0, np.full((4, 50), 0.5), weights, seen)
    z = counts[:, :50] / 5.0
    p = np.exp(z - z.max(axis=0))
    p /= p.sum(axis=0)
    assert np.array_equal(weights[:, :50], np.floor(127 * (p - targets.T) + 0.5).astype(int))
    assert not weights[:, 50:].any()
    assert np.isclose(seen[0], -np.log(p[labels, np.arange(50)]).sum())
    assert seen[1] == (np.argmax(counts[:, :50], axis=0) == labels).sum()
    assert seen[2] == counts[:, :50].sum() and seen[3] == (counts[:, :50] ** 2).sum()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"encoding": "image-quantile", "thresholds": (0.4, 0.6, 0.8)},
        {"encoding": "dataset-quantile", "thresholds": (0.3, 0.7), "tau": "adaptive"},
        {"k": "all", "refresh": 0, "batch": 2000, "tau": "width"},
        {"layers": (150, 130), "tau": "adaptive"},
    ],
    ids=["absolute", "image", "dataset", "all wires", "two layers"],
)
def test_validation_accuracy_is_that_of_the_circuit(digits, changes):
    config = replace(SMALL, **changes)
    trained = train_logic(digits, config)
    circuit = lower_logic(trained.model)
    answers = evaluate_classes(circuit, encode_bits(circuit, digits.x_valid))
    assert np.mean(np.argmax(answers, axis=1) == digits.y_valid) == trained.score
    assert trained.model.n_gates == sum(config.layers) and circuit.class_sums.tau == trained.model.tau
    assert trained.gap == trained.soft_accuracy - trained.score
    assert {r.epoch for r in trained.history} == {1, 2, 3}


@pytest.mark.parametrize(("rows", "which"), [(12, -1), (150, 0)])
def test_of_equal_epochs_few_rows_keep_the_last_and_many_the_first(digits, rows, which):
    """Of a dozen rows many epochs score the same, the first of them hardly trained."""
    some = np.arange(rows) % 12
    few = replace(digits, x_valid=digits.x_valid[some], y_valid=digits.y_valid[some])
    trained = train_logic(few, logic_preset(few, layers=(300,), epochs=12, evaluate_every=1))
    equal = [r.epoch for r in trained.history if r.valid_accuracy == trained.score]
    assert len(equal) > 1 and trained.best_epoch == equal[which]


def test_it_learns_and_not_from_shuffled_labels(digits):
    config = logic_preset(digits, epochs=8)
    assert trains_tables(config)
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


@pytest.mark.parametrize("changes", [{}, {"tau": "adaptive"}, {"schedule": "validation", "patience": 1}])
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
    "layers": ((), (0,), 50, "50"),
    "wiring": ("random",),
    "k": (0, "some", 2.5),
    "thresholds": ((), (0.5, 0.5), (np.nan,)),
    "drop": (0.5, -0.1, "a"),
    "forward": ("hard",),
    "tau": (0.0, "small", np.inf, True, 10**400),
    "augmentation": (None,),
    "smoothing": ("a", None),
    "teacher_share": ("a", 0.0),
    "freeze": ("a",),
    "refresh": (6, -1),
    "refresh_until": (1.5,),
    "epochs": (0, True),
    "learning_rate": (0.0, 1e300, 1e-50, np.nan),
    "rate_wire": (-1.0, 1e10),
    "beta1": (1.0,),
    "seed": (-1,),
    "dropout": (1.0,),
    "decay": (-1.0, "a"),
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


UNREAD = {
    "thermometer": {"pixel_bits": 4, "stride": 2, "comparisons": 9, "keep": 0.5, "patch_size": 2},
    "blocks": {"stride": 2, "keep": 0.5, "patch_inputs": 3},
    "counts": {"comparisons": 9, "patch_size": 2, "patch_inputs": 3, "patch_epochs": 1},
    "patches": {"comparisons": 9},
}


@pytest.mark.parametrize("encoder", UNREAD)
def test_settings_that_nothing_reads_are_refused(encoder):
    kept = {"encoder": encoder, "patches": int(encoder == "patches")}
    for name, value in UNREAD[encoder].items():
        with pytest.raises(TrainingError, match=f"training: {name} must be left at .*got {value}"):
            LogicConfig(**kept, **{name: value})
    LogicConfig(**kept, **{name: getattr(SMALL, name) for name in UNREAD[encoder]})


def test_presets_name_bad_widths_inputs_and_candidates(digits):
    for name, value in (("layers", 50), ("inputs", "a"), ("k", "few")):
        with pytest.raises(TrainingError, match=f"training: {name} must be .*got {value!r}"):
            logic_preset(digits, **{name: value})


def test_thresholds_beside_an_encoder_that_has_none_are_refused(digits):
    for name, value in (("thresholds", (0.3,)), ("encoding", "image-quantile")):
        with pytest.raises(TrainingError, match=f"{name} must be left out with encoder counts"):
            logic_preset(digits, encoder="counts", **{name: value})
        assert logic_preset(digits, **{name: value}).encoder == "thermometer"


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
    assert (fixed.k, fixed.refresh, fixed.refresh_pool) == (1, 0, 0) and not trains_tables(fixed)
    assert logic_preset(digits, k="all").refresh == 0
    soft = logic_preset(digits, forward="soft")
    assert soft.refresh_pool == 0 and soft.refresh == logic_preset(digits).refresh > 0
    general = logic_preset(replace(digits, image_shape=()))
    assert general.encoding == "dataset-quantile" and trains_tables(general)
    bits = replace(digits, image_shape=(), x_train=(digits.x_train > 0.5).astype(np.float32))
    assert logic_preset(bits).encoding == "absolute" and logic_preset(bits).thresholds == (0.5,)
    x = np.zeros((10_000, 48), np.float32)
    y = np.arange(10_000) % 10
    colour = Dataset("mine", x, y, x[:9], y[:9], x[:9], y[:9], 10, (4, 4, 3))
    small, large = (logic_preset(colour, layers=(n,)) for n in (8000, 64000))
    assert large.epochs < small.epochs and large.refresh_pool < small.refresh_pool
    grey = replace(colour, image_shape=(6, 8))
    small, large, tables = (
        logic_preset(grey, layers=(n,), inputs=k) for n, k in ((8000, 2), (32000, 2), (32000, 4))
    )
    assert divisor(large, 3200, 0.0) == pytest.approx(4 * divisor(small, 800, 0.0))  # as the gates of a class
    assert divisor(tables, 3200, 0.0) == pytest.approx(math.sqrt(3200 / 8))
    wide = logic_preset(grey, inputs=6)
    assert (tables.batch, wide.batch, logic_preset(grey, inputs=6, batch=100).batch) == (256, 512, 100)
