"""Trained clean, aware of devices or in place on one, with laws of cells and pulsed updates."""

from dataclasses import replace

import numpy as np
import pytest

from hw_models.imperfect import Imperfections
from hw_models.laws.pcm import PCM
from hw_models.laws.pulsed import PulsedUpdate
from hw_models.source import Quantity, Source
from thermo.data import Dataset, load_dataset
from thermo.gradients.errors import EqpropError
from thermo.training.ebm.boltzmann import BoltzmannTrainer
from thermo.training.ebm.boltzmann_config import BoltzmannConfig
from thermo.training.ebm.config import RbmConfig
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.rbm import RbmTrainer
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.resistive import ResistiveTrainer
from thermo.training.eqprop.trainer import HopfieldTrainer
from thermo.training.errors import TrainingError
from thermo.training.langevin.config import PathwiseConfig
from thermo.training.langevin.pathwise import PathwiseTrainer
from thermo.training.tiles import Tiles


def given(value: float) -> Quantity:
    return Quantity(value, "1", Source("assumed", "a test"), value, value)


SPREAD = Imperfections(mismatch=0.1)
CELLS = Imperfections(laws=PCM, at="1h")
STEPS = PulsedUpdate(
    given(0.01), given(-0.5), given(0.75), slope_up=given(0.0), slope_down=given(0.0), headroom=given(2.0)
)
PULSED = Imperfections(laws=(STEPS,))


@pytest.fixture(scope="module")
def data() -> Dataset:
    whole = load_dataset("digits")
    few = {"x_train": whole.x_train[:64], "y_train": whole.y_train[:64]}
    return replace(whole, **few, x_valid=whole.x_valid[:32], y_valid=whole.y_valid[:32])


def trainer_of(data, kind=HopfieldTrainer, law=SPREAD, **changes):
    config = EqpropConfig(
        hidden=(8,), batch=16, tile=16, epochs=1, rates=(0.1,), device=EqpropDevice(law, seed=3), **changes
    )
    return kind(data, config, *(() if kind is HopfieldTrainer else (20.0,)))


def epoch(trainer) -> None:
    with Tiles(1) as tiles:
        trainer.run_epoch(tiles)


def test_an_aware_training_sees_another_device_every_batch_and_is_validated_on_one(data):
    here, aware = trainer_of(data), trainer_of(data, regime="aware")
    seen = []
    for step in range(3):
        here.step = aware.step = step
        seen.append(aware.drawn_for_batch().forward[0])
        np.testing.assert_array_equal(here.drawn_for_batch().forward[0], here.drawn.forward[0])
    assert not any(np.array_equal(seen[0], a) for a in (*seen[1:], aware.drawn.forward[0]))
    np.testing.assert_array_equal(aware.drawn.forward[0], here.drawn.forward[0])
    here, aware = trainer_of(data), trainer_of(data, regime="aware")
    kept = aware.drawn
    epoch(here), epoch(aware)
    assert aware.drawn is kept and not np.array_equal(here.w[0], aware.w[0])


def test_one_device_is_read_anew_every_batch(data):
    trainer = trainer_of(data, law=CELLS)
    w = (trainer.w, trainer.back, trainer.b)
    reads = []
    for step in range(2):
        trainer.step = step
        reads.append(trainer.drawn_for_batch().act(*w)[0][0])
    own = trainer.drawn.act(*w)[0][0]
    assert not np.array_equal(*reads) and not np.array_equal(reads[0], own)
    # what is programmed is the same: the reads differ by less than two devices do
    other = trainer_of(data, law=CELLS).draw(EqpropDevice(CELLS, seed=4)).act(*w)[0][0]
    assert np.std(reads[0] - own) < 0.7 * np.std(other - own)


@pytest.mark.parametrize("regime", ["in-place", "aware"])
def test_machines_of_bits_and_of_cells_have_the_regimes(data, regime):
    for law in (SPREAD, CELLS):
        rbm = RbmTrainer(
            data, RbmConfig(n_hidden=4, epochs=1, batch=16, non_ideal=law, device_seed=2, regime=regime)
        )
        first, rbm.step = rbm.layers(rbm.device_of_batch()), 1
        changes = regime == "aware" or bool(law.laws)
        assert changes != np.array_equal(first.up, rbm.layers(rbm.device_of_batch()).up)
        grid = BoltzmannTrainer(
            data,
            BoltzmannConfig(
                side=8, sweeps=1, clamped_sweeps=1, epochs=1, batch=16, non_ideal=law, regime=regime
            ),
            conditional=False,
        )
        epoch(grid)
        cells = PathwiseTrainer(
            data, PathwiseConfig(n_hidden=4, epochs=1, batch=16, tile=16, non_ideal=law, regime=regime), None
        )
        assert (cells.drawn is None) == (regime == "aware")
        epoch(cells)


