"""A model family's part in a process of its own, so that both compile their kernels at once.

The child is told what to do and answers through pipes, and needs nothing of the caller's main
module. Library code never prints: its standard output carries the answer alone.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import IO, Any

from compiler.errors import ThermocError
from thermo.progress import NullProgress

# an interrupt goes to both processes: the parent ends the child
CHILD = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
from thermo.demo.apart import work
work(sys.stdin.buffer, sys.stdout.buffer)
"""


class PartError(ThermocError):
    """The process of a part ended without an answer."""


@contextmanager
def apart(place: str, *args: Any, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start the part "module:function" with these arguments, without progress; read it with
    `answer`.

    The process is killed when the context is left before it is done.
    """
    command = [sys.executable, "-c", CHILD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(pickle.dumps((place, args, options)))
            process.stdin.close()
            yield process
        finally:
            process.kill()


def answer(process: subprocess.Popen[bytes]) -> Any:
    """Wait for what the part returns; raises what its process raised, or PartError where it just ended."""
    assert process.stdout is not None
    text = process.stdout.read()
    if not text:
        raise PartError(f"a part of the demo ended with code {process.wait()} and no result; run it again")
    found = pickle.loads(text)
    if isinstance(found, BaseException):
        raise found
    return found


def work(source: IO[bytes], target: IO[bytes]) -> None:
    """The child's side."""
    place, args, options = pickle.loads(source.read())
    module, function = place.split(":")
    try:
        part = getattr(import_module(module), function)
        found: Any = part(*args, **options, progress=NullProgress())
    except ThermocError as error:
        found = error
    target.write(pickle.dumps(found))
