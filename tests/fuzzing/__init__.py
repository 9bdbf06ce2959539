"""Damaged files: a corpus of every format, ways to damage it, and a process that reads what comes of it."""
