"""Settings that work, chosen on the validation splits; the command line's defaults."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from thermo.data import Dataset
from thermo.training.ebm.boltzmann_config import BoltzmannConfig
from thermo.training.ebm.config import RbmConfig
from thermo.training.ebm.graph import LAYERS
from thermo.training.ebm.short_runs import ShortRunConfig
from thermo.training.kinds import is_many

_MANY_RBM = RbmConfig(n_hidden=500, epochs=40, batch=128, learning_rate=0.3, evaluate_every=10)
_FEW_RBM = RbmConfig(n_hidden=64, epochs=400, batch=64, chains=256, learning_rate=0.1, evaluate_every=50)
_MANY_GRID = BoltzmannConfig(side=40, epochs=10, batches=100, batch=128, sweeps=20)
_FEW_GRID = BoltzmannConfig(side=16, epochs=40, batch=128, sweeps=20, learning_rate=0.02)
_MANY_CHAIN = BoltzmannConfig(
    side=40, steps=4, epochs=12, batches=100, batch=64, sweeps=30, learning_rate=0.03, penalty=0.02
)
_FEW_CHAIN = BoltzmannConfig(
    side=16, steps=4, epochs=40, batch=128, sweeps=20, learning_rate=0.02, penalty=0.02
)

_MANY_RUNS = ShortRunConfig(hidden=512, gain=4.0, sweeps=15, clamped=0.5, epochs=8, learning_rate=5e-3)
_FEW_RUNS = ShortRunConfig(
    hidden=128, gain=4.0, sweeps=12, clamped=0.5, epochs=40, batch=64, learning_rate=5e-3
)


def _with(config: Any, given: dict[str, Any]) -> Any:
    return replace(config, **{name: value for name, value in given.items() if value is not None})


def rbm_preset(dataset: Dataset, **given: Any) -> RbmConfig:
    """Settings of `train_rbm` by the size of the data set; given : what is asked for, or None."""
    config = _MANY_RBM if is_many(dataset) else _FEW_RBM
    if given.get("method") == "cd":
        config = replace(config, chains=None)
    return _with(config, given)


def boltzmann_preset(dataset: Dataset, *, chain: bool, **given: Any) -> BoltzmannConfig:
    """Settings of `train_denoising` (chain) or `train_boltzmann`, likewise; the side suits the features."""
    large = is_many(dataset)
    config = (_MANY_CHAIN if chain else _MANY_GRID) if large else (_FEW_CHAIN if chain else _FEW_GRID)
    wanted = _with(config, given)
    if given.get("side") is None and wanted.side**2 < 1.5 * dataset.n_features:
        wanted = replace(wanted, side=round((2 * dataset.n_features) ** 0.5))
    if given.get("centred") is None:
        wanted = replace(wanted, centred=wanted.rule == LAYERS)
    return wanted


def short_run_preset(dataset: Dataset, **given: Any) -> ShortRunConfig:
    """Settings of `train_short_runs`, likewise."""
    return _with(_MANY_RUNS if is_many(dataset) else _FEW_RUNS, given)
