"""What every study sends to workers survives the way, and nothing is sent that a file holds."""

import pickle
from concurrent.futures import Executor
from importlib import import_module

import numpy as np
import pytest

from compiler.families.langevin import LangevinMachine, lower_langevin
from compiler.ir.container import save
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import ClassSums, make_gates
from hw_models.presets import DEVICES
from thermo.data import load_dataset
from thermo.studies import STUDIES
from thermo.studies.executors import WHERE
from thermo.studies.robustness import robustness

WHOLE = {"generative", "images"}  # one training each


class Sent(Exception):
    """The first job was looked at."""


class Sending(Executor):
    """Looks at the first job as a worker would get it, and ends there."""

    def submit(self, fn, /, job, *more):
        data = pickle.dumps((fn, job, *more))
        _, got, *_ = pickle.loads(data)
        assert len(data) < 20_000 and got.threads == 1
        assert pickle.dumps(got.common.get()) and got.name == job.name
        assert pickle.dumps(got.point) == pickle.dumps(job.point)
        raise Sent


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("nets"), np.random.default_rng(3)
    machine = LangevinMachine(
        w_in=rng.normal(size=(12, 64)),
        coupling=np.zeros((12, 12)),
        bias=rng.normal(size=12),
        j2=np.ones(12),
        j3=np.zeros(12),
        j4=np.ones(12),
        x0=np.zeros(12),
        n_out=10,
        input_shift=np.array([0.3]),
        input_scale=np.array([0.1]),
        readout_scale=np.ones(10),
        readout_offset=np.zeros(10),
        labels=tuple(str(k) for k in range(10)),
    )
    gates = make_gates(
        [f"x{k}" for k in range(64)],
        [3] * 10,
        list(range(10)),
        [-1] * 10,
        {},
        class_sums=ClassSums(np.arange(64, 74, dtype=np.int32), np.arange(11), 3.0, ()),
        encoder=Thermometer(64, np.arange(64, dtype=np.int32), np.full(64, 0.5)),
    )
    nets = {"machine": lower_langevin(machine), "gates": gates}
    for name, net in nets.items():
        save(net, folder / f"{name}.tnl")
    return folder, nets


def test_studies_of_points_say_where_they_run():
    for name, place in STUDIES.items():
        module, entry = place.split(":")
        study = getattr(import_module(module), entry)
        assert all(o in study.options for o in WHERE) == (name not in WHOLE), name


@pytest.mark.parametrize("name", sorted(set(STUDIES) - WHOLE))
def test_what_a_study_sends(name, files, tmp_path):
    folder, _ = files
    module, entry = STUDIES[name].split(":")
    study = getattr(import_module(module), entry)
    given = {"dataset": load_dataset("digits")} if any(o.name == "dataset" for o in study.options) else {}
    given |= {
        "devices": {"nets": [folder / "machine.tnl"], "device": "pcm-crossbar", "mismatch": 0.1},
        "eqprop-temperature": {"model": folder / "machine.tnl"},
        "faults": {"net": folder / "gates.tnl"},
    }.get(name, {})
    with pytest.raises(Sent):
        study.run(tmp_path, executor=Sending(), **given)
    assert not list(tmp_path.glob(".*"))


def test_what_a_report_sends(files, tmp_path):
    for netlist in files[1].values():
        with pytest.raises(Sent):
            robustness(
                "n",
                netlist,
                load_dataset("digits"),
                DEVICES.get("rc-1fF"),
                folder=tmp_path,
                executor=Sending(),
            )
