"""Samplers with the interface of dimod, for models and tools of D-Wave's Ocean: thermoc[interop].

    from thermo.dimod import ThermoSampler
    sampleset = ThermoSampler().sample(bqm, num_reads=10, time_limit=1.0, seed=7)

The package dimod is imported here and nowhere else in thermo.
"""

from importlib.util import find_spec

from compiler.errors import UnsupportedError

if find_spec("dimod") is None:  # not this package: imports are absolute
    raise UnsupportedError("thermo.dimod needs the package dimod: pip install 'thermoc[interop]'")

from thermo.dimod.embedded import ThermoEmbedding as ThermoEmbedding
from thermo.dimod.sampler import ThermoSampler as ThermoSampler
from thermo.dimod.structured import ThermoHardware as ThermoHardware
