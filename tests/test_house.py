"""The house stays in order: imports point one way, the code is formatted, typed and linted."""

import ast
import functools
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("hw_models", "compiler", "thermo")


def _modules(root):
    files = (path for package in PACKAGES for path in (root / package).rglob("*.py"))
    return {".".join(f.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): f for f in files}


def _imported(tree, known):
    """Modules that a file's imports name: at the top, in functions and under TYPE_CHECKING alike."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else node.module for name in inner)


@functools.cache
def _house():
    return _graph(ROOT)


def _graph(root):
    """A directed edge from every module of ours to each that it imports."""
    known = _modules(root)
    edges = nx.DiGraph()
    for name, path in known.items():
        found = _imported(ast.parse(path.read_text()), known)
        edges.add_edges_from((name, other) for other in found if other in known and other != name)
    return edges


def _circles(graph, package):
    inside = graph.subgraph(n for n in graph if n.partition(".")[0] == package)
    return [sorted(c) for c in nx.strongly_connected_components(inside) if len(c) > 1]


def _layers(container):
    """Rooms of a package from top to bottom, those beside each other together; the contract of
    pyproject.toml.
    """
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    ours = next(c for c in contracts if c.get("containers") == [container])
    return [row.split(" | ") for row in ours["layers"]]


def _arrows_back_up(graph, container, layers):
    depth = {f"{container}.{room}": k for k, row in enumerate(layers) for room in row}

    def place(module):
        room = ".".join(module.split(".")[: container.count(".") + 2])
        return room, depth.get(room)

    found = []
    for a, b in graph.edges:
        (room, high), (other, low) = place(a), place(b)
        if high is not None and low is not None and room != other and high >= low:
            found.append(f"{a} -> {b}")
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_there_is_no_circle_of_imports(package):
    assert _circles(_house(), package) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_arrow_points_back_up(package):
    graph, layers = _house(), _layers(package)
    assert _arrows_back_up(graph, package, layers) == []
    rooms = {n.split(".")[1] for n in _modules(ROOT) if n.startswith(f"{package}.")}
    assert rooms == {room for row in layers for room in row}, "every room has its place in pyproject.toml"


def test_packages_point_one_way():
    place = {package: k for k, package in enumerate(PACKAGES)}
    arrows = {(a.partition(".")[0], b.partition(".")[0]) for a, b in _house().edges}
    assert all(place[a] >= place[b] for a, b in arrows)


def test_a_circle_and_an_arrow_back_up_are_found(tmp_path):
    folder = tmp_path / "compiler"
    folder.mkdir()
    (folder / "high.py").write_text("from compiler import low\n")
    hidden = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from compiler.high import A\n"
    (folder / "low.py").write_text(hidden)
    graph = _graph(tmp_path)
    assert _circles(graph, "compiler") == [["compiler.high", "compiler.low"]]
    assert _arrows_back_up(graph, "compiler", [["high"], ["low"]]) == ["compiler.low -> compiler.high"]
    (folder / "low.py").write_text("def f():\n    import compiler.high\n")
    assert _arrows_back_up(_graph(tmp_path), "compiler", [["high"], ["low"]])
    (folder / "low.py").write_text("")
    assert not _circles(_graph(tmp_path), "compiler")


def _not_there(page):
    """What a page names and the tree lacks: paths, also in drawings, and `NAME` in `file`."""
    paths = re.findall(r"`([\w.-]+/[\w./-]*|[\w.-]+\.(?:py|md|toml))`", page)
    paths += re.findall(rf"\b(?:{'|'.join(PACKAGES)})/[\w./-]*\w", page)
    missing = [path for path in dict.fromkeys(paths) if not (ROOT / path).exists()]
    for name, path in re.findall(r"`(\w+)`\s+in\s+`([\w./-]+\.py)`", page):
        if path not in missing and not re.search(rf"^(class )?{name}\b", (ROOT / path).read_text(), re.M):
            missing.append(f"{name} in {path}")
    return missing


def test_the_plan_names_what_exists():
    page = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    assert _not_there(page) == []
    assert _not_there(page.replace("circuits/bench.py", "circuits/bank.py")) == [
        "compiler/formats/circuits/bank.py"
    ]
    assert _not_there(page.replace("thermo/energy", "thermo/joules")) == ["thermo/joules/", "thermo/joules"]
    assert _not_there(page.replace("`COMMANDS`", "`VERBS`")) == ["VERBS in thermo/cli/main.py"]


def _run(module, *arguments):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed; it comes with thermoc[test]")
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_imports_point_one_way():
    if importlib.util.find_spec("importlinter") is None:
        pytest.skip("import-linter is not installed; it comes with thermoc[test]")
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [("check", "."), ("format", "--check", ".")])
def test_ruff(arguments):
    done = _run("ruff", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_types():
    done = _run("mypy")
    assert done.returncode == 0, done.stdout + done.stderr
