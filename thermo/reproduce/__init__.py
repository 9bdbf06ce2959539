"""Figures of the pages made again: each with its command, what is expected and how far off it may be."""
