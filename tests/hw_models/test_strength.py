"""What a device suffers from, alone and so many times as strong."""

import numpy as np
import pytest

from hw_models.errors import HardwareError
from hw_models.imperfect import Imperfections, perturb
from hw_models.laws.circuit import Nonlinear
from hw_models.laws.compensation import Compensation
from hw_models.laws.sets import LAW_SETS
from hw_models.source import Quantity, chosen
from hw_models.strength import depends_on_time, suffered, with_strength

PCM = Imperfections(mismatch=0.1, bits=4, laws=LAW_SETS.get("pcm"))
N = 400


def couplings(law, seed=0):
    rng = np.random.default_rng(1)
    cells = np.arange(N)
    return perturb(rng.normal(size=N), cells, cells + N, law, seed)


def test_what_a_device_suffers_from():
    assert suffered(PCM) == ("mismatch", "bits", "programming", "drift", "read")
    assert suffered(Imperfections(laws=LAW_SETS.get("reram-pulsed"))) == ()


def test_strength_one_is_the_device_and_zero_is_none():
    np.testing.assert_array_equal(couplings(with_strength(PCM, 1.0)), couplings(PCM))
    assert with_strength(PCM, 0.0).ideal


@pytest.mark.parametrize("name", suffered(PCM))
def test_a_law_alone_is_the_device_that_has_it_alone(name):
    alone = with_strength(PCM, 1.0, name)
    assert suffered(alone) == (name,)
    # compensation is a remedy, and stays where there is something to compensate
    assert any(isinstance(law, Compensation) for law in alone.laws) == (
        name in ("programming", "drift", "read")
    )


@pytest.mark.parametrize("name", ["mismatch", "programming"])
def test_twice_as_strong_is_twice_as_far_off(name):
    law = Imperfections(mismatch=0.01) if name == "mismatch" else Imperfections(laws=LAW_SETS.get("pcm")[:1])
    asked = couplings(Imperfections())
    far = [couplings(with_strength(law, k, name)) - asked for k in (0.5, 1.0)]
    if name == "mismatch":
        np.testing.assert_allclose(2 * far[0], far[1], rtol=1e-5, atol=1e-6)
    else:  # the cells of a pair that should be off stop at 0
        on = np.abs(asked) > 0.5 * np.abs(asked).max()
        assert np.median(far[1][on] / far[0][on]) == pytest.approx(2.0, abs=0.2)


def test_bits_lose_one_for_every_doubling():
    assert [with_strength(Imperfections(bits=4), k).bits for k in (0.5, 1.0, 2.0, 100.0)] == [5, 4, 3, 2]


def test_any_other_law_moves_a_conductance_as_many_times_as_far():
    q = {k: Quantity(v, "V", chosen(0, "V", "x").source) for k, v in {"read": 0.3, "verify": 0.1}.items()}
    a = {k: Quantity(v, "1/V", q["read"].source) for k, v in {"off": 2.0, "on": 1.0}.items()}
    law = Imperfections(laws=(Nonlinear(**q, **a),))
    asked = couplings(Imperfections())
    far = [couplings(with_strength(law, k)) - asked for k in (1.0, 3.0)]
    np.testing.assert_allclose(3 * far[0], far[1], rtol=1e-5, atol=1e-9)
    told = [with_strength(law, k).to_dict() for k in (1.0, 3.0, 2.0)]
    assert len({str(t) for t in told}) == 3


def test_a_range_may_vanish():
    law = Imperfections(laws=LAW_SETS.get("reram-hfo2"))
    assert with_strength(law, 2.0, "on-off").laws[0].ratio.value == 2.25
    with pytest.raises(HardwareError, match="5 times as strong leaves no range"):
        with_strength(law, 5.0)


def test_time_matters_to_drift_and_not_to_programming():
    times = (25.0, 3600.0)
    assert depends_on_time(with_strength(PCM, 1.0, "drift"), times)
    assert not depends_on_time(with_strength(PCM, 1.0, "programming"), times)
    assert not depends_on_time(PCM, ())


def test_refusals():
    with pytest.raises(HardwareError, match="strength must be a number >= 0, got -1"):
        with_strength(PCM, -1.0)
    with pytest.raises(HardwareError, match="has no 'relaxation'; it has mismatch, bits, programming"):
        with_strength(PCM, 1.0, "relaxation")
