"""Points run by any executor, each once, however many processes work in the folder.

A point's record is a file in the study's folder, named by a digest of its settings and written whole or not
at all. A worker reads the record, or claims the point (thermo.studies.claims), measures it and writes the
record. Nothing else is needed to go on: what a killed worker, client or scheduler had finished is there.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compiler.errors import ThermocError
from compiler.files import make_folder, replacing
from thermo.progress import NullProgress, Progress
from thermo.simulate.threads import limited_threads
from thermo.studies.claims import DEAD, Claim, Sign, clear, holder_of, take
from thermo.studies.common import Filed, Held, filed
from thermo.studies.executors import SerialExecutor

LOOK = 0.3  # s between looks at points that other processes hold
TOLD = 30.0  # s: a study that ends sooner does not say when


class PointError(ThermocError):
    """A point of a study failed, or the worker that was at it."""


@dataclass(frozen=True, slots=True)
class Job:
    """One point on its way to a worker.

    name : of its files in `folder`; point : its settings
    measure : (point, what all points share, checkpoint, model file) -> a dataclass of figures
    kind : makes these figures of a record's keys
    threads : most threads of whoever runs it, None: as many as there are
    """

    name: str
    folder: Path
    point: Any
    kind: Callable[..., Any]
    measure: Callable[[Any, Any, Path, Path], Any]
    common: Held | Filed
    threads: int | None = None

    @property
    def record(self) -> Path:
        return self.folder / f"{self.name}.json"

    def read(self) -> Any:
        """The figures, or None if there is no record; ThermocError for a file that is none."""
        try:
            return self.kind(**json.loads(self.record.read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ThermocError(
                f"{self.record}: not a study record ({error}); delete it to run the point again"
            ) from None

    def run(self) -> Any:
        """The figures, measured and kept."""
        checkpoint, model = (self.folder / f"{self.name}.{end}" for end in ("checkpoint", "safetensors"))
        measured = self.measure(self.point, self.common.get(), checkpoint, model)
        with replacing(self.record) as beside:
            beside.write_text(json.dumps(asdict(measured), indent=1))
        checkpoint.unlink(missing_ok=True)
        return measured


@dataclass(frozen=True, slots=True)
class Done:
    """figures; seconds : that they took here, 0 if they were read"""

    figures: Any
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """An error of the user's, in words: errors themselves may not survive the way back."""

    told: str


def run_job(job: Job, dead: Sign | None = None) -> Done | Sign | Failed:
    """The point's figures, or who is at it. dead : the last sign of a process that was"""
    began = time.perf_counter()
    try:
        found = job.read()
        if found is not None:
            clear(job.folder, job.name)
            return Done(found, 0.0)
        claim = take(job.folder, job.name, dead)
        if not isinstance(claim, Claim):
            return claim
        try:
            found = job.read()  # of who had just let go
            if found is not None:
                return Done(found, 0.0)
            with ExitStack() as stack:
                if job.threads is not None:
                    stack.enter_context(limited_threads(job.threads))
                return Done(job.run(), time.perf_counter() - began)
        finally:
            claim.release()
    except ThermocError as error:
        return Failed(f"point {job.name}: {error}")
    except Exception as error:
        error.add_note(f"point {job.name}")
        raise


def run_all(
    points: Mapping[str, Any] | Sequence[tuple[str, Any]],
    folder: str | Path,
    kind: Callable[..., Any],
    measure: Callable[[Any, Any, Path, Path], Any],
    common: Any,
    *,
    told: Callable[[Any], str],
    label: str,
    executor: Executor | None = None,
    progress: Progress | None = None,
    dead: float = DEAD,
) -> list[Any]:
    """Figures of all points in order, those in `folder` read from there.

    points : (name of its files, settings); those of one name are one
    kind, measure : see Job; of a module, so that they can be sent; common : that all points are measured with
    told : what progress says of figures; label : of all
    executor : where they run, by default here one after the other
    dead : s without a heartbeat after which a point is taken from whoever claimed it

    Raises PointError, which names the point, as soon as one fails.
    """
    named = list(points.items() if isinstance(points, Mapping) else points)
    place = make_folder(folder).resolve()
    progress = progress or NullProgress()
    executor = executor or SerialExecutor()
    here = isinstance(executor, SerialExecutor)
    progress.start(len(named), label)
    try:
        with ExitStack() as stack:
            shared = Held(common) if here else stack.enter_context(filed(common, place))
            jobs = {
                name: Job(name, place, point, kind, measure, shared, None if here else 1)
                for name, point in named
            }
            repeated = len(named) - len(jobs)
            found = _Round(jobs, executor, 1 if here else len(jobs), dead, told, progress, repeated).run()
        if repeated:
            progress.update(len(named))
    finally:
        progress.stop()
    return [found[name] for name, _ in named]


