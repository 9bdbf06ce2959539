"""Reads damaged files by the command line, one after another in this process, and says how each ended.

    python -m fuzzing.worker CASES.json RESULTS.jsonl

CASES : [{name, argv}]; a line of RESULTS for each: {name, rc, seconds, megabytes, told}, rc "traceback" for
an error that is not ours, "hang" for more than 20 s.
"""

import contextlib
import io
import json
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

SECONDS, MEGABYTES = 20, 1024


class Hang(BaseException):
    """A file took too long."""


def _late(*_):
    raise Hang


def _peak():
    """Largest resident memory since the last reset, MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _reset_peak():
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def main(cases, results):
    from thermo.cli.main import main as thermoc

    signal.signal(signal.SIGPROF, _late)
    with open(results, "a") as out:
        for k, case in enumerate(json.loads(Path(cases).read_text())):
            _reset_peak()
            before, began = _peak(), time.perf_counter()
            said, printed = io.StringIO(), io.StringIO()
            signal.setitimer(signal.ITIMER_PROF, SECONDS)  # of a processor: others share it
            try:
                with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
                    rc = thermoc(case["argv"])
                told = said.getvalue()
            except Hang:
                rc, told = "hang", traceback.format_exc()
            except BaseException:
                rc, told = "traceback", traceback.format_exc()
            signal.setitimer(signal.ITIMER_PROF, 0)
            line = {
                "name": case["name"],
                "rc": rc,
                "seconds": time.perf_counter() - began,
                "megabytes": _peak() - before,
                "told": told[-3000:],
            }
            out.write(json.dumps(line) + "\n")
            out.flush()
            if k == 0:  # after the imports: what a file may take on top
                size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
                resource.setrlimit(resource.RLIMIT_AS, (size + (4 << 30), resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
