"""Logic-gate networks in the layouts of other people's code, against a forward pass written here.

The forward pass multiplies real numbers, as those packages do: a gate is c0 + c1 a + c2 b + c3 a b
of its two inputs, a wire a one-hot row times all nets. It shares nothing with the front ends.
"""

import json

import numpy as np
import pytest

from compiler.circuits.evaluate import encode_bits, evaluate, evaluate_classes
from compiler.circuits.reference import class_counts
from compiler.errors import FormatError, ThermocError, UnsupportedError
from compiler.formats.detect import Options, read_model_or_netlist
from compiler.formats.logic_nets.difflogic_c import parse_difflogic_c
from compiler.formats.logic_nets.torchlogix_json import parse_torchlogix_json
from compiler.formats.logic_nets.wiring import read_wiring

# c0, c1, c2, c3 of gates 0 .. 15, the table of arXiv 2210.08277
COEFFICIENTS = np.array(
    [
        [0, 0, 0, 0],
        [0, 0, 0, 1],
        [0, 1, 0, -1],
        [0, 1, 0, 0],
        [0, 0, 1, -1],
        [0, 0, 1, 0],
        [0, 1, 1, -2],
        [0, 1, 1, -1],
        [1, -1, -1, 1],
        [1, -1, -1, 2],
        [1, 0, -1, 0],
        [1, 0, -1, 1],
        [1, -1, 0, 0],
        [1, -1, 0, 1],
        [1, 0, 0, -1],
        [1, 0, 0, 0],
    ],
    dtype=float,
)
N_INPUTS, WIDTHS, CLASSES, TAU = 12, (40, 24), 4, 2.5


def _gate_layer(x, gates, a, b):
    """(n, G) outputs of gates (G, 16) one-hot on the columns a and b of x."""
    c = gates @ COEFFICIENTS
    p, q = x[:, a], x[:, b]
    return c[:, 0] + c[:, 1] * p + c[:, 2] * q + c[:, 3] * p * q


def _group_sum(x):
    return x.reshape(x.shape[0], CLASSES, -1).sum(axis=2) / TAU


def _one_hot(logits):
    return np.eye(16)[np.argmax(logits, axis=1)]


def _bits(seed=9, n=400):
    return np.random.default_rng(seed).integers(0, 2, (n, N_INPUTS)).astype(float)


def _random_layers(seed):
    """(logits (G, 16), a, b) a layer; every gate id occurs."""
    rng = np.random.default_rng(seed)
    layers, below = [], N_INPUTS
    for width in WIDTHS:
        logits = rng.normal(size=(width, 16)).astype(np.float32)
        logits[:16] += 9 * np.eye(16, dtype=np.float32)
        a, b = rng.integers(0, below, (2, width))
        # every net is read, so that the number of inputs can be told
        a[:below] = rng.permutation(below)[:width]
        layers.append((logits, a, b))
        below = width
    return layers


def _forward(layers, x):
    for logits, a, b in layers:
        x = _gate_layer(x, _one_hot(logits), a, b)
    return _group_sum(x)


def _save(state, path):
    if path.suffix == ".npz":
        np.savez(path, **state)
    elif path.suffix == ".safetensors":
        from safetensors.numpy import save_file

        save_file({k: np.ascontiguousarray(v) for k, v in state.items()}, path)
    else:
        torch = pytest.importorskip("torch", reason="torch files need torch")
        torch.save({k: torch.as_tensor(v) for k, v in state.items()}, path)
    return path


def _read(path, **options):
    return read_model_or_netlist(path, Options(classes=CLASSES, tau=TAU, **options))


def _agrees(netlist, expected):
    scores = evaluate_classes(netlist, _bits())
    assert np.unique(expected).size > 5
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    return netlist


# --- difflogic -------------------------------------------------------------------------------


def _difflogic(layers):
    return {f"{k + 1}.weights": logits for k, (logits, _, _) in enumerate(layers)}


def _wiring(layers, path):
    arrays = [np.stack([a, b]) for _, a, b in layers]
    if path.suffix == ".npz":
        np.savez(path, *arrays)
    else:
        torch = pytest.importorskip("torch", reason="torch files need torch")
        torch.save([(torch.as_tensor(a), torch.as_tensor(b)) for _, a, b in layers], path)
    return str(path)