class _Round:
    """The client's side: what is to be done, what runs, and what others are at."""

    def __init__(
        self,
        jobs: Mapping[str, Job],
        executor: Executor,
        ahead: int,
        dead: float,
        told: Callable[[Any], str],
        progress: Progress,
        repeated: int,
    ) -> None:
        self._jobs, self._executor, self._ahead, self._dead = jobs, executor, ahead, dead
        self._told, self._progress = told, progress
        self._todo: deque[tuple[str, Sign | None]] = deque((name, None) for name in jobs)
        self._running: dict[Future[Any], str] = {}
        self._others: dict[str, tuple[Sign, float]] = {}  # and since when that was the last sign
        self._found: dict[str, Any] = {}
        self._began, self._ran, self._looked = time.perf_counter(), 0, 0.0

    def run(self) -> dict[str, Any]:
        try:
            while len(self._found) < len(self._jobs):
                while self._todo and len(self._running) < self._ahead:
                    name, dead = self._todo.popleft()
                    self._running[self._submitted(name, dead)] = name
                if self._running:
                    limit = LOOK if self._others else None
                    done, _ = wait(self._running, limit, FIRST_COMPLETED)
                    for future in done:
                        self._take(self._running.pop(future), future)
                elif self._others:
                    time.sleep(LOOK)
                self._look()
        finally:
            for future in self._running:
                future.cancel()
        return self._found

    def _submitted(self, name: str, dead: Sign | None) -> Future[Any]:
        try:
            return self._executor.submit(run_job, self._jobs[name], dead)
        except BrokenExecutor:
            raise _gone(name) from None

    def _take(self, name: str, future: Future[Any]) -> None:
        try:
            outcome = future.result()
        except (BrokenExecutor, CancelledError):
            raise _gone(name) from None
        if isinstance(outcome, Failed):
            raise PointError(outcome.told)
        if isinstance(outcome, Sign):
            self._others[name] = outcome, time.monotonic()
        else:
            self._finish(name, outcome)

    def _finish(self, name: str, done: Done) -> None:
        self._found[name] = done.figures
        self._ran += done.seconds > 0
        left = len(self._jobs) - len(self._found)
        note = f"{self._told(done.figures)}, {done.seconds:.0f} s{self._left(left)}"
        self._progress.update(len(self._found), note)

    def _left(self, points: int) -> str:
        """The time that so many points will take, at the pace of those that were run."""
        if not self._ran:
            return ""
        seconds = points * (time.perf_counter() - self._began) / self._ran
        return f"; about {seconds / 60:.0f} min left" if seconds > TOLD else ""

    def _look(self) -> None:
        """What others are at: done, let go, or without a heartbeat for too long."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        self._looked = now
        for name, (last, since) in list(self._others.items()):
            figures, sign = self._jobs[name].read(), holder_of(self._jobs[name].folder, name)
            if figures is not None or sign is None or (sign == last and now - since > self._dead):
                del self._others[name]
                if figures is not None:
                    self._finish(name, Done(figures, 0.0))
                else:
                    self._todo.append((name, sign))
            elif sign != last:
                self._others[name] = sign, now


def _gone(name: str) -> PointError:
    return PointError(
        f"point {name}: its worker or the scheduler is gone (killed, or out of memory); what was finished is "
        "in the folder: run the same again to go on"
    )
