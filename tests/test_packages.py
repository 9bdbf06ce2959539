"""The three packages show their names, import them when they are used, and keep them apart."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

PACKAGES = [import_module(name) for name in ("hw_models", "compiler", "thermo")]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.__name__)
def test_a_package_shows_its_names(package):
    names = dir(package)
    assert {"__doc__", "__version__"} < set(names) and package.__doc__.strip()
    assert package.__version__ == PACKAGES[0].__version__
    for name in package.__all__:
        assert name in names and getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = package.nonsense


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.__name__)
def test_a_name_is_not_lost_to_a_module_that_is_called_like_it(package):
    for name in package.__all__:
        thing = getattr(package, name)
        assert not isinstance(thing, ModuleType) or callable(thing), name


def test_the_verbs_of_thermo_can_be_called():
    thermo = PACKAGES[2]
    assert callable(thermo.simulate) and callable(thermo.evaluate) and callable(thermo.estimate)


def test_importing_the_packages_imports_nothing_heavy():
    code = (
        "import sys, hw_models, compiler, thermo; dir(compiler); "
        "print([m for m in ('numpy', 'scipy', 'numba', 'jax') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_comes_with_the_packages():
    root = Path(__file__).parents[1]
    assert f"version: {PACKAGES[0].__version__}\n" in (root / "CITATION.cff").read_text()
    assert (root / "LICENSE").read_text().startswith("MIT License")
    for package in PACKAGES:
        assert (Path(package.__file__).parent / "py.typed").exists()
