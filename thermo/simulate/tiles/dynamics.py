"""Networks on crossbar tiles: numbers in, sums of currents and digital steps between, answers out."""

from __future__ import annotations

from typing import Any

from compiler.ir.tiles import TileNetlist
from thermo.common_options import (
    AT,
    DEVICE,
    DEVICE_SEED,
    IMPERFECT,
    INPUT_BITS,
    OUTPUT_BITS,
    PROGRESS,
    SEED,
    THREADS,
)
from thermo.options import Option, takes
from thermo.simulate.errors import SimulationError

WIRE = Option(
    "wire", "--wire", float, None, "Tiles: ohm of a wire from crossing to crossing, in place of the device's."
)
IR_DROP = Option(
    "ir_drop",
    "--ir-drop",
    str,
    "exact",
    "Tiles: how wires' resistance counts: exact, fast (first order in it) or none.",
)
SCALE_INPUTS = Option(
    "scale_inputs",
    "--scale-inputs",
    bool,
    False,
    "Tiles: every vector that a layer reads is scaled to its largest value, and the result back.",
)
RANGES_AT = Option(
    "ranges_at",
    "--ranges-at",
    str,
    None,
    "Tiles: age of the device at which converters' ranges are found, 25s (none: that of the run).",
)


class TileDynamics:
    """Feed-forward networks on tiles."""

    name = "tiles"
    kind = "a network on tiles"
    takes = takes(
        DEVICE,
        AT,
        IMPERFECT,
        DEVICE_SEED,
        INPUT_BITS,
        OUTPUT_BITS,
        WIRE,
        IR_DROP,
        SCALE_INPUTS,
        RANGES_AT,
        SEED,
        THREADS,
        PROGRESS,
        Option("calibration"),
        Option("batch"),
    )

    def handles(self, netlist: Any, method: str | None = None) -> bool:
        return isinstance(netlist, TileNetlist)

    def run(self, netlist: TileNetlist, data: Any = None, **options: Any) -> Any:
        from thermo.simulate.tiles.run import simulate_tiles

        if data is None:
            raise SimulationError(
                "a network on tiles answers samples: give data (--data on the command line; `thermoc data` "
                "lists the sets)"
            )
        return simulate_tiles(netlist, data, **options)
