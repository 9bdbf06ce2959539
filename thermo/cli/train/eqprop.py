"""thermoc train eqprop: a network that learns by relaxing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compiler.files import check_writable
from hw_models.weights import WEIGHT_MEMORIES
from thermo.cli.options import (
    AsJson,
    Asymmetry,
    BiasMismatch,
    Checkpoint,
    DataDir,
    Device,
    Mismatch,
    Seed,
    Threads,
)
from thermo.cli.train.eqprop_networks import NETWORKS, Request, kind_of, trainer_of
from thermo.data import load_dataset
from thermo.simulate.threads import check_threads
from thermo.training.eqprop.estimators import CIRCULAR, ESTIMATORS


def eqprop(
    out: Annotated[Path, typer.Option("-o", "--out", help="Model to write (.safetensors).")],
    data: Annotated[str, typer.Option("--data", help="Data set; see `thermoc data`.")] = "digits",
    data_dir: DataDir = None,
    network: Annotated[
        str, typer.Option("--network", help=f"Kind of network: {', '.join(NETWORKS)}.")
    ] = "hopfield",
    backend: Annotated[
        str,
        typer.Option(
            "--backend", help="numba, or jax: also complex nudges, and convolutions (always by JAX)."
        ),
    ] = "numba",
    points: Annotated[
        int | None, typer.Option("--points", min=1, help="Nudges on the circle (holomorphic, JAX).")
    ] = None,
    activation: Annotated[
        str | None, typer.Option("--activation", help="hard-sigmoid, sigmoid, shifted-sigmoid, tanh (JAX).")
    ] = None,
    channels: Annotated[
        list[int] | None, typer.Option("--channels", min=1, help="Of each convolution; may be repeated.")
    ] = None,
    gain: Annotated[
        float | None, typer.Option("--gain", help="Volts of a resistive network's sources.")
    ] = None,
    hidden: Annotated[
        list[int] | None, typer.Option("--hidden", min=1, help="Hidden layers; may be repeated.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1)] = None,
    beta: Annotated[float | None, typer.Option("--beta", help="Strength of the nudge.")] = None,
    estimator: Annotated[
        str | None,
        typer.Option(
            "--estimator", help=f"One of {', '.join(ESTIMATORS)}; by JAX also {' and '.join(CIRCULAR)}."
        ),
    ] = None,
    rate: Annotated[
        list[float] | None,
        typer.Option("--rate", help="Learning rate; repeated: of each layer from the inputs up."),
    ] = None,
    update: Annotated[
        str | None, typer.Option("--update", help="additive, or multiplicative: no coupling changes sign.")
    ] = None,
    init: Annotated[
        str | None, typer.Option("--init", help="Starting couplings, uniform or log-normal.")
    ] = None,
    perturbation: Annotated[
        float | None, typer.Option("--perturbation", help="Change of couplings (spsa, ...).")
    ] = None,
    directions: Annotated[
        int | None, typer.Option("--directions", min=1, help="Changes an update averages over.")
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", help="energy (one weight both ways) or field (two).")
    ] = None,
    angle: Annotated[
        float | None, typer.Option("--angle", help="Start: degrees between the two ways (rule field).")
    ] = None,
    homeostasis: Annotated[
        float | None, typer.Option("--homeostasis", min=0, help="Factor on the homeostatic loss.")
    ] = None,
    persistent: Annotated[
        bool, typer.Option("--persistent", help="Free phases start where the last epoch's ended.")
    ] = False,
    augment: Annotated[
        bool, typer.Option("--augment/--no-augment", help="Warp images anew in every epoch.")
    ] = True,
    mismatch: Mismatch = 0.0,
    asymmetry: Asymmetry = 0.0,
    weight_bits: Annotated[
        int | None, typer.Option("--weight-bits", help="Resolution of written couplings.")
    ] = None,
    bias_mismatch: BiasMismatch = 0.0,
    state_noise: Annotated[
        float | None, typer.Option("--state-noise", min=0, help="Noise of every unit at every update.")
    ] = None,
    read_noise: Annotated[
        float | None, typer.Option("--read-noise", min=0, help="Noise of the states that are read.")
    ] = None,
    read_bits: Annotated[
        int | None, typer.Option("--read-bits", help="Resolution of the states that are read.")
    ] = None,
    flipped: Annotated[
        float | None, typer.Option("--flipped", min=0, max=1, help="Share of couplings updated backwards.")
    ] = None,
    replicas: Annotated[
        int | None, typer.Option("--replicas", min=1, help="Copies of the machine, averaged.")
    ] = None,
    replica_coupling: Annotated[
        float | None,
        typer.Option("--replica-coupling", min=0, help="Spring of each unit to its copies' mean."),
    ] = None,
    device_seed: Annotated[
        int | None, typer.Option("--device-seed", min=0, help="Which device is drawn.")
    ] = None,
    device: Device = None,
    weight_memory: Annotated[
        str | None,
        typer.Option("--weight-memory", help=f"Priced writes: {', '.join(WEIGHT_MEMORIES.names())}."),
    ] = None,
    diagnosis: Annotated[
        bool, typer.Option("--diagnose", help="Gradients against implicit ones; the Cauchy radius.")
    ] = False,
    checkpoint: Checkpoint = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Train a layered network by equilibrium propagation, on a perfect or an imperfect device.

    Defaults are the settings tuned for the data set. With a device, updates come from its states
    and go to its programmed couplings; the model holds the programmed ones. What training would
    cost in hardware is listed by place, on the presets --device and --weight-memory.

    Example: thermoc train eqprop --data mnist -o mnist.safetensors

    Example: thermoc train eqprop --data digits --estimator spsa -o spsa.safetensors

    Example: thermoc train eqprop --network convolutional --data digits -o conv.safetensors
    """
    check_writable(out)
    check_threads(threads)
    asked = {
        "hidden": hidden or None,
        "epochs": epochs,
        "beta": beta,
        "estimator": estimator,
        "rate": rate or None,
        "update": update,
        "init": init,
        "perturbation": perturbation,
        "directions": directions,
        "replicas": replicas,
        "replica_coupling": replica_coupling,
        "gain": gain,
        "rule": rule,
        "angle": angle,
        "homeostasis": homeostasis,
        "persistent": persistent or None,
        "no_augment": None if augment else True,
        "mismatch": mismatch or None,
        "asymmetry": asymmetry or None,
        "weight_bits": weight_bits,
        "bias_mismatch": bias_mismatch or None,
        "state_noise": state_noise,
        "read_noise": read_noise,
        "read_bits": read_bits,
        "flipped": flipped,
        "device_seed": device_seed,
        "diagnose": diagnosis or None,
        "device": device,
        "weight_memory": weight_memory,
        "points": points,
        "activation": activation,
        "channels": channels or None,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    train = trainer_of(kind_of(network, backend), given)
    train(Request(out, load_dataset(data, data_dir), given, seed, checkpoint, threads, as_json))
