"""Targets of a teacher: what they are, what is trained on them, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from thermo.data import Dataset, load_dataset
from thermo.kernels.logic.loss import loss_and_weights
from thermo.progress import NullProgress
from thermo.training import TrainingError
from thermo.training.logic import LogicAugmentation, LogicConfig, softened, train_logic
from thermo.training.logic.general import GeneralTrainer
from thermo.training.logic.jax_trainer import JaxTrainer
from thermo.training.logic.tables import TableTrainer, trains_tables
from thermo.training.logic.targets import Targets, checked_teacher
from thermo.training.logic.teachers import mean_of
from thermo.training.tiles import Tiles

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
    augmentation=LogicAugmentation(shift=1),
)
PATHS = {
    "gates": {},
    "two layers of tables": {"inputs": 4, "layers": (90, 130)},
    "soft": {"forward": "soft", "refresh_pool": 0, "init_wire": 1.0},
    "gumbel": {"forward": "gumbel", "gumbel_noise": 0.1, "refresh_pool": 0},
}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="module")
def teacher(digits) -> np.ndarray:
    """Skewed, and of no label."""
    return np.random.default_rng(8).dirichlet(np.arange(1, 11) / 10, digits.y_train.size)


def state(digits, config, teacher=None, kind=None) -> dict[str, np.ndarray]:
    """All arrays after the epochs of the settings."""
    kind = kind or (TableTrainer if trains_tables(config) else GeneralTrainer)
    trainer = kind(digits, config, teacher=teacher)
    with Tiles(1) as tiles:
        while trainer.epoch < config.epochs:
            trainer.run_epoch(tiles)
    return {name: array.copy() for name, array in trainer.arrays().items()}


def same(one, other) -> bool:
    return all(np.array_equal(array, other[name]) for name, array in one.items())


def one_hot(dataset: Dataset) -> np.ndarray:
    return np.eye(dataset.n_classes)[dataset.y_train]


# --- what targets are ----------------------------------------------------------------------------


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_targets_without_a_teacher_are_smoothed_labels_to_the_bit(digits, real):
    rows = np.array([5, 0, 1133, 5])
    labels = digits.y_train[rows]
    found = Targets(digits, LogicConfig(smoothing=0.3)).of(rows, labels, real)
    rest, own = real(0.3) / real(10), real(1) - real(0.3)
    assert found.dtype == real
    for target, label in zip(found, labels, strict=True):
        assert [*target] == [rest + (own if c == label else real(0)) for c in range(10)]


def test_a_teacher_has_its_share_and_a_mirrored_picture_its_original_targets(digits, teacher):
    config = replace(
        SMALL, smoothing=0.2, teacher_share=0.7, augmentation=LogicAugmentation(shift=1, flip=True)
    )
    trainer = TableTrainer(digits, config, teacher=checked_teacher(teacher, digits))
    with Tiles(1) as tiles:
        data = trainer.data.epoch(0, tiles)
    part = slice(300, 400)
    rows = np.random.default_rng((config.seed, 2, 0)).permutation(digits.y_train.size)[part]
    assert (data.rows[part] > rows).any() and np.array_equal(data.rows[part] % digits.y_train.size, rows)
    want = 0.3 * (0.8 * one_hot(digits)[rows] + 0.02) + 0.7 * teacher[rows]
    found = trainer.targets_of(data, part)
    assert np.abs(found - want).max() < 4 * np.finfo(float).eps
    assert np.abs(found - np.roll(want, 1, axis=0)).max() > 0.1  # a twin whose rows are others


def test_logits_over_a_temperature_become_probabilities():
    logits = np.array([[0.0, np.log(3.0)], [1000.0, 1000.0 - np.log(9.0)]])
    assert np.allclose(softened(logits), [[0.25, 0.75], [0.9, 0.1]])
    assert np.allclose(softened(logits, 2.0)[1], [0.75, 0.25])
    assert np.allclose(softened(np.array([[3, 1]], np.int8)), softened(np.array([[2.0, 0.0]])))


# --- what is trained -----------------------------------------------------------------------------


def test_the_mean_derivative_over_dithers_is_softmax_minus_target():
    """Dithers at the middles of N equal parts of [0, 1): the mean of floor(v + dither) is v within 1 / 2N."""
    rng, n, parts = np.random.default_rng(3), 40, 64
    counts = rng.integers(0, 30, (4, 64)).astype(np.int32)
    labels = rng.integers(0, 4, n)
    targets = 0.4 * np.eye(4)[labels] + 0.6 * rng.dirichlet([0.5, 1, 2, 3], n)
    mean = np.zeros((4, n))
    for i in range(parts):
        weights, dither = np.zeros((4, 64), np.int8), np.full((4, n), (i + 0.5) / parts)
        loss_and_weights(counts, labels, targets, 5.0, 127.0, dither, weights, np.zeros(4))
        mean += weights[:, :n] / parts
    p = softened(counts[:, :n].T, 5.0)
    tolerance = 0.5 / parts + 1e-9
    assert np.abs(mean - 127 * (p - targets).T).max() < tolerance
    assert np.abs(mean - 127 * (p - np.eye(4)[labels]).T).max() > 100 * tolerance  # a twin of labels alone


@pytest.mark.parametrize("name", PATHS)
def test_a_teacher_of_the_labels_changes_no_bit_and_another_does(digits, teacher, name):
    config = replace(SMALL, **PATHS[name])
    without = state(digits, config)
    for share in (0.1, 0.7, 1.0):
        assert same(without, state(digits, replace(config, teacher_share=share), one_hot(digits)))
    assert not same(without, state(digits, config, teacher))
    assert not same(state(digits, config, teacher), state(digits, config, teacher[::-1]))


def test_jax_learns_from_the_teacher_too(digits, teacher):
    config = replace(SMALL, forward="soft", refresh_pool=0, refresh=0, epochs=1)
    without = state(digits, config, kind=JaxTrainer)
    assert same(without, state(digits, config, one_hot(digits), kind=JaxTrainer))
    assert not same(without, state(digits, config, teacher, kind=JaxTrainer))


def test_what_labels_do_not_tell_is_learnt_from_the_teacher(digits):
    config = replace(SMALL, layers=(300,), k=16, epochs=10, teacher_share=1.0)
    shuffled = replace(digits, y_train=np.random.default_rng(0).permutation(digits.y_train))
    assert train_logic(shuffled, config, threads=1).score < 0.4
    taught = train_logic(shuffled, config, threads=1, teacher=one_hot(digits))
    assert taught.score > 0.8
    # the loss is of the labels, which know nothing: more than that of equal probabilities
    assert taught.history[-1].loss > np.log(10) > 1


class Stop(NullProgress):
    """Interrupts after a number of epochs."""

    def __init__(self, after: int) -> None:
        self.after = after

    def update(self, done: int, note: str = "") -> None:
        if done == self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["two layers of tables", "soft"])
def test_a_resumed_training_has_the_same_teacher(digits, teacher, tmp_path, name):
    config, kept = replace(SMALL, **PATHS[name]), tmp_path / "kept"
    whole = train_logic(digits, config, threads=1, teacher=teacher)
    with pytest.raises(KeyboardInterrupt):
        train_logic(digits, config, threads=1, teacher=teacher, checkpoint=kept, progress=Stop(1))
    for other in (None, one_hot(digits), teacher[::-1]):
        with pytest.raises(TrainingError, match=r"checkpoint of another configuration or data set"):
            train_logic(digits, config, threads=1, teacher=other, checkpoint=kept)
    resumed = train_logic(digits, config, threads=1, teacher=teacher, checkpoint=kept)
    assert [r.loss for r in resumed.history] == [r.loss for r in whole.history]
    for one, other in zip(resumed.model.layers, whole.model.layers, strict=True):
        assert np.array_equal(one.table, other.table)


# --- what is refused -----------------------------------------------------------------------------


def changed(p: np.ndarray, row: int, value: float) -> np.ndarray:
    p = p.copy()
    p[row, 3] = value
    return p


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (
            lambda p: p[1:],
            r"the array must be numbers of shape \(1169, 10\), one row for each training sample of digits",
        ),
        (lambda p: p[:, 1:], r"a column for each class, got float64 of shape \(1169, 9\)"),
        (lambda p: p.astype(str), r"the array must be numbers of shape"),
        (lambda p: p[0, 0], r"got float64 of shape \(\)"),
        (
            lambda p: changed(p, 7, -0.5),
            r"probabilities must be finite and at least 0, row 7 has -0.5; logits become",
        ),
        (lambda p: changed(p, 8, np.nan), r"probabilities must be finite and at least 0, row 8 has nan"),
        (lambda p: changed(p, 9, np.inf), r"probabilities must be finite and at least 0, row 9 has inf"),
        (
            lambda p: 2 * p,
            r"probabilities of a sample must sum to 1, row 0 has 2; logits become probabilities by softened",
        ),
    ],
)
def test_what_are_no_probabilities_is_refused(digits, teacher, spoil, told):
    assert digits.y_train.size == 1169
    with pytest.raises(TrainingError, match=f"^teacher: .*{told}"):
        train_logic(digits, SMALL, teacher=spoil(teacher))


def test_half_precision_is_good_enough(digits, teacher):
    assert np.allclose(checked_teacher(teacher.astype(np.float16), digits).sum(axis=1), 1)


def test_bad_logits_temperatures_and_shares_are_named():
    with pytest.raises(TrainingError, match="logits must be finite numbers, row 1 has nan"):
        softened(np.array([[0.0, 1.0], [np.nan, 0.0]]))
    with pytest.raises(
        TrainingError, match=r"logits must be numbers, one row a sample, got float64 of shape \(3,\)"
    ):
        softened(np.zeros(3))
    with pytest.raises(TrainingError, match="mean_of takes at least one"):
        mean_of([])
    for temperature in (0.0, -1.0, np.nan, np.inf, None, "a"):
        with pytest.raises(TrainingError, match=f"the temperature must be a number > 0, got {temperature!r}"):
            softened(np.zeros((2, 2)), temperature)
    for share in (0.0, 1.5, np.nan):
        with pytest.raises(TrainingError, match="teacher_share must be above 0 and at most 1"):
            LogicConfig(teacher_share=share)
