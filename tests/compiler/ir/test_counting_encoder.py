"""Counting encoders: what their columns mean, which are refused, and that text and file keep them."""

from dataclasses import replace

import numpy as np
import pytest

from compiler import dump, equal, load, parse, save, verify
from compiler.circuits.possible import chains, implications, possible_words
from compiler.errors import FormatError, NetlistError
from compiler.ir.encoders import Thermometer, same_encoder, selected, verify_encoder
from compiler.ir.gates import make_gates
from compiler.ir.luts import LutNetlist
from tests.toys.encoders import counting, pixels, ragged


def slow_bits(encoder, row):
    """The bits of one sample, as docs/ir.md writes them."""
    codes = [min(max(round(float(v) * encoder.top), 0), encoder.top) >> encoder.dropped for v in row]
    values = list(codes)
    for s in range(encoder.n_sums):
        part = slice(encoder.sum_ends[s], encoder.sum_ends[s + 1])
        values.append(
            sum(int(w) * values[f] for f, w in zip(encoder.feature[part], encoder.weight[part], strict=True))
        )
    sums = values[encoder.n_features :]
    seen = [int(sums[s] > b) for s, b in zip(encoder.compared, encoder.bound, strict=True)]
    shared = encoder.shared
    for t in range(shared.n_applied):
        read = shared.taps[shared.inputs * t : shared.inputs * (t + 1)]
        address = sum(seen[tap] << j for j, tap in enumerate(read))
        seen.append(int(shared.table[shared.applied[t]]) >> address & 1)
    for w in range(encoder.n_counts):
        part = slice(encoder.count_ends[w], encoder.count_ends[w + 1])
        seen.append(sum(seen[j] for j in encoder.counted[part]))
    counts = seen[encoder.n_local :]
    return [counts[t] >= m for t, m in zip(encoder.tested, encoder.least, strict=True)]


@pytest.mark.parametrize("top, dropped, inputs", [(255, 0, 0), (16, 2, 4), (1, 0, 2), (7, 1, 6)])
def test_bits_are_what_the_columns_say(top, dropped, inputs):
    rng = np.random.default_rng(top)
    encoder = counting(rng, top=top, dropped=dropped, inputs=inputs)
    data = pixels(rng, 20, top=top)
    data[0] += 3  # codes are clipped
    bits = encoder.bits(data)
    assert np.array_equal(bits, [slow_bits(encoder, row) for row in data])
    assert 0.1 < bits.mean() < 0.9
    assert not np.array_equal(replace(encoder, weight=-encoder.weight).bits(data), bits)


@pytest.mark.parametrize("inputs", [0, 3])
def test_selected_bits_are_the_same_with_less(inputs):
    rng = np.random.default_rng(1)
    encoder, data = counting(rng, inputs=inputs), pixels(rng, 100)
    bits = rng.permutation(40)[:2]
    few = selected(encoder, bits)
    verify_encoder(few, 2)
    assert np.array_equal(few.bits(data), encoder.bits(data)[:, bits])
    assert few.n_sums < encoder.n_sums or inputs  # tables read nearly all
    assert few.n_comparisons < encoder.n_comparisons
    assert few.shared.n_applied < encoder.shared.n_applied or not inputs
    assert same_encoder(few, selected(few, np.arange(2))) and not same_encoder(few, encoder)


def of_encoder(encoder):
    return make_gates([f"x{k}" for k in range(encoder.n_bits)], [6], [0], [1], {"y": 0}, encoder=encoder)