@pytest.mark.parametrize("ending", ["pt", "pth", "safetensors", "npz"])
@pytest.mark.parametrize("wiring", ["npz", "pt"])
def test_difflogic(tmp_path, ending, wiring):
    layers = _random_layers(1)
    path = _save(_difflogic(layers), tmp_path / f"model.{ending}")
    netlist = _read(path, wiring=_wiring(layers, tmp_path / f"wiring.{wiring}"))
    _agrees(netlist, _forward(layers, _bits()))
    assert netlist.n_gates == sum(WIDTHS) and netlist.input_names[1] == "x[1]"
    assert netlist.class_sums.tau == TAU and netlist.class_sums.n_classes == CLASSES


def test_eleven_layers_are_taken_by_number_not_by_name(tmp_path):
    rng = np.random.default_rng(5)
    layers = [
        (rng.normal(size=(12, 16)).astype(np.float32), rng.permutation(12), rng.permutation(12))
        for _ in range(11)
    ]
    path = _save(_difflogic(layers), tmp_path / "model.npz")
    netlist = _read(path, wiring=_wiring(layers, tmp_path / "wiring.npz"))
    np.testing.assert_allclose(evaluate_classes(netlist, _bits()), _forward(layers, _bits()), atol=1e-5)


def test_difflogic_needs_its_wiring(tmp_path):
    layers = _random_layers(1)
    path = _save(_difflogic(layers), tmp_path / "model.npz")
    with pytest.raises(UnsupportedError, match=r"does not hold the wiring .*--wiring wiring\.npz"):
        _read(path)
    for entry, rule in (
        ({"a": np.zeros((3, 40), int)}, "wiring is .2, gates."),
        ({"a": np.zeros((2, 40))}, "must hold whole numbers, got float64"),
        ({"a": np.zeros((2, 40), int)}, "holds wiring for 1 layers"),
        ({"a": np.zeros((2, 40), int), "b": np.zeros((2, 9), int)}, "must be .2, 24."),
    ):
        np.savez(tmp_path / "w.npz", **entry)
        with pytest.raises(FormatError, match=rule):
            _read(path, wiring=str(tmp_path / "w.npz"))


def test_generated_code_is_no_wiring_for_another_file():
    with pytest.raises(FormatError, match=r"net\.c: C code that difflogic generates .* compile it by itself"):
        read_wiring("net.c")


def test_a_swapped_input_is_seen(tmp_path):
    """The comparison is no tautology: a twin with inputs A and B exchanged differs."""
    layers = _random_layers(1)
    path = _save(_difflogic(layers), tmp_path / "model.npz")
    swapped = [(logits, b, a) for logits, a, b in layers]
    netlist = _read(path, wiring=_wiring(swapped, tmp_path / "wiring.npz"), inputs=N_INPUTS)
    assert (np.abs(evaluate_classes(netlist, _bits()) - _forward(layers, _bits())) > 0.1).any()


# --- LILogicNet ------------------------------------------------------------------------------


def _interleaved(a, b):
    return np.stack([a, b], axis=1).ravel()


def _lilogic(layers, kind, rng, *, split):
    """split: wiring and gates are modules of their own, numbered in turn, as in mnist.py."""
    state, below = {}, N_INPUTS
    for k, (logits, a, b) in enumerate(layers):
        wires = _interleaved(a, b)
        where = f"layers.{2 * k if split else k}"
        state[f"layers.{2 * k + 1 if split else k}.w"] = logits.T.copy()
        if kind in ("c", "c3"):
            scores = rng.normal(size=(below, wires.size)).astype(np.float32)
            scores[wires, np.arange(wires.size)] += 20
            state[f"{where}.c"] = scores.reshape(below, -1, 2) if kind == "c3" else scores
        elif kind == "top":
            candidates = rng.integers(0, below, (5, wires.size))
            best = rng.integers(0, 5, wires.size)
            candidates[best, np.arange(wires.size)] = wires
            scores = rng.normal(size=candidates.shape).astype(np.float32)
            scores[best, np.arange(wires.size)] += 20
            state |= {f"{where}.top_c": scores, f"{where}.top_indices": candidates}
        else:
            state[f"{where}.indices"] = wires
        below = logits.shape[0]
    return state


@pytest.mark.parametrize("kind", ["c", "c3", "top", "indices"])
@pytest.mark.parametrize("split", [False, True])
def test_lilogicnet(tmp_path, kind, split):
    layers = _random_layers(2)
    state = _lilogic(layers, kind, np.random.default_rng(7), split=split)
    _agrees(_read(_save(state, tmp_path / "model.npz")), _forward(layers, _bits()))


def test_lilogicnet_as_its_authors_save_it(tmp_path):
    torch = pytest.importorskip("torch", reason="torch files need torch")
    layers = _random_layers(2)
    state = _lilogic(layers, "c", np.random.default_rng(7), split=True)
    saved = {k: torch.as_tensor(v) for k, v in state.items()}
    saved |= {"net_architecture": [40, 24], "seed": 3, "dataset_input": [torch.zeros(2)]}
    torch.save(saved, tmp_path / "model.pth")
    _agrees(_read(tmp_path / "model.pth"), _forward(layers, _bits()))


