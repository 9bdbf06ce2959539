"""One self-contained HTML page: no script, no outside resource."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1d2126; margin: 0; background: #fafbfc; }
main { max-width: 56rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; }
p { margin: .5rem 0; max-width: 46rem; } .lead { font-size: 1.08rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .75rem 0; font-size: .92rem; background: #fff; }
th, td { text-align: left; padding: .32rem .7rem; border-bottom: 1px solid #e2e5e9;
  vertical-align: top; }
th { font-weight: 600; background: #f1f3f5; } .num { text-align: right; }
td.num { font-variant-numeric: tabular-nums; white-space: nowrap; } td { white-space: pre-wrap; }
figure { margin: 1rem 0; background: #fff; border: 1px solid #e2e5e9; padding: .75rem; }
figure svg { max-width: 100%; height: auto; } figcaption { font-size: .88rem; color: #4b525b; }
footer { margin-top: 3rem; font-size: .85rem; color: #4b525b; }
code { background: #eef0f2; padding: 0 .25rem; border-radius: 3px; overflow-wrap: anywhere; }
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text cells. `numeric` columns are aligned to the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """An <svg> element and what it shows."""

    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    parts: tuple[str | Table | Figure, ...]


def html_page(title: str, lead: Sequence[str], sections: Sequence[Section], footer: str = "") -> str:
    """The page as text; `lead` are the paragraphs that come first."""
    body = [f"<h1>{escape(title)}</h1>"]
    body += [f'<p class="lead">{escape(paragraph)}</p>' for paragraph in lead]
    for section in sections:
        body.append(f"<h2>{escape(section.title)}</h2>")
        body += [_part(p) for p in section.parts]
    if footer:
        body.append(f"<footer>{escape(footer)}</footer>")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _part(part: str | Table | Figure) -> str:
    if isinstance(part, str):
        return f"<p>{escape(part)}</p>"
    if isinstance(part, Figure):
        return f"<figure>{part.svg}<figcaption>{escape(part.caption)}</figcaption></figure>"

    def line(tag: str, row: tuple[str, ...]) -> str:
        kinds = (' class="num"' if k in part.numeric else "" for k in range(len(row)))
        cells = (f"<{tag}{k}>{escape(v)}</{tag}>" for k, v in zip(kinds, row, strict=True))
        return f"<tr>{''.join(cells)}</tr>"

    head = line("th", part.columns)
    rows = "".join(line("td", row) for row in part.rows)
    caption = f"<p>{escape(part.caption)}</p>" if part.caption else ""
    return f'{caption}<div class="scroll"><table>{head}{rows}</table></div>'
