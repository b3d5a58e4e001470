"""Train a network, evaluate it, use it, and compare runs."""