def test_what_lilogicnet_files_are_refused_for(tmp_path):
    layers = _random_layers(2)

    def refused(change, rule, kind="c"):
        state = _lilogic(layers, kind, np.random.default_rng(7), split=False)
        change(state)
        with pytest.raises(ThermocError, match=rule) as caught:
            _read(_save(state, tmp_path / "model.npz"))
        assert "model.npz" in str(caught.value) and "\n" not in str(caught.value)

    def rename(old, new):
        return lambda state: state.update({new: state.pop(old)})

    refused(rename("layers.0.c", "layers.0.c_sub_layer_1"), "'layers.0.c_sub_layer_1' is not known")
    refused(lambda state: state.pop("layers.1.c"), "2 layers of gates .* wiring for 1")
    refused(
        lambda state: state.update({"layers.1.c": np.zeros((52, 48), np.float32)}),
        "layers.1 reads 52 nets, the layer below has 40 gates; networks that pass inputs on",
    )
    refused(lambda state: state.pop("layers.0.top_indices"), "top_c needs layers.0.top_i", "top")
    refused(lambda state: state.pop("layers.0.top_c"), "no scores of its candidates", "top")
    refused(rename("layers.0.indices", "layers.3.indices"), "no wiring before it", "indices")
    refused(
        lambda state: state["layers.1.w"].__setitem__((4, 7), np.nan),
        r"layers\.1\.w, gate 7 has the value nan",
    )
    refused(
        lambda state: state["layers.1.c"].__setitem__((4, 9), np.inf),
        r"layers\.1\.c, gate 9 has the value inf",
    )
    for empty in ((0, 0), (40, 0), (0, 24, 2), (40, 0, 2)):
        refused(
            lambda state, empty=empty: state.update({"layers.1.c": np.zeros(empty, np.float32)}),
            r"layers\.1\.c has the shape \(.*at least one gate",
        )


# --- torchlogix ------------------------------------------------------------------------------

