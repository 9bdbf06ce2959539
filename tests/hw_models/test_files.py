"""Devices as files: round trips, presets, and complaints that name file, line and key."""

import json
from dataclasses import asdict, replace

import pytest

from hw_models.constants import thermal_voltage
from hw_models.couplings import COUPLING_TECHNOLOGIES
from hw_models.errors import HardwareError
from hw_models.files import HERE, TEMPLATE, device_files, load_device, save_device
from hw_models.imperfect import Imperfections
from hw_models.presets import CROSSBARS, DEVICES, PBITS, RLC_UNITS, any_device, device_of, file_read, pbits_of
from hw_models.source import with_values

ALL = [shelf.get(n) for shelf in (DEVICES, PBITS, CROSSBARS, RLC_UNITS) for n in shelf.names()]

FIGURE = """
[capacitance]
value = 2
low = 1.6
high = 2.4
unit = "fF"
source = "measured"
ref = "our chip"
"""
MINE = 'name = "mine"\nsummary = "ours"\nlike = "rc-1fF"\n' + FIGURE


def write(folder, text, name="my.toml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("device", ALL, ids=lambda d: d.name)
def test_a_device_comes_back_from_its_file(device, tmp_path):
    save_device(device, tmp_path / "a.toml")
    again = load_device(tmp_path / "a.toml")
    assert again == device
    save_device(again, tmp_path / "b.toml")
    assert (tmp_path / "a.toml").read_text() == (tmp_path / "b.toml").read_text()


def test_a_device_of_odd_figures_comes_back(tmp_path):
    device = with_values(
        DEVICES.get("rc-1pF"), {"capacitance": 1.2345678901234567e-13, "couplings noise": 0.7}
    )
    device = replace(device, input_converter=None)
    save_device(device, tmp_path / "a.toml")
    assert load_device(tmp_path / "a.toml") == device
    assert load_device(tmp_path / "a.toml") != DEVICES.get("rc-1pF")


def test_every_preset_is_a_file_of_its_name():
    for name, path in device_files().items():
        assert load_device(path).name == name
    assert {p.stem for p in HERE.glob("*.toml")} == set(DEVICES.names())


def test_presets_are_what_they_were():
    """Figures of 0.2.0's Python, which the files replaced."""
    small, large = DEVICES.get("rc-1fF"), DEVICES.get("rc-1pF")
    assert small.capacitance.value == 1e-15 and small.capacitance.interval.low == 0.8e-15
    assert small.resistance.value == 1e6 and large.resistance.value == 1e4
    assert small.static_power.value == 0.8 * 1.3 * thermal_voltage() / 1e6
    assert large.capacitance.value == 1e-12 and large.input_converter == small.input_converter
    assert large.couplings is COUPLING_TECHNOLOGIES.get("strong-inversion")
    assert PBITS.get("pbit-magnetic").pitch == PBITS.get("pbit-cmos").pitch
    assert PBITS.get("pbit-magnetic").rng_energy.value == 2e-15


def test_a_file_says_what_differs(tmp_path):
    device = load_device(write(tmp_path, MINE))
    base = DEVICES.get("rc-1fF")
    assert device.name == "mine" and device.capacitance.value == 2e-15
    assert device.capacitance.interval.low == 1.6e-15 and device.capacitance.source.kind == "measured"
    assert device.resistance == base.resistance and device.couplings == base.couplings


def test_parts_of_a_device(tmp_path):
    text = MINE.replace("[cap", 'output_converter = "ideal"\n[cap', 1) + (
        '[couplings]\nlike = "crossbar"\nname = "ours"\n[couplings.noise]\nvalue = 120\nunit = "%"\n'
        'source = "measured"\nref = "us"\n[input_converter.bits]\nvalue = 6\nunit = "bit"\nsource = "exact"\n'
        'ref = "design"\n'
    )
    device = load_device(write(tmp_path, text))
    assert device.output_converter is None and device.input_converter.bits.value == 6
    assert device.couplings.noise.value == 1.2 and device.couplings.name == "ours"
    assert device.couplings.area == COUPLING_TECHNOLOGIES.get("crossbar").area


def test_a_file_may_be_like_another_file(tmp_path):
    write(tmp_path, MINE)
    second = write(tmp_path, 'name = "b"\nlike = "my.toml"\n', "b.toml")
    assert load_device(second).capacitance.value == 2e-15
    write(tmp_path, MINE.replace("rc-1fF", "b.toml"))
    with pytest.raises(HardwareError, match="cannot be like itself"):
        load_device(second)


def test_the_template_loads():
    device = load_device(TEMPLATE)
    assert device.name == "my-device" and device.name not in DEVICES.names()


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "told"),
    [
        ('unit = "fF"\n', "", 4, "capacitance", 'no unit; add unit = "F"'),
        ('source = "measured"\n', "", 4, "capacitance", "no source; add source = one of exact, measured"),
        ('ref = "our chip"\n', "", 4, "capacitance", "no ref"),
        ("value = 2\n", "", 4, "capacitance", "no value"),
        ('"fF"', '"fS"', 8, "capacitance.unit", "unit 'fS' is not one of \"F\""),
        ('"fF"', '"KF"', 8, "capacitance.unit", "unit 'KF'"),
        ('"fF"', "15", 8, "capacitance.unit", "must be text in quotes, got 15"),
        ('"measured"', '"seen"', 9, "capacitance.source", "'seen' does not exist; choose from exact"),
        ('"measured"', '"mesured"', 9, "capacitance.source", "did you mean 'measured'"),
        ("value = 2", 'value = "2 fF"', 5, "capacitance.value", "must be a number, got '2 fF'"),
        ("value = 2", "value = true", 5, "capacitance.value", "must be a number"),
        ("value = 2", "value = inf", 5, "capacitance.value", "must be finite"),
        ("value = 2", "value = 3", 4, "capacitance", "between its low and high"),
        ("high = 2.4\n", "", 4, "capacitance", "low and high together"),
        ("low = 1.6", "lo = 1.6", 6, "capacitance.lo", "did you mean 'low'"),
        ("[capacitance]", "[capacitence]", 4, "capacitence", "did you mean 'capacitance'"),
        ("value = 2\nlow = 1.6\nhigh = 2.4", "value = -2", 4, "capacitance", "must be > 0 F, got -2e-15"),
        ('like = "rc-1fF"', 'like = "rc-2fF"', 3, "like", "no device 'rc-2fF'; did you mean 'rc-1fF'"),
        ('like = "rc-1fF"', 'kind = "rd"', 3, "kind", "'rd' does not exist; choose from rc, p-bit"),
        (
            'like = "rc-1fF"',
            'kind = "rc"',
            None,
            "resistance",
            "add a table \\[resistance\\] with value, unit",
        ),
        ('like = "rc-1fF"', "", None, "kind", 'add like = "rc-1fF", or kind = one of rc, p-bit'),
        ('like = "rc-1fF"', 'lik = "rc-1fF"', 3, "lik", "did you mean 'like'"),
        ('name = "mine"', "", None, "name", 'add name = "..."'),
        ('like = "rc-1fF"', 'like = "rc-1fF"\ncouplings = "mesh"', 4, "couplings", "'mesh' does not exist"),
        ('name = "mine"', "name = mine", 1, "", "not TOML"),
        ("[capacitance]", 'summary = "again"\n', 4, "", "not TOML: Cannot overwrite"),
        ("[capacitance]\nvalue = 2\n", "[[capacitance]]\nvalue = 2\n", 4, "capacitance", "must be a table"),
    ],
)
def test_a_complaint_names_file_line_and_key(old, new, line, key, told, tmp_path):
    assert old in MINE
    path = write(tmp_path, MINE.replace("\n\n", "\n").replace(old, new, 1))
    place = f"{path}" + ("" if line is None else f", line {line}") + (f": {key}: " if key else ": ")
    with pytest.raises(HardwareError, match=told) as found:
        load_device(path)
    assert str(found.value).startswith(place)


