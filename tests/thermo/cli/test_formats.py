"""The command line with other people's networks and tools: the whole way, and every bad file."""

import gzip
import json
import shutil
import subprocess

import numpy as np
import pytest

from compiler import GateNetlist, load
from compiler.abc import AbcVerdict
from compiler.circuits.evaluate import encode_bits, evaluate_classes
from thermo.cli.main import main
from thermo.data import load_dataset

RNG = np.random.default_rng(0)
WIDTHS = (70, 40)


def _json(capsys, code, *arguments):
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def _fails(capsys, *arguments):
    assert main([*map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == "" and len(lines) == 1 and lines[0].startswith("error: "), err
    return lines[0]


def _difflogic(folder):
    """A network for the digits: 64 features with one threshold."""
    rng = np.random.default_rng(1)
    state, wires, below = {}, [], 64
    for k, width in enumerate(WIDTHS):
        state[f"{k}.weights"] = rng.normal(size=(width, 16)).astype(np.float32)
        wires.append(rng.permutation(2 * width).reshape(2, width) % below)
        below = width
    np.savez(folder / "model.npz", **state)
    np.savez(folder / "wiring.npz", *wires)
    return folder / "model.npz", folder / "wiring.npz"


@pytest.fixture
def net(tmp_path, capsys):
    model, wiring = _difflogic(tmp_path)
    flags = ["--wiring", wiring, "--classes", 10, "--tau", 4, "--thresholds", "0.5", "-O", 1]
    found = _json(capsys, 0, "compile", model, *flags, "-o", tmp_path / "net.tnl")
    assert found["counts_before"]["gates"]["declared"] == sum(WIDTHS)
    return tmp_path / "net.tnl"


# --- the whole way ---------------------------------------------------------------------------


def test_a_difflogic_network_becomes_verilog_that_a_bench_has_checked(capsys, net, tmp_path):
    netlist = load(net)
    assert isinstance(netlist, GateNetlist) and netlist.class_sums.tau == 4
    assert netlist.input_names[:2] == ("x0_0", "x1_0")
    verilog, bench = tmp_path / "net.v", tmp_path / "tb.v"
    flags = ["--format", "verilog", "-o", verilog, "--testbench", bench, "--samples", 50]
    found = _json(capsys, 0, "export", net, *flags, "--data", "digits")
    told = found["testbench"]
    assert (told["samples"], told["source"]) == (50, "digits, test")
    digits = load_dataset("digits")
    scores = evaluate_classes(netlist, encode_bits(netlist, digits.x_test[:50]))
    assert told["accuracy"] == np.mean(np.argmax(scores, axis=1) == digits.y_test[:50])
    if shutil.which("iverilog") is None:
        pytest.skip("iverilog is not installed")
    code, said = _simulate(tmp_path)
    assert code == 0 and said == "PASS: all 50 samples agree\n"
    verilog.write_text(verilog.read_text().replace(" ^ ", " | "))
    code, said = _simulate(tmp_path)
    assert code != 0 and "FAIL: " in said


def _simulate(folder):
    subprocess.run(["iverilog", "-g2012", "-o", "sim", "net.v", "tb.v"], cwd=folder, check=True, timeout=60)
    done = subprocess.run(["vvp", "sim"], cwd=folder, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def test_export_says_what_to_run(capsys, net, tmp_path):
    flags = ["--format", "verilog", "-o", tmp_path / "net.v", "--pipeline", 2, "--head", "gates"]
    assert main([str(a) for a in ("export", net, *flags, "--testbench", tmp_path / "tb.v")]) == 0
    out = capsys.readouterr().out
    assert "latency: " in out and "100 samples of random bits, seed 0" in out
    assert f"run:   iverilog -g2012 -o sim {tmp_path / 'net.v'} {tmp_path / 'tb.v'} && vvp sim" in out


@pytest.mark.parametrize(
    ("format_", "flags"),
    [
        ("blif", ["--head", "nets", "--luts", 4]),
        ("aiger", ["--head", "gates"]),
        ("bench", ["--head", "nets"]),
        ("yosys-json", ["--head", "gates"]),
        ("c", ["--harness"]),
        ("verilog", ["--vectors", "--pipeline", 3]),
    ],
)
def test_every_format_takes_a_classifier(capsys, net, tmp_path, format_, flags):
    out = tmp_path / "out"
    found = _json(capsys, 0, "export", net, "--format", format_, "-o", out, *flags)
    assert found["format"] == format_ and out.stat().st_size > 1000
    assert ("latency" in found) == (format_ == "verilog")


def test_what_export_refuses(capsys, net, tmp_path):
    def refused(*flags):
        return _fails(capsys, "export", net, "-o", tmp_path / "out", *flags)

    line = refused("--format", "aiger")
    assert "--head nets" in line and "--head gates" in line
    assert "--head must be one of sums, nets, gates" in refused("--format", "c", "--head", "all")
    assert "--luts has no meaning for c" in refused("--format", "c", "--luts", 4)
    bench = ("--testbench", tmp_path / "tb.v")
    assert "--testbench has no meaning for c" in refused("--format", "c", *bench)
    assert "name its file with --testbench" in refused("--format", "verilog", "--data", "digits")
    # a wrong feature count
    np.savez(tmp_path / "d.npz", x=RNG.random((50, 9)), y=RNG.integers(0, 2, 50))
    line = refused("--format", "verilog", *bench, "--data", tmp_path / "d.npz")
    assert "has 9 values a sample; the circuit takes 64" in line
    assert not list(tmp_path.glob("out*")) and not (tmp_path / "tb.v").exists()


def test_real_valued_data_needs_an_encoder(capsys, tmp_path):
    model, wiring = _difflogic(tmp_path)
    net = tmp_path / "plain.tnl"
    _json(capsys, 0, "compile", model, "--wiring", wiring, "--classes", 10, "-o", net)
    flags = ["--format", "verilog", "-o", tmp_path / "net.v", "--testbench", tmp_path / "tb.v"]
    line = _fails(capsys, "export", net, *flags, "--data", "digits")
    assert "has no encoder; compile it with --thresholds or --quantiles" in line


def test_options_that_do_not_belong_are_refused(capsys, tmp_path):
    model, wiring = _difflogic(tmp_path)
    (tmp_path / "c.bench").write_text("INPUT(a)\nOUTPUT(y)\ny = NOT(a)\n")

    def refused(file, *flags):
        return _fails(capsys, "compile", file, "-o", tmp_path / "net.tnl", *flags)

    given = ("--wiring", wiring)
    assert "--classes has no meaning for this format, circuit" in refused(
        tmp_path / "c.bench", "--classes", 10
    )
    assert "--widths has no meaning for a difflogic model" in refused(model, *given, "--widths", "70,40")
    assert "--activation has no meaning for a difflogic" in refused(model, *given, "--activation", "tanh")
    assert "--thresholds takes numbers with commas" in refused(model, "--thresholds", "a,b")
    assert "--widths takes whole numbers with commas" in refused(model, "--widths", "1.5")
    assert "tau scales the counts of classes" in refused(model, *given, "--tau", 3)
    assert "cannot be read (No such file" in refused(model, "--wiring", tmp_path / "no.npz")


# --- check with a second opinion -------------------------------------------------------------


@pytest.fixture
def pair(tmp_path):
    paths = []
    for name, gate in (("a", "AND"), ("b", "NAND")):
        paths.append(tmp_path / f"{name}.bench")
        paths[-1].write_text(f"INPUT(x)\nINPUT(y)\nOUTPUT(p)\np = {gate}(x, y)\n")
    return paths


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("equivalent", "equivalent"),
        ("not installed", "not installed"),
        ("timed out", "timed out"),
        ("undecided", "undecided (too hard)"),
    ],
)
def test_check_tells_what_abc_says(capsys, monkeypatch, pair, status, told):
    detail = "too hard" if status == "undecided" else None
    verdict = AbcVerdict(status, "abc", detail)
    monkeypatch.setattr("thermo.cli.check.ask_abc", lambda *a, **k: verdict)
    assert main(["check", str(pair[0]), str(pair[0])]) == 0
    assert capsys.readouterr().out.splitlines() == ["equal: all 4 input patterns agree", f"abc: {told}"]
    assert _json(capsys, 0, "check", pair[0], pair[0])["abc"]["status"] == status


def test_a_disagreement_is_an_error(capsys, monkeypatch, pair):
    for says, files in (("different", (0, 0)), ("equivalent", (0, 1))):
        verdict = AbcVerdict(says, "abc")
        monkeypatch.setattr("thermo.cli.check.ask_abc", lambda *a, v=verdict, **k: v)
        line = _fails(capsys, "check", pair[files[0]], pair[files[1]])
        assert f"abc says {says}; one of them is wrong" in line
    assert main(["check", str(pair[0]), str(pair[1]), "--no-abc"]) == 1


def test_only_possible_inputs(capsys, tmp_path):
    text = (
        "gates 1\ninputs 2 low high\ngates 1\n  2 = {}\noutput p 2\nthermometer 1\n"
        "  feature 0*2\n  threshold 0.2 0.8\n"
    )
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path, gate in zip(paths, ("and 0 1", "bufb 1"), strict=True):
        path.write_text(text.replace("{}", gate).replace("0*2", "0 0"))
    assert main(["check", *map(str, paths), "--no-abc", "--all-inputs"]) == 1
    assert "the encoder cannot make this input; --possible" in capsys.readouterr().err
    found = _json(capsys, 0, "check", *paths)
    assert found["equal"] and found["possible_only"]
    other = tmp_path / "other.txt"
    other.write_text(paths[1].read_text().replace("0.8", "0.7"))
    assert main(["check", str(paths[0]), str(other), "--no-abc"]) == 1
    assert main(["check", str(paths[0]), str(other), "--no-abc", "--possible"]) == 0
    capsys.readouterr()
    (tmp_path / "c.bench").write_text("INPUT(x)\nOUTPUT(x)\n")
    line = _fails(capsys, "check", tmp_path / "c.bench", tmp_path / "c.bench", "--possible")
    assert "has no encoder" in line


# --- bad files -------------------------------------------------------------------------------

BLIF = b".inputs a b\n.outputs y\n.names a b y\n11 1\n.end\n"
CYCLE = b".inputs a\n.outputs y\n.names z y\n1 1\n.names y z\n1 1\n.end\n"
GATE = {"op": "AND", "in0": 0, "in1": 1, "node_idx": 0}
CIRCUIT = {"n_inputs": 2, "input_shape": [2], "outputs": [2], "output_shape": [1]}
SAFETENSORS = b"\x40\x00\x00\x00\x00\x00\x00\x00{"


def _circuit_json(*gates):
    return json.dumps({**CIRCUIT, "gates": [{**GATE, **gate} for gate in gates]}).encode()


def _npz(**arrays):
    def write(path):
        np.savez(path, **{key.replace("__", "."): value for key, value in arrays.items()})

    return write


def _layer(name, *, nan=False, index=0):
    logits = np.zeros((4, 16), dtype=np.float32)
    logits[2, 5] = np.nan if nan else 1
    wires = np.zeros((2, 4), dtype=np.int64)
    wires[1, 3] = index
    return _npz(**{f"{name}__weight": logits, f"{name}__connections__indices": wires})


def _taped_out(gate=1, net=1):
    gates = np.ones((2, 4), dtype=np.int64)
    wires = np.ones((2, 4), dtype=np.int64)
    gates[1, 2], wires[1, 3] = gate, net
    return _npz(gate_types=gates, connections__A=wires, connections__B=np.ones_like(wires))


def _half(write):
    def truncated(path):
        write(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return truncated


BAD = [
    # name, content or writer, the place, what is wrong
    ("x.aig", b"aig 3 2 0 1 1\n6\n", "line 3", "ends within gate 0; it is truncated"),
    ("x.aag", b"aag 3 2 0 1 1\n2\n4\n6\n6 9 2\n", "line 5", "gate 0 has the literal 9"),
    ("x.blif", CYCLE, "line 3", "net 'z' depends on itself|net 'y' depends on itself"),
    ("x.blif", BLIF.replace(b"11 1", b"1 1"), "line 4", "row '1 1' of 'y' must be 2 characters"),
    ("x.bench", b"INPUT(a)\nOUTPUT(y)\ny = AND(a, c)\n", "line 3", "net 'c', read by 'y', is driven by"),
    ("x.blif.gz", gzip.compress(BLIF * 50, mtime=0)[:60], "", "damaged gzip file"),
    ("x.blif.gz", b"\x1f\x8b\x08garbage", "", "damaged gzip file"),
    ("x.bench", b"INPUT(a)\ny = NOT(a)\ny = BUFF(a)\n", "line 3", "driven here and at line 2"),
    (
        "x.v",
        b"module m(output y, input a);\nassign y = a;\nnot (y, a);\nendmodule",
        "line 3",
        "net 'y' is driven here and at line 2",
    ),
    ("x.v", b"module m(input a);\n", "line 2", "the file ends within the module"),
    ("x.txt", b"gates 1\ninputs 1 a\ngates 1\n  1 = op16 0\n", "line 4", "expected `NET = OP"),
    ("x.npz", _taped_out(gate=16), "(row 1), gate 2", "has the gate id 16; ids are 0 to 15"),
    ("x.npz", _taped_out(net=4), "(row 1), gate 3", "reads net 4 as a; the layer below has 4"),
    ("x.npz", _half(_taped_out()), "", "is no whole .npz file"),
    ("x.npz", b"PK\x03\x04junk", "", "is no whole .npz file"),
    ("x.npz", _layer("3", nan=True), "3.weight, gate 2", "has the value nan; all must be finite"),
    ("x.npz", _layer("3", index=-1), "layer 0 (3.weight), gate 3", "reads net -1 as b"),
    ("x.npz", _layer("3", index=1 << 40), "layer 0 (3.weight)", "reads net 1099511627776"),
    ("x.npz", _npz(**{"0__weights": np.zeros((4, 16))}), "", "does not hold the wiring"),
    ("x.npz", _npz(**{"layers__0__w": np.zeros((16, 4))}), "", "1 layers of gates (layers.K.w)"),
    ("x.json", _circuit_json({"gate_id": 2, "in0": 3}), "in0 of gates[0]", "is 3, which no input"),
    ("x.json", _circuit_json({"gate_id": 1}), "gates[0]", "has the id 1, which is taken"),
    ("x.json", _circuit_json({"gate_id": 2})[:-20], "line 1", "is no whole JSON"),
    ("x.json", b"{}", "", "is no torchlogix circuit"),
    ("x.safetensors", SAFETENSORS, "", "is no whole safetensors file"),
    ("x.pt", b"PK\x03\x04junk", "", "torch"),
    ("x.pt", b"\x80\x02}q\x00.", "", "is a pickle"),
    ("x.tnl", b"\x89TNL\r\n\x1a\n" + bytes(20), "", "truncated|too short|lacks"),
    ("x.npz", b"", "", "is empty|no whole .npz"),
    ("x.bin", b"nonsense", "", "is of no known format"),
]


@pytest.mark.parametrize(("name", "content", "place", "wrong"), BAD)
def test_a_bad_file_gets_one_line(capsys, tmp_path, name, content, place, wrong):
    path = tmp_path / name
    if callable(content):
        content(path)
    else:
        path.write_bytes(content)
    line = _fails(capsys, "compile", path, "-o", tmp_path / "o.tnl")
    assert line.startswith(f"error: {path}") and place in line
    assert any(part in line for part in wrong.split("|")), line
    assert not list(tmp_path.glob("*o.tnl*"))