@pytest.mark.parametrize("inputs", [0, 6])
def test_text_and_file_keep_it(tmp_path, inputs):
    netlist = of_encoder(counting(np.random.default_rng(2), inputs=inputs))
    assert equal(parse(dump(netlist)), netlist)
    save(netlist, tmp_path / "net.tnl")
    assert equal(load(tmp_path / "net.tnl"), netlist)
    tables = LutNetlist(
        4,
        netlist.input_names,
        np.zeros((0, 4), np.int32),
        np.zeros(0, np.uint64),
        ("y",),
        np.zeros(1, np.int32),
        encoder=netlist.encoder,
    )
    save(tables, tmp_path / "luts.tnl")
    assert equal(load(tmp_path / "luts.tnl"), tables) and equal(parse(dump(tables)), tables)
    other = replace(netlist, encoder=replace(netlist.encoder, bound=netlist.encoder.bound + 1))
    assert not equal(other, netlist)
    assert "CountingEncoder(12 features of 8 bits, 20 sums" in repr(netlist.encoder)
    if inputs:
        shared = netlist.encoder.shared
        other = replace(
            netlist, encoder=replace(netlist.encoder, shared=replace(shared, table=~shared.table))
        )
        assert not equal(other, netlist)
        with pytest.raises(FormatError, match="shared tables need one line each"):
            parse("".join(line for line in dump(netlist).splitlines(True) if "  taps" not in line))
    with pytest.raises(FormatError, match="needs one line each"):
        parse(dump(netlist).replace("  least", "  most"))
    with pytest.raises(FormatError, match="whole numbers"):
        parse(dump(netlist).replace("  bound ", "  bound 0.5 "))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"top": 0}, "top, the largest code"),
        ({"dropped": 8}, "dropped must leave a bit"),
        ({"weight": 0}, "weight 0, of feature"),
        ({"feature": 99}, r"sum 0 has feature 99; features are 0 to 11"),
        ({"compared": 20}, "comparison 0 reads sum 20; sums are 0 to 19"),
        ({"counted": 60}, r"count 0 has counted 60; comparisons are 0 to 59"),
        ({"tested": -1}, "input 0 reads count -1"),
        ({"least": 0}, "input 0 asks for 0 ones or more"),
        ({"least": 2000}, "input 0 asks for 2000 ones or more"),
        ({"sum_ends": 1}, "sum_ends must start at 0"),
        ({"weight": 1 << 29}, "sums must stay within"),
    ],
)
def test_what_breaks_a_rule_is_named(change, message):
    encoder = counting(np.random.default_rng(3))
    verify_encoder(encoder, 40)
    ((name, value),) = change.items()
    if name not in ("top", "dropped"):
        column = getattr(encoder, name).copy()
        column[0] = value
        value = column
    with pytest.raises(NetlistError, match=message):
        verify(of_encoder(replace(encoder, **{name: value})))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"inputs": 7}, "2 to 6 inputs, got 7"),
        ({"inputs": 2}, "taps has 60 values; 2 for each of 20"),
        ({"table": 1 << 8}, "shared table 0 is 0x100; of 3 inputs it has 8 bits"),
        ({"applied": 3}, "application 0 is of table 3; tables are 0 to 2"),
        ({"taps": 60}, "application 0 reads 60; comparisons are 0 to 59"),
        ({"taps": np.zeros(60)}, "taps of shared tables must be a one-dimensional array of int32"),
    ],
)
def test_what_breaks_a_rule_of_shared_tables_is_named(change, message):
    encoder = counting(np.random.default_rng(3), inputs=3)
    verify_encoder(encoder, 40)
    ((name, value),) = change.items()
    if name != "inputs" and not isinstance(value, np.ndarray):
        column = getattr(encoder.shared, name).copy()
        column[0] = value
        value = column
    with pytest.raises(NetlistError, match=message):
        verify(of_encoder(replace(encoder, shared=replace(encoder.shared, **{name: value}))))


def test_rows_ascend():
    encoder = counting(np.random.default_rng(4))
    row = int(np.argmax(np.diff(encoder.count_ends) > 1))
    counted = encoder.counted.copy()
    at = encoder.count_ends[row]
    counted[at], counted[at + 1] = counted[at + 1], counted[at]
    with pytest.raises(NetlistError, match=f"count {row} has counted .* they must ascend"):
        verify_encoder(replace(encoder, counted=counted), 40)


def test_thresholds_of_one_number_imply_each_other():
    rng = np.random.default_rng(5)
    encoder, data = counting(rng, counts=8), pixels(rng, 400)
    bits = encoder.bits(data)
    pairs = implications(encoder)
    assert len(pairs) > 10
    assert all((bits[:, low] | ~bits[:, high]).all() for high, low in pairs)
    group, _ = chains(encoder)
    assert (group >= 0).any() and possible_words(encoder, rng, 2).shape == (40, 2)
    # a window alone in a larger one is a count, not a comparison
    ends = np.array([0, 2, 3], np.int64)
    counted, tested = np.array([0, 1, 60], np.int32), np.array([0, 1, 1], np.int32)
    nested = replace(
        encoder, count_ends=ends, counted=counted, tested=tested, least=np.array([1, 1, 2], np.int32)
    )
    group = chains(nested)[0].tolist()
    assert group[0] == -1 and group[1] == group[2] >= 0


def test_thresholds_of_one_pixel_are_a_thermometer():
    ends, feature = ragged([[0], [1]])
    rng = np.random.default_rng(6)
    shape = counting(rng, n_features=2, sums=2, comparisons=3, counts=3, bits=3)
    alone, ids = ragged([[0], [1], [2]])
    encoder = replace(
        shape,
        sum_ends=ends,
        feature=feature,
        weight=np.ones(2, np.int32),
        compared=np.array([0, 0, 1], np.int32),
        bound=np.array([50, 100, 7], np.int32),
        count_ends=alone,
        counted=ids,
        tested=np.arange(3, dtype=np.int32),
        least=np.ones(3, np.int32),
    )
    verify_encoder(encoder, 3)
    same = Thermometer(2, np.array([0, 0, 1], np.int32), np.array([50.5, 100.5, 7.5]) / 255)
    data = pixels(rng, 200, n_features=2)
    assert np.array_equal(encoder.bits(data), same.bits(data))
    assert np.array_equal(implications(encoder), implications(same))
