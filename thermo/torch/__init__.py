"""A netlist as a layer of PyTorch: thermoc[interop].

    from thermo.torch import SimulatedLayer
    layer = SimulatedLayer(netlist, non_ideal=Imperfections(mismatch=0.1))

The package torch is imported here and in compiler.formats.networks, nowhere else.
"""

from importlib.util import find_spec

from compiler.errors import UnsupportedError

if find_spec("torch") is None:  # not this package: imports are absolute
    raise UnsupportedError("thermo.torch needs the package torch: pip install 'thermoc[interop]'")

from thermo.torch.layer import SimulatedLayer as SimulatedLayer
