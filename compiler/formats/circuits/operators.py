"""Two-input gates in the operators that C and Verilog share."""

from __future__ import annotations


def operators(zero: str, one: str) -> tuple[str, ...]:
    """For every gate id an expression of {a} and {b}; zero, one : the language's constants."""
    return (
        zero,
        "{a} & {b}",
        "{a} & ~{b}",
        "{a}",
        "~{a} & {b}",
        "{b}",
        "{a} ^ {b}",
        "{a} | {b}",
        "~({a} | {b})",
        "~({a} ^ {b})",
        "~{b}",
        "{a} | ~{b}",
        "~{a}",
        "~{a} | {b}",
        "~({a} & {b})",
        one,
    )
