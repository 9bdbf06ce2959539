"""Points are run once, whoever works in the folder, and none that was finished is lost."""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from toys.points import Toy, ran, run

from compiler.errors import ThermocError
from thermo.studies import claims
from thermo.studies.claims import Claim, Sign, holder_of, take
from thermo.studies.common import filed
from thermo.studies.executors import executor_for
from thermo.studies.jobs import PointError

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))}
LATE = 120  # s within which anything here is long done


def toys(*line):
    return subprocess.Popen([sys.executable, "-m", "toys.points", *map(str, line)], env=ENVIRONMENT)


def until(true, what):
    ends = time.monotonic() + LATE
    while not true():
        assert time.monotonic() < ends, what
        time.sleep(0.02)


def records(folder):
    return len(list(folder.glob("toy-*.json"))) if folder.exists() else 0


def table(folder):
    return sorted((json.loads(path.read_text()) for path in folder.glob("toy-*.json")), key=lambda t: t["k"])


# --- claims ------------------------------------------------------------------------------------------


def test_a_claim_is_one_processs_until_it_lets_go(tmp_path):
    mine = take(tmp_path, "p", beat=0.05)
    assert isinstance(mine, Claim)
    sign = take(tmp_path, "p")
    assert isinstance(sign, Sign) and f"process {os.getpid()}" in sign.holder
    until(lambda: holder_of(tmp_path, "p").beat > sign.beat, "no heartbeat")
    assert isinstance(take(tmp_path, "p", dead=sign), Sign)  # it has lived on since that sign
    mine.release()
    assert holder_of(tmp_path, "p") is None and not list(tmp_path.iterdir())


def test_of_many_that_take_over_one_does(tmp_path):
    for _ in range(20):
        assert isinstance(take(tmp_path, "p", beat=1e3), Claim)  # never beats again
        dead = holder_of(tmp_path, "p")
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda _: take(tmp_path, "p", dead), range(8)))  # noqa: B023
        mine = [claim for claim in got if isinstance(claim, Claim)]
        assert len(mine) == 1 and holder_of(tmp_path, "p").token == mine[0].token
        mine[0].release()
        assert not list(tmp_path.iterdir())


def test_of_many_that_begin_one_does(tmp_path):
    for _ in range(20):
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda _: take(tmp_path, "p"), range(8)))
        mine = [claim for claim in got if isinstance(claim, Claim)]
        assert len(mine) == 1
        mine[0].release()


