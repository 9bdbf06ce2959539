"""Circuits on data, 512 samples at a time, with faults."""
