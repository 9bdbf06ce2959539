"""Quadratic netlists without any error of a time step."""