def test_no_file_and_no_text(tmp_path):
    with pytest.raises(HardwareError, match="no such file"):
        load_device(tmp_path / "none.toml")
    (tmp_path / "bin.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(HardwareError, match="not text in UTF-8"):
        load_device(tmp_path / "bin.toml")
    with pytest.raises(HardwareError, match="cannot be read"):
        load_device(tmp_path)
    with pytest.raises(HardwareError, match="has no form as a file"):
        save_device(3, tmp_path / "a.toml")


def test_files_stand_where_names_do(tmp_path):
    path = write(tmp_path, MINE)
    assert device_of(str(path)) == device_of(path) == load_device(path) == any_device(path) == file_read(path)
    assert file_read("rc-1fF") == "rc-1fF" and file_read(None) is None
    with pytest.raises(HardwareError, match="p-bits need one of kind"):
        pbits_of(path)
    bits = write(tmp_path, 'like = "pbit-cmos"\nname = "b"\n', "b.toml")
    assert pbits_of(bits).pitch == PBITS.get("pbit-cmos").pitch
    with pytest.raises(HardwareError, match="an array of p-bits"):
        device_of(bits)
    unit = write(tmp_path, 'like = "rlc-board"\nname = "u"\n', "u.toml")
    for read in (device_of, any_device):
        with pytest.raises(HardwareError, match="an RLC unit"):
            read(unit)
    with pytest.raises(HardwareError, match=r"or give a file\.toml"):
        device_of("rc-2fF")


SPREAD = """
[imperfections.mismatch]
value = 5
unit = "%"
source = "measured"
ref = "our chip"
"""
DRIFT = """
[[laws]]
law = "drift"
like = "pcm"
[laws.t0]
value = 1
unit = "min"
source = "measured"
ref = "our chip"
"""
CELLS = """
[[laws]]
law = "measured"
data = "cells.csv"
source = "measured"
ref = "our chip, 4 cells"
"""
LAWFUL = 'name = "mine"\nlike = "rc-1fF"\n' + SPREAD + DRIFT + CELLS
TABLE = "target_uS,measured_uS\n1,1.1\n1,1.2\n5,5.3\n5,4.9\n"


def lawful(folder, text=LAWFUL, table=TABLE):
    (folder / "cells.csv").write_text(table)
    return write(folder, text)


def test_laws_of_a_file(tmp_path):
    law = load_device(lawful(tmp_path)).imperfections
    assert law.mismatch == 0.05 and law.law_figures()["mismatch"].source.ref == "our chip"
    measured, drift = law.laws
    assert drift.t0.value == 60.0 and drift.mean.value == 0.0244 and drift.mean.source.kind == "code"
    assert measured.on.value == 5e-6 and dict(measured.columns)["measured"][1] == 1.2e-6


def test_a_device_with_laws_comes_back_with_its_sources(tmp_path):
    device = load_device(lawful(tmp_path))
    there = tmp_path / "there"
    there.mkdir()
    save_device(device, there / "b.toml")
    again = load_device(there / "b.toml")
    assert again == device and again.imperfections.stated == device.imperfections.stated
    assert sorted(p.name for p in there.iterdir()) == ["b-cells.csv", "b.toml"]
    save_device(replace(device, imperfections=Imperfections(mismatch=0.1)), there / "c.toml")
    figure = dict(load_device(there / "c.toml").imperfections.stated)["mismatch"]
    assert figure.value == 0.1 and "without a source" in figure.source.ref


def test_a_device_with_laws_is_plain_data(tmp_path):
    """Settings of trainings hold devices, and records of trainings are JSON."""
    device = load_device(lawful(tmp_path))
    assert "our chip, 4 cells" in json.dumps(asdict(device))
    assert len({device, load_device(lawful(tmp_path))}) == 1


def test_laws_replace_those_of_their_name(tmp_path):
    base = lawful(tmp_path, 'name = "a"\nlike = "pcm-crossbar"\n' + DRIFT)
    names = [law.name for law in load_device(base).imperfections.laws]
    assert names == [law.name for law in DEVICES.get("pcm-crossbar").imperfections.laws]
    assert load_device(base).imperfections.laws != DEVICES.get("pcm-crossbar").imperfections.laws
    none = write(tmp_path, 'name = "b"\nlike = "my.toml"\n[imperfections]\nlaws = "none"\n' + CELLS, "b.toml")
    assert [law.name for law in load_device(none).imperfections.laws] == ["measured"]


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "told"),
    [
        ('unit = "%"\n', "", 3, "imperfections.mismatch", 'mismatch has no unit; add unit = "1" or "%"'),
        ("value = 5", "value = -5", 4, "imperfections.mismatch.value", "relative spread >= 0, got -0.05"),
        ("mismatch]", "mismach]", 3, "imperfections.mismach", "did you mean 'mismatch'"),
        ('law = "drift"', 'law = "drfit"', 9, "laws.1.law", "'drfit' does not exist; did you mean 'drift'"),
        ('like = "pcm"\n', "", 8, "laws.1", "law drift needs mean; add a table"),
        ('like = "pcm"', 'like = "reram-hfo2"', 10, "laws.1.like", "set 'reram-hfo2' has no law 'drift'"),
        ('unit = "min"', 'unit = "V"', 13, "laws.1.t0.unit", "unit 'V' is not one of \"s\""),
        ("value = 1\n", "value = -1\n", 11, "laws.1.t0", "t0 must be > 0 s, got -60"),
        ("[laws.t0]", "[laws.t1]", 11, "laws.1.t1", "is not known here; choose from law, like, mean"),
        ('data = "cells.csv"\n', "", 16, "laws.2.data", 'add data = "..."'),
        ('source = "measured"\nref = "our chip, 4', 'ref = "our chip, 4', 16, "laws.2", "has no source; add"),
        ('law = "measured"', 'law = "drift"', 18, "laws.2.data", "is not known here"),
        ("[[laws]]", "[laws]", 8, "laws", "in double brackets"),
    ],
)
def test_a_complaint_of_a_law_names_file_line_and_key(old, new, line, key, told, tmp_path):
    text = LAWFUL.replace("\n\n", "\n")
    assert old in text
    text = (
        text.replace('[[laws]]\nlaw = "measured"', '[laws.x]\nlaw = "measured"') if new == "[laws]" else text
    )
    path = lawful(tmp_path, text.replace(old, new, 1))
    with pytest.raises(HardwareError, match=told) as found:
        load_device(path)
    assert str(found.value).startswith(f"{path}, line {line}: {key}: ")


def test_a_law_given_twice_and_a_table_of_words(tmp_path):
    with pytest.raises(HardwareError, match=r"line 2\d: laws.3.law: law 'drift' is there twice"):
        load_device(lawful(tmp_path, LAWFUL + DRIFT))
    with pytest.raises(HardwareError, match=r"cells\.csv, line 3: measured must be a number, got 'some'"):
        load_device(lawful(tmp_path, table=TABLE.replace("1.2", "some")))
    with pytest.raises(HardwareError, match=r"line 21: laws.2.data: no such file as .*cells\.csv"):
        load_device(lawful(tmp_path, LAWFUL.replace('"cells', '"there/cells')))
