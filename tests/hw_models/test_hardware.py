"""Constants, sources, registries, the RC unit map and the formulas from counts to joules."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest

from compiler.ir.langevin import Activation, CellKind, CouplingKind
from hw_models import digital
from hw_models.constants import K_B, landauer, thermal_energy
from hw_models.device import conversion_time, periphery
from hw_models.errors import HardwareError
from hw_models.presets import DEVICES
from hw_models.rc import RCDevice
from hw_models.registry import Registry
from hw_models.source import KINDS, Quantity, Source
from hw_models.targets import TARGETS, Target

ASSUMED = Source("assumed", "a test")
VOLTS = {"input_volts": 0.1, "output_volts": 0.2}


def device(**figures):
    """rc-1fF with other figures: C = 2 fF, R = 3 Mohm, 300 K unless told."""
    values = {"capacitance": 2e-15, "resistance": 3e6, "ambient": 300.0} | figures
    base = DEVICES.get("rc-1fF")
    changed = {k: Quantity(v, getattr(base, k).unit, ASSUMED) for k, v in values.items()}
    return replace(base, **changed)


def test_constants_by_hand():
    assert K_B == 1.380649e-23
    assert thermal_energy(300.0) == pytest.approx(4.142e-21, rel=1e-4)
    assert landauer(300.0) == pytest.approx(2.871e-21, rel=1e-4)
    assert thermal_energy(77.0) == pytest.approx(1.0631e-21, rel=1e-4)
    # the published estimate: 1e5 kT is 4.1e-16 J
    assert 1e5 * thermal_energy() == pytest.approx(4.14e-16, rel=1e-3)


def test_digital_formulas_by_hand():
    teacher = (784, 32, 32, 10)
    fp32, int8 = digital.network_energy(teacher, "fp32"), digital.network_energy(teacher)
    assert fp32.macs == int8.macs == 26_432
    assert fp32.arithmetic == pytest.approx(26_432 * 4.6e-12)
    assert fp32.arithmetic == pytest.approx(1.22e-7, rel=5e-3)
    assert int8.arithmetic == pytest.approx(26_432 * digital.INT8_MAC.value)
    # 26,432 bytes: 3,304 reads of 64 bits
    each = digital.NODE_45NM.sram_fixed.value + digital.NODE_45NM.sram_slope.value * 26_432**0.5
    assert int8.weight_memory == pytest.approx(3304 * each)
    assert int8.total == int8.arithmetic + int8.weight_memory
    linear = digital.network_energy((784, 10))
    assert linear.macs == 7840
    assert linear.arithmetic == pytest.approx(1.80e-9, rel=2e-3)
    assert linear.weight_memory == pytest.approx(980 * 10e-12, rel=0.03)  # 7,840 bytes, 8 kB are 10 pJ


def test_ternary_and_binary_weights_only_add():
    values = {name: f.value for name, f in digital.NODE_7NM.figures().items()}
    assert digital.mac_energy(values, "int8") == pytest.approx(0.077e-12)
    assert digital.mac_energy(values, "ternary") == pytest.approx(0.007e-12)
    assert digital.mac_energy(values, "int4") == pytest.approx(0.042e-12)
    assert digital.mac_energy(values, "powers") == digital.mac_energy(values, "ternary")
    # an activation of one bit: an eighth of the sum, and of the product
    assert digital.mac_energy(values, "binary", 1) == pytest.approx(0.007e-12 / 8)
    assert digital.mac_energy(values, "int8", 1) == pytest.approx(0.077e-12 / 8)
    int8, ternary, binary = (digital.network_energy((64, 10), p) for p in ("int8", "ternary", "binary"))
    assert int8.total > ternary.total > binary.total
    assert ternary.arithmetic == binary.arithmetic  # both add 640 activations


@pytest.mark.parametrize(
    ("node", "points"), [(digital.NODE_45NM, digital.SRAM_45NM), (digital.NODE_7NM, digital.SRAM_7NM)]
)
def test_memories_follow_a_law_without_steps(node, points):
    """Within 5 % of every tabulated memory, and smooth between them."""
    values = {name: figure.value for name, figure in node.figures().items()}

    def read(n_bytes):  # J / 64 bit
        return digital.storage_cost(values, "sram", 8 * n_bytes).read / (n_bytes / 8)

    for n_bytes, tabulated in points:
        assert read(n_bytes) == pytest.approx(tabulated.value, rel=0.05)
        assert read(n_bytes + 1) == pytest.approx(read(n_bytes), rel=1e-3)
    sizes = np.geomspace(64, 1 << 22, 50)
    assert (np.diff([read(n) for n in sizes]) > 0).all()


def test_the_fit_is_exact_for_two_memories_and_as_weak_as_the_weakest():
    firm, weak = Source("paper", "one"), Source("memory", "other")
    points = ((10_000, Quantity(3.0, "J", firm)), (40_000, Quantity(5.0, "J", weak)))
    fixed, slope = digital.fit_memory(points)
    assert (fixed.value, slope.value) == (pytest.approx(1.0), pytest.approx(0.02))
    assert fixed.source.kind == slope.source.kind == "memory"


def test_storage_by_hand():
    values = {name: figure.value for name, figure in digital.NODE_45NM.figures().items()}
    bits = 64 * 1000
    assert digital.storage_cost(values, "wired", bits) == digital.StorageCost(0, 0, 0)
    registers = digital.storage_cost(values, "registers", bits)
    assert registers.read == 0 and registers.leakage == pytest.approx(bits * 79.11e-9)
    assert registers.area == pytest.approx(bits * 4.522e-12)
    dram = digital.storage_cost(values, "off-chip", bits)
    assert dram.read == pytest.approx(1000 * 1300e-12) and dram.area == 0
    assert digital.storage_cost(values, "sram", bits).read < 0.02 * dram.read
    assert digital.storage_cost(values, "sram", 0) == digital.StorageCost(0, 0, 0)


def test_digital_designs_are_checked():
    with pytest.raises(HardwareError, match="precision 'int3' is unknown; choose one of fp32, int8, int4"):
        digital.network_energy((4, 2), "int3")
    with pytest.raises(
        HardwareError, match="storage 'tape' is unknown; choose one of wired, registers, sram"
    ):
        digital.network_energy((4, 2), storage="tape")
    for sizes in ((4,), (4, 0)):
        with pytest.raises(HardwareError, match="two or more numbers >= 1"):
            digital.network_energy(sizes)


def test_units_by_hand():
    """kT = 1, J2 = 1, mobility 1: E0 = k_B T, v0 = sqrt(2 k_B T / C), t0 = 2 R C."""
    u = device().units(kT=1.0, mobility=1.0, j2=1.0)
    assert u.energy == pytest.approx(4.141947e-21)
    assert u.voltage == pytest.approx(2.035177e-3, rel=1e-6)
    assert u.time == pytest.approx(12e-9)
    assert u.conductance == pytest.approx(1 / 6e6)
    assert u.kT == pytest.approx(1.0)
    # kT = 0.1, J2 = 0.5, mobility 2: E0 = 10 k_B T, v0^2 = 10 k_B T / C, t0 = 2 R C
    u = device().units(kT=0.1, mobility=2.0, j2=0.5)
    assert u.energy == pytest.approx(4.141947e-20)
    assert u.voltage == pytest.approx(4.550795e-3, rel=1e-6)
    assert u.time == pytest.approx(12e-9)
    assert u.conductance == pytest.approx(1 / 3e6)


@pytest.mark.parametrize("kT", [1.0, 0.1])
@pytest.mark.parametrize("j2", [0.5, 1.0, 3.0])
def test_units_keep_the_physics(kT, j2):
    """Equipartition k_B T / C, relaxation RC and the current of a coupling, in volts."""
    d, mobility, w = device(), 1.7, 2.3
    u = d.units(kT=kT, mobility=mobility, j2=j2)
    c, r = d.capacitance.value, d.resistance.value
    assert kT / (2 * j2) * u.voltage**2 == pytest.approx(K_B * 300.0 / c)
    assert u.time / (mobility * 2 * j2) == pytest.approx(r * c)
    # C dV/dt = G V_j  against  dx/dt = mobility W x_j
    assert w * u.conductance / c == pytest.approx(mobility * w / u.time)
    assert j2 * u.joules(1.0) == pytest.approx(c * u.volts(1.0) ** 2 / 2)


@pytest.mark.parametrize("kT", [1.0, 0.1])
def test_units_round_trip(kT):
    d = device()
    u = d.units(kT=kT, mobility=1.7, j2=0.8)
    back = d.dimensionless(voltage=u.voltage, time=u.time, j2=0.8)
    assert back == pytest.approx((kT, 1.7))
    assert u.state(u.volts(0.37)) == pytest.approx(0.37)
    assert u.seconds(0.2) == pytest.approx(0.2 * u.time)


def test_a_cold_machine_takes_the_device_s_swing_as_its_volt():
    d = device(swing=0.2)
    u = d.units(kT=0.0, mobility=1.0, j2=0.5)
    assert u.voltage == 0.2
    assert u.energy == pytest.approx(2e-15 * 0.04)  # C v0^2 / (2 J2)
    assert u.kT == pytest.approx(4.141947e-21 / 8e-17)
    assert d.dimensionless(voltage=0.2, time=u.time, j2=0.5)[0] == pytest.approx(u.kT)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(kT=-1.0, mobility=1.0, j2=1.0), "kT must be >= 0, got -1"),
        (dict(kT=math.nan, mobility=1.0, j2=1.0), "kT must be >= 0"),
        (dict(kT=1.0, mobility=1.0, j2=0.0), "needs J2 > 0 and mobility > 0"),
        (dict(kT=1.0, mobility=0.0, j2=1.0), "needs J2 > 0 and mobility > 0"),
    ],
)
def test_units_are_checked(options, message):
    with pytest.raises(HardwareError, match=message):
        device().units(**options)


@pytest.mark.parametrize("zero", ["voltage", "time", "j2"])
def test_the_way_back_is_checked(zero):
    options = dict(voltage=1e-3, time=1e-9, j2=1.0) | {zero: 0.0}
    with pytest.raises(HardwareError, match="voltage, time and J2 must be > 0"):
        device().dimensionless(**options)


@pytest.mark.parametrize(
    "name", [f.name for f in fields(RCDevice) if isinstance(getattr(DEVICES.get("rc-1fF"), f.name), Quantity)]
)
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_every_figure_of_a_device_is_checked(name, value):
    with pytest.raises(HardwareError, match=f"{name} must be >"):
        device(**{name: value})


def test_periphery_by_hand():
    base = DEVICES.get("rc-1fF")
    d = replace(
        device(clock_energy=1e-15, static_power=1e-9),
        input_converter=replace(base.input_converter, stated=Quantity(80e-15, "J", ASSUMED)),
        output_converter=replace(base.output_converter, stated=Quantity(2e-12, "J", ASSUMED)),
    )
    p = periphery(d, n_inputs=784, n_outputs=10, n_cells=74, n_phases=2, runs=3, seconds=5e-9, **VOLTS)
    assert p.input_drive == pytest.approx(62.72e-12)  # 784 * 8 * 10 fJ
    assert p.read_out == pytest.approx(60e-12)  # 10 outputs, 3 runs, 2 pJ
    assert p.clocking == pytest.approx(444e-15)  # 74 * 2 * 3 fJ
    assert p.idle == pytest.approx(74e-9 * 95e-9)  # 3 * 5 ns + 4 * 20 ns


@pytest.mark.parametrize(
    "change",
    [
        dict(n_inputs=-1),
        dict(n_outputs=-1),
        dict(n_cells=-1),
        dict(n_phases=-1),
        dict(runs=0),
        dict(seconds=-1.0),
        dict(seconds=math.nan),
    ],
)
def test_counts_are_checked(change):
    good = dict(n_inputs=1, n_outputs=1, n_cells=1, n_phases=1, runs=1, seconds=1.0) | VOLTS
    with pytest.raises(HardwareError, match="periphery"):
        periphery(device(), **(good | change))


def test_converters_of_a_device_are_paid_for_by_their_volts_and_their_line():
    """Inputs' lines cross the cells' columns; a run more is a read-out more; ideal ones are free."""
    d = DEVICES.get("rc-1fF")
    counts = dict(n_inputs=64, n_outputs=10, n_cells=74, n_phases=1, seconds=1e-9)
    p = periphery(d, runs=4, **counts, **VOLTS)
    assert p.input_drive == 64 * d.input_converter.energy(0.1, columns=74)
    assert p.read_out == 40 * d.output_converter.energy(0.2)
    assert conversion_time(d, 4) == pytest.approx(5 * 20e-9)
    ideal = replace(d, input_converter=None, output_converter=None)
    p = periphery(ideal, runs=4, **counts, **VOLTS)
    assert p.input_drive == p.read_out == conversion_time(ideal, 4) == 0
    assert p.clocking > 0


@pytest.mark.parametrize("name", DEVICES.names())
def test_every_preset_carries_its_sources(name):
    described = DEVICES.get(name).describe()
    assert described["name"] == name
    device = DEVICES.get(name)
    assert described["figures"].keys() == {**device.figures(), **device.imperfections.law_figures()}.keys()
    assert len(described["figures"]) > 7
    for figure in described["figures"].values():
        assert figure["kind"] in KINDS
        assert figure["ref"]
        assert figure["unit"]


def test_source_kinds_are_checked():
    with pytest.raises(HardwareError, match=r"source kind must be one of exact.*got 'guessed'"):
        Source("guessed", "nobody")
    told = Quantity(1.0, "J", Source("paper", "A", "table 2")).describe()
    ends = {"low": 0.8, "high": 1.25}
    assert told == {"value": 1.0, **ends, "unit": "J", "kind": "paper", "ref": "A, table 2"}


def test_a_source_names_its_reference():
    with pytest.raises(HardwareError, match="kind paper must name its reference"):
        Source("paper", "")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_coupling", 0.0),
        ("max_coupling", -1.0),
        ("max_coupling", math.inf),
        ("max_coupling", math.nan),
        ("bits", 1),
        ("bits", 8.0),
        ("max_degree", 0),
        ("max_cells", 0),
    ],
)
def test_limits_of_a_target_are_checked(field, value):
    with pytest.raises(HardwareError, match=f"target mine: {field} must be"):
        Target("mine", "a test", ASSUMED, **{field: value})


def test_registries_refuse_duplicates_and_list_choices():
    with pytest.raises(HardwareError, match="device 'a' is registered twice"):
        Registry("device", [("a", 1), ("a", 2)])
    registry = Registry("device", [("b", 1), ("a", 2)])
    assert registry.names() == ("b", "a")
    assert registry.get("a") == 2
    with pytest.raises(HardwareError, match="no device 'c'; choose one of b, a"):
        registry.get("c")
    with pytest.raises(HardwareError, match="no target 'x'; choose one of ideal, rc-array"):
        TARGETS.get("x")


def test_targets_speak_the_ir_s_language():
    for name in TARGETS.names():
        target = TARGETS.get(name)
        assert target.cell_kinds <= {k.name.lower() for k in CellKind}
        assert target.coupling_kinds <= {k.name.lower() for k in CouplingKind}
        assert target.activations <= {a.name.lower() for a in Activation}
        assert target.describe()["name"] == name
    ideal = TARGETS.get("ideal")
    assert ideal.cell_kinds == {k.name.lower() for k in CellKind}
    assert ideal.coupling_kinds == {k.name.lower() for k in CouplingKind}
    assert ideal.activations == {a.name.lower() for a in Activation}
    assert not ideal.describe()["figures"]
    array = TARGETS.get("rc-array").describe()["figures"]
    assert array["max_coupling"]["value"] == 32.0
    assert array["bits"]["kind"] == "assumed"
