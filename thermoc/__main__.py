"""python -m thermoc: the command line."""

from thermo.cli.main import run

run()
