"""Trees, input bits read by higher layers, layers that are fixed while others learn on."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compiler.circuits.evaluate import encode_bits, evaluate_classes
from compiler.circuits.from_tables import circuit_of
from compiler.families.logic import lower_logic
from compiler.families.tables import lower_tables
from compiler.ir.encoders import CountingEncoder
from thermo.data import Dataset, load_dataset
from thermo.kernels.logic.dots import PATHS, aligned, simd_path
from thermo.kernels.logic.updates import AdamStep
from thermo.training.augmentation import Augmentation
from thermo.training.errors import TrainingError
from thermo.training.logic import LogicAugmentation, LogicConfig, logic_preset, train_logic
from thermo.training.logic.flow import Flow, lay
from thermo.training.logic.general_wiring import tree_wires
from thermo.training.logic.layer_state import LayerState
from thermo.training.logic.tables import TableTrainer
from thermo.training.tiles import Tiles

HERE = PATHS[: PATHS.index(simd_path()) + 1]
SMALL = LogicConfig(
    layers=(130, 130),
    k=6,
    thresholds=(0.2, 0.5),
    epochs=4,
    batch=100,
    refresh=2,
    refresh_pool=16,
    refresh_samples=130,
    refresh_until=1.0,
    tau=3.0,
    augmentation=LogicAugmentation(
        shift=1, warp=Augmentation(rotate=5.0, zoom=0.05), elastic=0.3, warp_share=0.5
    ),
)
TREE = {"wiring": "tree", "layers": (360, 180, 90)}
RESIDUAL = {"wiring": "residual", "layers": (110, 70, 90)}
FREEZE = {"freeze": 0.25, "layers": (110, 70, 90)}
KINDS = {
    "tree": TREE,
    "tree of four": {"wiring": "tree", "layers": (360, 90), "inputs": 4},
    "residual": RESIDUAL,
    "residual of three": {**RESIDUAL, "inputs": 3},
    "freeze": FREEZE,
    "freeze all but the last": {**FREEZE, "layers": (110, 90), "inputs": 5},
    "residual, frozen": {**RESIDUAL, "freeze": 0.5},
    "tree, frozen": {**TREE, "freeze": 0.5},
}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


def epochs_of(trainer: TableTrainer, epochs: int, threads: int = 1) -> TableTrainer:
    with Tiles(threads) as tiles:
        for _ in range(epochs):
            trainer.history.append(trainer.run_epoch(tiles))
    return trainer


def state(trainer: TableTrainer) -> dict:
    copies = {name: array.copy() for name, array in trainer.arrays().items()}
    return copies | {"history": [(r.loss, r.valid_accuracy) for r in trainer.history]}


def differing(one: dict, other: dict) -> set[str]:
    return {name for name in one if not np.array_equal(one[name], other[name])}


def circuit_score(trained, digits) -> float:
    lower = lower_logic if trained.config.inputs == 2 else lower_tables
    netlist = lower(trained.model)
    circuit = netlist if trained.config.inputs == 2 else circuit_of(netlist)
    answers = evaluate_classes(circuit, encode_bits(netlist, digits.x_valid))
    return float(np.mean(np.argmax(answers, axis=1) == digits.y_valid))


# --- the same bits, whatever runs it --------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_threads_and_paths_do_not_change_a_bit(digits, kind):
    config = replace(SMALL, **KINDS[kind])
    once = state(epochs_of(TableTrainer(digits, config), config.epochs))
    runs = [(2, None), *((1 + number, path) for number, path in enumerate(HERE[:-1]))]
    for threads, path in runs:
        again = epochs_of(TableTrainer(digits, config, path), config.epochs, threads)
        assert not differing(once, state(again)), (threads, path)
    plain = {"wiring": "learnable", "freeze": 1.0}
    other = state(epochs_of(TableTrainer(digits, replace(config, **plain)), config.epochs))
    assert other["history"] != once["history"]  # it is another training


class Stop:
    """Interrupts after a number of epochs."""

    def __init__(self, after: int) -> None:
        self.after = after

    def start(self, total: int, label: str) -> None: ...

    def stop(self) -> None: ...

    def update(self, done: int, note: str = "") -> None:
        if done == self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [1, 2, 3])
@pytest.mark.parametrize("kind", ["tree, frozen", "residual, frozen"])
def test_a_resumed_training_is_the_uninterrupted_one(digits, tmp_path, kind, after):
    config, kept = replace(SMALL, **KINDS[kind]), tmp_path / "kept"
    whole = train_logic(digits, config)
    with pytest.raises(KeyboardInterrupt):
        train_logic(digits, config, checkpoint=kept, progress=Stop(after))
    resumed = train_logic(digits, config, checkpoint=kept, threads=2)
    assert [r.loss for r in whole.history] == [r.loss for r in resumed.history]
    for one, other in zip(whole.model.layers, resumed.model.layers, strict=True):
        for name in ("table", "wires_a", "wires_b", "scores_a", "scores_b"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name


# --- trees ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("inputs", "layers"), [(2, (360, 180, 90)), (4, (360, 90))])
def test_a_tree_reads_tables_side_by_side_and_learns_their_entries(digits, inputs, layers):
    config = replace(SMALL, wiring="tree", layers=layers, inputs=inputs)
    start = state(TableTrainer(digits, config))
    trained = train_logic(digits, config)
    assert trained.score == circuit_score(trained, digits)
    if inputs == 2:
        read = [np.stack([layer.hard()[2], layer.hard()[1]]) for layer in trained.model.layers]
    else:
        read = [layer.chosen() for layer in trained.model.layers]
    for nets, width in zip(read[1:], layers[1:], strict=True):
        assert nets.tolist() == [[inputs * t + j for t in range(width)] for j in range(inputs)]
    ended = state(epochs_of(TableTrainer(digits, config), config.epochs))
    moved = differing(start, ended)
    for number in range(1, len(layers)):
        assert f"{number}.table" in moved
        assert not moved & {
            f"{number}.{name}" for name in ("wires", "scores", "scores_m", "scores_v", "best")
        }
    assert {"0.table", "0.scores", "0.wires"} <= moved
    # every table of the first layer has one reader
    assert np.array_equal(np.sort(read[1].reshape(-1)), np.arange(layers[0]))


def test_a_wired_layer_moves_as_one_whose_candidates_are_all_the_same():
    """Sums over candidates are left out where there is one; entries and what goes down stay the same."""
    rng, inputs, n = np.random.default_rng(0), 3, 39
    config = LogicConfig(layers=(n,), inputs=inputs, k=5)
    one = LayerState(config, 3 * n, n, 13, rng, tree_wires(n, inputs))
    many = LayerState(config, 3 * n, n, 13, rng)
    assert (one.k, many.k) == (1, 5)
    many.table[:], many.wires[:] = one.table, one.wires[..., :1]
    many.choose()
    x = aligned((3 * n, 64), np.uint8)
    x[:] = rng.integers(0, 2, x.shape)
    weights = rng.integers(-127, 128, (3, 64))
    scores = one.scores.copy()
    found = []
    for layer in (one, many):
        below = LayerState(config, 20, 3 * n, 0, np.random.default_rng(1))
        flow = step_of([below, layer], x[:20], weights, np.random.default_rng(2), rate=0.01)
        found.append((layer.table, layer.table_m, flow.down[0], below.table_m, below.scores_m))
    for left, right in zip(*found, strict=True):
        assert np.array_equal(left, right)
    assert np.array_equal(one.scores, scores) and not one.scores_m.any() and many.scores.shape[2] == 8


# --- derivatives ----------------------------------------------------------------------------------


def step_of(layers, x, weights, rng, rate=0.0) -> Flow:
    """One step with beta1 = 0, after which table_m and scores_m are gradients of
    sum over classes and samples of 0.01 weights times class sum.
    """
    f = np.float32
    adam = AdamStep(f(0.01), f(rate), f(rate), f(0), f(0.5), f(1), f(1e-8), f(0))
    with Tiles(1) as tiles:
        flow = Flow(layers, weights.shape[0], x.shape[1], 1, 0)
        batch = flow.batch(x.shape[0])
        batch.x[:] = x
        lay(batch, tiles)
        for number in range(len(layers)):
            flow.up(number, 0, batch)
        flow.weights[:] = weights
        flow.turn(batch, rng, tiles)
        flow.descend(lambda number, i, given, handed: flow.train(number, i, adam, given, handed), tiles)
    return flow


def by_jax(layers, x, weights, deaf=()):
    """Gradients of the same by the logits and scores of each layer, by autodiff of what is trained: hard
    values on the way up; on the way down probabilities, for the slopes of inputs in steps of 1/127, and the
    softmax of candidates. A derivative by a net comes from the inputs that are wired to it.

    deaf : (layer, input) whose derivatives do not go down: a broken twin
    """
    still, skips = jax.lax.stop_gradient, layers[1].n_below > layers[0].n_tables

    def parameters(layer):
        k, n = layer.k, layer.n_tables
        scores = layer.scores[:, :, :k].transpose(1, 0, 3, 2).reshape(layer.inputs, -1, k)[:, :n]
        wires = layer.wires[..., :k].transpose(1, 0, 2, 3).reshape(layer.inputs, -1, k)[:, :n]
        read = np.take_along_axis(wires, np.argmax(scores, axis=2)[..., None], axis=2)[..., 0]
        return (layer.table[:n].astype(float), scores.astype(float)), wires, read

    def loss(given):
        bits = rows = jnp.asarray(x, jnp.float64)
        for number, (table, scores) in enumerate(given):
            _, wires, read = found[number]
            p = jax.nn.sigmoid(table)
            p = p + still(jnp.round(127 * p) / 127 - p)
            value = []
            for j, nets in enumerate(wires):
                soft = (jax.nn.softmax(scores[j])[:, :, None] * still(rows)[nets]).sum(axis=1)
                chosen = rows[read[j]]
                value.append((still(chosen) if (number, j) in deaf else chosen) + soft - still(soft))
            out = 0.0
            for e in range(table.shape[1]):
                part = p[:, e, None]
                for j, a in enumerate(value):
                    part = part * (a if e >> j & 1 else 1 - a)
                out = out + part
            address = sum(still(a).round().astype(int) << j for j, a in enumerate(value))
            rows = out - still(out) + jnp.take_along_axis(still(table) > 0, address, axis=1)
            if skips and number < len(given) - 1:
                rows = jnp.concatenate([rows, bits])
        sums = rows.reshape(weights.shape[0], -1, x.shape[1]).sum(axis=1)
        return (0.01 * weights * sums).sum()

    found = [parameters(layer) for layer in layers]
    with jax.enable_x64(True):
        by = jax.jit(jax.grad(loss))([given for given, _, _ in found])
        return [tuple(np.asarray(a) for a in pair) for pair in by]


def toy(wiring: str) -> tuple[list[LayerState], np.ndarray, np.ndarray]:
    rng, inputs, n_bits = np.random.default_rng(5), 2 if wiring == "tree" else 3, 25
    widths = (36, 18, 9) if wiring == "tree" else (33, 21, 12)
    config = LogicConfig(layers=(widths[-1],), inputs=inputs, k=4, init_scale=1.5, init_wire=1.0)
    below = (n_bits, *(width + (wiring == "residual") * n_bits for width in widths[:-1]))
    wired = [tree_wires(n, inputs) if wiring == "tree" and i else None for i, n in enumerate(widths)]
    counted = (0, 0, widths[-1] // 3)
    layers = [
        LayerState(config, *sizes, rng, wires)
        for *sizes, wires in zip(below, widths, counted, wired, strict=True)
    ]
    x = rng.integers(0, 2, (n_bits, 64)).astype(np.uint8)
    return layers, x, rng.integers(-127, 128, (3, 64))


RUNS = 200
STEP = 0.01 * 16 * 128 / 127
"""No rounding moves a derivative by more: a weight of 1 stands for 0.01, steps are 16 units at most."""


@pytest.mark.parametrize("wiring", ["tree", "residual"])
def test_gradients_are_those_of_autodiff(wiring):
    """The mean over random roundings, to five standard errors. What rarely happens may not have been seen: of
    a chance of 15 / RUNS nothing is seen once in three million times, as often as five standard errors.
    """
    layers, x, weights = toy(wiring)
    tables, scores = [], []
    for run in range(RUNS):
        flow = step_of(layers, x, weights, np.random.default_rng(run))
        assert flow.factors[0].max() <= 4  # a net has a few readers, so that four times as much fits below
        tables.append([layer.table_m[: layer.n_tables].copy() for layer in layers])
        scores.append([layer.scores_m[:, :, : layer.k].copy() for layer in layers])
    wanted, twin = by_jax(layers, x, weights), by_jax(layers, x, weights, deaf={(1, 0)})
    for number, layer in enumerate(layers):
        by_table = np.array([each[number] for each in tables], np.float64)
        by_score = np.array([each[number] for each in scores], np.float64)
        by_score = by_score.transpose(0, 2, 1, 4, 3).reshape(RUNS, layer.inputs, -1, layer.k)
        for which, got in enumerate((by_table, by_score[:, :, : layer.n_tables])):
            error = 5 * got.std(axis=0) / np.sqrt(RUNS) + STEP * 15 / RUNS
            assert np.all(np.abs(got.mean(axis=0) - wanted[number][which]) <= error), (number, which)
            if number == 0:  # one input of the layer above hands nothing down
                assert np.any(np.abs(got.mean(axis=0) - twin[number][which]) > 5 * error)


# --- input bits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [{}, {"inputs": 4}, {"encoder": "comparisons", "comparisons": 60}, {"k": "all", "refresh": 0}],
    ids=["gates", "tables", "counting encoder", "all nets"],
)
def test_higher_layers_read_input_bits_too(digits, changes):
    config = replace(SMALL, **{**RESIDUAL, **changes})
    trained = train_logic(digits, config)
    model = trained.model
    assert model.skips and trained.score == circuit_score(trained, digits)
    assert trained.soft_accuracy is None
    netlist = (lower_logic if config.inputs == 2 else lower_tables)(model)
    assert isinstance(netlist.encoder, CountingEncoder) == ("encoder" in changes)
    fanins = np.stack([netlist.a, netlist.b], axis=1) if config.inputs == 2 else netlist.fanins
    for number, width in enumerate(config.layers[1:], 1):
        start = sum(config.layers[:number])
        read, inputs = fanins[start : start + width], len(netlist.input_names)
        below = inputs + start - config.layers[number - 1]
        # bits are read, and the layer below, and nothing else
        assert (read < inputs).any() and (read >= below).any()
        assert np.all((read < inputs) | ((read >= below) & (read < inputs + start)))
    if config.inputs > 2:
        assert all(np.all(one.addressed.sum(axis=1) == digits.y_train.size) for one in model.layers)


# --- layers that are fixed ------------------------------------------------------------------------


def test_spans_say_how_long_each_layer_learns():
    config = replace(SMALL, layers=(10, 10, 10, 10), epochs=100, freeze=0.4)
    assert config.spans == (40, 60, 80, 100)
    assert replace(config, freeze=1.0).spans == (100,) * 4
    assert replace(config, epochs=2, freeze=0.1).spans[0] == 1  # none is left as it was drawn


def test_a_fixed_layer_does_not_change_and_the_others_do(digits):
    config = replace(SMALL, **FREEZE, final_rate=0.1)
    assert config.spans == (1, 2, 4)  # 0.25, 0.625 and 1 of four epochs
    trainer, seen = TableTrainer(digits, config), []
    for _ in range(4):
        epochs_of(trainer, 1)
        seen.append({n: a for n, a in state(trainer).items() if n[0].isdigit() and ".kept" not in n})

    def moved(one, other):
        return {int(name[0]) for name in differing(seen[one], seen[other])}

    assert moved(0, 1) == {1, 2} and moved(1, 2) == {2} and moved(2, 3) == {2}
    # wires are refreshed until the end, but for those of fixed layers
    assert "2.wires" in differing(seen[2], seen[3])

    class Never(TableTrainer):
        fixed = 0

    twin = epochs_of(Never(digits, config), 4)
    assert differing(seen[0], {n: twin.arrays()[n] for n in seen[0]}) >= {"0.table", "0.scores"}


@pytest.mark.parametrize("changes", [{}, {"layers": (110, 90), "inputs": 5}], ids=["three", "two"])
def test_above_a_fixed_layer_the_others_learn_as_if_it_only_stood_still(digits, changes):
    """Nothing is handed down to it, which changes nothing above."""
    config = replace(SMALL, **{**FREEZE, **changes, "refresh": 0})
    frozen = state(epochs_of(TableTrainer(digits, config), 2))

    class Still(TableTrainer):
        """The first layer is handed its derivatives, and moves by none of them."""

        fixed = 0

        def _steps(self, unit):
            first, *others = super()._steps(unit)
            if self.epoch >= config.spans[0]:
                first = first._replace(rate_table=np.float32(0), rate_wire=np.float32(0))
            return [first, *others]

    still = state(epochs_of(Still(digits, config), 2))
    assert {name for name in differing(frozen, still)} == {
        f"0.{m}_{v}" for m in ("table", "scores") for v in "mv"
    }


def test_pictures_are_pruned_while_the_first_layer_learns(digits):
    config = replace(
        SMALL, **{**FREEZE, "freeze": 0.5}, epochs=12, encoder="counts", stride=2, keep=0.5, prune_rounds=2
    )
    trainer = epochs_of(TableTrainer(digits, config), 6)
    assert config.spans[0] == 6
    open_, wires = trainer.open.copy(), trainer.layers[0].wires.copy()
    assert 0 < open_.sum() < open_.size
    epochs_of(trainer, 2)
    assert np.array_equal(trainer.open, open_) and np.array_equal(trainer.layers[0].wires, wires)


# --- it learns, and what is refused ---------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"wiring": "tree", "layers": (600, 300)},
        {"wiring": "residual", "layers": (300, 300)},
        {"freeze": 0.5, "layers": (300, 300)},
    ],
    ids=["tree", "residual", "freeze"],
)
def test_it_learns_and_not_from_shuffled_labels(digits, changes):
    config = logic_preset(digits, **changes, epochs=8)
    assert train_logic(digits, config).score > 0.85
    shuffled = np.random.default_rng(0).permutation(digits.y_train)
    assert train_logic(replace(digits, y_train=shuffled), config).score < 0.3


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"wiring": "tree", "layers": (500, 300)},
            r"layers must be each 2 times as wide as the next with wiring tree and 2 inputs, as 600,300 are, "
            r"got \(500, 300\)",
        ),
        (
            {"wiring": "tree", "layers": (1200, 600, 300), "inputs": 4},
            "each 4 times as wide as the next with wiring tree and 4 inputs, as 4800,1200,300 are",
        ),
        ({"wiring": "tree", "layers": (300,)}, "layers must be at least two widths with wiring tree"),
        ({"wiring": "residual", "layers": (300,)}, "layers must be at least two widths with wiring residual"),
        ({"wiring": "branch"}, "wiring must be one of learnable, fixed, tree, residual"),
        ({"freeze": 0.5, "layers": (300,)}, "freeze must be 1 with one layer, which learns to the end"),
        ({"freeze": 0.0}, "freeze must be above 0 and at most 1, got 0.0"),
        ({"freeze": 1.5}, "freeze must be above 0 and at most 1, got 1.5"),
        (
            {**TREE, "forward": "soft"},
            "forward must be straight-through with wiring tree; others take wiring learnable or fixed",
        ),
        ({**RESIDUAL, "dropout": 0.1}, "dropout must be 0 with wiring residual"),
        ({**RESIDUAL, "encoder": "counts", "keep": 0.5}, "keep must be 1 with wiring residual, whose higher"),
        ({**FREEZE, "parametrisation": "gates"}, "must be table with freeze 0.25; others take freeze 1"),
        (
            {**FREEZE, "wiring": "fixed", "k": 1, "refresh": 0},
            "wiring must be tree, residual or learnable with freeze 0.25",
        ),
    ],
)
def test_what_does_not_fit_is_refused(changes, told):
    with pytest.raises(TrainingError, match=told):
        replace(SMALL, **changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (TREE, "backend jax trains wiring learnable or fixed, got wiring 'tree'"),
        (FREEZE, "backend jax trains all layers to the end, got freeze = 0.25"),
    ],
)
def test_jax_trains_neither(digits, changes, told):
    with pytest.raises(TrainingError, match=told):
        train_logic(digits, replace(SMALL, **changes), backend="jax")


def test_shared_tables_are_learnt_beside_a_tree(digits):
    changes = {"encoder": "patches", "patches": 4, "patch_epochs": 1, "stride": 2}
    config = replace(SMALL, **{**TREE, "epochs": 1, **changes})
    assert train_logic(digits, config).model.n_gates == 630
