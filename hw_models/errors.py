"""Errors that a user can mend: each names the object, the rule, the value and the way out."""

MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError)
"""What Python and NumPy raise of a file's values that are not what its reader expects."""


class ThermocError(Exception):
    """Base of every error caused by what the user gave; the command line exits with code 2."""


class HardwareError(ThermocError):
    """A preset, target or imperfection is unknown or out of its range."""
