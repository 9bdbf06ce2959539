"""The commands that, taken together, call every kernel with the types that users call it with."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import tempfile
from pathlib import Path

from compiler.jit import compiled
from thermo.cli.warm.files import write_inputs

_LANGEVIN = "train langevin --data images.npz --hidden 6 --epochs 1 -o m.safetensors"
_EQPROP = "train eqprop --data images.npz --epochs 1 -o m.safetensors"
_EBM = (
    "train ebm --data images.npz --epochs 1 --batch 32 --ais-chains 16 --ais-steps 20 "
    "--sample-sweeps 10 -o m.safetensors"
)
_RBM = f"{_EBM} --hidden 20 --chains 32"
_GRID = f"{_EBM} --model grid --side 6 --batches 2"
_LOGIC = "train logic --data images.npz --epochs 1 --batch 32 -o m.safetensors"
_TWO = f"{_LOGIC} --gates 48 --gates 24"
_METHODS = ("euler", "heun", "leimkuhler-matthews")
_DEVICE = "--mismatch 0.2 --asymmetry 0.1 --bits 6"

FAMILIES: dict[str, tuple[str, ...]] = {
    "gates": (
        "compile multiplier.txt -O 2 -o a.tnl",
        "compile circuit.txt -O 2 -o n.tnl",
        "check circuit.txt n.tnl",
        "export multiplier.txt --format blif --luts 4 -o luts.blif",
        "estimate n.tnl --data images.npz --library nangate45",
        "estimate n.tnl --data images.npz --library nangate45 --objective delay",
        "simulate n.tnl --data images.npz --toggles",
        "simulate n.tnl --data images.npz --flip 0.05 --toggles",
        "simulate n.tnl --data images.npz --flip 0.6 --stuck 0.1",
        "study faults n.tnl --data images.npz --flip 0.01 --draws 2 -o s",
    ),
    "langevin": (
        *(f"compile {n}.txt -o {n}.tnl" for n in ("quartic", "directed", "gradient", "phases", "chain")),
        *(f"simulate quartic.tnl --method {m} --runs 5 --trajectory-every 10" for m in _METHODS),
        *(f"simulate quartic.tnl --method {m} --kT 0" for m in _METHODS),
        "simulate quartic.tnl --device rc-1fF",
        "simulate quartic.tnl --device rc-1fF --method heun",
        "simulate directed.tnl --data pairs.npz --runs 3 --observe settle",
        f"simulate directed.tnl --data pairs.npz --method heun {_DEVICE}",
        *(f"simulate gradient.tnl --method {m}" for m in _METHODS),
        "simulate phases.tnl",
        "simulate phases.tnl --method heun",
        "simulate chain.tnl",
        "simulate chain.tnl --method heun",
        "compile mlp.npz --activation tanh -o n.tnl",
        "simulate n.tnl --data images.npz --kT 0.01",
        "estimate n.tnl --data images.npz",
    ),
    "underdamped": (
        "compile inertia.txt -o inertia.tnl",
        "compile noise.txt -o noise.tnl",
        "compile harmonic.txt -o harmonic.tnl",
        "simulate inertia.tnl --runs 4 --trajectory-every 10",
        "simulate inertia.tnl --kT 0",
        "simulate noise.tnl --runs 4",
        "compile system.npz -o n.tnl",
        "simulate n.tnl --runs 4",
        "simulate harmonic.tnl --runs 4 --method exact",
        "simulate noise.tnl --runs 4 --method exact",
        "study linear-algebra --size 3 --condition 2 --machines 16 --seeds 2 -o s",
    ),
    "machines": (
        _LANGEVIN,
        f"{_LANGEVIN} --directed",
        f"{_LANGEVIN} --uncoupled",
        f"{_LANGEVIN} {_DEVICE}",
        f"{_LANGEVIN} --device rc-1fF",
        f"{_LANGEVIN} --heat-penalty 0.01",
        f"{_LANGEVIN} --method likelihood",
        "train langevin --data curve.npz --hidden 4 --epochs 1 -o m.safetensors",
        "study generative --data images.npz --samples 20 --time 0.1 --hidden 4 -o s",
        "study images --data images.npz --samples 20 --time 0.1 --hidden 4 --epochs 1 --sweeps 1 -o images",
    ),
    "pbits": (
        "compile signed.txt --sweeps 20 -o n.tnl",
        "simulate n.tnl",
        "simulate n.tnl --chains 512 --trajectory-every 5",
        "simulate n.tnl --tempering 4 --hot 3 --sweeps 20 --chains 3",
        f"simulate n.tnl {_DEVICE}",
        "estimate n.tnl",
        "compile signed.txt --sample --kT 1.5 --sweeps 20 -o p.tnl",
        "simulate p.tnl",
        "simulate p.tnl --chains 512",
        "compile real.txt --sweeps 20 -o r.tnl",
        "simulate r.tnl --chains 40",
        "compile dense.txt --sweeps 3 -o d.tnl",
        "simulate d.tnl",
        "simulate d.tnl --kT 9 --sweeps 2",
        "compile pbits.txt -o pbits.tnl",
        "simulate pbits.tnl",
        "simulate pbits.tnl --chains 40",
        "compile real.txt --target chimera-4 --embed --rescale --quantize --sweeps 5 -o e.tnl",
    ),
    "ebm": (
        f"{_RBM}",
        f"{_EBM} --hidden 20 --method cd -k 2",
        f"{_RBM} --method tempered --temperatures 3",
        f"{_RBM} {_DEVICE}",
        f"{_EBM.replace('images.npz', 'mnist --data-dir .')} --hidden 40 --chains 32",
        f"{_GRID} -k 2",
        f"{_GRID} --method tempered --temperatures 3 -k 2 --chains 32",
        f"{_GRID} --method cd -k 2",
        f"{_EBM} --model dtm --side 6 --batches 2 --steps 2 -k 2",
        f"{_EBM} --model dtm --grid layers --side 6 --batches 2 --steps 2 -k 2",
    ),
    "logic": (
        f"{_LOGIC} --gates 60",
        f"{_LOGIC} --gates 60 --parametrisation gates -k 4",
        f"{_LOGIC} --gates 60 --forward soft -k 4",
        f"{_LOGIC} --gates 60 --forward gumbel -k 4",
        f"{_LOGIC} --gates 60 --estimator reste",
        f"{_LOGIC} --gates 60 --wiring fixed",
        f"{_LOGIC} --gates 60 -k 3 --tau adaptive --encoding image-quantile --threshold 0.5",
        "train logic --data mnist --data-dir . --gates 100 --epochs 3 -o m.safetensors",
        "train logic --data mnist --data-dir . --gates 100 --gates 50 --epochs 2 -o m.safetensors",
        "train logic --data mnist --data-dir . --gates 100 --epochs 1 "
        "--encoding image-quantile --threshold 0.5 -o m.safetensors",
        f"{_TWO} -k 4",
        f"{_TWO} -k 4 --forward soft --parametrisation gates",
        f"{_TWO} -k 4 --forward gumbel",
        f"{_TWO} --wiring fixed --forward soft",
    ),
    "eqprop": (
        f"{_EQPROP} --hidden 6",
        f"{_EQPROP} --hidden 6 --hidden 5",
        f"{_EQPROP} --hidden 6 --hidden 5 --hidden 4",
        f"{_EQPROP} --hidden 6 --rule field --angle 30 --homeostasis 1",
        f"{_EQPROP} --hidden 6 --state-noise 0.03 --replicas 2 --replica-coupling 1",
        f"{_EQPROP} --hidden 6 --mismatch 0.3 --asymmetry 0.3 --read-noise 0.01",
        f"{_EQPROP} --hidden 6 --update multiplicative --init log-normal",
        f"{_EQPROP} --hidden 6 --read-bits 8 --weight-bits 6",
        f"{_EQPROP} --hidden 6 --estimator spsa --perturbation 0.01 --directions 2",
        f"{_EQPROP} --hidden 6 --estimator coupled-centred",
        f"{_EQPROP} --hidden 6 --network resistive",
        f"{_EQPROP} --hidden 6 --hidden 5 --network resistive",
        f"{_EQPROP} --hidden 6 --network oscillator",
        f"{_EQPROP} --hidden 6 --hidden 5 --network oscillator",
        f"{_EQPROP} --hidden 6 --network oscillator --state-noise 0.02 --mismatch 0.2",
    ),
}
"""Commands by family of kernels; each family is compiled by a process of its own."""


def run_family(name: str) -> int:
    """Run the commands of a family; returns how many functions were compiled.

    Raises RuntimeError naming a command that failed, and what it said.
    """
    from numba.core import event

    from thermo.cli.main import main

    commands = FAMILIES[name]
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="thermoc-warm-") as folder:
        write_inputs(Path(folder), commands)
        os.chdir(folder)
        try:
            with event.install_recorder("numba:compile") as found, compiled():
                for command in commands:
                    said = io.StringIO()
                    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                        code = main(shlex.split(command))
                    if code:
                        raise RuntimeError(f"thermoc {command}: {said.getvalue().strip()[-500:]}")
        finally:
            os.chdir(before)
    return sum(e.is_start for _, e in found.buffer)
