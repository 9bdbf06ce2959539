"""Trained logic-gate networks of other programs."""
