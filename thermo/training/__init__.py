"""Training: better parameters for machines, and teachers for them."""

from thermo.training.augmentation import Augmentation
from thermo.training.errors import TrainingDivergedError, TrainingError
from thermo.training.langevin.config import OnsagerMachlupConfig, PathwiseConfig
from thermo.training.langevin.mlp import train_mlp
from thermo.training.langevin.onsager_machlup import train_onsager_machlup
from thermo.training.langevin.quick import run_machine
from thermo.training.langevin.result import EpochRecord, TrainedMachine
from thermo.training.langevin.train import train_pathwise
from thermo.training.loop import Trained

__all__ = [
    "Augmentation",
    "EpochRecord",
    "OnsagerMachlupConfig",
    "PathwiseConfig",
    "Trained",
    "TrainedMachine",
    "TrainingDivergedError",
    "TrainingError",
    "run_machine",
    "train_mlp",
    "train_onsager_machlup",
    "train_pathwise",
]
