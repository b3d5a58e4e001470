"""Fonts: where matplotlib keeps its list of them, and which one has the characters of a figure's labels."""
