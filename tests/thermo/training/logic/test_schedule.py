"""The learning rate of gates: a cosine, or one that falls where validation stands still."""

import pytest

from thermo.training.errors import TrainingError
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.result import LogicEpoch
from thermo.training.logic.schedule import FALL, falls, rate_at
from thermo.training.optimise import cosine_rate


def test_falls_count_runs_without_a_better_score():
    scores = [0.1, None, 0.3, 0.3, 0.2, None, 0.3, 0.25, 0.31, 0.1, 0.1]
    assert [falls(scores[:n], 2) for n in range(len(scores) + 1)] == [0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert falls(scores, 3) == 1 and falls(scores, 1) == 6 and falls([], 1) == 0


def test_the_rate_falls_with_them_and_a_cosine_does_not():
    history = [LogicEpoch(k, 0.0, 0.0, 0.5, 1.0, 0.0) for k in range(1, 4)]
    config = LogicConfig(learning_rate=0.2, schedule="validation", patience=2, warmup_steps=4)
    assert rate_at(config, 0, 100, []) == pytest.approx(0.2 / 4)
    assert rate_at(config, 99, 100, history[:2]) == pytest.approx(0.2)
    assert rate_at(config, 50, 100, history) == pytest.approx(FALL * 0.2)
    least = LogicConfig(learning_rate=0.2, schedule="validation", patience=1, final_rate=0.1)
    assert rate_at(least, 50, 100, history) == pytest.approx(0.1 * 0.2)
    plain = LogicConfig(learning_rate=0.2, final_rate=0.1)
    for step in (0, 30, 100):
        assert rate_at(plain, step, 100, history) == cosine_rate(0.2, step, 100, warmup=0, final=0.1)


def test_a_patience_without_its_schedule_is_refused():
    with pytest.raises(TrainingError, match='schedule must be "validation" with a patience of 2'):
        LogicConfig(patience=2)
    with pytest.raises(TrainingError, match="schedule must be"):
        LogicConfig(schedule="plateau")
