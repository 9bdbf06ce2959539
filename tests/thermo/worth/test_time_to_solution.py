"""Time to solution against its definition, and the cover of its interval."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from thermo.worth.errors import WorthError
from thermo.worth.time_to_solution import time_to_solution


def test_the_definition():
    told = time_to_solution(3, 10, 2.0)
    assert told.value == pytest.approx(2.0 * math.log(0.01) / math.log(0.7))
    assert told.low < told.value < told.high
    assert time_to_solution(0, 10, 2.0).value == math.inf
    assert math.isfinite(time_to_solution(0, 10, 2.0).low)
    sure = time_to_solution(10, 10, 2.0)
    assert sure.value == sure.low == 2.0 < sure.high < math.inf


def test_the_interval_covers_by_all_counts():
    """Clopper and Pearson: at least 95 % whatever p, summed over the binomial law."""
    for p in (0.02, 0.3, 0.8):
        true = 1.0 * math.log(0.01) / math.log1p(-p) if p < 0.99 else 1.0
        inside = 0.0
        for hits in range(21):
            told = time_to_solution(hits, 20, 1.0)
            inside += binom.pmf(hits, 20, p) * (
                told.low <= true * (1 + 1e-9) and told.high >= true * (1 - 1e-9)
            )
        assert inside >= 0.95
        assert np.isfinite(true)


def test_counts_that_cannot_be():
    with pytest.raises(WorthError, match="hits"):
        time_to_solution(3, 2, 1.0)
    with pytest.raises(WorthError, match="between 0 and 1"):
        time_to_solution(1, 2, 1.0, share=1.0)
