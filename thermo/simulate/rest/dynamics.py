"""Feed-forward machines at rest: `method="rest"`."""

from __future__ import annotations

from typing import Any

from compiler.ir.langevin import LangevinNetlist
from thermo.common_options import DEVICE_SEED, IMPERFECT, KT, METHOD, PROGRESS, SEED, THREADS
from thermo.options import takes


class RestDynamics:
    """A LangevinNetlist in which nothing drives back, asked for with method "rest": its states at kT = 0
    after as long as it takes, each cell evaluated once.
    """

    name = "rest"
    kind = "a machine at rest"
    takes = takes(METHOD, KT, IMPERFECT, DEVICE_SEED, SEED, THREADS, PROGRESS)

    def handles(self, netlist: Any, method: str | None = None) -> bool:
        return method == "rest" and isinstance(netlist, LangevinNetlist)

    def run(
        self,
        netlist: LangevinNetlist,
        data: Any = None,
        *,
        seed: int = 0,
        threads: int | None = None,
        progress: Any = None,
        **options: Any,
    ) -> Any:
        from thermo.simulate.rest.run import simulate_rest

        return simulate_rest(netlist, data, **options)
