"""Equilibrium propagation: gradients and training by relaxation (docs/eqprop.md)."""
