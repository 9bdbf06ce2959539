"""Names of the package by the module in which each lives; `thermoc` has the same."""

NAMES = {
    "data": ("DataError", "Dataset", "load_dataset"),
    "energy": ("cheapest", "estimate", "measure_baselines", "measure_cycle"),
    "energy.compare": ("compare",),
    "linear_algebra": ("exponential", "inverse", "log_determinant", "lyapunov", "solve"),
    "ngspice.check": ("check_with_ngspice",),
    "samplers": ("dale_langevin", "sa_sgld", "sgld"),
    "simulate": ("SimulationError", "SpinSystem"),
    "training.ebm.boltzmann": ("train_boltzmann", "train_denoising"),
    "training.ebm.boltzmann_config": ("BoltzmannConfig",),
    "training.ebm.config": ("RbmConfig",),
    "training.ebm.rbm": ("train_rbm",),
    "training.ebm.short_runs": ("ShortRunConfig", "train_short_runs"),
    "training.eqprop.config": ("EqpropConfig",),
    "training.eqprop.oscillator": ("train_oscillator",),
    "training.eqprop.resistive": ("train_resistive",),
    "training.eqprop.train": ("train_eqprop",),
    "training.langevin.config": ("OnsagerMachlupConfig", "PathwiseConfig"),
    "training.langevin.mlp": ("MLPConfig", "train_mlp"),
    "training.langevin.onsager_machlup": ("train_onsager_machlup",),
    "training.langevin.train": ("train_pathwise",),
    "training.logic.config": ("LogicConfig",),
    "training.logic.train": ("train_logic",),
}
MODULES = ("evaluate", "simulate")
"""Modules that are names themselves."""
