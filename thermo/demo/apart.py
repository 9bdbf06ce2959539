"""Parts of the demo in a process of their own, one after the other, so that all cores compile kernels.

The child is told what to do and answers through pipes, and needs nothing of the caller's main
module. Library code never prints: its standard output carries the answer alone.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import IO, Any

from compiler.errors import ThermocError
from thermo.progress import NullProgress

# an interrupt goes to both processes: the parent ends the child, which reads before it imports, because
# the parent waits until it has
CHILD = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
given = sys.stdin.buffer.read()
from thermo.demo.apart import work
work(given, sys.stdout.buffer)
"""


class PartError(ThermocError):
    """The process of a part ended without an answer."""


@contextmanager
def apart(places: Sequence[str], *args: Any, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start these parts, "module:function" each, with these arguments, without progress; read one after
    the other with `answer`.

    The process is killed when the context is left before it is done.
    """
    command = [sys.executable, "-c", CHILD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(pickle.dumps((tuple(places), args, options)))
            process.stdin.close()
            yield process
        finally:
            process.kill()


def answer(process: subprocess.Popen[bytes]) -> Any:
    """Wait for what the next part returns; raises what it raised, or PartError where its process ended."""
    assert process.stdout is not None
    try:
        found = pickle.load(process.stdout)
    except (EOFError, pickle.UnpicklingError):
        code = process.wait()
        raise PartError(f"a part of the demo ended with code {code} and no result; run it again") from None
    if isinstance(found, BaseException):
        raise found
    return found


def work(given: bytes, target: IO[bytes]) -> None:
    """The child's side."""
    places, args, options = pickle.loads(given)
    for place in places:
        module, function = place.split(":")
        try:
            part = getattr(import_module(module), function)
            found: Any = part(*args, **options, progress=NullProgress())
        except ThermocError as error:
            found = error
        pickle.dump(found, target)
        target.flush()
