"""What an answer is worth: bounds on the optimum, certificates of samples, time to solution."""

SECONDS = 30.0  # that a search for a bound may take
