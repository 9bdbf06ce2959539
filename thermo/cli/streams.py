"""Standard output and error: terminals that lack our signs, disks that are full, readers that are gone."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress

from compiler.files import OutputError

_SIGNS = "±:+- ×:x ·:. µ:u μ:u ²:^2 ³:^3 –:- —:- …:... →:-> ←:<- Δ:d ≥:>= ≤:<= ≈:~ █:# ━:- ╸:- ╺:-"
_PLAIN = {pair[0]: pair[2:] for pair in _SIGNS.split(" ")}


def _spelt(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that a terminal lacks."""
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lacking), error.end


def spell_out() -> None:
    """From now on characters that a standard stream lacks are spelt, not refused."""
    codecs.register_error("thermoc-spelt", _spelt)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="thermoc-spelt")


def write_out(text: str | bytes) -> None:
    """Write to standard output, now; bytes as they are.

    Raises OutputError where it cannot be written; a reader that is gone ends the program in silence.
    """
    try:
        if isinstance(text, str):
            sys.stdout.write(text)
        elif hasattr(sys.stdout, "buffer"):
            sys.stdout.buffer.write(text)
        else:  # a stand-in of letters alone
            sys.stdout.write(text.decode("utf-8", "replace"))
        sys.stdout.flush()
    except BrokenPipeError:
        discard()
        raise SystemExit(141) from None  # as a shell shows SIGPIPE
    except OSError as error:
        discard()
        raise OutputError(
            f"standard output: cannot be written ({error.strerror}); free space or choose another"
        ) from None


def discard() -> None:
    """Send what standard output still holds nowhere, so that its end does not fail once more."""
    with suppress(OSError, ValueError):  # a stand-in without a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
