"""Kernels that work on addresses keep what lies there."""

import ast
import re
from pathlib import Path

from thermo.kernels.logic import emit


def own_arrays(function: ast.FunctionDef) -> set[str]:
    """Names of arrays that a kernel makes."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and re.search(r"np\.(empty|zeros)", ast.unparse(node.value)):
            found |= {name.id for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name)}
    return found


def freed_too_early(source: str) -> list[str]:
    """Arrays of which a kernel uses the address, and that it does not keep."""
    found = []
    for function in (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)):
        calls = [c for c in ast.walk(function) if isinstance(c, ast.Call) and isinstance(c.func, ast.Name)]
        told, kept = (
            {n.id for c in calls if c.func.id == name for n in ast.walk(c) if isinstance(n, ast.Name)}
            for name in ("address", "alive")
        )
        found += [f"{function.name}: {name}" for name in sorted(own_arrays(function) & told - kept)]
    return found


def test_kernels_keep_the_arrays_of_which_they_use_the_address():
    """numba frees an array behind its own last use: what is written there later is another's."""
    twin = "def f(n):\n    a = np.empty(n)\n    at = address(a)\n    g(at)\n"
    assert freed_too_early(twin) == ["f: a"] and not freed_too_early(twin + "    alive((a,))\n")
    texts = {path.name: path.read_text() for path in Path(emit.__file__).parent.glob("*.py")}
    assert sum("alive((" in text for text in texts.values()) >= 2
    assert not {name: found for name, text in texts.items() if (found := freed_too_early(text))}
    # of arrays of Python, whose unsigned addresses are not mixed with numbers, and of `address` itself
    assert {name for name, text in texts.items() if ".ctypes.data" in text} == {"dots.py", "emit.py"}
