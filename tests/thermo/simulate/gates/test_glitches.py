"""Transitions of cells with delays against a plain event-driven simulator and against iverilog."""

import heapq
import shutil
import subprocess
from itertools import pairwise

import numpy as np
import pytest

from compiler.cell_counts import cell_columns
from compiler.ir.gates import make_gates
from compiler.passes.gates.cell_mapping import map_cells
from hw_models.cell_presets import CELL_LIBRARIES
from thermo.simulate.errors import SimulationError
from thermo.simulate.gates.glitches import glitches

NANGATE = CELL_LIBRARIES.get("nangate45")


def random_circuit(seed, n_inputs=7, n_gates=60):
    rng = np.random.default_rng(seed)
    op = rng.choice([1, 2, 4, 6, 7, 8, 9, 11, 13, 14], n_gates)
    a = [int(rng.integers(max(0, n_inputs + k - 12), n_inputs + k)) for k in range(n_gates)]
    b = [int(rng.integers(0, n_inputs + k)) for k in range(n_gates)]
    shown = {f"y{k}": n_inputs + n_gates - 1 - k for k in range(6)}
    return make_gates([f"x{k}" for k in range(n_inputs)], op, a, b, shown)


def mapped(seed, library=NANGATE):
    return map_cells(random_circuit(seed), library)


def samples(circuit, n, seed=1):
    return np.random.default_rng(seed).integers(0, 2, (n, circuit.n_inputs)).astype(bool)


def one_pair(circuit, delay, start, stop, inertial):
    """(settled, seen) of every cell: a list of events, one value a net, Verilog's rules by hand."""
    n = circuit.n_inputs
    cells = [circuit.library.cells[i] for i in circuit.cell.tolist()]

    def ask(k, value):
        row = 0
        for net in circuit.pins(k).tolist():
            row = 2 * row + value[net]
        return cells[k].value(row)

    value = [int(v) for v in start] + [0] * len(cells)
    for k in range(len(cells)):
        value[n + k] = ask(k, value)
    begun, wanted = value[n:], value[n:]
    seen = [0] * len(cells)
    events = []  # (time, cell, value, number); the numbers of cancelled ones
    cancelled, pending, number = set(), {}, 0
    value[:n] = [int(v) for v in stop]
    now, dirty = 0, set(range(len(cells)))
    while True:
        for k in sorted(dirty):
            new = ask(k, value)
            if new == wanted[k]:
                continue
            wanted[k] = new
            if inertial and k in pending:
                cancelled.add(pending.pop(k))  # it was about to change and is asked back
                continue
            number += 1
            pending[k] = number
            heapq.heappush(events, (now + int(delay[k]), k, new, number))
        if not events:
            break
        now, dirty = events[0][0], set()
        while events and events[0][0] == now:
            _, k, new, which = heapq.heappop(events)
            if which in cancelled:
                continue
            pending.pop(k, None) if pending.get(k) == which else None
            if value[n + k] != new:
                value[n + k] = new
                seen[k] += 1
                dirty |= {j for j in range(len(cells)) if n + k in circuit.pins(j)}
    settled = [int(x != y) for x, y in zip(begun, value[n:], strict=True)]
    return np.array(settled), np.array(seen)


def expected(circuit, delay, bits, inertial):
    both = [one_pair(circuit, delay, x, y, inertial) for x, y in pairwise(bits)]
    return np.mean([s for s, _ in both], axis=0), np.mean([t for _, t in both], axis=0)


def steps_of(circuit, steps):
    inverter = circuit.library.inverter.delay
    return np.maximum(np.rint(cell_columns(circuit).delay / (inverter / steps)), 1).astype(int)


@pytest.mark.parametrize("inertial", [True, False])
@pytest.mark.parametrize("delays", ["unit", "library"])
def test_transitions_are_those_of_an_event_list(delays, inertial):
    for seed in (0, 1):
        circuit = mapped(seed)
        bits = samples(circuit, 90)  # more than one word of pairs
        delay = np.ones(circuit.n_cells, int) if delays == "unit" else steps_of(circuit, 8)
        got = glitches(circuit, bits, delays=delays, inertial=inertial)
        settled, seen = expected(circuit, delay, bits, inertial)
        assert got.n_pairs == 89
        np.testing.assert_allclose(got.settled, settled, rtol=1e-12)
        np.testing.assert_allclose(got.seen, seen, rtol=1e-12)
        assert got.factor > 1.1  # these circuits do glitch
        assert ((got.seen - got.settled) >= -1e-12).all()


