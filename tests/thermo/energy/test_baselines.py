"""Digital baselines are trained once a data set and extended, not trained again."""

import numpy as np
import pytest

from compiler.files import OutputError
from hw_models.digital import network_energy
from thermo.data import Dataset
from thermo.energy import kept_baselines as baselines
from thermo.energy.baselines import Baseline
from thermo.energy.kept import kept_folder

REACHED = {0: 0.80, 4: 0.85, 8: 0.90, 16: 0.95}


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """Widths that were trained, with a cache of our own."""
    asked = []

    def measure(dataset, *, split, stop_at, widths, progress):
        found = []
        for width in widths:
            asked.append(width)
            sizes = (5, width, 2) if width else (5, 2)
            reached = REACHED[width]
            found.append(Baseline(f"{width}", sizes, reached, reached, network_energy(sizes)))
            if reached >= stop_at:
                break
        return tuple(found)

    monkeypatch.setattr(baselines, "measure_baselines", measure)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / name)
    return asked


def data(name):
    x, y = np.zeros((4, 5), np.float32), np.zeros(4, np.int64)
    return Dataset(name, x, y, x, y, x, y, n_classes=2)


def test_kept_designs_are_not_trained_again(trained):
    widths = (0, 4, 8)
    first = baselines.cached_baselines(data("digits"), "test", 0.82, None, widths)
    assert trained == [0, 4] and [b.accuracy for b in first] == [0.80, 0.85]
    again = baselines.cached_baselines(data("digits"), "test", 0.84, None, widths)
    assert again == first and trained == [0, 4]
    more = baselines.cached_baselines(data("digits"), "test", 0.93, None, (*widths, 16))
    assert trained == [0, 4, 8, 16] and more[:2] == first
    none = baselines.cached_baselines(data("digits"), "test", 0.99, None, (*widths, 16))
    assert none == more and trained == [0, 4, 8, 16]


def test_other_data_sets_are_not_kept(trained, tmp_path):
    for _ in range(2):
        baselines.cached_baselines(data("own.npz"), "test", 0.7, None, (0, 4))
    assert trained == [0, 0]
    assert not list(tmp_path.rglob("*.json"))


def test_a_damaged_cache_is_written_anew(trained, tmp_path):
    baselines.cached_baselines(data("digits"), "test", 0.7, None, (0, 4))
    (kept,) = tmp_path.rglob("*.json")
    kept.write_text("[{")
    assert len(baselines.cached_baselines(data("digits"), "test", 0.7, None, (0, 4))) == 1
    assert trained == [0, 0] and kept.read_text().startswith('[{"name"')


def test_a_baseline_is_a_design_of_its_arithmetic_at_each_node():
    found = Baseline("5-4-2 int8", (5, 4, 2), 0.9, 0.91, network_energy((5, 4, 2)))
    old, new = found.designs(400, "test")
    assert (old.node, new.node) == ("45 nm", "7 nm")
    assert old.price(old.likely, None).total == pytest.approx(28 * 0.23e-12)
    assert new.price(new.likely, None).total == pytest.approx(28 * 0.077e-12)
    assert old.parameters is not None and old.parameters.number == 28 and old.parameters.bits == 8
    assert old.accuracy_sem == pytest.approx(0.015)


def test_a_user_without_a_home_keeps_them_among_temporary_files(tmp_path, monkeypatch):
    (tmp_path / "home").write_text("no folder")
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "home" / name)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = kept_folder("baselines-3")
    assert folder.is_dir() and folder.parent.parent == tmp_path
    folder.parent.chmod(0o777)  # another user may have put it there
    with pytest.raises(OutputError, match="cannot be made"):
        kept_folder("baselines-3")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "home"))  # a file: no folder there either
    with pytest.raises(OutputError, match="cannot be made"):
        kept_folder("baselines-3")
