"""`python -m thermo.cli.warm FAMILY` compiles one family and prints how many functions that were."""

import sys

from thermo.cli.warm.jobs import run_family

sys.stdout.write(f"{run_family(sys.argv[1])}\n")
