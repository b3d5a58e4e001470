"""See and check forward and backward passes."""
