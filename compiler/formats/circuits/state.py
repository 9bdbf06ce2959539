"""State in a circuit's file: refused, or cut into an input that shows it and an output with the next."""

from __future__ import annotations

from collections.abc import Container

from compiler.errors import UnsupportedError


def refuse_state(where: str, what: str) -> UnsupportedError:
    """Of a latch or flip-flop; where : file and line"""
    return UnsupportedError(
        f"{where}: {what}: state, which a circuit of gates lacks; --cut-latches makes it an input that "
        "shows the state and an output that shows the next one"
    )


def next_name(name: str, taken: Container[str]) -> str:
    """Of the output that shows the next state of `name`."""
    found = f"{name}_next"
    while found in taken:
        found += "_"
    return found
