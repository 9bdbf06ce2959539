"""The `thermoc` command: parse, call the library, write one result."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer

from thermo.cli.console import exit_message, notes

COMMANDS = {
    "demo": "thermo.cli.demo:demo",
    "train langevin": "thermo.cli.train.langevin:langevin",
    "train eqprop": "thermo.cli.train.eqprop:eqprop",
    "train ebm": "thermo.cli.train.ebm:ebm",
    "train logic": "thermo.cli.train.logic:logic",
    "compile": "thermo.cli.compile:compile_",
    "check": "thermo.cli.check:check",
    "export": "thermo.cli.export:export",
    "simulate": "thermo.cli.simulate:simulate",
    "estimate": "thermo.cli.estimate:estimate",
    "show": "thermo.cli.show:show",
    "study seeds": "thermo.cli.studies.langevin:seeds",
    "study pareto": "thermo.cli.studies.langevin:pareto",
    "study devices": "thermo.cli.studies.langevin:devices",
    "study eqprop-gradients": "thermo.cli.studies.eqprop:gradients",
    "study eqprop-devices": "thermo.cli.studies.eqprop:devices",
    "study eqprop-asymmetry": "thermo.cli.studies.eqprop:asymmetry",
    "study eqprop-noise": "thermo.cli.studies.eqprop:noise",
    "study eqprop-temperature": "thermo.cli.studies.temperature:temperature",
    "study generative": "thermo.cli.studies.generative:generative",
    "study logic": "thermo.cli.studies.logic:logic",
    "study faults": "thermo.cli.studies.faults:faults",
    "study linear-algebra": "thermo.cli.studies.linear:linear_algebra",
    "presets": "thermo.cli.presets:presets",
    "data": "thermo.cli.data:data",
}
GROUPS = {
    "train": "Train a machine on data.",
    "study": "Many trainings, one table and figure; an interrupted study resumes.",
}


def build(first: str | None = None) -> typer.Typer:
    """The command line; with `first`, only the commands that begin with that word.

    Simulators take seconds to import: `thermoc presets` should not wait for them.
    """
    app = typer.Typer(
        name="thermoc",
        help="Compile trained networks to thermodynamic hardware, run them with noise and "
        "mismatch, train them there, and count their energy.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    # A callback keeps a lone command a sub-command.
    app.callback()(lambda: None)
    groups: dict[str, typer.Typer] = {}
    chosen = {k: v for k, v in COMMANDS.items() if k.split()[0] == first} or COMMANDS
    for name, place in chosen.items():
        module, function = place.split(":")
        group, _, leaf = name.rpartition(" ")
        if group and group not in groups:
            groups[group] = typer.Typer(help=GROUPS[group], no_args_is_help=True)
            groups[group].callback()(lambda: None)
            app.add_typer(groups[group], name=group)
        command = guarded(getattr(import_module(module), function), group in ("train", "study"))
        (groups[group] if group else app).command(leaf)(command)
    return app


def guarded(command: Callable[..., None], keeps: bool = False) -> Callable[..., None]:
    """The command with its errors as one line and an exit code: 2 bad input, 130 interrupted.

    keeps : it has a checkpoint or records to go on from
    """

    @functools.wraps(command)
    def run_command(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            kept = "; finished work is kept, the same command goes on from there" if keeps else ""
            notes.print(f"interrupted{kept}")
            raise typer.Exit(130) from None
        except Exception as error:
            message = exit_message(error)
            if message is None:
                raise
            notes.print(f"error: {message}", markup=False, soft_wrap=True)
            raise typer.Exit(2) from None

    return run_command


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 done, 2 bad input, 130 interrupted)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        build(arguments[0] if arguments else None)(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    return 0


def run() -> None:
    """Entry point of the console script."""
    sys.exit(main())
