"""thermoc train eqprop: a network that learns by relaxing."""

from __future__ import annotations

from pathlib import Path

from compiler.files import check_writable
from hw_models.weights import WEIGHT_MEMORIES
from thermo.cli.datasets import told_dataset
from thermo.cli.flags import AS_JSON, CHECKPOINT, DATA_DIR, LOG, SEED, THREADS, Given, with_flags
from thermo.cli.train.eqprop_runs import NETWORKS, Request, kind_of, run
from thermo.cli.train.saving import checkpoint_of
from thermo.common_options import INPUT_BITS, OUTPUT_BITS
from thermo.options import Option
from thermo.simulate.threads import check_threads
from thermo.training.eqprop.estimators import CIRCULAR, ESTIMATORS
from thermo.training.regimes import AT, REGIME

SETTINGS = (
    Option("points", "--points", int, None, "Nudges on the circle (holomorphic, JAX).", min=1),
    Option("activation", "--activation", str, None, "hard-sigmoid, sigmoid, shifted-sigmoid, tanh (JAX)."),
    Option("channels", "--channels", list[int], None, "Of each convolution; may be repeated.", min=1),
    Option(
        "feedback", "--feedback", float, None, "Share of the weights that drives layers below (convolutions)."
    ),
    Option(
        "residual",
        "--residual",
        bool,
        False,
        "Couplings across a layer between convolutions, by kernels too.",
    ),
    Option("gain", "--gain", float, None, "Volts of a resistive network's sources."),
    Option("hidden", "--hidden", list[int], None, "Hidden layers; may be repeated.", min=1),
    Option("epochs", "--epochs", int, None, "", min=1),
    Option("beta", "--beta", float, None, "Strength of the nudge."),
    Option(
        "estimator",
        "--estimator",
        str,
        None,
        f"One of {', '.join(ESTIMATORS)}; by JAX also {' and '.join(CIRCULAR)}.",
    ),
    Option("rate", "--rate", list[float], None, "Learning rate; repeated: of each layer from the inputs up."),
    Option("update", "--update", str, None, "additive, or multiplicative: no coupling changes sign."),
    Option("init", "--init", str, None, "Starting couplings, uniform or log-normal."),
    Option("perturbation", "--perturbation", float, None, "Change of couplings (spsa, ...)."),
    Option("directions", "--directions", int, None, "Changes an update averages over.", min=1),
    Option("rule", "--rule", str, None, "energy (one weight both ways) or field (two)."),
    Option("angle", "--angle", float, None, "Start: degrees between the two ways (rule field)."),
    Option("homeostasis", "--homeostasis", float, None, "Factor on the homeostatic loss.", min=0),
    Option(
        "homeostasis_draws",
        "--homeostasis-draws",
        int,
        None,
        "Random vectors an update that estimate it; 0: its expectation.",
        min=0,
    ),
    Option("persistent", "--persistent", bool, False, "Free phases start where the last epoch's ended."),
    Option("augment", "--augment/--no-augment", bool, True, "Warp images anew in every epoch."),
    Option("mismatch", "--mismatch", float, 0.0, "Relative spread of every directed coupling."),
    Option("asymmetry", "--asymmetry", float, 0.0, "Relative spread of W_ij against W_ji."),
    Option("weight_bits", "--weight-bits", int, None, "Resolution of written couplings."),
    Option("bias_mismatch", "--bias-mismatch", float, 0.0, "Relative spread of every bias."),
    Option("state_noise", "--state-noise", float, None, "Noise of every unit at every update.", min=0),
    Option("read_noise", "--read-noise", float, None, "Noise of the states that are read.", min=0),
    Option("read_bits", "--read-bits", int, None, "Resolution of the states that are read."),
    Option("flipped", "--flipped", float, None, "Share of couplings updated backwards.", min=0, max=1),
    Option("replicas", "--replicas", int, None, "Copies of the machine, averaged.", min=1),
    Option(
        "replica_coupling",
        "--replica-coupling",
        float,
        None,
        "Spring of each unit to its copies' mean.",
        min=0,
    ),
    Option("device_seed", "--device-seed", int, None, "Which device is drawn.", min=0),
    REGIME,
    Option(
        "device", "--device", str, None, "Preset of hardware, `thermoc presets` lists them, or a file.toml."
    ),
    AT,
    Option("couplings", "--couplings", str, None, "What the device's are made of (none: its own)."),
    INPUT_BITS,
    OUTPUT_BITS,
    Option(
        "weight_memory", "--weight-memory", str, None, f"Priced writes: {', '.join(WEIGHT_MEMORIES.names())}."
    ),
    Option("diagnose", "--diagnose", bool, False, "Gradients against implicit ones; the Cauchy radius."),
)
"""What the kinds of networks take, each its own."""

RUN = (
    Option("out", "--out", Path, ..., "Model to write (.safetensors).", short="-o"),
    Option("data", "--data", str, "digits", "Data set; see `thermoc data`."),
    DATA_DIR,
    Option("network", "--network", str, "hopfield", f"Kind of network: {', '.join(NETWORKS)}."),
    Option(
        "backend",
        "--backend",
        str,
        "numba",
        "numba, or jax: also complex nudges, and convolutions (always by JAX).",
    ),
    CHECKPOINT,
    LOG,
    SEED,
    THREADS,
    AS_JSON,
)


@with_flags(*RUN[:5], *SETTINGS, *RUN[5:])
def eqprop(given: Given) -> None:
    """Train a layered network by equilibrium propagation, on a perfect or an imperfect device.

    Defaults are the settings tuned for the data set. With a device, updates come from its states
    and go to its programmed couplings; the model holds the programmed ones. --regime says whether
    that is one device, another every batch or none; the test is always on --device-seed. What
    training would cost in hardware is listed by place, on the presets --device and --weight-memory.

    Example: thermoc train eqprop --data mnist -o mnist.safetensors

    Example: thermoc train eqprop --data digits --estimator spsa -o spsa.safetensors

    Example: thermoc train eqprop --data digits --device pcm-crossbar --regime aware -o aware.safetensors

    Example: thermoc train eqprop --network convolutional --data digits -o conv.safetensors
    """
    out = given["out"]
    check_writable(out)
    checkpoint_of(given["checkpoint"], out)
    check_threads(given["threads"])
    asked = {option.key: given[option.key] for option in SETTINGS if option.is_given(given[option.key])}
    if asked.pop("augment", True) is False:
        asked["no_augment"] = True
    kind = kind_of(given["network"], given["backend"], asked)
    dataset = told_dataset(given["data"], given["data_dir"])
    run(
        kind,
        Request(
            out,
            dataset,
            asked,
            given["seed"],
            given["checkpoint"],
            given["threads"],
            given["json"],
            given["log"],
        ),
    )
