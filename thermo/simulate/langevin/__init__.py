"""Langevin cells in time steps: numba, JAX, and NumPy as their oracle."""
