"""The machine running: simulators, training, energy, samplers, studies, reports, the command line.

Names are imported on first use, so that `import thermo` costs nothing. `simulate` and `evaluate` are
modules that can be called: `thermo.simulate(netlist)` beside `thermo.simulate.langevin`.
"""

from hw_models import __version__ as __version__
from hw_models.lazy import lazy_names
from thermo.names import MODULES, NAMES

__getattr__, __dir__, __all__ = lazy_names(__name__, NAMES, MODULES)
