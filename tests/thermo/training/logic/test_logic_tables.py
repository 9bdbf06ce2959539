"""Layers of tables of 2 to 6 inputs: lookups, gradients, threads, resumption, the circuit that comes out."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.circuits.evaluate import encode_bits, evaluate_classes
from compiler.circuits.from_tables import circuit_of
from compiler.families.tables import lower_tables
from thermo.data import Dataset, load_dataset
from thermo.kernels.jit import njit
from thermo.kernels.logic import entries as held_entries
from thermo.kernels.logic import lookups, tables, together
from thermo.kernels.logic.above import Given, Handed, derivatives, readers
from thermo.kernels.logic.dots import PATHS, aligned, bits_of, from_bits, path_code, row_bytes, simd_path
from thermo.kernels.logic.emit import address
from thermo.kernels.logic.updates import LANES, AdamStep
from thermo.training.augmentation import Augmentation
from thermo.training.errors import TrainingError
from thermo.training.logic import LogicAugmentation, LogicConfig, logic_preset, train_logic
from thermo.training.logic.flow import NO_STEP, NOT_ASKED
from thermo.training.logic.layer_state import LayerState
from thermo.training.logic.tables import TableTrainer
from thermo.training.tiles import Tiles

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
def weigh(bits, wires, slopes, weights, dither, out, places, path):
    lookups.weigh(
        address(bits),
        weights.size,
        address(wires),
        address(slopes),
        address(weights),
        address(dither),
        address(out),
        address(places),
        wires.size,
        path,
    )


@njit(cache=True)
def tally(bits, wires, entries, ones, path):
    lookups.tally(address(bits), ones.size, address(wires), address(entries), address(ones), wires.size, path)


@njit(cache=True)
def decide(bits, pitch, wires, entries, out, path):
    lookups.decide(address(bits), pitch, address(wires), address(entries), address(out), wires.size, path)


@njit(cache=True)
def as_bytes(rows, x):
    from_bits(address(rows), x.shape[0], x.shape[1], address(x))


@njit(cache=True)
def slopes_of(entries, out, inputs):
    held_entries.slopes(entries.ctypes.data, out.ctypes.data, inputs)


@njit(cache=True)
def hard_of(logits, out, inputs):
    held_entries.hard_entries(logits.ctypes.data, out.ctypes.data, inputs)


@njit(cache=True)
def add_up(places, weights, out, operands, path):
    lookups.add_up(places.ctypes.data, weights.ctypes.data, places.size, out.ctypes.data, operands, path)


class One:
    """A table on random bits, with int8 weights and entries in steps of 1/127, held as kernels hold it."""

    def __init__(self, inputs: int, pitch: int = 192, seed: int = 0) -> None:
        rng = np.random.default_rng([seed, inputs])
        self.inputs, self.operands = inputs, lookups.operands_of(inputs)
        self.held = lookups.size_of(self.operands)
        self.x = aligned((23, pitch), np.uint8)
        self.x[:] = rng.integers(0, 2, self.x.shape)
        self.bits = bits_of(self.x)
        self.wires = rng.integers(0, 23, self.operands).astype(np.int32)
        self.entries = rng.integers(0, 128, 1 << inputs).astype(np.int8)
        self.weights = aligned((pitch,), np.int8)
        self.weights[:] = rng.integers(-127, 128, pitch)
        self.weights[:3] = -127, 127, 0
        self.address = sum(self.x[net].astype(int) << j for j, net in enumerate(self.wires))
        e = np.arange(self.held)
        wide = np.resize(self.entries.astype(int), self.held)
        self.slopes = np.stack([wide[e | 1 << j] - wide[e & ~(1 << j)] for j in range(inputs)])

    def weighed(self, dither: np.ndarray, path: int) -> tuple[np.ndarray, np.ndarray]:
        pitch = self.weights.size
        table = np.empty((self.operands, self.held), np.int8)
        slopes_of(self.entries, table, self.inputs)
        assert np.array_equal(table[: self.inputs], self.slopes)
        out, places = np.empty((self.operands, pitch), np.int8), np.empty(8 * row_bytes(pitch), np.uint8)
        weigh(self.bits, self.wires, table, self.weights, dither, out, places, path)
        return out[: self.inputs], places[:pitch].copy()


@pytest.mark.parametrize("path", HERE)
@pytest.mark.parametrize("inputs", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("pitch", [64, 128, 192, 320, 512, 1344])
def test_lookups_are_exact_on_every_path(inputs, path, pitch):
    one, code = One(inputs, pitch), path_code(path)
    dither = np.random.default_rng(1).integers(0, 128, one.weights.size).astype(np.uint8)
    out, places = one.weighed(dither, code)
    assert np.array_equal(places, one.address)
    product = one.weights.astype(int) * one.slopes[:, one.address]
    assert np.array_equal(out, (product + dither) >> 7)
    assert not out[:, 2].any()  # no weight, none of its inputs
    ones = np.full(one.weights.size, 7, np.uint8)
    logits = one.entries.astype(np.float32) - 63.5
    logits[0] = 0  # not above 0
    hard = np.empty(one.held, np.uint8)
    hard_of(logits, hard, inputs)
    assert np.array_equal(hard, np.resize(logits > 0, one.held))
    tally(one.bits, one.wires, hard, ones, code)
    assert np.array_equal(ones, 7 + hard[one.address])
    row = np.empty((1, row_bytes(pitch)), np.uint8)
    decide(one.bits, pitch, one.wires, hard, row, code)
    want = aligned((1, pitch), np.uint8)
    want[:] = hard[one.address]
    assert np.array_equal(row, bits_of(want))
    totals = np.empty(one.held, np.int32)
    add_up(places, one.weights, totals, one.operands, code)
    want = np.bincount(one.address, weights=one.weights, minlength=1 << one.operands)
    assert np.array_equal(totals[: want.size], want)


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


@pytest.mark.parametrize("path", HERE)
@pytest.mark.parametrize("operands", [2, 4, 6])
def test_the_largest_sums_of_many_samples_fit(operands, path):
    n = 2 * 4096 + 64
    places, weights = np.zeros(n, np.uint8), np.full(n, -127, np.int8)
    places[::2] = (1 << operands) - 1
    out = np.full(lookups.size_of(operands), 9, np.int32)
    add_up(places, weights, out, operands, path_code(path))
    assert out[0] == out[(1 << operands) - 1] == -127 * n // 2
    assert not out[1 : (1 << operands) - 1].any()


@pytest.mark.parametrize("pitch", [64, 256, 320, 640])
def test_samples_without_weight_are_left_out(pitch):
    rng, n = np.random.default_rng(pitch), 2 * together.TILE + 17
    x = aligned((n, pitch), np.uint8)
    x[:] = rng.integers(0, 2, x.shape)
    weights = aligned((4, pitch), np.int8)
    share = np.array([[0.3], [0.05], [0], [1]])
    weights[:] = rng.choice([-127, -1, 1, 127], weights.shape) * (rng.random(weights.shape) < share)
    packed, few = aligned((together.room(pitch),), np.uint8), aligned((pitch,), np.int8)
    order = aligned((pitch,), np.uint8 if pitch <= 256 else np.uint16)
    for c in range(4):
        kept, bits = np.flatnonzero(weights[c]), aligned((n * row_bytes(pitch),), np.uint8)
        width = together.pack(x, weights, c, packed, few, order, bits)
        assert width == max(-(-kept.size // 64) * 64, 64)
        assert np.array_equal(few[: kept.size], weights[c, kept]) and not few[kept.size : width].any()
        made = bits[: n * row_bytes(width)].copy()
        rows = np.empty((n, width), np.uint8)
        as_bytes(made, rows)
        assert np.array_equal(rows[:, : kept.size], x[:, kept]) and rows.max() <= 1
        # rows of bits, a share at a time, come to the same
        bits[:] = 0xAA
        for first, last in ((0, 40), (40, n)):
            ends = order, kept.size, width, packed, bits, first, last
            together.put_bits_together(bits_of(x), pitch, *ends)
        as_bytes(bits[: made.size], rows)
        assert np.array_equal(rows[:, : kept.size], x[:, kept]) and rows.max() <= 1


class Toy:
    """A random layer of 39 tables in 3 classes on 50 samples, with integer derivatives by the sums."""

    def __init__(self, inputs: int, k: int = 5) -> None:
        rng = np.random.default_rng(inputs)
        self.inputs, self.tables, self.per_class, self.k, n, s = inputs, 39, 13, k, 30, 50
        self.blocks = -(-self.tables // LANES)
        self.x = aligned((n, 64), np.uint8)
        self.x[:, :s] = rng.integers(0, 2, (n, s))
        self.weights = aligned((3, 64), np.int8)
        self.weights[:, :s] = rng.integers(-127, 128, (3, s))
        self.table = rng.normal(0, 2, (self.blocks * LANES, 1 << inputs)).astype(np.float32)
        padded = -(-k // 8) * 8
        self.scores = rng.normal(size=(self.blocks, inputs, padded, LANES)).astype(np.float32)
        self.wires = rng.integers(0, n, (self.blocks, inputs, LANES, padded)).astype(np.int32)

    def layer(self) -> LayerState:
        layer = LayerState(
            LogicConfig(layers=(self.tables,), inputs=self.inputs, k=self.k),
            self.x.shape[0],
            self.tables,
            self.per_class,
            np.random.default_rng(0),
        )
        layer.table[:], layer.scores[:], layer.wires[:] = self.table, self.scores, self.wires
        layer.choose()
        self.best = layer.best.copy()
        return layer

    def given(self, packs: bool = True, **own) -> Given:
        none = np.zeros((0, 0), np.int8), np.zeros(0, np.int64), *[np.zeros(0, np.int32)] * 2
        return Given(self.weights, packs, False, *none)._replace(**own)

    def step(
        self, given: Given, dither: np.ndarray, path: int = 0, handed: Handed | None = None
    ) -> LayerState:
        """A first step with beta1 = 0: its moments are the gradients by table logits and wire scores."""
        f, layer = np.float32, self.layer()
        adam = AdamStep(f(0.01), f(1e-3), f(2e-3), f(0), f(0.5), f(1), f(1e-8), f(0))
        handed = nothing() if handed is None else handed
        work, read = layer.work(64, True), tables.Rows(self.x, bits_of(self.x), 64)
        ends = read, dither, work, NOT_ASKED, 0, self.blocks, path
        tables.train_blocks(layer.tables, adam, given, handed, *ends)
        return layer

    def gradients(self, dither: int, path: int = 0) -> tuple[np.ndarray, np.ndarray]:
        layer = self.step(self.given(), np.full(512, dither, np.uint8), path)
        return layer.table_m, layer.scores_m


def nothing() -> Handed:
    return Handed(np.zeros((0, 0), np.int8), np.zeros((0, 0), np.int32), np.zeros(0, np.int32))


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


@pytest.mark.parametrize("inputs", [2, 3, 4, 5, 6])
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


def test_a_step_moves_as_adam_does_and_chooses_anew():
    toy = Toy(2)
    layer = toy.step(toy.given(), np.full(512, 64, np.uint8))
    m, w, k = layer.table_m, layer.scores_m, toy.k
    # beta1 = 0 and beta2 = 1/2, no bias correction: v = g^2 / 2
    moved = toy.table - np.float32(1e-3) * m / (np.sqrt(0.5 * m * m) + 1e-8)
    assert np.allclose(layer.table, moved, atol=1e-6)
    moved = toy.scores - np.float32(2e-3) * w / (np.sqrt(0.5 * w * w) + 1e-8)
    assert np.allclose(layer.scores[:, :, :k], moved[:, :, :k], atol=1e-6)
    assert np.array_equal(layer.scores[:, :, k:], toy.scores[:, :, k:])
    assert np.array_equal(layer.best, np.argmax(layer.scores[:, :, :k], axis=2))


def read_once(rows: np.ndarray, factor: np.ndarray) -> dict:
    """Of Given: table t has the derivative factor[t] rows[t] from the one input that reads it."""
    n = rows.shape[0]
    return dict(
        own=True,
        packs=False,
        rows=rows,
        begin=np.arange(n + 1),
        entry=np.arange(n, dtype=np.int32),
        factor=factor,
    )


@pytest.mark.parametrize("inputs", [2, 5])
def test_derivatives_from_above_train_as_those_of_class_sums(inputs):
    toy, rng = Toy(inputs), np.random.default_rng(0)
    rows = aligned((39, 64), np.int8)
    rows[:] = toy.weights[np.arange(39) // 13]
    dither = rng.integers(0, 128, 512).astype(np.uint8)
    by_class = toy.step(toy.given(packs=False), dither)
    own = toy.given(**read_once(rows, np.ones(39, np.int32)))
    from_above = toy.step(own, dither)
    real = np.arange(39)
    for name in ("table", "table_m"):
        one, other = (getattr(layer, name)[real] for layer in (by_class, from_above))
        assert np.array_equal(one, other), name
    one, other = (
        layer.scores_m.transpose(0, 3, 1, 2).reshape(-1, inputs, 8)[real] for layer in (by_class, from_above)
    )
    assert np.array_equal(one, other)
    assert not from_above.table_m[39:].any()  # what fills the block has no readers
    # twice the step, twice the derivative
    twice = toy.step(own._replace(factor=np.full(39, 2, np.int32)), dither)
    assert not np.array_equal(twice.table_m[:39], by_class.table_m[:39])
    small = rows // 2  # fits a byte doubled
    half = toy.step(toy.given(**read_once(small, np.full(39, 2, np.int32))), dither)
    same_ = toy.step(toy.given(**read_once(2 * small, np.ones(39, np.int32))), dither)
    assert np.array_equal(half.table_m, same_.table_m)


def test_what_is_handed_down_are_the_weights_of_the_inputs():
    toy, rng = Toy(3), np.random.default_rng(0)
    dither = rng.integers(0, 128, 512).astype(np.uint8)
    handed = Handed(aligned((64 * 4, 64), np.int8), np.zeros((64, 3), np.int32), np.zeros(64, np.int32))
    before = toy.layer()
    toy.step(toy.given(packs=False), dither, handed=handed)
    e = np.arange(8)
    for t in (0, 14, 38):
        block, lane = divmod(t, LANES)
        nets = [before.wires[block, j, lane, before.best[block, j, lane]] for j in range(3)]
        assert handed.read[t].tolist() == nets
        p = np.floor(127 / (1 + np.exp(-toy.table[t].astype(np.float64))) + 0.5).astype(int)
        address = sum(toy.x[net].astype(int) << j for j, net in enumerate(nets))
        start = 64 * (t % 8)
        for j in range(3):
            slope = (p[e | 1 << j] - p[e & ~(1 << j)])[address]
            want = (toy.weights[t // 13].astype(int) * slope + dither[start : start + 64]) >> 7
            assert np.array_equal(handed.rows[4 * t + j], want)


def test_derivatives_by_nets_are_the_sums_over_their_readers():
    rng, n = np.random.default_rng(0), 40
    read = rng.integers(0, n - 1, (60, 3)).astype(np.int32)  # nobody reads the last net
    read[:7] = 5
    rows = rng.integers(-127, 128, (240, 64)).astype(np.int8)
    factors = rng.integers(1, 3, 60).astype(np.int32)
    begin, entry, factor = np.zeros(n + 1, np.int64), np.zeros(180, np.int32), np.zeros(180, np.int32)
    readers(read, factors, 60, 4, begin, entry, factor)
    given = Toy(2).given(own=True, rows=rows, begin=begin, entry=entry, factor=factor)
    want = np.zeros((n, 64), int)
    for t, j in np.ndindex(60, 3):
        want[read[t, j]] += rows[4 * t + j].astype(int) * factors[t]
    total = np.zeros((n, 64))
    for d in range(128):
        for block in range(2):
            few, scales = np.zeros((LANES, 64), np.int8), np.zeros(LANES, np.int32)
            dither = np.full(512, d, np.uint8)
            derivatives(given, block, n, LANES, 64, dither, np.zeros(64, np.int32), few, scales)
            here = slice(LANES * block, min(LANES * (block + 1), n))
            step = scales[: here.stop - here.start, None]
            total[here] += few[: here.stop - here.start] * step
            if d == 0:  # each with the smallest step that fits
                largest = np.abs(want[here]).max(axis=1)
                assert np.all(127 * step[:, 0] >= largest)
                assert np.all((127 * step[:, 0] < 2 * largest + 254) | (step[:, 0] <= 1))
                assert block == 0 or scales[n - 1 - LANES] == 0
    assert np.array_equal(total / 128, want)  # right on average


@pytest.mark.parametrize("inputs, k, size", [(3, 8, 24), (6, 8, 24), (3, 20, 8), (2, 20, 16)])
def test_pool_derivatives_are_those_of_the_same_nets_as_candidates(inputs, k, size):
    toy = Toy(inputs, k=k)
    layer = toy.layer()
    pool = np.tile(np.arange(size, dtype=np.int32), (toy.blocks, 1))
    total = np.zeros((toy.blocks, inputs, LANES, size), np.float32)
    for dither in range(128):
        rough, work = np.full(512, dither, np.uint8), layer.work(64, True)
        read, asked = tables.Rows(toy.x, bits_of(toy.x), 64), tables.Asked(True, pool, total)
        ends = toy.given(), nothing(), read, rough, work, asked, 0, toy.blocks, 0
        tables.train_blocks(layer.tables, NO_STEP, *ends)
    for t in (0, 33):
        block, lane = divmod(t, LANES)
        g = toy.weights[t // toy.per_class].astype(int)
        nets = [toy.wires[block, j, lane, toy.best[block, j, lane]] for j in range(inputs)]
        address = sum(toy.x[net].astype(int) << j for j, net in enumerate(nets))
        p = np.floor(127 / (1 + np.exp(-toy.table[t].astype(np.float64))) + 0.5).astype(int)
        for j in range(inputs):
            weight = g * (p[address | 1 << j] - p[address & ~(1 << j)])
            assert np.array_equal(total[block, j, lane], toy.x[:size].astype(int) @ weight)


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


@pytest.mark.parametrize(
    ("inputs", "layers"), [(2, (130,)), (3, (130,)), (6, (130,)), (2, (150, 130)), (4, (90, 70, 130))]
)
def test_threads_and_paths_do_not_change_a_bit(digits, inputs, layers):
    config = replace(SMALL, inputs=inputs, layers=layers)
    once = run(digits, config)
    assert same(once, run(digits, config, threads=2))
    for number, path in enumerate(HERE[:-1]):
        assert same(once, run(digits, config, threads=1 + number, path=path))
    assert not same(once, run(digits, replace(config, seed=1)))


@pytest.mark.parametrize(
    "changes", [{}, {"inputs": 6, "tau": "adaptive", "batch": 256}, {"inputs": 3, "layers": (110, 130)}]
)
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
    assert all(np.all(each.addressed.sum(axis=1) == digits.y_train.size) for each in trained.model.layers)
    assert np.array_equal(layer.addressed[17], np.bincount(address, minlength=layer.table.shape[1]))


def test_it_learns_and_not_from_shuffled_labels(digits):
    config = logic_preset(digits, inputs=6, epochs=8)
    assert (config.k, config.refresh, config.layers) == (8, 4, (250,))
    assert train_logic(digits, config).score > 0.9
    shuffled = np.random.default_rng(0).permutation(digits.y_train)
    assert train_logic(replace(digits, y_train=shuffled), config).score < 0.3


def test_the_first_of_two_layers_learns(digits):
    config = logic_preset(digits, inputs=4, layers=(150, 100), epochs=8)
    assert config.refresh_pool > 0
    whole = train_logic(digits, config).score

    class Fixed(TableTrainer):
        """The first layer is left as it was drawn."""

        def one_pass(self, tiles):
            first = self.layers[0].arrays()
            before = {name: array.copy() for name, array in first.items()}
            found = super().one_pass(tiles)
            for name, array in first.items():
                array[:] = before[name]
            return found

    fixed = Fixed(digits, config)
    with Tiles(1) as tiles:
        for _ in range(config.epochs):
            fixed.run_epoch(tiles)
    assert whole > fixed.score + 0.1


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
    config, kept = replace(SMALL, inputs=5, layers=(90, 130), epochs=4), tmp_path / "kept"
    whole = train_logic(digits, config)
    with pytest.raises(KeyboardInterrupt):
        train_logic(digits, config, checkpoint=kept, progress=Stop(2))
    resumed = train_logic(digits, config, checkpoint=kept, threads=2)
    for name in ("table", "wires", "scores", "addressed"):
        for number in range(2):
            one, other = (getattr(t.model.layers[number], name) for t in (whole, resumed))
            assert np.array_equal(one, other), name


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"inputs": 7}, "inputs must be a whole number from 2 to 6"),
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
