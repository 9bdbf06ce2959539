"""The wrapper of kernels: when numba is asked, what it compiles, and when compiled code is too old."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from toys.gates import random_circuit

from compiler.circuits.evaluate import all_patterns, evaluate_words
from compiler.ir.kinds import dump
from compiler.jit import Kernel, compiled, interpreted, interpreted_if_cheap, njit, telling
from compiler.jit.told import tell
from compiler.passes.gates import xag
from compiler.passes.gates.cell_mapping import map_cells
from compiler.passes.gates.lut_map import map_luts
from compiler.passes.gates.rewrite_kernels import rewrite_all
from compiler.pipelines import simplify
from hw_models.cell_presets import CELL_LIBRARIES

LIMIT = np.int32(3)


@njit(widen=True)
def _inner(a, b):
    return a + b + LIMIT


@njit
def _outer(values):
    total = np.int64(0)
    for i in range(values.size):
        total += _inner(values[i], 1) + _inner(total, 2) + _inner(np.uint8(3), values[i])
    return total


@njit
def _add(a, b):
    return a + b


@njit
def _adds(a):
    return _add(a, 1) + _add(a, 2)


def run_python(folder, code, **environment):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), **environment}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_kernel_is_a_function_of_the_same_name():
    assert isinstance(_inner, Kernel) and _inner.__name__ == "_inner"
    assert pickle.loads(pickle.dumps(xag.make)) is xag.make
    assert repr(xag.make) == "<kernel compiler.passes.gates.xag.make>"


def test_widths_and_literals_compile_one_version_without_wrappers():
    assert _outer(np.arange(4, dtype=np.int32)) == _outer.py_func(np.arange(4, dtype=np.int64))
    inner = _inner._numba_type_.dispatcher
    assert [tuple(map(str, s)) for s in inner.signatures] == [("int64", "int64")]
    assert inner.targetoptions["no_cpython_wrapper"] and inner.targetoptions["no_cfunc_wrapper"]
    assert "no_cpython_wrapper" not in _outer.dispatcher.targetoptions


def test_without_widen_types_stay_and_literals_go():
    assert _adds(np.float32(0.5)) == 4.0
    signatures = _add._numba_type_.dispatcher.signatures
    assert [tuple(map(str, s)) for s in signatures] == [("float32", "int64")]


def test_interpreted_runs_the_python_function():
    kernel = njit(lambda a: type(a))  # numba could not compile it
    with interpreted():
        assert kernel(3) is int
    assert not kernel.loaded


def test_interpreting_ends_when_it_has_cost_as_much_as_compiling(monkeypatch):
    from compiler.jit import kernel as module

    fresh = njit(lambda a: a)
    monkeypatch.setattr(module, "_spent", 0.0)
    seen = []
    for _ in range(4):
        with interpreted_if_cheap(5.0, fresh):
            seen.append(module._plain.get())
    assert seen == [True, True, True, False]
    monkeypatch.setattr(module, "_spent", 0.0)
    monkeypatch.setattr(module, "LOADED", module.LOADING)  # as if numba were not imported
    monkeypatch.setattr(Kernel, "kept", True)  # loading takes a second
    with interpreted_if_cheap(1.0, fresh):
        assert module._plain.get()
    with interpreted_if_cheap(0.1, fresh):
        assert not module._plain.get()


def both_ways(function):
    """What it returns interpreted, and compiled."""
    with interpreted():
        plain = function()
    with compiled():
        return plain, function()


@pytest.mark.parametrize("objective", ["gates", "ands"])
@pytest.mark.parametrize("seed, size", [(0, 20), (1, 60), (2, 150)])
def test_interpreted_passes_make_the_same_netlists(objective, seed, size):
    circuit = random_circuit(np.random.default_rng(seed), 8, size, 6)
    plain, fast = both_ways(lambda: dump(simplify(circuit, 2, objective=objective)))
    assert rewrite_all.loaded
    assert plain == fast != dump(circuit)


def test_interpreted_mapping_and_values_are_the_same():
    circuit = random_circuit(np.random.default_rng(5), 7, 120, 9)
    library = CELL_LIBRARIES.get("nangate45")

    def everything():
        values = evaluate_words(circuit, all_patterns(7), np.arange(circuit.n_nets))
        luts = map_luts(circuit, 4)
        return (
            luts.fanins.tolist(),
            luts.table.tolist(),
            map_cells(circuit, library).cell.tolist(),
            values.tolist(),
        )

    plain, fast = both_ways(everything)
    assert plain == fast


CALLEE = "from compiler.jit import njit\nFACTOR = 2\n\n@njit(cache=True)\ndef callee(a):\n    return {}\n"
CALLER = (
    "from compiler.jit import njit\nfrom callee_module import callee\n\n"
    "@njit(cache=True)\ndef caller(a):\n    return callee(a) + 0\n"
)
SHOW = (
    "from caller_module import caller; print(caller(10), "
    "sum(caller.dispatcher.stats.cache_hits.values()), caller.stamp)"
)


def test_a_change_in_a_callee_compiles_the_caller_again(tmp_path):
    """numba's own stamp covers the caller's file alone: it would answer 20 for ever."""
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    (tmp_path / "caller_module.py").write_text(CALLER)
    (tmp_path / "callee_module.py").write_text(CALLEE.format("2 * a"))
    first = run_python(tmp_path, SHOW, **cache).split()
    again = run_python(tmp_path, SHOW, **cache).split()
    assert (first[:2], again[:2]) == (["20", "0"], ["20", "1"])
    (tmp_path / "callee_module.py").write_text(CALLEE.format("3 * a"))
    assert run_python(tmp_path, SHOW, **cache).split()[:2] == ["30", "0"]


def test_a_stamp_knows_sources_and_constants_and_nothing_else(tmp_path):
    """The same sources elsewhere, later, in another order of hashes: the same stamp."""
    stamps = []
    for name, seed in (("a", "1"), ("b", "2")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "caller_module.py").write_text(CALLER)
        (folder / "callee_module.py").write_text(CALLEE.format("FACTOR * a"))
        os.utime(folder / "caller_module.py", (10, 10))
        code = "from caller_module import caller; print(caller.stamp)"
        stamps.append(run_python(folder, code, PYTHONHASHSEED=seed))
        moved = "import callee_module as c, caller_module as m; c.FACTOR = 5; print(m.caller.stamp)"
        stamps.append(run_python(folder, moved, PYTHONHASHSEED=seed))
    assert stamps[0] == stamps[2] and stamps[1] == stamps[3] and stamps[0] != stamps[1]


def test_a_damaged_or_unwritable_cache_is_no_error(tmp_path):
    (tmp_path / "caller_module.py").write_text(CALLER)
    (tmp_path / "callee_module.py").write_text(CALLEE.format("2 * a"))
    cache = tmp_path / "cache"
    run_python(tmp_path, SHOW, NUMBA_CACHE_DIR=str(cache))
    for file in (cache / "thermoc").iterdir():
        file.write_bytes(file.read_bytes()[:-7])
    assert run_python(tmp_path, SHOW, NUMBA_CACHE_DIR=str(cache)).split()[:2] == ["20", "0"]
    (tmp_path / "file").write_text("no folder")
    assert run_python(tmp_path, SHOW, NUMBA_CACHE_DIR=str(tmp_path / "file")).split()[:2] == ["20", "0"]


def test_long_compilation_is_told_once():
    told = []
    with telling(lambda: told.append(1)):
        tell()
        tell()
    tell()
    assert told == [1]
    slow = (
        "import time; from compiler.jit import njit, telling; from compiler.jit import dispatcher as d\n"
        "d._Stopwatch.LIMIT = 1e-3\n"
        "f = njit(lambda a: a * a + a)\n"
        "with telling(lambda: print('told')):\n    f(1); f(1.0); f(1j); time.sleep(0.05)\n"
    )
    assert run_python(".", slow) == "told"


def test_the_compiler_package_needs_no_numba_for_its_kernels():
    code = (
        "import sys, compiler.passes.gates.rewrite, compiler.passes.gates.resubstitute\n"
        "import compiler.circuits.evaluate, compiler.passes.spins.embed_kernels\n"
        "print('numba' in sys.modules)"
    )
    assert run_python(".", code) == "False"


STRINGS = """
import numpy as np
from numba.core import event
from compiler import from_edges, lower_ising
from compiler.jit import njit
from compiler.ir.langevin import Cells, LangevinNetlist, Phase
from thermo.simulate import simulate
from thermo.simulate.spins.run import simulate_spins

