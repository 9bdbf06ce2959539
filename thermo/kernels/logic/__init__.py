"""Kernels of training logic-gate networks."""
