"""Shipped kernels: read first, by level and stamp, never written; a home is not needed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.jit import bundles
from compiler.jit.places import is_safe

CALLEE = "from compiler.jit import njit\n\n@njit(cache=True)\ndef callee(a):\n    return {}\n"
CALLER = (
    "from compiler.jit import njit\nfrom callee_module import callee\n\n"
    "@njit(cache=True)\ndef caller(a):\n    return callee(a) + 0\n"
)
RUN = """
import sys
from pathlib import Path
import compiler.jit.places as places, compiler.jit.bundles as bundles
places.BUNDLES = bundles.BUNDLES = Path({bundle!r})
from caller_module import caller
print(caller(10), sum(caller.dispatcher.stats.cache_hits.values()), bundles.level(), caller.kept)
"""
V3, V4 = "x86-64-v3", "x86-64-v4"


def has(level):
    try:
        bundles.environment_of(level)
    except ValueError:
        return False
    return True


needs_v3 = pytest.mark.skipif(not has(V3), reason="no AVX2 here")


def run_python(folder, code, **environment):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), **environment}
    env.pop("THERMOC_DATA", None)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def shipped(tmp_path):
    """Two modules of kernels, and a bundle of them for v3; (folder, bundle, a cache that is empty)."""
    (tmp_path / "caller_module.py").write_text(CALLER)
    (tmp_path / "callee_module.py").write_text(CALLEE.format("2 * a"))
    code = "from caller_module import caller; print(caller(10))"
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "made")}
    assert run_python(tmp_path, code, **cache, **bundles.environment_of(V3)) == ["20"]
    bundles.pack(tmp_path / "made" / "thermoc", tmp_path / "bundle", V3)
    return tmp_path, RUN.format(bundle=str(tmp_path / "bundle")), {"NUMBA_CACHE_DIR": str(tmp_path / "empty")}


@needs_v3
def test_shipped_kernels_are_loaded_and_nothing_is_written(shipped):
    folder, run, cache = shipped
    assert run_python(folder, run, **cache) == ["20", "1", V3, "True"]
    assert not (folder / "empty").exists()
    elsewhere = folder / "elsewhere"  # other paths, other times: the same stamps
    elsewhere.mkdir()
    for name in ("caller_module.py", "callee_module.py"):
        shutil.copy(folder / name, elsewhere)
        os.utime(elsewhere / name, (10, 10))
    assert run_python(elsewhere, run, **cache)[:2] == ["20", "1"]


@needs_v3
def test_a_bundle_of_other_sources_or_for_another_cpu_is_passed_over(shipped):
    folder, run, cache = shipped
    assert run_python(folder, run, **cache, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")[2] == "None"
    (folder / "callee_module.py").write_text(CALLEE.format("3 * a"))
    assert run_python(folder, run, **cache)[:3] == ["30", "0", V3]


@needs_v3
def test_the_path_of_dot_products_is_that_of_the_level(shipped):
    """Data is laid out for the path: what this CPU could do besides must not count."""
    folder, run, cache = shipped
    asked = run + "from thermo.kernels.logic.dots import simd_path; print(simd_path())"
    assert run_python(folder, asked, **cache)[-1] == "avx2"
    if has(V4):
        (folder / "bundle" / bundles.bundle_name(bundles.numba.__version__, V4)).mkdir()
        assert run_python(folder, asked, **cache)[-1] == "avx512vnni"
    plain = "from thermo.kernels.logic.dots import simd_path; print(simd_path())"
    generic = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    assert run_python(folder, plain, **cache, **generic) == ["portable"]


def test_kernels_run_where_nothing_can_be_written(tmp_path):
    """A file where every folder would be: not even root makes one there."""
    (tmp_path / "caller_module.py").write_text(CALLER)
    (tmp_path / "callee_module.py").write_text(CALLEE.format("2 * a"))
    (tmp_path / "__pycache__").write_text("")
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/cache", "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
    code = (
        "import compiler.jit.places as p; from caller_module import caller\n"
        "print(caller(10), *[str(f) for f in p.folders(caller.py_func)][-1:])\n"
        "import tempfile; tempfile.tempdir = '/dev/null'; p._of_the_user.cache_clear()\n"
        "print(caller(1.5))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, where, second = done.stdout.split()
    assert (first, second) == ("20", "3.0") and "thermoc-kernels-" in where


def test_a_folder_for_temporary_files_of_somebody_else_is_not_read(tmp_path, monkeypatch):
    """Compiled code runs: a folder that others could have written to is passed over."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / "thermoc-kernels-1"
    assert is_safe(folder) and is_safe(Path("/elsewhere/kernels"))
    folder.mkdir(mode=0o700)
    assert is_safe(folder)
    folder.chmod(0o777)
    assert not is_safe(folder)
    (tmp_path / "link").symlink_to(tmp_path)
    assert not is_safe(tmp_path / "link")


@pytest.mark.slow
@needs_v3
def test_a_wheel_brings_its_kernels(tmp_path):
    """Built, installed read-only, run with an empty cache and no home: nothing is compiled."""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHON": sys.executable}
    subprocess.run(
        [root / ".ci/wheel", tmp_path / "wheels", "--only", "pbits", "--processes", "1"],
        env=environment,
        check=True,
    )
    (wheel,) = (tmp_path / "wheels").iterdir()
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    subprocess.run([*install, "--target", site, wheel], check=True)
    for folder in [site, *(path for path in site.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").write_text("")  # read-only for root too
    code = (
        "from numba.core import event; from thermo.cli.main import main\n"
        "with event.install_recorder('numba:compile') as found:\n"
        "    codes = [main(c.split()) for c in ('compile ring.txt -o n.tnl --sweeps 20', 'simulate n.tnl')]\n"
        "import thermo; print(*codes, len(found.buffer), thermo.__file__)"
    )
    (tmp_path / "ring.txt").write_text("4 4\n1 2 1\n2 3 -1\n3 4 1\n4 1 1\n")
    environment |= {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/cache", "PYTHONPATH": str(site)}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-4:-1] == ["0", "0", "0"], done.stdout
    assert done.stdout.split()[-1].startswith(str(site))
