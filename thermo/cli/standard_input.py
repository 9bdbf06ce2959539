"""`-` and process substitution: what comes through a pipe becomes a file that can be read twice, and what
goes to standard output by `-o -` one that is written whole.
"""

from __future__ import annotations

import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TextIO, cast

from compiler.files import OutputError
from thermo.cli.streams import write_out

WRITTEN = ("-o", "--out", "--save", "--testbench", "--picture", "--markdown", "--liberty", "--checkpoint")
"""Flags whose file is written."""
ZIP = b"PK\x03\x04"


@contextmanager
def as_files(arguments: Sequence[str]) -> Iterator[list[str]]:
    """The arguments with a file of its content for `-` and for every pipe.

    The files are gone at the end of the block. Of `-o -`, the file goes to standard output there, if it was
    written, and what the command tells goes to standard error.
    """
    words = list(arguments)
    places = [k for k, word in enumerate(words) if _is_pipe(word)]
    if not places:
        yield words
        return
    out: Path | None = None
    if words[0] == "train" and not any(word.startswith("--checkpoint") for word in words):
        for k in places:
            if (flag := _out_flag(words, k)) is not None:
                raise OutputError(
                    f"{flag} -: a training keeps its checkpoint beside the model; name the model's file, or "
                    "add --checkpoint FILE"
                )
    with tempfile.TemporaryDirectory(prefix="thermoc-") as folder:
        for number, k in enumerate(places):
            before = words[k - 1] if k else ""
            flag, _, path = words[k].rpartition("=") if words[k].startswith("--") else ("", "", words[k])
            if (flag or before) in WRITTEN:
                if path == "-":
                    if out is not None:
                        raise OutputError(
                            f"{flag or before} -: standard output takes one file; name the others"
                        )
                    out = Path(folder) / "standard-output"
                    out.touch()  # so that it is not taken for a folder to be made
                    words[k] = f"{flag}={out}" if flag else str(out)
                continue
            data = (flag or before) == "--data" or words[0] == "data"
            kept = _kept(path, Path(folder) / str(number), data)
            words[k] = f"{flag}={kept}" if flag else str(kept)
        if out is None:
            yield words
            return
        try:
            with redirect_stdout(cast(TextIO, _Told(str(out)))):
                yield words
        finally:
            write_out(out.read_bytes())


class _Told:
    """Standard error, for what is told of a file that is on its way to standard output."""

    def __init__(self, path: str) -> None:
        self.path = path

    def write(self, text: str) -> int:
        return sys.stderr.write(text.replace(self.path, "standard output"))

    def flush(self) -> None:
        sys.stderr.flush()

    def fileno(self) -> int:
        return sys.stderr.fileno()


def _out_flag(words: Sequence[str], k: int) -> str | None:
    """The flag of the model's file, if word k is its `-`."""
    flag, _, path = words[k].rpartition("=") if words[k].startswith("--") else (words[k - 1], "", words[k])
    return flag if path == "-" and flag in ("-o", "--out") else None


def _is_pipe(word: str) -> bool:
    path = word.rpartition("=")[2] if word.startswith("--") else word
    if path == "-":
        return True
    if not path.startswith(("/", ".")):
        return False
    try:
        return stat.S_ISFIFO(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


def _kept(path: str, folder: Path, data: bool) -> Path:
    """A file with the content; data sets are told by their endings, so that it gets one."""
    folder.mkdir()
    name = "standard-input" if path == "-" else "pipe"
    with open(folder / name, "wb") as out:
        if path == "-":
            shutil.copyfileobj(sys.stdin.buffer, out)
        else:
            with open(path, "rb") as content:
                shutil.copyfileobj(content, out)
    with open(folder / name, "rb") as file:
        head = file.read(len(ZIP))
    ending = ".npz" if head == ZIP else ".csv" if data and not head.startswith(b"\0") else ""
    return (folder / name).rename(folder / f"{name}{ending}")