# f(0, 0), f(0, 1), f(1, 0), f(1, 1) at the corners a, b
CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def _hard_four(weight, meaning):
    """(G, 4) of 0 and 1 by torchlogix's forward pass at the four corners, in eval mode."""
    a, b = CORNERS.T.astype(float)
    if meaning == "light":
        basis = np.stack([(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b], axis=1)
        return (weight > 0).astype(float) @ basis.T
    p, q = 1 - 2 * a, 1 - 2 * b
    basis = np.stack([np.ones(4), q, p, p * q], axis=1)
    return (-(weight @ basis.T) > 0).astype(float)


def _torchlogix(seed, meaning, learnable):
    rng = np.random.default_rng(seed)
    state, hard, below = {}, [], N_INPUTS
    for k, (logits, a, b) in enumerate(_random_layers(seed)):
        where = f"{k + 2}"
        width = logits.shape[0]
        if meaning == "raw":
            weight, gates = logits, _one_hot(logits)
        else:
            weight = rng.normal(size=(width, 4)).astype(np.float32)
            table = _hard_four(weight, meaning)
            gates = np.eye(16)[(table @ [8, 4, 2, 1]).astype(int)]
        state[f"{where}.weight"] = weight
        wires = np.stack([a, b])
        if learnable:
            candidates = rng.integers(0, below, (3, 2, width))
            best = rng.integers(0, 3, (2, width))
            scores = rng.random((3, 2, width)).astype(np.float32)
            for side in range(2):
                for g in range(width):
                    candidates[best[side, g], side, g] = wires[side, g]
                    scores[best[side, g], side, g] += 1
            state |= {f"{where}.connections.weights": scores}
            wires = candidates
        state[f"{where}.connections.indices"] = wires
        hard.append((gates, a, b))
        below = width
    return state, hard


@pytest.mark.parametrize("meaning", ["raw", "light", "warp"])
@pytest.mark.parametrize("learnable", [False, True])
@pytest.mark.parametrize("prefix", ["", "model."])
def test_torchlogix(tmp_path, meaning, learnable, prefix):
    state, hard = _torchlogix(3, meaning, learnable)
    path = _save({prefix + k: v for k, v in state.items()}, tmp_path / "model.npz")
    four = None if meaning == "raw" else meaning
    _agrees(_read(path, four_weights=four), _forward(hard, _bits()))


def test_four_weights_must_be_named_and_the_names_differ(tmp_path):
    state, _ = _torchlogix(3, "light", False)
    path = _save(state, tmp_path / "model.npz")
    with pytest.raises(UnsupportedError, match=r"2\.weight has four weights .* --four-weights"):
        _read(path)
    light, warp = (evaluate_classes(_read(path, four_weights=f), _bits()) for f in ("light", "warp"))
    assert (light != warp).any()
    with pytest.raises(UnsupportedError, match="must be light or warp, got 'walsh'"):
        Options(four_weights="walsh")


def test_torchlogix_before_it_saved_its_wiring(tmp_path):
    state, hard = _torchlogix(4, "raw", True)
    wires = [state.pop(f"{k}.connections.indices") for k in (2, 3)]
    path = _save(state, tmp_path / "model.npz")
    with pytest.raises(UnsupportedError, match=r"layer 2 has no wiring .*--wiring wiring\.pt"):
        _read(path)
    np.savez(tmp_path / "w.npz", *wires)
    _agrees(_read(path, wiring=str(tmp_path / "w.npz")), _forward(hard, _bits()))


def test_torchlogix_thresholds_become_the_encoder(tmp_path):
    rng = np.random.default_rng(6)
    state, hard = _torchlogix(3, "raw", False)
    state["0.thresholds"] = np.sort(rng.random((4, 3)), axis=1)
    netlist = _read(_save(state, tmp_path / "model.npz"))
    x = rng.random((300, 4))
    bits = (x[:, :, None] > state["0.thresholds"]).reshape(300, 12)
    np.testing.assert_array_equal(encode_bits(netlist, x), bits)
    np.testing.assert_allclose(evaluate_classes(netlist, bits), _forward(hard, bits.astype(float)), atol=1e-5)
    # learnt or one-dimensional thresholds leave the order of bits open: no encoder
    del state["0.thresholds"]
    state["0.thresholds"] = np.array([0.2, 0.5, 0.8])
    assert _read(_save(state, tmp_path / "model.npz")).encoder is None


def test_what_torchlogix_files_are_refused_for(tmp_path):
    def refused(change, rule):
        state, _ = _torchlogix(3, "raw", True)
        change(state)
        with pytest.raises(ThermocError, match=rule):
            _read(_save(state, tmp_path / "model.npz"))

    refused(
        lambda state: state.update({"0.tree_weights.0": np.zeros((2, 4, 16))}),
        "'0.tree_weights.0' .* belongs to no LogicDense layer; convolutional",
    )
    refused(
        lambda state: state.update({"2.weight": np.zeros((40, 64), np.float32)}),
        r"2\.weight has shape \(40, 64\); gates of two inputs",
    )
    refused(
        lambda state: state.update({"2.connections.weights": np.zeros((2, 2, 40), np.float32)}),
        r"must be \(candidates, 2, gates\), both",
    )
    refused(
        lambda state: state.update({"3.connections.indices": np.full((3, 2, 24), 40)}),
        r"layer 1 \(3\.weight\), gate 0 reads net 40 as a; the layer below has 40, 0 to 39",
    )
    refused(lambda state: state.pop("3.weight"), r"3\.connections has no 3\.weight beside it")


# --- torchlogix circuits ---------------------------------------------------------------------

GATE_OPS = {
    "CONST_FALSE": 0,
    "AND": 1,
    "AND_NOT_B": 2,
    "WIRE": 3,
    "AND_NOT_A": 4,
    "XOR": 6,
    "OR": 7,
    "NOR": 8,
    "XNOR": 9,
    "NOT_B": 10,
    "OR_NOT_B": 11,
    "NOT": 12,
    "NOT_A": 12,
    "OR_NOT_A": 13,
    "NAND": 14,
    "CONST_TRUE": 15,
}


def _json_circuit(n_gates=60):
    """Ids with holes, as after its dead-gate elimination; constants folded into beta."""
    rng = np.random.default_rng(8)
    gates, known = [], list(range(N_INPUTS))
    for k in range(n_gates):
        op = list(GATE_OPS)[k % 16]
        a, b = (int(rng.choice(known)) for _ in range(2))
        if op in ("WIRE", "NOT", "NOT_A"):
            b = -1
        if op in ("CONST_FALSE", "CONST_TRUE"):
            a = b = -1
        number = N_INPUTS + 3 * k + 1
        gates.append({"gate_id": number, "op": op, "in0": a, "in1": b, "node_idx": k})
        known.append(number)
    blocks = np.array_split(rng.permutation(known), CLASSES)
    sums = [
        {"node_id": 1000 + c, "input_ids": block.tolist(), "tau": TAU, "beta": float(c)}
        for c, block in enumerate(blocks)
    ]
    return {
        "n_inputs": N_INPUTS,
        "input_shape": [N_INPUTS],
        "outputs": [s["node_id"] for s in reversed(sums)],
        "output_shape": [CLASSES],
        "gates": gates,
        "sum_nodes": sums,
    }


def _run_json(circuit, bits):
    values = {k: bits[:, k] for k in range(N_INPUTS)}
    zero = np.zeros(bits.shape[0])
    for g in circuit["gates"]:
        c = COEFFICIENTS[GATE_OPS[g["op"]]]
        p, q = values.get(g["in0"], zero), values.get(g["in1"], zero)
        values[g["gate_id"]] = c[0] + c[1] * p + c[2] * q + c[3] * p * q
    totals = {
        s["node_id"]: (sum(values[k] for k in s["input_ids"]) + s["beta"]) / s["tau"]
        for s in circuit["sum_nodes"]
    }
    return np.stack([totals[k] for k in circuit["outputs"]], axis=1)


def test_torchlogix_circuit(tmp_path):
    circuit = _json_circuit()
    path = tmp_path / "circuit.json"
    path.write_text(json.dumps(circuit))
    netlist = read_model_or_netlist(path, Options(labels=("p", "q", "r", "s")))
    _agrees(netlist, _run_json(circuit, _bits()))
    assert netlist.class_sums.labels == ("p", "q", "r", "s")


def test_a_torchlogix_circuit_without_sums():
    circuit = _json_circuit()
    del circuit["sum_nodes"]
    circuit["outputs"] = [circuit["gates"][-1]["gate_id"], 3]
    netlist = parse_torchlogix_json(json.dumps(circuit))
    assert netlist.output_names == ("y[0]", "y[1]") and netlist.class_sums is None
    assert (evaluate(netlist, _bits())[:, 1] == _bits()[:, 3]).all()


@pytest.mark.parametrize(
    ("place", "value", "rule"),
    [
        (("gates", 7, "in0"), 200, r"in0 of gates\[7\] is 200, which no input and no earlier gate"),
        (("gates", 7, "in1"), 12 + 3 * 7 + 1, r"in1 of gates\[7\] is 34"),
        (("gates", 7, "op"), "MAJ", r'gates\[7\] has the op "MAJ"; known are CONST_FALSE, AND'),
        (("gates", 7, "gate_id"), 3, r"gates\[7\] has the id 3, which is taken: .* one driver"),
        (("gates", 7, "in0"), "1", r'in0 of gates\[7\] must be a whole number, got "1"'),
        (("gates", 7), [], r"gates\[7\] must be an object"),
        (("sum_nodes", 1, "tau"), 0, r"sum_nodes\[1\] has tau 0"),
        (("sum_nodes", 1, "tau"), 10**400, r"sum_nodes\[1\] has tau 10+ and beta 1\.0; both must be finite"),
        (("sum_nodes", 1, "beta"), 10**400, r"sum_nodes\[1\] has tau 2\.5 and beta 10+; both must be finite"),
        (("sum_nodes", 1, "beta"), 10**30, r"sum_nodes\[1\] has beta 10+; only whole numbers"),
        (("sum_nodes", 1, "tau"), True, r"sum_nodes\[1\] has tau true"),
        (("sum_nodes", 1, "tau"), 3.0, r"different tau \(2\.5 to 3\)"),
        (("sum_nodes", 1, "beta"), 0.5, r"sum_nodes\[1\] has beta 0\.5; only whole numbers"),
        (("sum_nodes", 1, "input_ids"), [5, 9999], r"input_ids of sum_nodes\[1\] is 9999"),
        (("sum_nodes", 1, "node_id"), 4, r"sum_nodes\[1\] has the id 4, which is taken"),
        (("outputs",), None, "outputs of the circuit must be a list of ids"),
        (("outputs", 0), 9999, r"outputs\[0\] is 9999"),
        (("n_inputs",), 1.5, "n_inputs of the circuit must be a whole number"),
        (("n_inputs",), -1, "n_inputs is -1"),
        (("output_ids",), [], "key 'output_ids' is not known; torchlogix 0.2 writes"),
        (("gates",), {}, "gates must be a list"),
    ],
)
def test_bad_torchlogix_circuits(place, value, rule):
    circuit = _json_circuit()
    inner = circuit
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(ThermocError, match=rule) as caught:
        parse_torchlogix_json(json.dumps(circuit), name="c.json")
    assert str(caught.value).startswith("c.json") and "\n" not in str(caught.value)


def test_json_that_is_none():
    with pytest.raises(FormatError, match=r"c\.json, line 2: is no whole JSON"):
        parse_torchlogix_json('{"gates": [\n', name="c.json")
    with pytest.raises(FormatError, match="is no torchlogix circuit"):
        parse_torchlogix_json("[]", name="c.json")
    with pytest.raises(FormatError, match=r"nested too deeply|no whole JSON"):
        parse_torchlogix_json("[" * 100_000, name="c.json")
    with pytest.raises(FormatError, match="too many digits"):
        parse_torchlogix_json("1" * 5000, name="c.json")


# --- taped-out networks ----------------------------------------------------------------------


def _tapeout(layers):
    wide = max(WIDTHS)
    state = {k: np.zeros((len(layers), wide), np.int64) for k in ("gates", "A", "B")}
    for k, (logits, a, b) in enumerate(layers):
        width = logits.shape[0]
        state["gates"][k, :width] = np.argmax(logits, axis=1)
        state["A"][k, :width], state["B"][k, :width] = a, b
    return {
        "gate_types": state["gates"],
        "connections.A": state["A"],
        "connections.B": state["B"],
        "input": np.zeros((1, 2)),
        "output": np.zeros((1, 2)),
    }


def test_taped_out_networks_need_their_widths(tmp_path):
    layers = _random_layers(2)
    path = _save(_tapeout(layers), tmp_path / "model.npz")
    with pytest.raises(
        UnsupportedError, match=r"layer 1 ends in 16 zero gates .* give --widths, 40,24 if all"
    ):
        _read(path)
    _agrees(_read(path, widths=WIDTHS), _forward(layers, _bits()))
    for widths, rule in (
        ((40,), "has 2 layers, --widths gives 1"),
        ((40, 41), "layer 1 has at least 24 and at most 40 gates, --widths says 41"),
        ((39, 24), "layer 0 has at least 40"),
    ):
        with pytest.raises(UnsupportedError, match=rule):
            _read(path, widths=widths)


def test_taped_out_networks_of_one_width_do_not(tmp_path):
    first, _, _ = _random_layers(2)[0]
    rng = np.random.default_rng(3)
    layers = [(first, *rng.integers(0, below, (2, 40))) for below in (N_INPUTS, 40)]
    state = _tapeout(layers)
    netlist = _read(_save(state, tmp_path / "model.npz"), inputs=N_INPUTS)
    np.testing.assert_allclose(evaluate_classes(netlist, _bits()), _forward(layers, _bits()), atol=1e-5)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda s: s["gate_types"].__setitem__((1, 3), 16), r"row 1\), gate 3 has the gate id 16"),
        (lambda s: s["connections.B"].__setitem__((1, 3), 40), "gate 3 reads net 40 as b; the lay"),
        (lambda s: s["connections.A"].__setitem__((0, 3), -1), "gate 3 reads net -1 as a; there a"),
        (lambda s: s.pop("connections.B"), "lacks the array 'connections.B'"),
        (lambda s: s.update({"connections.B": np.zeros((1, 40), int)}), "all three, got"),
        (lambda s: s.update({"gate_types": np.zeros((2, 40))}), "gate_types must hold whole num"),
        (lambda s: s.update({"extra": np.zeros(1)}), "array 'extra' is not known"),
    ],
)
def test_bad_taped_out_networks(tmp_path, change, rule):
    state = _tapeout(_random_layers(2))
    change(state)
    with pytest.raises(ThermocError, match=rule) as caught:
        _read(_save(state, tmp_path / "model.npz"), widths=WIDTHS, inputs=N_INPUTS)
    assert "model.npz" in str(caught.value)


