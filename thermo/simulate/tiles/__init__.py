"""Networks on crossbar tiles."""
