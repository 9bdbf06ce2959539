"""How good generated images are, in the features of a small classifier."""
