"""Random circuits, patterns, and a digest of what they answer."""

import numpy as np

from compiler.ir.gates import ClassSums, GateNetlist, make_gates
from thermo.simulate.gates.faults import Faults
from thermo.simulate.gates.run import simulate_gates
from toys.gates import random_circuit


def circuit(seed: int, n_inputs: int, n_gates: int, n_outputs: int, counted: int) -> GateNetlist:
    """Any op, deep; outputs and counted nets anywhere, inputs and repeats too; three classes."""
    rng = np.random.default_rng(seed)
    base = random_circuit(rng, n_inputs, n_gates, n_outputs)
    cuts = np.sort(rng.integers(0, counted + 1, 2))
    nets = rng.integers(0, base.n_nets, counted).astype(np.int32)
    return make_gates(
        base.input_names,
        base.op,
        base.a,
        base.b,
        dict(zip(base.output_names, base.outputs.tolist(), strict=True)),
        class_sums=ClassSums(nets, np.array([0, *cuts, counted]), 2.5),
    )


def patterns(seed: int, n: int, n_inputs: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (n, n_inputs), dtype=np.uint8)


def digest() -> list:
    """Sums of everything a few circuits answer, with toggles and faults of each kind."""
    found = []
    for seed, faults in ((1, None), (2, Faults(0.01, 0.1)), (3, Faults(0.2))):
        netlist, bits = circuit(seed, 70, 300, 9, 60), patterns(seed, 1300, 70)
        got = simulate_gates(netlist, bits=bits, toggles=True, faults=faults, seed=7)
        for array in (got.class_sums, got.outputs, got.toggles, got.input_toggles):
            weight = np.random.default_rng(0).integers(0, 2**40, array.shape)
            found.append(int((array * weight).sum()))
    return found
