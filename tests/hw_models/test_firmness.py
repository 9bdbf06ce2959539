"""No figure is marked firmer than what is known of it."""

import pytest

from hw_models import digital
from hw_models.presets import DEVICES, PBITS
from hw_models.weights import WEIGHT_MEMORIES


def test_digital_figures():
    node = digital.NODE_45NM
    assert node.fp32.source.kind == "paper"
    assert digital.INT8_MAC.source.kind == "second-hand"
    assert digital.INT8_MAC.value == pytest.approx(node.add.value + node.multiply.value)
    assert [f.source.kind for _, f in digital.SRAM_45NM] == ["paper", "second-hand", "second-hand"]
    assert node.off_chip.source.kind == node.sram_fixed.source.kind == "second-hand"
    # of the 7 nm table we have no more than our memory; the flip-flop is a library's
    kinds = {name: f.source.kind for name, f in digital.NODE_7NM.figures().items()}
    assert {name for name, kind in kinds.items() if kind == "code"} == {"register_leakage", "register_area"}
    assert set(kinds.values()) == {"memory", "assumed", "code"}


def test_published_figures_of_the_array_are_per_node_and_second_hand():
    """7.09 fJ a whole cycle, 1.692 pJ a read, 153.6 pJ a write of all 16 couplings and the bias."""
    array, unit = PBITS.get("pbit-sampling-unit"), DEVICES.get("rc-sampling-unit")
    coupling = WEIGHT_MEMORIES.get("sampling-unit").write
    for figure, value, kind in (
        (array.cycle_energy, 7.09e-15, "second-hand"),
        (array.read_energy, 1.692e-12, "second-hand"),
        (array.program_energy, 153.6e-12, "second-hand"),
        (unit.output_converter.stated, 1.692e-12, "second-hand"),
        (unit.input_converter.stated, 153.6e-12, "second-hand"),
        (coupling, 153.6e-12 / 17, "derived"),
    ):
        assert figure.value == pytest.approx(value, rel=1e-9, abs=0) and figure.source.kind == kind
        assert "2608.01615" in figure.source.ref


@pytest.mark.parametrize("name", DEVICES.names())
def test_the_rest_of_a_device_claims_no_measurement(name):
    kinds = {figure.source.kind for figure in DEVICES.get(name).figures().values()}
    assert kinds <= {"assumed", "memory", "second-hand", "derived"}
