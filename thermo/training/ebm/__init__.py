"""Energy-based models: training on samplers, likelihoods, samples and their energy."""
