"""Circuits of gates in the files of other tools."""
