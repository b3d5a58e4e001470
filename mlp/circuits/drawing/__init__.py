"""A circuit as a picture: its parts, their places, and the figure."""
