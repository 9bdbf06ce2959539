"""What settings of trainings are checked for, said alike everywhere."""

from __future__ import annotations

import sys
from numbers import Real
from typing import Any, NoReturn

from compiler.errors import ThermocError


def whole(value: Any, least: int = 1) -> bool:
    """Whether this is a whole number of at least `least`; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def finite(value: Any) -> bool:
    """Whether this is a number that a float can hold; True and False are none."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and bool(abs(value) <= sys.float_info.max)


class Rules:
    """Checks of one configuration's fields by name; the first that breaks one raises `error`."""

    def __init__(self, config: Any, error: type[ThermocError], subject: str = "training") -> None:
        self.config, self.error, self.subject = config, error, subject

    def fail(self, name: str, rule: str) -> NoReturn:
        """Raise: the field's name, the rule and the value."""
        value = getattr(self.config, name)
        raise self.error(f"{self.subject}: {name} must be {rule}, got {value!r}")

    def whole(self, *names: str, least: int = 1) -> None:
        """Whole numbers of at least `least`."""
        for name in names:
            value = getattr(self.config, name)
            if not whole(value, least):
                self.fail(name, f"a whole number >= {least}")

    def whole_or_none(self, *names: str) -> None:
        """Whole numbers of at least 1, or None."""
        for name in names:
            value = getattr(self.config, name)
            if value is not None and not whole(value):
                self.fail(name, "a whole number >= 1 or none")

    def positive(self, *names: str) -> None:
        """Finite numbers above 0."""
        for name in names:
            value = getattr(self.config, name)
            if not (finite(value) and value > 0):
                self.fail(name, "a number > 0")

    def not_negative(self, *names: str) -> None:
        """Finite numbers of at least 0."""
        for name in names:
            value = getattr(self.config, name)
            if not (finite(value) and value >= 0):
                self.fail(name, "a number >= 0")

    def below_one(self, *names: str) -> None:
        """Numbers in [0, 1)."""
        for name in names:
            value = getattr(self.config, name)
            if not (finite(value) and 0 <= value < 1):
                self.fail(name, "at least 0 and below 1")

    def share(self, *names: str) -> None:
        """Numbers in [0, 1]."""
        for name in names:
            value = getattr(self.config, name)
            if not (finite(value) and 0 <= value <= 1):
                self.fail(name, "between 0 and 1")

    def finite(self, *names: str) -> None:
        """Finite numbers."""
        for name in names:
            if not finite(getattr(self.config, name)):
                self.fail(name, "a finite number")

    def choice(self, name: str, choices: tuple[str, ...]) -> None:
        """One of the choices."""
        if getattr(self.config, name) not in choices:
            self.fail(name, f"one of {', '.join(choices)}")

    def seed(self, bits: int = 64) -> None:
        """A whole number of so many bits."""
        value = self.config.seed
        if not whole(value, 0) or value >= 2**bits:
            self.fail("seed", f"a whole number from 0 to 2^{bits} - 1")

    def device_seed(self) -> None:
        """A whole number of at least 0, or None."""
        value = self.config.device_seed
        if value is not None and (not isinstance(value, int) or value < 0):
            self.fail("device_seed", "a whole number >= 0 or none")

    def unpulsed(self, law: Any) -> None:
        """Imperfections, or None, without a law of updates, which this training has no use for."""
        for one in () if law is None else law.laws:
            if one.name == "pulsed":
                raise self.error(
                    f"{self.subject}: law {one.name} is one of updates in place by equilibrium propagation "
                    "(engine 'numba'); leave it out of the device's laws"
                )

    def rates(self, layers: int) -> None:
        """`rates`: numbers of at least 0, one or one a layer."""
        values = self.config.rates
        if not all(finite(r) and r >= 0 for r in values):
            self.fail("rates", "numbers >= 0")
        if len(values) not in (1, layers):
            self.fail("rates", f"one value, or one for each of {layers} layers")
