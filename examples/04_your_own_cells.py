"""A netlist built by hand: two coupled double wells, their correlation and their heat."""

import numpy as np

from compiler import dump, verify
from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase
from thermo.simulate import simulate

cells = Cells.make(2, j2=-2.0, j4=1.0, h=[0.3, 0.0])
coupling = Couplings.from_dense(CouplingKind.LINEAR, np.array([[0.0, 0.8], [0.8, 0.0]]))
netlist = LangevinNetlist(cells, (coupling,), kT=0.5, mobility=1.0, schedule=(Phase("run", 10.0),), dt=5e-3)
verify(netlist)
print(dump(netlist))

result = simulate(netlist, runs=20_000, keep_final=True)
signs = np.sign(result.final[0])
print(f"correlation of the signs {np.mean(signs[:, 0] * signs[:, 1]):.3f}")
print(f"heat {result.heat.mean() / netlist.kT:.2f} kT a run")
