"""What the documents say is what the code does."""

import re
import textwrap
from pathlib import Path

from compiler.ir import container
from compiler.ir.gates import OP_NAMES
from compiler.ir.kinds import dump, parse
from compiler.ir.langevin import Activation, CellKind, CouplingKind, Order, Role
from compiler.passes.legalize import MENDS
from compiler.pipelines import GATES

DOCS = Path(__file__).parents[2] / "docs"


def test_the_example_in_ir_md_is_canonical():
    text = (DOCS / "ir.md").read_text()
    block = re.search(r"(?:^    .*\n)+", text[text.index("    langevin 1") :], re.M).group()
    example = textwrap.dedent(block)
    assert dump(parse(example)) == example


def test_the_circuit_in_ir_md_is_canonical_and_every_op_is_named():
    text = (DOCS / "ir.md").read_text()
    block = re.search(r"(?:^    .*\n)+", text[text.index("    gates 2") :], re.M).group()
    example = textwrap.dedent(block)
    assert dump(parse(example)) == example
    for first in (0, 8):
        names = "".join(rf" `{name}`[^|]*\|" for name in OP_NAMES[first : first + 8])
        numbers = "".join(rf" {op} \|" for op in range(first, first + 8))
        assert re.search(rf"\| op \|{numbers}\n.*\n\| name \|{names}", text)


def test_ir_md_names_every_pass_in_its_pipeline():
    text = (DOCS / "ir.md").read_text()
    levels = [{step.__name__.partition("(")[0] for step in GATES["gates"][k]} for k in (1, 2)]
    for name in levels[0] | levels[1]:
        row = re.search(rf"^\| `{name}` \|.*\| (yes|) ?\| (yes|) ?\|$", text, re.M)
        assert row, name
        assert row.groups() == tuple("yes" if name in level else "" for level in levels)


def test_ir_md_names_every_code_and_mend():
    text = (DOCS / "ir.md").read_text()
    for codes in (Activation, Order, CellKind, Role):
        for code in codes:
            assert re.search(rf"\b{code.value} {code.name.lower().replace('pbit', 'p-bit')}", text)
    for kind in CouplingKind:
        assert f"| `{kind.name.lower()}` |" in text
    assert all(f"`--{mend}`" in text for mend in MENDS)


def test_formats_md_states_the_layout():
    text = (DOCS / "formats.md").read_text()
    assert " ".join(f"{b:02X}" for b in container.MAGIC) in text
    assert container.PREFIX.size == container.ALIGN == 64
    assert f"`{' '.join(container.DTYPES)}`" in text
    assert f"{container.HEADER_LIMIT >> 20} MiB" in text
