"""Tables for notebooks: well-formed, heads with scopes, nothing that runs."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np
import pytest
from toys.compiler import toy
from toys.gates import every_op

from compiler.families import registry
from compiler.html import fields_html, table_html
from compiler.ir.kinds import KINDS


class Tags(HTMLParser):
    """Opened tags with their attributes, and texts; what was opened is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def check(text: str) -> Tags:
    tags = Tags(text)
    assert {tag for tag, _ in tags.seen} <= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert all(facts.get("scope") in ("row", "col") for tag, facts in tags.seen if tag == "th")
    assert [facts["scope"] for tag, facts in tags.seen if tag == "th"].count("col") >= 2
    return tags


@dataclass(frozen=True)
class Inner:
    a: np.ndarray
    deep: object = None


@dataclass(frozen=True)
class Thing:
    name: str
    inner: Inner
    parts: tuple = ()
    none: object = None
    numbers: dict = field(default_factory=dict)


def test_fields_are_told_one_level_down():
    a = np.array([[0.5, 2.0]], np.float32)
    thing = Thing("<b>", Inner(a, Inner(a)), tuple(Inner(a) for _ in range(6)), numbers={"x": 1.25})
    tags = check(fields_html(thing))
    rows = dict(zip(tags.texts[3::2], tags.texts[4::2], strict=False))
    assert tags.texts[0] == "Thing"
    assert rows["inner.a"] == "float32 1 x 2, 0.5 to 2"
    assert rows["inner.deep"] == "Inner"
    assert rows["parts"] == "6 in all"
    assert "parts[3].a" in rows and "parts[4].a" not in rows
    assert rows["numbers"] == "x: 1.25"
    assert "none" not in rows
    assert rows["name"] == "<b>" and "<b>" not in fields_html(thing)


def test_a_table_says_what_its_heads_are_of():
    tags = check(table_html("what", ("a", "b"), [("x", "1"), ("y", "2")], (1,)))
    assert [facts["scope"] for tag, facts in tags.seen if tag == "th"] == ["col", "col", "row", "row"]


def test_every_kind_and_family_has_one():
    for cls in [kind.cls for kind in KINDS.values()]:
        assert cls._repr_html_ is fields_html
    for name in registry.HOMES:
        assert registry.family_named(name).cls._repr_html_ is fields_html


@pytest.mark.parametrize("net", [toy(), every_op()], ids=["cells", "gates"])
def test_netlists_show_themselves(net):
    assert check(net._repr_html_()).texts[0] == repr(net)
