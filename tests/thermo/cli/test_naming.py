"""What a flag gets wrong is told by the flag's name, not by an argument's of Python."""

import numpy as np
import pytest

from compiler.families.ising import from_edges, lower_ising
from compiler.families.store import save_model
from compiler.ir.container import save
from thermo.cli.describe import flags_of, function_of
from thermo.cli.main import COMMANDS, main
from thermo.cli.naming import in_flags

FLAGS = {name: flags_of(function_of(place)) for name, (place, _) in COMMANDS.items()}


def _told(command, message, **values):
    flags = FLAGS[command]
    return in_flags(message, flags, {flag.key: flag.default for flag in flags} | values)


@pytest.mark.parametrize(
    ("command", "message", "values", "told"),
    [
        (
            "train langevin",
            "training: input_bits = 4 is the resolution of a device's converters; give a device",
            {"input_bits": "4"},
            "training: --input-bits = 4 is the resolution of a device's converters; give a device",
        ),
        (
            "train eqprop",
            "training: rates must be numbers >= 0, got (-1.0,)",
            {"rate": [-1.0]},
            "training: --rate must be numbers >= 0, got (-1.0,)",
        ),
        (
            "simulate",
            "dt must be a finite number above 0, got -1",
            {"dt": -1.0},
            "--dt must be a finite number above 0, got -1",
        ),
        (
            "compile",
            "no target 'x'; choose one of ideal",
            {"target": "x"},
            "--target: no target 'x'; choose one of ideal",
        ),
        (
            "train langevin",
            "training: no imperfections; give mismatch, asymmetry, bits, bias_mismatch or a device that has",
            {},
            "training: no imperfections; give --mismatch, --asymmetry, --bits, --bias-mismatch or a device "
            "that has",
        ),
        (
            "train langevin",
            "training: engine 'jax' has ideal couplings; leave the device out, or set engine to 'numba'",
            {},
            "training: --engine 'jax' has ideal couplings; leave the device out, or set --engine to 'numba'",
        ),
        (
            "train eqprop",
            "training: homeostasis 0.1 adds to couplings; set update to 'additive' or homeostasis to 0",
            {},
            "training: --homeostasis 0.1 adds to couplings; set --update to 'additive' or --homeostasis to 0",
        ),
        (
            "train eqprop",
            "oscillator training: no range in volts bounds angles; leave device and couplings out",
            {},
            "oscillator training: no range in volts bounds angles; leave --device and --couplings out",
        ),
        (
            "study images",
            "training: data set iris has no classes to clamp; leave clamped at 0",
            {},
            "training: data set iris has no classes to clamp; leave --clamped at 0",
        ),
        (
            "train langevin",
            "cells have width, depth and bits of their own",
            {},
            "cells have width, depth and bits of their own",
        ),
        # what names the flag already, and words of English, are left alone
        ("simulate", "--stuck is no share: 2", {"stuck": 2.0}, "--stuck is no share: 2"),
        (
            "train eqprop",
            "out of memory (3 PiB); ask for less",
            {"hidden": [3]},
            "out of memory (3 PiB); ask for less",
        ),
        ("simulate", "net.tnl: the method of this is new", {}, "net.tnl: the method of this is new"),
        ("compile", "a/model_weight.npz: no", {"weight": "w"}, "a/model_weight.npz: no"),
    ],
)
def test_arguments_become_flags(command, message, values, told):
    if told.startswith("out of memory"):  # a value of one digit is quoted by chance
        assert _told(command, message, **values).endswith(told)
    else:
        assert _told(command, message, **values) == told


@pytest.mark.parametrize("command", ["export", "deploy --fpga ice40-hx8k", "compile"])
def test_a_flag_that_another_command_takes_is_told_with_it(command, tmp_path, capsys):
    modules = [f"module {m}(input x, output y); assign y = x; endmodule\n" for m in "ab"]
    (tmp_path / "two.v").write_text("".join(modules))
    verb, *rest = command.split()
    out = ["-o", f"{tmp_path}/o.{'blif' if verb == 'export' else 'tnl'}"]
    assert main([verb, f"{tmp_path}/two.v", *(["--format", "blif"] if verb == "export" else rest), *out]) == 2
    told = capsys.readouterr().err
    assert told.count("--top") == (1 if verb == "compile" else 2)
    assert ("thermoc compile takes --top" in told) == (verb != "compile")


BASES = {
    "train langevin": ["--epochs 1 --hidden 4 -o {0}/o.st"],
    "train eqprop": ["--epochs 1 --hidden 4 -o {0}/o.st"],
    "train ebm": ["--epochs 1 --hidden 4 -o {0}/o.st"],
    "train logic": ["--gates 300 --epochs 1 -o {0}/o.st"],
    "compile": ["{0}/ring.st -o {0}/o.tnl", "{0}/add.v -o {0}/o.tnl"],
    "simulate": ["{0}/ring.tnl", "{0}/m.tnl --data digits --limit 5"],
}
# a share of what a machine does with it, told by what then happens; words without a place
SAYS_SO = ("diverges", "must be finite", "max_bytes", "varies over the training split")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("naming")
    (folder / "add.v").write_text("module add(input a, input b, output s);\nassign s = a ^ b;\nendmodule\n")
    ring = from_edges(np.zeros(6), np.arange(6), (np.arange(6) + 1) % 6, -np.ones(6))
    save(lower_ising(ring, sweeps=40), folder / "ring.tnl")
    save_model(ring, folder / "ring.st")
    assert main(f"train eqprop --hidden 4 --epochs 1 -o {folder}/m.st".split()) == 0
    assert main(f"compile {folder}/m.st -o {folder}/m.tnl".split()) == 0
    return folder


def _bad(flag):
    """Values that most flags of the kind refuse."""
    if flag.kind in (int, float):
        return ["-1", "nan"] if flag.kind is float else ["-1"]
    texts = "device at couplings input_bits output_bits method regime estimator update init rule backend"
    texts += " target forward parametrisation encoding split activation head as_"
    return ["nonsense"] if flag.key in texts.split() else []


@pytest.mark.slow
@pytest.mark.parametrize("command", BASES)
def test_every_flag_is_named_when_it_is_wrong(command, files, capsys):
    refused = 0
    for flag in FLAGS[command]:
        for value in _bad(flag):
            for base in BASES[command]:
                for left in files.glob("*.checkpoint"):
                    left.unlink()
                capsys.readouterr()
                line = [*command.split(), *base.format(files).split(), f"{flag.long}={value}"]
                if main(line) != 2:
                    continue
                said = capsys.readouterr().err
                if not any(words in said for words in SAYS_SO):
                    refused += 1
                    assert flag.long in said, f"{' '.join(line)}: {said}"
    assert refused >= 5
