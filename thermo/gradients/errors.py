"""What can go wrong when a network learns by relaxing."""

from compiler.errors import ThermocError


class EqpropError(ThermocError):
    """A setting or network that equilibrium propagation cannot take."""


class NudgeError(EqpropError):
    """The nudge is so strong that the outputs lose their minimum."""


class UnsettledError(EqpropError):
    """A relaxation did not come to rest."""