def test_with_unit_delay_inertia_changes_nothing_and_with_real_delays_it_swallows_pulses():
    circuit = mapped(2)
    bits = samples(circuit, 65)
    unit = [glitches(circuit, bits, inertial=i).seen for i in (True, False)]
    np.testing.assert_array_equal(*unit)
    real = [glitches(circuit, bits, delays="library", inertial=i).seen for i in (True, False)]
    assert real[0].sum() < real[1].sum()


@pytest.mark.skipif(not shutil.which("iverilog"), reason="iverilog is not installed")
def test_transitions_are_those_of_iverilog(tmp_path):
    circuit = mapped(3)
    bits = samples(circuit, 40)
    delay = steps_of(circuit, 8)
    n = circuit.n_inputs
    lines = ["`timescale 1ns/1ns", "module tb;", f"reg [{n - 1}:0] x; integer i;"]
    lines += [f"wire w{i} = x[{i}];" for i in range(n)]
    for k, index in enumerate(circuit.cell.tolist()):
        cell = circuit.library.cells[index]
        pins = [f"w{net}" for net in circuit.pins(k).tolist()]
        rows = [
            "&".join(p if row >> (cell.n_inputs - 1 - i) & 1 else "~" + p for i, p in enumerate(pins))
            for row in range(1 << cell.n_inputs)
            if cell.value(row)
        ]
        lines.append(f"wire w{n + k}; assign #{delay[k]} w{n + k} = {' | '.join(f'({r})' for r in rows)};")
        lines.append(f"integer c{k}; always @(w{n + k}) c{k} = c{k} + 1;")
    words = ["".join(str(int(v)) for v in row[::-1]) for row in bits]
    lines += ["initial begin", f"x = {n}'b{words[0]}; #100000;"]
    lines += [f"c{k} = 0;" for k in range(circuit.n_cells)]
    lines += [f"x = {n}'b{word}; #100000;" for word in words[1:]]
    lines += [f'$display("%0d", c{k});' for k in range(circuit.n_cells)]
    lines += ["$finish;", "end", "endmodule"]
    (tmp_path / "tb.v").write_text("\n".join(lines))
    built = ["iverilog", "-g2012", "-o", str(tmp_path / "sim"), str(tmp_path / "tb.v")]
    subprocess.run(built, check=True, capture_output=True)
    ran = subprocess.run(["vvp", "-n", str(tmp_path / "sim")], check=True, capture_output=True, text=True)
    theirs = np.array([int(line) for line in ran.stdout.split() if line.isdigit()])
    ours = glitches(circuit, bits, delays="library").seen * 39
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_gates_count_as_their_cells_would():
    # two paths of different length into an exclusive or: a pulse each time x changes
    netlist = make_gates(["x"], [12, 12, 6], [0, 1, 2], [0, 0, 0], {"y": 3})
    got = glitches(netlist, np.array([[0], [1], [0], [1]]))
    np.testing.assert_array_equal(got.settled, [1, 1, 0])
    np.testing.assert_array_equal(got.seen, [1, 1, 2])
    still = glitches(netlist, np.zeros((3, 1)))
    assert still.factor == 1 and not still.seen.any()


def test_pairs_are_spread_and_threads_change_nothing():
    circuit = mapped(4)
    bits = samples(circuit, 700)
    whole = glitches(circuit, bits)
    np.testing.assert_array_equal(whole.seen, glitches(circuit, bits, threads=1).seen)
    some = glitches(circuit, bits, pairs=100)
    assert some.n_pairs == 100 and some.factor != whole.factor


@pytest.mark.parametrize(
    "options, message",
    [
        ({"delays": "real"}, "delays must be one of unit, library, got 'real'"),
        ({"pairs": 0}, "pairs must be at least 1, got 0"),
        ({"steps": 0}, "steps must be at least 1"),
    ],
)
def test_bad_options_are_named(options, message):
    circuit = mapped(0)
    with pytest.raises(SimulationError, match=message):
        glitches(circuit, samples(circuit, 3), **options)


def test_bad_data_are_named():
    circuit = mapped(0)
    with pytest.raises(SimulationError, match=r"shape \(n_samples, 7\), got \(3, 6\)"):
        glitches(circuit, np.zeros((3, 6)))
    with pytest.raises(SimulationError, match="two samples or more that follow each other, got 1"):
        glitches(circuit, np.zeros((1, 7)))
    with pytest.raises(SimulationError, match="needs a circuit of cells: map it with map_cells"):
        glitches(random_circuit(0), np.zeros((2, 7)), delays="library")
