"""Passes over Ising problems: scales, colours, embeddings, double wells."""
