"""Training of Langevin machines: pathwise gradients and trajectory likelihood."""
