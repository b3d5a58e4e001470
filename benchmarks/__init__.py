"""Measurements of this project beside PyTorch, JAX and scikit-learn, one kind in each module."""
