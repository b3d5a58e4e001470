"""The epoch loop and what it uses."""