# --- what points share ---------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["Thread.start", "Thread.join", "holder_of"])
def test_an_interrupt_at_any_moment_leaves_no_claim(tmp_path, monkeypatch, moment):
    """Ctrl-C comes while a claim is being made, looked at or let go of."""
    owner, name = (threading.Thread, moment.split(".")[1]) if "." in moment else (claims, moment)
    before, calls = getattr(owner, name), []

    def interrupted(*args, **options):
        calls.append(1)
        if len(calls) == (2 if moment == "holder_of" else 1):  # the first look is before there is a claim
            raise KeyboardInterrupt
        return before(*args, **options)

    monkeypatch.setattr(owner, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        claims.take(tmp_path, "a").release()
    assert not list(tmp_path.iterdir())


def test_another_file_than_was_written_is_not_read(tmp_path):
    with filed([1, 2], tmp_path) as sent:
        sent = pickle.loads(pickle.dumps(sent))
        sent.path.write_bytes(pickle.dumps([1, 3]))
        with pytest.raises(ThermocError, match="another file"):
            sent.get()
    assert not list(tmp_path.iterdir())
    with pytest.raises(ThermocError, match="shared file system"):
        sent.get()


# --- executors -----------------------------------------------------------------------------------------


def test_processes_give_the_serial_table(tmp_path):
    alone = run(tmp_path / "a" / "s", range(12))
    with executor_for(jobs=2) as two:
        assert run(tmp_path / "b" / "s", range(12), two) == alone
        with pytest.raises(PointError, match=r"point toy--3: k must be at least 0, got -3"):
            run(tmp_path / "b" / "s", [12, -3], two)
        # a name twice is one point, and what is there is not run again
        assert run(tmp_path / "b" / "s", [3, 3, 4], two) == [alone[3], alone[3], alone[4]]
    counted = ran(tmp_path / "b" / "s")
    assert sorted(set(counted) - {12}) == list(range(12)) and len(counted) == len(set(counted))
    assert not list((tmp_path / "b" / "s").glob(".*"))


def test_an_error_here_names_the_point_and_lets_go(tmp_path):
    with pytest.raises(PointError, match=r"point toy--1: k must"):
        run(tmp_path / "s", [0, -1, 1])
    assert ran(tmp_path / "s") == [0] and not list((tmp_path / "s").glob(".*"))


def test_two_processes_on_one_folder_do_each_point_once(tmp_path):
    folder = tmp_path / "s"
    both = [toys(folder, 60, "--seconds", 0.02) for _ in range(2)]
    assert [process.wait(LATE) for process in both] == [0, 0]
    assert sorted(ran(folder)) == list(range(60))
    who = {line.split()[1] for line in (tmp_path / "ran").read_text().splitlines()}
    assert len(who) == 2  # else the test shows nothing
    assert table(folder) == [{"k": t.k, "value": t.value} for t in run(tmp_path / "a" / "s", range(60))]


def test_a_killed_process_loses_its_point_alone_and_that_is_taken_over(tmp_path):
    folder = tmp_path / "s"
    first = toys(folder, 40, "--seconds", 0.05)
    until(lambda: records(folder) >= 5, "no points")
    first.kill()
    first.wait()
    before = ran(folder)
    assert run(folder, range(40), dead=0.5) == [
        Toy(k, t.value) for k, t in enumerate(run(tmp_path / "a" / "s", range(40)))
    ]
    again = ran(folder)[len(before) :]
    # killed between its line and its record, a point is run again
    assert len(set(before) & set(again)) <= 1 and set(before) | set(again) == set(range(40))
    assert not list(folder.glob(".toy*"))


def test_a_killed_worker_is_said_so(tmp_path):
    folder = tmp_path / "s"
    with executor_for(jobs=1) as one:
        pid = one.submit(os.getpid).result(LATE)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(PointError, match=r"point toy-0: its worker .* is gone"):
            run(folder, [0], one)


def test_an_interrupt_lets_go_of_all_points(tmp_path):
    folder = tmp_path / "s"
    line = [sys.executable, "-m", "toys.points", str(folder), "40", "--jobs", "2", "--seconds", "0.3"]
    first = subprocess.Popen(line, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until(lambda: records(folder) >= 3, "no points")
    os.killpg(first.pid, signal.SIGINT)  # as Ctrl-C does
    _, said = first.communicate(timeout=LATE)
    assert said.count("Traceback") == 1 and said.rstrip().endswith("KeyboardInterrupt")
    assert records(folder) < 40 and not list(folder.glob(".*"))


def test_one_place(tmp_path):
    with pytest.raises(ThermocError, match="leave one out"), executor_for(2, "tcp://localhost:1"):
        pass


# --- Dask ------------------------------------------------------------------------------------------------


@contextmanager
def cluster(workers):
    """(address, workers, scheduler) of our own, as processes."""
    from distributed.utils import open_port

    port = open_port()
    line = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    common = {"env": ENVIRONMENT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = subprocess.Popen([*line, "--port", str(port), "--no-dashboard"], **common)
    address = f"tcp://127.0.0.1:{port}"
    line = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1"]
    # without a nanny, which would start a killed worker again
    processes = [subprocess.Popen([*line, "--no-nanny", "--no-dashboard"], **common) for _ in range(workers)]
    try:
        yield address, processes, scheduler
    finally:
        for process in (*processes, scheduler):
            process.kill()
            process.wait()


def test_without_a_scheduler_the_way_out_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ThermocError, match=r"thermoc\[cluster\]"), executor_for(scheduler="tcp://h:1"):
        pass


@pytest.mark.slow
def test_a_killed_worker_client_or_scheduler_loses_no_finished_point(tmp_path):
    distributed = pytest.importorskip("distributed")
    n, folder = 200, tmp_path / "s"
    undisturbed = run(tmp_path / "a" / "s", range(n + 100))
    with cluster(2) as (address, workers, scheduler):
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=LATE)
        first = toys(folder, n, "--scheduler", address, "--seconds", 0.02)
        until(lambda: records(folder) >= 30, "no points")
        workers[0].kill()
        until(lambda: records(folder) >= 80, "the other worker did not go on")
        first.kill()
        first.wait()
        kept = {k for k in range(n) if (folder / f"toy-{k}.json").exists()}
        assert 80 <= len(kept) < n  # else the test shows nothing
        before = len(ran(folder))
        with executor_for(scheduler=address) as dask:
            assert run(folder, range(n), dask) == undisturbed[:n]
        assert not kept & set(ran(folder)[before:])
        # at most the point that the killed worker was at was run twice
        assert len(ran(folder)) - len(set(ran(folder))) <= 1
        last = toys(folder, n + 100, "--scheduler", address, "--seconds", 0.05)
        until(lambda: records(folder) >= n + 5, "no more points")
        scheduler.kill()
        assert last.wait(LATE) != 0
        assert n + 5 <= records(folder) < n + 100
        kept, before = {t["k"] for t in table(folder)}, len(ran(folder))
    assert run(folder, range(n + 100)) == undisturbed
    assert not kept & set(ran(folder)[before:])
    assert not list(folder.glob(".toy*"))
