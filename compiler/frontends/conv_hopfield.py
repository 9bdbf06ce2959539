"""A convolutional network that relaxes both ways: couplings that share parameters."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import svds

from compiler.families.conv_hopfield import ConvHopfieldNetwork
from compiler.frontends.hopfield import relaxing_netlist, step_for
from compiler.ir.langevin import CouplingKind, Couplings, LangevinNetlist


def lower_conv_hopfield(
    network: ConvHopfieldNetwork, *, duration: float | None = None, nudge: float | None = None
) -> LangevinNetlist:
    """The network as a netlist that relaxes to its rest state at kT = 0, as `lower_hopfield` does.

    All couplings are one `linear` group whose `tie` names the parameter of each: a kernel's tap is
    one parameter at every place, and both ways of a symmetric pair are one. Parameters are the
    kernels, the weights, then the backward kernels and weights where there are some.

    Raises NetlistError for a duration or nudge that is not usable.
    """
    starts = np.concatenate([[0], np.cumsum(network.sizes)])
    shared = network.shared()
    ahead = [np.asarray(p, np.float64).ravel() for p in (*network.kernels, *network.weights)]
    behind = ahead[1:]
    first = np.concatenate([[0], np.cumsum([p.size for p in ahead])])
    back_first = first[1:]
    parameters = ahead
    if network.backward is not None and network.backward_kernels is not None:
        turned = (*network.backward_kernels, *(b.T for b in network.backward))
        behind = [np.asarray(p, np.float64).ravel() for p in turned]
        back_first = first[-1] + np.concatenate([[0], np.cumsum([p.size for p in behind])])
        parameters = ahead + behind
    rows, cols, ties = [], [], []
    for l, s in enumerate(shared):
        low, high = starts[l], starts[l + 1]
        rows.append(high + s.row)
        cols.append(low + s.col)
        ties.append(first[l] + s.tie)
        if l:  # the way back, to all but the inputs
            rows.append(low + s.col)
            cols.append(high + s.row)
            ties.append(back_first[l - 1] + s.tie)
    couplings = Couplings.from_coo(
        CouplingKind.LINEAR,
        int(starts[-1]),
        np.concatenate(rows),
        np.concatenate(cols),
        np.concatenate(parameters),
        tie=np.concatenate(ties),
    )
    return relaxing_netlist(
        network,
        couplings,
        network.unit_biases(),
        conv_step(network),
        duration,
        nudge,
        {
            "source": "conv-hopfield",
            "sizes": list(network.sizes),
            "shapes": [list(s) for s in network.shapes],
        },
    )


def conv_step(network: ConvHopfieldNetwork) -> float:
    """`stable_step` of a convolutional network."""
    forward, back = network.operators()
    up = max(largest_singular_value(f) for f in forward[1:])
    down = max(largest_singular_value(b) for b in back)
    return step_for(network.activation, up, down, len(forward))


def largest_singular_value(matrix: sparse.csr_array) -> float:
    """The spectral norm, to 1e-6."""
    if min(matrix.shape) < 3:
        return float(np.linalg.norm(matrix.toarray(), 2))
    start = np.random.default_rng(0).standard_normal(min(matrix.shape))  # the same in every run
    return float(svds(matrix, k=1, tol=1e-6, v0=start, return_singular_vectors=False)[0])
