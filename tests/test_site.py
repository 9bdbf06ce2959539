"""The site is built without a warning, and every page of docs/ is on it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_every_page_has_its_place():
    listed = set(re.findall(r"[\w/]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert listed - {"api/thermo.md", "api/compiler.md", "api/hw_models.md", "index.md"} == pages


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    for name in ("mkdocs", "material", "latex2mathml", "pymdownx"):
        pytest.importorskip(name)

    def build(source):
        # not -q: it silences what --strict counts
        words = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path / "site")]
        return subprocess.run(words, cwd=source, capture_output=True, text=True)

    done = build(ROOT)
    assert done.returncode == 0, done.stderr
    pages = {path.name for path in (tmp_path / "site").rglob("*.html")}
    assert {"index.html", "physics.html", "thermo.html", "compiler.html"} <= pages
    physics = (tmp_path / "site" / "physics.html").read_text(encoding="utf-8")
    assert physics.count("<math") > 100 and "$$" not in physics
    api = (tmp_path / "site" / "api" / "thermo.html").read_text(encoding="utf-8")
    assert 'id="thermo.train_pathwise"' in api
    # a link that leads nowhere is an error
    shutil.copytree(ROOT / "docs", tmp_path / "copy" / "docs")
    for name in ("mkdocs.yml", "README.md"):
        shutil.copy(ROOT / name, tmp_path / "copy")
    for package in ("thermo", "compiler", "hw_models"):
        (tmp_path / "copy" / package).symlink_to(ROOT / package)
    page = tmp_path / "copy" / "docs" / "samplers.md"
    page.write_text(page.read_text() + "\n[x](physics.md#nothing-is-called-so)\n")
    assert build(tmp_path / "copy").returncode != 0
