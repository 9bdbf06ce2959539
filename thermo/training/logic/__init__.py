"""Training of logic-gate networks: functions and wiring of two-input gates learnt from data."""

from thermo.training.logic.config import LogicAugmentation, LogicConfig
from thermo.training.logic.presets import logic_preset
from thermo.training.logic.result import LogicEpoch, TrainedLogic
from thermo.training.logic.train import train_logic

__all__ = ["LogicAugmentation", "LogicConfig", "LogicEpoch", "TrainedLogic", "logic_preset", "train_logic"]