# --- what the user adds ----------------------------------------------------------------------


@pytest.mark.parametrize("order", ["feature", "threshold"])
@pytest.mark.parametrize("scope", ["thresholds", "quantiles"])
def test_thresholds_given_beside_the_file(tmp_path, order, scope):
    layers = _random_layers(2)
    path = _save(_tapeout(layers), tmp_path / "model.npz")
    levels = (0.2, 0.5, 0.8)
    netlist = _read(path, widths=WIDTHS, bit_order=order, **{scope: levels})
    x = np.random.default_rng(1).random((200, 4))
    bounds = np.array(levels)[None, None]
    if scope == "quantiles":
        bounds = np.quantile(x, levels, axis=1).T[:, None, :]
    bits = x[:, :, None] > bounds  # samples, features, thresholds
    bits = (bits if order == "feature" else bits.transpose(0, 2, 1)).reshape(200, 12)
    np.testing.assert_array_equal(encode_bits(netlist, x), bits)


def test_options_that_do_not_fit(tmp_path):
    path = _save(_tapeout(_random_layers(2)), tmp_path / "model.npz")

    def refused(rule, **options):
        with pytest.raises(UnsupportedError, match=rule):
            read_model_or_netlist(path, Options(widths=WIDTHS, **options))

    refused("24 gates of the last layer are no 7 equal blocks", classes=7)
    refused("--tau must be a number above 0, got -1", classes=4, tau=-1.0)
    refused("12 input bits are no 5 bits for each feature", thresholds=(0.1, 0.2, 0.3, 0.4, 0.5))
    refused("thresholds or quantiles, not both", thresholds=(0.5,), quantiles=(0.5,))
    refused("quantile levels lie between 0 and 1, got 1", quantiles=(1.0,))
    refused("bit order must be feature or threshold", bit_order="pixel")
    plain = read_model_or_netlist(path, Options(widths=WIDTHS))
    assert plain.class_sums is None and plain.output_names[:2] == ("y[0]", "y[1]")


