"""The `thermoc` command: parse, call the library, write one result.

What is imported here is imported by every command, before it can say a word: only what is light.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import typer

COMMANDS = {
    "demo": (
        "thermo.cli.demo:demo",
        "Train, compile, run with noise and mismatch, and price a classifier of handwritten digits.",
    ),
    "train langevin": (
        "thermo.cli.train.langevin:langevin",
        "Train a Langevin machine; defaults are the settings tuned for the data set.",
    ),
    "train eqprop": (
        "thermo.cli.train.eqprop:eqprop",
        "Train a layered network by equilibrium propagation, on a perfect or an imperfect device.",
    ),
    "train ebm": (
        "thermo.cli.train.ebm:ebm",
        "Train an energy-based model on bits of a data set; defaults suit the data set.",
    ),
    "train logic": (
        "thermo.cli.train.logic:logic",
        "Train a network of two-input gates, or of tables, functions and wiring; defaults suit the data set.",
    ),
    "train reader": (
        "thermo.cli.train.reader:reader",
        "Train the small classifier that `thermoc quality` reads generated images with.",
    ),
    "compile": (
        "thermo.cli.compile:compile_",
        "Compile a trained model, a circuit of gates or an Ising problem into a netlist.",
    ),
    "check": (
        "thermo.cli.check:check",
        "Are two circuits equal? Exit code 0 if they are, 1 with a counterexample if not.",
    ),
    "export": (
        "thermo.cli.export:export",
        "Write a circuit (Verilog, C, ...), an Ising model (QUBO, ...) or a Langevin netlist (SPICE).",
    ),
    "deploy": (
        "thermo.cli.deploy:deploy_",
        "Lay a circuit out on an FPGA (yosys, nextpnr) and simulate the synthesised netlist on data.",
    ),
    "simulate": (
        "thermo.cli.simulate:simulate",
        "Run a netlist: accuracy and heat, a circuit's accuracy, or the best state of p-bits.",
    ),
    "quality": (
        "thermo.cli.quality:quality",
        "Draw images and measure how near they are to the data, in the features of a small classifier.",
    ),
    "estimate": (
        "thermo.cli.estimate:estimate",
        "Estimate accuracy, heat, energy with and without periphery, and latency of one inference.",
    ),
    "compare": (
        "thermo.cli.compare:compare",
        "Put netlists and digital designs on one table: accuracy, joules by place, seconds, area.",
    ),
    "report": (
        "thermo.cli.report:report",
        "Write one page: the ledger with intervals, what moves it, how robust netlists are, every source.",
    ),
    "show": (
        "thermo.cli.show:show",
        "Print a netlist's counts, the targets it is legal for, and its canonical text.",
    ),
    "study seeds": (
        "thermo.cli.studies:seeds",
        "Train the default and every heat budget over several seeds, with the no-coupling control.",
    ),
    "study pareto": (
        "thermo.cli.studies:pareto",
        "Accuracy against heat for several widths, with the no-coupling control, in one figure.",
    ),
    "study devices": (
        "thermo.cli.studies:devices",
        "Yield: the share of devices that are accurate enough, against each law's strength and against time.",
    ),
    "study couplings": (
        "thermo.cli.studies:couplings",
        "Accuracy against joules an answer for several ways to make couplings, trained on the device.",
    ),
    "study eqprop-gradients": (
        "thermo.cli.studies:eqprop_gradients",
        "Relative error of every gradient estimator over nudge, points and asymmetry; one figure.",
    ),
    "study eqprop-devices": (
        "thermo.cli.studies:eqprop_devices",
        "Training on the imperfect device against training clean and deploying on it, paired.",
    ),
    "study eqprop-asymmetry": (
        "thermo.cli.studies:eqprop_asymmetry",
        "Accuracy over the starting angle between forward and transposed backward weights.",
    ),
    "study eqprop-noise": (
        "thermo.cli.studies:eqprop_noise",
        "Accuracy with noisy states: small one-sided nudges against centred and holomorphic ones.",
    ),
    "study eqprop-temperature": (
        "thermo.cli.studies:eqprop_temperature",
        "Accuracy over temperature and averaging time, with heat and joules of an inference.",
    ),
    "study generative": (
        "thermo.cli.studies:generative",
        "Generative thermodynamic computing: couplings that most probably run noising backwards.",
    ),
    "study denoising": (
        "thermo.cli.studies:denoising",
        "Multiplicative denoising, whose weights keep their signs, beside ordinary denoising.",
    ),
    "study bayes": (
        "thermo.cli.studies:bayes",
        "Networks that know their doubt: SGLD and SA-SGLD beside Adam and ensembles at equal passes.",
    ),
    "study bayes-gaps": (
        "thermo.cli.studies:bayes_gaps",
        "What methods say between the data: a regression with a gap, log likelihood inside and outside it.",
    ),
    "study binary": (
        "thermo.cli.studies:binary",
        "Binary networks by several slopes of a sign, the same otherwise, and their circuits.",
    ),
    "study images": (
        "thermo.cli.studies:images",
        "A generative Langevin machine trained on its own short runs from noise: whole images.",
    ),
    "study logic": (
        "thermo.cli.studies:logic",
        "Train logic-gate networks of several sizes and lengths of training over several seeds.",
    ),
    "study frontier": (
        "thermo.cli.studies:frontier",
        "Accuracy of logic networks against gates, tables and joules by every definition.",
    ),
    "study faults": (
        "thermo.cli.studies:faults",
        "Accuracy of a circuit against the rate of flips and of stuck gates; a table and a figure.",
    ),
    "study laws": (
        "thermo.cli.studies:laws",
        "Jarzynski's equality, the fluctuation theorem, the first law and housekeeping heat.",
    ),
    "study published": (
        "thermo.cli.studies:published",
        "Figures that others published, beside what our own estimates and trainers give.",
    ),
    "study linear-algebra": (
        "thermo.cli.studies:linear_algebra",
        "Solve, invert, Lyapunov, exponential, determinant as measurements: error against time, kT and "
        "condition number, beside the exact answers; a table and a figure.",
    ),
    "reproduce": (
        "thermo.cli.reproduce:reproduce",
        "Make figures of README and docs again by their commands, and judge them.",
    ),
    "warm": ("thermo.cli.warm:warm", "Compile all kernels now, so that no later run waits for them."),
    "completion": (
        "thermo.cli.completion:completion",
        "Print a script that completes commands and flags in bash, zsh or fish.",
    ),
    "presets": (
        "thermo.cli.presets:presets",
        "List hardware presets, or print one's data sheet: every figure with its source.",
    ),
    "data": (
        "thermo.cli.data:data",
        "List the data sets that are here, show what one (or a file) is, or fetch one and check it.",
    ),
}
"""By name: where the command is, and the first paragraph of its docstring: lists import no command."""
GROUPS = {
    "train": "Train a machine on data.",
    "study": "Many trainings, one table and figure; an interrupted study resumes.",
}


def build(arguments: Sequence[str] = ()) -> typer.Typer:
    """The command line for these arguments: the command that they name, else all as a list.

    Simulators take seconds to import: `thermoc presets` should not wait for them, and neither
    should a list of commands or a mistyped one.
    """
    import typer

    app = typer.Typer(
        name="thermoc",
        help="Compile trained networks to thermodynamic hardware, run them with noise and "
        "mismatch, train them there, and count their energy.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,  # `thermoc completion` writes scripts that start no Python
    )

    def options(
        version: bool = typer.Option(False, "--version", is_eager=True, callback=_version, help="Say which."),
    ) -> None: ...

    app.callback()(options)  # which also keeps a lone command a sub-command
    groups: dict[str, typer.Typer] = {}
    words = [word for word in arguments if not word.startswith("-")]
    named = next((name for name in COMMANDS if name.split() == words[: len(name.split())]), None)
    first = words[:1] if words and any(name.split()[0] == words[0] for name in COMMANDS) else []
    for name, (place, line) in COMMANDS.items():
        if named not in (None, name) or name.split()[: len(first)] != first:
            continue
        group, _, leaf = name.rpartition(" ")
        if group and group not in groups:
            groups[group] = typer.Typer(help=GROUPS[group], no_args_is_help=True)
            groups[group].callback()(lambda: None)
            app.add_typer(groups[group], name=group)
        command = _loaded(name, place) if name == named else _listed(line)
        (groups[group] if group else app).command(leaf, **_class(name == named))(command)
    return app


def _class(named: bool) -> dict[str, Any]:
    """How the command that is run shows its help."""
    if not named:
        return {}
    from thermo.cli.groups import GroupedCommand

    return {"cls": GroupedCommand}


def _version(asked: bool) -> None:
    """Print versions of what figures may depend on, and end."""
    if asked:
        import platform
        from importlib.metadata import version

        import typer

        from hw_models import __version__

        parts = [f"{name} {version(name)}" for name in ("numpy", "numba", "jax")]
        typer.echo(f"thermoc {__version__} (Python {platform.python_version()}, {', '.join(parts)})")
        raise typer.Exit


def _loaded(name: str, place: str) -> Callable[..., None]:
    module, function = place.split(":")
    return guarded(getattr(import_module(module), function), name.split()[0] in GROUPS)


def _listed(line: str) -> Callable[..., None]:
    """A command that is there for the list."""

    def listed() -> None: ...

    listed.__doc__ = line
    return listed


def guarded(command: Callable[..., None], keeps: bool = False) -> Callable[..., None]:
    """The command with its errors as one line and an exit code: 2 bad input, 130 interrupted.

    keeps : it has a checkpoint or records to go on from
    """
    import typer

    from compiler.errors import FormatError
    from compiler.jit import telling
    from thermo.cli.console import exit_message, notes
    from thermo.cli.describe import flags_of
    from thermo.cli.naming import in_flags, with_place

    def compiling() -> None:
        notes.print("compiling kernels, first run only")

    @functools.wraps(command)
    def run_command(*args: Any, **kwargs: Any) -> None:
        try:
            with telling(compiling):
                command(*args, **kwargs)
        except KeyboardInterrupt:
            kept = "; finished work is kept, the same command goes on from there" if keeps else ""
            notes.print(f"interrupted{kept}")
            raise typer.Exit(130) from None
        except Exception as error:
            message = exit_message(error)
            if message is None:
                raise
            flags = flags_of(command)
            if not isinstance(error, FormatError):  # whose words are those of a file
                message = in_flags(message, flags, kwargs)
            message = with_place(message, flags)
            notes.print(f"error: {message}", markup=False, soft_wrap=True)
            raise typer.Exit(2) from None

    return run_command


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 done, 2 bad input, 130 interrupted)."""
    from compiler.errors import ThermocError
    from thermo.cli.config import with_config
    from thermo.cli.lists import parted
    from thermo.cli.standard_input import as_files
    from thermo.cli.streams import discard, spell_out

    spell_out()
    try:
        with as_files(sys.argv[1:] if arguments is None else arguments) as given:
            words = parted(with_config(given, COMMANDS), COMMANDS)
            build(words)(words, prog_name="thermoc")
    except ThermocError as error:  # of what stands around a command
        sys.stderr.write(f"error: {error}\n")
        return 2
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except KeyboardInterrupt:  # while it starts; commands answer for themselves
        sys.stderr.write("interrupted\n")
        return 130
    except OSError as error:  # help texts are not written by us
        discard()
        sys.stderr.write(f"error: standard output: cannot be written ({error.strerror})\n")
        return 2
    return 0


def run() -> None:
    """Entry point of the console script."""
    sys.exit(main())
