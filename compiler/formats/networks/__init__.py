"""Ordinary networks and machines of other libraries."""
