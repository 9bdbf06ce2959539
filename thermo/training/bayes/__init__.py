"""Small networks whose weights are drawn from their posterior by Langevin samplers, and their rivals."""

from thermo.training.bayes.config import METHODS, BayesConfig
from thermo.training.bayes.fit import Fitted, fit_bayes

__all__ = ["METHODS", "BayesConfig", "Fitted", "fit_bayes"]