def cover():
    from compiler.ir.gates import AND, make_gates
    from compiler.jit import compiled
    from compiler.passes.gates.cell_mapping import map_cells
    from compiler.passes.gates.lut_map import map_luts
    from hw_models.cell_presets import CELL_LIBRARIES

    circuit = make_gates(["a", "b"], [AND], [0], [1], {"y": 2})
    with compiled():
        map_cells(circuit, CELL_LIBRARIES.get("nangate45"))
        map_luts(circuit)

CELLS = LangevinNetlist(Cells.make(3, j2=1.0), (), 1.0, 1.0, (Phase("a", 0.1),), dt=0.01)

@njit
def twin(a, b):
    a[:] = b

with event.install_recorder("numba:compile") as found:
    RUN
made = [e.data["dispatcher"].py_func.__module__ for _, e in found.buffer if e.is_start]
print(any("unicode" in module for module in made), bool(made))
"""


@pytest.mark.parametrize(
    "run, strings",
    [
        ("simulate_spins(lower_ising(from_edges([0, 0], [0], [1], [1.0])), sweeps=2)", "False True"),
        ("simulate(CELLS, trajectory_every=1, keep_final=True)", "False True"),
        ("simulate(CELLS, method='exact')", "False True"),
        pytest.param("cover()", "False True", marks=pytest.mark.slow),
        ("twin(np.zeros(3), np.ones(3))", "True True"),
    ],
)
def test_kernels_compile_no_string_machinery(run, strings, tmp_path):
    """Assigning an array to a slice formats both shapes for an error message: 37 functions of str."""
    assert run_python(".", STRINGS.replace("RUN", run), NUMBA_CACHE_DIR=str(tmp_path)) == strings


MACHINE_CODE = """
import numba
import numpy as np
from pairs import inner, other, outer, zero

