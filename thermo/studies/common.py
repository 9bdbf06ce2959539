"""What all points of a study read, data and netlists, on its way to workers: by path and digest."""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from compiler.errors import ThermocError


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """In this process."""

    value: Any

    def get(self) -> Any:
        return self.value


@dataclass(frozen=True, slots=True)
class Filed:
    """In a file that every worker can read; digest : SHA-256 of its bytes."""

    path: Path
    digest: str

    def get(self) -> Any:
        """Raises ThermocError if the file is not here, or is another than was written."""
        return _read(self.path, self.digest)


@lru_cache(maxsize=2)
def _read(path: Path, digest: str) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ThermocError(
            f"{path}: a worker cannot read it ({error.strerror}); the study's folder must be the same on "
            "all hosts: choose one on a shared file system"
        ) from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise ThermocError(f"{path}: is another file than the study wrote; run the study again")
    return pickle.loads(data)


@contextmanager
def filed(value: Any, folder: Path) -> Iterator[Filed]:
    """The value in a file of the folder, which is removed at the end."""
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".inputs-", suffix=".pickle") as file:
        file.write(data)
        file.flush()
        yield Filed(Path(file.name), hashlib.sha256(data).hexdigest())
