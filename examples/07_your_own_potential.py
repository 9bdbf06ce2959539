"""Sample a skewed posterior: the rate of a Poisson process, from minibatches of its counts."""

import numpy as np

from thermo.samplers import average, dale_langevin, minibatch, sgld

counts = np.random.default_rng(0).poisson(2.0, 200).astype(float)
shape, rate = 1 + counts.sum(), counts.size  # the exact posterior: Gamma(shape, rate)
gradient = minibatch(
    lambda x, rows: rows.size * np.exp(x) - counts[rows].sum(), lambda x: -1.0, counts.size, 20
)
start = np.zeros((1, 64))
by_log = sgld(gradient, start, step=2e-5, steps=6000, burn_in=1000)
found = average(by_log)
print(f"SGLD on log rate, minibatches of 20: {np.exp(by_log.x).mean():.3f}")
print(f"  independent draws in a chain: {found.draws.mean():.0f} of {by_log.x.shape[0]}")
by_rate = dale_langevin(
    lambda w, step: rate - (shape - 1) / w, np.ones((1, 64)), step=2e-4, steps=6000, burn_in=1000
)
mean, error = by_rate.mean()
print(f"Langevin by multiplication:          {mean[0]:.3f} ± {error[0]:.3f}")
print(f"exact mean of the posterior:         {shape / rate:.3f}")
