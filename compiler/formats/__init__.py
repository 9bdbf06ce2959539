"""Foreign files: circuits, logic networks, Ising problems, ordinary networks."""