def test_an_ordinary_state_dict_is_still_one(tmp_path):
    """Weights of 16 columns alone are linear layers."""
    rng = np.random.default_rng(0)
    state = {"0.weight": rng.normal(size=(16, 16)), "2.weight": rng.normal(size=(3, 16))}
    model = read_model_or_netlist(_save(state, tmp_path / "m.npz"), Options(activation="tanh"))
    assert [w.shape for w in model.weights] == [(16, 16), (3, 16)]


# --- difflogic's C ---------------------------------------------------------------------------


def _as_difflogic_writes(op, a, b, bits):
    """The expression of a gate, by the order of operands in difflogic 0.1 (compiled_model.py)."""
    zero = {8: "(char) 0", 16: "(short) 0", 32: "0", 64: "0LL"}[bits]
    text = [zero, f"{a} & {b}", f"{a} & ~{b}", a, f"{b} & ~{a}", b, f"{a} ^ {b}", f"{a} | {b}"]
    text += [f"~({a} | {b})", f"~({a} ^ {b})", f"~{b}", f"~{b} | {a}", f"~{a}", f"~{a} | {b}"]
    text += [f"~({a} & {b})", f"~{zero}"]
    return f"({ {8: 'char', 16: 'short'}[bits] }) ({text[op]})" if bits < 32 else text[op]


