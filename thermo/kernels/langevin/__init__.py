"""Kernels of Langevin dynamics."""
