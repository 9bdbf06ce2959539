"""What makes the input bits of a training: thresholds, or the bits that a counting encoder offers."""

from __future__ import annotations

import numpy as np

from compiler.ir.encoders import CountingEncoder, selected
from thermo.data import Dataset
from thermo.simulate.gates.encoding import counted_bits
from thermo.training.errors import TrainingError
from thermo.training.logic.bit_source import BitSource
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.counting_source import CountingSource
from thermo.training.logic.offered_bits import offered_bits, patches_of
from thermo.training.logic.patch_training import learn_bank
from thermo.training.logic.patches import Bank
from thermo.training.logic.thermometers import thermometer_source

SEEN = 4096
"""Training samples that the shares of ones of many bits are found on."""


def bit_source(dataset: Dataset, config: LogicConfig, bank: Bank | None = None) -> BitSource:
    """The bits that `config` asks for and that are not nearly constant over the training split.

    bank : shared tables; None: those that config.patches asks for are trained here

    Raises TrainingError if none is left, and for data that have no such bits.
    """
    if config.encoder == "thermometer":
        return thermometer_source(dataset, config)
    if config.patches and bank is None:
        bank = learn_bank(dataset, config, patches_of(dataset, config))
    offered = offered_bits(dataset, config, bank)
    encoder, channel = offered.encoder, offered.channel
    step = max(dataset.x_train.shape[0] // SEEN, 1)
    codes = encoder.codes(dataset.x_train[::step])
    ones = np.zeros(encoder.n_bits)
    for start in range(0, codes.shape[0], 512):
        ones += counted_bits(encoder, codes[start : start + 512]).sum(axis=0)
    share = ones / codes.shape[0]
    kept = np.flatnonzero((share >= config.drop) & (share <= 1 - config.drop) & (share > 0) & (share < 1))
    if not kept.size:
        raise TrainingError(
            f"data set {dataset.name}: no bit of encoder {config.encoder} varies; choose another"
        )
    smaller = selected(encoder, kept)
    assert isinstance(smaller, CountingEncoder)
    return CountingSource.of(smaller, channel[kept])
