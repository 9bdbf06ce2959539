"""The float64 laboratory of equilibrium propagation: estimators beside exact gradients."""
