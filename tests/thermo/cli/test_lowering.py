"""thermoc compile for targets of p-bits and wells, and simulate, as their user runs them."""

import json

import networkx as nx
import numpy as np
import pytest
from typer.testing import CliRunner

from compiler.formats.ising.terms import max_cut
from compiler.ir.container import load
from hw_models.targets import TARGETS, with_holes
from thermo.cli.main import build

runner = CliRunner()


def run(command, *arguments):
    return runner.invoke(build([command]), [command, *map(str, arguments)])


def answer(command, *arguments):
    result = run(command, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def graph(tmp_path):
    """A rudy file of a weighted graph on 14 nodes, and its largest cut by enumeration."""
    made = nx.random_regular_graph(3, 14, seed=3)
    weights = np.random.default_rng(0).integers(1, 4, made.number_of_edges())
    path = tmp_path / "graph.txt"
    lines = [f"{a + 1} {b + 1} {w}" for (a, b), w in zip(made.edges, weights, strict=True)]
    path.write_text("\n".join([f"14 {len(lines)}", *lines]) + "\n")
    ends = np.array(made.edges)
    model = max_cut(14, ends[:, 0], ends[:, 1], weights.astype(float))
    states = np.where(np.arange(2**14)[:, None] >> np.arange(14) & 1, 1, -1)
    best = (weights.sum() - model.energy(states).min()) / 2
    return path, best


def test_a_cut_on_chimera_is_that_of_the_graph(graph, tmp_path):
    path, best = graph
    net = tmp_path / "net.tnl"
    mends = ("--embed", "--rescale", "--quantize", "--sweeps", 800)
    told = answer("compile", path, "-o", net, "--target", "chimera-4", *mends)
    problem = told["problem"]
    assert problem["spins"] == 14 and problem["chain_cells"] > 14
    assert told["counts"]["cells"]["total"] == problem["chain_cells"]
    assert told["counts"]["largest_coupling"] <= 1.0
    assert told["manifest"]["seed"] == 0
    found = answer("simulate", net)
    assert found["cut"] == best and found["problem"] == "max-cut"
    assert len(found["variables"]) == 14 and len(found["broken_chains"]["share"]) == 14
    # the cut belongs to the variables shown
    sides = {int(k): v for k, v in found["variables"].items()}
    weights = [line.split() for line in path.read_text().splitlines()[1:]]
    assert sum(int(w) for a, b, w in weights if sides[int(a)] != sides[int(b)]) == best
    text = run("simulate", net).stdout
    assert "broken chains" in text
    shown = run("show", net, "--limit", 3)
    assert shown.exit_code == 0 and "  chain ..." in shown.stdout
    assert max(len(line) for line in shown.stdout.splitlines()) < 3000
    verdicts = answer("show", net)["targets"]
    assert any("no wire" in v for v in verdicts["king-32"])


def test_sampling_reports_the_models_energy_and_broken_chains(tmp_path, graph):
    path, _ = graph
    told = {}
    grid = ("--target", "grid-g12-12", "--embed", "--rescale", "--quantize")
    for name, options in {
        "plain": (),
        "levels": ("--target", "complete-20", "--rescale", "--quantize"),
        "strong": (*grid, "--chain-strength", 6),
        "weak": (*grid, "--chain-strength", 0.5),
    }.items():
        net = tmp_path / f"{name}.tnl"
        answer("compile", path, "-o", net, "--sample", "--kT", 2, "--sweeps", 4000, *options)
        told[name] = answer("simulate", net)
    plain = told["plain"]["mean_energy"]
    assert "broken_chains" not in told["plain"] and "broken_chains" not in told["levels"]
    off = {}
    for name in ("levels", "strong", "weak"):  # in units of what is allowed
        mean = told[name]["mean_energy"]
        # 127 levels of the largest coupling: up to 2 % of rounding
        error = 4 * np.hypot(plain["sem"], mean["sem"]) + 0.02 * abs(plain["mean"])
        off[name] = abs(mean["mean"] - plain["mean"]) / error
    assert off["levels"] < 1 and off["strong"] < 1 and off["weak"] > 2
    assert 0 < told["strong"]["broken_chains"]["mean"] < 0.02
    assert told["weak"]["broken_chains"]["mean"] > 0.05


def test_double_wells_find_the_cut(graph, tmp_path):
    path, best = graph
    net = tmp_path / "wells.tnl"
    told = answer("compile", path, "-o", net, "--target", "double-well", "--sweeps", 40)
    assert told["problem"]["barrier_kT"] == pytest.approx(4.0)
    assert told["problem"]["phase_anneal"].startswith("40 sweeps")
    found = answer("simulate", net, "--runs", 32)
    assert found["cut"] == best
    assert len(found["energies"]) == 32 and found["mean_energy"]["sem"] >= 0
    assert not found["mean_energy"]["reliable"]  # of 32 runs, less than 100
    text = run("simulate", net, "--runs", 4).stdout
    assert "mean energy of the signs" in text and "cut" in text
    assert load(net).lowered.wells.compensated


def test_sizes_of_a_family_are_targets(graph, tmp_path):
    path, _ = graph
    net = tmp_path / "net.tnl"
    told = answer("compile", path, "-o", net, "--target", "king-9", "--embed", "--rescale", "--quantize")
    assert told["target"] == "king-9"
    described = answer("presets", "chimera-16")
    assert described["topology"] == "chimera(16, 16, 4)"
    assert {f["kind"] for f in described["figures"].values()} == {"assumed"}
    assert "zephyr-12" in answer("presets")["targets"]


BAD = [
    (("--target", "chimera-4"), "has no wire; target `chimera-4` is wired as chimera(4, 4, 4): add --embed"),
    (("--target", "chimera-4", "--embed"), "allows |W| <= 1: add --rescale"),
    (("--target", "chimera-4", "--embed", "--rescale"), "has 5 bits: add --quantize"),
    (("--target", "square-4", "--embed"), "cannot be embedded into topology square(4, 4) with 16 cells"),
    (
        ("--target", "chimera-4", "--embed", "--chain-strength", "0"),
        "the chain strength must be a number above 0, got 0",
    ),
    (("--target", "chimera-4", "--embed", "--chain-strength", "-2"), "number above 0, got -2"),
    (("--target", "chimera-4", "--chain-strength", "2"), "--chain-strength 2 is for --embed"),
    (("--target", "torus-4"), "no target 'torus-4'; choose one of ideal"),
    (("--target", "king-0"), "target 'king-0': the size must be a whole number from 1 to 1000"),
    (("--target", "king-x"), "the size must be a whole number from 1 to 1000, got 'x'"),
    (("--target", "chimera-99999"), "the size must be a whole number from 1 to 128"),
    (
        ("--target", "rc-array"),
        "cell 0 has the kind pbit; target `rc-array` offers continuous: add --double-well",
    ),
    (("--target", "double-well", "--barrier", "1"), "a barrier must be from 2 to 30 kT"),
    (("--target", "double-well", "--barrier", "4", "--flip-rate", "0.1"), "give one"),
    (("--target", "double-well", "--flip-rate", "7"), "needs a barrier outside 2 to 30 kT"),
    (("--barrier", "4"), "--barrier 4 is for --double-well"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_lowering_is_one_clear_line(graph, tmp_path, options, message):
    net = tmp_path / "net.tnl"
    result = run("compile", graph[0], "-o", net, *options)
    assert result.exit_code == 2
    lines = [line for line in result.output.splitlines() if line.startswith("error:")]
    assert len(lines) <= 1
    told = str(result.exception) if not lines else lines[0]
    assert message in told and "\n" not in told
    assert not net.exists()


def test_a_chip_with_holes(tmp_path, graph):
    """--missing and --working-graph: nothing dead is used, and the same chip is told by the same name."""
    holes = tmp_path / "holes.txt"
    holes.write_text("0\n5\n8 12\n")
    net = tmp_path / "net.tnl"
    where = ("-o", net, "--target", "chimera-8", "--embed", "--rescale", "--quantize")
    assert answer("compile", graph[0], *where, "--missing", holes)["target"] == "chimera-8 with holes"
    placement = load(net).lowered.placement
    assert placement.topology.startswith("a working chimera(8, 8, 4) of 510 nodes")
    chip = with_holes(TARGETS.get("chimera-8"), missing=holes).topology.graph()
    assert not {0, 5} & set(chip.ids[placement.nodes].tolist())
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("100000\n")
    done = run("compile", graph[0], *where, "--missing", wrong)
    assert done.exit_code == 2
    assert "node 100000 cannot be missing" in done.output
    told = answer("simulate", net)
    assert told["cut"] == graph[1]
    assert len(told["broken_chains"]["lengths"]) == 14
    assert max(told["broken_chains"]["lengths"]) > 1
