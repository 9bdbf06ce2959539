"""What mkdocs cannot do by itself: the README as first page, pages of the API, equations without scripts.

Links that leave docs/ lead to files of the sources, which the site does not have: it shows their paths.
"""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from html import unescape
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import api  # noqa: E402

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
CODE = re.compile(r"(```.*?```|``[^\n]*?``|`[^`\n]*`|^(?: {4}|\t)[^\n]*$)", re.S | re.M)
DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.S)
INLINE = re.compile(r"(?<![\\$])\$(?!\s)([^$\n]+?(?:\n[^$\n]+?)?)(?<!\s)\$(?![\d$])")


def on_files(files, config):
    """The README and the API's pages beside those of docs/."""
    files.append(File.generated(config, "index.md", content=_readme()))
    for package in api.PACKAGES:
        files.append(File.generated(config, f"api/{package}.md", content=api.page(package)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Links to what the site has, equations as MathML."""
    if page.file.src_uri.startswith("api/"):
        return markdown
    here = {file.src_uri for file in files}
    parts = CODE.split(markdown)
    for k in range(0, len(parts), 2):
        text = LINK.sub(lambda match: _link(match, page.file.src_uri, here), parts[k])
        text = DISPLAY.sub(lambda m: f"\n\n{_equation(m.group(1), 'block')}\n\n", text)
        parts[k] = INLINE.sub(lambda m: _equation(m.group(1), "inline"), text)
    return "".join(parts)


def _readme() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"\]\(docs/", "](", text)
    return re.sub(r"<!--.*?-->\n?", "", text)


def _link(match, source, here):
    told, target = match.group(1), match.group(2)
    if target.startswith(("http", "#")):
        return match.group(0)
    path = os.path.normpath(os.path.join(os.path.dirname(source), target.partition("#")[0]))
    if path in here:
        return match.group(0)
    place = path.removeprefix("../")
    return told if place in told or told.strip("`") == place else f"{told} (`{place}`)"


@cache
def _equation(tex: str, display: str) -> str:
    found = convert(unescape(" ".join(tex.split())), display=display)
    # in a span, or a line that begins with an equation would be a block of HTML
    return found if display == "block" else f"<span>{found}</span>"
