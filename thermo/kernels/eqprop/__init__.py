"""Kernels of layers that relax."""
