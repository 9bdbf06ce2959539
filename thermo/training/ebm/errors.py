"""What can go wrong with energy-based models."""

from compiler.errors import ThermocError


class EbmError(ThermocError):
    """A setting, model or data set that energy-based training or evaluation cannot take."""
