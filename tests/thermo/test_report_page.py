"""The page of `thermoc report`: its structure everywhere, its looks where there is a browser."""

import html.parser
import re
import shutil
import subprocess

import pytest

from hw_models.interval import Interval
from hw_models.source import Quantity, Source
from thermo.energy.compare import tabulate
from thermo.energy.ledger import Design, Price, Swing, occupied
from thermo.report import figures
from thermo.report.answer import report_page
from thermo.report.figures import Sweep

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def design(name, joules, node="45 nm"):
    sources = {f"{name} energy": Source("assumed", "a <test>"), f"{name} power": Source("memory", "a test")}
    figures_ = {
        key: Quantity(value, unit, source)
        for (key, source), value, unit in zip(sources.items(), (joules, 1e-9), ("J", "W"), strict=True)
    }

    def price(values, rate):
        leak = values[f"{name} power"] * occupied(1e-6, rate)
        return Price({"physics": values[f"{name} energy"], "leakage": leak}, 1e-6, 1e-9)

    return Design(name, "test", 0.9, 0.01, 100, "test", node, 1.0, figures_, price)


SWEEPS = {
    "machine": (
        Sweep("machine", "noise power", ((0.25, 0.9, 0.01), (1.0, 0.8, 0.01)), 1.0, True, "kT"),
        Sweep("machine", "mismatch", ((0.0, 0.9, 0.01), (0.2, 0.5, 0.02))),
    ),
    "samples": (),
}


@pytest.fixture(scope="module")
def page():
    c = tabulate(
        [(design("machine", 1e-12), None)],
        [design("digital, with a name that is as long as those of hard-wired networks are", 3e-12)],
        data="toy",
        split="test",
    )
    made = {"thermoc": "1", "command": "thermoc report", "net": {"path": "a.tnl", "sha256": "ab" * 32}}
    return report_page(c, SWEEPS, made)


class Structure(html.parser.HTMLParser):
    """Tables, figures, ids, links and what would be fetched."""

    def __init__(self):
        super().__init__()
        self.tables, self.images, self.ids, self.links, self.outside = [], [], [], [], []
        self.headings, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "table":
            self.tables.append({"caption": False, "col": 0, "row": 0, "rows": 0})
        elif tag == "caption":
            self.tables[-1]["caption"] = True
        elif tag == "tr":
            self.tables[-1]["rows"] += 1
        elif tag == "th":
            self.tables[-1][values["scope"]] += 1
        elif tag == "svg":
            self.images.append(values.get("aria-label", ""))
            assert values["role"] == "img"
        elif tag in ("h1", "h2"):
            self.headings.append(tag)
        for name in ("src", "href", "xlink:href"):
            where = str(values.get(name, ""))
            if where.startswith("#"):
                self.links.append(where[1:])
            elif where and not where.startswith("data:"):
                self.outside.append(where)


def test_tables_have_scopes_and_captions_and_figures_have_texts(page):
    found = Structure()
    found.feed(page)
    assert len(found.tables) >= 5
    for table in found.tables:
        assert table["caption"] and table["col"] >= 2 and table["row"] == table["rows"] - 1
    # the ledger, the tornado and the sweeps, each told in words with its numbers
    assert len(found.images) == 3
    assert all(re.search(r"\d", text) and len(text) > 60 for text in found.images)
    assert found.headings[0] == "h1" and found.headings.count("h1") == 1
    assert "main" in found.tags and "script" not in found.tags


def test_ids_are_the_pages_only_ones_and_links_lead_somewhere(page):
    found = Structure()
    found.feed(page)
    assert len(found.ids) == len(set(found.ids))
    assert set(found.links) <= set(found.ids)
    assert not found.outside
    # a page of figures whose ids were left as they are would have doubles
    plain = re.sub(r'id="f\d+-', 'id="', page)
    twin = Structure()
    twin.feed(plain)
    assert len(twin.ids) > len(set(twin.ids))


def test_the_page_says_how_to_read_it_first_and_ends_with_how_to_redo_it(page):
    titles = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert titles[0] == "How to read this page" and titles[1] == "The ledger"
    assert titles[-2:] == ["Every assumption", "To redo it"]
    assert "samples: how far it may be off" in titles
    for told in ("a &lt;test&gt;", "ab" * 32, "thermoc report", "machine energy", "333 fJ to 3 pJ"):
        assert told in page
    assert "prefers-color-scheme: dark" in page and "width=device-width" in page


def test_bars_too_small_to_see_are_left_out():
    swings = (Swing("wide", 1e-12, 9e-12), Swing("narrow", 2.99e-12, 3.01e-12))
    drawn = figures.svg(figures.tornado(swings, 3e-12))
    assert "wide" in drawn and "narrow" not in drawn
    bars = [("ours", Interval(1e-12, 2e-12, 5e-12), True), ("theirs", Interval(1e-9, 2e-9, 4e-9), False)]
    assert figures.svg(figures.ledger_bars(bars)) == figures.svg(figures.ledger_bars(bars))


OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr")
PROBE = "<script>parent.postMessage(document.documentElement.scrollWidth, '*')</script>"
FRAME = (
    "<script>onmessage = e => document.title = 'width ' + e.data</script>"
    "<iframe src='page.html' style='width:{}px;height:3000px;border:0'></iframe>"
)


def browse(*arguments):
    return subprocess.run(
        [BROWSER, *OPTIONS, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )


def width_shown(page, folder, width):
    """Points that the page takes in a window of this width."""
    (folder / "page.html").write_text(page.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    (folder / "frame.html").write_text(FRAME.format(width), encoding="utf-8")
    shown = browse("--virtual-time-budget=3000", "--dump-dom", f"file://{folder}/frame.html").stdout
    return int(re.search(r"<title>width (\d+)</title>", shown).group(1))


@pytest.mark.skipif(BROWSER is None, reason="no chromium here: the page's looks are not checked")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_it_without_errors_and_no_wider_than_its_window(page, tmp_path, width):
    """What is wider than the screen scrolls by itself, the page does not."""
    assert width_shown(page, tmp_path, width) <= width
    twin = page.replace("<main>", f"<main><div style='width:{width + 200}px'>wide</div>")
    assert width_shown(twin, tmp_path, width) > width
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    picture = tmp_path / "page.png"
    done = browse(f"--window-size={width},3000", f"--screenshot={picture}", f"file://{tmp_path}/page.html")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "CONSOLE" not in done.stderr
