"""Writing files: nothing is half-written, links are followed, devices are written to."""

import errno
import os
import subprocess
import sys
import threading

import pytest

from compiler.errors import ThermocError
from compiler.files import OutputError, check_writable, replacing
from hw_models.errors import HardwareError


def write(path, text="new"):
    with replacing(path) as temporary:
        temporary.write_text(text)


def test_a_failure_leaves_the_old_file(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(ValueError), replacing(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise ValueError
    assert (tmp_path / "a").read_text() == "old" and os.listdir(tmp_path) == ["a"]


def test_a_link_is_kept_and_its_target_replaced(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_text() == "new"


def test_a_link_to_nothing_makes_its_target(tmp_path):
    (tmp_path / "link").symlink_to("target")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_text() == "new"


def test_a_circle_of_links_is_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OutputError, match="a: "):
        write(tmp_path / "a")


def test_a_pipe_is_written_to(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write(pipe)
    reader.join(10)
    assert got == ["new"] and pipe.is_fifo()


@pytest.mark.parametrize("redirected", [False, True])
def test_standard_output_is_written_to(tmp_path, redirected):
    code = "from compiler.files import replacing\nwith replacing('/dev/stdout') as t: t.write_text('new')"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    out = tmp_path / "out"
    with open(out, "w") as file:
        stdout = file if redirected else subprocess.PIPE
        done = subprocess.run([sys.executable, "-c", code], env=env, stdout=stdout, check=True)
    assert (out.read_text() if redirected else done.stdout.decode()) == "new"


def test_devices_stay_devices():
    write("/dev/null")
    assert check_writable("/dev/null").is_char_device()


def test_a_full_disk_is_one_line(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OutputError, match="/dev/full: cannot be written"):
        write("/dev/full", "x" * 100_000)
    with pytest.raises(OutputError, match="a: cannot be written"), replacing(tmp_path / "a"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert os.listdir(tmp_path) == []


def test_all_errors_have_one_base():
    assert issubclass(OutputError, ThermocError) and issubclass(HardwareError, ThermocError)
