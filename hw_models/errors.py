"""Errors about hardware descriptions; the command line exits with code 2 on them."""


class HardwareError(Exception):
    """A preset, target or imperfection is unknown or out of its range."""
