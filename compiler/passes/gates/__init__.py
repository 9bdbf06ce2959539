"""Passes over circuits of gates: smaller, mapped, with heads."""
