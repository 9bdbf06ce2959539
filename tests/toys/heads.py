"""Circuits with a counting head."""

import numpy as np

from compiler.ir.gates import ClassSums, make_gates


def counting(sizes, rng=None, n_inputs=None):
    """Class c counts sizes[c] inputs: each its own, or drawn (with repeats)."""
    total = sum(sizes)
    n = total if n_inputs is None else n_inputs
    nets = np.arange(total) if rng is None else rng.integers(0, n, total)
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    sums = ClassSums(nets.astype(np.int32), indptr, 2.5)
    return make_gates([f"x{k}" for k in range(n)], [], [], [], {}, class_sums=sums)
