"""Many trainings, one table and figure: seeds, Pareto fronts, mismatched devices."""
