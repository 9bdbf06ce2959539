"""Denoising score models, and samples by their reverse: additive, or multiplicative with signs that stay."""

from thermo.training.denoising.config import KINDS, DenoisingConfig
from thermo.training.denoising.netlist import lower_denoiser
from thermo.training.denoising.sample import draw, levels, reverse
from thermo.training.denoising.train import Denoiser, train_denoiser

__all__ = [
    "KINDS",
    "Denoiser",
    "DenoisingConfig",
    "draw",
    "levels",
    "lower_denoiser",
    "reverse",
    "train_denoiser",
]
