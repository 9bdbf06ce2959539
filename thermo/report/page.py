"""One self-contained HTML page: no script, no outside resource; for a phone, a desk and the dark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2126; --soft: #4b525b; --paper: #fafbfc; --card: #fff;
  --line: #e2e5e9; --head: #f1f3f5; --code: #eef0f2; --link: #0b5394; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #a9b1bb; --paper: #14171b;
  --card: #1b1f24; --line: #343a42; --head: #242a31; --code: #2a3038; --link: #8ab8e6; }
  figure svg { filter: invert(1) hue-rotate(180deg); } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); margin: 0; background: var(--paper); }
main { max-width: 74rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.5rem 0 .5rem; overflow-wrap: anywhere; }
p, ul { margin: .5rem 0; max-width: 46rem; overflow-wrap: anywhere; } .lead { font-size: 1.08rem; }
ul { padding-left: 1.25rem; } li { margin: .25rem 0; } a { color: var(--link); }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
.scroll { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-size: .92rem; background: var(--card); }
caption { text-align: left; padding: .25rem 0; color: var(--soft); }
caption span { position: sticky; left: 0; display: inline-block; max-width: min(46rem, 88vw); }
th, td { text-align: left; padding: .32rem .7rem; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: pre-wrap; }
thead th { font-weight: 600; background: var(--head); vertical-align: bottom; }
tbody th { font-weight: 400; background: var(--card); }
tr > :first-child { position: sticky; left: 0; min-width: 11rem; }
.num { text-align: right; } td.num { font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1rem 0; max-width: 48rem; padding: .75rem; background: var(--card);
  border: 1px solid var(--line); }
figure svg { display: block; max-width: 100%; height: auto; }
figcaption { font-size: .88rem; color: var(--soft); max-width: 46rem; }
footer { margin-top: 3rem; font-size: .85rem; color: var(--soft); overflow-wrap: anywhere; }
code { background: var(--code); padding: 0 .25rem; border-radius: 3px; overflow-wrap: anywhere; }
@media (max-width: 40rem) { main { padding: 1.25rem .9rem 3rem; } h1 { font-size: 1.4rem; }
  th, td { padding: .3rem .5rem; } tr > :first-child { min-width: 7.5rem; max-width: 10rem;
  overflow-wrap: anywhere; } td:last-child:not(.num) { min-width: 16rem; }
  figure { padding: .5rem; } figure svg { min-width: 30rem; } }
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text cells, the first of a row its head. `numeric` columns are aligned to the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """An <svg> element and what it shows. alt : the same for who does not see it, "": the caption"""

    svg: str
    caption: str
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Points:
    """A list of sentences that do not follow from each other."""

    items: tuple[str, ...]


Part = str | Table | Figure | Points


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    parts: tuple[Part, ...]


def html_page(
    title: str, lead: Sequence[str], sections: Sequence[Section], footer: str = "", contents: bool = False
) -> str:
    """The page as text.

    lead : the paragraphs that come first; contents : whether a list of the sections follows them
    """
    body = [f"<h1>{escape(title)}</h1>"]
    body += [f'<p class="lead">{escape(paragraph)}</p>' for paragraph in lead]
    if contents:
        links = (f'<li><a href="#s{k}">{escape(s.title)}</a></li>' for k, s in enumerate(sections, 1))
        body.append(f'<nav aria-label="Sections"><ul>{"".join(links)}</ul></nav>')
    figures = 0
    for k, section in enumerate(sections, 1):
        body.append(f'<section aria-labelledby="s{k}">\n<h2 id="s{k}">{escape(section.title)}</h2>')
        for part in section.parts:
            figures += isinstance(part, Figure)
            body.append(_part(part, figures))
        body.append("</section>")
    if footer:
        body.append(f"<footer>{escape(footer)}</footer>")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _part(part: Part, number: int) -> str:
    """number : of the figure, where it is one"""
    if isinstance(part, str):
        return f"<p>{escape(part)}</p>"
    if isinstance(part, Points):
        return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in part.items)}</ul>"
    if isinstance(part, Figure):
        drawn = _labelled(part.svg, part.alt or part.caption, number)
        return (
            f'<figure><div class="scroll" tabindex="0" role="group" aria-label="Figure {number}">{drawn}'
            "</div>"
            f"<figcaption>{escape(part.caption)}</figcaption></figure>"
        )
    return _table(part)


def _table(table: Table) -> str:
    def line(row: tuple[str, ...], head: str) -> str:
        cells = []
        for k, (value, kind) in enumerate(zip(row, kinds, strict=True)):
            tag, scope = ("th", f' scope="{head}"') if head == "col" or k == 0 else ("td", "")
            cells.append(f"<{tag}{scope}{kind}>{escape(value)}</{tag}>")
        return f"<tr>{''.join(cells)}</tr>"

    kinds = [' class="num"' if k in table.numeric else "" for k in range(len(table.columns))]
    rows = "".join(line(row, "row") for row in table.rows)
    caption = f"<caption><span>{escape(table.caption)}</span></caption>" if table.caption else ""
    name = escape(table.caption or table.columns[0] or "table", quote=True)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{name}"><table>{caption}'
        f"<thead>{line(table.columns, 'col')}</thead><tbody>{rows}</tbody></table></div>"
    )


def _labelled(svg: str, alt: str, number: int) -> str:
    """The <svg> as an image with a text, its ids the page's only ones of their name."""
    own = re.sub(r'\bid="', f'id="f{number}-', svg)
    own = re.sub(r"url\(#", f"url(#f{number}-", own)
    own = re.sub(r'href="#', f'href="#f{number}-', own)
    return own.replace("<svg", f'<svg role="img" aria-label="{escape(alt, quote=True)}"', 1)
