"""`python -m thermo.cli`: the command line, where no script of it is on the path."""

from thermo.cli.main import run

if __name__ == "__main__":
    run()
