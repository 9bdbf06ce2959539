"""Tables of 3 to 6 inputs: lookups, gradients, threads, resumption, and the circuit that comes out."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.circuits.evaluate import encode_bits, evaluate_classes
from compiler.circuits.from_tables import circuit_of
from compiler.families.tables import lower_tables
from thermo.data import Dataset, load_dataset
from thermo.kernels.jit import njit
from thermo.kernels.logic import lookups, tables
from thermo.kernels.logic import one_layer as gates
from thermo.kernels.logic.dots import PATHS, aligned, path_code, simd_path
from thermo.training.augmentation import Augmentation
from thermo.training.errors import TrainingError
from thermo.training.logic import LogicAugmentation, LogicConfig, logic_preset, train_logic
from thermo.training.logic.tables import TableTrainer
from thermo.training.tiles import Tiles

LANES = gates.LANES
HERE = PATHS[: PATHS.index(simd_path()) + 1]
SMALL = LogicConfig(
    layers=(130,),
    inputs=4,
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
def weigh(x, wires, slopes, weights, dither, out, places, path):
    lookups.weigh(
        x.ctypes.data,
        x.shape[1],
        wires.ctypes.data,
        slopes.ctypes.data,
        weights.ctypes.data,
        dither.ctypes.data,
        out.ctypes.data,
        places.ctypes.data,
        wires.size,
        path,
    )


@njit(cache=True)
def tally(x, wires, entries, ones, path):
    lookups.tally(
        x.ctypes.data, x.shape[1], wires.ctypes.data, entries.ctypes.data, ones.ctypes.data, wires.size, path
    )


@njit(cache=True)
def slopes_of(entries, out):
    lookups.slopes(entries.ctypes.data, out.ctypes.data, out.shape[0])


class One:
    """A table of 4 or 6 operands on random bits, with int8 weights and entries in steps of 1/127."""

    def __init__(self, operands: int, pitch: int = 192, seed: int = 0) -> None:
        rng = np.random.default_rng([seed, operands])
        self.x = aligned((23, pitch), np.uint8)
        self.x[:] = rng.integers(0, 2, self.x.shape)
        self.wires = rng.integers(0, 23, operands).astype(np.int32)
        self.entries = rng.integers(0, 128, 1 << operands).astype(np.int8)
        self.weights = aligned((pitch,), np.int8)
        self.weights[:] = rng.integers(-127, 128, pitch)
        self.weights[:3] = -127, 127, 0
        self.address = sum(self.x[net].astype(int) << j for j, net in enumerate(self.wires))
        e = np.arange(1 << operands)
        wide = self.entries.astype(int)
        self.slopes = np.stack([wide[e | 1 << j] - wide[e & ~(1 << j)] for j in range(operands)])

    def weighed(self, dither: np.ndarray, path: int) -> tuple[np.ndarray, np.ndarray]:
        operands, pitch = self.wires.size, self.weights.size
        table = np.empty((operands, 1 << operands), np.int8)
        slopes_of(self.entries, table)
        assert np.array_equal(table, self.slopes)
        out, places = np.empty((operands, pitch), np.int8), np.empty(pitch, np.uint8)
        weigh(self.x, self.wires, table, self.weights, dither, out, places, path)
        return out, places


@pytest.mark.parametrize("path", HERE)
@pytest.mark.parametrize("operands", [4, 6])
def test_lookups_are_exact_on_every_path(operands, path):
    one, code = One(operands), path_code(path)
    dither = np.random.default_rng(1).integers(0, 128, one.weights.size).astype(np.uint8)
    out, places = one.weighed(dither, code)
    assert np.array_equal(places, one.address)
    product = one.weights.astype(int) * one.slopes[:, one.address]
    assert np.array_equal(out, (product + dither) >> 7)
    assert not out[:, 2].any()  # no weight, none of its inputs
    ones = np.full(one.weights.size, 7, np.uint8)
    hard = (one.entries > 63).astype(np.uint8)
    tally(one.x, one.wires, hard, ones, code)
    assert np.array_equal(ones, 7 + hard[one.address])


def test_rounding_is_right_on_average():
    one = One(6)
    product = one.weights.astype(int) * one.slopes[:, one.address]

    def total(dithers) -> np.ndarray:
        shape = one.weights.size
        return sum(one.weighed(np.full(shape, d, np.uint8), path_code())[0].astype(int) for d in dithers)

    # floor((v + d) / 128) over all 128 values of d adds up to v
    assert np.array_equal(total(range(128)), product)
    # what rounding to the nearest does not: weights below half a step vanish
    assert not np.array_equal(total([64] * 128), product)


@pytest.mark.parametrize("pitch", [256, 320])
def test_samples_without_weight_are_left_out(pitch):
    rng = np.random.default_rng(pitch)
    x = aligned((17, pitch), np.uint8)
    x[:] = rng.integers(0, 2, x.shape)
    weights = aligned((3, pitch), np.int8)
    weights[:] = rng.integers(-127, 128, weights.shape) * (rng.random(weights.shape) < 0.3)
    weights[2] = 0
    packed, few = aligned((17 * pitch,), np.uint8), aligned((pitch,), np.int8)
    order = aligned((pitch,), np.uint8 if pitch <= 256 else np.uint16)
    for c in range(3):
        kept = np.flatnonzero(weights[c])
        width = lookups.pack(x, weights, c, packed, few, order)
        assert width == max(-(-kept.size // 64) * 64, 64)
        assert np.array_equal(few[: kept.size], weights[c, kept]) and not few[kept.size : width].any()
        rows = packed[: 17 * width].reshape(17, width)
        assert np.array_equal(rows[:, : kept.size], x[:, kept]) and rows.max() <= 1


class Toy:
    """A random layer of 39 tables in 3 classes on 50 samples, with integer derivatives by the sums."""

    def __init__(self, inputs: int, k: int = 5) -> None:
        rng = np.random.default_rng(inputs)
        self.inputs, self.tables, self.per_class, self.k, n, s = inputs, 39, 13, k, 30, 50
        self.blocks, size, padded = -(-self.tables // LANES), 1 << inputs, 8
        self.x = aligned((n, 64), np.uint8)
        self.x[:, :s] = rng.integers(0, 2, (n, s))
        self.weights = aligned((3, 64), np.int8)
        self.weights[:, :s] = rng.integers(-127, 128, (3, s))
        self.table = rng.normal(0, 2, (self.blocks * LANES, size)).astype(np.float32)
        self.scores = rng.normal(size=(self.blocks, inputs, padded, LANES)).astype(np.float32)
        shape = (self.blocks, inputs, LANES, padded)
        self.wires = rng.integers(0, n, shape).astype(np.int32)
        self.best = np.zeros(shape[:3], np.int32)
        gates.choose(self.scores, k, self.best, 0, self.blocks)

    def layer(self, table, scores, best, moments) -> tables.Tables:
        m, v, sm, sv = moments
        operands = lookups.operands_of(self.inputs)
        return tables.Tables(
            *(table, m, v, scores, sm, sv, self.wires, best), *(self.k, self.tables, self.per_class, operands)
        )

    def scratch(self):
        shape = self.x.shape[0] * 64
        return aligned((shape,), np.uint8), aligned((64,), np.int8), aligned((64,), np.uint8)

    def gradients(self, dither: int, path: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """By table logits and wire scores: the moments of a first step with beta1 = 0."""
        f = np.float32
        table, scores, best = self.table.copy(), self.scores.copy(), self.best.copy()
        moments = [np.zeros_like(a) for a in (table, table, scores, scores)]
        adam = gates.AdamStep(f(0.01), f(1e-3), f(2e-3), f(0), f(0.5), f(1), f(1e-8), f(0))
        tables.train_blocks(
            self.layer(table, scores, best, moments),
            adam,
            self.x,
            self.weights,
            np.full(512, dither, np.uint8),
            self.scratch(),
            0,
            self.blocks,
            path,
        )
        return moments[0], moments[2]


def reference(toy: Toy, t: int, hard: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """float64 derivatives of the loss, to first order, by the logits (2^k,) of table t and by the values
    h (inputs, k) that softmax weighs, slow: what a candidate would add if it were read a little. Also
    the sums of derivatives at the entries, by which p (1 - p) is multiplied.

    hard : by the difference of hard entries instead, which is not what is trained
    """
    block, lane = divmod(t, LANES)
    g = 0.01 * toy.weights[t // toy.per_class].astype(np.float64)
    nets = [toy.wires[block, j, lane, toy.best[block, j, lane]] for j in range(toy.inputs)]
    address = sum(toy.x[net].astype(int) << j for j, net in enumerate(nets))
    p = 1 / (1 + np.exp(-toy.table[t].astype(np.float64)))
    whole = toy.weights[t // toy.per_class].astype(int)
    sums = 0.01 * np.array([whole[address == e].sum() for e in range(p.size)])
    value = (p > 0.5).astype(float) if hard else p
    h = np.zeros((toy.inputs, toy.k))
    for j in range(toy.inputs):
        slope = value[address | 1 << j] - value[address & ~(1 << j)]
        for m in range(toy.k):
            h[j, m] = (g * slope * toy.x[toy.wires[block, j, lane, m]]).sum()
    return sums * p * (1 - p), h, sums


@pytest.mark.parametrize("inputs", [3, 4, 5, 6])
def test_gradients_are_the_derivatives(inputs):
    toy = Toy(inputs)
    by_dither = [toy.gradients(d) for d in range(128)]
    by_table = by_dither[0][0]
    by_score = np.mean([g for _, g in by_dither], axis=0)  # softmax is linear in h, and roundings cancel
    apart = 0
    for t in (0, 12, 13, 31, 32, 38):
        block, lane = divmod(t, LANES)
        logits, h, sums = reference(toy, t)
        # sums are whole; the exponential's argument, below 8 log2(e), is rounded to 2^-24 of itself,
        # which makes p (1 - p) wrong by at most 16 of these
        assert np.all(np.abs(by_table[t] - logits) <= 16 * 2.0**-24 * np.abs(sums))
        # two entries rounded to 1/127 leave a slope wrong by 1/127 at most
        weight = np.abs(0.01 * toy.weights[t // toy.per_class].astype(np.float64)).sum()
        for j in range(inputs):
            z = toy.scores[block, j, : toy.k, lane].astype(np.float64)
            q = np.exp(z - z.max())
            q /= q.sum()
            got = by_score[block, j, : toy.k, lane]
            assert np.all(np.abs(got - q * (h[j] - q @ h[j])) <= 2 * q * weight / 127)
            other = reference(toy, t, hard=True)[1][j]
            apart += np.any(np.abs(got - q * (other - q @ other)) > 2 * q * weight / 127)
    assert apart > 3 * inputs  # the difference of hard entries is another derivative


@pytest.mark.parametrize("inputs", [3, 6])
def test_pool_derivatives_are_those_of_the_same_nets_as_candidates(inputs):
    toy = Toy(inputs)
    moments = [np.zeros_like(a) for a in (toy.table, toy.table, toy.scores, toy.scores)]
    layer = toy.layer(toy.table, toy.scores, toy.best, moments)
    pool = np.tile(np.arange(24, dtype=np.int32), (toy.blocks, 1))
    total = np.zeros((toy.blocks, inputs, LANES, 24), np.float32)
    for dither in range(128):
        tables.pool_gradients(
            layer,
            toy.x,
            toy.weights,
            np.full(512, dither, np.uint8),
            toy.scratch(),
            pool,
            total,
            0,
            toy.blocks,
            0,
        )
    for t in (0, 33):
        block, lane = divmod(t, LANES)
        g = toy.weights[t // toy.per_class].astype(int)
        nets = [toy.wires[block, j, lane, toy.best[block, j, lane]] for j in range(inputs)]
        address = sum(toy.x[net].astype(int) << j for j, net in enumerate(nets))
        p = np.floor(127 / (1 + np.exp(-toy.table[t].astype(np.float64))) + 0.5).astype(int)
        for j in range(inputs):
            weight = g * (p[address | 1 << j] - p[address & ~(1 << j)])
            assert np.array_equal(total[block, j, lane], toy.x[:24].astype(int) @ weight)


def state(trainer):
    return {**trainer.arrays(), "history": [(r.loss, r.valid_accuracy) for r in trainer.history]}


def run(digits, config, threads=1, path=None):
    trainer = TableTrainer(digits, config, path)
    with Tiles(threads) as tiles:
        for _ in range(config.epochs):
            trainer.history.append(trainer.run_epoch(tiles))
    return state(trainer)


def same(one, other) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("inputs", [3, 4, 5, 6])
def test_threads_and_paths_do_not_change_a_bit(digits, inputs):
    config = replace(SMALL, inputs=inputs)
    once = run(digits, config)
    assert same(once, run(digits, config, threads=2))
    for number, path in enumerate(HERE[:-1]):
        assert same(once, run(digits, config, threads=1 + number, path=path))
    assert not same(once, run(digits, replace(config, seed=1)))


@pytest.mark.parametrize("changes", [{}, {"inputs": 6, "tau": "adaptive", "batch": 256}])
def test_validation_accuracy_is_that_of_the_circuit(digits, changes):
    trained = train_logic(digits, replace(SMALL, **changes))
    netlist = lower_tables(trained.model)
    bits = encode_bits(netlist, digits.x_valid)
    answers = evaluate_classes(circuit_of(netlist), bits)
    assert np.mean(np.argmax(answers, axis=1) == digits.y_valid) == trained.score
    assert trained.soft_accuracy is None and trained.gap is None
    layer = trained.model.layers[0]
    # every training sample addresses one entry of each table
    assert np.all(layer.addressed.sum(axis=1) == digits.y_train.size)
    x = encode_bits(netlist, digits.x_train)
    nets = layer.chosen()[:, 17]
    address = sum(x[:, net].astype(int) << j for j, net in enumerate(nets))
    assert np.array_equal(layer.addressed[17], np.bincount(address, minlength=layer.table.shape[1]))


def test_it_learns_and_not_from_shuffled_labels(digits):
    config = logic_preset(digits, inputs=6, epochs=8)
    assert (config.k, config.refresh, config.layers) == (8, 4, (250,))
    assert train_logic(digits, config).score > 0.9
    shuffled = np.random.default_rng(0).permutation(digits.y_train)
    assert train_logic(replace(digits, y_train=shuffled), config).score < 0.3


class Stop:
    """Interrupts after a number of epochs."""

    def __init__(self, after: int) -> None:
        self.after = after

    def start(self, total: int, label: str) -> None: ...

    def stop(self) -> None: ...

    def update(self, done: int, note: str = "") -> None:
        if done == self.after:
            raise KeyboardInterrupt


def test_a_resumed_training_is_the_uninterrupted_one(digits, tmp_path):
    config, kept = replace(SMALL, inputs=5, epochs=4), tmp_path / "kept"
    whole = train_logic(digits, config)
    with pytest.raises(KeyboardInterrupt):
        train_logic(digits, config, checkpoint=kept, progress=Stop(2))
    resumed = train_logic(digits, config, checkpoint=kept, threads=2)
    for name in ("table", "wires", "scores", "addressed"):
        one, other = (getattr(t.model.layers[0], name) for t in (whole, resumed))
        assert np.array_equal(one, other), name


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"inputs": 7}, "inputs must be a whole number from 2 to 6"),
        ({"layers": (50, 50)}, "one width with 4 inputs a table; several take gates of two inputs"),
        ({"forward": "soft"}, "straight-through with 4 inputs a table; others take gates of two inputs"),
        ({"wiring": "fixed", "k": 1, "refresh": 0}, "learnable with 4 inputs a table"),
        ({"dropout": 0.1}, "0 with 4 inputs a table"),
    ],
)
def test_what_tables_are_not_is_refused(changes, told):
    with pytest.raises(TrainingError, match=told):
        replace(SMALL, **changes)


def test_jax_trains_gates_alone(digits):
    with pytest.raises(TrainingError, match="backend jax trains gates of two inputs, got inputs = 4"):
        train_logic(digits, SMALL, backend="jax")
