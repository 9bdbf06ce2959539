"""Errors that a user can mend: each names the object, the rule, the value and the way out."""

from hw_models.errors import MALFORMED as MALFORMED
from hw_models.errors import ThermocError as ThermocError


class NetlistError(ThermocError):
    """A netlist breaks one of its invariants."""


class FormatError(ThermocError):
    """A file is not what its reader expects: foreign, truncated, altered or of a newer version."""


class TargetError(ThermocError):
    """A netlist asks for something that its target hardware does not offer."""


class UnsupportedError(ThermocError):
    """A model or netlist uses a feature that this reader or simulator does not implement."""
