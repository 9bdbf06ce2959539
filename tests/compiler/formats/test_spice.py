"""Decks as text: what stands in them, what is refused. Running them: tests/thermo/test_ngspice.py."""

import re
from dataclasses import replace

import numpy as np
import pytest
from toys.spice import RAMPED, cells_alone, random_net

from compiler import DeckOptions, UnsupportedError, export
from compiler.families.gaussian import gaussian, lower_gaussian
from compiler.formats.spice.deck import make_deck
from compiler.formats.spice.noise import interpolation_loss
from compiler.formats.spice.signals import wave
from compiler.ir.langevin import Activation, CellKind, CouplingKind, LangevinNetlist, Phase
from hw_models.presets import DEVICES


def test_powers_are_products_and_couplings_are_elements():
    """V(x)^3 is |V(x)|^3 to ngspice, and B sources of long sums are slow and too long."""
    net = random_net(n=6, kT=1.0)
    text = make_deck(net).text
    assert "^" not in text and "**" not in text
    assert "V(x)*V(x)*V(x)" in text
    assert len(re.findall(r"^G\d+_\d+ 0 x\d+ [xu]\d+ 0 ", text, re.M)) == net.n_couplings


def test_a_deck_names_its_units():
    net = random_net(kT=1.0)
    plain, physical = make_deck(net), make_deck(net, DeckOptions(device=DEVICES.get("rc-1fF")))
    assert "dimensionless: a unit of x is 1 V" in plain.text
    units = DEVICES.get("rc-1fF").units(kT=1.0, mobility=1.3, j2=1.0)
    assert physical.scale.voltage == units.voltage and physical.scale.capacitance == 1e-15
    assert f"a unit of x is {units.voltage:.6g} V" in physical.text
    assert physical.end == pytest.approx(units.time)


@pytest.mark.parametrize(
    ("columns", "cells", "engineered"),
    [
        ({"j2": 1.0}, "force", ()),
        ({"j2": 1.0, "j4": 1.0}, "force", ("quartic",)),
        ({"j2": -1.0, "j4": 1.0}, "force", ("double_well",)),
        ({"j2": -1.0, "j4": 1.0}, "reactive", ()),
        ({"j2": np.array([1.0, 1.0, 2.0])}, "force", ("harmonic",)),
    ],
)
def test_noise_that_is_no_resistors_is_called_engineered(columns, cells, engineered):
    deck = make_deck(cells_alone(3, **columns), DeckOptions(cells=cells))
    assert deck.engineered == engineered
    assert ("ENGINEERED NOISE" in deck.text) == bool(engineered)


def test_tables_of_noise_are_their_seeds():
    net = cells_alone(2, j2=1.0)
    one, again, other = (make_deck(net, DeckOptions(noise="tables", seed=s)).text for s in (3, 3, 4))
    assert one == again != other


def test_waves_keep_what_changes():
    assert wave([(1.0, 1.0), (1.0, 1.0)], [0.0, 1.0, 2.0]) == "DC 1"
    told = wave([(0.0, 1.0), (0.5, 0.5), (0.5, 0.5), (0.0, 0.0)], [0.0, 1.0, 2.0, 4.0, 5.0])
    assert told == "PWL(0 0 1 1 1.000001 0.5 4 0.5 4.000001 0 5 0)"


def test_interpolation_takes_away_what_is_put_back():
    """Joined samples through an exact linear cell, against the formula; uncorrected they fail."""
    rng = np.random.default_rng(1)
    h, n, cells = 0.5, 400, 4000
    normals = rng.standard_normal((n + 1, cells)) * np.sqrt(2.0 / h)
    a = np.exp(-h)
    c1, c0 = 1 - (1 - a) / h, (1 - a) / h - a
    x = np.zeros(cells)
    for k in range(n):
        x = a * x + c0 * normals[k] + c1 * normals[k + 1]
    bar = 4 * np.sqrt(2.0 / cells)
    assert abs(x.var() / interpolation_loss(h) - 1.0) < bar
    assert abs(x.var() - 1.0) > bar
    assert interpolation_loss(np.array([0.0, 1e-4])) == pytest.approx([1.0, 1.0 - 5e-5], abs=1e-7)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"cells": {"kind": CellKind.PBIT, "j4": 0.0}}, "is a p-bit"),
        ({"schedule": (Phase("run", 1.0, nudge=0.1),)}, "nudges the outputs"),
        ({"options": {"cells": "magic"}}, "cells must be one of force, reactive"),
        ({"options": {"noise_step": -1.0}}, "noise step must be a time above 0"),
        ({"options": {"seed": 0}}, "seed must be at least 1"),
        ({"options": {"kT": -1.0}}, "kT must be a finite number"),
        ({"options": {"inputs": np.zeros(5)}}, "2 input cells"),
        ({"options": {"observe": (2.0,)}}, "observation times must lie in"),
        ({"options": {"cells": "reactive"}, "cells": {"lo": -1.0}}, "has an interval"),
        (
            {"kind": CouplingKind.GRADIENT, "activation": Activation.RELU},
            "gradient couplings, whose force jumps at the kink",
        ),
        ({"kind": CouplingKind.SINE, "options": {"device": DEVICES.get("rc-1fF")}}, "is an angle"),
    ],
)
def test_what_no_circuit_expresses_is_refused(change, why):
    made = {k: v for k, v in change.items() if k in ("kind", "activation")}
    net = random_net(**made)
    if "cells" in change:
        columns = {
            k: np.full(len(net.cells), v, dtype=getattr(net.cells, k).dtype)
            for k, v in change["cells"].items()
        }
        net = net.with_(cells=replace(net.cells, **columns), couplings=())
    if "schedule" in change:
        net = net.with_(schedule=change["schedule"])
    with pytest.raises(UnsupportedError, match=why):
        make_deck(net, DeckOptions(**change.get("options", {})))


def test_export_writes_decks_of_langevin_cells_only(tmp_path):
    net: LangevinNetlist = lower_gaussian(gaussian(np.eye(2), np.zeros(2), kT=1.0))
    export(net, "spice", tmp_path / "a.cir")
    assert (tmp_path / "a.cir").read_text() == make_deck(net).text
    with pytest.raises(UnsupportedError, match="only a netlist of p-bits"):
        export(net, "rudy", tmp_path / "a.txt", DeckOptions())


def test_ramps_are_piecewise_linear_sources():
    text = make_deck(random_net(schedule=RAMPED)).text
    assert "Vscale scale 0 PWL(0 0 0.5 1 1 0.5)" in text
    assert "Vwell well 0 PWL(" in text
