"""The device that a Langevin machine is trained on: one machine, or another for every batch.

Couplings, input couplings and biases are those of the cells that the machine is lowered to, so that
its netlist on the same device is the same machine. Quantisation passes the gradient straight through
(Bengio, Leonard and Courville, arXiv 1308.3432, section 3). Input and dynamic couplings are
quantised as two groups, each to its own largest value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.families.langevin import langevin_cells
from hw_models.imperfect import Ends, Imperfections, act, bias_factors, factors, written


@dataclass(frozen=True, slots=True, eq=False)
class DrawnMachine:
    """Factors on w_in (n, n_in), on the directed coupling (n, n) and on the bias (n,), float32.

    ends : cells of w_in and of the coupling
    """

    law: Imperfections
    seed: int
    ends: tuple[Ends, Ends]
    w_in: np.ndarray
    coupling: np.ndarray
    bias: np.ndarray

    @property
    def all(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.w_in, self.coupling, self.bias

    def act(
        self, w_in: np.ndarray, coupling: np.ndarray, bias: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What drives where these are written."""
        made = [
            *written([w_in], self.ends[:1], self.law, self.seed),
            *written([coupling], self.ends[1:], self.law, self.seed),
            bias,
        ]
        w, j, b = (act(v, f, np.float32) for v, f in zip(made, self.all, strict=True))
        return w, j, b


def draw_machine(n: int, n_in: int, law: Imperfections, seed: int) -> DrawnMachine:
    """Device `seed` of a machine of n dynamic cells, outputs among them, and n_in inputs."""
    inputs, dynamic = langevin_cells(n, n_in)
    ends = ((dynamic[:, None], inputs[None, :]), (dynamic[:, None], dynamic[None, :]))
    return DrawnMachine(
        law,
        seed,
        ends,
        factors(law, seed, *ends[0]),
        factors(law, seed, *ends[1]),
        bias_factors(law, seed, dynamic),
    )
