"""The one epoch loop: resumed, interrupted, told about, and what it hands back."""

from dataclasses import dataclass

import numpy as np
import pytest

from thermo.data import Dataset
from thermo.progress import NullProgress
from thermo.training import TrainingError
from thermo.training.config import TrainingConfig
from thermo.training.loop import Trained, fit

X = np.arange(6.0).reshape(3, 2)
Y = np.array([0, 1, 0])
DATA = Dataset("toy", X, Y, X, Y, X, Y, 2)


@dataclass(frozen=True, slots=True)
class Record:
    epoch: int
    value: float
    seconds: float = 0.0


class Walk:
    """A random walk in place of a training; the largest value is the best."""

    NUMBERS = ("epoch", "seconds", "score", "best_epoch")
    RECORD, ERROR = Record, TrainingError

    def __init__(self, config):
        self.config, self.history = config, []
        self.epoch, self.seconds, self.score, self.best_epoch = 0, 0.0, -np.inf, 0
        self.x, self.best = np.zeros(2), np.zeros(2)

    def arrays(self):
        return {"x": self.x, "best": self.best}

    def run_epoch(self, tiles):
        self.x += np.random.default_rng([self.config.seed, self.epoch]).standard_normal(2)
        self.epoch += 1
        if self.x[0] > self.score:
            self.score, self.best_epoch = float(self.x[0]), self.epoch
            self.best[:] = self.x
        return Record(self.epoch, float(self.x[0]))

    def note(self):
        return f"at {self.history[-1].value:.2f}"

    def model(self):
        return self.best.copy()


class Told(NullProgress):
    def __init__(self, stop=-1):
        self.stop_at, self.heard, self.ended = stop, [], False

    def start(self, total, label):
        self.heard.append((total, label))

    def update(self, done, note=""):
        self.heard.append((done, note))
        if done == self.stop_at and note:
            raise KeyboardInterrupt

    def stop(self):
        self.ended = True


CONFIG = TrainingConfig(epochs=5, seed=4)


def run(config=CONFIG, trainer=None, **options):
    return fit(trainer or Walk(config), (DATA, config), "a walk", threads=1, **options)


def test_every_epoch_is_run_timed_and_told():
    told = Told()
    found = run(progress=told)
    values = [r.value for r in found.history]
    assert [r.epoch for r in found.history] == [1, 2, 3, 4, 5]
    assert found.score == max(values) and found.best_epoch == 1 + int(np.argmax(values))
    assert found.model[0] == found.score and found.config is CONFIG
    assert found.seconds == pytest.approx(sum(r.seconds for r in found.history)) and found.seconds > 0
    assert told.heard == [(5, "a walk"), *((k + 1, f"at {v:.2f}") for k, v in enumerate(values))]
    assert told.ended
    assert len(run(epochs=2).history) == 2


def test_interrupted_and_resumed_it_ends_as_if_it_had_not_been(tmp_path):
    whole, kept, told = run(), tmp_path / "kept", Told(stop=2)
    with pytest.raises(KeyboardInterrupt):
        run(checkpoint=kept, progress=told)
    assert told.ended and kept.exists()
    again = Told()
    found = run(checkpoint=kept, progress=again)
    assert again.heard[1] == (2, "")  # where it goes on from
    assert [r.value for r in found.history] == [r.value for r in whole.history]
    assert (found.score, found.best_epoch) == (whole.score, whole.best_epoch)
    assert np.array_equal(found.model, whole.model)


def test_a_trainer_that_keeps_too_little_ends_elsewhere(tmp_path):
    class Forgetful(Walk):
        def arrays(self):
            return {"best": self.best}

    kept = tmp_path / "kept"
    with pytest.raises(KeyboardInterrupt):
        run(trainer=Forgetful(CONFIG), checkpoint=kept, progress=Told(stop=2))
    found = run(trainer=Forgetful(CONFIG), checkpoint=kept)
    assert [r.value for r in found.history] != [r.value for r in run().history]


def test_checkpoints_of_other_trainings_and_bad_threads_are_refused(tmp_path):
    kept = tmp_path / "kept"
    run(checkpoint=kept)
    with pytest.raises(TrainingError, match="another configuration or data set"):
        run(TrainingConfig(epochs=5, seed=5), checkpoint=kept)
    with pytest.raises(TrainingError, match="threads must be a whole number >= 1"):
        fit(Walk(CONFIG), (DATA, CONFIG), "a walk", threads=0)


def test_what_a_family_adds_comes_beside_what_all_have():
    @dataclass(frozen=True, slots=True, eq=False)
    class Warm(Trained[np.ndarray, Record]):
        heat: float

    found = run()
    more = found.extended(Warm, heat=3.0)
    assert (more.heat, more.score, more.history) == (3.0, found.score, found.history)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number >= 1, got 0"),
        ({"batch": 1.5}, "batch must be a whole number >= 1, got 1.5"),
        ({"epochs": True}, "epochs must be a whole number >= 1, got True"),
        ({"seed": 2**64}, "seed must be a whole number from 0 to"),
    ],
)
def test_settings_that_all_share_are_checked(change, message):
    with pytest.raises(TrainingError, match=message):
        TrainingConfig(**change)
