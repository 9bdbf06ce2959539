"""Laws of what a device's couplings are beside what was asked for, one family a file.

A law acts on conductances relative to the on conductance of their array; `hw_models.imperfect` says how a
coupling is made of them, and in what order laws act. docs/devices.md has their formulas and sources.
"""
