"""Training of logic-gate networks: functions and wiring of two-input gates learnt from data."""

from thermo.training.logic.config import LogicAugmentation, LogicConfig
from thermo.training.logic.presets import logic_preset
from thermo.training.logic.result import LogicEpoch, TrainedLogic
from thermo.training.logic.targets import softened
from thermo.training.logic.teachers import mean_of, read_teacher, teacher_of
from thermo.training.logic.train import train_logic

__all__ = [
    "LogicAugmentation",
    "LogicConfig",
    "LogicEpoch",
    "TrainedLogic",
    "logic_preset",
    "mean_of",
    "read_teacher",
    "softened",
    "teacher_of",
    "train_logic",
]
