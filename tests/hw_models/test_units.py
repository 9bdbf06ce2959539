"""Units with prefixes: a value is what it would be if it were written in the base unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw_models.errors import HardwareError
from hw_models.units import PREFIXES, in_unit, prefixed


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "base"),
    [
        (0.6, "fF", "F", 0.6e-15),
        (1.2, "fF", "F", 1.2e-15),
        (10, "kohm", "ohm", 1e4),
        (10, "kΩ", "ohm", 1e4),
        (2, "µs", "s", 2e-6),
        (1, "Mohm", "ohm", 1e6),
        (2, "fF/um2", "F/m2", 2e-3),
        (5, "um2", "m2", 5e-12),
        (0.2, "fF/um", "F/m", 2e-10),
        (10, "fJ/level", "J/level", 1e-14),
        (30, "%", "1", 0.3),
        (2, "min", "s", 120.0),
        (3, "ms", "s", 3e-3),
        (1.5, "V/V", "V/V", 1.5),
    ],
)
def test_prefixes(value, unit, wanted, base):
    assert in_unit(value, unit, wanted) == pytest.approx(base, rel=2e-16, abs=0)


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [("S", "F"), ("KF", "F"), ("f F", "F"), ("", "F"), ("F/m", "F"), ("um3", "m2"), ("%", "F")],
)
def test_other_units_are_refused(unit, wanted):
    with pytest.raises(HardwareError, match=f"unit {unit!r} is not one of"):
        in_unit(1.0, unit, wanted)


@given(st.floats(1e-18, 1e12), st.sampled_from(["F", "J/level", "W"]))
def test_what_is_written_with_a_prefix_is_read_as_it_was(value, unit):
    shown, there = prefixed([value, 1.1 * value], unit)
    assert [in_unit(v, there, unit) for v in shown] == [value, 1.1 * value]


def test_prefixes_leave_one_to_999_before_the_point():
    assert prefixed([1e-15], "F") == ([1.0], "fF")
    assert prefixed([999e-15], "F") == ([999.0], "fF")
    assert prefixed([8.0], "bit") == ([8.0], "bit") and prefixed([0.0], "F") == ([0.0], "F")
    assert set(PREFIXES.values()) == set(range(-18, 13, 3))