print(outer(np.arange(4.0)), other(np.arange(4.0)))
engine = outer.dispatcher.targetctx.codegen()._engine
made = [outer.dispatcher, inner._inner]
print(sum(inner._inner.stats.cache_hits.values()))
if TWIN:
    one = numba.njit(lambda x: 2.0 * x)
    two = numba.njit(lambda v: one(v[0]) + one(v[1]))
    two(np.arange(4.0))
    made = [two, one]
for dispatcher in made:
    (found,) = dispatcher.overloads.values()
    print(engine.is_symbol_defined(found.fndesc.mangled_name))
try:
    zero(0)
except ZeroDivisionError:
    print("told")
"""
PAIRS = """
from compiler.jit import njit

@njit(cache=True)
def inner(x):
    for _ in range(3):
        x = x * x + 1.0
    return x

@njit(cache=True)
def outer(v):
    return inner(v[0]) + inner(v[1])

@njit
def other(v):
    return inner(v[1])

@njit(cache=True)
def over(n):
    return 1 // n

@njit(cache=True)
def zero(n):
    return over(n)
"""


def test_a_kernel_that_only_kernels_call_becomes_no_machine_code(tmp_path):
    """Nor when it is read from the cache; numba's own functions do."""
    (tmp_path / "pairs.py").write_text(PAIRS)
    for hits in "01":
        told = run_python(tmp_path, MACHINE_CODE.replace("TWIN", "False"), NUMBA_CACHE_DIR=str(tmp_path))
        assert told.splitlines() == ["31.0 26.0", hits, "True", "False", "told"]
    told = run_python(tmp_path, MACHINE_CODE.replace("TWIN", "True"), NUMBA_CACHE_DIR=str(tmp_path))
    assert told.splitlines() == ["31.0 26.0", hits, "True", "True", "told"]


def test_llvm_optimises_what_python_calls_and_numba_is_as_it_was(monkeypatch):
    """What is linked into a kernel is optimised there; a twin of numba's own is optimised by itself, too."""
    import numba
    from llvmlite.binding import ffi
    from numba.core.codegen import JITCodeLibrary
    from numba.core.compiler import Flags
    from numba.core.dispatcher import _FunctionCompiler

    optimised = []
    own = JITCodeLibrary._optimize_final_module
    monkeypatch.setattr(
        JITCodeLibrary, "_optimize_final_module", lambda self: (optimised.append(self.name), own(self))
    )
    before = _FunctionCompiler._customize_flags, Flags.__hash__, Flags.__eq__, list(ffi.lib._lock._cblist)

    def half(x):
        return np.full(3, x)

    inner = njit(half)
    outer = njit(lambda x: inner(x).sum() + min(x, 2.0))
    assert outer(3.0) == 11.0
    assert len(optimised) == 1
    library = next(iter(outer.dispatcher.overloads.values())).library
    assert not any(
        f.name.startswith("cfunc.") or "_ZN5cfunc" in f.name for f in library.get_defined_functions()
    )
    assert before == (
        *(_FunctionCompiler._customize_flags, Flags.__hash__, Flags.__eq__),
        list(ffi.lib._lock._cblist),
    )
    assert before[-1]

    plain = numba.njit(half)
    assert numba.njit(lambda x: plain(x).sum() + min(x, 2.0))(3.0) == 11.0
    assert len(optimised) > 3
