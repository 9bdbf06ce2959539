"""What ngspice could not do."""

from compiler.errors import ThermocError


class SpiceError(ThermocError):
    """ngspice cannot run a deck: its own first complaint."""
