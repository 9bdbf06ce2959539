"""Machines trained by trajectory likelihood, by what their teacher's outputs are.

    python benchmarks/teacher_outputs.py [--data mnist] [--seed 0] [--threads N]

One teacher; least-squares students of its class probabilities and of its logistic outputs, at several gains
and drives. Each decides the validation images once, one noisy trajectory a decision: the truth is its largest
answer, or one of its two largest. Heat in kT.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from thermo.data import load_dataset
from thermo.training.langevin.mlp import train_mlp
from thermo.training.langevin.onsager_machlup import train_onsager_machlup
from thermo.training.langevin.presets import likelihood_preset
from thermo.training.langevin.quick import run_machine

SETTINGS = (
    ("softmax", 1.0, 400.0),
    ("softmax", 1.0, 700.0),
    ("softmax", 0.25, 400.0),
    ("logistic", 1.0, 400.0),
    ("logistic", 0.5, 400.0),
    ("logistic", 0.2, 400.0),
    ("logistic", 0.1, 400.0),
    ("logistic", 0.2, 700.0),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()
    data = load_dataset(arguments.data)
    base = replace(likelihood_preset(data), seed=arguments.seed)
    teacher = train_mlp(data, base.hidden, epochs=base.teacher_epochs, seed=base.seed).model
    print(f"{'outputs':<10}{'gain':>6}{'drives':>8}{'top-1 %':>9}{'top-2 %':>9}{'heat kT':>10}")
    for answers, gain, drive in SETTINGS:
        config = replace(base, answers=answers, answer_gain=gain, drive_hidden=drive, drive_out=drive)
        machine = train_onsager_machlup(data, config, teacher=teacher, threads=arguments.threads).model
        found, heat = run_machine(machine, data.x_valid, seed=arguments.seed)
        largest = np.argsort(-found, axis=1)[:, :2] == data.y_valid[:, None]
        one, two = 100 * largest[:, 0].mean(), 100 * largest.any(axis=1).mean()
        kT = heat.mean() / config.kT
        print(f"{answers:<10}{gain:>6g}{drive:>8g}{one:>9.2f}{two:>9.2f}{kT:>10,.0f}", flush=True)


if __name__ == "__main__":
    main()
