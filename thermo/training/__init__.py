"""Training: better parameters for machines, and teachers for them."""

from thermo.training.langevin.config import Augmentation, PathwiseConfig
from thermo.training.langevin.mlp import MLPResult, train_mlp
from thermo.training.langevin.onsager_machlup import OnsagerMachlupConfig, train_onsager_machlup
from thermo.training.langevin.pathwise import train_pathwise
from thermo.training.langevin.quick import run_machine
from thermo.training.langevin.result import EpochRecord, TrainingDivergedError, TrainingError, TrainingResult

__all__ = [
    "Augmentation",
    "EpochRecord",
    "MLPResult",
    "OnsagerMachlupConfig",
    "PathwiseConfig",
    "TrainingDivergedError",
    "TrainingError",
    "TrainingResult",
    "run_machine",
    "train_mlp",
    "train_onsager_machlup",
    "train_pathwise",
]
