"""A float64 twin of the logic-gate network in NumPy, whose derivative is the estimator's gradient.

Straight-through gradients are derivatives of no loss. Here is a function that has them: the relaxed
network, with the constants added that make every wire and gate of it show at `base` what the hard
network shows there. Moving parameters away from `base` moves the relaxed values only.
"""

from __future__ import annotations

import numpy as np

IDS = np.array([[op >> 3 & 1, op >> 2 & 1, op >> 1 & 1, op & 1] for op in range(16)], float)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def reste(z, power):
    """Wu et al., arXiv 2308.06689: the estimator's function, whose slope is the surrogate's."""
    size = np.minimum(np.abs(z), 1.5)
    near = 0.1 ** (1 / power) / 0.1
    return np.sign(z) * np.where(size > 0.1, size ** (1 / power), near * size)


def tables(z, estimator, power, base_z):
    """(G, 4) relaxed tables and hard ones."""
    if z.shape[1] == 16:
        return softmax(z) @ IDS, IDS[np.argmax(z, axis=1)]
    hard = (z > 0).astype(float)
    if estimator == "identity":
        return 1 / (1 + np.exp(-z)), hard
    value = np.sign(base_z) * np.minimum(np.abs(base_z) ** (1 / power), 1)
    return 0.5 * (1 + value) + 0.5 * (reste(z, power) - reste(base_z, power)), hard


def gate(t, a, b, broken=None):
    c1, c2 = t[:, 2] - t[:, 0], t[:, 1] - t[:, 0]
    if broken == "swapped":
        c1, c2 = c2, c1
    c3 = t[:, 3] - t[:, 2] - t[:, 1] + t[:, 0]
    return t[:, 0] + c1 * a + c2 * b + c3 * a * b


def run(layers, x, targets, *, config, tau, gain, power, offsets=None, base=None, broken=None):
    """Mean cross entropy of the targets and the offsets of this point.

    layers : [{logits, scores, wires}] with noise added and tempered; x : (B, n) of 0 and 1
    targets : (B, classes), what the probabilities should be
    offsets : of the base point, None to make them here (the loss is then the hard network's)
    base : layers of the base point, where it is not this one
    """
    made = []
    hard_mode = config.forward != "soft"
    x = x.astype(float)
    for number, layer in enumerate(layers):
        z0 = (layer if base is None else base[number])["logits"]
        soft, hard = tables(layer["logits"], config.estimator, power, z0)
        inputs = []
        for side in range(2):
            wires, p = layer["wires"][side], softmax(layer["scores"][side])
            source = x
            if broken == "chosen wire only" and offsets is not None:
                source = offsets[number]["x"]  # nothing flows to nets that are not chosen
            value = np.einsum("sgk,gk->sg", source[:, wires], p)
            if hard_mode:
                best = np.argmax(layer["scores"][side], axis=1)
                net = np.take_along_axis(wires, best[:, None], axis=1)[:, 0]
                inputs.append((value, x[:, net]))
            else:
                inputs.append((value, None))
        if not hard_mode:
            (a, _), (b, _) = inputs
            x = gate(soft, a, b, broken)
            made.append({})
            continue
        if offsets is None:
            new = {"x": x, "a": inputs[0][1] - inputs[0][0], "b": inputs[1][1] - inputs[1][0]}
            new["y"] = gate(hard, inputs[0][1], inputs[1][1]) - gate(soft, inputs[0][1], inputs[1][1])
            made.append(new)
            x = gate(hard, inputs[0][1], inputs[1][1])
        else:
            o = offsets[number]
            a, b = inputs[0][0] + o["a"], inputs[1][0] + o["b"]
            x = gate(soft, a, b, broken) + o["y"]
    sums = (x * gain).reshape(x.shape[0], targets.shape[1], -1).sum(axis=2)
    log_p = np.log(softmax(sums / tau))
    return -np.mean((targets * log_p).sum(axis=1)), made
