"""Kernels of p-bits."""
