"""A self-checking Verilog test bench for a module of write_verilog."""

from __future__ import annotations

import numpy as np

from compiler.circuits.class_nets import fresh_name
from compiler.circuits.evaluate import evaluate_words, pack_bits, unpack_bits
from compiler.errors import UnsupportedError
from compiler.formats.circuits.ports import Port
from compiler.formats.circuits.verilog_write import Interface, VerilogOptions, escaped, verilog_interface
from compiler.ir.gates import GateNetlist

SHOWN = 10  # differing samples that are told one by one


def write_testbench(
    netlist: GateNetlist, bits: np.ndarray, options: VerilogOptions | None = None, *, source: str = ""
) -> str:
    """Verilog that feeds `bits` to the module and compares every output, sum and decision.

    bits : (n_samples, n_inputs) of 0 and 1; expected values are computed here, not by the Verilog
    options : those given to write_verilog; source : where the samples come from, for a comment
    It prints PASS or FAIL with the number of samples and ends with $finish, or with $fatal where a
    sample differs or shows x or z. Simulate: iverilog -g2012 -o sim NET.v TB.v && vvp sim

    Raises UnsupportedError without samples or with another number of inputs.
    """
    bits = np.asarray(bits)
    if bits.ndim != 2 or bits.shape[1] != netlist.n_inputs or bits.shape[0] == 0:
        raise UnsupportedError(
            f"a test bench needs samples of {netlist.n_inputs} bits, got an array of shape {bits.shape}"
        )
    face = verilog_interface(netlist, options)
    expected, fields = _expected(netlist, bits, face)
    width = expected.shape[1]
    if width == 0:
        raise UnsupportedError("a circuit without outputs and classes has nothing to test")
    inputs = max(1, bits.shape[1])
    name = fresh_name(f"{face.module}_tb", [face.module])
    lines = [
        f"// {bits.shape[0]} samples{f' of {source}' if source else ''}",
        f"module {escaped(name)};",
        f"  localparam SAMPLES = {bits.shape[0]};",
        f"  reg [{inputs - 1}:0] stimuli [0:SAMPLES-1];",
        f"  reg [{width - 1}:0] expected [0:SAMPLES-1];",
        f"  reg [{inputs - 1}:0] in;",
        f"  wire [{width - 1}:0] out;",
        *(["  reg clk = 0;", "  always #5 clk = ~clk;"] if face.clock else []),
        f"  {escaped(face.module)} dut (",
        ",\n".join(f"    .{escaped(port)}({wire})" for port, wire in _connections(face)),
        "  );",
        "  integer i, failures;",
        *_check(fields),
        "  initial begin",
        *(f"    stimuli[{k}] = {inputs}'h{_hex(row)};" for k, row in enumerate(bits)),
        *(f"    expected[{k}] = {width}'h{_hex(row)};" for k, row in enumerate(expected)),
        "    failures = 0;",
        *_run(face),
        '    if (failures == 0) $display("PASS: all %0d samples agree", SAMPLES);',
        '    else $display("FAIL: %0d of %0d samples differ", failures, SAMPLES);',
        "    if (failures == 0) $finish;",
        "    else $fatal(1);",
        "  end",
        "endmodule",
    ]
    return "\n".join(lines) + "\n"


def _run(face: Interface) -> list[str]:
    if face.clock is None:
        return [
            "    for (i = 0; i < SAMPLES; i = i + 1) begin",
            "      in = stimuli[i];",
            "      #10 check(i);",
            "    end",
        ]
    return [
        f"    for (i = 0; i < SAMPLES + {face.latency}; i = i + 1) begin",
        "      @(negedge clk);",
        f"      if (i >= {face.latency}) check(i - {face.latency});",
        "      if (i < SAMPLES) in = stimuli[i];",
        "    end",
    ]


def _check(fields: list[tuple[str, int, int, str]]) -> list[str]:
    """A task that compares one sample. fields : name, low bit, width, how to print"""
    lines = [
        "  task check(input integer k);",
        "    if (out !== expected[k]) begin",
        "      failures = failures + 1;",
        f"      if (failures <= {SHOWN}) begin",
    ]
    for name, low, width, form in fields:
        part = f"[{low + width - 1}:{low}]"
        lines.append(
            f"        if (out{part} !== expected[k]{part}) "
            f'$display("sample %0d: {name} {form}, expected {form}", k, out{part}, '
            f"expected[k]{part});"
        )
    return [*lines, "      end", "    end", "  endtask"]


def _expected(
    netlist: GateNetlist, bits: np.ndarray, face: Interface
) -> tuple[np.ndarray, list[tuple[str, int, int, str]]]:
    """((n_samples, width) bits, the lowest first, in the order of the ports; fields)."""
    n = bits.shape[0]
    values = unpack_bits(evaluate_words(netlist, pack_bits(bits), netlist.roots), n)
    parts = [values[:, : netlist.n_outputs]]
    fields = [("outputs", 0, netlist.n_outputs, "%h")] if netlist.n_outputs else []
    sums = netlist.class_sums
    if sums is not None and face.decision is not None:
        counted = np.zeros((n, sums.nets.size + 1), dtype=np.int64)
        np.cumsum(values[:, netlist.n_outputs :], axis=1, out=counted[:, 1:])
        counts = counted[:, sums.indptr[1:]] - counted[:, sums.indptr[:-1]]
        at = netlist.n_outputs
        for c in range(sums.n_classes):
            parts.append(_binary(counts[:, c], face.sum_bits))
            fields.append((f"sum {c}", at, face.sum_bits, "%0d"))
            at += face.sum_bits
        parts.append(_binary(np.argmax(counts, axis=1), face.decision.bits))
        fields.append(("decision", at, face.decision.bits, "%0d"))
    return np.concatenate(parts, axis=1), fields


def _binary(values: np.ndarray, width: int) -> np.ndarray:
    return (values[:, None] >> np.arange(width)) & 1


def _hex(row: np.ndarray) -> str:
    """Bit k of the number is row[k]."""
    digits = np.packbits(row.astype(bool), bitorder="little")[::-1].tobytes().hex()
    return digits[len(digits) - (row.size + 3) // 4 :] or "0"


def _connections(face: Interface) -> list[tuple[str, str]]:
    """(port, what the bench connects to it)."""
    found = [(face.clock, "clk")] if face.clock else []
    for ports, wire in (
        (face.inputs, "in"),
        ((*face.outputs, *face.sums, *([face.decision] if face.decision else [])), "out"),
    ):
        at = 0
        for port in ports:
            found.append((port.name, f"{wire}{_slice(port, at)}"))
            at += port.bits
    return found


def _slice(port: Port, at: int) -> str:
    return f"[{at}]" if port.bits == 1 else f"[{at + port.bits - 1}:{at}]"
