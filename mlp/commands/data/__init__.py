"""Get, make and look at images of digits."""
