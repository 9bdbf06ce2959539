"""Tables, numbers and pages that people read."""

import html.parser

import numpy as np
import pytest

from thermo.report import figures
from thermo.report.page import Figure, Section, Table, html_page
from thermo.report.text import si, text_table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4.1e-16, "410 aJ"),
        (0.0, "0 J"),
        (1e-12, "1 pJ"),
        (9.999e-13, "1 pJ"),
        (1234.0, "1.23 kJ"),
        (-2.5e-9, "-2.5 nJ"),
        (2.87e-21, "2.87 zJ"),
    ],
)
def test_si(value, text):
    assert si(value, "J") == text


def test_text_table_aligns_numbers_to_the_right():
    table = Table(("what", "n"), (("a", "1"), ("long", "1,000")), (1,), "Caption")
    assert text_table(table).splitlines() == [
        "Caption",
        "what      n",
        "----  -----",
        "a         1",
        "long  1,000",
    ]


def test_text_table_goes_on_below_where_a_cell_is_long():
    many = ", ".join(str(k) for k in range(1000, 1040))
    lines = text_table(Table(("what", "n"), (("  a", many), ("b", "1")), (1,))).splitlines()
    assert max(len(line) for line in lines) <= 100
    assert ", ".join(line[6:].strip().rstrip(",") for line in lines[2:-1]) == many
    assert lines[2].startswith("  a") and lines[-1].split() == ["b", "1"]


class _Checker(html.parser.HTMLParser):
    """Counts what is open, and what would be fetched from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.outside, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        for name in ("src", "href", "xlink:href"):
            if str(values.get(name, "")).startswith(("http", "//", "file")):
                self.outside.append((tag, values[name]))
        if tag in ("table", "tr", "td", "th", "figure", "svg", "main", "section"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in ("table", "tr", "td", "th", "figure", "svg", "main", "section"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_page_is_whole_and_asks_for_nothing_outside():
    series = figures.Series("64 <cells>", [10.0, 100.0], [90.0, 95.0], [1.0, 1.0])
    svg = figures.svg(figures.accuracy_against_heat([series], lines=[("linear", 92.0)]))
    table = Table(("a", "b"), (("<script>", "1"),), (1,))
    page = html_page("T & c", ["lead"], [Section("one", ("text", table, Figure(svg, "cap")))], "end")
    checker = _Checker()
    checker.feed(page)
    assert not checker.open and not checker.outside
    assert "<script>" in checker.text and "<script" not in page


def test_figures_are_the_same_text_every_time():
    def draw():
        parts = [("heat", 1e-17), ("ADC", 2e-12), ("nothing", 0.0)]
        return figures.svg(figures.energy_breakdown(parts, [("digital", 1e-9)]))

    assert draw() == draw()
    assert "nothing" not in draw()


def test_png_is_written(tmp_path):
    figure = figures.device_spread([("clean", np.array([90.0, 91.0])), ("aware", np.ones(2))])
    path = tmp_path / "f.png"
    figures.save_png(figure, str(path))
    assert path.read_bytes().startswith(b"\x89PNG")
    trajectories = figures.output_trajectories(np.arange(3.0), np.zeros((3, 2, 2)), ["a", "b"], ["a", "b"])
    assert "read as" in figures.svg(trajectories)
