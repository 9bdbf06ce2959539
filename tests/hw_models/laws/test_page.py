"""docs/devices.md names tests and laws that there are."""

import re
from pathlib import Path

from hw_models.laws.families import LAWS
from hw_models.laws.sets import LAW_SETS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8")


def test_every_phenomenon_has_a_test_that_exists():
    rows = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(rows) >= 15
    for file, name in rows:
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file} has no {name}"


def test_every_law_and_set_is_told():
    for name in (*LAWS.names(), *LAW_SETS.names()):
        assert f"`{name}`" in PAGE, name
