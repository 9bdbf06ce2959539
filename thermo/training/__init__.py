"""Training: better parameters for machines, and teachers for them."""

from thermo.training.mlp import MLPResult, train_mlp
from thermo.training.onsager_machlup import OnsagerMachlupConfig, train_onsager_machlup
from thermo.training.pathwise import Augmentation, PathwiseConfig, run_machine, train_pathwise
from thermo.training.result import (
    EpochRecord,
    TrainingDivergedError,
    TrainingError,
    TrainingResult,
)

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
