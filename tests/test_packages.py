"""The packages show their names, import them when they are used, and keep them apart."""

import os
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


def test_everything_has_a_second_name():
    import thermoc.training.langevin.presets as here
    from thermoc.compiler import lower_langevin

    import thermo.training.langevin.presets as there
    import thermoc

    assert here is there and there.__spec__.name == "thermo.training.langevin.presets"
    assert lower_langevin is PACKAGES[1].lower_langevin
    assert all(getattr(thermoc, name) is getattr(PACKAGES[2], name) for name in PACKAGES[2].__all__)
    assert dir(thermoc) == dir(PACKAGES[2]) and thermoc.__version__ == PACKAGES[2].__version__
    with pytest.raises(ModuleNotFoundError, match=r"thermoc\.nonsense"):
        import_module("thermoc.nonsense")


def test_a_foreign_package_of_the_same_name_leaves_the_second(tmp_path):
    """Files of a package `thermo` of chemistry over ours: of ours one is lost, `thermo/__init__.py`."""
    ours = Path(PACKAGES[2].__file__).parent
    (tmp_path / "thermo").mkdir()
    for path in ours.iterdir():
        if path.name not in ("__init__.py", "__pycache__"):
            (tmp_path / "thermo" / path.name).symlink_to(path)
    (tmp_path / "thermo" / "__init__.py").write_text("Chemical = 'water'\n")
    for name in ("compiler", "hw_models", "thermoc"):
        (tmp_path / name).symlink_to(ours.parent / name)
    code = (
        "import thermo, thermoc; print(thermo.Chemical, hasattr(thermo, 'load_dataset'), "
        "thermoc.load_dataset('digits').n_features)"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = dict(cwd=tmp_path, env=environment, capture_output=True, text=True)
    done = subprocess.run([sys.executable, "-c", code], **run)
    assert done.stdout.split() == ["water", "False", "64"], done.stderr
    told = subprocess.run([sys.executable, "-m", "thermoc", "--version"], **run)
    assert told.stdout.startswith(f"thermoc {PACKAGES[0].__version__} "), told.stderr
