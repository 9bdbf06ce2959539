"""Networks that several devices train together: those of one, but for the rounding of sums."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TRAINED = """
import sys
import jax, numpy as np
from thermo.data import load_dataset
from thermo.training.eqprop.config import Conv, EqpropConfig
from thermo.training.eqprop.jax_train import LayersTrainer
from thermo.training.tiles import Tiles
devices = int(sys.argv[1])
assert len(jax.devices()) == devices
sizes = dict(hidden=(Conv(4, 3, 2), 16), batch=100, sweeps_free=60, sweeps_nudged=15)
config = EqpropConfig(engine="jax", epochs=1, seed=int(sys.argv[3]), **sizes)
trainer = LayersTrainer(load_dataset("digits"), config)
with Tiles(1) as tiles:
    trainer.run_epoch(tiles)
assert len(trainer.images.sharding.device_set) == devices
p = trainer.tree()[0]
np.savez(sys.argv[2], *[np.asarray(w) for w in p.w])
"""


@pytest.mark.slow
def test_two_devices_train_the_network_of_one(tmp_path):
    """Devices that the processor plays; the twin is another seed."""
    root = Path(__file__).resolve().parents[4]
    found = {}
    for devices, seed in ((1, 0), (2, 0), (1, 1)):
        environment = os.environ | {
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
            "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": str(root),
        }
        path = tmp_path / f"{devices}{seed}.npz"
        command = [sys.executable, "-c", TRAINED, str(devices), str(path), str(seed)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        found[devices, seed] = list(np.load(path).values())
    for one, two, other in zip(found[1, 0], found[2, 0], found[1, 1], strict=True):
        assert np.abs(two - one).max() < 1e-5 * np.abs(one).max()
        assert np.abs(other - one).max() > 1e-2 * np.abs(one).max()
