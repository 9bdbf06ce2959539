"""Who is at a point: files in the study's folder that at most one process holds.

A claim is a file that could be made because it was not there (O_EXCL), with host, pid and the time of its
last heartbeat, which a thread of the holder renews. A claim without a new heartbeat for a while is that of a
dead process, and another takes it over by making the claim of the next number: of several that try, one can.
Heartbeats are compared for change alone, so that clocks of hosts need not agree.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

BEAT = 3.0  # s between heartbeats
DEAD = 20.0  # s without one, and the holder is taken for dead


@dataclass(frozen=True, slots=True)
class Sign:
    """Of life: the claim's number, who holds it and the time of its last heartbeat on that clock.

    holder : "HOST, process PID"; token : of this claim alone
    """

    number: int
    holder: str
    token: str
    beat: float


def holder_of(folder: Path, name: str) -> Sign | None:
    """What the newest claim of the point says; None if it is free."""
    sign, number = None, 0
    while True:
        try:
            told = json.loads(_path(folder, name, number).read_text())
            sign = Sign(number, f"{told['host']}, process {told['pid']}", told["token"], told["beat"])
        except FileNotFoundError:
            return sign
        except (ValueError, KeyError, TypeError):  # being written
            sign = Sign(number, "an unknown process", "", 0.0)
        number += 1


def clear(folder: Path, name: str) -> None:
    """Remove what a process that was killed left of a point whose record is there."""
    number = 0
    with suppress(FileNotFoundError):
        while True:
            _path(folder, name, number).unlink()
            number += 1


def take(folder: Path, name: str, dead: Sign | None = None, *, beat: float = BEAT) -> Claim | Sign:
    """The claim, or the sign of who holds it. dead : a sign that has been the last for too long"""
    sign = holder_of(folder, name)
    if sign is not None and sign != dead:
        return sign
    number = 0 if sign is None else sign.number + 1
    try:
        claim = Claim(folder, name, number, beat)
    except FileExistsError:
        return holder_of(folder, name) or Sign(number, "an unknown process", "", 0.0)
    try:
        # whoever let go and took the point meanwhile has it
        now = holder_of(folder, name)
        before = _token(folder, name, number - 1)
    except BaseException:  # an interrupt holds nothing
        claim.release()
        raise
    if now is None or now.token != claim.token or before not in (None, sign.token if sign else None):
        claim.release()
        return now or Sign(number, "an unknown process", "", 0.0)
    return claim


class Claim:
    """A point that this process holds from here to `release`. FileExistsError if another does."""

    def __init__(self, folder: Path, name: str, number: int, beat: float) -> None:
        self._folder, self._name, self._number = folder, name, number
        self.token = uuid.uuid4().hex
        self._ended = threading.Event()
        path = _path(folder, name, number)
        with path.open("x") as file:
            try:
                file.write(self._text())
                self._thread = threading.Thread(target=self._beat, args=(beat,), daemon=True)
                self._thread.start()
            except BaseException:  # an interrupt holds nothing
                self._ended.set()
                path.unlink()
                raise

    def _text(self) -> str:
        told = {"host": socket.gethostname(), "pid": os.getpid(), "token": self.token, "beat": time.time()}
        return json.dumps(told)

    def _beat(self, every: float) -> None:
        path = _path(self._folder, self._name, self._number)
        beside = path.with_name(f"{path.name}.{self.token}")
        while not self._ended.wait(every):
            # a folder that fails once may come back
            with suppress(OSError):
                if not path.exists():  # taken over, and ended by who took it
                    return
                beside.write_text(self._text())
                beside.replace(path)

    def release(self) -> None:
        """Let go of the point, and of what dead processes had of it, also where an interrupt comes."""
        try:
            self._let_go()
        except KeyboardInterrupt:
            self._let_go()
            raise

    def _let_go(self) -> None:
        self._ended.set()
        self._thread.join()
        for number in range(self._number, -1, -1):
            _path(self._folder, self._name, number).unlink(missing_ok=True)


def _path(folder: Path, name: str, number: int) -> Path:
    return folder / f".{name}.claim{number}"


def _token(folder: Path, name: str, number: int) -> str | None:
    try:
        return str(json.loads(_path(folder, name, number).read_text())["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