def _difflogic_c(layers, n, classes, bits):
    kind = {8: "char", 16: "short", 32: "int", 64: "long long"}[bits]
    lines, below, count = [], [f"inp[{k}]" for k in range(n)], 0
    for number, layer in enumerate(layers):
        names = []
        for k, (op, a, b) in enumerate(layer):
            last = number == len(layers) - 1
            names.append(f"out[{k}]" if last else f"v{count}")
            count += 1
            value = _as_difflogic_writes(op, below[a], below[b], bits)
            lines.append(f"\t{'' if last else f'const {kind} '}{names[-1]} = {value};")
        below = names
    head = "#include <stddef.h>\n#include <stdlib.h>\n#include <stdbool.h>\n\n"
    tail = "void apply_logic_gate_net (bool const *inp, int *out, size_t len) {\n"
    tail += f"  for(size_t d = 0; d < {n}; ++d) {{}}\n"
    tail += f"  for(size_t c = 0; c < {classes}; ++c) {{}}\n}}\n"
    body = "\n".join(lines)
    return f"{head}void logic_gate_net({kind} const *inp, {kind} *out) {{\n{body}\n}}\n\n{tail}"


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_c_code_of_difflogic(bits, tmp_path):
    rng = np.random.default_rng(bits)
    layers = [[(k, *rng.integers(0, 5, 2)) for k in range(16)]]
    layers += [[(k % 16, *rng.integers(0, 16, 2)) for k in range(20)], [(7, 2 * k, k) for k in range(6)]]
    text = _difflogic_c(layers, 5, 3, bits)
    (tmp_path / "net.c").write_text(text)
    netlist = read_model_or_netlist(tmp_path / "net.c", Options(thresholds=(0.5,)))
    assert netlist.encoder is not None and netlist.n_gates == 42
    for pattern in range(32):
        values = [pattern >> k & 1 for k in range(5)]
        for layer in layers:
            values = [op >> (3 - 2 * values[a] - values[b]) & 1 for op, a, b in layer]
        expected = [sum(values[k : k + 2]) for k in (0, 2, 4)]
        assert class_counts(netlist, [pattern >> k & 1 for k in range(5)]) == expected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("void logic_gate_net", "void other", "holds no function logic_gate_net"),
        ("void apply", "", "lacks apply_logic_gate_net"),
        ("out[1] =", "out[2] =", r"out\[2\] stands where out\[1\] should; lines are missing"),
        ("v3 =", "v2 =", "v2 is driven twice"),
        ("v0 | v1", "v0 + v1", "line 10: the expression 'v0 . v1' is no gate of difflogic"),
        ("v0 | v1", "v0 | v9", "line 10: .* reads v9, which nothing above drives"),
    ],
)
def test_other_c_code_is_refused(old, new, message):
    text = _difflogic_c([[(6, 0, 1)] * 4, [(7, 0, 1)] * 3], 2, 3, 64)
    text = text[: text.index("void apply")] if old == "void apply" else text.replace(old, new)
    with pytest.raises(FormatError, match=message):
        parse_difflogic_c(text)


