"""The `thermoc` command: parse, call the library, write one result."""

from __future__ import annotations

import sys

import click
import typer

from thermo.cli import compiling, data, demo, estimating, presets, showing, simulating, study, train
from thermo.cli.console import exit_message, notes

app = typer.Typer(
    name="thermoc",
    help="Compile trained networks to thermodynamic hardware, run them with noise and mismatch, "
    "train them there, and count their energy.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
train_app = typer.Typer(help="Train a machine on data.", no_args_is_help=True)
train_app.command("langevin")(train.langevin)
app.add_typer(train_app, name="train")
app.command("demo")(demo.demo)
app.command("compile")(compiling.compile_)
app.command("simulate")(simulating.simulate)
app.command("estimate")(estimating.estimate)
app.command("show")(showing.show)
app.command("presets")(presets.presets)
app.command("data")(data.data)
study_app = typer.Typer(
    help="Many trainings, one table and figure; an interrupted study resumes where it stopped.",
    no_args_is_help=True,
)
study_app.command("seeds")(study.seeds)
study_app.command("pareto")(study.pareto)
study_app.command("devices")(study.devices)
app.add_typer(study_app, name="study")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 done, 2 bad input, 130 interrupted)."""
    try:
        code = app(args=arguments, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stdout.write(error.format_message() + "\n")
        return 2
    except click.ClickException as error:
        error.show(sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        notes.print("interrupted; finished work is kept, the same command goes on from there")
        return 130
    except Exception as error:
        message = exit_message(error)
        if message is None:
            raise
        notes.print(f"error: {message}", markup=False, soft_wrap=True)
        return 2


def run() -> None:
    """Entry point of the console script."""
    sys.exit(main())
