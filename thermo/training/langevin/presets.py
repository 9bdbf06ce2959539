"""Settings that work, found on the validation splits; the command line's defaults.

Measured figures stand in the README and in the release note, not here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hw_models.couplings import CouplingTechnology
from hw_models.device import Device
from hw_models.presets import chosen_device
from thermo.data import Dataset
from thermo.training.augmentation import Augmentation
from thermo.training.langevin.config import OnsagerMachlupConfig, PathwiseConfig
from thermo.training.langevin.on_device import on_device

# Mean of the 60,000 MNIST training images (arXiv 2509.15324's scaling of the inputs).
MNIST_MEAN = 0.13066

LITTLE = Augmentation(shift=0.25, rotate=5.0, zoom=0.04, shear=0.04)
SOME = Augmentation(shift=0.5, rotate=5.0, zoom=0.05, shear=0.05)
MUCH = Augmentation(shift=1.0, rotate=8.0, zoom=0.08, shear=0.08)

# Below these heats (kT) an MNIST machine has no capacity to spare for strongly warped images, and
# learns better at a higher rate.
LOW_HEAT, LOWEST_HEAT = 2000.0, 700.0


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings for one data set: free, under a heat budget, and without couplings."""

    name: str
    free: PathwiseConfig
    budget: Callable[[float], PathwiseConfig]
    control: PathwiseConfig
    likelihood: OnsagerMachlupConfig


_MNIST = PathwiseConfig(
    input_shift=MNIST_MEAN, epochs=60, learning_rate=0.005, heat_penalty=2e-6, augmentation=MUCH
)
_DIGITS = PathwiseConfig(
    epochs=150,
    batch=64,
    tile=32,
    learning_rate=0.01,
    heat_penalty=3e-6,
    augmentation=LITTLE,
    evaluate_every=10,
)
_ROWS = PathwiseConfig(batch=64, tile=32, learning_rate=0.005, heat_penalty=1e-6)
# One input and an even function: biases that differ break the symmetry of the start.
_COSINE = PathwiseConfig(
    n_hidden=32,
    kT=0.1,
    t_f=1.0,
    dt_schedule=((0.0, 0.02), (0.7, 0.01)),
    epochs=300,
    batch=32,
    tile=32,
    learning_rate=0.005,
    rate_w=20.0,
    init_bias=1.5,
    evaluate_every=5,
)


def _mnist_budget(budget: float) -> PathwiseConfig:
    return replace(
        _MNIST,
        epochs=90,
        learning_rate=0.007 if budget < LOWEST_HEAT else _MNIST.learning_rate,
        heat_penalty=0.0,
        heat_budget=budget,
        augmentation=SOME if budget < LOW_HEAT else MUCH,
    )


def _plain_budget(base: PathwiseConfig) -> Callable[[float], PathwiseConfig]:
    return lambda budget: replace(base, heat_penalty=0.0, heat_budget=budget, augmentation=Augmentation())


def _control(base: PathwiseConfig) -> PathwiseConfig:
    return replace(base, epochs=min(base.epochs, 40), coupled=False, augmentation=Augmentation())


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "mnist",
            _MNIST,
            _mnist_budget,
            _control(_MNIST),
            OnsagerMachlupConfig(input_shift=MNIST_MEAN, drive_hidden=400.0, drive_out=400.0),
        ),
        Preset(
            "digits",
            _DIGITS,
            _plain_budget(_DIGITS),
            _control(_DIGITS),
            OnsagerMachlupConfig(drive_hidden=100.0, drive_out=100.0, teacher_epochs=100),
        ),
        Preset("cosine", _COSINE, _plain_budget(_COSINE), _control(_COSINE), OnsagerMachlupConfig()),
    )
}


def pathwise_preset(
    dataset: Dataset,
    *,
    heat_budget: float | None = None,
    coupled: bool = True,
    n_hidden: int | None = None,
    device: str | Device | None = None,
    couplings: str | CouplingTechnology | None = None,
) -> PathwiseConfig:
    """Settings of `train_pathwise` for this data set; general ones for a data set without a preset.

    heat_budget : wanted mean heat in kT; coupled=False : the control, a linear classifier
    n_hidden : hidden cells, None for the preset's; wide machines learn in fewer, coarser epochs
    device, couplings : hardware trained for, as in PathwiseConfig; voltages then fit its couplings
    """
    config = _sized(_chosen(dataset, heat_budget, coupled), dataset, n_hidden)
    if device is None:
        return replace(config, couplings=couplings)
    config = replace(config, device=device, couplings=couplings)
    return on_device(config, dataset, chosen_device(device, couplings))


def _sized(config: PathwiseConfig, dataset: Dataset, n_hidden: int | None) -> PathwiseConfig:
    """With so many hidden cells."""
    if n_hidden is None:
        return config
    config = replace(config, n_hidden=n_hidden)
    if dataset.x_train.shape[0] < 10_000:
        return config
    if n_hidden > 512:
        return replace(config, epochs=min(8, config.epochs), dt_schedule=((0.0, 1e-2),), evaluate_every=4)
    if n_hidden > 128:
        return replace(config, epochs=min(15, config.epochs), evaluate_every=3)
    return config


def _chosen(dataset: Dataset, heat_budget: float | None, coupled: bool) -> PathwiseConfig:
    preset = PRESETS.get(dataset.name) or _general(dataset)
    if not coupled and heat_budget is not None:
        return replace(preset.control, heat_penalty=0.0, heat_budget=heat_budget)
    if not coupled:
        return preset.control
    return preset.free if heat_budget is None else preset.budget(heat_budget)


def likelihood_preset(
    dataset: Dataset, *, exact: bool = True, n_hidden: int | None = None
) -> OnsagerMachlupConfig:
    """Settings of `train_onsager_machlup` for this data set; exact: least squares.

    n_hidden : hidden cells, in two layers of the teacher; None for the preset's
    """
    preset = PRESETS.get(dataset.name) or _general(dataset)
    config = replace(preset.likelihood, exact=exact)
    if n_hidden is None:
        return config
    layers = (n_hidden - n_hidden // 2, n_hidden // 2)
    return replace(config, hidden=tuple(width for width in layers if width))


def _general(dataset: Dataset) -> Preset:
    """By size alone: large sets as MNIST, small ones as a table of rows."""
    rows = dataset.x_train.shape[0]
    large = rows >= 10_000
    if large:
        base = replace(_MNIST, input_shift=None)
    else:  # a hundred rows need many rounds for as many steps
        epochs = min(1500, max(100, 200_000 // rows))
        base = replace(_ROWS, epochs=epochs, evaluate_every=epochs // 20)
    if large and not dataset.image_shape:
        base = replace(base, augmentation=Augmentation())
    return Preset(
        dataset.name,
        base,
        _plain_budget(base),
        _control(base),
        OnsagerMachlupConfig(drive_hidden=100.0, drive_out=100.0),
    )
