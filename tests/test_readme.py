"""The README's code runs, its commands exist, its links lead somewhere."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from thermo.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


RESULTS = (ROOT / "docs" / "results.md").read_text()


def _blocks(language, text=README):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("code", _blocks("python"), ids=lambda c: c.split("\n")[0][:30])
def test_python_code_runs(code, tmp_path):
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    accuracy = float(re.search(r"([\d.]+) %", done.stdout).group(1))
    assert accuracy > 80  # chance is 10; the figure itself is the study's business


@pytest.mark.parametrize("page", [README, RESULTS], ids=["README", "results"])
def test_commands_and_their_options_exist(capsys, page):
    blocks = _blocks("sh", page)
    lines = [line for b in blocks for line in b.splitlines() if line.startswith("thermoc")]
    assert len(lines) >= 5
    for line in lines:
        words = shlex.split(line.split("#")[0])[1:]
        name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
        assert name in COMMANDS, line
        assert main([*name.split(), "--help"]) == 0
        text = capsys.readouterr().out
        for option in re.findall(r"(?<=\s)--?[a-zA-Z][\w-]*", line):
            assert option in text, f"{line}: no {option}"


def test_the_two_commands_are_marked_for_ci():
    for name in ("demo-command", "test-command"):
        body = re.search(rf"<!-- {name} -->\n```sh\n(.*?)\n```\n<!-- end -->", README, re.DOTALL)
        assert body and "\n" not in body.group(1)


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name
)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if not target.startswith(("http", "#")):
            assert (page.parent / target.split("#")[0]).exists(), f"{page.name}: {target}"