def test_a_clean_training_is_that_of_a_perfect_machine(data):
    common = {"n_hidden": 4, "epochs": 1, "batch": 16, "tile": 16}
    plain = PathwiseTrainer(data, PathwiseConfig(**common), None)
    clean = PathwiseTrainer(data, PathwiseConfig(**common, non_ideal=SPREAD, regime="clean"), None)
    epoch(plain), epoch(clean)
    np.testing.assert_array_equal(plain.theta, clean.theta)


def test_pulses_move_couplings_by_whole_steps_within_their_bounds(data):
    trainer = trainer_of(data, law=PULSED)
    before = [w.copy() for w in trainer.w]
    full = [2.0 * np.abs(w).max() for w in before]
    epoch(trainer)
    for old, new, top in zip(before, trainer.w, full, strict=True):
        pulses = (new.astype(float) - old) / (0.01 * top)
        inside = (new < 0.75 * top * 0.999) & (new > -0.5 * top * 0.999)
        np.testing.assert_allclose(pulses[inside], np.round(pulses[inside]), atol=1e-3)
        assert np.abs(pulses).max() >= 1 and new.max() <= 0.7501 * top and new.min() >= -0.5001 * top
    # other pulses of another device, and without the law no whole steps
    other = trainer_of(data, law=PULSED)
    other.pulses = replace(other.pulses, seed=4)
    epoch(other)
    assert not np.array_equal(other.w[0], trainer.w[0])
    plain = trainer_of(data, law=Imperfections(mismatch=1e-9))
    epoch(plain)
    assert np.std((plain.w[0] - before[0]) / (0.01 * full[0]) % 1.0) > 0.1


def test_conductances_are_pulsed_from_nothing_to_their_largest(data):
    soft = replace(STEPS, low=given(-1.0), high=given(1.0), slope_up=given(1.0), slope_down=given(1.0))
    trainer = trainer_of(data, ResistiveTrainer, Imperfections(laws=(soft,)), beta=0.1)
    full = [2.0 * w.max() for w in trainer.w]
    assert trainer.w[0].shape == (8, 128)
    epoch(trainer)
    for w, top in zip(trainer.w, full, strict=True):
        assert w.min() >= 0.0 and w.max() <= top * (1 + 1e-6)


def test_pulses_are_refused_where_nothing_moves_by_them(data):
    said = "law pulsed is one of updates in place by equilibrium propagation"
    with pytest.raises(TrainingError, match=said):
        PathwiseConfig(non_ideal=PULSED)
    with pytest.raises(EbmError, match=said):
        RbmConfig(non_ideal=PULSED)
    with pytest.raises(EqpropError, match=said):
        EqpropConfig(device=EqpropDevice(PULSED), regime="aware")
    with pytest.raises(EqpropError, match=said):
        EqpropConfig(device=EqpropDevice(PULSED), engine="jax")
    with pytest.raises(EqpropError, match="regime must be one of aware, in-place, got 'clean'"):
        EqpropConfig(regime="clean")
    with pytest.raises(TrainingError, match="regime 'aware' says what training sees of imperfect devices"):
        PathwiseConfig(regime="aware")


def test_soft_bounds_slow_learning_down_and_coarse_steps_hurt(data):
    """A training on pulsed cells still learns; one whose cells have five states does not keep up."""
    accuracy = {}
    for name, step in (("fine", 0.002), ("coarse", 0.5)):
        soft = replace(STEPS, step=given(step), slope_up=given(1.0), slope_down=given(1.0))
        law = Imperfections(laws=(replace(soft, low=given(-1.0), high=given(1.0), headroom=given(4.0)),))
        config = EqpropConfig(
            hidden=(16,), batch=16, tile=16, epochs=15, rates=(0.1,), init_gain=0.5, device=EqpropDevice(law)
        )
        trainer = HopfieldTrainer(data, config)
        with Tiles(1) as tiles:
            for _ in range(15):
                record = trainer.run_epoch(tiles)
        accuracy[name] = record.train_accuracy
    assert accuracy["fine"] > 0.7 and accuracy["fine"] > accuracy["coarse"] + 0.2
