"""Hardware by its figures: devices, cells, targets and their limits, each figure with its source.

Names are imported on first use, so that `import hw_models` costs nothing.
"""

from hw_models.lazy import lazy_names

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "cell_presets": ("CELL_LIBRARIES",),
        "cells": ("Cell", "CellLibrary"),
        "characterise": ("load_library",),
        "constants": ("K_B", "landauer", "thermal_energy"),
        "converters": ("Converter",),
        "couplings": ("COUPLING_TECHNOLOGIES", "CouplingTechnology", "burden"),
        "crossbar": ("CrossbarDevice", "crossbar_target"),
        "device": ("Device", "periphery"),
        "digital": ("network_energy",),
        "errors": ("HardwareError",),
        "files": ("load_device", "save_device"),
        "imperfect": ("Imperfections", "bias_factors", "factors", "quantise"),
        "interval": ("Interval", "times"),
        "ir_drop": ("Wires",),
        "pbits": ("PBitDevice", "pbit_energy"),
        "presets": ("CROSSBARS", "DEVICES", "PBITS", "device_of_cells"),
        "rc": ("RCDevice",),
        "registry": ("Registry",),
        "rlc": ("RLCArray",),
        "source": ("Quantity", "Source", "with_values"),
        "targets": ("TARGETS", "Target"),
        "topologies": ("Graph", "Topology"),
        "weights": ("WEIGHT_MEMORIES", "WeightMemory"),
    },
)
