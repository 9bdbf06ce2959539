"""What cannot be measured."""

from compiler.errors import ThermocError


class QualityError(ThermocError):
    """Images, a data set or a reader that do not fit together."""
