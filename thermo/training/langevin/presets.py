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
from thermo.training.errors import TrainingError
from thermo.training.kinds import (
    LARGE,
    Kind,
    is_many,
    is_pictures,
    kind_of,
    may_be_mirrored,
    small_side,
    warps_for,
)
from thermo.training.langevin.config import Front, OnsagerMachlupConfig, PathwiseConfig
from thermo.training.langevin.on_device import on_device

SOME = Augmentation(shift=0.5, rotate=5.0, zoom=0.05, shear=0.05)

# Below these heats (kT) a machine for 28 x 28 pixels has no capacity to spare for strongly warped
# images, and learns better at a higher rate.
LOW_HEAT, LOWEST_HEAT = 2000.0, 700.0


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings for one kind of data: free, under a heat budget, and without couplings."""

    free: PathwiseConfig
    budget: Callable[[float], PathwiseConfig]
    control: PathwiseConfig
    likelihood: OnsagerMachlupConfig


_MANY = PathwiseConfig(epochs=60, learning_rate=0.005, heat_penalty=2e-6)
_FEW_PICTURES = PathwiseConfig(
    epochs=150, batch=64, tile=32, learning_rate=0.01, heat_penalty=3e-6, evaluate_every=10
)
_ROWS = PathwiseConfig(batch=64, tile=32, learning_rate=0.005, heat_penalty=1e-6)
# One input and an even function: biases that differ break the symmetry of the start.
_CURVE = PathwiseConfig(
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


# With a front signals must stand above the noise from the start: drives are strong, and a cell's quartic wall
# bounds what it gives to the bath.
_FRONT = PathwiseConfig(
    epochs=40,
    batch=128,
    tile=64,
    learning_rate=0.005,
    rate_w=3.0,
    rate_bias=7.0,
    rate_j=1.5,
    rate_scale=2.0,
    init_w=6.0,
    init_j=4.3,
    init_bias=5.0,
    heat_penalty=5e-6,
    dt_schedule=((0.0, 0.04), (0.55, 0.025), (0.85, 0.0125)),
    dt_evaluate=2.5e-3,
    evaluate_every=5,
)


def _pictures_budget(base: PathwiseConfig) -> Callable[[float], PathwiseConfig]:
    return lambda budget: replace(
        base,
        epochs=90,
        learning_rate=0.007 if budget < LOWEST_HEAT else base.learning_rate,
        heat_penalty=0.0,
        heat_budget=budget,
        augmentation=SOME if budget < LOW_HEAT else base.augmentation,
    )


def _plain_budget(base: PathwiseConfig) -> Callable[[float], PathwiseConfig]:
    return lambda budget: replace(base, heat_penalty=0.0, heat_budget=budget, augmentation=Augmentation())


def _control(base: PathwiseConfig) -> PathwiseConfig:
    return replace(base, epochs=min(base.epochs, 40), coupled=False, augmentation=Augmentation())


_DRIVES = {Kind.PICTURES: 400.0, Kind.COLOUR: 400.0, Kind.CURVE: OnsagerMachlupConfig().drive_out}
"""Of training by likelihood; 100 for all others."""


def preset(dataset: Dataset) -> Preset:
    """The settings for what the data set is."""
    kind, drive = kind_of(dataset), _DRIVES.get(kind_of(dataset), 100.0)
    likelihood = OnsagerMachlupConfig(drive_hidden=drive, drive_out=drive)
    if kind in (Kind.PICTURES, Kind.COLOUR):
        base = replace(_MANY, augmentation=warps_for(dataset))
        likelihood = replace(likelihood, answers="logistic", answer_gain=0.2)
        return Preset(base, _pictures_budget(base), _control(base), likelihood)
    if kind is Kind.FEW_PICTURES:
        base = replace(_FEW_PICTURES, augmentation=warps_for(dataset))
        likelihood = replace(likelihood, teacher_epochs=100)
    elif kind is Kind.FEW_ROWS:  # a hundred rows need many rounds for as many steps
        epochs = min(1500, max(100, 200_000 // dataset.x_train.shape[0]))
        base = replace(_ROWS, epochs=epochs, evaluate_every=epochs // 20)
    else:
        base = _CURVE if kind is Kind.CURVE else _MANY
    return Preset(base, _plain_budget(base), _control(base), likelihood)


def pathwise_preset(
    dataset: Dataset,
    *,
    heat_budget: float | None = None,
    coupled: bool = True,
    n_hidden: int | None = None,
    device: str | Device | None = None,
    couplings: str | CouplingTechnology | None = None,
    channels: int | None = None,
) -> PathwiseConfig:
    """Settings of `train_pathwise` for what the data set is (thermo.training.kinds).

    heat_budget : wanted mean heat in kT; coupled=False : the control, a linear classifier
    n_hidden : hidden cells, None for the preset's; wide machines learn in fewer, coarser epochs
    device, couplings : hardware trained for, as in PathwiseConfig; voltages then fit its couplings
    channels : of a convolutional front (front_preset), None for none
    """
    if channels is not None:
        config = front_preset(dataset, channels, heat_budget=heat_budget, n_hidden=n_hidden)
        return replace(config, coupled=coupled, device=device, couplings=couplings)
    config = _sized(_chosen(dataset, heat_budget, coupled), dataset, n_hidden)
    if device is None:
        return replace(config, couplings=couplings)
    config = replace(config, device=device, couplings=couplings)
    return on_device(config, dataset, chosen_device(device, couplings))


def front_preset(
    dataset: Dataset, channels: int, *, heat_budget: float | None = None, n_hidden: int | None = None
) -> PathwiseConfig:
    """Settings of `train_pathwise` with a convolutional front of so many channels, for what the data set is.

    Patches are a quarter of a picture wide, of a small one half, and half overlap. Other arguments as in
    pathwise_preset. Raises TrainingError for data that are no pictures.
    """
    if not is_pictures(dataset):
        raise TrainingError(
            f"training: a front needs pictures, data set {dataset.name} has rows of {dataset.n_features} "
            "values; leave channels (--channels) out"
        )
    side = min(dataset.image_shape[:2])
    kernel = max(2, side // 2 if small_side(dataset) else side // 4)
    warps = warps_for(dataset)
    if may_be_mirrored(dataset):
        warps = Augmentation(shift=side // 16, whole=True, mirror=0.5)
    config = replace(_FRONT, front=Front(channels, kernel, kernel // 2), augmentation=warps)
    if not is_many(dataset):
        config = replace(config, epochs=60, batch=64, tile=32)
    if n_hidden is not None:
        config = replace(config, n_hidden=n_hidden)
    return config if heat_budget is None else replace(config, heat_penalty=0.0, heat_budget=heat_budget)


def _sized(config: PathwiseConfig, dataset: Dataset, n_hidden: int | None) -> PathwiseConfig:
    """With so many hidden cells."""
    if n_hidden is None:
        return config
    config = replace(config, n_hidden=n_hidden)
    if dataset.x_train.shape[0] < LARGE:
        return config
    if n_hidden > 512:
        return replace(config, epochs=min(8, config.epochs), dt_schedule=((0.0, 1e-2),), evaluate_every=4)
    if n_hidden > 128:
        return replace(config, epochs=min(15, config.epochs), evaluate_every=3)
    return config


def _chosen(dataset: Dataset, heat_budget: float | None, coupled: bool) -> PathwiseConfig:
    found = preset(dataset)
    if not coupled and heat_budget is not None:
        return replace(found.control, heat_penalty=0.0, heat_budget=heat_budget)
    if not coupled:
        return found.control
    return found.free if heat_budget is None else found.budget(heat_budget)


def likelihood_preset(
    dataset: Dataset, *, exact: bool = True, n_hidden: int | None = None
) -> OnsagerMachlupConfig:
    """Settings of `train_onsager_machlup` for this data set; exact: least squares.

    n_hidden : hidden cells, in two layers of the teacher; None for the preset's
    """
    config = replace(preset(dataset).likelihood, exact=exact)
    if n_hidden is None:
        return config
    layers = (n_hidden - n_hidden // 2, n_hidden // 2)
    return replace(config, hidden=tuple(width for width in layers if width))
