"""What the tools of an FPGA could not do."""

from compiler.errors import ThermocError


class FpgaError(ThermocError):
    """A tool refuses a design: its own first complaint."""


class NoPinError(FpgaError):
    """nextpnr finds no pin for one of a design's."""
