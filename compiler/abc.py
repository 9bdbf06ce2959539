"""A second opinion on equivalence: `cec` of ABC, where it is installed.

Source: the command's own help (`abc -c "cec -h"`): cec [-T seconds] [-n] file1 file2.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from compiler.circuits.builder import Builder
from compiler.circuits.class_nets import expose_class_nets
from compiler.circuits.possible import implications
from compiler.errors import ThermocError
from compiler.formats.circuits.aiger import write_aiger
from compiler.ir.encoders import Encoder
from compiler.ir.gates import AND, OR, GateNetlist

PROGRAMS = ("abc", "berkeley-abc", "yosys-abc")
TIMEOUT = 60
GRACE = 10  # seconds until a process that missed its own limit is ended


class DisagreementError(ThermocError):
    """Two ways of comparing circuits came to different answers: one of them is wrong."""


@dataclass(frozen=True, slots=True)
class AbcVerdict:
    """status : "equivalent", "different", "undecided", "timed out", "not installed" or "failed"
    program : its name; detail : what it said, where that is no verdict
    """

    status: str
    program: str | None = None
    detail: str | None = None


def ask_abc(
    a: GateNetlist,
    b: GateNetlist,
    *,
    by_name: tuple[bool, bool] = (False, False),
    encoder: Encoder | None = None,
    timeout: float = TIMEOUT,
    program: str | None = None,
) -> AbcVerdict:
    """Whether ABC finds the circuits equal, class sums net by net.

    by_name : whether inputs and outputs are matched by name, else by position
    encoder : of the first circuit's inputs; only patterns that it can make count, see check_equal
    timeout : seconds; program : name or path, else the first of PROGRAMS on the path
    """
    found = next((p for p in ([program] if program else PROGRAMS) if shutil.which(p)), None)
    if found is None:
        return AbcVerdict("not installed")
    first = expose_class_nets(a)
    second = _ordered(expose_class_nets(b), first, by_name)
    if not first.n_outputs:
        return AbcVerdict("equivalent", found, "there is no output")
    if encoder is not None:
        first, second = (_where_possible(netlist, encoder) for netlist in (first, second))
    with tempfile.TemporaryDirectory() as folder:
        for name, netlist in (("first.aig", first), ("second.aig", second)):
            (Path(folder) / name).write_bytes(write_aiger(_numbered(netlist)))
        try:
            done = subprocess.run(
                [found, "-c", f"cec -n -T {max(1, int(timeout))} first.aig second.aig"],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=timeout + GRACE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return AbcVerdict("timed out", found)
        except OSError as error:
            return AbcVerdict("failed", found, str(error))
    return _verdict(found, done.stdout + done.stderr)


def _verdict(program: str, said: str) -> AbcVerdict:
    if re.search(r"NOT EQUIVALENT", said):
        return AbcVerdict("different", program)
    if re.search(r"are equivalent", said):
        return AbcVerdict("equivalent", program)
    last = " ".join(said.split())[-200:]
    if re.search(r"UNDECIDED|[Tt]imeout|[Tt]ime limit", said):
        return AbcVerdict("undecided", program, last)
    return AbcVerdict("failed", program, last)


def _ordered(b: GateNetlist, a: GateNetlist, by_name: tuple[bool, bool]) -> GateNetlist:
    """b with its ports in the order of a's. Named outputs are permuted; inputs are renumbered."""
    if by_name[1]:
        place = {name: k for k, name in enumerate(b.output_names)}
        outputs = np.array([b.outputs[place[name]] for name in a.output_names], dtype=np.int32)
        b = replace(b, output_names=a.output_names, outputs=outputs)
    if by_name[0]:
        number = {name: k for k, name in enumerate(a.input_names)}
        inputs = np.array([number[name] for name in b.input_names], dtype=np.int32)
        # net of b -> the same net with a's inputs; the last entry is that of unread operands, -1
        nets = np.concatenate([inputs, np.arange(b.n_inputs, b.n_nets), [-1]]).astype(np.int32)
        b = replace(b, input_names=a.input_names, a=nets[b.a], b=nets[b.b], outputs=nets[b.outputs])
    return b


def _numbered(netlist: GateNetlist) -> GateNetlist:
    """Plain names: AIGER holds no line breaks, and ABC must not match by name."""
    return replace(
        netlist,
        input_names=tuple(f"i{k}" for k in range(netlist.n_inputs)),
        output_names=tuple(f"o{k}" for k in range(netlist.n_outputs)),
        encoder=None,
    )


def _where_possible(netlist: GateNetlist, encoder: Encoder) -> GateNetlist:
    """The netlist with every output 0 for patterns that the encoder cannot make."""
    builder = Builder(netlist.input_names)
    builder.op, builder.a, builder.b = (getattr(netlist, column).tolist() for column in ("op", "a", "b"))
    rules = [2 * builder.gate(OR, 2 * int(high) + 1, 2 * int(low)) for high, low in implications(encoder)]
    possible = builder.tree(AND, rules)
    outputs = {
        name: builder.gate(AND, 2 * net, 2 * possible)
        for name, net in zip(netlist.output_names, netlist.outputs.tolist(), strict=True)
    }
    return builder.netlist(outputs)
