"""The rest of machines in which nothing drives back."""