# --- CompactLogic ----------------------------------------------------------------------------


def _compactlogic(rng):
    """(state dict, circuit as its compiler writes it, gates chosen): two dense layers of 4 slots."""
    state, layers, chosen, below, start = {}, [], [], 5, 0
    for number, width in ((1, 8), (3, 6)):
        weights = rng.normal(size=(width, 4)).astype(np.float32)
        wires, kinds = rng.integers(0, below, (2, width, 4)), rng.integers(0, 16, (width, 4))
        state |= {f"{number}.weights": weights, f"{number}.indices": wires}
        state |= {
            f"{number}.gate_sequence": kinds.astype(np.uint8),
            f"{number}.given_x_indices_of_y": wires[0],
        }
        slot = weights.argmax(1)
        layer = [(int(kinds[k, s]), int(wires[0, k, s]), int(wires[1, k, s])) for k, s in enumerate(slot)]
        nodes = [
            {
                "node_id": start + below + k,
                "gate_id": op,
                "input_a": {"signal_id": start + a, "const_value": None},
                "input_b": {"signal_id": start + b, "const_value": None},
            }
            for k, (op, a, b) in enumerate(layer)
        ]
        layers.append({"layer_index": len(layers), "nodes": nodes})
        chosen.append(layer)
        start, below = start + below, width
    groups = [[13, 14], [15, 16], [17, None]]
    return state, {"input_dim": 5, "layers": layers, "output": {"tau": 2.0, "groups": groups}}, chosen


def test_compactlogic(tmp_path):
    state, circuit, chosen = _compactlogic(np.random.default_rng(0))
    np.savez(tmp_path / "net.npz", **state)
    (tmp_path / "net.json").write_text(json.dumps(circuit))
    dense = read_model_or_netlist(tmp_path / "net.npz", Options(classes=3, inputs=5))
    written = read_model_or_netlist(tmp_path / "net.json")
    assert written.class_sums.tau == 2.0
    for pattern in range(32):
        bits = [pattern >> k & 1 for k in range(5)]
        values = bits
        for layer in chosen:
            values = [op >> (3 - 2 * values[a] - values[b]) & 1 for op, a, b in layer]
        expected = [sum(values[k : k + 2]) for k in (0, 2, 4)]
        assert class_counts(dense, bits) == expected
        assert class_counts(written, bits) == [*expected[:2], values[4]]


def test_other_compactlogic_is_refused(tmp_path):
    state, circuit, _ = _compactlogic(np.random.default_rng(1))
    for change, error, message in (
        ({"1.offsets_ch": np.zeros(3)}, UnsupportedError, "lacks the shapes of convolutions.* --json"),
        ({"1.gate_sequence": np.zeros((8, 3), np.uint8)}, FormatError, "layer 1 has weights .8, 4."),
        ({"3.indices": state["3.indices"] + 8}, FormatError, "reads net"),
    ):
        np.savez(tmp_path / "net.npz", **(state | change))
        with pytest.raises(error, match=message):
            read_model_or_netlist(tmp_path / "net.npz")
    circuit["layers"][0]["nodes"][2]["input_a"] = {"signal_id": 99}
    (tmp_path / "net.json").write_text(json.dumps(circuit))
    with pytest.raises(FormatError, match="node 7 of layer 0 reads signal 99"):
        read_model_or_netlist(tmp_path / "net.json")
    circuit["layers"][0]["nodes"][2]["input_a"] = {"signal_id": 0}
    for tau in (10**400, True, None):
        circuit["output"]["tau"] = tau
        (tmp_path / "net.json").write_text(json.dumps(circuit))
        with pytest.raises(FormatError, match=r"tau is .*; it must be a finite number above 0"):
            read_model_or_netlist(tmp_path / "net.json")
    (tmp_path / "net.json").write_text('{"input_dim": 2, "layers": 3, "output": {}}')
    with pytest.raises(FormatError, match="is no circuit of CompactLogic"):
        read_model_or_netlist(tmp_path / "net.json")
