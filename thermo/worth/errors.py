"""What this room refuses."""

from __future__ import annotations

from compiler.errors import ThermocError


class WorthError(ThermocError):
    """A question about an answer that cannot be asked so."""
