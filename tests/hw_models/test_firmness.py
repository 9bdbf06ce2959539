"""No figure is marked firmer than what is known of it."""

import pytest

from hw_models import digital
from hw_models.presets import DEVICES


def test_digital_figures():
    assert digital.FP32_MAC.source.kind == "paper"
    assert digital.INT8_MAC.source.kind == "second-hand"
    assert [f.source.kind for _, f in digital.SRAM_READ] == ["paper", "second-hand", "second-hand"]
    assert digital.DRAM_READ.source.kind == "second-hand"


def test_published_figures_of_the_sampling_unit_are_second_hand():
    unit = DEVICES.get("rc-sampling-unit")
    write, read = unit.input_converter.stated, unit.output_converter.stated
    assert (write.value, read.value) == pytest.approx((153.6e-12, 1.692e-12))
    assert {write.source.kind, read.source.kind} == {"second-hand"}


@pytest.mark.parametrize("name", DEVICES.names())
def test_the_rest_of_a_device_claims_no_measurement(name):
    kinds = {figure.source.kind for figure in DEVICES.get(name).figures().values()}
    assert kinds <= {"assumed", "memory", "second-hand", "derived"}
