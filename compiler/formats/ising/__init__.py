"""Ising and QUBO problems, graphs and clauses."""
