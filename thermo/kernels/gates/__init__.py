"""Kernels of gate programs."""
